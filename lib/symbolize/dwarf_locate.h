/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_locate.h - which unit of a file an address is in.
 *
 * By what each unit's own DIE says. Where it says nothing, by .debug_aranges; where that does not
 * know the unit either, by its functions and lines. Of several units that claim an address the
 * first in .debug_info has it.
 */
#ifndef EGRET_DWARF_LOCATE_H
#define EGRET_DWARF_LOCATE_H

#include "symbolize/dwarf_build.h"

struct egret_dwarf_located {
	struct egret_dwarf_blob_range *ranges; /* sorted, disjoint */
	size_t n_ranges;
	uint64_t *units; /* by their numbers: offsets in .debug_info; those without code too */
	size_t n_units;
};

/* builder: what reads them. 0 or -ENOMEM; egret_dwarf_located_deinit in either case. */
int egret_dwarf_locate(struct egret_dwarf_builder *builder, const struct egret_dwarf_file *file,
		       const struct egret_code_ranges *code, struct egret_dwarf_located *out);
void egret_dwarf_located_deinit(struct egret_dwarf_located *located);

#endif
