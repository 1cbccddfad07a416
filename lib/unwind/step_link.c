/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* step_link.c - steps where calls leave the return address in a register: aarch64. */
#include "unwind/arch.h"
#include "unwind/step.h"

void egret_step_init_arch(struct egret_step_state *state, const struct egret_arch *arch,
			  const struct egret_unwind_regs *regs, egret_read_stack_fn read_stack,
			  void *arg)
{
	*state = (struct egret_step_state){ .read_stack = read_stack, .arg = arg, .arch = arch };
	for (unsigned int slot = 0; slot < EGRET_UNWIND_NR_REGS; slot++) {
		if (!arch->names[slot])
			continue;
		state->value[slot] = regs->r[slot];
		state->known |= EGRET_REG_BIT(slot);
	}
}

/* The return address: where the row says that the link register was saved, else what it has. */
static int return_address(struct egret_step_state *state, const struct egret_row *row, uint64_t cfa,
			  uint64_t *pc)
{
	uint8_t link = state->arch->link, saved = row->saved[state->arch->saved_number[link] - 1];
	int ret = saved ? state->read_stack(state->arg, cfa - 8 * (uint64_t)saved, pc)
			: egret_step_reg(state, link, pc);

	if (!ret && row->flags & EGRET_ROW_F_SIGNED)
		*pc &= EGRET_UNSIGNED_BITS;
	return ret;
}

enum egret_unwind_end egret_step_link(struct egret_step_state *state, const struct egret_row *row)
{
	const struct egret_arch *arch = state->arch;
	uint64_t cfa, pc, sp = egret_step_sp(state);
	int ret;

	if (arch->link == EGRET_NO_SLOT)
		return EGRET_UNWIND_BAD_CFI; /* a row of another architecture */
	ret = egret_step_reg(state, row->cfa_reg, &cfa);
	if (ret)
		return egret_step_end_of(ret);
	cfa += (uint64_t)(int64_t)row->cfa_offset;
	/* A leaf may have nothing on the stack: then its return address is still in the register,
	 * which is not known after it, so that this leads up once. */
	if (cfa < sp && !(row->flags & EGRET_ROW_F_SIGNAL))
		return EGRET_UNWIND_NO_PROGRESS;
	ret = return_address(state, row, cfa, &pc);
	if (ret)
		return egret_step_end_of(ret);
	for (unsigned int i = 0; i < NR_SAVED; i++) {
		if (!row->saved[i])
			continue;
		state->value[arch->saved[i]] = cfa - 8 * (uint64_t)row->saved[i];
		state->saved |= EGRET_REG_BIT(arch->saved[i]);
		state->known |= EGRET_REG_BIT(arch->saved[i]);
	}
	state->known &= (arch->kept | EGRET_REG_BIT(EGRET_UNWIND_RSP) |
			 EGRET_REG_BIT(EGRET_UNWIND_RIP)) &
			~EGRET_REG_BIT(arch->link);
	state->value[EGRET_UNWIND_RSP] = cfa;
	state->value[EGRET_UNWIND_RIP] = pc;
	return EGRET_STEP_OK;
}
