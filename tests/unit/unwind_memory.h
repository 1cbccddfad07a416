/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* unwind_memory.h - a stack made by hand: words from BASE up, one of which may be a hole. */
#ifndef EGRET_UNWIND_MEMORY_H
#define EGRET_UNWIND_MEMORY_H

#include <errno.h>

#include "test.h"
#include "unwind/step.h"

#define BASE 0x7ffe00001000ull
#define WORDS 64
#define HOLE 60 /* number of the word that cannot be read */
#define AT(n) (BASE + 8 * (uint64_t)(n))

static uint64_t words[WORDS];
static uint64_t reads;

static int read_words(void *arg, uint64_t addr, uint64_t *value)
{
	reads++;
	if (addr < BASE || addr > AT(WORDS - 1))
		return -EFAULT;
	if (addr > AT(HOLE - 1) && addr < AT(HOLE + 1))
		return -ENXIO;
	memcpy(value, (uint8_t *)words + (addr - BASE), 8);
	return 0;
}

/* Words are their own addresses, plus 0x100000000; registers are 1000 + their number; rsp is BASE.
 */
static void __attribute__((unused)) fresh(struct egret_step_state *state)
{
	struct egret_unwind_regs regs;

	for (int i = 0; i < WORDS; i++)
		words[i] = 0x100000000ull + AT(i);
	for (unsigned int i = 0; i < EGRET_UNWIND_NR_REGS; i++)
		regs.r[i] = 1000 + i;
	regs.r[EGRET_UNWIND_RSP] = BASE;
	egret_step_init(state, &regs, read_words, NULL);
	reads = 0;
}

static uint64_t __attribute__((unused)) reg(struct egret_step_state *state, unsigned int n)
{
	uint64_t value = 0;

	CHECK_EQ(egret_step_reg(state, n, &value), 0);
	return value;
}

#endif
