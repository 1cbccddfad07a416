/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * thread_hash.bpf.h - the threads with a capture under way, of `task-work`.
 *
 * A hash table of the kernel's, which knows what to do with the task work of an element that goes.
 * Where there is task work (6.18) its locks may be taken in an NMI: one that cannot be had is an
 * error and not a deadlock (rqspinlock, 6.15).
 */
#ifndef EGRET_THREAD_HASH_BPF_H
#define EGRET_THREAD_HASH_BPF_H

#include "common.bpf.h"

/* By the address of the task: see threads.bpf.h. */
struct thread_key {
	u64 task;
};

/*
 * A thread with a capture under way. Written by the interrupt (request) and by the thread itself
 * (capture), which never run at once: the thread is the one that was interrupted.
 */
struct thread_state {
	u64 cookie;    /* of the capture that is pending or running */
	u64 requested; /* when */
	u64 ip, sp;    /* of a user-mode hit; else 0 */
	u32 pending;   /* cookie has not been answered */
	u32 exec_id;   /* self_exec_id at the request */
	struct bpf_task_work work;
	u64 final_cookie; /* of the capture made at exit or exec: answers all that come after */
};

/* Not an LRU: an eviction would lose a sample silently. Elements go when the thread does. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct thread_key);
	__type(value, struct thread_state);
} threads SEC(".maps");

/* NULL: nothing was ever asked for. */
static __always_inline struct thread_state *find_thread(struct task_struct *task)
{
	struct thread_key key = { .task = (u64)task };

	return bpf_map_lookup_elem(&threads, &key);
}

/* NULL: *why is how a sample of the thread ends. */
static __always_inline struct thread_state *thread_of(struct task_struct *task, u8 *why)
{
	static const struct thread_state fresh;
	struct thread_key key = { .task = (u64)task };
	struct thread_state *thread = bpf_map_lookup_elem(&threads, &key);
	long err;

	if (thread)
		return thread;
	err = bpf_map_update_elem(&threads, &key, &fresh, BPF_NOEXIST);
	if (err == -E2BIG)
		count(EGRET_COUNT_THREADS_FULL);
	/* Any other error: the interrupt hit an update of the same part of the table. */
	*why = err == -E2BIG ? EGRET_CAPTURE_TABLE_FULL : EGRET_CAPTURE_REQUEST_FAILED;
	return bpf_map_lookup_elem(&threads, &key);
}

/* The thread is gone. */
static __always_inline void forget_thread(struct task_struct *task)
{
	struct thread_key key = { .task = (u64)task };

	bpf_map_delete_elem(&threads, &key);
}

#endif /* EGRET_THREAD_HASH_BPF_H */
