/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* code_row.h - what the bytes of the code say about a pc, for code without CFI. */
#ifndef EGRET_UNWIND_CODE_ROW_H
#define EGRET_UNWIND_CODE_ROW_H

#include "unwind/row.h"

/*
 * Where a row is asked for. A return address is looked up one byte before it, within the call: the
 * instruction after a call that does not return belongs to someone else. The kernel makes handlers
 * return to the start of the signal trampoline, so there the pc counts as a return address too.
 */
struct egret_place {
	uint64_t vaddr; /* the byte to look up, in the address space of the ELF file */
	bool is_return; /* the pc is vaddr + 1 */
};

/*
 * Whether the pc is in a signal trampoline: mov $__NR_rt_sigreturn, %eax or %rax; syscall. If so,
 * fills full, which finds the registers in the kernel's struct rt_sigframe.
 */
bool egret_code_row_signal(const struct egret_elf *elf, struct egret_place place,
			   struct egret_full_row *full);

/*
 * The row of a pc without CFI: EGRET_ROW_NONE, with EGRET_ROW_F_ENTRY where a program begins. Where
 * the pc is at the start of a function, before rbp is this function's frame pointer, or at its ret,
 * the row says so by a cfa_offset that is not 0.
 */
struct egret_row egret_code_row(const struct egret_elf *elf, struct egret_place place);

#endif
