/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sleepers.bpf.h - the end of a recording: threads asleep in the kernel with a capture pending.
 *
 * Read from outside, by a sleepable iterator over tasks; see lib/capture/sleepers.c.
 */
#ifndef EGRET_SLEEPERS_BPF_H
#define EGRET_SLEEPERS_BPF_H

#include "threads.bpf.h"

/* The record of a sleeper: user space sets the size of the value to the record and the stack limit.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct egret_rec_capture) + PAGE_SIZE);
} sleeper_scratch SEC(".maps");

/* What is read of one. Not on the program's stack, where the verifier keeps apart each way in which
 * it can be filled. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct capture);
} sleeper_capture SEC(".maps");

/* Copies a range of another thread's stack behind the record. Returns the bytes got. */
static __always_inline u32 copy_remote(struct task_struct *task, u8 *scratch,
				       struct stack_range *range)
{
	u64 addr = range->start, end = range->start + range->len;
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, range->len / PAGE_SIZE + 2);
	while (bpf_iter_num_next(&it)) {
		u64 at = addr - range->start, len = (addr & ~(PAGE_SIZE - 1)) + PAGE_SIZE - addr;

		if (addr >= end)
			break;
		if (len > end - addr)
			len = end - addr;
		barrier_var(at);
		barrier_var(len);
		if (at > config.stack_limit || len > PAGE_SIZE || !len)
			break;
		if (bpf_copy_from_user_task(scratch + sizeof(struct egret_rec_capture) + at, len,
					    (void *)addr, task, 0))
			break;
		addr += len;
		forget_origin(addr);
	}
	bpf_iter_num_destroy(&it);
	return addr - range->start;
}

/* Reads the stack of a sleeper into the scratch record. Returns its ending. */
static __always_inline u8 read_sleeper(struct task_struct *task, struct capture *c, u8 *scratch)
{
	struct egret_rec_capture *rec = (struct egret_rec_capture *)scratch;
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	u64 cs = 0, sp = 0;
	u32 got;

	bpf_probe_read_kernel(&cs, sizeof(cs), &regs->cs);
	bpf_probe_read_kernel(&sp, sizeof(sp), &regs->sp);
	if ((cs & 0xffff) == USER32_CS)
		return EGRET_CAPTURE_COMPAT;
	if (config.fault == EGRET_FAULT_NONE || (cs & 3) != 3)
		return EGRET_CAPTURE_ASLEEP_UNREADABLE; /* reading from outside faults */
	plan_stack_of(REMOTE, task, sp, &c->plan);
	fill_record_of(task, rec, c, c->plan.ending);
	if (c->plan.ending != EGRET_CAPTURE_WHOLE && c->plan.ending != EGRET_CAPTURE_LIMIT)
		return c->plan.ending;
	if (is_unsafe(&c->plan.range[0]))
		return EGRET_CAPTURE_ASLEEP_UNREADABLE;
	got = copy_remote(task, scratch, &c->plan.range[0]);
	if (got < c->plan.range[0].len)
		return EGRET_CAPTURE_ASLEEP_UNREADABLE;
	add_window(rec, c->plan.range[0].start, got);
	return c->plan.ending;
}

static __always_inline void write_sleeper(struct egret_rec_capture *rec, u8 ending)
{
	u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&capture_rings, &cpu);
	u64 size = sizeof(*rec) + ROUND_UP((u64)rec->got, 8);

	rec->ending = ending;
	rec->rec.size = (u32)size;
	barrier_var(size); /* the bound must be on the register that is used */
	if (size > sizeof(*rec) + config.stack_limit)
		return;
	if (ring && !bpf_ringbuf_output(ring, rec, size, BPF_RB_FORCE_WAKEUP)) {
		count(EGRET_COUNT_CAPTURES_DONE);
		count_add(EGRET_COUNT_CAPTURE_BYTES, rec->got);
	} else {
		count(EGRET_COUNT_CAPTURES_RING_FULL);
	}
}

/*
 * Reads the stacks of threads that were sampled on their way to sleep and have not come back. First
 * the copy, then the claim: while nobody has claimed, the thread has not been in user mode since.
 */
SEC("iter.s/task")
int egret_sleepers(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread_state *thread;
	struct capture *c;
	u32 zero = 0;
	u8 *scratch;
	u8 ending;

	if (!task)
		return 0;
	thread = find_thread(task);
	scratch = bpf_map_lookup_elem(&sleeper_scratch, &zero);
	c = bpf_map_lookup_elem(&sleeper_capture, &zero);
	if (!thread || !scratch || !c || !thread->pending || !task->__state || !task->mm)
		return 0;
	*c = (struct capture){
		.cookie = thread->cookie,
		.requested = thread->requested,
		.flags = EGRET_CAPTURE_F_ASLEEP,
	};
	__builtin_memset(scratch, 0, sizeof(struct egret_rec_capture));
	ending = read_sleeper(task, c, scratch);
	if (!claim(thread))
		return 0;
	if (ending == EGRET_CAPTURE_COMPAT || ending == EGRET_CAPTURE_ASLEEP_UNREADABLE)
		fill_record_of(task, (struct egret_rec_capture *)scratch, c, ending);
	write_sleeper((struct egret_rec_capture *)scratch, ending);
	return 0;
}

#endif /* EGRET_SLEEPERS_BPF_H */
