/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* walk.h - the loop that all engines share: from the leaf, caller by caller, to a named ending. */
#ifndef EGRET_UNWIND_WALK_H
#define EGRET_UNWIND_WALK_H

#include "unwind/code_row.h"
#include "unwind/decisions.h"
#include "unwind/step.h"

/* What an engine knows about the frame that it leaves. */
struct egret_walk_row {
	bool is_signal;	       /* the frame is a signal trampoline */
	struct egret_row hint; /* with NO_CFI: see egret_code_row */
};

/*
 * An engine's part: makes state that of the caller by the CFI of module at place.
 * EGRET_STEP_OK, or how the stack ends; NO_CFI lets the walk try the frame pointer.
 */
typedef enum egret_unwind_end (*egret_walk_step_fn)(struct egret_unwinder *unwinder,
						    struct egret_unwind_module *module,
						    struct egret_place place,
						    struct egret_step_state *state,
						    struct egret_walk_row *row);

/* An engine's part where it has a row. */
enum egret_unwind_end egret_walk_step_row(struct egret_step_state *state,
					  const struct egret_row_ref *ref,
					  struct egret_walk_row *row);

/* A stack on its way; the last frame is in request->frames, and is the one to be left. */
struct egret_walk {
	const struct egret_unwind_request *request;
	egret_walk_step_fn step;
	struct egret_unwinder *unwinder; /* of step */
	struct egret_step_state state;	 /* of the last frame */
	struct egret_code code;		 /* at its pc */
	size_t n_frames;
	bool is_return; /* the pc is a return address */
	bool is_mapped;
	bool in_chain; /* the frame before was left by frame pointer */
	bool by_cfi;   /* the last frame was left by its CFI, or tried to be */
	struct egret_decisions decisions;
};

/* Adds the leaf; there is room for it. code: what find_code says of its pc; NULL: it is asked. */
void egret_walk_begin(struct egret_walk *w, const struct egret_unwind_request *request,
		      egret_walk_step_fn step, struct egret_unwinder *unwinder,
		      const struct egret_code *code);
/* Leaves the last frame and adds its caller: EGRET_STEP_OK, or how the stack ends. */
enum egret_unwind_end egret_walk_frame(struct egret_walk *w);
/* Where it has come to an end: it may be walked again in other ways, where code has no CFI. */
struct egret_unwind_result egret_walk_end(struct egret_walk *w, enum egret_unwind_end end);

/* All of it, one by one. */
struct egret_unwind_result egret_walk(const struct egret_unwind_request *request,
				      egret_walk_step_fn step, struct egret_unwinder *unwinder);

#endif
