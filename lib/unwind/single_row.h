/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * single_row.h - the row of one address, from its function's CFI alone: 0.3 us, where a table of
 * the addresses around it takes 20 us, and then gives each for 0.1 us.
 */
#ifndef EGRET_UNWIND_SINGLE_ROW_H
#define EGRET_UNWIND_SINGLE_ROW_H

#include "unwind/cfi_index.h"
#include "unwind/cfi_program.h"

/* What the last look-ups have parsed. Zero-initialise. */
struct egret_single_cache {
	struct egret_cie_cache cies;
	struct egret_cfi_initial initial; /* of the CIE that was run last */
	bool has_initial;
};

/*
 * False: what holds there is no simple row; ask a table. The row is the same as a table's, also
 * EGRET_ROW_NONE. code: as for egret_table_compile.
 */
bool egret_single_row(const struct egret_cfi_index *index, struct egret_single_cache *cache,
		      const struct egret_elf *code, uint64_t vaddr, struct egret_row *row);

#endif
