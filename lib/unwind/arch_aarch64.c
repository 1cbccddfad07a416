/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * arch_aarch64.c - Procedure Call Standard for the Arm 64-bit Architecture (AAPCS64), 6.1.1; DWARF
 * for the Arm 64-bit Architecture (AADWARF64), 4.1.
 */
#include <string.h>

#include "unwind/arch.h"

#define NONE EGRET_NO_SLOT

/*
 * mov x8, #139 (__NR_rt_sigreturn); svc #0. The kernel's trampoline in the vdso has CFI that leads
 * to the interrupted function's caller, so the code is what tells.
 */
static const uint32_t sigreturn[] = { 0xd2801168, 0xd4000001 };

/*
 * Where struct rt_sigframe (arch/arm64/kernel/signal.c) has x0, from sp in the trampoline: 128
 * bytes of siginfo; of ucontext 40 of flags, link and stack, 128 for signal masks, 8 so that
 * sigcontext is at a multiple of 16; and its fault_address. After x30 come sp and pc.
 */
#define SIGFRAME_X0 (128 + 40 + 128 + 8 + 8)
#define SIGFRAME_SP (SIGFRAME_X0 + 8 * 31)
#define SIGFRAME_PC (SIGFRAME_SP + 8)

static bool is_code(const struct egret_elf *elf, uint64_t vaddr, const void *want, size_t len)
{
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uint64_t offset;

	return egret_elf_vaddr_to_offset(elf, vaddr, &offset) && offset <= size &&
	       size - offset >= len && !memcmp(bytes + offset, want, len);
}

static bool signal_row(const struct egret_elf *elf, struct egret_place place,
		       struct egret_full_row *full)
{
	uint64_t pc = place.vaddr + place.is_return;

	if (!is_code(elf, pc, sigreturn, sizeof(sigreturn)) &&
	    !is_code(elf, pc - 4, sigreturn, sizeof(sigreturn)))
		return false;
	*full = (struct egret_full_row){ 0 };
	for (unsigned int column = 0; column < EGRET_ARCH_COLUMNS; column++) {
		uint8_t slot = egret_arch_aarch64.slot_of_column[column];

		if (slot != NONE)
			full->reg[slot] = (struct egret_rule){
				.kind = EGRET_RULE_AT_REG,
				.reg = EGRET_UNWIND_RSP,
				.offset = SIGFRAME_X0 + 8 * (int32_t)column,
			};
	}
	full->cfa = full->reg[EGRET_UNWIND_RSP];
	full->reg[EGRET_UNWIND_RIP] = (struct egret_rule){ .kind = EGRET_RULE_AT_REG,
							   .reg = EGRET_UNWIND_RSP,
							   .offset = SIGFRAME_PC };
	return true;
}

/* ---- code without CFI: the procedure linkage table ------------------------------------------ */

/* An instruction, or 0 where there is none in the file. */
static uint32_t instruction_at(const struct egret_elf *elf, uint64_t vaddr)
{
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uint64_t offset;
	uint32_t value = 0;

	if (egret_elf_vaddr_to_offset(elf, vaddr, &offset) && offset <= size &&
	    size - offset >= sizeof(value))
		memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

/*
 * adrp x16, page; ldr x17, [x16, offset]; add x16, x16, offset; br x17
 * (Procedure linkage table of GNU ld and lld). vaddr: of the adrp.
 */
static bool is_plt(const struct egret_elf *elf, uint64_t vaddr)
{
	return (instruction_at(elf, vaddr) & 0x9f00001f) == 0x90000010 &&
	       (instruction_at(elf, vaddr + 4) & 0xffc003ff) == 0xf9400211 &&
	       (instruction_at(elf, vaddr + 8) & 0xffc003ff) == 0x91000210 &&
	       instruction_at(elf, vaddr + 12) == 0xd61f0220;
}

#define BTI_C 0xd503245f    /* bti c, where branches are protected */
#define PLT_PUSH 0xa9bf7bf0 /* stp x16, x30, [sp, #-16]!: of the entry that the others lead to */

/* An entry of the PLT pushes nothing, but for the first, which saves x30. */
static struct egret_row code_row(const struct egret_elf *elf, struct egret_place place)
{
	struct egret_row row = { .kind = EGRET_ROW_NONE, .cfa_reg = EGRET_UNWIND_RSP };
	uint64_t start = place.vaddr;
	uint32_t here = instruction_at(elf, start);

	if (place.is_return || place.vaddr & 3)
		return row;
	if (here == BTI_C || here == PLT_PUSH) {
		start += 4;
	} else {
		for (int i = 0; i < 3 && !is_plt(elf, start); i++)
			start -= 4;
	}
	if (!is_plt(elf, start))
		return row;
	row.kind = EGRET_ROW_LINK;
	if (here != PLT_PUSH && instruction_at(elf, start - 4) == PLT_PUSH) {
		row.cfa_offset = 16;
		row.saved[egret_arch_aarch64.saved_number[30] - 1] = 1;
	}
	return row;
}

const struct egret_arch egret_arch_aarch64 = {
	.name = "aarch64",
	.machine = EM_AARCH64,
	.slot_of_column = { 0,	1,  2,	  3,  4,  5,  29, 31, 8,  9,  10, 11, 12, 13, 14, 15,
			    18, 17, NONE, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 6,  30, 7 },
	.link = 30,
	.simple_kind = EGRET_ROW_LINK,
	.saved = { 6, 30, 19, 20, 21, 22 },
	.saved_number = { [6] = 1, [30] = 2, [19] = 3, [20] = 4, [21] = 5, [22] = 6 },
	.kept = 0x5ff80040, /* x19 to x28, x29; and x30, until a call is made */
	.names = { "x0",  "x1",	 "x2",	"x3",  "x4",  "x5",  "x29", "sp",  "x8",  "x9",	 "x10",
		   "x11", "x12", "x13", "x14", "x15", "ra",  "x17", "x16", "x19", "x20", "x21",
		   "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x6",  "x30", "x7" },
	.signal_row = signal_row,
	.code_row = code_row,
};
