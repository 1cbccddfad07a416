/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cfi_index.h - the FDEs of a section, by address.
 *
 * Made by reading through the section once: 20 ns an FDE. The search table in .eh_frame_hdr would
 * save that, but it may be missing, and it may not be what the section says.
 */
#ifndef EGRET_UNWIND_CFI_INDEX_H
#define EGRET_UNWIND_CFI_INDEX_H

#include "unwind/cfi_entry.h"

/* A file with more FDEs has none beyond: 48 MiB of index are enough. */
#define EGRET_CFI_FDES_MAX (4u << 20)

struct egret_cfi_fde_ref {
	uint32_t start;	 /* from code_start of the section */
	uint32_t offset; /* of the FDE in the section */
};

struct egret_cfi_index {
	const struct egret_cfi_section *section;
	struct egret_cfi_fde_ref *fdes; /* sorted by start, no two with the same */
	size_t n;
};

/* 0 or -ENOMEM. A damaged section is read up to where it is damaged. */
int egret_cfi_index_init(struct egret_cfi_index *index, const struct egret_cfi_section *section);
void egret_cfi_index_deinit(struct egret_cfi_index *index);

/* The number of the first FDE that starts after vaddr: the one before it decides about vaddr. */
size_t egret_cfi_index_after(const struct egret_cfi_index *index, uint64_t vaddr);

/* The CIEs that were parsed last: most sections have a handful. */
struct egret_cie_cache {
	struct egret_cie cies[8];
	bool is_known[8];
};
/* NULL: damaged. Good until the next call. */
const struct egret_cie *egret_cie_find(const struct egret_cfi_section *section,
				       struct egret_cie_cache *cache, uint64_t offset);

/* FDE number i. False: damaged. *cie is good until the next call with the cache. */
bool egret_cfi_index_fde(const struct egret_cfi_index *index, size_t i,
			 struct egret_cie_cache *cache, const struct egret_cie **cie,
			 struct egret_fde *fde);

#endif
