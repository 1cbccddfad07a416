/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * row_cache.h - the rows of program counters seen before: (module, place) -> row.
 *
 * Bounded: at its largest (8 MiB of slots, 4 MiB of full rows) it is emptied and fills again with
 * what is hot, which costs about a microsecond a row. Rows of modules that were unloaded stay until
 * then: module numbers are not used again, so nobody finds them.
 */
#ifndef EGRET_UNWIND_ROW_CACHE_H
#define EGRET_UNWIND_ROW_CACHE_H

#include "base/buffer.h"
#include "unwind/code_row.h"
#include "unwind/row.h"

struct egret_row_slot {
	uint64_t key;	 /* vaddr << 1 | is_return */
	uint32_t module; /* 0: empty */
	uint32_t reserved;
	struct egret_row row;
};
_Static_assert(sizeof(struct egret_row_slot) == 32, "two slots a cache line");

/* Zero-initialise; egret_row_cache_deinit gives the memory back. */
struct egret_row_cache {
	struct egret_row_slot *slots;
	size_t mask; /* slots - 1 */
	size_t used;
	struct egret_buffer full; /* the full rows, each at a multiple of 8 bytes */
};

void egret_row_cache_deinit(struct egret_row_cache *cache);

/* module: not 0. False: not there. ref->full is good until the next addition. */
bool egret_row_cache_find(const struct egret_row_cache *cache, uint32_t module,
			  struct egret_place place, struct egret_row_ref *ref);

/*
 * Adds a row that is not there. full: of full_size bytes with its expressions, if row->kind is
 * EGRET_ROW_FULL, and row->cfa_offset is set here. Without memory nothing is added, and the row is
 * made again the next time.
 */
void egret_row_cache_add(struct egret_row_cache *cache, uint32_t module, struct egret_place place,
			 struct egret_row row, const struct egret_full_row *full, size_t full_size);

#endif
