/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * thread_slots.bpf.h - the threads with a capture under way, of `hook`: a table without locks.
 *
 * An interrupt that is an NMI finds a thread here, and puts it in: to put something into one of
 * the kernel's hash tables takes a lock that it may have interrupted, and fails then. A slot is
 * taken with one compare and exchange, and nothing waits.
 */
#ifndef EGRET_THREAD_SLOTS_BPF_H
#define EGRET_THREAD_SLOTS_BPF_H

#include "common.bpf.h"

/*
 * A thread with a capture under way. Written by the interrupt (request) and by the thread itself
 * (capture), which never run at once: the thread is the one that was interrupted.
 */
struct thread_state {
	u64 cookie;    /* of the capture that is pending or running */
	u64 requested; /* when */
	u64 ip, sp;    /* of a user-mode hit; else 0 */
	u32 pending;   /* cookie has not been answered */
	/* A capture takes several runs of a program: */
	u32 missing; /* pages that were missing at the first */
	s32 error;   /* why some stay so; 0 or -errno */
	u32 pad;
};

/*
 * Whose the slot is, by the address of the task (see threads.bpf.h), or 0: nobody's. Apart from the
 * states, so that a search stays within four lines of the cache.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EGRET_THREAD_WINDOW); /* set by user space, like that of the states */
	__type(key, u32);
	__type(value, u64);
} thread_tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EGRET_THREAD_WINDOW);
	__type(key, u32);
	__type(value, struct thread_state);
} thread_states SEC(".maps");

/* The address of a task as a number: to the verifier a pointer to a task is none. */
struct thread_key {
	u64 task;
};

/* A thread's slot is one of EGRET_THREAD_WINDOW from here on. */
static __always_inline u32 first_slot(u64 task)
{
	u64 n = ((struct bpf_map *)&thread_tasks)->max_entries - EGRET_THREAD_WINDOW + 1;
	u64 hash = task * 0x9e3779b97f4a7c15ull; /* Knuth: 2^64 over the golden ratio */

	return (hash >> 32) * n >> 32;
}

/* The slot of a thread, or -1. Global, so that the verifier looks at it once. */
__attribute__((noinline)) int slot_of(struct thread_key *key)
{
	u64 task = key ? key->task : 0;
	u32 first = first_slot(task);

	for (u32 i = 0; i < EGRET_THREAD_WINDOW; i++) {
		u32 slot = first + i;
		u64 *owner = bpf_map_lookup_elem(&thread_tasks, &slot);

		if (owner && *owner == task)
			return slot;
	}
	return -1;
}

/* Takes a free slot, whose state is all zeroes. Whether there was one. */
__attribute__((noinline)) int take_slot(struct thread_key *key)
{
	u64 task = key ? key->task : 0;
	u32 first = first_slot(task);

	for (u32 i = 0; i < EGRET_THREAD_WINDOW; i++) {
		u32 slot = first + i;
		u64 *owner = bpf_map_lookup_elem(&thread_tasks, &slot);

		if (owner && !*owner && !__sync_val_compare_and_swap(owner, 0, task))
			return 1;
	}
	count(EGRET_COUNT_THREADS_FULL);
	return 0;
}

/* The state goes before the slot does: x86 keeps the order of stores, and so may the compiler. */
__attribute__((noinline)) int give_back_slots(struct thread_key *key)
{
	u64 task = key ? key->task : 0;
	u32 first = first_slot(task);

	for (u32 i = 0; i < EGRET_THREAD_WINDOW; i++) {
		u32 slot = first + i;
		u64 *owner = bpf_map_lookup_elem(&thread_tasks, &slot);
		struct thread_state *thread;

		if (!owner || *owner != task)
			continue;
		thread = bpf_map_lookup_elem(&thread_states, &slot);
		if (thread)
			__builtin_memset(thread, 0, sizeof(*thread));
		barrier();
		*(volatile u64 *)owner = 0;
	}
	return 0;
}

/* NULL: nothing was ever asked for. */
static __always_inline struct thread_state *find_thread(struct task_struct *task)
{
	struct thread_key key = { .task = (u64)task };
	u32 slot = slot_of(&key);

	return bpf_map_lookup_elem(&thread_states, &slot);
}

/*
 * NULL: the table is full. (A sample of a tracepoint may be interrupted by another while it takes
 * its slot. Then the thread has two, of which the first is its own; both are given back.)
 */
static __always_inline struct thread_state *thread_of(struct task_struct *task)
{
	struct thread_key key = { .task = (u64)task };
	struct thread_state *thread = find_thread(task);

	if (!thread && take_slot(&key))
		thread = find_thread(task);
	return thread;
}

/* The thread is gone. */
static __always_inline void forget_thread(struct task_struct *task)
{
	struct thread_key key = { .task = (u64)task };

	give_back_slots(&key);
}

#endif /* EGRET_THREAD_SLOTS_BPF_H */
