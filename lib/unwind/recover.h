/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * recover.h - a step where there is no CFI, or CFI that leads nowhere, by looking at the code.
 *
 * First the code is followed from the pc to its ret (code_flow.h), which says where the return
 * address is. Where that fails, words on the stack are candidates: what is called before them must
 * lead to the pc, with as much on the stack as lies between. A return address counts only with a
 * call before it. What is found for a pc is kept; nothing of this runs for code that has CFI.
 */
#ifndef EGRET_UNWIND_RECOVER_H
#define EGRET_UNWIND_RECOVER_H

#include "unwind/code_flow.h"
#include "unwind/step.h"

/* Working memory and what was found, of one thread that unwinds. */
struct egret_recovery;

/* 0 or -ENOMEM. */
int egret_recovery_create(struct egret_recovery **out);
void egret_recovery_destroy(struct egret_recovery *recovery);

/* A stack begins: at most so many instructions are looked at for all of it (a few milliseconds). */
#define EGRET_RECOVERY_INSNS (1u << 17)
void egret_recovery_begin(struct egret_recovery *recovery);

struct egret_recovery_stats {
	uint64_t followed; /* program counters whose code was followed */
	uint64_t insns;	   /* instructions decoded */
	uint64_t scans;	   /* stacks that were searched for a return address */
};
struct egret_recovery_stats egret_recovery_stats(const struct egret_recovery *recovery);

/* How code is looked at: the callbacks of a request. */
struct egret_recovery_view {
	struct egret_recovery *recovery;
	egret_find_code_fn find_code;
	egret_read_text_fn read_text;
	void *arg; /* of both */
};

/*
 * Makes state that of the caller by the code at its pc. EGRET_STEP_OK; EGRET_UNWIND_ROOT: behind
 * this call there is only what ends the thread (clone of musl, make_fcontext of Boost);
 * EGRET_UNWIND_NO_CFI: the code does not say, and state is as it was.
 */
enum egret_unwind_end egret_recover_by_flow(const struct egret_recovery_view *view,
					    struct egret_step_state *state, bool is_return);

/*
 * The same by how code that was made at run time began. Such code may have no ret at all: a loop
 * that HotSpot compiled leaves by a call that does not return.
 */
enum egret_unwind_end egret_recover_by_prologue(const struct egret_recovery_view *view,
						struct egret_step_state *state);

/*
 * The same by a word on the stack: the n-th, from 0 on, of those that are return addresses of a
 * call that leads to the pc. Whether it is the right one is not sure before its caller's stack has
 * been seen to reach a root.
 */
enum egret_unwind_end egret_recover_by_scan(const struct egret_recovery_view *view,
					    struct egret_step_state *state, uint32_t n);

/*
 * Whether pc is in runtime.goexit of Go, behind its first instruction: there each goroutine returns
 * to, though nobody has called from there. Go's linker leaves it without CFI where it strips (-w).
 */
bool egret_is_goexit(const struct egret_recovery_view *view, uint64_t pc);

enum egret_call_before {
	EGRET_CALL_NONE,     /* no return address */
	EGRET_CALL_INDIRECT, /* by a register or memory */
	EGRET_CALL_DIRECT,   /* to *target */
	EGRET_CALL_NO_BYTES, /* the code cannot be had */
};
enum egret_call_before egret_call_before(const struct egret_recovery_view *view, uint64_t pc,
					 uint64_t *target);

#endif
