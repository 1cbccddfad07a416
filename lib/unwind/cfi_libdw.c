/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/cfi_libdw.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/cfi_image.h"
#include "unwind/expr_encode.h"

/* Where CFI is, in the order in which it is looked for. */
enum section { EH_FRAME, DEBUG_FRAME, SEPARATE_DEBUG_FRAME, NR_SECTIONS };

struct egret_cfi {
	const struct egret_elf *elf;
	const struct egret_elf *debug;
	bool is_open[NR_SECTIONS]; /* or there is none */
	Dwarf_CFI *eh_frame;	   /* of the file itself, or of its image */
	struct egret_cfi_image eh_image;
	struct egret_cfi_image debug_frame;
	struct egret_cfi_image separate;
};

int egret_cfi_create(const struct egret_elf *elf, const struct egret_elf *debug,
		     struct egret_cfi **out)
{
	struct egret_cfi *cfi = calloc(1, sizeof(*cfi));

	if (!cfi)
		return -ENOMEM;
	cfi->elf = elf;
	cfi->debug = debug;
	*out = cfi;
	return 0;
}

void egret_cfi_destroy(struct egret_cfi *cfi)
{
	if (!cfi)
		return;
	if (cfi->eh_frame && cfi->eh_frame != cfi->eh_image.cfi)
		dwarf_cfi_end(cfi->eh_frame);
	egret_cfi_image_close(&cfi->eh_image);
	egret_cfi_image_close(&cfi->debug_frame);
	egret_cfi_image_close(&cfi->separate);
	free(cfi);
}

static bool is_x86_64(const struct egret_elf *elf)
{
	return elf && egret_elf_machine(elf) == EM_X86_64 && egret_elf_is_64(elf);
}

static void open_eh_frame(struct egret_cfi *cfi)
{
	if (egret_cfi_image_is_needed(cfi->elf) &&
	    !egret_cfi_image_open_eh_frame(cfi->elf, &cfi->eh_image))
		cfi->eh_frame = cfi->eh_image.cfi;
	else
		cfi->eh_frame = dwarf_getcfi_elf(egret_elf_handle(cfi->elf));
}

static Dwarf_CFI *open_section(struct egret_cfi *cfi, enum section which)
{
	if (which == EH_FRAME) {
		if (!cfi->is_open[which] && is_x86_64(cfi->elf))
			open_eh_frame(cfi);
		return cfi->eh_frame;
	}
	if (which == DEBUG_FRAME) {
		if (!cfi->is_open[which] && is_x86_64(cfi->elf))
			egret_cfi_image_open_debug_frame(cfi->elf, &cfi->debug_frame);
		return cfi->debug_frame.cfi;
	}
	if (!cfi->is_open[which] && is_x86_64(cfi->debug))
		egret_cfi_image_open_debug_frame(cfi->debug, &cfi->separate);
	return cfi->separate.cfi;
}

/* Opens it when it is first wanted. NULL: missing or damaged, which is one that covers no pc. */
static Dwarf_CFI *section(struct egret_cfi *cfi, enum section which)
{
	Dwarf_CFI *found = open_section(cfi, which);

	cfi->is_open[which] = true;
	return found;
}

/* ---- rules ---------------------------------------------------------------------------------- */

static bool fits_int32(Dwarf_Word value)
{
	return (int64_t)value == (int32_t)value;
}

/* breg or bregx: reg + offset. */
static bool is_breg(const Dwarf_Op *op, struct egret_rule *rule)
{
	Dwarf_Word reg = op->number, offset = op->number2;

	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		reg = op->atom - DW_OP_breg0;
		offset = op->number;
	} else if (op->atom != DW_OP_bregx) {
		return false;
	}
	if (reg >= EGRET_X86_NR_REGS || !fits_int32(offset))
		return false;
	rule->reg = (uint8_t)reg;
	rule->offset = (int32_t)offset;
	return true;
}

/* Appends ops to the row's expressions. False: not such as CFI may have. */
static bool add_expr(const Dwarf_Op *ops, size_t n, struct egret_row_scratch *scratch,
		     struct egret_rule *rule)
{
	uint8_t *to = scratch->bytes + scratch->size;
	int len = egret_expr_encode(ops, n, to, sizeof(scratch->bytes) - scratch->size);

	if (len < 0)
		return false;
	rule->offset = (int32_t)(to - scratch->full.expr);
	rule->len = (uint16_t)len;
	scratch->size += (size_t)len;
	return true;
}

/*
 * The rule of the CFA, from what dwarf_frame_cfa gives. reg + offset, *(reg + offset) (a function
 * that aligns its stack) or an expression.
 */
static bool cfa_rule(const Dwarf_Op *ops, size_t n, struct egret_row_scratch *scratch)
{
	struct egret_rule *rule = &scratch->full.cfa;

	*rule = (struct egret_rule){ .kind = EGRET_RULE_REG };
	if (n == 1 && is_breg(&ops[0], rule))
		return true;
	if (n == 2 && is_breg(&ops[0], rule) && ops[1].atom == DW_OP_deref) {
		rule->kind = EGRET_RULE_AT_REG;
		return true;
	}
	*rule = (struct egret_rule){ .kind = EGRET_RULE_EXPR };
	return n && add_expr(ops, n, scratch, rule);
}

/*
 * The rule of a register. dwarf_frame_register gives DW_OP_regx for "in another register", else a
 * location that begins with DW_OP_call_frame_cfa; DW_OP_stack_value after it makes it a value.
 */
static bool reg_rule(const Dwarf_Op *ops, size_t n, struct egret_row_scratch *scratch,
		     struct egret_rule *rule)
{
	bool is_value;

	if (n == 1 && ops[0].atom == DW_OP_regx) {
		*rule = (struct egret_rule){ .kind = EGRET_RULE_REG,
					     .reg = (uint8_t)ops[0].number };
		return ops[0].number < EGRET_X86_NR_REGS;
	}
	if (ops[0].atom != DW_OP_call_frame_cfa)
		return false;
	is_value = ops[n - 1].atom == DW_OP_stack_value;
	n -= 1 + is_value;
	ops++;
	*rule = (struct egret_rule){ .kind = is_value ? EGRET_RULE_CFA : EGRET_RULE_AT_CFA };
	if (!n)
		return true;
	if (n == 1 && ops[0].atom == DW_OP_plus_uconst && fits_int32(ops[0].number)) {
		rule->offset = (int32_t)ops[0].number;
		return true;
	}
	*rule = (struct egret_rule){ .kind = is_value ? EGRET_RULE_REG : EGRET_RULE_AT_REG };
	if (n == 1 && is_breg(&ops[0], rule))
		return true;
	*rule = (struct egret_rule){ .kind = is_value ? EGRET_RULE_EXPR : EGRET_RULE_AT_EXPR };
	return add_expr(ops, n, scratch, rule);
}

/* The rule of register column regno goes to register reg: they differ only for the return address.
 */
static bool register_row(Dwarf_Frame *frame, int regno, unsigned int reg,
			 struct egret_row_scratch *scratch)
{
	struct egret_rule *rule = &scratch->full.reg[reg];
	Dwarf_Op mem[3], *ops;
	size_t n;

	if (dwarf_frame_register(frame, regno, mem, &ops, &n))
		return false;
	if (n)
		return reg_rule(ops, n, scratch, rule);
	*rule = (struct egret_rule){ .kind = ops ? EGRET_RULE_UNDEFINED : EGRET_RULE_SAME };
	return true;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* DWARF's numbers of enum egret_saved. */
static const uint8_t saved_reg[NR_SAVED] = EGRET_SAVED_REGS;

/* The same as a simple row, if it can be. */
static bool simplify(const struct egret_full_row *full, struct egret_row *row)
{
	const struct egret_rule *rip = &full->reg[EGRET_UNWIND_RIP];
	const struct egret_rule *rsp = &full->reg[EGRET_UNWIND_RSP];

	if (full->cfa.kind != EGRET_RULE_REG || rip->kind != EGRET_RULE_AT_CFA ||
	    rip->offset != -8 || rsp->kind != EGRET_RULE_CFA || rsp->offset)
		return false;
	for (unsigned int i = 0; i < NR_SAVED; i++) {
		const struct egret_rule *rule = &full->reg[saved_reg[i]];

		if (rule->kind == EGRET_RULE_SAME)
			continue;
		if (rule->kind != EGRET_RULE_AT_CFA || rule->offset & 7 || rule->offset >= 0 ||
		    rule->offset < -8 * UINT8_MAX)
			return false;
		row->saved[i] = (uint8_t)(rule->offset / -8);
	}
	row->kind = EGRET_ROW_SIMPLE;
	row->cfa_reg = full->cfa.reg;
	row->cfa_offset = full->cfa.offset;
	return true;
}

/* What holds for a register that CFI does not mention. */
static void apply_abi(struct egret_full_row *full)
{
	struct egret_rule *rsp = &full->reg[EGRET_UNWIND_RSP];

	if (rsp->kind == EGRET_RULE_UNDEFINED || rsp->kind == EGRET_RULE_SAME)
		*rsp = (struct egret_rule){ .kind = EGRET_RULE_CFA };
	/* Those that a callee keeps are kept. libdw says so itself, but for rbx, in whose place its
	 * table (of 0.188) has rax. */
	for (unsigned int i = 0; i < NR_SAVED; i++)
		if (full->reg[saved_reg[i]].kind == EGRET_RULE_UNDEFINED)
			full->reg[saved_reg[i]].kind = EGRET_RULE_SAME;
}

static bool row_of_frame(Dwarf_Frame *frame, struct egret_row_scratch *scratch,
			 struct egret_row *row)
{
	struct egret_full_row *full = &scratch->full;
	Dwarf_Addr start, end;
	Dwarf_Op *ops;
	size_t n;
	bool is_signal;
	int ra = dwarf_frame_info(frame, &start, &end, &is_signal);

	*row = (struct egret_row){ .kind = EGRET_ROW_FULL };
	scratch->size = sizeof(*full);
	memset(&full->reg[EGRET_X86_NR_REGS], 0,
	       sizeof(full->reg) - EGRET_X86_NR_REGS * sizeof(full->reg[0]));
	if (ra < 0 || !register_row(frame, ra, EGRET_UNWIND_RIP, scratch))
		return false;
	if (full->reg[EGRET_UNWIND_RIP].kind == EGRET_RULE_UNDEFINED) {
		*row = (struct egret_row){ .kind = EGRET_ROW_SIMPLE, .flags = EGRET_ROW_F_ROOT };
		return true;
	}
	if (dwarf_frame_cfa(frame, &ops, &n) || !cfa_rule(ops, n, scratch))
		return false;
	for (unsigned int reg = 0; reg < EGRET_UNWIND_RIP; reg++)
		if (!register_row(frame, (int)reg, reg, scratch))
			return false;
	apply_abi(full);
	if (is_signal)
		row->flags = EGRET_ROW_F_SIGNAL;
	simplify(full, row);
	return true;
}

/* False: this CFI does not cover vaddr. */
static bool look_up(Dwarf_CFI *cfi, uint64_t vaddr, struct egret_row_scratch *scratch,
		    struct egret_row *row)
{
	Dwarf_Frame *frame;

	if (!cfi || dwarf_cfi_addrframe(cfi, vaddr, &frame))
		return false;
	if (!row_of_frame(frame, scratch, row))
		*row = (struct egret_row){ .kind = EGRET_ROW_BAD };
	free(frame);
	return true;
}

struct egret_row egret_cfi_row(struct egret_cfi *cfi, struct egret_place place,
			       struct egret_row_scratch *scratch)
{
	struct egret_row row;
	bool found = false;

	for (enum section i = 0; i < NR_SECTIONS && !found; i++)
		found = look_up(section(cfi, i), place.vaddr, scratch, &row);
	if (!found)
		row = egret_code_row(cfi->elf, place);
	/* Trampolines of Go and musl have no CFI, and what is before them may have some. */
	if (!(row.flags & EGRET_ROW_F_SIGNAL) &&
	    egret_code_row_signal(cfi->elf, place, &scratch->full)) {
		scratch->size = sizeof(scratch->full);
		row = (struct egret_row){ .kind = EGRET_ROW_FULL, .flags = EGRET_ROW_F_SIGNAL };
	}
	return row;
}

bool egret_cfi_eh_range(struct egret_cfi *cfi, uint64_t vaddr, uint64_t *start, uint64_t *end)
{
	Dwarf_CFI *eh_frame = section(cfi, EH_FRAME);
	Dwarf_Frame *frame;
	int ra;

	if (!eh_frame || dwarf_cfi_addrframe(eh_frame, vaddr, &frame))
		return false;
	ra = dwarf_frame_info(frame, start, end, NULL);
	free(frame);
	return ra >= 0;
}
