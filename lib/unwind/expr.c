/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/expr.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "unwind/arch.h"
#include "unwind/step.h"

struct machine {
	const uint8_t *start, *p, *end;
	struct egret_step_state *state;
	uint64_t stack[EGRET_EXPR_MAX_STACK];
	unsigned int depth;
	int error; /* the first; nothing counts after it */
};

static void fail(struct machine *m, int error)
{
	if (!m->error)
		m->error = error;
}

static void push(struct machine *m, uint64_t value)
{
	if (m->depth == EGRET_EXPR_MAX_STACK)
		fail(m, -EINVAL);
	else
		m->stack[m->depth++] = value;
}

static uint64_t pop(struct machine *m)
{
	if (!m->depth) {
		fail(m, -EINVAL);
		return 0;
	}
	return m->stack[--m->depth];
}

/* The n-th from the top, which is number 0. */
static uint64_t peek(struct machine *m, uint64_t n)
{
	if (n >= m->depth) {
		fail(m, -EINVAL);
		return 0;
	}
	return m->stack[m->depth - 1 - n];
}

static uint64_t operand(struct machine *m, unsigned int size)
{
	uint64_t value = 0;

	if ((size_t)(m->end - m->p) < size) {
		fail(m, -EINVAL);
		return 0;
	}
	memcpy(&value, m->p, size);
	m->p += size;
	return value;
}

static uint64_t signed_operand(struct machine *m, unsigned int size)
{
	unsigned int unused = 64 - 8 * size;

	return (uint64_t)((int64_t)(operand(m, size) << unused) >> unused);
}

/* Bits beyond the 64th are dropped. */
static uint64_t leb(struct machine *m, bool is_signed)
{
	uint64_t value = 0;
	unsigned int shift = 0;
	uint8_t byte = 0;

	do {
		if (m->p == m->end) {
			fail(m, -EINVAL);
			return 0;
		}
		byte = *m->p++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~0ull << shift;
	return value;
}

static void push_reg(struct machine *m, uint64_t reg, uint64_t offset)
{
	uint64_t value = 0;
	uint8_t slot = reg < EGRET_ARCH_COLUMNS ? m->state->arch->slot_of_column[reg]
						: EGRET_NO_SLOT;
	int ret = slot != EGRET_NO_SLOT ? egret_step_reg(m->state, slot, &value) : -ENODATA;

	if (ret)
		fail(m, ret);
	push(m, value + offset);
}

static uint64_t read_word(struct machine *m, uint64_t addr)
{
	uint64_t value = 0;
	int ret = m->error ? 0 : m->state->read_stack(m->state->arg, addr, &value);

	if (ret)
		fail(m, ret);
	return value;
}

/* Fewer than 8 bytes are taken out of the aligned word that they are in, so that the last bytes
 * before the end of what was captured can be had. */
static void deref(struct machine *m, unsigned int size)
{
	uint64_t addr = pop(m), in_word = addr & 7, value;

	if (!size || size > 8) {
		fail(m, -EINVAL);
		return;
	}
	if (size == 8 || in_word + size > 8)
		value = read_word(m, addr);
	else
		value = read_word(m, addr - in_word) >> 8 * in_word;
	push(m, size == 8 ? value : value & ((1ull << 8 * size) - 1));
}

static void branch(struct machine *m, bool taken)
{
	int64_t distance = (int64_t)signed_operand(m, 2);

	if (!taken)
		return;
	if (distance < m->start - m->p || distance > m->end - m->p)
		fail(m, -EINVAL);
	else
		m->p += distance;
}

static uint64_t shift_arithmetic(uint64_t value, uint64_t by)
{
	return (uint64_t)((int64_t)value >> (by < 63 ? by : 63));
}

/* DW_OP_div is of signed numbers, DW_OP_mod of unsigned ones (DWARF 5, 2.5.1.4). */
static uint64_t divide(struct machine *m, uint8_t op, uint64_t a, uint64_t b)
{
	if (!b) {
		fail(m, -EINVAL);
		return 0;
	}
	if (op == DW_OP_mod)
		return a % b;
	return b == ~0ull ? -a : (uint64_t)((int64_t)a / (int64_t)b);
}

/* a is what was below b on the stack. */
static uint64_t binary(struct machine *m, uint8_t op, uint64_t a, uint64_t b)
{
	int64_t sa = (int64_t)a, sb = (int64_t)b;

	switch (op) {
	case DW_OP_and:
		return a & b;
	case DW_OP_or:
		return a | b;
	case DW_OP_xor:
		return a ^ b;
	case DW_OP_plus:
		return a + b;
	case DW_OP_minus:
		return a - b;
	case DW_OP_mul:
		return a * b;
	case DW_OP_shl:
		return b < 64 ? a << b : 0;
	case DW_OP_shr:
		return b < 64 ? a >> b : 0;
	case DW_OP_shra:
		return shift_arithmetic(a, b);
	case DW_OP_eq:
		return sa == sb;
	case DW_OP_ne:
		return sa != sb;
	case DW_OP_ge:
		return sa >= sb;
	case DW_OP_gt:
		return sa > sb;
	case DW_OP_le:
		return sa <= sb;
	case DW_OP_lt:
		return sa < sb;
	default:
		return divide(m, op, a, b);
	}
}

static bool is_binary(uint8_t op)
{
	switch (op) {
	case DW_OP_and:
	case DW_OP_or:
	case DW_OP_xor:
	case DW_OP_plus:
	case DW_OP_minus:
	case DW_OP_mul:
	case DW_OP_div:
	case DW_OP_mod:
	case DW_OP_shl:
	case DW_OP_shr:
	case DW_OP_shra:
	case DW_OP_eq:
	case DW_OP_ne:
	case DW_OP_ge:
	case DW_OP_gt:
	case DW_OP_le:
	case DW_OP_lt:
		return true;
	default:
		return false;
	}
}

static void run_constant(struct machine *m, uint8_t op)
{
	switch (op) {
	case DW_OP_const1u:
		push(m, operand(m, 1));
		break;
	case DW_OP_const1s:
		push(m, signed_operand(m, 1));
		break;
	case DW_OP_const2u:
		push(m, operand(m, 2));
		break;
	case DW_OP_const2s:
		push(m, signed_operand(m, 2));
		break;
	case DW_OP_const4u:
		push(m, operand(m, 4));
		break;
	case DW_OP_const4s:
		push(m, signed_operand(m, 4));
		break;
	case DW_OP_const8u:
	case DW_OP_const8s:
		push(m, operand(m, 8));
		break;
	case DW_OP_constu:
		push(m, leb(m, false));
		break;
	default:
		push(m, leb(m, true));
		break; /* DW_OP_consts */
	}
}

/* The second of three goes to the top. */
static void rotate(struct machine *m)
{
	uint64_t top = pop(m), second = pop(m), third = pop(m);

	push(m, top);
	push(m, third);
	push(m, second);
}

static void run_stack_op(struct machine *m, uint8_t op)
{
	uint64_t a, b;

	switch (op) {
	case DW_OP_dup:
		push(m, peek(m, 0));
		break;
	case DW_OP_drop:
		pop(m);
		break;
	case DW_OP_over:
		push(m, peek(m, 1));
		break;
	case DW_OP_pick:
		push(m, peek(m, operand(m, 1)));
		break;
	case DW_OP_swap:
		a = pop(m);
		b = pop(m);
		push(m, a);
		push(m, b);
		break;
	default:
		rotate(m);
		break; /* DW_OP_rot */
	}
}

static void run_unary(struct machine *m, uint8_t op)
{
	uint64_t a;

	switch (op) {
	case DW_OP_deref:
		deref(m, 8);
		break;
	case DW_OP_deref_size:
		deref(m, (unsigned int)operand(m, 1));
		break;
	case DW_OP_plus_uconst:
		a = pop(m);
		push(m, a + leb(m, false));
		break;
	case DW_OP_neg:
		push(m, -pop(m));
		break;
	case DW_OP_not:
		push(m, ~pop(m));
		break;
	case DW_OP_abs:
		a = pop(m);
		push(m, (int64_t)a < 0 ? -a : a);
		break;
	case DW_OP_skip:
		branch(m, true);
		break;
	case DW_OP_bra:
		branch(m, pop(m) != 0);
		break;
	case DW_OP_nop:
		break;
	default:
		fail(m, -EINVAL);
		break;
	}
}

static void run_op(struct machine *m)
{
	uint8_t op = *m->p++;
	uint64_t a, b;

	if (op >= DW_OP_lit0 && op <= DW_OP_lit31) {
		push(m, op - DW_OP_lit0);
	} else if (op >= DW_OP_breg0 && op <= DW_OP_breg31) {
		push_reg(m, op - DW_OP_breg0, leb(m, true));
	} else if (op == DW_OP_bregx) {
		a = leb(m, false);
		push_reg(m, a, leb(m, true));
	} else if (op >= DW_OP_reg0 && op <= DW_OP_reg31) {
		/* Not meaningful in CFI; other unwinders take it for the register's value. */
		push_reg(m, op - DW_OP_reg0, 0);
	} else if (op == DW_OP_regx) {
		push_reg(m, leb(m, false), 0);
	} else if (is_binary(op)) {
		b = pop(m);
		a = pop(m);
		push(m, binary(m, op, a, b));
	} else if (op >= DW_OP_const1u && op <= DW_OP_consts) {
		run_constant(m, op);
	} else if (op >= DW_OP_dup && op <= DW_OP_rot) {
		run_stack_op(m, op);
	} else {
		run_unary(m, op);
	}
}

int egret_expr_eval(const uint8_t *expr, size_t len, struct egret_step_state *state,
		    const uint64_t *initial, uint64_t *value)
{
	struct machine m;

	m.start = m.p = expr;
	m.end = expr + len;
	m.state = state;
	m.depth = 0;
	m.error = 0;
	if (initial)
		push(&m, *initial);
	for (unsigned int n = 0; m.p < m.end && !m.error; n++) {
		if (n == EGRET_EXPR_MAX_OPS)
			return -EINVAL;
		run_op(&m);
	}
	*value = pop(&m);
	return m.error;
}
