/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * nmi_faults.bpf.c - counts page faults that are taken in an NMI, and all others.
 *
 * On BTF-typed tracepoints: programs of plain ones are not run while a program of a perf event is,
 * which is when it matters here.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* include/linux/preempt.h: 8 bits of preemption, 8 of softirqs, 4 of hardirqs, then 4 of NMIs. */
#define NMI_MASK 0x00f00000

/* arch/x86/include/asm/current.h, from 6.2 to 6.14; a variable of its own before. */
struct pcpu_hot {
	int preempt_count;
} __attribute__((preserve_access_index));
extern const struct pcpu_hot pcpu_hot __ksym __weak;
extern const int __preempt_count __ksym __weak;

__u64 in_nmi, elsewhere;

static __always_inline int count_fault(void)
{
	int count = 0;

	if (&pcpu_hot)
		count = ((const struct pcpu_hot *)bpf_this_cpu_ptr(&pcpu_hot))->preempt_count;
	else if (&__preempt_count)
		count = *(const int *)bpf_this_cpu_ptr(&__preempt_count);
	if (count & NMI_MASK)
		__sync_fetch_and_add(&in_nmi, 1);
	else
		__sync_fetch_and_add(&elsewhere, 1);
	return 0;
}

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(kernel_fault, unsigned long address, struct pt_regs *regs, unsigned long code)
{
	return count_fault();
}

SEC("tp_btf/page_fault_user")
int BPF_PROG(user_fault, unsigned long address, struct pt_regs *regs, unsigned long code)
{
	return count_fault();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
