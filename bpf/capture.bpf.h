/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * capture.bpf.h - the exit side's record: registers, what was wanted, what was got.
 *
 * Everything here is about the current thread, in whatever context the backend captures.
 */
#ifndef EGRET_CAPTURE_BPF_H
#define EGRET_CAPTURE_BPF_H

#include "stack.bpf.h"

/* Cookies: the CPU's number above a counter of its own, so that they never meet. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} cookies SEC(".maps");

static __always_inline u64 new_cookie(void)
{
	u32 zero = 0;
	u64 *last = bpf_map_lookup_elem(&cookies, &zero);

	if (!last)
		return 0;
	return ((u64)bpf_get_smp_processor_id() << 48) |
	       ((__sync_fetch_and_add(last, 1) + 1) & 0xffffffffffffull);
}

/* A capture of the current thread. On the stack of the program: keep it small. */
struct capture {
	u64 cookie, also, requested;
	struct stack_plan plan;
	u32 flags; /* EGRET_CAPTURE_F_* */
	u32 pages_in;
};

/* Of its own, since its registers are a third of what a program may have on its stack. */
static __noinline int fill_regs(struct egret_rec_capture *rec, struct task_struct *task)
{
	struct pt_regs r;

	if (bpf_probe_read_kernel(&r, sizeof(r), (void *)bpf_task_pt_regs(task)))
		return -EFAULT;
	rec->regs[0] = r.ax;
	rec->regs[1] = r.dx;
	rec->regs[2] = r.cx;
	rec->regs[3] = r.bx;
	rec->regs[4] = r.si;
	rec->regs[5] = r.di;
	rec->regs[6] = r.bp;
	rec->regs[7] = r.sp;
	rec->regs[8] = r.r8;
	rec->regs[9] = r.r9;
	rec->regs[10] = r.r10;
	rec->regs[11] = r.r11;
	rec->regs[12] = r.r12;
	rec->regs[13] = r.r13;
	rec->regs[14] = r.r14;
	rec->regs[15] = r.r15;
	rec->regs[16] = r.ip;
	return 0;
}

static __always_inline void fill_record_of(struct task_struct *task, struct egret_rec_capture *rec,
					   struct capture *c, u8 ending)
{
	u64 now = bpf_ktime_get_ns();

	rec->rec.type = EGRET_REC_CAPTURE;
	rec->rec.time = now;
	rec->cookie = c->cookie;
	rec->also = c->also;
	rec->start_time = BPF_CORE_READ(task, start_boottime);
	rec->requested = c->requested;
	rec->fs_base = BPF_CORE_READ(task, thread.fsbase);
	rec->pid = BPF_CORE_READ(task, tgid);
	rec->tid = BPF_CORE_READ(task, pid);
	rec->wanted = c->plan.range[0].wanted + c->plan.range[1].wanted;
	rec->pages_in = c->pages_in;
	rec->ending = ending;
	rec->flags = c->flags;
	rec->n_windows = 0;
	rec->got = 0;
	fill_regs(rec, task);
	if (c->requested)
		count_add(EGRET_COUNT_LATENCY_NS, now - c->requested);
}

static __always_inline void fill_record(struct egret_rec_capture *rec, struct capture *c, u8 ending)
{
	fill_record_of(bpf_get_current_task_btf(), rec, c, ending);
}

static __always_inline void add_window(struct egret_rec_capture *rec, u64 start, u32 len)
{
	u32 n = rec->n_windows;

	if (n >= EGRET_MAX_WINDOWS)
		return;
	rec->window[n].start = start;
	rec->window[n].len = len;
	rec->window[n].pad = 0;
	rec->n_windows = n + 1;
	rec->got += len;
}

/* A record without a stack: it says why. */
__attribute__((noinline)) int emit_ended(struct capture *c, u8 ending)
{
	u32 cpu = bpf_get_smp_processor_id();
	void *ring = bpf_map_lookup_elem(&capture_rings, &cpu);
	struct egret_rec_capture *rec = NULL;

	if (ring && c)
		rec = bpf_ringbuf_reserve(ring, sizeof(*rec), 0);
	if (!rec) {
		count(EGRET_COUNT_CAPTURES_RING_FULL);
		return 0;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	fill_record(rec, c, ending);
	rec->rec.size = sizeof(*rec);
	bpf_ringbuf_submit(rec, wake_flag(ring, sizeof(*rec), config.wake_captures));
	count(EGRET_COUNT_CAPTURES_ENDED);
	return 0;
}

static __always_inline bool is_locked(const struct stack_plan *plan)
{
	return plan->range[0].locked || plan->range[1].locked;
}

/* The stack was copied into a record, or there was no room for one. */
static __always_inline void account_copy(struct capture *c, bool copied)
{
	if (is_locked(&c->plan))
		count(EGRET_COUNT_VMA_BUSY);
	if (copied) {
		count(EGRET_COUNT_CAPTURES_DONE);
		count_add(EGRET_COUNT_PAGES_IN, c->pages_in);
		return;
	}
	emit_ended(c, EGRET_CAPTURE_RING_FULL); /* a small record often still finds room */
}

/* Finds registers and bounds. WHOLE: go on; else the ending. */
static __always_inline u8 capture_begin(struct capture *c, struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	u64 cs = 0, sp = 0;

	if (!BPF_CORE_READ(task, mm))
		return EGRET_CAPTURE_EXITED;
	bpf_probe_read_kernel(&cs, sizeof(cs), &regs->cs);
	bpf_probe_read_kernel(&sp, sizeof(sp), &regs->sp);
	if ((cs & 0xffff) == USER32_CS)
		return EGRET_CAPTURE_COMPAT;
	if ((cs & 3) != 3)
		return EGRET_CAPTURE_NO_REGS;
	plan_stack(&c->plan, sp);
	if (c->plan.n > 1)
		c->flags |= EGRET_CAPTURE_F_ALTSTACK;
	return c->plan.ending == EGRET_CAPTURE_LIMIT ? EGRET_CAPTURE_WHOLE : c->plan.ending;
}

#endif /* EGRET_CAPTURE_BPF_H */
