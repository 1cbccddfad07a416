/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <dwarf.h>

#include "unwind/expr.h"
#include "unwind_memory.h"

#define WORD(n) (0x100000000ull + AT(n))

static struct egret_row simple(unsigned int cfa_reg, int32_t cfa_offset)
{
	return (struct egret_row){ .kind = EGRET_ROW_SIMPLE,
				   .cfa_reg = (uint8_t)cfa_reg,
				   .cfa_offset = cfa_offset };
}

static enum egret_unwind_end step(struct egret_step_state *state, struct egret_row row)
{
	struct egret_row_ref ref = { row, NULL };

	return egret_step(state, &ref);
}

static void cfa_from_rsp(void)
{
	struct egret_step_state state;
	struct egret_row row = simple(EGRET_UNWIND_RSP, 80);

	fresh(&state);
	row.saved[SAVED_RBX] = 7;
	row.saved[SAVED_RBP] = 6;
	row.saved[SAVED_R12] = 5;
	row.saved[SAVED_R13] = 4;
	row.saved[SAVED_R14] = 3;
	row.saved[SAVED_R15] = 2;
	CHECK_EQ(step(&state, row), EGRET_STEP_OK);
	/* Nothing but the return address has been read. */
	CHECK_EQ(reads, 1);
	CHECK_EQ(egret_step_pc(&state), WORD(9));
	CHECK_EQ(egret_step_sp(&state), AT(10));
	CHECK_EQ(reg(&state, 3), WORD(3));
	CHECK_EQ(reg(&state, 6), WORD(4));
	CHECK_EQ(reg(&state, 12), WORD(5));
	CHECK_EQ(reg(&state, 13), WORD(6));
	CHECK_EQ(reg(&state, 14), WORD(7));
	CHECK_EQ(reg(&state, 15), WORD(8));
	CHECK_EQ(reads, 7);
	/* Once read, known. */
	CHECK_EQ(reg(&state, 15), WORD(8));
	CHECK_EQ(reads, 7);
	/* The others are lost. */
	for (unsigned int i = 0; i < EGRET_UNWIND_NR_REGS; i++) {
		uint64_t value;

		if (!(EGRET_KEPT_REGS & EGRET_REG_BIT(i)))
			CHECK_EQ(egret_step_reg(&state, i, &value), -ENODATA);
	}
}

/* In an epilogue, pops have been run that the CFI does not tell of. */
static void popped_registers_have_their_values(void)
{
	struct egret_row row = simple(EGRET_UNWIND_RSP, 16);
	struct egret_step_state state;

	row.saved[SAVED_RBP] = 3; /* 8 bytes below rsp */
	row.saved[SAVED_R15] = 2; /* at rsp */
	fresh(&state);
	CHECK_EQ(step(&state, row), EGRET_STEP_OK);
	CHECK_EQ(reg(&state, 6), 1006);
	CHECK_EQ(reg(&state, 15), WORD(0));
	/* Where the bytes below rsp are there, they are what the CFI says. */
	fresh(&state);
	state.value[EGRET_UNWIND_RSP] = AT(1);
	CHECK_EQ(step(&state, row), EGRET_STEP_OK);
	CHECK_EQ(reg(&state, 6), WORD(0));
	/* Far below, it is no pop: what was captured does not reach there. */
	fresh(&state);
	row.saved[SAVED_RBP] = 100;
	CHECK_EQ(step(&state, row), EGRET_STEP_OK);
	CHECK_EQ(egret_step_reg(&state, 6, &state.value[0]), -EFAULT);
}

static void registers_are_kept_through_frames(void)
{
	struct egret_step_state state;
	struct egret_row row = simple(EGRET_UNWIND_RSP, 32);

	fresh(&state);
	row.saved[SAVED_RBX] = 3;
	CHECK_EQ(step(&state, row), EGRET_STEP_OK);
	CHECK_EQ(step(&state, simple(EGRET_UNWIND_RSP, 16)), EGRET_STEP_OK);
	CHECK_EQ(reg(&state, 3), WORD(1));
	CHECK_EQ(reg(&state, 6), 1006);
	CHECK_EQ(reg(&state, 15), 1015);
	CHECK_EQ(egret_step_sp(&state), AT(6));
	CHECK_EQ(egret_step_pc(&state), WORD(5));
}

static void cfa_from_rbp(void)
{
	struct egret_step_state state;
	struct egret_row row = simple(EGRET_UNWIND_RBP, 16);

	fresh(&state);
	state.value[EGRET_UNWIND_RBP] = AT(20);
	words[20] = AT(40);
	row.saved[SAVED_RBP] = 2;
	CHECK_EQ(step(&state, row), EGRET_STEP_OK);
	CHECK_EQ(egret_step_sp(&state), AT(22));
	CHECK_EQ(egret_step_pc(&state), WORD(21));
	CHECK_EQ(reads, 1);
	CHECK_EQ(step(&state, row), EGRET_STEP_OK);
	CHECK_EQ(egret_step_sp(&state), AT(42));
	CHECK_EQ(egret_step_pc(&state), WORD(41));
	CHECK_EQ(reads, 3);
}

static void endings(void)
{
	struct egret_step_state state;
	struct egret_row row = { .kind = EGRET_ROW_NONE };

	fresh(&state);
	CHECK_EQ(step(&state, row), EGRET_UNWIND_NO_CFI);
	row.flags = EGRET_ROW_F_ENTRY;
	CHECK_EQ(step(&state, row), EGRET_UNWIND_NO_CFI);
	state.value[EGRET_UNWIND_RBP] = 0;
	CHECK_EQ(step(&state, row), EGRET_UNWIND_ROOT);
	row = (struct egret_row){ .kind = EGRET_ROW_BAD };
	CHECK_EQ(step(&state, row), EGRET_UNWIND_BAD_CFI);
	row = simple(EGRET_UNWIND_RSP, 8);
	row.flags = EGRET_ROW_F_ROOT;
	CHECK_EQ(step(&state, row), EGRET_UNWIND_ROOT);
	CHECK_EQ(step(&state, simple(EGRET_UNWIND_RSP, 0)), EGRET_UNWIND_NO_PROGRESS);
	CHECK_EQ(step(&state, simple(EGRET_UNWIND_RSP, -8)), EGRET_UNWIND_NO_PROGRESS);
	CHECK_EQ(step(&state, simple(EGRET_UNWIND_RBP, 0)), EGRET_UNWIND_NO_PROGRESS);
	CHECK_EQ(step(&state, simple(EGRET_UNWIND_RSP, 8 * (WORDS + 1))), EGRET_UNWIND_TRUNCATED);
	CHECK_EQ(step(&state, simple(EGRET_UNWIND_RSP, 8 * (HOLE + 1))), EGRET_UNWIND_HOLE);
	CHECK_EQ(step(&state, simple(17, 8)), EGRET_UNWIND_BAD_CFI);
	CHECK_EQ(step(&state, simple(255, 8)), EGRET_UNWIND_BAD_CFI);
	/* What was saved beyond the capture cuts the stack where it is needed, and not before. */
	fresh(&state);
	row = simple(EGRET_UNWIND_RSP, 16);
	row.saved[SAVED_RBP] = 100;
	CHECK_EQ(step(&state, row), EGRET_STEP_OK);
	CHECK_EQ(step(&state, simple(EGRET_UNWIND_RSP, 16)), EGRET_STEP_OK);
	CHECK_EQ(step(&state, simple(EGRET_UNWIND_RBP, 16)), EGRET_UNWIND_TRUNCATED);
}

/* ---- full rows ------------------------------------------------------------------------------ */

static union {
	struct egret_full_row full;
	uint8_t bytes[sizeof(struct egret_full_row) + 64];
} row_of;

#define RULE(kind_, reg_, offset_)                                                                 \
	((struct egret_rule){ .kind = EGRET_RULE_##kind_, .reg = reg_, .offset = offset_ })

/* As a simple row of rsp + 80 would be; all that is not mentioned is undefined. */
static void fresh_full(struct egret_step_state *state)
{
	fresh(state);
	memset(&row_of, 0, sizeof(row_of));
	row_of.full.cfa = RULE(REG, EGRET_UNWIND_RSP, 80);
	row_of.full.reg[EGRET_UNWIND_RSP] = RULE(CFA, 0, 0);
	row_of.full.reg[EGRET_UNWIND_RIP] = RULE(AT_CFA, 0, -8);
}

static enum egret_unwind_end step_full(struct egret_step_state *state, unsigned int flags)
{
	struct egret_row_ref ref = { { .kind = EGRET_ROW_FULL, .flags = (uint8_t)flags },
				     &row_of.full };

	return egret_step(state, &ref);
}

static void expression(struct egret_rule *rule, unsigned int kind, int32_t offset,
		       const uint8_t *bytes, size_t len)
{
	*rule = (struct egret_rule){ .kind = (uint8_t)kind,
				     .len = (uint16_t)len,
				     .offset = offset };
	memcpy(row_of.full.expr + offset, bytes, len);
}

static void every_rule(void)
{
	static const uint8_t add_8[] = { DW_OP_lit8, DW_OP_plus };
	struct egret_step_state state;
	uint64_t value;

	fresh_full(&state);
	row_of.full.reg[0] = RULE(SAME, 0, 0);
	row_of.full.reg[1] = RULE(REG, 15, 0);
	row_of.full.reg[2] = RULE(REG, 15, -5);
	row_of.full.reg[3] = RULE(AT_REG, EGRET_UNWIND_RSP, 16);
	row_of.full.reg[4] = RULE(CFA, 0, -24);
	row_of.full.reg[5] = RULE(AT_CFA, 0, 8);
	expression(&row_of.full.reg[8], EGRET_RULE_EXPR, 0, add_8, 2);
	expression(&row_of.full.reg[9], EGRET_RULE_AT_EXPR, 2, add_8, 2);
	/* Registers change places: each rule sees the callee's. */
	row_of.full.reg[12] = RULE(REG, 13, 0);
	row_of.full.reg[13] = RULE(REG, 12, 0);
	CHECK_EQ(step_full(&state, 0), EGRET_STEP_OK);
	CHECK_EQ(egret_step_sp(&state), AT(10));
	CHECK_EQ(egret_step_pc(&state), WORD(9));
	CHECK_EQ(reg(&state, 0), 1000);
	CHECK_EQ(reg(&state, 1), 1015);
	CHECK_EQ(reg(&state, 2), 1010);
	CHECK_EQ(reg(&state, 3), WORD(2));
	CHECK_EQ(reg(&state, 4), AT(7));
	CHECK_EQ(reg(&state, 5), WORD(11));
	CHECK_EQ(reg(&state, 8), AT(11));
	CHECK_EQ(reg(&state, 9), WORD(11));
	CHECK_EQ(reg(&state, 12), 1013);
	CHECK_EQ(reg(&state, 13), 1012);
	CHECK_EQ(egret_step_reg(&state, 6, &value), -ENODATA);
	CHECK_EQ(egret_step_reg(&state, 10, &value), -ENODATA);
}

static void cfa_in_memory_and_by_expression(void)
{
	static const uint8_t rsp_8_deref[] = { DW_OP_breg7, 8, DW_OP_deref };
	static const uint8_t endless[] = { DW_OP_skip, 0xfd, 0xff };
	struct egret_step_state state;

	fresh_full(&state);
	words[1] = AT(30);
	row_of.full.cfa = RULE(AT_REG, EGRET_UNWIND_RSP, 8);
	CHECK_EQ(step_full(&state, 0), EGRET_STEP_OK);
	CHECK_EQ(egret_step_sp(&state), AT(30));
	CHECK_EQ(egret_step_pc(&state), WORD(29));

	fresh_full(&state);
	words[1] = AT(30);
	expression(&row_of.full.cfa, EGRET_RULE_EXPR, 5, rsp_8_deref, 3);
	CHECK_EQ(step_full(&state, 0), EGRET_STEP_OK);
	CHECK_EQ(egret_step_sp(&state), AT(30));

	fresh_full(&state);
	expression(&row_of.full.cfa, EGRET_RULE_EXPR, 0, endless, 3);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_BAD_CFI);
	row_of.full.cfa = RULE(AT_CFA, 0, 0);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_BAD_CFI);
	row_of.full.cfa = RULE(REG, 17, 0);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_BAD_CFI);
	row_of.full.cfa = (struct egret_rule){ .kind = 99 };
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_BAD_CFI);
}

static void full_row_endings(void)
{
	static const uint8_t endless[] = { DW_OP_skip, 0xfd, 0xff };
	struct egret_step_state state;
	uint64_t value;

	/* A register that cannot be had is not known; rsp and rip must be. */
	fresh_full(&state);
	expression(&row_of.full.reg[3], EGRET_RULE_EXPR, 0, endless, 3);
	row_of.full.reg[12] = (struct egret_rule){ .kind = 99 };
	row_of.full.reg[13] = RULE(REG, 200, 0);
	CHECK_EQ(step_full(&state, 0), EGRET_STEP_OK);
	CHECK_EQ(egret_step_reg(&state, 3, &value), -ENODATA);
	CHECK_EQ(egret_step_reg(&state, 12, &value), -ENODATA);
	CHECK_EQ(egret_step_reg(&state, 13, &value), -ENODATA);
	fresh_full(&state);
	row_of.full.reg[EGRET_UNWIND_RIP] = RULE(UNDEFINED, 0, 0);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_BAD_CFI);
	fresh_full(&state);
	row_of.full.reg[EGRET_UNWIND_RIP] = RULE(AT_CFA, 0, 8000);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_TRUNCATED);
	row_of.full.reg[EGRET_UNWIND_RIP] = RULE(AT_REG, EGRET_UNWIND_RSP, 8 * HOLE);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_HOLE);
	/* Down the stack only through a signal frame. */
	fresh_full(&state);
	row_of.full.reg[EGRET_UNWIND_RSP] = RULE(CFA, 0, -160);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_NO_PROGRESS);
	CHECK_EQ(step_full(&state, EGRET_ROW_F_SIGNAL), EGRET_STEP_OK);
	CHECK_EQ(egret_step_sp(&state), BASE - 80);
}

#define RDI 5 /* as DWARF numbers it */

/* glibc's vfork, at its syscall: cfa = rsp, rip = rdi. */
static void return_address_in_a_register(void)
{
	struct egret_step_state state;

	fresh_full(&state);
	row_of.full.cfa = RULE(REG, EGRET_UNWIND_RSP, 0);
	row_of.full.reg[EGRET_UNWIND_RIP] = RULE(REG, RDI, 0);
	CHECK_EQ(step_full(&state, 0), EGRET_STEP_OK);
	CHECK_EQ(egret_step_sp(&state), AT(0));
	CHECK_EQ(egret_step_pc(&state), 1000 + RDI);
	/* Not further down, and not with a return address that lies on the stack. */
	fresh_full(&state);
	row_of.full.cfa = RULE(REG, EGRET_UNWIND_RSP, -8);
	row_of.full.reg[EGRET_UNWIND_RIP] = RULE(REG, RDI, 0);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_NO_PROGRESS);
	row_of.full.cfa = RULE(REG, EGRET_UNWIND_RSP, 0);
	row_of.full.reg[EGRET_UNWIND_RIP] = RULE(AT_CFA, 0, 8);
	CHECK_EQ(step_full(&state, 0), EGRET_UNWIND_NO_PROGRESS);
}

int main(void)
{
	RUN(cfa_from_rsp);
	RUN(popped_registers_have_their_values);
	RUN(registers_are_kept_through_frames);
	RUN(cfa_from_rbp);
	RUN(endings);
	RUN(every_rule);
	RUN(cfa_in_memory_and_by_expression);
	RUN(full_row_endings);
	RUN(return_address_in_a_register);
	return DONE();
}
