/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_ranges.h - the addresses that a DIE covers.
 *
 * From DW_AT_low_pc and DW_AT_high_pc, or a list: of .debug_ranges (DWARF 3 and 4, section 2.17.3)
 * or .debug_rnglists (DWARF 5, 7.25).
 */
#ifndef EGRET_DWARF_RANGES_H
#define EGRET_DWARF_RANGES_H

#include "symbolize/dwarf_die.h"

struct egret_dwarf_ranges {
	const struct egret_dwarf_cu *cu;
	struct egret_bytes r; /* what is left of the list */
	uint64_t base;
	uint64_t low, high; /* the only range, where there is no list */
	enum { EGRET_DWARF_RANGES_ONE, EGRET_DWARF_RANGES_LIST, EGRET_DWARF_RANGES_RNGLIST } kind;
	uint32_t n_entries; /* read so far */
};

/* So many entries of one list are read: what one function has, many times over. */
#define EGRET_DWARF_RANGES_MAX 1000000

/* v: the DIE's, by slot. False: it covers nothing. */
bool egret_dwarf_ranges_init(struct egret_dwarf_ranges *ranges, const struct egret_dwarf_cu *cu,
			     const struct egret_dwarf_value *v);
/* The next range that holds something; false at the end, which damage is too. */
bool egret_dwarf_ranges_next(struct egret_dwarf_ranges *ranges, uint64_t *start, uint64_t *end);

#endif
