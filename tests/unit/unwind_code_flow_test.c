/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the code says: instructions, and the ways from a pc to the end of its function. */
#include <inttypes.h>

#include "test.h"
#include "unwind/code_flow.h"
#include "unwind/step.h"

#define RAX 0
#define RSI 4
#define RBP EGRET_UNWIND_RBP
#define RSP EGRET_UNWIND_RSP

/* Code that is only looked at. Each label is one that the tests begin at. */
#define PLACE(name) ".globl " #name "\n" #name ":\n"

/* clang-format off */
__asm__(
	".text\n"
	PLACE(code_start)
	PLACE(plain)
	"	push	%rbx\n"
	"	push	%r12\n"
	"	sub	$0x28, %rsp\n"
	PLACE(plain_body)
	"	mov	%edi, 4(%rsp)\n"
	"	add	$0x28, %rsp\n"
	"	pop	%r12\n"
	PLACE(plain_popped)
	"	pop	%rbx\n"
	PLACE(plain_ret)
	"	ret\n"
	PLACE(branches)
	"	jz	1f\n"
	"	jmp	2f\n"
	"1:	ud2\n"
	"2:	add	$8, %rsp\n"
	"	ret	$16\n"
	PLACE(framed)
	"	push	%rbp\n"
	"	mov	%rsp, %rbp\n"
	"	push	%r15\n"
	"	sub	$0x18, %rsp\n"
	PLACE(framed_body)
	"	mov	-8(%rbp), %r15\n"
	"	leave\n"
	"	ret\n"
	PLACE(aligned)
	"	mov	%rsp, %rax\n"
	"	push	%rbx\n"
	"	and	$-64, %rsp\n"
	"	mov	%rax, 0x30(%rsp)\n"
	PLACE(aligned_body)
	"	mov	0x30(%rsp), %rsi\n"
	PLACE(aligned_loaded)
	"	mov	-8(%rsi), %rbx\n"
	"	lea	(%rsi), %rsp\n"
	"	ret\n"
	PLACE(calls)
	"	mov	%rax, %rbx\n"
	"	call	plain\n"
	"	add	$8, %rsp\n"
	"	ret\n"
	PLACE(call_loses)
	"	call	plain\n"
	"	mov	%rcx, %rbx\n"
	"	ret\n"
	PLACE(no_return)
	"	js	1f\n"
	"	call	plain\n"
	PLACE(another_function)
	"	push	%rbx\n"
	"	pop	%rbx\n"
	"	ret\n"
	"1:	call	plain\n"
	"	add	$0x18, %rsp\n"
	"	ret\n"
	PLACE(tail_by_constant)
	"	add	$0x10, %rsp\n"
	"	jmp	*1f(%rip)\n"
	"1:	.quad	0\n"
	PLACE(tail_by_register)
	"	add	$0x10, %rsp\n"
	"	jmp	*%rcx\n"
	/* The first way out is a jump; behind it is more than is looked at for another opinion. */
	PLACE(ret_far_behind_a_jump)
	"	jz	1f\n"
	"	jz	2f\n"
	"	add	$0x10, %rsp\n"
	"	jmp	*%rcx\n"
	"2:	.rept	600\n"
	"	nop\n"
	"	.endr\n"
	"	ud2\n"
	"1:	add	$0x18, %rsp\n"
	"	ret\n"
	PLACE(pop_and_jump)
	"	pop	%rcx\n"
	"	jmp	*%rcx\n"
	/* V8: drops as many arguments as there are. */
	PLACE(drops_arguments)
	"	mov	%rbp, %rsp\n"
	"	pop	%rbp\n"
	"	pop	%r10\n"
	"	lea	8(%rsp,%r13,8), %rsp\n"
	"	push	%r10\n"
	"	ret\n"
	PLACE(trampoline)
	"	push	%rdx\n"
	"	ret\n"
	PLACE(spills)
	"	push	%rbp\n"
	"	push	%rbx\n"
	"	sub	$0x100, %rsp\n"
	"	mov	%rcx, 0x100(%rsp)\n"
	"	xor	%ebp, %ebp\n"
	"	xor	%ebx, %ebx\n"
	"	.set	spilled, 0\n"
	"	.rept	30\n"
	"	mov	%rax, spilled(%rsp)\n"
	"	.set	spilled, spilled + 8\n"
	"	.endr\n"
	PLACE(spills_body)
	"	nop\n"
	PLACE(reuses_slot)
	"	mov	%rbx, 8(%rsp)\n"
	"	movl	$0, 8(%rsp)\n"
	"	mov	8(%rsp), %rbx\n"
	"	add	$0x10, %rsp\n"
	"	ret\n"
	PLACE(endless)
	"1:	inc	%eax\n"
	"	jmp	1b\n"
	PLACE(bad_bytes)
	"	.byte	0x06\n"
	PLACE(zeros)
	"	.fill	64, 1, 0\n"
	/* An interpreter. */
	PLACE(interpreter)
	"	push	%rbp\n"
	"	push	%rbx\n"
	"	sub	$0x18, %rsp\n"
	"	jmp	*(%rbx,%rax,8)\n"
	/* Each jump leads to a place of its own. */
	PLACE(wide)
	"	.rept	5000\n"
	"	jz	wide_end\n"
	"	.endr\n"
	PLACE(wide_end)
	"	jmp	*%rax\n"
	PLACE(code_end)
	"	nop\n");
/* clang-format on */

extern const uint8_t code_start[], plain[], plain_body[], plain_popped[], plain_ret[], branches[],
	framed[], framed_body[], aligned[], aligned_body[], aligned_loaded[], calls[], call_loses[],
	no_return[], another_function[], tail_by_constant[], tail_by_register[],
	ret_far_behind_a_jump[], spills[], spills_body[], pop_and_jump[], drops_arguments[],
	trampoline[], reuses_slot[], endless[], bad_bytes[], zeros[], interpreter[], wide[],
	code_end[];

static struct egret_flow flow;
static uint64_t chunk; /* bytes of a piece of text; 0: all */

static uint64_t at(const uint8_t *place)
{
	return (uint64_t)(uintptr_t)place;
}

static bool read_text(void *arg, uint64_t pc, struct egret_text *text)
{
	uint64_t start = at(code_start), end = at(code_end);

	if (pc < start || pc >= end)
		return false;
	if (chunk) {
		start += (pc - start) / chunk * chunk;
		end = start + chunk < end ? start + chunk : end;
	}
	*text = (struct egret_text){ (const uint8_t *)(uintptr_t)start, start, end, 1, 0, 0 };
	return true;
}

static uint32_t exits(const uint8_t *place)
{
	return egret_flow_exits(&flow, read_text, NULL, at(place));
}

/* reg + add, or *(reg + offset) + add. */
static void is_reg(struct egret_flow_value value, uint8_t reg, int32_t add)
{
	CHECK_EQ(value.kind, EGRET_FLOW_REG);
	CHECK_EQ(value.reg, reg);
	CHECK_EQ(value.add, add);
}

static void is_at(struct egret_flow_value value, uint8_t reg, int32_t offset, int32_t add)
{
	CHECK_EQ(value.kind, EGRET_FLOW_AT_REG);
	CHECK_EQ(value.reg, reg);
	CHECK_EQ(value.offset, offset);
	CHECK_EQ(value.add, add);
}

static void one_sure_exit(const uint8_t *place)
{
	CHECK_EQ(exits(place), 1);
	CHECK_EQ(flow.exit[0].flags, 0);
}

static void pushes_and_pops(void)
{
	one_sure_exit(plain);
	is_reg(flow.exit[0].slot, RSP, 0);
	is_reg(flow.exit[0].saved[SAVED_RBX], 3, 0);
	one_sure_exit(plain_body);
	is_reg(flow.exit[0].slot, RSP, 0x38);
	is_at(flow.exit[0].saved[SAVED_R12], RSP, 0x28, 0);
	is_at(flow.exit[0].saved[SAVED_RBX], RSP, 0x30, 0);
	is_reg(flow.exit[0].saved[SAVED_RBP], RBP, 0);
	one_sure_exit(plain_popped);
	is_reg(flow.exit[0].slot, RSP, 8);
	is_reg(flow.exit[0].saved[SAVED_R12], 12, 0);
	one_sure_exit(plain_ret);
	is_reg(flow.exit[0].slot, RSP, 0);
	CHECK_EQ(flow.exit[0].popped, 0);
}

static void branches_and_what_ret_takes(void)
{
	one_sure_exit(branches);
	is_reg(flow.exit[0].slot, RSP, 8);
	CHECK_EQ(flow.exit[0].popped, 16);
}

static void frame_pointers(void)
{
	one_sure_exit(framed);
	is_reg(flow.exit[0].slot, RSP, 0);
	is_reg(flow.exit[0].saved[SAVED_RBP], RBP, 0);
	is_reg(flow.exit[0].saved[SAVED_R15], 15, 0);
	one_sure_exit(framed_body);
	is_reg(flow.exit[0].slot, RBP, 8);
	is_at(flow.exit[0].saved[SAVED_RBP], RBP, 0, 0);
	is_at(flow.exit[0].saved[SAVED_R15], RBP, -8, 0);
}

static void aligned_stacks(void)
{
	one_sure_exit(aligned);
	is_reg(flow.exit[0].slot, RSP, 0);
	one_sure_exit(aligned_body);
	is_at(flow.exit[0].slot, RSP, 0x30, 0);
	one_sure_exit(aligned_loaded);
	is_reg(flow.exit[0].slot, RSI, 0);
	is_at(flow.exit[0].saved[SAVED_RBX], RSI, -8, 0);
}

static void a_call_keeps_what_the_abi_says(void)
{
	CHECK_EQ(exits(calls), 1);
	CHECK_EQ(flow.exit[0].flags, EGRET_FLOW_F_CALL);
	is_reg(flow.exit[0].slot, RSP, 8);
	is_reg(flow.exit[0].saved[SAVED_RBX], RAX, 0);
	CHECK_EQ(exits(call_loses), 1);
	CHECK_EQ(flow.exit[0].saved[SAVED_RBX].kind, EGRET_FLOW_UNKNOWN);
}

/* Behind a call that may not return, there may be another function: both are told. */
static void calls_that_may_not_return(void)
{
	CHECK_EQ(exits(no_return), 2);
	CHECK(flow.exit[0].flags & EGRET_FLOW_F_CALL);
	is_reg(flow.exit[0].slot, RSP, 0);
	CHECK(flow.exit[1].flags & EGRET_FLOW_F_CALL);
	is_reg(flow.exit[1].slot, RSP, 0x18);
}

static void tail_calls(void)
{
	one_sure_exit(tail_by_constant);
	is_reg(flow.exit[0].slot, RSP, 0x10);
	CHECK_EQ(exits(tail_by_register), 1);
	CHECK_EQ(flow.exit[0].flags, EGRET_FLOW_F_JUMP);
	is_reg(flow.exit[0].slot, RSP, 0x10);
	one_sure_exit(pop_and_jump);
	is_reg(flow.exit[0].slot, RSP, 0);
	one_sure_exit(ret_far_behind_a_jump);
	is_reg(flow.exit[0].slot, RSP, 0x18);
}

static void moved_return_addresses(void)
{
	one_sure_exit(drops_arguments);
	is_reg(flow.exit[0].slot, RBP, 8);
	is_at(flow.exit[0].saved[SAVED_RBP], RBP, 0, 0);
	CHECK_EQ(exits(trampoline), 0);
}

static void what_is_overwritten_is_lost(void)
{
	one_sure_exit(reuses_slot);
	CHECK_EQ(flow.exit[0].saved[SAVED_RBX].kind, EGRET_FLOW_UNKNOWN);
}

static void ways_that_lead_nowhere(void)
{
	CHECK_EQ(exits(endless), 0);
	CHECK_EQ(exits(bad_bytes), 0);
	CHECK_EQ(exits(zeros), 0);
	CHECK_EQ(exits(code_end), 0);
	CHECK_EQ(exits(NULL), 0);
}

static void bounded(void)
{
	uint64_t before = flow.insns;

	exits(wide);
	CHECK(flow.insns - before <= EGRET_FLOW_INSNS);
	CHECK(flow.n_ways <= EGRET_FLOW_WAYS);
}

/* Instructions that lie across pieces of text. */
static void pieces_of_text(void)
{
	for (chunk = 1; chunk < 17; chunk++) {
		one_sure_exit(plain_body);
		is_reg(flow.exit[0].slot, RSP, 0x38);
		one_sure_exit(aligned_body);
		is_at(flow.exit[0].slot, RSP, 0x30, 0);
	}
	chunk = 0;
}

static void from_the_start(void)
{
	CHECK(egret_flow_to(&flow, read_text, NULL, at(plain), at(plain_body)));
	CHECK_EQ(flow.at_goal.depth, 0x38);
	CHECK_EQ(flow.at_goal.saved[SAVED_RBX], EGRET_FLOW_SAME);
	CHECK(egret_flow_to(&flow, read_text, NULL, at(framed), at(framed_body)));
	CHECK_EQ(flow.at_goal.depth, 0x28);
	CHECK_EQ(flow.at_goal.saved[SAVED_RBP], -8);
	CHECK(egret_flow_to(&flow, read_text, NULL, at(plain), at(plain)));
	CHECK_EQ(flow.at_goal.depth, 0);
	/* However many stores ago; but what was stored over is lost. */
	CHECK(egret_flow_to(&flow, read_text, NULL, at(spills), at(spills_body)));
	CHECK_EQ(flow.at_goal.depth, 0x110);
	CHECK_EQ(flow.at_goal.saved[SAVED_RBP], -8);
	CHECK_EQ(flow.at_goal.saved[SAVED_RBX], EGRET_FLOW_LOST);
	/* Not from elsewhere, and not where rsp is aligned. */
	CHECK(!egret_flow_to(&flow, read_text, NULL, at(plain), at(framed_body)));
	CHECK(!egret_flow_to(&flow, read_text, NULL, at(aligned), at(aligned_body)));
}

static void interpreters(void)
{
	CHECK(!egret_flow_to(&flow, read_text, NULL, at(interpreter), 1));
	CHECK_EQ(flow.n_jumps, 1);
	CHECK_EQ(flow.jump[0].depth, 0x28);
	CHECK(!egret_flow_to(&flow, read_text, NULL, at(tail_by_register), 1));
	CHECK_EQ(flow.n_jumps, 0);
}

/* ---- calls before an address ----------------------------------------------------------------- */

static void calls_before(void)
{
	static const struct {
		uint8_t bytes[8], len;
		bool is_call, has_target;
	} cases[] = {
		{ { 0xe8, 0xf0, 0xff, 0xff, 0xff }, 5, true, true },
		{ { 0x90, 0xe8, 0xf0, 0xff, 0xff, 0xff }, 6, true, true },
		{ { 0xff, 0xd0 }, 2, true, false },		      /* *%rax */
		{ { 0x41, 0xff, 0xd3 }, 3, true, false },	      /* *%r11 */
		{ { 0xff, 0x10 }, 2, true, false },		      /* *(%rax) */
		{ { 0xff, 0x14, 0x24 }, 3, true, false },	      /* *(%rsp) */
		{ { 0xff, 0x50, 0x18 }, 3, true, false },	      /* *0x18(%rax) */
		{ { 0xff, 0x54, 0xc3, 0x10 }, 4, true, false },	      /* *16(%rbx,%rax,8) */
		{ { 0xff, 0x15, 1, 2, 3, 4 }, 6, true, false },	      /* *(%rip) */
		{ { 0xff, 0x93, 1, 2, 3, 4 }, 6, true, false },	      /* *x(%rbx) */
		{ { 0xff, 0x94, 0xc3, 1, 2, 3, 4 }, 7, true, false }, /* with an index */
		{ { 0xff, 0x14, 0xc5, 1, 2, 3, 4 }, 7, true, false }, /* and no base */
		{ { 0xe9, 0, 0, 0, 0 }, 5, false, false },	      /* jmp */
		{ { 0xff, 0xe0 }, 2, false, false },		      /* jmp *%rax */
		{ { 0xff, 0x30 }, 2, false, false },		      /* push (%rax) */
		{ { 0xff, 0x54, 0xc3 }, 3, false, false },	      /* cut short */
		{ { 0xc3 }, 1, false, false },
		{ { 0xd0 }, 1, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t target = 0;
		bool has_target;

		CHECK_EQ(egret_insn_is_call_before(cases[i].bytes, cases[i].len, 0x1000,
						   &has_target, &target),
			 cases[i].is_call);
		CHECK_EQ(has_target, cases[i].has_target);
		if (has_target)
			CHECK_EQ(target, 0xff0);
	}
}

int main(void)
{
	flow.budget = UINT32_MAX;
	RUN(pushes_and_pops);
	RUN(branches_and_what_ret_takes);
	RUN(frame_pointers);
	RUN(aligned_stacks);
	RUN(a_call_keeps_what_the_abi_says);
	RUN(calls_that_may_not_return);
	RUN(tail_calls);
	RUN(moved_return_addresses);
	RUN(what_is_overwritten_is_lost);
	RUN(ways_that_lead_nowhere);
	RUN(bounded);
	RUN(pieces_of_text);
	RUN(from_the_start);
	RUN(interpreters);
	RUN(calls_before);
	return DONE();
}
