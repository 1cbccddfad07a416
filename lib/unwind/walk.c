/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/walk.h"

#include <egret/egret.h>

#include "unwind/frame_pointer.h"
#include "unwind/recover.h"

static void add_frame(struct egret_walk *w)
{
	w->request->frames[w->n_frames++] = (struct egret_unwound_frame){
		.pc = egret_step_pc(&w->state),
		.cookie = w->code.cookie,
		.flags = w->is_return ? EGRET_FRAME_F_RETURN : 0,
	};
}

static bool find_code(struct egret_walk *w)
{
	w->code = (struct egret_code){ 0 };
	w->is_mapped = w->request->find_code(w->request->arg,
					     egret_step_pc(&w->state) - w->is_return, &w->code);
	return w->is_mapped;
}

static const struct egret_decision *decision_of(const struct egret_walk *w)
{
	return w->decisions.n ? egret_decision_at(&w->decisions, w->n_frames - 1) : NULL;
}

static enum egret_unwind_end by_code(const struct egret_recovery_view *view,
				     struct egret_step_state *state, bool is_return)
{
	enum egret_unwind_end end = egret_recover_by_flow(view, state, is_return);

	return end == EGRET_UNWIND_NO_CFI ? egret_recover_by_prologue(view, state) : end;
}

/* By the code, or by a word on the stack where that was decided. */
static enum egret_unwind_end recover(struct egret_walk *w, enum egret_decision_kind kind,
				     struct egret_unwound_frame *frame)
{
	const struct egret_unwind_request *request = w->request;
	const struct egret_recovery_view view = { request->recovery, request->find_code,
						  request->read_text, request->arg };
	const struct egret_decision *decision = decision_of(w);
	enum egret_unwind_end end = EGRET_UNWIND_NO_CFI;

	if (w->is_mapped && request->needs_code) {
		*request->needs_code = true;
		return EGRET_UNWIND_NO_MODULE; /* whatever: it does not count */
	}
	if (!view.recovery || !view.read_text || !w->is_mapped)
		return end;
	if (kind == EGRET_DECIDE_FLOW)
		end = by_code(&view, &w->state, w->is_return);
	else if (decision && decision->kind == kind)
		end = egret_recover_by_scan(&view, &w->state, decision->n);
	if (end == EGRET_STEP_OK)
		frame->flags |= EGRET_FRAME_F_RECOVERED;
	return end;
}

/* Bytes that HotSpot's adapter makes room for between a compiled caller and the interpreter. */
#define ADAPTED_MAX (256 * 8)

/*
 * HotSpot's interpreter keeps its caller's rsp at rbp - 8, and at rbp - 16 its own while it calls
 * something (frame_x86.hpp): the caller's is higher than what was left by rbp where an adapter has
 * made room for arguments. rbp, sp: in the frame that was left.
 */
static void note_sender_sp(struct egret_walk *w, uint64_t rbp, uint64_t sp)
{
	struct egret_step_state *s = &w->state;
	uint64_t sender, last, more;

	if (w->code.module || s->read_stack(s->arg, rbp - 8, &sender) ||
	    s->read_stack(s->arg, rbp - 16, &last))
		return;
	more = sender - (rbp + 16);
	if (more & 7 || more > ADAPTED_MAX || (last && (last < sp || last >= rbp)))
		return;
	s->value[EGRET_UNWIND_RSP] = sender;
}

static enum egret_unwind_end step_by_frame_pointer(struct egret_walk *w,
						   const struct egret_row *hint,
						   struct egret_unwound_frame *frame)
{
	const struct egret_frame_pointer_step how = {
		.view = { w->request->recovery, w->request->find_code, w->request->read_text,
			  w->request->arg },
		.exact_pc = !w->is_return,
		.unmapped = !w->is_mapped,
		.in_chain = w->in_chain,
		.hint = *hint,
	};

	uint64_t rbp, sp = egret_step_sp(&w->state);
	bool has_rbp = !egret_step_reg(&w->state, EGRET_UNWIND_RBP, &rbp);
	enum egret_unwind_end end = egret_frame_pointer_step(&w->state, &how, &frame->flags);

	if (end == EGRET_STEP_OK && has_rbp && frame->flags & EGRET_FRAME_F_FRAME_POINTER)
		note_sender_sp(w, rbp, sp);
	return end;
}

static enum egret_unwind_end step_without_cfi(struct egret_walk *w, const struct egret_row *hint,
					      struct egret_unwound_frame *frame)
{
	enum egret_unwind_end end = recover(w, EGRET_DECIDE_FLOW, frame), scanned;

	if (end != EGRET_UNWIND_NO_CFI)
		return end;
	end = step_by_frame_pointer(w, hint, frame);
	if (end == EGRET_STEP_OK)
		return end;
	scanned = recover(w, EGRET_DECIDE_SCAN, frame);
	return scanned == EGRET_STEP_OK ? scanned : end;
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

/* By the module's CFI. NO_CFI: it has none there. */
static enum egret_unwind_end step_by_cfi(struct egret_walk *w, struct egret_walk_row *row,
					 struct egret_unwound_frame *frame)
{
	const struct egret_decision *decision = decision_of(w);
	struct egret_place place = { egret_step_pc(&w->state) - w->is_return - w->code.bias,
				     w->is_return };
	enum egret_unwind_end end;

	w->by_cfi = false;
	if (!w->code.module)
		return EGRET_UNWIND_NO_CFI;
	if (decision && decision->kind == EGRET_DECIDE_FLOW) {
		end = recover(w, EGRET_DECIDE_FLOW, frame);
		if (end != EGRET_UNWIND_NO_CFI)
			return end;
	}
	end = w->step(w->unwinder, w->code.module, place, &w->state, row);
	w->by_cfi = end != EGRET_UNWIND_NO_CFI;
	return end;
}

/* Leaves the last frame; *is_signal: the caller's pc is where a signal interrupted it. */
static enum egret_unwind_end leave_frame(struct egret_walk *w, bool *is_signal)
{
	struct egret_unwound_frame *frame = &w->request->frames[w->n_frames - 1];
	struct egret_walk_row row = { .is_signal = false };
	uint64_t pc = egret_step_pc(&w->state), sp = egret_step_sp(&w->state);
	enum egret_unwind_end end = step_by_cfi(w, &row, frame);

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
static enum egret_unwind_end enter_caller(struct egret_walk *w, bool is_signal)
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

/* The leaf of a walk from the start. */
static void begin(struct egret_walk *w, const struct egret_code *code)
{
	const struct egret_unwind_request *request = w->request;

	w->n_frames = 0;
	w->is_return = false;
	w->in_chain = false;
	if (request->arch)
		egret_step_init_arch(&w->state, request->arch, &request->regs, request->read_stack,
				     request->arg);
	else
		egret_step_init(&w->state, &request->regs, request->read_stack, request->arg);
	w->is_mapped = true;
	if (code)
		w->code = *code;
	else
		find_code(w);
	add_frame(w);
}

void egret_walk_begin(struct egret_walk *w, const struct egret_unwind_request *request,
		      egret_walk_step_fn step, struct egret_unwinder *unwinder,
		      const struct egret_code *code)
{
	*w = (struct egret_walk){ .request = request, .step = step, .unwinder = unwinder };
	if (request->recovery)
		egret_recovery_begin(request->recovery);
	begin(w, code);
}

enum egret_unwind_end egret_walk_frame(struct egret_walk *w)
{
	bool is_signal;
	enum egret_unwind_end end = leave_frame(w, &is_signal);

	return end == EGRET_STEP_OK ? enter_caller(w, is_signal) : end;
}

static enum egret_unwind_end go_on(struct egret_walk *w)
{
	enum egret_unwind_end end;

	do
		end = egret_walk_frame(w);
	while (end == EGRET_STEP_OK);
	return end;
}

struct egret_unwind_result egret_walk_end(struct egret_walk *w, enum egret_unwind_end end)
{
	while (end != EGRET_UNWIND_ROOT && w->request->recovery &&
	       egret_decide_again(&w->decisions, w->n_frames - 1, w->by_cfi, end)) {
		begin(w, NULL);
		end = go_on(w);
	}
	return (struct egret_unwind_result){ w->n_frames, end };
}

struct egret_unwind_result egret_walk(const struct egret_unwind_request *request,
				      egret_walk_step_fn step, struct egret_unwinder *unwinder)
{
	struct egret_walk w;

	if (!request->max_frames)
		return (struct egret_unwind_result){ 0, EGRET_UNWIND_FRAME_LIMIT };
	egret_walk_begin(&w, request, step, unwinder, NULL);
	return egret_walk_end(&w, go_on(&w));
}
