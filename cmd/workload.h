/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* workload.h - the command to record: forked first, stopped before its execve, let go when all is
 * ready. */
#ifndef EGRET_CMD_WORKLOAD_H
#define EGRET_CMD_WORKLOAD_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include <egret/egret.h>

struct workload {
	pid_t pid;	 /* 0: none */
	int go_fd;	 /* a byte written here lets it run; closed without one, it exits */
	int exec_fd;	 /* errno of a failed execve; closed without one by a successful execve */
	bool running;	 /* let go, and not waited for yet */
	int wait_status; /* as of waitpid */
};

#define WORKLOAD_NONE ((struct workload){ .go_fd = -1, .exec_fd = -1 })

/*
 * Forks a child that waits to become argv[0], which is looked for in PATH. mask: the signals that
 * it is to have blocked. stdout_to_stderr: because standard output carries the recording.
 */
int workload_prepare(struct workload *workload, char **argv, const sigset_t *mask,
		     bool stdout_to_stderr, struct egret_error *err);

/* Lets the child go. -ENOENT, -EACCES, ... with a sentence when it cannot be run. */
int workload_go(struct workload *workload, const char *name, struct egret_error *err);

/* Whether the child has ended (without waiting for it). False for no child. */
bool workload_ended(struct workload *workload);

/* Waits for the child; terminate: sends it SIGTERM first if it still runs, as perf does. */
void workload_finish(struct workload *workload, bool terminate);

/* What a shell would call the child's exit status. */
int workload_exit_status(const struct workload *workload);

#endif
