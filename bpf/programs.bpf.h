/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * programs.bpf.h - the sampling programs: of perf events, and of tracepoints.
 *
 * Included by each backend behind its take_user_stack(), which sees to the user stack of a sample
 * in the backend's own way: it asks for a capture, or makes it.
 */
#ifndef EGRET_PROGRAMS_BPF_H
#define EGRET_PROGRAMS_BPF_H

#include "sample.bpf.h"

static __always_inline void take_sample(void *ctx, const struct hit *hit, u64 skip)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct sample_scratch *scratch;

	if (!sample_wanted(hit, task))
		return;
	scratch = sample_begin(hit, task);
	if (!scratch)
		return;
	take_user_stack(&scratch->sample, task);
	sample_end(ctx, scratch, skip);
}

SEC("perf_event")
int egret_sample(struct bpf_perf_event_data *ctx)
{
	u64 since = bpf_ktime_get_ns();
	struct hit hit = hit_of(ctx);

	take_sample(ctx, &hit, 0);
	charge(since);
	return 0;
}

/* ---- tracepoints -------------------------------------------------------------------------- */

/* Hits of each tracepoint since its last sample. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EGRET_MAX_TRACEPOINTS);
	__type(key, u32);
	__type(value, u64);
} tracepoint_hits SEC(".maps");

/* Whether this hit of the n-th tracepoint is one to sample; others are only counted. */
static __always_inline bool tracepoint_due(u32 n, struct hit *hit)
{
	u32 key = n; /* n stays a constant: older verifiers do not follow what is in memory */
	u64 *hits = bpf_map_lookup_elem(&tracepoint_hits, &key);

	hit->event = config.tracepoint_event[n];
	hit->period = config.tracepoint_period[n];
	hit->counted = 1;
	if (hits && ++*hits < hit->period) {
		count(EGRET_COUNT_FILTERED_PERIOD);
		return false;
	}
	if (hits)
		*hits = 0;
	return true;
}

/*
 * One program a tracepoint, since a raw tracepoint has no cookie before 6.10 by which a shared one
 * could tell where it is.
 */
#ifndef TRACEPOINT_SECTION
#define TRACEPOINT_SECTION "raw_tp"
#endif
#define EGRET_TRACEPOINT(n)                                                                        \
	SEC(TRACEPOINT_SECTION)                                                                    \
	int egret_tracepoint##n(struct bpf_raw_tracepoint_args *ctx)                               \
	{                                                                                          \
		u64 since = bpf_ktime_get_ns();                                                    \
		struct hit hit = {};                                                               \
                                                                                                   \
		if (tracepoint_due(n, &hit))                                                       \
			take_sample(ctx, &hit, TRACEPOINT_FRAMES);                                 \
		else                                                                               \
			count_interrupt(hit.event, 1);                                             \
		charge(since);                                                                     \
		return 0;                                                                          \
	}

EGRET_TRACEPOINT(0)
EGRET_TRACEPOINT(1)
EGRET_TRACEPOINT(2)
EGRET_TRACEPOINT(3)

#endif /* EGRET_PROGRAMS_BPF_H */
