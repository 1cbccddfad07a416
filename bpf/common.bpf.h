/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * common.bpf.h - what every backend's programs share: configuration, counters, rings, and who is
 * a target.
 */
#ifndef EGRET_COMMON_BPF_H
#define EGRET_COMMON_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "abi.h"
#include "reasons.h"

#define PAGE_SIZE 4096ull
#define ROUND_UP(x, to) (((x) + (to)-1) & ~((u64)(to)-1))

/* Filled by user space before loading; the name of the section is the name of the map. */
const volatile struct egret_config config SEC(".rodata.egret");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EGRET_COUNT_NR);
	__type(key, u32);
	__type(value, u64);
} counters SEC(".maps");

static __always_inline void count_add(u32 which, u64 n)
{
	u64 *value = bpf_map_lookup_elem(&counters, &which);

	if (value)
		__sync_fetch_and_add(value, n); /* an interrupt may count the same on this CPU */
}

static __always_inline void count(u32 which)
{
	count_add(which, 1);
}

/* One ring a CPU: an interrupt that hits a writer of its own ring would find the lock taken. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct ring);
} sample_rings SEC(".maps"), capture_rings SEC(".maps");

/*
 * Whether to wake the reader with a record: only the one by which the ring fills past the mark. A
 * wake-up costs as much as a dozen captures, so all others are left to the reader's timer, which
 * may be a second away: this one must not be missed.
 */
static __always_inline u64 wake_past(u64 before, u64 size, u32 mark)
{
	u64 after = before + ROUND_UP(size + BPF_RINGBUF_HDR_SZ, 8);

	return before < mark && after >= mark ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* Of a record that is reserved already. */
static __always_inline u64 wake_flag(void *ring, u64 size, u32 mark)
{
	u64 used = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA);

	return wake_past(used - ROUND_UP(size + BPF_RINGBUF_HDR_SZ, 8), size, mark);
}

/* Of one that will be put in whole, by bpf_ringbuf_output(). */
static __always_inline u64 wake_flag_output(void *ring, u64 size, u32 mark)
{
	return wake_past(bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA), size, mark);
}

/* ---- what the programs cost --------------------------------------------------------------- */

/*
 * The kernel's own statistics (BPF_ENABLE_STATS) need CAP_SYS_ADMIN, cost all programs of the
 * machine, and leave task work out. In an interrupt, or with preemption off: time is CPU time.
 */
static __always_inline void charge(u64 since)
{
	count_add(EGRET_COUNT_COST_NS, bpf_ktime_get_ns() - since);
}

/* In a thread, which may sleep or be preempted on the way. */
struct stopwatch {
	u64 since, switches;
};

static __always_inline u64 switches_of(struct task_struct *task)
{
	return BPF_CORE_READ(task, nvcsw) + BPF_CORE_READ(task, nivcsw);
}

static __always_inline struct stopwatch begin_capture(struct task_struct *task)
{
	return (struct stopwatch){ bpf_ktime_get_ns(), switches_of(task) };
}

static __always_inline void charge_capture(const struct stopwatch *watch, struct task_struct *task)
{
	if (switches_of(task) != watch->switches) {
		count(EGRET_COUNT_COST_SWITCHED);
		return;
	}
	count(EGRET_COUNT_COST_CAPTURES);
	count_add(EGRET_COUNT_COST_CAPTURES_NS, bpf_ktime_get_ns() - watch->since);
}

/* Processes (filter PROCESS; key: tgid) or threads (filter THREAD; key: tid) to sample. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, u32);
	/* start_boottime of the thread (group leader), since ids are used again; EGRET_TARGET_* */
	__type(value, u64);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} cgroups SEC(".maps");

/* The thread, or the leader of the process, that the id is of now. */
static __always_inline bool is_target_id(u32 id, struct task_struct *of)
{
	u64 *known = bpf_map_lookup_elem(&targets, &id);

	return known && (*known == EGRET_TARGET_ANY || *known == BPF_CORE_READ(of, start_boottime));
}

static __always_inline bool is_target(struct task_struct *task)
{
	switch (config.filter) {
	case EGRET_FILTER_PROCESS:
		return is_target_id(BPF_CORE_READ(task, tgid), BPF_CORE_READ(task, group_leader));
	case EGRET_FILTER_THREAD:
		return is_target_id(BPF_CORE_READ(task, pid), task);
	case EGRET_FILTER_CGROUP:
		return bpf_current_task_under_cgroup(&cgroups, 0) == 1;
	default:
		return true;
	}
}

/*
 * Whether the process becomes a target by the execve that it is in. Where the kernel answers before
 * that, once for all of the system call, samples behind it are of a target, and share the answer.
 */
static __always_inline bool will_be_target(struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid);
	u64 *known = bpf_map_lookup_elem(&targets, &tgid);

	return config.filter == EGRET_FILTER_PROCESS && known && *known == EGRET_TARGET_FROM_EXEC;
}

/* The programs that follow targets are loaded for processes alone. */

/* A process forked by a target is a target. Runs before the child does (kernel_clone). */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(egret_target_fork, struct task_struct *parent, struct task_struct *child)
{
	u64 start_time = BPF_CORE_READ(child, start_boottime);
	u32 pid = BPF_CORE_READ(child, pid);

	if (BPF_CORE_READ(child, tgid) != pid || !is_target(parent))
		return 0;
	if (bpf_map_update_elem(&targets, &pid, &start_time, BPF_ANY))
		count(EGRET_COUNT_THREADS_FULL);
	return 0;
}

/* Here execve is done, and the new image has run nothing yet. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(egret_target_exec, struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid);
	u64 *known = bpf_map_lookup_elem(&targets, &tgid);

	if (known && *known == EGRET_TARGET_FROM_EXEC)
		*known = EGRET_TARGET_ANY;
	return 0;
}

/*
 * The last trace of a task: it stays a target until here, because it is sampled while it tears its
 * memory down, which is a good part of what a short-lived process does.
 */
static __always_inline void forget_target(struct task_struct *task)
{
	u32 id = BPF_CORE_READ(task, pid);
	u64 *known;

	if (config.filter != EGRET_FILTER_PROCESS && config.filter != EGRET_FILTER_THREAD)
		return;
	known = bpf_map_lookup_elem(&targets, &id);
	if (known && (*known == EGRET_TARGET_ANY || *known == EGRET_TARGET_FROM_EXEC ||
		      *known == BPF_CORE_READ(task, start_boottime)))
		bpf_map_delete_elem(&targets, &id);
}

#endif /* EGRET_COMMON_BPF_H */
