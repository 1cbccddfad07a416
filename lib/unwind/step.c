/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/step.h"

#include <errno.h>

#include "unwind/arch.h"
#include "unwind/expr.h"

/* DWARF's numbers of enum egret_saved. */
static const uint8_t saved_reg[NR_SAVED] = EGRET_SAVED_REGS;

void egret_step_init(struct egret_step_state *state, const struct egret_unwind_regs *regs,
		     egret_read_stack_fn read_stack, void *arg)
{
	for (int i = 0; i < EGRET_X86_NR_REGS; i++)
		state->value[i] = regs->r[i];
	state->known = EGRET_REG_BIT(EGRET_X86_NR_REGS) - 1;
	state->saved = 0;
	state->read_stack = read_stack;
	state->arg = arg;
	state->arch = &egret_arch_x86_64;
}

int egret_step_reg(struct egret_step_state *state, unsigned int reg, uint64_t *value)
{
	uint32_t bit = EGRET_REG_BIT(reg & 31);

	if (reg >= EGRET_UNWIND_NR_REGS || !(state->known & bit))
		return -ENODATA;
	if (state->saved & bit) {
		int ret = state->read_stack(state->arg, state->value[reg], value);

		if (ret)
			return ret;
		state->value[reg] = *value;
		state->saved &= ~bit;
	}
	*value = state->value[reg];
	return 0;
}

enum egret_unwind_end egret_step_end_of(int negative_errno)
{
	switch (negative_errno) {
	case -EFAULT:
		return EGRET_UNWIND_TRUNCATED;
	case -ENXIO:
		return EGRET_UNWIND_HOLE;
	default:
		return EGRET_UNWIND_BAD_CFI;
	}
}

/*
 * Whether a saved register was popped already: compilers say nothing of pops in an epilogue that
 * finds its CFA by rsp, as what is popped stays in memory. But what is below rsp is not captured.
 * There, the register has its value again; code that saves registers below rsp by other
 * instructions than push (old compilers, in the red zone of leaf functions) is not told apart.
 */
#define POPPED_MAX 256

static bool was_popped(const struct egret_step_state *state, uint64_t slot)
{
	uint64_t value;

	return slot < egret_step_sp(state) && egret_step_sp(state) - slot <= POPPED_MAX &&
	       state->read_stack(state->arg, slot, &value);
}

static enum egret_unwind_end step_simple(struct egret_step_state *state,
					 const struct egret_row *row)
{
	uint64_t cfa, pc, sp = egret_step_sp(state);
	uint32_t saved = 0;
	int ret = 0;

	/* For most rows it is rsp, which is at hand. */
	if (row->cfa_reg == EGRET_UNWIND_RSP)
		cfa = sp;
	else
		ret = egret_step_reg(state, row->cfa_reg, &cfa);
	if (ret)
		return egret_step_end_of(ret);
	cfa += (uint64_t)(int64_t)row->cfa_offset;
	if (cfa <= sp && !(row->flags & EGRET_ROW_F_SIGNAL))
		return EGRET_UNWIND_NO_PROGRESS;
	ret = state->read_stack(state->arg, cfa - 8, &pc);
	if (ret)
		return egret_step_end_of(ret);
#pragma GCC unroll 6
	for (unsigned int i = 0; i < NR_SAVED; i++) {
		uint64_t slot = cfa - 8 * (uint64_t)row->saved[i];

		if (!row->saved[i] || (slot < sp && was_popped(state, slot)))
			continue;
		state->value[saved_reg[i]] = slot;
		saved |= EGRET_REG_BIT(saved_reg[i]);
	}
	state->saved |= saved;
	state->known = (state->known | saved) & EGRET_KEPT_REGS;
	state->value[EGRET_UNWIND_RSP] = cfa;
	state->value[EGRET_UNWIND_RIP] = pc;
	return EGRET_STEP_OK;
}

static void set_known(struct egret_step_state *to, unsigned int reg, uint64_t value)
{
	to->value[reg] = value;
	to->known |= EGRET_REG_BIT(reg);
}

static void set_saved(struct egret_step_state *to, unsigned int reg, uint64_t addr)
{
	set_known(to, reg, addr);
	to->saved |= EGRET_REG_BIT(reg);
}

/* x = y, wherever y is. */
static int copy_reg(struct egret_step_state *to, unsigned int reg,
		    const struct egret_step_state *from, unsigned int from_reg)
{
	if (from_reg >= EGRET_UNWIND_NR_REGS || !(from->known & EGRET_REG_BIT(from_reg)))
		return -ENODATA;
	set_known(to, reg, from->value[from_reg]);
	if (from->saved & EGRET_REG_BIT(from_reg))
		to->saved |= EGRET_REG_BIT(reg);
	return 0;
}

static int eval(struct egret_step_state *state, const struct egret_full_row *full,
		const struct egret_rule *rule, const uint64_t *cfa, uint64_t *value)
{
	return egret_expr_eval(full->expr + rule->offset, rule->len, state, cfa, value);
}

static int full_cfa(struct egret_step_state *state, const struct egret_full_row *full,
		    uint64_t *cfa)
{
	const struct egret_rule *rule = &full->cfa;
	int ret;

	if (rule->kind == EGRET_RULE_EXPR)
		return eval(state, full, rule, NULL, cfa);
	if (rule->kind != EGRET_RULE_REG && rule->kind != EGRET_RULE_AT_REG)
		return -EINVAL;
	ret = egret_step_reg(state, rule->reg, cfa);
	if (ret)
		return ret;
	*cfa += (uint64_t)(int64_t)rule->offset;
	return rule->kind == EGRET_RULE_REG ? 0 : state->read_stack(state->arg, *cfa, cfa);
}

/* Gives register reg of `to` what its rule says; from is the callee's. */
static int apply_rule(struct egret_step_state *to, unsigned int reg, struct egret_step_state *from,
		      const struct egret_full_row *full, uint64_t cfa)
{
	const struct egret_rule *rule = &full->reg[reg];
	uint64_t offset = (uint64_t)(int64_t)rule->offset, value;
	int ret = 0;

	switch ((enum egret_rule_kind)rule->kind) {
	case EGRET_RULE_UNDEFINED:
		return -ENODATA;
	case EGRET_RULE_SAME:
		return copy_reg(to, reg, from, reg);
	case EGRET_RULE_REG:
		if (!offset)
			return copy_reg(to, reg, from, rule->reg);
		/* fall through */
	case EGRET_RULE_AT_REG:
		ret = egret_step_reg(from, rule->reg, &value);
		value += offset;
		break;
	case EGRET_RULE_CFA:
	case EGRET_RULE_AT_CFA:
		value = cfa + offset;
		break;
	case EGRET_RULE_EXPR:
	case EGRET_RULE_AT_EXPR:
		ret = eval(from, full, rule, &cfa, &value);
		break;
	default:
		ret = -EINVAL;
	}
	if (ret)
		return ret;
	if (rule->kind != EGRET_RULE_AT_REG && rule->kind != EGRET_RULE_AT_CFA &&
	    rule->kind != EGRET_RULE_AT_EXPR)
		set_known(to, reg, value);
	else if (EGRET_REG_BIT(reg) & EGRET_CALLEE_SAVED && was_popped(from, value))
		return copy_reg(to, reg, from, reg);
	else
		set_saved(to, reg, value);
	return 0;
}

/*
 * Whether the caller's stack pointer may be this one. A function that keeps its return address in a
 * register may have nothing on the stack, as glibc's vfork between its pop and its push: there rip
 * = rdi and cfa = rsp. A caller in which nothing at all has changed is told by the walk.
 */
static bool leads_up(const struct egret_full_row *full, uint64_t sp, uint64_t callers_sp)
{
	return callers_sp > sp ||
	       (callers_sp == sp && full->reg[EGRET_UNWIND_RIP].kind == EGRET_RULE_REG);
}

static enum egret_unwind_end step_full(struct egret_step_state *state, const struct egret_row *row,
				       const struct egret_full_row *full)
{
	struct egret_step_state to = { .read_stack = state->read_stack,
				       .arg = state->arg,
				       .arch = state->arch };
	uint64_t cfa, pc, sp;
	int ret;

	ret = full_cfa(state, full, &cfa);
	if (ret)
		return egret_step_end_of(ret);
	/* A register that cannot be had is one that is not known; only two are needed now. */
	for (unsigned int reg = 0; reg < EGRET_UNWIND_NR_REGS; reg++) {
		ret = apply_rule(&to, reg, state, full, cfa);
		if (ret && (reg == EGRET_UNWIND_RSP || reg == EGRET_UNWIND_RIP))
			return egret_step_end_of(ret);
	}
	ret = egret_step_reg(&to, EGRET_UNWIND_RSP, &sp);
	if (!ret && !leads_up(full, egret_step_sp(state), sp) && !(row->flags & EGRET_ROW_F_SIGNAL))
		return EGRET_UNWIND_NO_PROGRESS;
	if (!ret)
		ret = egret_step_reg(&to, EGRET_UNWIND_RIP, &pc);
	if (ret)
		return egret_step_end_of(ret);
	if (row->flags & EGRET_ROW_F_SIGNED)
		to.value[EGRET_UNWIND_RIP] = pc & EGRET_UNSIGNED_BITS;
	/* A call leaves nothing in the link register but what is the pc now. */
	if (state->arch->link != EGRET_NO_SLOT && !(row->flags & EGRET_ROW_F_SIGNAL))
		to.known &= ~EGRET_REG_BIT(state->arch->link);
	*state = to;
	return EGRET_STEP_OK;
}

/* System V ABI, 3.4.1: user code marks the deepest stack frame by setting rbp to zero. */
static bool is_program_entry(struct egret_step_state *state, const struct egret_row *row)
{
	uint64_t rbp;

	return row->flags & EGRET_ROW_F_ENTRY && !egret_step_reg(state, EGRET_UNWIND_RBP, &rbp) &&
	       !rbp;
}

enum egret_unwind_end egret_step(struct egret_step_state *state, const struct egret_row_ref *ref)
{
	const struct egret_row *row = &ref->row;

	if (row->flags & EGRET_ROW_F_ROOT)
		return EGRET_UNWIND_ROOT;
	switch ((enum egret_row_kind)row->kind) {
	case EGRET_ROW_SIMPLE:
		return step_simple(state, row);
	case EGRET_ROW_LINK:
		return egret_step_link(state, row);
	case EGRET_ROW_FULL:
		return step_full(state, row, ref->full);
	case EGRET_ROW_NONE:
		return is_program_entry(state, row) ? EGRET_UNWIND_ROOT : EGRET_UNWIND_NO_CFI;
	default:
		return EGRET_UNWIND_BAD_CFI;
	}
}
