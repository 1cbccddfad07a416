/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * threads.bpf.h - threads with a capture under way: what backends that defer remember between the
 * interrupt that asks for it and the way back to user mode that makes it.
 */
#ifndef EGRET_THREADS_BPF_H
#define EGRET_THREADS_BPF_H

#include "capture.bpf.h"
#include "mappings.bpf.h"

/*
 * The thread, by the address of its task, which nobody else has before sched_process_free. Not by
 * its id: a thread that calls execve takes over the id and the start time of its process's first.
 */
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
	/* Of `task-work` alone: */
	u32 exec_id; /* self_exec_id at the request */
	struct bpf_task_work work;
	u64 final_cookie; /* of the capture made at exit or exec: answers all that come after */
	/* Of `hook` alone, where a capture takes several runs of a program: */
	u32 missing; /* pages that were missing at the first */
	s32 error;   /* why some stay so; 0 or -errno */
};

/* Not an LRU: an eviction would lose a sample silently. Elements go when the thread does. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct thread_key);
	__type(value, struct thread_state);
} threads SEC(".maps");

static __always_inline struct thread_key key_of(struct task_struct *task)
{
	struct thread_key key = { .task = (u64)task };

	return key;
}

static __always_inline struct thread_state *thread_of(struct task_struct *task)
{
	struct thread_key key = key_of(task);
	struct thread_state *thread = bpf_map_lookup_elem(&threads, &key);

	if (!thread) {
		static const struct thread_state fresh;

		/* EBUSY: the interrupt hit an update of the same part of the table. */
		if (bpf_map_update_elem(&threads, &key, &fresh, BPF_NOEXIST) == -E2BIG)
			count(EGRET_COUNT_THREADS_FULL);
		thread = bpf_map_lookup_elem(&threads, &key);
	}
	return thread;
}

/* In the interrupt: the request that a sample has made. */
static __always_inline void note_request(struct thread_state *thread, struct egret_rec_sample *s,
					 u64 cookie)
{
	thread->cookie = cookie;
	thread->requested = s->rec.time;
	thread->ip = s->flags & EGRET_SAMPLE_USER_MODE ? s->ip : 0;
	thread->sp = s->sp;
	thread->pending = 1;
	s->cookie = cookie;
}

/* Whether the thread is not where the interrupt found it, in user mode. */
static __always_inline bool has_moved(struct thread_state *thread, struct pt_regs *regs)
{
	u64 ip = 0, sp = 0;

	if (!thread->ip)
		return false;
	bpf_probe_read_kernel(&ip, sizeof(ip), &regs->ip);
	bpf_probe_read_kernel(&sp, sizeof(sp), &regs->sp);
	return ip != thread->ip || sp != thread->sp;
}

/* Who takes it answers the request: the thread, or the iterator that reads it from outside. */
static __always_inline bool claim(struct thread_state *thread)
{
	return __sync_lock_test_and_set(&thread->pending, 0);
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(egret_free, struct task_struct *task)
{
	struct thread_key key = key_of(task);

	bpf_map_delete_elem(&threads, &key);
	forget_told(task);
	forget_target(task);
	return 0;
}

#endif /* EGRET_THREADS_BPF_H */
