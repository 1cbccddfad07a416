/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Stacks without CFI, walked as an engine would that has none. */
#include <egret/egret.h>

#include "unwind/frame_pointer.h"
#include "unwind/walk.h"
#include "unwind_memory.h"

#define CODE 0x400000ull /* 64 KiB of code without a module */

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	if (pc - CODE >= 0x10000)
		return false;
	*code = (struct egret_code){ .cookie = pc - CODE };
	return true;
}

/* Never called: there is no module. */
static enum egret_unwind_end no_step(struct egret_unwinder *unwinder,
				     struct egret_unwind_module *module, struct egret_place place,
				     struct egret_step_state *state, struct egret_walk_row *row)
{
	CHECK(!"called");
	return EGRET_UNWIND_BAD_CFI;
}

static struct egret_unwound_frame frames[100];
static size_t n_frames;

static enum egret_unwind_end walk_from(uint64_t pc, uint64_t sp, uint64_t rbp)
{
	struct egret_unwind_request request = {
		.read_stack = read_words,
		.find_code = find_code,
		.frames = frames,
		.max_frames = 100,
	};
	struct egret_unwind_result result;

	request.regs.r[EGRET_UNWIND_RIP] = pc;
	request.regs.r[EGRET_UNWIND_RSP] = sp;
	request.regs.r[EGRET_UNWIND_RBP] = rbp;
	result = egret_walk(&request, no_step, NULL);
	n_frames = result.n_frames;
	return result.end;
}

static void zero_stack(void)
{
	memset(words, 0, sizeof(words));
}

/* A frame pointer at word n, to the next at word next. */
static void link_frame(int n, int next, uint64_t pc)
{
	words[n] = next ? AT(next) : 0;
	words[n + 1] = pc;
}

static void chain(void)
{
	zero_stack();
	link_frame(0, 10, CODE + 0x10);	 /* right at rsp */
	link_frame(10, 12, CODE + 0x20); /* the next right above it */
	link_frame(12, 0, CODE + 0x30);
	CHECK_EQ(walk_from(CODE, BASE, BASE), EGRET_UNWIND_FRAME_POINTER_END);
	CHECK_EQ(n_frames, 4);
	for (uint64_t i = 0; i < 4; i++) {
		CHECK_EQ(frames[i].pc, CODE + 0x10 * i);
		CHECK_EQ(frames[i].flags, (i ? EGRET_FRAME_F_RETURN : 0) |
						  (i < 3 ? EGRET_FRAME_F_FRAME_POINTER : 0));
		/* Looked up one byte before a return address. */
		CHECK_EQ(frames[i].cookie, 0x10 * i - (i ? 1 : 0));
	}
}

static void insane_frame_pointers(void)
{
	static const uint64_t insane[] = {
		1, 8, BASE - 8, AT(10) + 4, UINT64_MAX - 7, UINT64_MAX, 1ull << 63
	};

	for (size_t i = 0; i < sizeof(insane) / sizeof(*insane); i++) {
		zero_stack();
		link_frame(10, 12, CODE + 0x20);
		/* At once: rbp was never one. */
		CHECK_EQ(walk_from(CODE, BASE, insane[i]), EGRET_UNWIND_NO_CFI);
		CHECK_EQ(n_frames, 1);
		CHECK_EQ(frames[0].flags, 0);
		/* Later: the chain has ended. */
		words[10] = insane[i];
		CHECK_EQ(walk_from(CODE, BASE, AT(10)), EGRET_UNWIND_FRAME_POINTER_END);
		CHECK_EQ(n_frames, 2);
	}
	zero_stack();
	link_frame(10, 12, CODE - 1); /* not code */
	CHECK_EQ(walk_from(CODE, BASE, AT(10)), EGRET_UNWIND_NO_CFI);
	CHECK_EQ(walk_from(CODE, BASE, 0), EGRET_UNWIND_FRAME_POINTER_END);
}

static void cycles(void)
{
	zero_stack();
	link_frame(10, 10, CODE + 0x10);
	CHECK_EQ(walk_from(CODE, BASE, AT(10)), EGRET_UNWIND_FRAME_POINTER_END);
	CHECK_EQ(n_frames, 2);
	link_frame(10, 20, CODE + 0x10);
	link_frame(20, 10, CODE + 0x20);
	CHECK_EQ(walk_from(CODE, BASE, AT(10)), EGRET_UNWIND_FRAME_POINTER_END);
	CHECK_EQ(n_frames, 3);
}

static void unreadable(void)
{
	zero_stack();
	CHECK_EQ(walk_from(CODE, BASE, AT(HOLE)), EGRET_UNWIND_HOLE);
	CHECK_EQ(walk_from(CODE, BASE, AT(HOLE - 1)), EGRET_UNWIND_HOLE);
	CHECK_EQ(walk_from(CODE, BASE, AT(WORDS)), EGRET_UNWIND_TRUNCATED);
	CHECK_EQ(walk_from(CODE, BASE, AT(WORDS - 1)), EGRET_UNWIND_TRUNCATED);
	/* Too far away to be on this stack. */
	CHECK_EQ(walk_from(CODE, BASE, BASE + (1ull << 30)), EGRET_UNWIND_NO_CFI);
	CHECK_EQ(n_frames, 1);
	link_frame(10, WORDS, CODE + 0x10);
	CHECK_EQ(walk_from(CODE, BASE, AT(10)), EGRET_UNWIND_TRUNCATED);
	CHECK_EQ(n_frames, 2);
}

/* In a leaf before its prologue, or without one: the return address is on top. */
static void leaf_without_frame(void)
{
	zero_stack();
	words[0] = CODE + 0x10;
	CHECK_EQ(walk_from(CODE, BASE, 5), EGRET_UNWIND_NO_CFI);
	CHECK_EQ(n_frames, 2);
	CHECK_EQ(frames[0].flags, EGRET_FRAME_F_RECOVERED);
	CHECK_EQ(frames[1].pc, CODE + 0x10);
	/* Not where the pc is a return address: what is on top then is anything. */
	words[1] = CODE + 0x20;
	CHECK_EQ(walk_from(CODE, BASE, 5), EGRET_UNWIND_NO_CFI);
	CHECK_EQ(n_frames, 2);
	/* The frame pointer comes first. */
	link_frame(10, 0, CODE + 0x30);
	CHECK_EQ(walk_from(CODE, BASE, AT(10)), EGRET_UNWIND_FRAME_POINTER_END);
	CHECK_EQ(frames[1].pc, CODE + 0x30);
}

static void call_of_bad_pointer(void)
{
	zero_stack();
	words[0] = CODE + 0x10;
	link_frame(10, 0, CODE + 0x20);
	CHECK_EQ(walk_from(0, BASE, AT(10)), EGRET_UNWIND_FRAME_POINTER_END);
	CHECK_EQ(n_frames, 3);
	CHECK_EQ(frames[0].pc, 0);
	CHECK_EQ(frames[1].pc, CODE + 0x10);
	CHECK_EQ(frames[2].pc, CODE + 0x20);
	words[0] = 0;
	CHECK_EQ(walk_from(0, BASE, AT(10)), EGRET_UNWIND_FRAME_POINTER_END);
	CHECK_EQ(n_frames, 2);
	CHECK_EQ(walk_from(0, BASE, 3), EGRET_UNWIND_NO_MODULE);
	CHECK_EQ(n_frames, 1);
}

/* What code_row.h says of a function's first instructions. */
static void prologues(void)
{
	struct egret_frame_pointer_step how = { .view.find_code = find_code, .exact_pc = true };
	struct egret_step_state state;
	uint32_t flags = 0;

	fresh(&state);
	zero_stack();
	words[0] = CODE + 0x10;
	link_frame(10, 20, CODE + 0x20);
	link_frame(20, 0, CODE + 0x30);
	state.value[EGRET_UNWIND_RBP] = AT(10);
	how.hint.cfa_offset = 8; /* at push %rbp */
	CHECK_EQ(egret_frame_pointer_step(&state, &how, &flags), EGRET_STEP_OK);
	CHECK_EQ(flags, EGRET_FRAME_F_RECOVERED);
	CHECK_EQ(egret_step_pc(&state), CODE + 0x10);
	CHECK_EQ(egret_step_sp(&state), AT(1));
	CHECK_EQ(reg(&state, EGRET_UNWIND_RBP), AT(10));

	fresh(&state);
	zero_stack();
	words[0] = AT(10);
	words[1] = CODE + 0x10;
	how.hint.cfa_offset = 16; /* after it */
	how.hint.saved[SAVED_RBP] = 2;
	state.value[EGRET_UNWIND_RBP] = 77;
	CHECK_EQ(egret_frame_pointer_step(&state, &how, &flags), EGRET_STEP_OK);
	CHECK_EQ(egret_step_pc(&state), CODE + 0x10);
	CHECK_EQ(egret_step_sp(&state), AT(2));
	CHECK_EQ(reg(&state, EGRET_UNWIND_RBP), AT(10));

	/* A guess that does not hold, and then the frame pointer. */
	fresh(&state);
	zero_stack();
	flags = 0;
	link_frame(10, 20, CODE + 0x20);
	state.value[EGRET_UNWIND_RBP] = AT(10);
	CHECK_EQ(egret_frame_pointer_step(&state, &how, &flags), EGRET_STEP_OK);
	CHECK_EQ(flags, EGRET_FRAME_F_FRAME_POINTER);
	CHECK_EQ(egret_step_pc(&state), CODE + 0x20);
	CHECK_EQ(egret_step_sp(&state), AT(12));
	CHECK_EQ(reg(&state, EGRET_UNWIND_RBP), AT(20));
	CHECK_EQ(reg(&state, 3), 1003);
}

static void no_room(void)
{
	struct egret_unwind_request request = {
		.read_stack = read_words,
		.find_code = find_code,
		.frames = frames,
	};

	frames[0].pc = 42;
	CHECK_EQ(egret_walk(&request, no_step, NULL).end, EGRET_UNWIND_FRAME_LIMIT);
	CHECK_EQ(egret_walk(&request, no_step, NULL).n_frames, 0);
	CHECK_EQ(frames[0].pc, 42);
}

int main(void)
{
	RUN(chain);
	RUN(insane_frame_pointers);
	RUN(cycles);
	RUN(unreadable);
	RUN(leaf_without_frame);
	RUN(call_of_bad_pointer);
	RUN(prologues);
	RUN(no_room);
	return DONE();
}
