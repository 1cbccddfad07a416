// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * inline.bpf.c - the backend `inline`: kernels that offer no deferral, from 6.1.
 *
 * Registers and stack are read in the sampling interrupt, as other profilers do it: page by page
 * and without waiting, so that a page that is not in memory is a hole. The recording says so.
 */
#include "sample.bpf.h"
#include "capture.bpf.h"

/*
 * One record a CPU, built here and then copied into the ring. User space sets the size of the value
 * to that of the record and the stack limit, and a page more.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* one a CPU; set by user space, like value_size */
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct egret_rec_capture) + PAGE_SIZE);
} inline_scratches SEC(".maps");

struct copy_loop {
	struct egret_rec_capture *rec;
	u64 addr, end, run;
	u32 at; /* bytes of stack copied so far */
	u32 missing;
};

static long copy_page(u32 index, void *arg)
{
	struct copy_loop *loop = arg;
	u64 next = (loop->addr & ~(PAGE_SIZE - 1)) + PAGE_SIZE;
	u32 cpu = bpf_get_smp_processor_id();
	u64 at = loop->at, len;
	u8 *to;

	if (loop->addr >= loop->end)
		return 1;
	if (next > loop->end)
		next = loop->end;
	len = next - loop->addr;
	barrier_var(len); /* the bound below must be on the register that is used */
	barrier_var(at);
	to = bpf_map_lookup_elem(&inline_scratches, &cpu);
	if (!to || at > config.stack_limit || len > PAGE_SIZE)
		return 1;
	if (bpf_probe_read_user(to + sizeof(struct egret_rec_capture) + at, len,
				(void *)loop->addr)) {
		if (loop->addr > loop->run)
			add_window((struct egret_rec_capture *)to, loop->run,
				   loop->addr - loop->run);
		loop->run = next;
		loop->missing = 1;
	} else {
		loop->at = at + len;
	}
	loop->addr = next;
	return 0;
}

/*
 * Copies what is in memory of a range behind what is there already. Returns the bytes in all. A
 * function of its own, for what it has on the stack.
 */
static __noinline u32 copy_range(struct egret_rec_capture *rec, struct stack_range *range, u32 at,
				 u32 *missing)
{
	struct copy_loop loop = {
		.addr = range->start,
		.end = range->start + range->len,
		.run = range->start,
		.at = at,
	};

	bpf_loop(config.stack_limit / PAGE_SIZE + 2, copy_page, &loop, 0);
	if (loop.addr > loop.run)
		add_window(rec, loop.run, loop.addr - loop.run);
	*missing |= loop.missing;
	return loop.at;
}

static __always_inline void write_record(struct egret_rec_capture *rec, u32 bytes)
{
	u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&capture_rings, &cpu);
	u64 size = sizeof(*rec) + ROUND_UP(bytes, 8);

	if (bytes > config.stack_limit)
		return;
	rec->rec.size = (u32)size;
	if (ring && !bpf_ringbuf_output(ring, rec, size,
					wake_flag_output(ring, size, config.wake_captures))) {
		count(EGRET_COUNT_CAPTURES_DONE);
		count_add(EGRET_COUNT_CAPTURE_BYTES, rec->got);
		return;
	}
	count(EGRET_COUNT_CAPTURES_RING_FULL);
}

/* Reads the stack here and now. Returns the ending of the capture. */
static __always_inline void take_user_stack(struct egret_rec_sample *s, struct task_struct *task)
{
	u32 cpu = s->cpu, missing = 0, bytes = 0;
	struct egret_rec_capture *rec = bpf_map_lookup_elem(&inline_scratches, &cpu);
	struct capture c = { .flags = EGRET_CAPTURE_F_INLINE };
	u8 ending;

	s->ending = no_user_stack(task);
	if (!rec || s->ending != EGRET_CAPTURE_WHOLE)
		return;
	ending = capture_begin(&c, task);
	c.cookie = new_cookie();
	if (ending != EGRET_CAPTURE_WHOLE) {
		s->ending = ending;
		return;
	}
	s->cookie = c.cookie;
	c.requested = s->rec.time;
	count(EGRET_COUNT_REQUESTS);
	fill_record(rec, &c, c.plan.ending);
	bytes = copy_range(rec, &c.plan.range[0], 0, &missing);
	if (c.plan.n > 1)
		bytes = copy_range(rec, &c.plan.range[1], bytes, &missing);
	if (missing)
		rec->ending = EGRET_CAPTURE_NOT_RESIDENT;
	write_record(rec, bytes);
}

#include "programs.bpf.h"

SEC("tp_btf/sched_process_free")
int BPF_PROG(egret_free, struct task_struct *task)
{
	u64 since = bpf_ktime_get_ns();

	forget_target(task);
	charge(since);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
