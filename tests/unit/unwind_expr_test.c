/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <dwarf.h>

#include "unwind/expr.h"
#include "unwind/expr_encode.h"
#include "unwind_memory.h"

#define EXPR(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })

static int run(const uint8_t *expr, size_t len, uint64_t *value)
{
	/* As long as the expression, so that the sanitizers see one byte too many. */
	uint8_t *copy = malloc(len ? len : 1);
	struct egret_step_state state;
	int ret;

	fresh(&state);
	memcpy(copy, expr, len);
	ret = egret_expr_eval(copy, len, &state, NULL, value);
	free(copy);
	return ret;
}

#define CHECK_VALUE(want, ...)                                                                     \
	do {                                                                                       \
		uint64_t value_ = 0;                                                               \
		CHECK_EQ(run(EXPR(__VA_ARGS__), &value_), 0);                                      \
		CHECK_EQ(value_, want);                                                            \
	} while (0)

#define CHECK_ERROR(want, ...)                                                                     \
	do {                                                                                       \
		uint64_t value_;                                                                   \
		CHECK_EQ(run(EXPR(__VA_ARGS__), &value_), want);                                   \
	} while (0)

static void constants(void)
{
	CHECK_VALUE(0, DW_OP_lit0);
	CHECK_VALUE(31, DW_OP_lit31);
	CHECK_VALUE(0xfe, DW_OP_const1u, 0xfe);
	CHECK_VALUE(-2, DW_OP_const1s, 0xfe);
	CHECK_VALUE(0xfffe, DW_OP_const2u, 0xfe, 0xff);
	CHECK_VALUE(-2, DW_OP_const2s, 0xfe, 0xff);
	CHECK_VALUE(0xfffffffe, DW_OP_const4u, 0xfe, 0xff, 0xff, 0xff);
	CHECK_VALUE(-2, DW_OP_const4s, 0xfe, 0xff, 0xff, 0xff);
	CHECK_VALUE(0x0807060504030201, DW_OP_const8u, 1, 2, 3, 4, 5, 6, 7, 8);
	CHECK_VALUE(-1, DW_OP_const8s, 255, 255, 255, 255, 255, 255, 255, 255);
	CHECK_VALUE(624485, DW_OP_constu, 0xe5, 0x8e, 0x26);
	CHECK_VALUE(-123456, DW_OP_consts, 0xc0, 0xbb, 0x78);
	CHECK_VALUE(1, DW_OP_constu, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
		    0x80, 0x80, 0x00);
}

static void arithmetic(void)
{
	CHECK_VALUE(2, DW_OP_lit6, DW_OP_lit3, DW_OP_and);
	CHECK_VALUE(7, DW_OP_lit6, DW_OP_lit3, DW_OP_or);
	CHECK_VALUE(5, DW_OP_lit6, DW_OP_lit3, DW_OP_xor);
	CHECK_VALUE(9, DW_OP_lit6, DW_OP_lit3, DW_OP_plus);
	CHECK_VALUE(-3, DW_OP_lit3, DW_OP_lit6, DW_OP_minus);
	CHECK_VALUE(18, DW_OP_lit6, DW_OP_lit3, DW_OP_mul);
	CHECK_VALUE(-2, DW_OP_const1s, 0xfa, DW_OP_lit3, DW_OP_div);
	CHECK_VALUE(INT64_MIN, DW_OP_const8u, 0, 0, 0, 0, 0, 0, 0, 0x80, DW_OP_const1s, 0xff,
		    DW_OP_div);
	CHECK_VALUE(2, DW_OP_lit17, DW_OP_lit5, DW_OP_mod);
	CHECK_VALUE(48, DW_OP_lit6, DW_OP_lit3, DW_OP_shl);
	CHECK_VALUE(0, DW_OP_lit6, DW_OP_const1u, 64, DW_OP_shl);
	CHECK_VALUE(INT64_MAX, DW_OP_const1s, 0xff, DW_OP_lit1, DW_OP_shr);
	CHECK_VALUE(0, DW_OP_const1s, 0xff, DW_OP_const1u, 200, DW_OP_shr);
	CHECK_VALUE(-1, DW_OP_const1s, 0xfe, DW_OP_lit1, DW_OP_shra);
	CHECK_VALUE(-1, DW_OP_const1s, 0xfe, DW_OP_const1u, 200, DW_OP_shra);
	CHECK_VALUE(-5, DW_OP_lit5, DW_OP_neg);
	CHECK_VALUE(-6, DW_OP_lit5, DW_OP_not);
	CHECK_VALUE(5, DW_OP_const1s, 0xfb, DW_OP_abs);
	CHECK_VALUE(133, DW_OP_lit5, DW_OP_plus_uconst, 0x80, 1);
	CHECK_VALUE(1, DW_OP_const1s, 0xff, DW_OP_lit1, DW_OP_lt);
	CHECK_VALUE(0, DW_OP_const1s, 0xff, DW_OP_lit1, DW_OP_ge);
	CHECK_VALUE(1, DW_OP_lit2, DW_OP_lit1, DW_OP_gt);
	CHECK_VALUE(1, DW_OP_lit1, DW_OP_lit1, DW_OP_le);
	CHECK_VALUE(1, DW_OP_lit1, DW_OP_lit1, DW_OP_eq);
	CHECK_VALUE(0, DW_OP_lit1, DW_OP_lit1, DW_OP_ne);
	CHECK_ERROR(-EINVAL, DW_OP_lit1, DW_OP_lit0, DW_OP_div);
	CHECK_ERROR(-EINVAL, DW_OP_lit1, DW_OP_lit0, DW_OP_mod);
}

static void stack_operations(void)
{
	CHECK_VALUE(2, DW_OP_lit1, DW_OP_dup, DW_OP_plus);
	CHECK_VALUE(1, DW_OP_lit1, DW_OP_lit2, DW_OP_drop);
	CHECK_VALUE(1, DW_OP_lit1, DW_OP_lit2, DW_OP_over);
	CHECK_VALUE(1, DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_pick, 2);
	CHECK_VALUE(1, DW_OP_lit2, DW_OP_lit3, DW_OP_swap, DW_OP_minus);
	/* 1 2 3 becomes 3 1 2 */
	CHECK_VALUE(2, DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot);
	CHECK_VALUE(1, DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop);
	CHECK_VALUE(3, DW_OP_lit1, DW_OP_lit2, DW_OP_lit3, DW_OP_rot, DW_OP_drop, DW_OP_drop);
	CHECK_VALUE(7, DW_OP_nop, DW_OP_lit7, DW_OP_nop);
}

static void registers_and_memory(void)
{
	CHECK_VALUE(BASE + 8, DW_OP_breg7, 8);
	CHECK_VALUE(1006 - 16, DW_OP_breg6, 0x70);
	CHECK_VALUE(1012 + 1, DW_OP_bregx, 12, 1);
	CHECK_VALUE(1003, DW_OP_reg3);
	CHECK_VALUE(0x100000000 + AT(2), DW_OP_breg7, 16, DW_OP_deref);
	CHECK_VALUE(0x10, DW_OP_breg7, 17, DW_OP_deref_size, 1);
	CHECK_VALUE(0x7fff, DW_OP_breg7, 20, DW_OP_deref_size, 2);
	CHECK_ERROR(-EFAULT, DW_OP_breg7, 0x78, DW_OP_deref);
	CHECK_ERROR(-ENXIO, DW_OP_breg7, 0xe0, 3, DW_OP_deref);
	CHECK_ERROR(-ENODATA, DW_OP_breg17, 0);
	CHECK_ERROR(-ENODATA, DW_OP_bregx, 0xff, 0xff, 0xff, 0xff, 0x0f, 0);
	CHECK_ERROR(-EINVAL, DW_OP_breg7, 0, DW_OP_deref_size, 9);
	CHECK_ERROR(-EINVAL, DW_OP_breg7, 0, DW_OP_deref_size, 0);
}

/* rsp + 8 + ((rip & 15) >= 11) * 8, as linkers write it. */
static void plt(void)
{
	static const uint8_t expr[] = { DW_OP_breg7, 8,		DW_OP_breg16, 0,
					DW_OP_lit15, DW_OP_and, DW_OP_lit11,  DW_OP_ge,
					DW_OP_lit3,  DW_OP_shl, DW_OP_plus };
	struct egret_step_state state;
	uint64_t value;

	for (uint64_t rip = 0x1000; rip < 0x1020; rip++) {
		fresh(&state);
		state.value[EGRET_UNWIND_RIP] = rip;
		CHECK_EQ(egret_expr_eval(expr, sizeof(expr), &state, NULL, &value), 0);
		CHECK_EQ(value, BASE + 8 + (rip % 16 >= 11 ? 8 : 0));
	}
}

static void branches(void)
{
	CHECK_VALUE(2, DW_OP_skip, 1, 0, DW_OP_lit1, DW_OP_lit2);
	CHECK_VALUE(5, DW_OP_lit5, DW_OP_lit0, DW_OP_bra, 2, 0, DW_OP_lit1, DW_OP_drop);
	CHECK_VALUE(5, DW_OP_lit5, DW_OP_lit1, DW_OP_bra, 2, 0, DW_OP_lit1, DW_OP_drop);
	/* A loop that ends: 5, 4, ... 0 */
	CHECK_VALUE(0, DW_OP_lit5, DW_OP_lit1, DW_OP_minus, DW_OP_dup, DW_OP_bra, 0xfa, 0xff);
	CHECK_ERROR(-EINVAL, DW_OP_skip, 0xfd, 0xff); /* one that does not */
	CHECK_ERROR(-EINVAL, DW_OP_lit1, DW_OP_skip, 0xf0, 0xff);
	CHECK_ERROR(-EINVAL, DW_OP_lit1, DW_OP_skip, 1, 0);
	CHECK_ERROR(-EINVAL, DW_OP_lit1, DW_OP_skip, 0, 0x80);
}

static void hostile_expressions(void)
{
	uint64_t value;
	uint8_t many[4096] = { 0 };

	CHECK_EQ(run(many, 0, &value), -EINVAL);
	CHECK_ERROR(-EINVAL, DW_OP_plus);
	CHECK_ERROR(-EINVAL, DW_OP_lit1, DW_OP_plus);
	CHECK_ERROR(-EINVAL, DW_OP_drop);
	CHECK_ERROR(-EINVAL, DW_OP_lit1, DW_OP_pick, 1);
	CHECK_ERROR(-EINVAL, DW_OP_lit1, DW_OP_pick, 255);
	CHECK_ERROR(-EINVAL, DW_OP_over);
	CHECK_ERROR(-EINVAL, DW_OP_const8u, 1, 2, 3);
	CHECK_ERROR(-EINVAL, DW_OP_constu, 0x80, 0x80);
	CHECK_ERROR(-EINVAL, DW_OP_skip, 1);
	CHECK_ERROR(-EINVAL, DW_OP_addr, 0, 0, 0, 0, 0, 0, 0, 0);
	CHECK_ERROR(-EINVAL, DW_OP_call2, 0, 0);
	CHECK_ERROR(-EINVAL, 0xff);
	memset(many, DW_OP_dup, sizeof(many));
	many[0] = DW_OP_lit1;
	CHECK_EQ(run(many, EGRET_EXPR_MAX_STACK, &value), 0);
	CHECK_EQ(run(many, EGRET_EXPR_MAX_STACK + 1, &value), -EINVAL);
	memset(many + 1, DW_OP_nop, sizeof(many) - 1);
	CHECK_EQ(run(many, EGRET_EXPR_MAX_OPS, &value), 0);
	CHECK_EQ(run(many, EGRET_EXPR_MAX_OPS + 1, &value), -EINVAL);
	srand(1);
	for (int i = 0; i < 200000; i++) {
		size_t len = (size_t)rand() % 24;

		for (size_t k = 0; k < len; k++)
			many[k] = (uint8_t)rand();
		run(many, len, &value);
	}
}

static void encoding_keeps_lengths(void)
{
	static const Dwarf_Op ops[] = {
		{ .atom = DW_OP_constu, .number = 5, .offset = 0 }, /* padded to 3 bytes */
		{ .atom = DW_OP_consts, .number = (Dwarf_Word)-5, .offset = 4 }, /* to 2 */
		{ .atom = DW_OP_bra, .number = (Dwarf_Word)-4, .offset = 7 },
		{ .atom = DW_OP_bregx, .number = 12, .number2 = (Dwarf_Word)-200, .offset = 10 },
		{ .atom = DW_OP_deref, .offset = 14 },
		{ .atom = DW_OP_const8u, .number = 1, .offset = 15 },
		{ .atom = DW_OP_plus_uconst, .number = 200, .offset = 24 },
	};
	static const uint8_t want[] = { DW_OP_constu,
					0x85,
					0x80,
					0x00,
					DW_OP_consts,
					0xfb,
					0x7f,
					DW_OP_bra,
					0xfc,
					0xff,
					DW_OP_bregx,
					12,
					0xb8,
					0x7e,
					DW_OP_deref,
					DW_OP_const8u,
					1,
					0,
					0,
					0,
					0,
					0,
					0,
					0,
					DW_OP_plus_uconst,
					0xc8,
					1 };
	static const Dwarf_Op call = { .atom = DW_OP_call2 };
	uint8_t got[64];

	CHECK_EQ(egret_expr_encode(ops, 7, got, sizeof(got)), sizeof(want));
	CHECK(!memcmp(got, want, sizeof(want)));
	for (size_t room = 0; room < sizeof(want); room++)
		CHECK_EQ(egret_expr_encode(ops, 7, got, room), -EINVAL);
	CHECK_EQ(egret_expr_encode(&call, 1, got, sizeof(got)), -EINVAL);
}

int main(void)
{
	RUN(constants);
	RUN(arithmetic);
	RUN(stack_operations);
	RUN(registers_and_memory);
	RUN(plt);
	RUN(branches);
	RUN(hostile_expressions);
	RUN(encoding_keeps_lengths);
	return DONE();
}
