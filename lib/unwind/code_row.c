/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/code_row.h"

#include <string.h>

/* The code at the entry point calls the first function within this many bytes. */
#define ENTRY_LEN 128

/* len bytes at vaddr, or NULL where they are not in the file. */
static const uint8_t *code_at(const struct egret_elf *elf, uint64_t vaddr, size_t len)
{
	uint64_t offset;
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);

	if (!egret_elf_vaddr_to_offset(elf, vaddr, &offset) || offset > size || size - offset < len)
		return NULL;
	return bytes + offset;
}

static bool code_is(const struct egret_elf *elf, uint64_t vaddr, const uint8_t *want, size_t len)
{
	const uint8_t *code = code_at(elf, vaddr, len);

	return code && !memcmp(code, want, len);
}

/* ---- signal trampolines --------------------------------------------------------------------- */

/* glibc, musl: mov $15, %rax; Go: the same; others: mov $15, %eax. Then syscall. */
static const uint8_t sigreturn_rax[] = { 0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05 };
static const uint8_t sigreturn_eax[] = { 0xb8, 15, 0, 0, 0, 0x0f, 0x05 };

/* The pc is at the mov or at the syscall. */
static bool is_trampoline(const struct egret_elf *elf, uint64_t pc, const uint8_t *code, size_t len)
{
	return code_is(elf, pc, code, len) || code_is(elf, pc - (len - 2), code, len);
}

/*
 * Where struct rt_sigframe (arch/x86/include/asm/sigframe.h) keeps each register, from its uc,
 * which is what rsp points to in the trampoline: after the 40 bytes of uc_flags, uc_link and
 * uc_stack comes struct sigcontext_64. Indexed by DWARF's numbers.
 */
static const uint8_t sigframe_offset[EGRET_X86_NR_REGS] = { 144, 136, 152, 128, 112, 104,
							    120, 160, 40,  48,	56,  64,
							    72,	 80,  88,  96,	168 };

bool egret_code_row_signal(const struct egret_elf *elf, struct egret_place place,
			   struct egret_full_row *full)
{
	uint64_t pc = place.vaddr + place.is_return;

	if (!is_trampoline(elf, pc, sigreturn_rax, sizeof(sigreturn_rax)) &&
	    !is_trampoline(elf, pc, sigreturn_eax, sizeof(sigreturn_eax)))
		return false;
	*full = (struct egret_full_row){ 0 };
	for (unsigned int i = 0; i < EGRET_X86_NR_REGS; i++)
		full->reg[i] = (struct egret_rule){ .kind = EGRET_RULE_AT_REG,
						    .reg = EGRET_UNWIND_RSP,
						    .offset = sigframe_offset[i] };
	full->cfa = full->reg[EGRET_UNWIND_RSP];
	return true;
}

/* ---- functions that keep a frame pointer ------------------------------------------------------
 */

static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
static const uint8_t push_rbp_mov_rsp_rbp[] = { 0x55, 0x48, 0x89, 0xe5 };
static const uint8_t push_rbp_mov_rsp_rbp_2[] = { 0x55, 0x48, 0x8b, 0xec };

static bool is_frame_setup(const struct egret_elf *elf, uint64_t vaddr)
{
	return code_is(elf, vaddr, push_rbp_mov_rsp_rbp, sizeof(push_rbp_mov_rsp_rbp)) ||
	       code_is(elf, vaddr, push_rbp_mov_rsp_rbp_2, sizeof(push_rbp_mov_rsp_rbp_2));
}

static bool is_ret(const struct egret_elf *elf, uint64_t vaddr)
{
	const uint8_t *code = code_at(elf, vaddr, 1);

	return code && (*code == 0xc3 || *code == 0xc2);
}

static bool is_entry_point(const struct egret_elf *elf, uint64_t vaddr)
{
	uint64_t entry = egret_elf_entry(elf);

	return entry && vaddr - entry < ENTRY_LEN;
}

struct egret_row egret_code_row(const struct egret_elf *elf, struct egret_place place)
{
	struct egret_row row = { .kind = EGRET_ROW_NONE, .cfa_reg = EGRET_UNWIND_RSP };

	if (is_entry_point(elf, place.vaddr))
		row.flags = EGRET_ROW_F_ENTRY;
	if (place.is_return)
		return row;
	if (is_frame_setup(elf, place.vaddr) || is_ret(elf, place.vaddr) ||
	    (code_is(elf, place.vaddr, endbr64, sizeof(endbr64)) &&
	     is_frame_setup(elf, place.vaddr + sizeof(endbr64)))) {
		row.cfa_offset = 8;
	} else if (is_frame_setup(elf, place.vaddr - 1)) {
		row.cfa_offset = 16;
		row.saved[SAVED_RBP] = 2;
	}
	return row;
}
