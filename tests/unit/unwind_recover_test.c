/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Frames without CFI, or with CFI that leads nowhere, walked with a look at their code. */
#include <egret/egret.h>

#include "unwind/recover.h"
#include "unwind/walk.h"
#include "unwind_memory.h"

#define PLACE(name) ".globl " #name "\n" #name ":\n"

/* clang-format off */
__asm__(
	".text\n"
	PLACE(file_start)
	"	nop\n"
	PLACE(bare)
	"	push	%rbx\n"
	"	sub	$0x10, %rsp\n"
	PLACE(bare_body)
	"	nop\n"
	"	add	$0x10, %rsp\n"
	"	pop	%rbx\n"
	"	ret\n"
	/* The caller, which has CFI. */
	"	call	bare\n"
	PLACE(caller)
	"	nop\n"
	"	call	*%rax\n"
	PLACE(indirect_caller)
	"	nop\n"
	"	call	interpreter\n"
	PLACE(interpreter_caller)
	"	nop\n"
	"	call	loop\n"
	PLACE(loop_caller)
	"	nop\n"
	PLACE(no_call)
	"	nop\n"
	PLACE(interpreter)
	"	push	%rbp\n"
	"	push	%rbx\n"
	"	sub	$8, %rsp\n"
	"	jmp	*(%rbx,%rax,8)\n"
	/* Never returns, and is called by the end of a thread. */
	PLACE(loop)
	"	push	%r12\n"
	"	push	%r13\n"
	PLACE(loop_body)
	"1:	nop\n"
	"	jmp	1b\n"
	"	call	*%r9\n"
	PLACE(thread_end)
	"	mov	%eax, %edi\n"
	"	mov	$60, %eax\n"
	"	syscall\n"
	"	hlt\n"
	PLACE(file_end)
	"	nop\n"
	/* Made at run time. */
	PLACE(jit_start)
	"	nop\n"
	PLACE(trace)
	"	add	$1, %rax\n"
	"	jmp	*%rax\n"
	PLACE(method)
	"	push	%rbp\n"
	"	sub	$0x10, %rsp\n"
	"1:	dec	%eax\n"
	PLACE(method_body)
	"	jnz	1b\n"
	"	ud2\n"
	PLACE(returns)
	"	ret\n"
	PLACE(jit_end)
	"	nop\n");
/* clang-format on */

extern const uint8_t file_start[], bare_body[], caller[], indirect_caller[], interpreter_caller[],
	loop_caller[], no_call[], loop_body[], thread_end[], file_end[], jit_start[], trace[],
	method_body[], returns[], jit_end[];

static uint64_t at(const uint8_t *place)
{
	return (uint64_t)(uintptr_t)place;
}

static bool is_jit(uint64_t pc)
{
	return pc >= at(jit_start) && pc < at(jit_end);
}

static bool is_file(uint64_t pc)
{
	return pc >= at(file_start) && pc < at(file_end);
}

static int module; /* only its address counts */

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	*code = (struct egret_code){ 0 };
	if (is_file(pc))
		code->module = (struct egret_unwind_module *)&module;
	return is_file(pc) || is_jit(pc);
}

static bool read_text(void *arg, uint64_t pc, struct egret_text *text)
{
	uint64_t start = is_jit(pc) ? at(jit_start) : at(file_start);
	uint64_t end = is_jit(pc) ? at(jit_end) : at(file_end);

	if (!is_jit(pc) && !is_file(pc))
		return false;
	*text = (struct egret_text){ .bytes = (const uint8_t *)(uintptr_t)start,
				     .start = start,
				     .end = end,
				     .id = is_jit(pc) ? 2 : 1 };
	return true;
}

static bool has_bad_cfi; /* bare_body: its CFI says what cannot be */

/* What is behind a call of the file's has CFI, and is the root. */
static enum egret_unwind_end step(struct egret_unwinder *unwinder, struct egret_unwind_module *of,
				  struct egret_place place, struct egret_step_state *state,
				  struct egret_walk_row *row)
{
	uint64_t pc = place.vaddr + place.is_return;

	if (pc == at(caller) || pc == at(indirect_caller) || pc == at(interpreter_caller) ||
	    pc == at(loop_caller))
		return EGRET_UNWIND_ROOT;
	if (has_bad_cfi && pc == at(bare_body)) {
		state->known = 0; /* as a step that failed may leave it */
		return EGRET_UNWIND_BAD_CFI;
	}
	return EGRET_UNWIND_NO_CFI;
}

static struct egret_unwound_frame frames[100];
static size_t n_frames;
static struct egret_recovery *recovery;
static bool without_text;

static enum egret_unwind_end walk_from(const uint8_t *pc, uint64_t rbp)
{
	struct egret_unwind_request request = {
		.read_stack = read_words,
		.find_code = find_code,
		.read_text = without_text ? NULL : read_text,
		.recovery = recovery,
		.frames = frames,
		.max_frames = 100,
	};
	struct egret_unwind_result result;

	request.regs.r[EGRET_UNWIND_RIP] = at(pc);
	request.regs.r[EGRET_UNWIND_RSP] = BASE;
	request.regs.r[EGRET_UNWIND_RBP] = rbp;
	result = egret_walk(&request, step, NULL);
	n_frames = result.n_frames;
	return result.end;
}

static void zero_stack(void)
{
	memset(words, 0, sizeof(words));
}

/* Two frames, the first of which was left by its code. */
static void is_recovered(const uint8_t *caller_pc)
{
	CHECK_EQ(n_frames, 2);
	CHECK_EQ(frames[0].flags, EGRET_FRAME_F_RECOVERED);
	CHECK_EQ(frames[1].pc, at(caller_pc));
	CHECK_EQ(frames[1].flags, EGRET_FRAME_F_RETURN);
}

static void by_its_code(void)
{
	zero_stack();
	words[0] = words[1] = at(indirect_caller); /* what others have left */
	words[3] = at(caller);
	CHECK_EQ(walk_from(bare_body, 5), EGRET_UNWIND_ROOT);
	is_recovered(caller);
	without_text = true;
	CHECK_EQ(walk_from(bare_body, 5), EGRET_UNWIND_ROOT); /* a guess: what is on top */
	CHECK_EQ(frames[1].pc, at(indirect_caller));
	without_text = false;
}

static void no_return_address_without_a_call(void)
{
	zero_stack();
	words[3] = at(no_call);
	CHECK_EQ(walk_from(bare_body, 5), EGRET_UNWIND_NO_CFI);
	CHECK_EQ(n_frames, 1);
	words[3] = 0;
	CHECK_EQ(walk_from(bare_body, 5), EGRET_UNWIND_NO_CFI);
	words[3] = 12345;
	CHECK_EQ(walk_from(bare_body, 5), EGRET_UNWIND_NO_CFI);
}

static void cfi_that_leads_nowhere(void)
{
	zero_stack();
	words[3] = at(caller);
	has_bad_cfi = true;
	CHECK_EQ(walk_from(bare_body, 5), EGRET_UNWIND_ROOT);
	is_recovered(caller);
	/* Where the code does not help, it is the CFI's ending that is told. */
	words[3] = 0;
	CHECK_EQ(walk_from(bare_body, 5), EGRET_UNWIND_BAD_CFI);
	CHECK_EQ(n_frames, 1);
	CHECK_EQ(frames[0].flags, 0);
	has_bad_cfi = false;
}

/* A trace of LuaJIT: on the frame of its interpreter, with 32 bytes of its own. */
static void on_the_interpreters_frame(void)
{
	zero_stack();
	words[1] = at(indirect_caller); /* left by others: who called what is not known */
	words[2] = at(caller);		/* left by others: bare does not lead to a trace */
	words[4 + 1] = 0x2222;		/* rbx */
	words[4 + 2] = 0x1111;		/* rbp */
	words[4 + 3] = at(interpreter_caller);
	CHECK_EQ(walk_from(trace, 5), EGRET_UNWIND_ROOT);
	is_recovered(interpreter_caller);
	/* Not where it does not fit. */
	words[4 + 3] = 0;
	words[4 + 4] = at(interpreter_caller);
	CHECK_EQ(walk_from(trace, 5), EGRET_UNWIND_NO_CFI);
	CHECK_EQ(n_frames, 1);
}

/* A loop that HotSpot compiled: there is no ret, but a prologue. Its caller may be no call. */
static void by_its_prologue(void)
{
	zero_stack();
	words[2] = AT(10); /* rbp */
	words[3] = at(returns);
	words[4] = at(caller);
	CHECK_EQ(walk_from(method_body, 5), EGRET_UNWIND_ROOT);
	CHECK_EQ(n_frames, 3);
	CHECK_EQ(frames[0].flags, EGRET_FRAME_F_RECOVERED);
	CHECK_EQ(frames[1].pc, at(returns));
	CHECK_EQ(frames[1].flags, EGRET_FRAME_F_RECOVERED | EGRET_FRAME_F_RETURN);
	CHECK_EQ(frames[2].pc, at(caller));
}

/* An interpreter's frame says where its compiled caller's stack ends: above what it was given. */
static void called_through_an_adapter(void)
{
	zero_stack();
	words[4] = AT(9); /* the caller's rsp; words[3]: the interpreter's own, while it calls */
	words[5] = AT(14);
	words[6] = at(method_body);
	words[9 + 3] = at(caller);
	CHECK_EQ(walk_from(trace, AT(5)), EGRET_UNWIND_ROOT);
	CHECK_EQ(n_frames, 3);
	CHECK_EQ(frames[0].flags, EGRET_FRAME_F_FRAME_POINTER);
	CHECK_EQ(frames[1].pc, at(method_body));
	CHECK_EQ(frames[2].pc, at(caller));
	words[3] = AT(2);
	CHECK_EQ(walk_from(trace, AT(5)), EGRET_UNWIND_ROOT);
	/* Words that cannot be that, of another maker's frame. */
	words[3] = AT(5);
	CHECK(walk_from(trace, AT(5)) != EGRET_UNWIND_ROOT);
	words[3] = 0;
	words[4] = AT(9) + 4;
	CHECK(walk_from(trace, AT(5)) != EGRET_UNWIND_ROOT);
	words[4] = AT(6);
	CHECK(walk_from(trace, AT(5)) != EGRET_UNWIND_ROOT);
}

/* A function that never returns: the call in the stack leads to the pc, and it is that deep. */
static void by_the_call_that_leads_here(void)
{
	zero_stack();
	words[1] = at(loop_caller);
	words[2] = at(loop_caller);
	CHECK_EQ(walk_from(loop_body, 5), EGRET_UNWIND_ROOT);
	is_recovered(loop_caller);
	words[2] = at(caller); /* of another function */
	CHECK_EQ(walk_from(loop_body, 5), EGRET_UNWIND_NO_CFI);
	CHECK_EQ(n_frames, 1);
	CHECK_EQ(frames[0].flags, 0);
}

/* Behind the call is the end of the thread. */
static void the_bottom_of_a_thread(void)
{
	zero_stack();
	words[5] = at(thread_end);
	CHECK_EQ(walk_from(loop_body, 0), EGRET_UNWIND_ROOT);
	is_recovered(thread_end);
	/* Not where another call lies between: there is a frame that is not known. */
	words[4] = at(indirect_caller);
	CHECK_EQ(walk_from(loop_body, 0), EGRET_UNWIND_FRAME_POINTER_END);
	CHECK_EQ(n_frames, 1);
}

static void stats(void)
{
	struct egret_recovery_stats before = egret_recovery_stats(recovery), after;

	zero_stack();
	words[3] = at(caller);
	walk_from(bare_body, 5);
	after = egret_recovery_stats(recovery);
	/* What was found before is not looked for again. */
	CHECK_EQ(after.insns, before.insns);
	CHECK_EQ(after.followed, before.followed);
	CHECK(before.followed >= 5);
	CHECK(before.scans >= 3);
}

int main(void)
{
	if (egret_recovery_create(&recovery))
		return 1;
	RUN(by_its_code);
	RUN(no_return_address_without_a_call);
	RUN(cfi_that_leads_nowhere);
	RUN(on_the_interpreters_frame);
	RUN(by_its_prologue);
	RUN(called_through_an_adapter);
	RUN(by_the_call_that_leads_here);
	RUN(the_bottom_of_a_thread);
	RUN(stats);
	egret_recovery_destroy(recovery);
	return DONE();
}
