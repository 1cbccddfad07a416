/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* row_finder.h - rows by module and place: from the cache, else made by libdw, once. */
#ifndef EGRET_UNWIND_ROW_FINDER_H
#define EGRET_UNWIND_ROW_FINDER_H

#include "unwind/cfi_libdw.h"
#include "unwind/row_cache.h"

/* Of an unwinder. Zero-initialise; egret_row_finder_deinit gives the memory back. */
struct egret_row_finder {
	struct egret_row_cache cache;
	uint32_t n_modules; /* ever loaded; the number of the last one */
	uint64_t lookups;   /* rows that were not in the cache */
	struct egret_row_scratch scratch;
};

/* Of a module. */
struct egret_row_module {
	struct egret_cfi *cfi;
	uint32_t number; /* in the cache; not used again */
};

void egret_row_finder_deinit(struct egret_row_finder *finder);

/* As egret_cfi_create. 0 or -ENOMEM. */
int egret_row_module_init(struct egret_row_module *module, struct egret_row_finder *finder,
			  const struct egret_elf *elf, const struct egret_elf *debug);
void egret_row_module_deinit(struct egret_row_module *module);

/* ref is good until the next call. */
void egret_row_find(struct egret_row_finder *finder, struct egret_row_module *module,
		    struct egret_place place, struct egret_row_ref *ref);

#endif
