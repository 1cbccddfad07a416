/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * insn.h - what one x86-64 instruction does to the stack pointer, to registers and to the flow of
 * control. All else of it is left out.
 */
#ifndef EGRET_UNWIND_INSN_H
#define EGRET_UNWIND_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest instruction that there is, in bytes. */
#define EGRET_INSN_MAX 15
/* In place of a register's number: none, or one that is of no use here. */
#define EGRET_INSN_NO_REG 0xff

/* Registers in DWARF's numbering, see unwind.h. mem is the 8 bytes at base + disp. */
enum egret_insn_kind {
	EGRET_INSN_OTHER,    /* nothing but what `written` and `mem` say */
	EGRET_INSN_PUSH,     /* rsp -= 8; *rsp = src, or mem; neither: another value */
	EGRET_INSN_POP,	     /* dst = *rsp, or nobody's; rsp += 8 */
	EGRET_INSN_ADD,	     /* dst = src + disp */
	EGRET_INSN_LOAD,     /* dst = mem */
	EGRET_INSN_STORE,    /* mem = src */
	EGRET_INSN_EXCHANGE, /* dst = src; src = dst */
	EGRET_INSN_LEAVE,    /* rsp = rbp; rbp = *rsp; rsp += 8 */
	EGRET_INSN_CALL,     /* target, or by a register or memory */
	EGRET_INSN_JUMP,     /* likewise */
	EGRET_INSN_BRANCH,   /* to target, or not */
	EGRET_INSN_RET,	     /* and rsp += disp */
	EGRET_INSN_STOP,     /* what comes behind is not run: ud2, int3 */
	EGRET_INSN_HALT,     /* hlt: as above, and nobody expects to come here */
	EGRET_INSN_SYSCALL,
};

struct egret_insn {
	uint8_t kind;	  /* enum egret_insn_kind */
	uint8_t len;	  /* bytes */
	uint8_t dst, src; /* JUMP by a register: src */
	uint8_t base;	  /* of the memory that is read (PUSH, LOAD) or written (others) */
	uint8_t width;	  /* bytes of memory that are written; 0: none, or where is not known */
	bool has_target;  /* CALL, JUMP: else it is in a register or memory */
	bool by_constant; /* CALL, JUMP: it is in memory at a fixed distance from the code */
	bool by_table;	  /* CALL, JUMP: it is in memory that a register leads to */
	uint32_t written; /* a bit for each register that is written, in whole or in part */
	int32_t disp;
	uint64_t target;
};

/*
 * Decodes the instruction at pc from its bytes, of which there are len. False: it is none, or there
 * are too few.
 */
bool egret_insn_decode(const uint8_t *bytes, size_t len, uint64_t pc, struct egret_insn *out);

/*
 * Whether the bytes before a return address, which end with bytes[len - 1], are a call.
 * *has_target: to where the instruction says, as seen from the return address pc.
 */
bool egret_insn_is_call_before(const uint8_t *bytes, size_t len, uint64_t pc, bool *has_target,
			       uint64_t *target);

#endif
