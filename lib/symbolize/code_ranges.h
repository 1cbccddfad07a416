/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* code_ranges.h - where a file has code: its executable sections. */
#ifndef EGRET_SYMBOLIZE_CODE_RANGES_H
#define EGRET_SYMBOLIZE_CODE_RANGES_H

#include "elf/elf_file.h"

struct egret_code_range {
	uint64_t start, end; /* vaddr; end is the first behind */
};

/* Sorted, disjoint. */
struct egret_code_ranges {
	struct egret_code_range *items;
	size_t n;
};

/* Those of elf and of its debug file (may be NULL). 0 or -ENOMEM; deinit in either case. */
int egret_code_ranges_init(struct egret_code_ranges *code, const struct egret_elf *elf,
			   const struct egret_elf *debug);
void egret_code_ranges_deinit(struct egret_code_ranges *code);

/* The range that holds vaddr, or NULL. */
const struct egret_code_range *egret_code_range_at(const struct egret_code_ranges *code,
						   uint64_t vaddr);

#endif
