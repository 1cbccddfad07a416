/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * sandbox.h - a process that can do nothing but compute, and answer.
 *
 * For a child of fork, which has one thread. Two steps, since whoever makes a process for each file
 * needs a little more than what reads the file.
 */
#ifndef EGRET_PARSER_SANDBOX_H
#define EGRET_PARSER_SANDBOX_H

#include <stdint.h>

#include "base/error.h"

#define EGRET_SANDBOX_FD 3 /* the descriptor that is left, with 0 to 2 on /dev/null */

/*
 * Of all descriptors `fd` is left, as EGRET_SANDBOX_FD. Then, for good: signals of the terminal and
 * of service managers are ignored; no file system, network or IPC of others where namespaces may be
 * made; user 65534 where it was root; no capability, now or by executing anything; nobody may look
 * into its memory; of system calls those that make processes and answer. 0 or -errno: what must
 * not go on.
 */
int egret_sandbox_enter(int fd, struct egret_error *err);

/* Until there is something to read at EGRET_SANDBOX_FD. Children that have ended are waited for. */
void egret_sandbox_wait(void);

struct egret_sandbox_limits {
	uint64_t memory;     /* bytes of address space */
	uint32_t cpu_ms;     /* of its own; then it is killed */
	uint32_t timeout_ms; /* by the clock, likewise */
	int answer_fd;	     /* the only one that may be written to */
};
/*
 * In a process that was made in there: no new process, no descriptor that it has not, no executable
 * memory. Before a byte of a file is looked at.
 */
int egret_sandbox_narrow(const struct egret_sandbox_limits *limits);

#endif
