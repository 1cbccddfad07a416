/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * row.h - the vocabulary of unwinding: what holds at one program counter.
 *
 * A row says how the caller's registers are found from the registers at a pc. The stack grows down,
 * and the CFA (canonical frame address) is what rsp was before the call instruction pushed the
 * return address:
 *
 *	*(cfa - 8)	return address, for nearly all code
 *	*(cfa - 16)	the caller's rbp, after push %rbp
 *	...
 *	rsp		here and now, in the callee
 *
 * Parsers of CFI make rows; the stepper (step.h) consumes them and knows nothing of where they come
 * from. A row has no pointers in it, so that rows may live in a file that is mapped anywhere.
 */
#ifndef EGRET_UNWIND_ROW_H
#define EGRET_UNWIND_ROW_H

#include <stdint.h>

#include "unwind/unwind.h"

enum egret_row_kind {
	EGRET_ROW_NONE = 0,   /* no CFI covers the pc */
	EGRET_ROW_BAD = 1,    /* CFI that makes no sense */
	EGRET_ROW_SIMPLE = 2, /* see struct egret_row */
	EGRET_ROW_FULL = 3,   /* see struct egret_full_row */
	EGRET_ROW_LINK = 4,   /* simple, where calls leave the return address in a register */
};

/* The frame was made by the kernel to call a signal handler: the caller's pc is not a return
 * address. */
#define EGRET_ROW_F_SIGNAL 1u
/* The return address is undefined: the outermost frame. Nothing else in the row counts. */
#define EGRET_ROW_F_ROOT 2u
/* EGRET_ROW_NONE only: the pc is in the code at the ELF entry point, where a program begins. */
#define EGRET_ROW_F_ENTRY 4u
/* The CFI says otherwise: the code is that of a signal trampoline (Go). Goes with _SIGNAL. */
#define EGRET_ROW_F_BY_CODE 8u
/* The return address is signed (aarch64): not an address before the signature is taken off. */
#define EGRET_ROW_F_SIGNED 16u

/* The registers that a callee keeps for its caller, but for rsp (System V ABI, figure 3.4). */
enum egret_saved { SAVED_RBX, SAVED_RBP, SAVED_R12, SAVED_R13, SAVED_R14, SAVED_R15, NR_SAVED };

/* DWARF's numbers of them. */
#define EGRET_SAVED_REGS                                                                           \
	{                                                                                          \
		3, 6, 12, 13, 14, 15                                                               \
	}

/*
 * A row in 16 bytes: all that most code needs.
 *
 *	cfa = cfa_reg + cfa_offset
 *	rip = *(cfa - 8)
 *	rsp = cfa
 *	x   = *(cfa - 8 * saved[x])	for rbx, rbp, r12 .. r15; saved[x] = 0: x is unchanged
 *	all others are not known
 *
 * EGRET_ROW_LINK, of aarch64:
 *
 *	cfa = cfa_reg + cfa_offset
 *	pc  = *(cfa - 8 * saved[1])	x30; saved[1] = 0: pc = x30
 *	sp  = cfa
 *	x   = *(cfa - 8 * saved[x])	for x29, x30, x19 .. x22; saved[x] = 0: x is unchanged
 *	x23 .. x28 are unchanged, all others are not known
 */
struct egret_row {
	uint8_t kind;  /* enum egret_row_kind */
	uint8_t flags; /* EGRET_ROW_F_* */
	uint8_t cfa_reg;
	uint8_t reserved;
	/*
	 * SIMPLE, LINK: as above. FULL: where the full row is, in units of 8 bytes from the
	 * start of the table of full rows. NONE: 0, or what the code bytes say: cfa = rsp +
	 * cfa_offset, with saved[] as above (a guess, see code_row.h).
	 */
	int32_t cfa_offset;
	uint8_t saved[NR_SAVED];
	uint8_t reserved2[2];
};
_Static_assert(sizeof(struct egret_row) == 16, "four rows a cache line");

enum egret_rule_kind {
	EGRET_RULE_UNDEFINED = 0, /* x is not known */
	EGRET_RULE_SAME = 1,	  /* x = x */
	EGRET_RULE_REG = 2,	  /* x = reg + offset */
	EGRET_RULE_AT_REG = 3,	  /* x = *(reg + offset) */
	EGRET_RULE_CFA = 4,	  /* x = cfa + offset */
	EGRET_RULE_AT_CFA = 5,	  /* x = *(cfa + offset) */
	EGRET_RULE_EXPR = 6,	  /* x = expr(cfa) */
	EGRET_RULE_AT_EXPR = 7,	  /* x = *expr(cfa) */
};

struct egret_rule {
	uint8_t kind; /* enum egret_rule_kind */
	uint8_t reg;
	uint16_t len;	/* bytes of the expression */
	int32_t offset; /* of an expression: its place in expr[] */
};

/*
 * A row in full. Expressions are DWARF's (DWARF 5, section 2.5), as bytes, and begin with the CFA
 * on their stack (that of the CFA itself with an empty one). The rule of the CFA is REG, AT_REG or
 * EXPR.
 */
struct egret_full_row {
	struct egret_rule cfa;
	struct egret_rule reg[EGRET_UNWIND_NR_REGS];
	uint8_t expr[];
};

/* A row, and its full row if it is EGRET_ROW_FULL. */
struct egret_row_ref {
	struct egret_row row;
	const struct egret_full_row *full;
};

#endif
