/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* labels.h - the set of labels that a thread's samples are stored under. */
#ifndef EGRET_CMD_FLEET_LABELS_H
#define EGRET_CMD_FLEET_LABELS_H

#include "fleet/identity.h"

/* Texts are the thread's and the caller's. */
struct thread_label_set {
	struct label_set set;
	const char **keys, **values;
};

/*
 * All labels of the thread, but the numbers of processes and threads. The service is the label
 * service.name; where there is none the systemd unit, else the name of the process. 0 or -ENOMEM.
 */
int thread_label_set(struct thread_label_set *out, const struct egret_thread *thread,
		     const char *host);
void thread_label_set_deinit(struct thread_label_set *labels);

#endif
