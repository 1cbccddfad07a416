/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * arch.h - what differs between architectures: how registers are numbered, what callees keep, where
 * a return address is, and how the kernel's signal frame looks.
 *
 * One file an architecture fills one const struct. The registers that are followed have slots of
 * their own. Those of the stack pointer, of the frame pointer and of the program counter are the
 * same for all (EGRET_UNWIND_RSP, _RBP, _RIP), so that what walks stacks knows no architecture:
 *
 *	slot	x86-64				aarch64
 *	6	rbp				x29
 *	7	rsp				sp
 *	16	rip				pc
 *	18	-				x16
 *	29, 31	-				x6, x7
 *	else	DWARF's number		DWARF's number
 *
 * aarch64's x18, the platform register, is not followed.
 */
#ifndef EGRET_UNWIND_ARCH_H
#define EGRET_UNWIND_ARCH_H

#include "unwind/code_row.h"
#include "unwind/row.h"

#define EGRET_NO_SLOT 0xff
#define EGRET_ARCH_COLUMNS 32 /* DWARF's numbers of registers are below; others are not followed */

struct egret_arch {
	const char *name;
	uint16_t machine; /* EM_* */
	/* By DWARF's number: the slot, or EGRET_NO_SLOT. */
	uint8_t slot_of_column[EGRET_ARCH_COLUMNS];
	/*
	 * The slot that has the return address when a function is called (aarch64: x30), which CFI
	 * then speaks of; EGRET_NO_SLOT: it is pushed (x86-64), and has a column of its own.
	 */
	uint8_t link;
	uint8_t simple_kind; /* of its simple rows: EGRET_ROW_SIMPLE, EGRET_ROW_LINK */
	/* The slots of saved[] in a simple row, and by slot which place of it + 1; 0: none. */
	uint8_t saved[NR_SAVED];
	uint8_t saved_number[EGRET_UNWIND_NR_REGS];
	/* What callees keep without a word in CFI, but for the stack pointer: a bit a slot. */
	uint32_t kept;
	const char *names[EGRET_UNWIND_NR_REGS]; /* by slot; NULL: not followed */
	/* As egret_code_row_signal. */
	bool (*signal_row)(const struct egret_elf *elf, struct egret_place place,
			   struct egret_full_row *full);
	/* As egret_code_row; NULL: code without CFI is not looked at. */
	struct egret_row (*code_row)(const struct egret_elf *elf, struct egret_place place);
};

extern const struct egret_arch egret_arch_x86_64, egret_arch_aarch64;

/* Of a 64-bit file; NULL: nothing is known of its architecture. */
const struct egret_arch *egret_arch_of(const struct egret_elf *elf);

#endif
