/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * symbol_gaps.h - which symbols of a file decide what its whole table says of a few addresses.
 *
 * The addresses part all others into gaps. What covers an address begins at or before it: as the
 * last of its gap, or reaches beyond where that one begins. So a pass over the symbols notes where
 * those of each gap begin, and puts aside what may be needed: a handful for each address, out of
 * the tens of thousands that would have to be sorted.
 */
#ifndef EGRET_SYMBOLIZE_SYMBOL_GAPS_H
#define EGRET_SYMBOLIZE_SYMBOL_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where its first and its last symbol begin; low > high: it has none. */
struct egret_symbol_gap {
	uint64_t low, high;
};

struct egret_symbol_gaps {
	uint64_t *vaddrs; /* sorted, each once */
	size_t n;
	/* n + 1: i lies behind address i - 1, and reaches to address i with it. */
	struct egret_symbol_gap *gaps;
};

/* Of n addresses in any order, which are copied. 0 or -ENOMEM; deinit in either case. */
int egret_symbol_gaps_init(struct egret_symbol_gaps *gaps, const uint64_t *vaddrs, size_t n);
void egret_symbol_gaps_deinit(struct egret_symbol_gaps *gaps);

/* The gap that a symbol's start, or one of the addresses, is in. */
static inline struct egret_symbol_gap *egret_symbol_gap_of(const struct egret_symbol_gaps *gaps,
							   uint64_t start)
{
	size_t low = 0, high = gaps->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (gaps->vaddrs[mid] < start)
			low = mid + 1;
		else
			high = mid;
	}
	return &gaps->gaps[low];
}

/* Whether a symbol there changes the bounds of its gap. */
static inline bool egret_symbol_gap_grows(const struct egret_symbol_gap *gap, uint64_t start)
{
	return start < gap->low || start > gap->high;
}

static inline void egret_symbol_gap_grow(struct egret_symbol_gap *gap, uint64_t start)
{
	if (start < gap->low)
		gap->low = start;
	if (start > gap->high)
		gap->high = start;
}

/*
 * Whether a symbol is needed that reaches from start to before end, which are equal where it has no
 * size: once all symbols have been noted. Before, whether it may be.
 *
 * The last of a gap may be what the address at its end is in, and the first what ends there what an
 * address before it is in. Of the others those matter that reach beyond the start of the last: they
 * may hold an address, or be what a label is in, which is then none of a function.
 */
static inline bool egret_symbol_gap_needs(const struct egret_symbol_gap *gap, uint64_t start,
					  uint64_t end)
{
	return start == gap->low || start == gap->high || (end > start && end > gap->high);
}

/* Between which starts of symbols vaddr, one of the addresses, lies; 0 and UINT64_MAX: no symbol is
 * there. */
void egret_symbol_gaps_around(const struct egret_symbol_gaps *gaps, uint64_t vaddr, uint64_t *start,
			      uint64_t *end);

#endif
