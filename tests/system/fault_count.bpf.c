/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fault_count.bpf.c - counts faults on user addresses that the kernel takes while a program of a
 * name runs: in sampling interrupts (perf's function for these is on the kernel stack), and
 * elsewhere.
 *
 * On a BTF-typed tracepoint, because the programs of plain ones are not run while another BPF
 * program runs (bpf_prog_active), which is when it counts here.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define USER_ADDRESSES (1ull << 47)
#define N_FRAMES 24

char comm[16];			    /* set by user space */
__u64 overflow_start, overflow_end; /* of __perf_event_overflow, likewise */
__u64 in_interrupt, in_task;

static __always_inline bool is_ours(void)
{
	char current[16] = "";

	bpf_get_current_comm(current, sizeof(current));
	for (int i = 0; i < 16; i++) {
		if (current[i] != comm[i])
			return false;
		if (!current[i])
			break;
	}
	return true;
}

static __always_inline bool in_sampling_interrupt(void *ctx)
{
	__u64 frames[N_FRAMES] = {};

	if (bpf_get_stack(ctx, frames, sizeof(frames), 0) < 0)
		return false;
	for (int i = 0; i < N_FRAMES; i++)
		if (frames[i] >= overflow_start && frames[i] < overflow_end)
			return true;
	return false;
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(count_fault, unsigned long address, struct pt_regs *regs, unsigned long code)
{
	if (address >= USER_ADDRESSES || !is_ours())
		return 0;
	if (in_sampling_interrupt(ctx))
		__sync_fetch_and_add(&in_interrupt, 1);
	else
		__sync_fetch_and_add(&in_task, 1);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
