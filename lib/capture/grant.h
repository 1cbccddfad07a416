/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * grant.h - a capture as descriptors: those of one that is open, and a capture of such ones.
 *
 * To open perf events and to load programs takes privileges; to map rings, to read and change maps,
 * and to switch events on and off takes their descriptors (of the kernel's bpf(2): since 5.19).
 */
#ifndef EGRET_CAPTURE_GRANT_H
#define EGRET_CAPTURE_GRANT_H

#include "capture/capture.h"
#include "capture/grant_table.h"

/* What is given beside the capture. */
struct egret_grant_extras {
	const struct egret_event_spec *specs;
	size_t n_specs;
	const pid_t *pids;
	const int *pidfds; /* of these; -1: it has ended */
	size_t n_pids;
	int kallsyms; /* -1: not given */
};

/*
 * What there is of a capture, and the descriptors, as many as table->head.n_fds, which stay whose
 * they are. Left out are those by which more could be sampled than was asked for: of the targets.
 */
int egret_grant_describe(const struct egret_capture *c, const struct egret_grant_extras *extras,
			 struct egret_grant_table *table, int **fds, struct egret_error *err);

/* Whether each descriptor is the object that the table speaks of. -EINVAL: another number of them;
 * -EBADF: one is not. */
int egret_grant_check(const struct egret_grant_table *table, const int *fds, size_t n,
		      struct egret_error *err);

/* A capture of descriptors that were checked: they are its own after success, but for those of
 * PROCESS and KALLSYMS. */
int egret_capture_adopt(const struct egret_grant_table *table, const int *fds,
			struct egret_capture **out, struct egret_error *err);

/* How many maps there have to be: of egret_grant_parse. */
uint32_t egret_grant_n_maps(void);

/* In a child of fork: what of a capture a child does not have is made anew. The parent's is not to
 * be used any more. */
int egret_capture_after_fork(struct egret_capture *c, struct egret_error *err);

#endif
