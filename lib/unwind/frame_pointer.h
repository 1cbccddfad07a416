/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * frame_pointer.h - a step where there is no CFI: JIT code, hand-written assembly, files that are
 * gone.
 *
 *	push %rbp; mov %rsp, %rbp	*rbp       the caller's rbp
 *					*(rbp + 8) return address
 *					rbp + 16   the caller's rsp
 *
 * Nothing says that rbp is a frame pointer, so the step is taken only when what it finds makes
 * sense: a return address is in code, with a call before it where that code is a file's.
 */
#ifndef EGRET_UNWIND_FRAME_POINTER_H
#define EGRET_UNWIND_FRAME_POINTER_H

#include "unwind/recover.h"

struct egret_frame_pointer_step {
	struct egret_recovery_view
		view; /* its recovery is not needed, and its read_text may be NULL */
	/* The pc is where the thread was interrupted, so it may be before rbp is set up. */
	bool exact_pc;
	/* The pc is in no mapping: somebody called a bad pointer. */
	bool unmapped;
	/* The frame before was left by frame pointer too. */
	bool in_chain;
	/* What egret_code_row said; kind EGRET_ROW_NONE, cfa_offset 0: nothing. */
	struct egret_row hint;
};

/*
 * Makes state that of the caller, with EGRET_STEP_OK, and adds to *flags how it was found
 * (EGRET_FRAME_F_FRAME_POINTER, EGRET_FRAME_F_RECOVERED). Otherwise how the stack ends.
 */
enum egret_unwind_end egret_frame_pointer_step(struct egret_step_state *state,
					       const struct egret_frame_pointer_step *how,
					       uint32_t *flags);

#endif
