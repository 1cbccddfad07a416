/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * step.h - from the registers of a frame and its row to the registers of its caller.
 *
 * A register that the callee saved is not read when the frame is left: its address is remembered,
 * and it is read when a CFA turns out to need it. Most never are, so most frames cost one read,
 * that of the return address, and bytes that nobody needs cannot cut a stack.
 */
#ifndef EGRET_UNWIND_STEP_H
#define EGRET_UNWIND_STEP_H

#include "unwind/row.h"

#define EGRET_REG_BIT(n) (1u << (n))
/* What a caller may expect to be kept: rbx rbp rsp r12-r15, and rip, which each step finds. */
#define EGRET_KEPT_REGS 0x1f0c8u
/* Those that it keeps by saving them: without rsp and rip. */
#define EGRET_CALLEE_SAVED 0xf048u

struct egret_arch;

struct egret_step_state {
	uint64_t value[EGRET_UNWIND_NR_REGS]; /* the register, or the address where it is saved */
	uint32_t known;			      /* EGRET_REG_BIT of those that have a value */
	uint32_t saved;			      /* EGRET_REG_BIT of those whose value is an address */
	egret_read_stack_fn read_stack;
	void *arg;		       /* of read_stack */
	const struct egret_arch *arch; /* numbers the registers of expressions */
};

/* The step went well: the state is the caller's. A value beside those of enum egret_unwind_end. */
#define EGRET_STEP_OK EGRET_UNWIND_NR

/* Of x86-64. */
void egret_step_init(struct egret_step_state *state, const struct egret_unwind_regs *regs,
		     egret_read_stack_fn read_stack, void *arg);
void egret_step_init_arch(struct egret_step_state *state, const struct egret_arch *arch,
			  const struct egret_unwind_regs *regs, egret_read_stack_fn read_stack,
			  void *arg);

/* A register's value. 0; -ENODATA: not known; -EFAULT, -ENXIO: it is saved where nothing was
 * captured. */
int egret_step_reg(struct egret_step_state *state, unsigned int reg, uint64_t *value);

/* Registers the stepper itself knows to be in place: rsp and rip. */
static inline uint64_t egret_step_sp(const struct egret_step_state *state)
{
	return state->value[EGRET_UNWIND_RSP];
}
static inline uint64_t egret_step_pc(const struct egret_step_state *state)
{
	return state->value[EGRET_UNWIND_RIP];
}

/* What a failure to read is called: -EFAULT and -ENXIO of read_stack, anything else is bad CFI. */
enum egret_unwind_end egret_step_end_of(int negative_errno);

/* What is left of a signed return address: user addresses have 48 bits, as Linux gives them out. */
#define EGRET_UNSIGNED_BITS ((1ull << 48) - 1)

/* The part of egret_step for EGRET_ROW_LINK. */
enum egret_unwind_end egret_step_link(struct egret_step_state *state, const struct egret_row *row);

/*
 * Makes state that of the caller. EGRET_STEP_OK, or how the stack ends here; then state is as it
 * was, or partly changed, and of no further use, except after NO_CFI, when it is as it was.
 */
enum egret_unwind_end egret_step(struct egret_step_state *state, const struct egret_row_ref *ref);

#endif
