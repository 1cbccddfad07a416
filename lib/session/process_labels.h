/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* process_labels.h - the labels of processes, as a profile keeps them. */
#ifndef EGRET_SESSION_PROCESS_LABELS_H
#define EGRET_SESSION_PROCESS_LABELS_H

#include "bpf/abi.h"
#include "maps/processes.h"
#include "profile/profile.h"

struct egret_label_stats {
	uint64_t refused; /* labels */
	uint64_t read;	  /* processes; again after each execve */
	uint64_t gone;	  /* of those, of whose environment nothing is known */
};

/*
 * The set of a process's labels in the profile, asked for once between two execve, and when its
 * cgroup is another one. Of a process that has gone its cgroup is known from the sample, what it
 * ran from what it had mapped, and its environment if it was its parent's. process: NULL where it
 * is not known, then it is asked for each time. 0 or -ENOMEM.
 */
int egret_process_labels_find(struct egret_profile *profile, const struct egret_processes *ps,
			      const struct egret_rec_sample *sample, struct egret_process *process,
			      struct egret_label_stats *stats, uint32_t *set);

#endif
