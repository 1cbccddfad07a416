/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * signals.h - signals as things to read.
 *
 * While a recording runs, SIGINT, SIGTERM, SIGHUP, SIGCHLD and SIGUSR2 wait in a descriptor. While
 * it is being finished, one interrupt is let pass (the recording is ending anyway), and the second
 * ends egret at once.
 */
#ifndef EGRET_CMD_SIGNALS_H
#define EGRET_CMD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#include <egret/egret.h>

struct signals {
	int fd;
	sigset_t before; /* the mask that egret was started with */
};

#define SIGNALS_NONE ((struct signals){ .fd = -1 })

/* want_usr2: otherwise SIGUSR2 does what it does by default. */
int signals_init(struct signals *signals, bool want_usr2, struct egret_error *err);
void signals_deinit(struct signals *signals);

/* The next signal that has arrived, or 0. */
int signals_next(struct signals *signals);

/* The recording is being finished; interrupted: by an interrupt, the first one. */
void signals_finishing(struct signals *signals, bool interrupted);

#endif
