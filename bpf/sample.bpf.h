/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sample.bpf.h - the sample side: who, when, where, and the kernel stack.
 *
 * Runs in the sampling interrupt: an NMI where the machine has a PMU. Takes no lock that it could
 * have interrupted (its ring and scratch are its CPU's own; bpf_prog_active keeps a second sample
 * of the same CPU out) and reads no user memory.
 */
#ifndef EGRET_SAMPLE_BPF_H
#define EGRET_SAMPLE_BPF_H

#include "common.bpf.h"
#include "rules.bpf.h"

struct sample_scratch {
	struct egret_rec_sample sample;
	u64 kernel[EGRET_MAX_KERNEL_FRAMES + 1];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct sample_scratch);
} sample_scratches SEC(".maps");

/* What each event has brought on each CPU; user space holds it against the perf event's own count.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EGRET_MAX_EVENTS);
	__type(key, u32);
	__type(value, struct egret_event_seen);
} events_seen SEC(".maps");

/*
 * The periods of clocks whose frequency was changed while they ran; 0: never. Of these the kernel
 * goes on telling the period that they were opened with (perf_swevent_hrtimer(), hw.last_period).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EGRET_MAX_EVENTS);
	__type(key, u32);
	__type(value, u64);
} clock_periods SEC(".maps");

static __always_inline u64 period_of(u32 event, u64 told)
{
	u64 *changed = bpf_map_lookup_elem(&clock_periods, &event);

	return changed && *changed ? *changed : told;
}

/*
 * A timer that comes late interrupts once for all the periods that have passed (hrtimer_forward()),
 * and that is nobody's loss but the machine's: it slept, or its host did. It is told from an
 * interrupt whose program was skipped by the phase: the one after a skipped one comes when it is
 * due.
 */
static __always_inline void count_late(struct egret_event_seen *seen, u64 period, u64 now)
{
	u64 periods = (now - seen->due + period / 2) / period;
	s64 behind = now - (seen->due + periods * period);

	if (!seen->due || behind < 0 || period != seen->period) {
		seen->due = now; /* the first, or the most punctual so far */
		seen->period = period;
		return;
	}
	seen->due += periods * period;
	if (periods > 1 && behind > (s64)(period / 8))
		seen->late += periods - 1;
}

static __always_inline void count_interrupt(u32 event, u64 period)
{
	struct egret_event_seen *seen = bpf_map_lookup_elem(&events_seen, &event);

	count(EGRET_COUNT_INTERRUPTS);
	if (!seen)
		return;
	seen->interrupts++; /* bpf_prog_active: no second sample of this CPU is under way */
	seen->periods += period;
	if (period && config.clock_events & (1u << (event & 31)))
		count_late(seen, period, bpf_ktime_get_ns());
}

/* What brought the program here. */
struct hit {
	u64 ip, sp, cs;
	u64 period;  /* units of the event that a sample stands for */
	u64 counted; /* of them, by this run of the program */
	u32 event;
};

static __always_inline struct hit hit_of(struct bpf_perf_event_data *ctx)
{
	u32 event = (u32)bpf_get_attach_cookie(ctx);
	u64 period = period_of(event, ctx->sample_period);

	return (struct hit){
		.ip = ctx->regs.ip,
		.sp = ctx->regs.sp,
		.cs = ctx->regs.cs,
		.period = period,
		.counted = period,
		.event = event,
	};
}

/* A clock goes on counting in the mode that it does not interrupt, so the mode is filtered here. */
static __always_inline bool mode_wanted(const struct hit *hit)
{
	u32 event = 1u << (hit->event & 31);

	return !(((hit->cs & 3) == 3 ? config.kernel_only : config.user_only) & event);
}

/* Counts the interrupt, and says whether it is one to write down. */
static __always_inline bool sample_wanted(const struct hit *hit, struct task_struct *task)
{
	count_interrupt(hit->event, hit->counted);
	if (!BPF_CORE_READ(task, pid)) {
		if (config.include_idle && config.filter == EGRET_FILTER_SYSTEM)
			return true;
		count(EGRET_COUNT_FILTERED_IDLE);
		return false;
	}
	if (!is_target(task)) {
		count(EGRET_COUNT_FILTERED_OTHER);
		return false;
	}
	if (!mode_wanted(hit)) {
		count(EGRET_COUNT_FILTERED_MODE);
		return false;
	}
	if (!rules_want(task, (hit->cs & 3) == 3)) {
		count(EGRET_COUNT_FILTERED_RULES);
		return false;
	}
	return true;
}

/* The id of its cgroup, by which user space knows it when the process has gone. Ids are counted
 * from 1; 0 for one beyond 32 bits, which is then read from /proc. */
static __always_inline u32 cgroup_of(struct task_struct *task)
{
	u64 id = 0;

	if (bpf_core_field_exists(task->cgroups))
		id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	return id >> 32 ? 0 : (u32)id;
}

static __always_inline struct sample_scratch *sample_begin(const struct hit *hit,
							   struct task_struct *task)
{
	struct sample_scratch *scratch;
	struct egret_rec_sample *s;
	u32 zero = 0;

	scratch = bpf_map_lookup_elem(&sample_scratches, &zero);
	if (!scratch) {
		count(EGRET_COUNT_SAMPLES_INTERNAL);
		return NULL;
	}
	s = &scratch->sample;
	s->rec.type = EGRET_REC_SAMPLE;
	s->rec.time = bpf_ktime_get_ns();
	s->cookie = 0;
	s->period = hit->period;
	s->start_time = BPF_CORE_READ(task, start_boottime);
	s->ip = hit->ip;
	s->sp = hit->sp;
	s->pid = BPF_CORE_READ(task, tgid);
	s->tid = BPF_CORE_READ(task, pid);
	s->cpu = bpf_get_smp_processor_id();
	s->event = (u16)hit->event;
	s->ending = EGRET_CAPTURE_WHOLE;
	s->flags = (hit->cs & 3) == 3 ? EGRET_SAMPLE_USER_MODE : 0;
	s->cgroup = cgroup_of(task);
	bpf_get_current_comm(s->comm, sizeof(s->comm));
	return scratch;
}

/* Why a thread can have no user stack at all, or WHOLE. */
static __always_inline u8 no_user_stack(struct task_struct *task)
{
	u32 flags = BPF_CORE_READ(task, flags);

	if (!BPF_CORE_READ(task, pid))
		return EGRET_CAPTURE_IDLE;
	if (flags & PF_KTHREAD)
		return EGRET_CAPTURE_KERNEL_THREAD;
	if (flags & (PF_IO_WORKER | PF_USER_WORKER))
		return EGRET_CAPTURE_USER_WORKER;
	return EGRET_CAPTURE_WHOLE;
}

/* Frames of a tracepoint's own machinery: the program, bpf_trace_run*(), __traceiter_*(). */
#define TRACEPOINT_FRAMES 3

/* Takes the kernel stack and hands the record over. ctx: of the program. */
static __always_inline void sample_end(void *ctx, struct sample_scratch *scratch, u64 skip)
{
	struct egret_rec_sample *s = &scratch->sample;
	u32 cpu = s->cpu;
	void *ring;
	long bytes = 0;
	u64 size;

	if (!(s->flags & EGRET_SAMPLE_USER_MODE) && !config.no_kernel)
		bytes = bpf_get_stack(ctx, scratch->kernel, EGRET_MAX_KERNEL_FRAMES * 8, skip);
	if (bytes < 0)
		bytes = 0;
	if (bytes > EGRET_MAX_KERNEL_FRAMES * 8)
		bytes = EGRET_MAX_KERNEL_FRAMES * 8;
	s->n_kernel = (u32)bytes / 8;
	size = sizeof(*s) + (u64)bytes;
	s->rec.size = (u32)size;
	ring = bpf_map_lookup_elem(&sample_rings, &cpu);
	if (!ring) {
		count(EGRET_COUNT_SAMPLES_INTERNAL);
		return;
	}
	if (bpf_ringbuf_output(ring, s, size, wake_flag_output(ring, size, config.wake_samples)))
		count(EGRET_COUNT_SAMPLES_RING_FULL);
	else
		count(EGRET_COUNT_SAMPLES);
}

#endif /* EGRET_SAMPLE_BPF_H */
