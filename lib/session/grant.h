/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* grant.h - the inside of a grant, for session*.c and grant*.c only. */
#ifndef EGRET_SESSION_GRANT_H
#define EGRET_SESSION_GRANT_H

#include <egret/grant.h>
#include <sys/types.h>

#include "capture/grant.h"

struct egret_grant {
	struct egret_capture *capture; /* NULL: a session has it */
	enum egret_scope scope;
	enum egret_fault_policy fault;
	struct egret_event_spec *specs; /* of them what is said in struct egret_grant_event */
	size_t n_specs;
	pid_t *pids; /* asked for, with their pidfds */
	int *pidfds;
	size_t n_pids;
	int kallsyms; /* -1: not given */
	void *bytes;
	size_t n_bytes;
	int *fds; /* of all of these */
	size_t n_fds;
	pid_t process; /* whose rings are mapped */
	bool sent;
};

/*
 * Whether a session may be opened on it with these options, which are completed by what the grant
 * says. Errors: -EINVAL: an option that is the grant's to say; -EBUSY.
 */
int egret_grant_use(struct egret_grant *grant, struct egret_session_opts *opts,
		    struct egret_error *err);

/* A session has taken capture, specs and pidfds: they are its own. */
void egret_grant_used(struct egret_grant *grant);

#endif
