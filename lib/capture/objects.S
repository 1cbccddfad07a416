/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The BPF programs of each backend, as the build made them; see bpf/. */
	.section .rodata
	.macro object name, file
	.balign 8
	.globl egret_bpf_\name
	.hidden egret_bpf_\name
	.globl egret_bpf_\name\()_end
	.hidden egret_bpf_\name\()_end
egret_bpf_\name:
	.incbin "\file"
egret_bpf_\name\()_end:
	.byte 0
	.endm

	object hook hook.bpf.o
	object task_work task_work.bpf.o
	object inline inline.bpf.o
	.section .note.GNU-stack, "", @progbits
