/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * code_flow.h - how a function returns, by following its code from a pc to its ret.
 *
 * Values are kept in terms of the registers at the pc, so what is found holds for every visit of
 * it. Code is taken at its word: what it pushes it pops, a call returns, and keeps what the ABI
 * says. Bounded: so many instructions, ways and stores, and no memory but the struct.
 */
#ifndef EGRET_UNWIND_CODE_FLOW_H
#define EGRET_UNWIND_CODE_FLOW_H

#include "unwind/insn.h"
#include "unwind/row.h"

enum egret_flow_kind {
	EGRET_FLOW_UNKNOWN,
	EGRET_FLOW_REG,	   /* reg + add */
	EGRET_FLOW_AT_REG, /* *(reg + offset) + add */
};

struct egret_flow_value {
	uint8_t kind; /* enum egret_flow_kind */
	uint8_t reg;  /* DWARF's number, of the register as it is at the pc */
	uint16_t reserved;
	int32_t offset;
	int32_t add;
};

/* A call was passed on the way: if it is one that does not return, the way is none. */
#define EGRET_FLOW_F_CALL 1u
/* The end is a jump by a register or memory: into another function, which returns for this one, or
 * by a table within this one. */
#define EGRET_FLOW_F_JUMP 2u

/* One way out of the function. */
struct egret_flow_exit {
	struct egret_flow_value slot;		 /* the address of the return address */
	struct egret_flow_value saved[NR_SAVED]; /* the caller's registers */
	uint32_t popped;			 /* bytes above the return address that ret takes */
	uint32_t flags;				 /* EGRET_FLOW_F_* */
};

/* What a function has done to its stack from its start on up to some place in it. */
struct egret_flow_entry {
	uint32_t depth;		 /* bytes that rsp is below the return address */
	int32_t saved[NR_SAVED]; /* where the caller's register is, from the return address */
};
/* In place of where it is: it is still in place; or nobody knows. */
#define EGRET_FLOW_SAME 0
#define EGRET_FLOW_LOST INT32_MIN

#define EGRET_FLOW_EXITS 4

#define EGRET_FLOW_INSNS 4096 /* looked at for one pc, at most */
#define EGRET_FLOW_WAYS 48    /* branches not taken yet */
#define EGRET_FLOW_STORES 24  /* on one way; older ones are forgotten */

struct egret_flow_store {
	uint8_t base; /* of the address base + offset */
	int32_t offset;
	struct egret_flow_value value;
};

struct egret_flow_state {
	uint64_t pc;
	uint32_t flags; /* EGRET_FLOW_F_* */
	uint32_t n_stores;
	bool has_called_kernel;
	struct egret_flow_value reg[16];
	struct egret_flow_store store[EGRET_FLOW_STORES]; /* a ring */
	/*
	 * Where the caller's registers were saved first, from rsp at the pc, however many stores
	 * ago; 0: nowhere, or something else was stored there since.
	 */
	int32_t saved[NR_SAVED];
};

struct egret_flow_seen {
	uint64_t pc;
	uint32_t run;
};

/* Working memory, 60 KiB. Zero-initialise. */
struct egret_flow {
	egret_read_text_fn read_text;
	void *arg;
	struct egret_text text; /* that was read last */
	struct egret_flow_state way[EGRET_FLOW_WAYS];
	uint32_t n_ways;
	uint32_t run, n_insns;
	uint32_t budget; /* instructions that may still be looked at, in all runs */
	struct egret_flow_seen seen[2 * EGRET_FLOW_INSNS];
	struct egret_flow_exit exit[EGRET_FLOW_EXITS];
	uint32_t n_exits;
	bool is_lost;	 /* some way leads to where it cannot be followed */
	bool has_halted; /* some way ends in hlt, or in a loop around a system call */
	uint64_t goal;	 /* of egret_flow_to; 0: none */
	struct egret_flow_entry at_goal;
	bool goal_found, goal_reached; /* reached, but with an rsp that is not known */
	struct egret_flow_entry jump[EGRET_FLOW_EXITS]; /* where it jumps by a table of pointers */
	uint32_t n_jumps;
	uint64_t insns; /* decoded in all runs */
};

/*
 * Follows the code at pc. Returns how many different exits there are in flow->exit: one that is
 * sure is the only one; where all have flags, each may be wrong.
 */
uint32_t egret_flow_exits(struct egret_flow *flow, egret_read_text_fn read_text, void *arg,
			  uint64_t pc);

/*
 * Whether the code that was followed last is what stands behind the call that begins a thread, a
 * program or a coroutine: it ends it, at once, and never returns.
 */
bool egret_flow_is_bottom(const struct egret_flow *flow);

/*
 * Follows the code from the start of a function to goal. True: it gets there, and flow->at_goal
 * says what it has done. False: it does not, as far as it was looked at; flow->jump says where it
 * jumps by a table of pointers, as interpreters do.
 */
bool egret_flow_to(struct egret_flow *flow, egret_read_text_fn read_text, void *arg, uint64_t start,
		   uint64_t goal);

#endif
