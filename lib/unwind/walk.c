/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/walk.h"

#include <egret/egret.h>

#include "unwind/frame_pointer.h"

/* The frame that is being left. */
struct walk {
	const struct egret_unwind_request *request;
	egret_walk_step_fn step;
	struct egret_unwinder *unwinder;
	struct egret_step_state state;
	struct egret_code code;
	size_t n_frames;
	bool is_return; /* the pc is a return address */
	bool is_mapped;
	bool in_chain; /* the frame before was left by frame pointer */
};

static void add_frame(struct walk *w)
{
	w->request->frames[w->n_frames++] = (struct egret_unwound_frame){
		.pc = egret_step_pc(&w->state),
		.cookie = w->code.cookie,
		.flags = w->is_return ? EGRET_FRAME_F_RETURN : 0,
	};
}

static bool find_code(struct walk *w)
{
	w->code = (struct egret_code){ 0 };
	w->is_mapped = w->request->find_code(w->request->arg,
					     egret_step_pc(&w->state) - w->is_return, &w->code);
	return w->is_mapped;
}

static enum egret_unwind_end step_without_cfi(struct walk *w, const struct egret_row *hint,
					      struct egret_unwound_frame *frame)
{
	const struct egret_frame_pointer_step how = {
		.find_code = w->request->find_code,
		.arg = w->request->arg,
		.exact_pc = !w->is_return,
		.unmapped = !w->is_mapped,
		.in_chain = w->in_chain,
		.hint = *hint,
	};

	return egret_frame_pointer_step(&w->state, &how, &frame->flags);
}

enum egret_unwind_end egret_walk_step_row(struct egret_step_state *state,
					  const struct egret_row_ref *ref,
					  struct egret_walk_row *row)
{
	row->is_signal = ref->row.flags & EGRET_ROW_F_SIGNAL;
	if (ref->row.kind == EGRET_ROW_NONE)
		row->hint = ref->row;
	return egret_step(state, ref);
}

/* Leaves the last frame; *is_signal: the caller's pc is where a signal interrupted it. */
static enum egret_unwind_end leave_frame(struct walk *w, bool *is_signal)
{
	struct egret_unwound_frame *frame = &w->request->frames[w->n_frames - 1];
	struct egret_walk_row row = { .is_signal = false };
	enum egret_unwind_end end = EGRET_UNWIND_NO_CFI;
	uint64_t pc = egret_step_pc(&w->state), sp = egret_step_sp(&w->state);

	if (w->code.module) {
		struct egret_place place = { pc - w->is_return - w->code.bias, w->is_return };

		end = w->step(w->unwinder, w->code.module, place, &w->state, &row);
	}
	if (end == EGRET_UNWIND_NO_CFI)
		end = step_without_cfi(w, &row.hint, frame);
	w->in_chain = frame->flags & EGRET_FRAME_F_FRAME_POINTER;
	*is_signal = row.is_signal;
	/* The pc is then where the kernel makes the handler return to, and no call is before it. */
	if (row.is_signal)
		frame->flags = (frame->flags | EGRET_FRAME_F_SIGNAL) & ~EGRET_FRAME_F_RETURN;
	/* A signal frame may be on another stack, so it may lead down; not to itself. */
	if (end == EGRET_STEP_OK && pc == egret_step_pc(&w->state) &&
	    sp == egret_step_sp(&w->state))
		return EGRET_UNWIND_NO_PROGRESS;
	return end;
}

/*
 * A return address of 0 ends a stack as an undefined one does: whoever starts a thread or a
 * coroutine without CFI of its own puts it there so that debuggers stop (and they do, gdb and
 * libunwind among them). It is found by CFI here: a frame pointer step wants a return address that
 * is in code.
 */
static enum egret_unwind_end enter_caller(struct walk *w, bool is_signal)
{
	w->is_return = !is_signal;
	if (w->is_return && !egret_step_pc(&w->state))
		return EGRET_UNWIND_ROOT;
	/* What a signal interrupted was really there, even when it is no code: a call of a bad
	 * pointer. A return address that is no code is not one. */
	if (!find_code(w) && w->is_return)
		return EGRET_UNWIND_NO_MODULE;
	if (w->n_frames == w->request->max_frames)
		return EGRET_UNWIND_FRAME_LIMIT;
	add_frame(w);
	return EGRET_STEP_OK;
}

struct egret_unwind_result egret_walk(const struct egret_unwind_request *request,
				      egret_walk_step_fn step, struct egret_unwinder *unwinder)
{
	struct walk w = { .request = request, .step = step, .unwinder = unwinder };
	enum egret_unwind_end end;
	bool is_signal;

	if (!request->max_frames)
		return (struct egret_unwind_result){ 0, EGRET_UNWIND_FRAME_LIMIT };
	egret_step_init(&w.state, &request->regs, request->read_stack, request->arg);
	find_code(&w);
	add_frame(&w);
	do {
		end = leave_frame(&w, &is_signal);
		if (end == EGRET_STEP_OK)
			end = enter_caller(&w, is_signal);
	} while (end == EGRET_STEP_OK);
	return (struct egret_unwind_result){ w.n_frames, end };
}
