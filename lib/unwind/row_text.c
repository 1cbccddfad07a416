/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/row_text.h"

#include "unwind/arch.h"

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

/* The link register is the return address, in all rows but those that were made of code. */
static const char *name_of(const struct egret_arch *arch, unsigned int slot)
{
	return arch->names[slot] ? arch->names[slot] : "?";
}

static void put_value(const struct egret_arch *arch, struct egret_buffer *out,
		      const struct egret_full_row *full, const struct egret_rule *rule)
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
		put_offset(out, name_of(arch, rule->reg), rule->offset);
	egret_buffer_add_string(out, is_memory ? ")" : "");
}

/* Whether the rule is what a register has that CFI does not name. */
static bool goes_without_saying(const struct egret_arch *arch, unsigned int reg,
				const struct egret_rule *rule)
{
	if (reg == EGRET_UNWIND_RSP)
		return rule->kind == EGRET_RULE_CFA && !rule->offset;
	if (arch->kept & 1u << reg)
		return rule->kind == EGRET_RULE_SAME;
	return rule->kind == EGRET_RULE_UNDEFINED;
}

static void put_reg(const struct egret_arch *arch, struct egret_buffer *out,
		    const struct egret_full_row *full, unsigned int reg)
{
	const struct egret_rule *rule = &full->reg[reg];

	if (goes_without_saying(arch, reg, rule))
		return;
	egret_buffer_printf(out, " %s=", name_of(arch, reg));
	if (rule->kind == EGRET_RULE_UNDEFINED)
		egret_buffer_add_string(out, "undefined");
	else if (rule->kind == EGRET_RULE_SAME)
		egret_buffer_add_string(out, "same");
	else
		put_value(arch, out, full, rule);
}

static void put_full(const struct egret_arch *arch, struct egret_buffer *out,
		     const struct egret_full_row *full)
{
	egret_buffer_add_string(out, "cfa=");
	put_value(arch, out, full, &full->cfa);
	put_reg(arch, out, full, EGRET_UNWIND_RIP);
	for (unsigned int reg = 0; reg < EGRET_UNWIND_NR_REGS; reg++)
		if (reg != EGRET_UNWIND_RIP && reg != arch->link)
			put_reg(arch, out, full, reg);
}

/* The return address first; after it, that of another place than cfa-8 is not told twice. */
static void put_simple(const struct egret_arch *arch, struct egret_buffer *out,
		       const struct egret_row *row)
{
	unsigned int at = arch->link == EGRET_NO_SLOT
				  ? 1
				  : row->saved[arch->saved_number[arch->link] - 1];

	egret_buffer_add_string(out, "cfa=");
	put_offset(out, name_of(arch, row->cfa_reg), row->cfa_offset);
	if (at)
		egret_buffer_printf(out, " ra=*(cfa-%u)", 8 * at);
	else
		egret_buffer_printf(out, " ra=%s", name_of(arch, arch->link));
	for (unsigned int i = 0; i < NR_SAVED; i++)
		if (row->saved[i] && arch->saved[i] != arch->link)
			egret_buffer_printf(out, " %s=*(cfa-%u)", name_of(arch, arch->saved[i]),
					    8u * row->saved[i]);
}

void egret_row_text(const struct egret_arch *arch, const struct egret_row_ref *ref,
		    struct egret_buffer *out)
{
	const struct egret_row *row = &ref->row;

	if (row->kind == EGRET_ROW_NONE)
		egret_buffer_add_string(out, "none");
	else if (row->kind == EGRET_ROW_BAD)
		egret_buffer_add_string(out, "bad");
	else if (row->flags & EGRET_ROW_F_ROOT)
		egret_buffer_add_string(out, "ra=undefined");
	else if (row->kind == EGRET_ROW_FULL)
		put_full(arch, out, ref->full);
	else
		put_simple(arch, out, row);
	if (row->flags & EGRET_ROW_F_SIGNAL)
		egret_buffer_add_string(out, " signal");
	if (row->flags & EGRET_ROW_F_SIGNED)
		egret_buffer_add_string(out, " signed");
}
