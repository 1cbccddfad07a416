/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * privileges.h - what the agent may still do once it samples.
 *
 * Capabilities belong to threads: this comes after the session was opened, and before any thread
 * was made, which then has no more than the one that makes it.
 */
#ifndef EGRET_CMD_AGENT_PRIVILEGES_H
#define EGRET_CMD_AGENT_PRIVILEGES_H

#include <egret/egret.h>

struct privileges_opts {
	const char *user; /* to become; NULL: who it was started as */
};

/*
 * Keeps of the capabilities that it has those that sampling needs, for good: nothing that it might
 * execute has more. Becomes another user, whose files it then writes. From then on the kernel
 * refuses system calls that the agent never makes (execve, ptrace, mount, modules, ...) with EPERM.
 * 0; -ENOENT: no such user; -EPERM: it may not become that user; -errno. Where it fails, nothing
 * can be said of what is held: the agent ends.
 */
int privileges_drop(const struct privileges_opts *opts, struct egret_error *err);

#endif
