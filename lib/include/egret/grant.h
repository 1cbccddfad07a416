/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * grant.h - sessions of processes without privileges: sampling that another process has opened.
 *
 * A broker, which may (CAP_BPF and CAP_PERFMON, or root), opens the perf events and loads the BPF
 * programs. What comes of it are descriptors, and bytes that say what each is: a grant. A process
 * that is given these runs a session on them and needs no privilege at all. Either:
 *   - the broker calls egret_grant__send on a unix socket, the other egret_grant__receive;
 *   - or the other process inherits the descriptors over execve(2), is told their numbers and the
 *     bytes in any way, and calls egret_grant__adopt;
 *   - or it is a child of fork(2), and opens a session on the grant of its parent, which may
 *     destroy its own afterwards, and nothing else.
 *
 * A grant is for one session. The broker may end, and the session goes on. What the session reads
 * of files and processes it reads as who it is: see libegret(3).
 *
 * Whoever has a grant sees samples of what it was opened for, and of all processes which files they
 * map; it can narrow what is sampled and change the frequency, but not widen the choice of
 * processes. Whoever takes one trusts who gave it as it trusts the kernel. The rules of egret.h
 * hold.
 */
#ifndef EGRET_GRANT_H
#define EGRET_GRANT_H

#include <egret/egret.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct egret_grant;

/*
 * Opens what sampling as opts say takes, switched off. Of opts count those that say what is sampled
 * and how: scope, pids, from_exec, cgroup, events, frequency, period, exclude_*, include_idle,
 * capture, fault, stack_limit, buffer_size, max_threads, and log, which is called before this
 * returns. Where kernel stacks are sampled and who calls may read it, /proc/kallsyms is part of the
 * grant.
 * On success *out is the caller's, to be given to egret_grant__destroy.
 * Errors: those of egret_session__open.
 */
int egret_grant__open(const struct egret_session_opts *opts, struct egret_grant **out,
		      struct egret_error *err);

/* Whichever state it is in; NULL: nothing. A session that was opened on it goes on. */
void egret_grant__destroy(struct egret_grant *grant);

/*
 * Sends the grant over a connected unix socket (SOCK_STREAM or SOCK_SEQPACKET), and waits until the
 * other side says that it has it, timeout_ms at most (-1: without an end). The socket stays the
 * caller's, and is in step with the other side after success only. The grant is of no more use here
 * than to be destroyed, but after -EPROTO: the other side does not have it.
 * Errors: -ETIMEDOUT; -EPROTO: the other side has refused it; -EBUSY: it has been sent or used;
 * -ENOTSOCK, -EPIPE and others of sendmsg(2); -ETOOMANYREFS: RLIMIT_NOFILE is too low here.
 */
int egret_grant__send(struct egret_grant *grant, int socket, int timeout_ms,
		      struct egret_error *err);

/*
 * Receives what egret_grant__send sends. *out as of egret_grant__adopt; with an error all
 * descriptors that came are closed. The process needs room for them: about 5 for each CPU, and 2
 * more for each event after the first.
 * Errors: those of egret_grant__adopt; -ETIMEDOUT; -EMFILE; -ECONNRESET: the other side has gone;
 * -EPROTO: it sends something else.
 */
int egret_grant__receive(int socket, int timeout_ms, struct egret_grant **out,
			 struct egret_error *err);

/* The bytes that say what the descriptors are, and these, close-on-exec, in their order. Both stay
 * the grant's; a session takes them. */
const void *egret_grant__bytes(const struct egret_grant *grant, size_t *len);
const int *egret_grant__fds(const struct egret_grant *grant, size_t *n);

/*
 * A grant of bytes and descriptors that another process has opened. All is checked before anything
 * is believed: each descriptor is the kernel's object that the bytes name. The rings are mapped;
 * until then who opened the grant must have it, else they count as this user's
 * (kernel.perf_event_mlock_kb). After success the descriptors are the grant's, and are made
 * close-on-exec; with an error they stay the caller's.
 * Errors: -EBADMSG: the bytes are no grant; -ENOTSUP: of another version of the library; -EINVAL:
 * another number of descriptors; -EBADF: one of them is something else; -EPERM: of the limit above.
 */
int egret_grant__adopt(const void *bytes, size_t len, const int *fds, size_t n,
		       struct egret_grant **out, struct egret_error *err);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif /* EGRET_GRANT_H */
