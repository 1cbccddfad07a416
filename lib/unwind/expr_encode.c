/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/expr_encode.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* What follows an operation (DWARF 5, section 7.7.1): up to two operands. */
enum operands { BAD, NONE, FIXED1, FIXED2, FIXED4, FIXED8, ULEB, SLEB, ULEB_SLEB };

static enum operands operands_of(uint8_t op)
{
	if ((op >= DW_OP_lit0 && op <= DW_OP_lit31) || (op >= DW_OP_reg0 && op <= DW_OP_reg31))
		return NONE;
	if (op >= DW_OP_breg0 && op <= DW_OP_breg31)
		return SLEB;
	switch (op) {
	case DW_OP_const1u:
	case DW_OP_const1s:
	case DW_OP_pick:
	case DW_OP_deref_size:
		return FIXED1;
	case DW_OP_const2u:
	case DW_OP_const2s:
	case DW_OP_skip:
	case DW_OP_bra:
		return FIXED2;
	case DW_OP_const4u:
	case DW_OP_const4s:
		return FIXED4;
	case DW_OP_const8u:
	case DW_OP_const8s:
		return FIXED8;
	case DW_OP_constu:
	case DW_OP_plus_uconst:
	case DW_OP_regx:
		return ULEB;
	case DW_OP_consts:
		return SLEB;
	case DW_OP_bregx:
		return ULEB_SLEB;
	case DW_OP_addr:
	case DW_OP_xderef:
		return BAD;
	}
	return op == DW_OP_nop || (op >= DW_OP_deref && op < DW_OP_lit0) ? NONE : BAD;
}

struct writer {
	uint8_t *p, *end;
	bool failed;
};

static void put(struct writer *w, uint8_t byte)
{
	if (w->p == w->end)
		w->failed = true;
	else
		*w->p++ = byte;
}

static void put_fixed(struct writer *w, uint64_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		put(w, (uint8_t)(value >> 8 * i));
}

/* At least width bytes: LEB128 may be padded, and some assemblers do. */
static void put_leb(struct writer *w, uint64_t value, bool is_signed, size_t width)
{
	uint64_t fill = is_signed && value >> 63 ? ~0ull : 0;
	bool more;

	for (size_t n = 1;; n++) {
		uint8_t byte = value & 0x7f;

		value = value >> 7 | fill << 57;
		more = value != fill || (is_signed && !(byte & 0x40) != !fill) || n < width;
		put(w, more ? byte | 0x80 : byte);
		if (!more || w->failed)
			return;
	}
}

/* width: of the whole operation; 0: as short as can be. */
static void put_op(struct writer *w, const Dwarf_Op *op, size_t width)
{
	size_t leb_width = width ? width - 1 : 1;
	uint8_t *start;

	put(w, op->atom);
	switch (operands_of(op->atom)) {
	case BAD:
		w->failed = true;
		break;
	case NONE:
		break;
	case FIXED1:
		put_fixed(w, op->number, 1);
		break;
	case FIXED2:
		put_fixed(w, op->number, 2);
		break;
	case FIXED4:
		put_fixed(w, op->number, 4);
		break;
	case FIXED8:
		put_fixed(w, op->number, 8);
		break;
	case ULEB:
		put_leb(w, op->number, false, leb_width);
		break;
	case SLEB:
		put_leb(w, op->number, true, leb_width);
		break;
	case ULEB_SLEB:
		start = w->p;
		put_leb(w, op->number, false, 1);
		leb_width -= leb_width > (size_t)(w->p - start) ? (size_t)(w->p - start) : 0;
		put_leb(w, op->number2, true, leb_width);
		break;
	}
}

int egret_expr_encode(const Dwarf_Op *ops, size_t n, uint8_t *to, size_t room)
{
	struct writer w = { to, to + room, false };

	for (size_t i = 0; i < n && !w.failed; i++) {
		uint8_t *start = w.p;
		size_t width = i + 1 < n ? ops[i + 1].offset - ops[i].offset : 0;

		if (width > room)
			return -EINVAL;
		put_op(&w, &ops[i], width);
		if (width && (size_t)(w.p - start) != width)
			return -EINVAL;
	}
	return w.failed ? -EINVAL : (int)(w.p - to);
}
