/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/frame_pointer.h"

#include <errno.h>

#include <egret/egret.h>

/*
 * A frame pointer this far above rsp may lie beyond what was captured; one that is farther is not a
 * frame pointer, but what code without them keeps in rbp. Stacks are rarely over 8 MiB.
 */
#define STACK_SIZE_MAX (64ull << 20)

static bool is_return_address(const struct egret_frame_pointer_step *how, uint64_t pc)
{
	struct egret_code code;
	uint64_t target;

	if (!pc || !how->view.find_code(how->view.arg, pc - 1, &code))
		return false;
	/* An interpreter that was made at run time returns to where nobody called (HotSpot). */
	return !code.module || egret_call_before(&how->view, pc, &target) != EGRET_CALL_NONE ||
	       egret_is_goexit(&how->view, pc);
}

static void move_to_caller(struct egret_step_state *state, uint64_t pc, uint64_t sp)
{
	state->value[EGRET_UNWIND_RIP] = pc;
	state->value[EGRET_UNWIND_RSP] = sp;
	state->known |= EGRET_REG_BIT(EGRET_UNWIND_RIP) | EGRET_REG_BIT(EGRET_UNWIND_RSP);
	/* rbx and r12-r15 may have been saved anywhere; their values may still be right. */
	state->known &= EGRET_KEPT_REGS;
}

/* cfa = rsp + offset; ra = *(cfa - 8); rbp = *(cfa - 16) where it was pushed. */
static bool step_before_setup(struct egret_step_state *state,
			      const struct egret_frame_pointer_step *how, uint64_t offset,
			      bool rbp_pushed)
{
	uint64_t cfa = egret_step_sp(state) + offset, pc;

	if (state->read_stack(state->arg, cfa - 8, &pc) || !is_return_address(how, pc))
		return false;
	if (rbp_pushed) {
		state->value[EGRET_UNWIND_RBP] = cfa - 16;
		state->known |= EGRET_REG_BIT(EGRET_UNWIND_RBP);
		state->saved |= EGRET_REG_BIT(EGRET_UNWIND_RBP);
	}
	move_to_caller(state, pc, cfa);
	return true;
}

/* How a chain ends that leads nowhere: either it was one, or rbp never was a frame pointer. */
static enum egret_unwind_end no_frame(const struct egret_frame_pointer_step *how)
{
	if (how->in_chain)
		return EGRET_UNWIND_FRAME_POINTER_END;
	return how->unmapped ? EGRET_UNWIND_NO_MODULE : EGRET_UNWIND_NO_CFI;
}

static enum egret_unwind_end unreadable(const struct egret_frame_pointer_step *how, int error,
					uint64_t distance)
{
	if (error == -ENXIO)
		return EGRET_UNWIND_HOLE;
	if (error == -EFAULT && distance < STACK_SIZE_MAX)
		return EGRET_UNWIND_TRUNCATED;
	return no_frame(how);
}

static enum egret_unwind_end step_by_rbp(struct egret_step_state *state,
					 const struct egret_frame_pointer_step *how)
{
	uint64_t sp = egret_step_sp(state), rbp, next_rbp, pc;
	int ret;

	ret = egret_step_reg(state, EGRET_UNWIND_RBP, &rbp);
	if (ret)
		return ret == -ENODATA ? no_frame(how) : egret_step_end_of(ret);
	if (!rbp)
		return EGRET_UNWIND_FRAME_POINTER_END;
	if (rbp < sp || rbp & 7 || rbp + 16 < rbp)
		return no_frame(how);
	ret = state->read_stack(state->arg, rbp, &next_rbp);
	if (!ret)
		ret = state->read_stack(state->arg, rbp + 8, &pc);
	if (ret)
		return unreadable(how, ret, rbp - sp);
	if (!is_return_address(how, pc))
		return no_frame(how);
	move_to_caller(state, pc, rbp + 16);
	state->value[EGRET_UNWIND_RBP] = next_rbp;
	state->saved &= ~EGRET_REG_BIT(EGRET_UNWIND_RBP);
	return EGRET_STEP_OK;
}

enum egret_unwind_end egret_frame_pointer_step(struct egret_step_state *state,
					       const struct egret_frame_pointer_step *how,
					       uint32_t *flags)
{
	enum egret_unwind_end end;
	uint32_t recovered = EGRET_FRAME_F_RECOVERED;

	/* After a call of a bad pointer, and at the start of a function, the return address is on
	 * top and rbp is still the caller's: by rbp, the caller would be missing. */
	if (how->hint.cfa_offset &&
	    step_before_setup(state, how, (uint64_t)(int64_t)how->hint.cfa_offset,
			      how->hint.saved[SAVED_RBP])) {
		*flags |= recovered;
		return EGRET_STEP_OK;
	}
	if (how->unmapped && step_before_setup(state, how, 8, false)) {
		*flags |= recovered;
		return EGRET_STEP_OK;
	}
	end = step_by_rbp(state, how);
	if (end == EGRET_STEP_OK) {
		*flags |= EGRET_FRAME_F_FRAME_POINTER;
	} else if (how->exact_pc && step_before_setup(state, how, 8, false)) {
		*flags |= recovered;
		return EGRET_STEP_OK;
	}
	return end;
}
