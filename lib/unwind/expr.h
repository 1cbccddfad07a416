/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* expr.h - DWARF expressions, as far as CFI may use them (DWARF 5, sections 2.5 and 6.4.2). */
#ifndef EGRET_UNWIND_EXPR_H
#define EGRET_UNWIND_EXPR_H

#include <stddef.h>
#include <stdint.h>

/* An expression that wants more than this is not one that a compiler made. */
#define EGRET_EXPR_MAX_STACK 64
#define EGRET_EXPR_MAX_OPS 1024

struct egret_step_state;

/*
 * Evaluates expr with the registers and memory of state. initial: what is on the stack before the
 * first operation; NULL: nothing. 0; -EINVAL: not an expression that CFI may have; -ENODATA: it
 * needs a register that is not known; -EFAULT, -ENXIO: it needs memory that was not captured.
 */
int egret_expr_eval(const uint8_t *expr, size_t len, struct egret_step_state *state,
		    const uint64_t *initial, uint64_t *value);

#endif
