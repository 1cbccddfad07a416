/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* arch_x86_64.c - System V ABI, AMD64 supplement: figures 3.4 and 3.36. */
#include "unwind/arch.h"

#define NONE EGRET_NO_SLOT

const struct egret_arch egret_arch_x86_64 = {
	.name = "x86-64",
	.machine = EM_X86_64,
	.slot_of_column = { 0,	  1,	2,    3,    4,	  5,	6,    7,    8,	  9,	10,
			    11,	  12,	13,   14,   15,	  16,	NONE, NONE, NONE, NONE, NONE,
			    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE },
	.link = NONE,
	.simple_kind = EGRET_ROW_SIMPLE,
	.saved = EGRET_SAVED_REGS,
	.saved_number = { [3] = SAVED_RBX + 1,
			  [6] = SAVED_RBP + 1,
			  [12] = SAVED_R12 + 1,
			  [13] = SAVED_R13 + 1,
			  [14] = SAVED_R14 + 1,
			  [15] = SAVED_R15 + 1 },
	.kept = 0xf048, /* rbx, rbp, r12 to r15 */
	.names = { "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
		   "r12", "r13", "r14", "r15", "ra" },
	.signal_row = egret_code_row_signal,
	.code_row = egret_code_row,
};
