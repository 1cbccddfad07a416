/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/row_text.h"

static const char *const reg_names[EGRET_UNWIND_NR_REGS] = { "rax", "rdx", "rcx", "rbx", "rsi",
							     "rdi", "rbp", "rsp", "r8",	 "r9",
							     "r10", "r11", "r12", "r13", "r14",
							     "r15", "ra" };
static const uint8_t saved_reg[NR_SAVED] = EGRET_SAVED_REGS;

static void put_offset(struct egret_buffer *out, const char *base, int32_t offset)
{
	egret_buffer_add_string(out, base);
	if (offset)
		egret_buffer_printf(out, "%+d", offset);
}

static void put_expr(struct egret_buffer *out, const struct egret_full_row *full,
		     const struct egret_rule *rule)
{
	egret_buffer_add_string(out, "expr(");
	for (unsigned int i = 0; i < rule->len; i++)
		egret_buffer_printf(out, "%s%02x", i ? " " : "", full->expr[rule->offset + (int)i]);
	egret_buffer_add_string(out, ")");
}

static void put_value(struct egret_buffer *out, const struct egret_full_row *full,
		      const struct egret_rule *rule)
{
	bool is_memory = rule->kind == EGRET_RULE_AT_REG || rule->kind == EGRET_RULE_AT_CFA ||
			 rule->kind == EGRET_RULE_AT_EXPR;

	if (rule->kind == EGRET_RULE_EXPR || rule->kind == EGRET_RULE_AT_EXPR) {
		egret_buffer_add_string(out, is_memory ? "*" : "");
		put_expr(out, full, rule);
		return;
	}
	egret_buffer_add_string(out, is_memory ? "*(" : "");
	if (rule->kind == EGRET_RULE_CFA || rule->kind == EGRET_RULE_AT_CFA)
		put_offset(out, "cfa", rule->offset);
	else
		put_offset(out, reg_names[rule->reg], rule->offset);
	egret_buffer_add_string(out, is_memory ? ")" : "");
}

static bool is_kept(unsigned int reg)
{
	for (unsigned int i = 0; i < NR_SAVED; i++)
		if (saved_reg[i] == reg)
			return true;
	return false;
}

/* Whether the rule is what a register has that CFI does not name. */
static bool goes_without_saying(unsigned int reg, const struct egret_rule *rule)
{
	if (reg == EGRET_UNWIND_RSP)
		return rule->kind == EGRET_RULE_CFA && !rule->offset;
	if (is_kept(reg))
		return rule->kind == EGRET_RULE_SAME;
	return rule->kind == EGRET_RULE_UNDEFINED;
}

static void put_reg(struct egret_buffer *out, const struct egret_full_row *full, unsigned int reg)
{
	const struct egret_rule *rule = &full->reg[reg];

	if (goes_without_saying(reg, rule))
		return;
	egret_buffer_printf(out, " %s=", reg_names[reg]);
	if (rule->kind == EGRET_RULE_UNDEFINED)
		egret_buffer_add_string(out, "undefined");
	else if (rule->kind == EGRET_RULE_SAME)
		egret_buffer_add_string(out, "same");
	else
		put_value(out, full, rule);
}

static void put_full(struct egret_buffer *out, const struct egret_full_row *full)
{
	egret_buffer_add_string(out, "cfa=");
	put_value(out, full, &full->cfa);
	put_reg(out, full, EGRET_UNWIND_RIP);
	for (unsigned int reg = 0; reg < EGRET_UNWIND_RIP; reg++)
		put_reg(out, full, reg);
}

static void put_simple(struct egret_buffer *out, const struct egret_row *row)
{
	egret_buffer_add_string(out, "cfa=");
	put_offset(out, reg_names[row->cfa_reg], row->cfa_offset);
	egret_buffer_add_string(out, " ra=*(cfa-8)");
	for (unsigned int i = 0; i < NR_SAVED; i++)
		if (row->saved[i])
			egret_buffer_printf(out, " %s=*(cfa-%u)", reg_names[saved_reg[i]],
					    8u * row->saved[i]);
}

void egret_row_text(const struct egret_row_ref *ref, struct egret_buffer *out)
{
	const struct egret_row *row = &ref->row;

	if (row->kind == EGRET_ROW_NONE)
		egret_buffer_add_string(out, "none");
	else if (row->kind == EGRET_ROW_BAD)
		egret_buffer_add_string(out, "bad");
	else if (row->flags & EGRET_ROW_F_ROOT)
		egret_buffer_add_string(out, "ra=undefined");
	else if (row->kind == EGRET_ROW_FULL)
		put_full(out, ref->full);
	else
		put_simple(out, row);
	if (row->flags & EGRET_ROW_F_SIGNAL)
		egret_buffer_add_string(out, " signal");
}
