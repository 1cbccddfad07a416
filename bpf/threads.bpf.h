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
 * The backend's table, thread_slots.bpf.h or thread_hash.bpf.h, comes before this: struct
 * thread_state, find_thread(), and forget_thread().
 *
 * A thread is known by the address of its task, which nobody else has before sched_process_free.
 * Not by its id: one that calls execve takes over the id and the start time of its process's first.
 */

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
	u64 since = bpf_ktime_get_ns();

	forget_thread(task);
	forget_told(task);
	forget_target(task);
	charge(since);
	return 0;
}

#endif /* EGRET_THREADS_BPF_H */
