/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/cfi_program.h"

#include <dwarf.h>

#ifndef DW_CFA_AARCH64_negate_ra_state /* elfutils 0.189 */
#define DW_CFA_AARCH64_negate_ra_state 0x2d
#endif

#include "base/bytes.h"

#define NO_REG UINT32_MAX

struct run {
	struct egret_bytes r;
	const struct egret_cfi_section *section;
	const struct egret_arch *arch;
	const struct egret_cie *cie;
	const struct egret_cfi_state *initial; /* NULL in the program of the CIE itself */
	struct egret_cfi_state state;
	struct egret_cfi_state remembered[EGRET_CFI_REMEMBERED_MAX];
	unsigned int n_remembered;
	uint64_t location;
	uint64_t from, to; /* what is wanted */
	egret_cfi_row_fn row;
	void *arg;
	bool is_done;
};

static void bad(struct run *run)
{
	egret_bytes_fail(&run->r);
}

/* ---- rules ---------------------------------------------------------------------------------- */

static inline bool fits_simple_slot(const struct egret_rule *rule)
{
	return rule->kind == EGRET_RULE_AT_CFA && !(rule->offset & 7) && rule->offset < 0 &&
	       rule->offset >= -8 * (int)UINT8_MAX;
}

/* Whether the rule is what every simple row says of the register, or was put into this one. */
static inline bool put_simple(const struct egret_arch *arch, struct egret_row *simple, uint32_t reg,
			      const struct egret_rule *rule)
{
	uint8_t saved = arch->saved_number[reg];

	if (saved) {
		bool fits = fits_simple_slot(rule);

		simple->saved[saved - 1] = fits ? (uint8_t)(rule->offset / -8) : 0;
		return fits || rule->kind == EGRET_RULE_SAME;
	}
	if (reg == EGRET_UNWIND_RIP)
		return rule->kind == EGRET_RULE_AT_CFA && rule->offset == -8;
	if (reg == EGRET_UNWIND_RSP)
		return rule->kind == EGRET_RULE_CFA && !rule->offset;
	return rule->kind == (arch->kept & 1u << reg ? EGRET_RULE_SAME : EGRET_RULE_UNDEFINED);
}

static inline void put_rule(const struct egret_arch *arch, struct egret_cfi_state *state,
			    uint32_t reg, struct egret_rule rule)
{
	state->reg[reg] = rule;
	if (put_simple(arch, &state->simple, reg, &rule))
		state->odd &= ~(1ull << reg);
	else
		state->odd |= 1ull << reg;
	if (reg != state->link)
		return;
	/* The caller's pc is what the register of the return address is to have again. */
	if (rule.kind == EGRET_RULE_SAME)
		rule = (struct egret_rule){ .kind = EGRET_RULE_REG, .reg = state->link };
	state->reg[EGRET_UNWIND_RIP] = rule;
}

/*
 * The slot of a column: a return address that is pushed has one of its own, and what lies beyond is
 * not followed.
 */
static inline uint32_t reg_of_column(const struct run *run, uint64_t column)
{
	uint8_t slot;

	if (column == run->cie->ra && run->arch->link == EGRET_NO_SLOT)
		return EGRET_UNWIND_RIP;
	slot = column < EGRET_ARCH_COLUMNS ? run->arch->slot_of_column[column] : EGRET_NO_SLOT;
	return slot == EGRET_NO_SLOT || slot == EGRET_UNWIND_RIP ? NO_REG : slot;
}

static inline void set_rule(struct run *run, uint64_t column, struct egret_rule rule)
{
	uint32_t reg = reg_of_column(run, column);

	/* The caller's stack pointer is the CFA by definition; nobody can keep it at what the
	 * callee has. */
	if (reg == EGRET_UNWIND_RSP &&
	    (rule.kind == EGRET_RULE_SAME || rule.kind == EGRET_RULE_UNDEFINED))
		rule = (struct egret_rule){ .kind = EGRET_RULE_CFA };
	if (reg != NO_REG)
		put_rule(run->arch, &run->state, reg, rule);
}

static void set_offset_rule(struct run *run, enum egret_rule_kind kind, uint64_t column,
			    int64_t factored)
{
	int64_t offset;

	if (__builtin_mul_overflow(factored, run->cie->data_align, &offset) ||
	    offset != (int32_t)offset)
		bad(run);
	else
		set_rule(run, column,
			 (struct egret_rule){ .kind = (uint8_t)kind, .offset = (int32_t)offset });
}

static void set_cfa_slot(struct run *run, uint32_t reg, int64_t offset)
{
	struct egret_cfi_state *state = &run->state;

	if (reg == NO_REG || offset != (int32_t)offset) {
		bad(run);
		return;
	}
	state->cfa = (struct egret_rule){ .kind = EGRET_RULE_REG,
					  .reg = (uint8_t)reg,
					  .offset = (int32_t)offset };
	state->simple.cfa_reg = (uint8_t)reg;
	state->simple.cfa_offset = (int32_t)offset;
	state->odd &= ~EGRET_CFI_ODD_CFA;
}

static void set_cfa_reg(struct run *run, uint64_t column, int64_t offset)
{
	uint8_t slot = column < EGRET_ARCH_COLUMNS ? run->arch->slot_of_column[column]
						   : EGRET_NO_SLOT;

	set_cfa_slot(run, slot == EGRET_NO_SLOT || slot == EGRET_UNWIND_RIP ? NO_REG : slot,
		     offset);
}

/* Only where the CFA is a register and an offset already. */
static void change_cfa(struct run *run, bool change_reg, uint64_t reg, int64_t offset)
{
	const struct egret_rule *cfa = &run->state.cfa;

	if (cfa->kind != EGRET_RULE_REG)
		bad(run);
	else if (change_reg)
		set_cfa_reg(run, reg, cfa->offset);
	else
		set_cfa_slot(run, cfa->reg, offset);
}

static int64_t scaled(struct run *run, int64_t factored)
{
	int64_t offset;

	if (!__builtin_mul_overflow(factored, run->cie->data_align, &offset))
		return offset;
	bad(run);
	return 0;
}

/* ---- expressions ---------------------------------------------------------------------------- */

/* DW_OP_bregN offset at the start of the expression: *rest is what comes after it. */
static bool begins_with_breg(const struct run *run, struct egret_bytes *expr,
			     struct egret_rule *rule)
{
	uint8_t op = egret_bytes_u8(expr);
	int64_t offset = egret_bytes_sleb(expr);

	if (expr->failed || op < DW_OP_breg0 || op > DW_OP_breg31 || offset != (int32_t)offset ||
	    run->arch->slot_of_column[op - DW_OP_breg0] == EGRET_NO_SLOT)
		return false;
	rule->reg = run->arch->slot_of_column[op - DW_OP_breg0];
	rule->offset = (int32_t)offset;
	return true;
}

/* An expression that follows here: where it is, as a rule without a kind. */
static bool read_expr(struct run *run, struct egret_rule *rule, struct egret_bytes *expr)
{
	uint64_t len = egret_bytes_uleb(&run->r);
	const uint8_t *p = egret_bytes_take(&run->r, len);

	if (!p || len > UINT16_MAX) {
		bad(run);
		return false;
	}
	*rule = (struct egret_rule){ .len = (uint16_t)len,
				     .offset = (int32_t)(p - run->section->bytes) };
	*expr = (struct egret_bytes){ p, p + len, false };
	return true;
}

/* *(reg + offset) is what functions that align their stack have; all else stays an expression. */
static void set_cfa_expr(struct run *run)
{
	struct egret_bytes expr;
	struct egret_rule rule, simple = { .kind = EGRET_RULE_AT_REG };

	if (!read_expr(run, &rule, &expr))
		return;
	rule.kind = EGRET_RULE_EXPR;
	if (begins_with_breg(run, &expr, &simple) && egret_bytes_left(&expr) == 1 &&
	    *expr.p == DW_OP_deref)
		rule = simple;
	run->state.cfa = rule;
	run->state.odd |= EGRET_CFI_ODD_CFA;
}

static void set_expr_rule(struct run *run, uint64_t column, bool is_value)
{
	struct egret_bytes expr;
	struct egret_rule rule, simple;

	if (!read_expr(run, &rule, &expr))
		return;
	rule.kind = is_value ? EGRET_RULE_EXPR : EGRET_RULE_AT_EXPR;
	simple = (struct egret_rule){ .kind = is_value ? EGRET_RULE_REG : EGRET_RULE_AT_REG };
	if (begins_with_breg(run, &expr, &simple) && !egret_bytes_left(&expr))
		rule = simple;
	set_rule(run, column, rule);
}

/* ---- operations ----------------------------------------------------------------------------- */

/* The state as it is holds up to `location`. */
static void advance_to(struct run *run, uint64_t location)
{
	uint64_t start = run->location > run->from ? run->location : run->from;
	uint64_t end = location < run->to ? location : run->to;

	if (location < run->location) { /* backwards, or around the end of all addresses */
		bad(run);
		return;
	}
	run->location = location;
	if (!run->row || run->r.failed)
		return;
	if (start < end && !run->row(run->arg, start, end, &run->state))
		run->is_done = true;
	if (location >= run->to)
		run->is_done = true;
}

static inline void advance(struct run *run, uint64_t factored)
{
	uint64_t by, location;

	if (__builtin_mul_overflow(factored, run->cie->code_align, &by) ||
	    __builtin_add_overflow(run->location, by, &location))
		bad(run);
	else
		advance_to(run, location);
}

static void set_location(struct run *run)
{
	const uint8_t *at = run->r.p;
	uint64_t location;

	if (!egret_cfi_pointer(run->section, run->cie, &at, run->r.end, &location)) {
		bad(run);
		return;
	}
	run->r.p = at;
	advance_to(run, location);
}

static void restore(struct run *run, uint64_t column)
{
	uint32_t reg = reg_of_column(run, column);

	if (!run->initial)
		bad(run);
	else if (reg != NO_REG)
		put_rule(run->arch, &run->state, reg, run->initial->reg[reg]);
}

static void remember_state(struct run *run)
{
	if (run->n_remembered == EGRET_CFI_REMEMBERED_MAX)
		bad(run);
	else
		run->remembered[run->n_remembered++] = run->state;
}

static void restore_state(struct run *run)
{
	if (!run->n_remembered)
		bad(run);
	else
		run->state = run->remembered[--run->n_remembered];
}

/* x is in register y. */
static void set_register_rule(struct run *run, uint64_t column, uint64_t other)
{
	uint8_t slot = other < EGRET_ARCH_COLUMNS ? run->arch->slot_of_column[other]
						  : EGRET_NO_SLOT;

	if (slot != EGRET_NO_SLOT)
		set_rule(run, column, (struct egret_rule){ .kind = EGRET_RULE_REG, .reg = slot });
	else if (reg_of_column(run, column) != NO_REG)
		bad(run);
}

static void set_kind(struct run *run, enum egret_rule_kind kind)
{
	set_rule(run, egret_bytes_uleb(&run->r), (struct egret_rule){ .kind = (uint8_t)kind });
}

/* Those about the CFA. False: op is not one. */
static bool run_cfa_operation(struct run *run, uint8_t op)
{
	struct egret_bytes *r = &run->r;
	uint64_t reg;

	switch (op) {
	case DW_CFA_def_cfa:
		reg = egret_bytes_uleb(r);
		set_cfa_reg(run, reg, (int64_t)egret_bytes_uleb(r));
		return true;
	case DW_CFA_def_cfa_sf:
		reg = egret_bytes_uleb(r);
		set_cfa_reg(run, reg, scaled(run, egret_bytes_sleb(r)));
		return true;
	case DW_CFA_def_cfa_register:
		change_cfa(run, true, egret_bytes_uleb(r), 0);
		return true;
	case DW_CFA_def_cfa_offset:
		change_cfa(run, false, 0, (int64_t)egret_bytes_uleb(r));
		return true;
	case DW_CFA_def_cfa_offset_sf:
		change_cfa(run, false, 0, scaled(run, egret_bytes_sleb(r)));
		return true;
	case DW_CFA_def_cfa_expression:
		set_cfa_expr(run);
		return true;
	default:
		return false;
	}
}

/* Those about one register. False: op is not one. */
static bool run_register_operation(struct run *run, uint8_t op)
{
	struct egret_bytes *r = &run->r;
	uint64_t column;

	switch (op) {
	case DW_CFA_undefined:
		set_kind(run, EGRET_RULE_UNDEFINED);
		return true;
	case DW_CFA_same_value:
		set_kind(run, EGRET_RULE_SAME);
		return true;
	case DW_CFA_restore_extended:
		restore(run, egret_bytes_uleb(r));
		return true;
	case DW_CFA_offset_extended:
		column = egret_bytes_uleb(r);
		set_offset_rule(run, EGRET_RULE_AT_CFA, column, (int64_t)egret_bytes_uleb(r));
		return true;
	case DW_CFA_offset_extended_sf:
		column = egret_bytes_uleb(r);
		set_offset_rule(run, EGRET_RULE_AT_CFA, column, egret_bytes_sleb(r));
		return true;
	case DW_CFA_GNU_negative_offset_extended:
		column = egret_bytes_uleb(r);
		set_offset_rule(run, EGRET_RULE_AT_CFA, column, -(int64_t)egret_bytes_uleb(r));
		return true;
	case DW_CFA_val_offset:
		column = egret_bytes_uleb(r);
		set_offset_rule(run, EGRET_RULE_CFA, column, (int64_t)egret_bytes_uleb(r));
		return true;
	case DW_CFA_val_offset_sf:
		column = egret_bytes_uleb(r);
		set_offset_rule(run, EGRET_RULE_CFA, column, egret_bytes_sleb(r));
		return true;
	case DW_CFA_register:
		column = egret_bytes_uleb(r);
		set_register_rule(run, column, egret_bytes_uleb(r));
		return true;
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		set_expr_rule(run, egret_bytes_uleb(r), op == DW_CFA_val_expression);
		return true;
	default:
		return false;
	}
}

/* Those whose number is all of a byte. */
static void run_extended(struct run *run, uint8_t op)
{
	struct egret_bytes *r = &run->r;

	switch (op) {
	case DW_CFA_nop:
		break;
	case DW_CFA_set_loc:
		set_location(run);
		break;
	case DW_CFA_advance_loc1:
		advance(run, egret_bytes_u8(r));
		break;
	case DW_CFA_advance_loc2:
		advance(run, egret_bytes_u16(r));
		break;
	case DW_CFA_advance_loc4:
		advance(run, egret_bytes_u32(r));
		break;
	case DW_CFA_MIPS_advance_loc8:
		advance(run, egret_bytes_u64(r));
		break;
	case DW_CFA_remember_state:
		remember_state(run);
		break;
	case DW_CFA_restore_state:
		restore_state(run);
		break;
	case DW_CFA_AARCH64_negate_ra_state: /* SPARC's DW_CFA_GNU_window_save */
		if (run->arch->link == EGRET_NO_SLOT)
			bad(run);
		run->state.simple.flags ^= EGRET_ROW_F_SIGNED;
		break;
	case DW_CFA_GNU_args_size: /* what a function that throws has pushed: for its landing pad */
		egret_bytes_uleb(r);
		break;
	default:
		if (!run_cfa_operation(run, op) && !run_register_operation(run, op))
			bad(run);
	}
}

static void run_program(struct run *run)
{
	while (run->r.p != run->r.end && !run->is_done) {
		uint8_t op = *run->r.p++, low = op & 0x3f;

		switch (op & 0xc0) {
		case DW_CFA_advance_loc:
			advance(run, low);
			break;
		case DW_CFA_offset:
			set_offset_rule(run, EGRET_RULE_AT_CFA, low,
					(int64_t)egret_bytes_uleb(&run->r));
			break;
		case DW_CFA_restore:
			restore(run, low);
			break;
		default:
			run_extended(run, op);
		}
	}
}

/* ---- CIE and FDE ---------------------------------------------------------------------------- */

/* Where calls leave the return address: some functions have it elsewhere, and say so in their CIE.
 */
static uint8_t link_of(const struct egret_arch *arch, const struct egret_cie *cie)
{
	if (arch->link == EGRET_NO_SLOT || cie->ra >= EGRET_ARCH_COLUMNS)
		return EGRET_NO_SLOT;
	return arch->slot_of_column[cie->ra];
}

/* The ABIs: the caller's stack pointer is the CFA, and callees keep some registers. */
static void begin(const struct egret_arch *arch, struct egret_cfi_state *state,
		  const struct egret_cie *cie)
{
	*state = (struct egret_cfi_state){ .is_good = true,
					   .odd = EGRET_CFI_ODD_CFA,
					   .link = link_of(arch, cie) };
	state->simple.kind = arch->simple_kind;
	state->simple.flags = cie->is_signal ? EGRET_ROW_F_SIGNAL : 0;
	for (uint32_t reg = 0; reg < EGRET_UNWIND_NR_REGS; reg++) {
		struct egret_rule rule = { .kind = EGRET_RULE_UNDEFINED };

		if (arch->kept & 1u << reg || reg == state->link)
			rule.kind = EGRET_RULE_SAME;
		else if (reg == EGRET_UNWIND_RSP)
			rule.kind = EGRET_RULE_CFA;
		if (reg != EGRET_UNWIND_RIP || arch->link == EGRET_NO_SLOT)
			put_rule(arch, state, reg, rule);
	}
	/* Simple rows have it where calls leave it. */
	if (state->link != arch->link)
		state->odd |= 1ull << EGRET_UNWIND_RIP;
}

void egret_cfi_run_cie(const struct egret_cfi_section *section, const struct egret_cie *cie,
		       struct egret_cfi_initial *out)
{
	struct run run = { .section = section, .cie = cie };

	run.arch = section->arch ? section->arch : &egret_arch_x86_64;
	begin(run.arch, &run.state, cie);
	run.r = (struct egret_bytes){ cie->program, cie->program_end, false };
	if (egret_bytes_left(&run.r) > EGRET_CIE_PROGRAM_MAX)
		bad(&run);
	/* One that is not followed, and where there is no other: nothing is known of the caller. */
	if (run.state.link == EGRET_NO_SLOT && run.arch->link != EGRET_NO_SLOT)
		bad(&run);
	run_program(&run);
	*out = (struct egret_cfi_initial){ section, *cie, run.state };
	out->state.is_good = !run.r.failed;
}

void egret_cfi_run_fde(const struct egret_cfi_initial *initial, const struct egret_fde *fde,
		       uint64_t from, uint64_t to, egret_cfi_row_fn row, void *arg)
{
	struct run run;

	/* Not all of it: the remembered states are many bytes, and written before they are read. */
	run.r = (struct egret_bytes){ fde->program, fde->program_end, !initial->state.is_good };
	run.section = initial->section;
	run.arch = initial->section->arch ? initial->section->arch : &egret_arch_x86_64;
	run.cie = &initial->cie;
	run.initial = &initial->state;
	run.state = initial->state;
	run.n_remembered = 0;
	run.location = fde->start;
	run.from = from;
	run.to = to < fde->end ? to : fde->end;
	run.row = row;
	run.arg = arg;
	run.is_done = false;
	if (!run.r.failed)
		run_program(&run);
	if (run.is_done)
		return;
	/* From where the program fails on, nothing is known; else its last row holds to the end. */
	run.state.is_good = !run.r.failed;
	run.r.failed = false;
	advance_to(&run, run.to > run.location ? run.to : run.location);
}
