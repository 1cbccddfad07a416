/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/cfi_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- CIEs ----------------------------------------------------------------------------------- */

const struct egret_cie *egret_cie_find(const struct egret_cfi_section *section,
				       struct egret_cie_cache *cache, uint64_t offset)
{
	size_t i = (offset >> 3) % (sizeof(cache->cies) / sizeof(*cache->cies));
	struct egret_cie *cie = &cache->cies[i];
	struct egret_cfi_entry entry;

	if (cache->is_known[i] && cie->offset == offset)
		return cie;
	cache->is_known[i] = false;
	if (!egret_cfi_entry_at(section, offset, &entry) || entry.offset != offset ||
	    !entry.is_cie || !egret_cie_parse(section, &entry, cie))
		return NULL;
	cache->is_known[i] = true;
	return cie;
}

/* ---- the list ------------------------------------------------------------------------------- */

static bool add(struct egret_cfi_index *index, size_t *capacity, struct egret_cfi_fde_ref ref)
{
	if (index->n == *capacity) {
		size_t more = *capacity ? 2 * *capacity : 1024;
		struct egret_cfi_fde_ref *fdes;

		fdes = reallocarray(index->fdes, more, sizeof(*fdes));
		if (!fdes)
			return false;
		index->fdes = fdes;
		*capacity = more;
	}
	index->fdes[index->n++] = ref;
	return true;
}

static int read_all(struct egret_cfi_index *index)
{
	const struct egret_cfi_section *section = index->section;
	struct egret_cie_cache cies = { .is_known = { false } };
	struct egret_cfi_entry entry = { 0 };
	size_t capacity = 0;

	while (index->n < EGRET_CFI_FDES_MAX && egret_cfi_entry_at(section, entry.next, &entry)) {
		const struct egret_cie *cie;
		struct egret_fde fde;

		if (entry.is_cie)
			continue;
		cie = egret_cie_find(section, &cies, entry.cie);
		/* The linker leaves FDEs of functions that it has dropped, at 0. */
		if (!cie || !egret_fde_parse(section, &entry, cie, &fde) ||
		    fde.start < section->code_start || fde.start >= section->code_end)
			continue;
		if (!add(index, &capacity,
			 (struct egret_cfi_fde_ref){ (uint32_t)(fde.start - section->code_start),
						     (uint32_t)entry.offset }))
			return -ENOMEM;
	}
	return 0;
}

/* ---- sorting -------------------------------------------------------------------------------- */

#define RADIX_BITS 11
#define RADIX (1u << RADIX_BITS)

/* One pass of a radix sort, which keeps the order of equals. */
static void sort_by_digit(const struct egret_cfi_fde_ref *from, struct egret_cfi_fde_ref *to,
			  size_t n, unsigned int shift)
{
	uint32_t place[RADIX] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		place[from[i].start >> shift & (RADIX - 1)]++;
	for (size_t i = 0; i < RADIX; i++) {
		uint32_t count = place[i];

		place[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[place[from[i].start >> shift & (RADIX - 1)]++] = from[i];
}

static bool is_sorted(const struct egret_cfi_index *index)
{
	for (size_t i = 1; i < index->n; i++)
		if (index->fdes[i].start < index->fdes[i - 1].start)
			return false;
	return true;
}

static int sort(struct egret_cfi_index *index)
{
	struct egret_cfi_fde_ref *other;

	if (is_sorted(index))
		return 0;
	other = reallocarray(NULL, index->n, sizeof(*other));
	if (!other)
		return -ENOMEM;
	sort_by_digit(index->fdes, other, index->n, 0);
	sort_by_digit(other, index->fdes, index->n, RADIX_BITS);
	sort_by_digit(index->fdes, other, index->n, 2 * RADIX_BITS);
	free(index->fdes);
	index->fdes = other;
	return 0;
}

/* Of functions that the linker has made one there may be an FDE each: the first one counts. */
static void drop_equals(struct egret_cfi_index *index)
{
	size_t kept = 0;

	for (size_t i = 0; i < index->n; i++)
		if (!kept || index->fdes[kept - 1].start != index->fdes[i].start)
			index->fdes[kept++] = index->fdes[i];
	index->n = kept;
}

int egret_cfi_index_init(struct egret_cfi_index *index, const struct egret_cfi_section *section)
{
	int ret;

	*index = (struct egret_cfi_index){ .section = section };
	ret = read_all(index);
	if (!ret)
		ret = sort(index);
	if (ret) {
		egret_cfi_index_deinit(index);
		return ret;
	}
	drop_equals(index);
	return 0;
}

void egret_cfi_index_deinit(struct egret_cfi_index *index)
{
	free(index->fdes);
	*index = (struct egret_cfi_index){ 0 };
}

/* ---- looking up ----------------------------------------------------------------------------- */

size_t egret_cfi_index_after(const struct egret_cfi_index *index, uint64_t vaddr)
{
	size_t low = 0, high = index->n;

	if (vaddr < index->section->code_start)
		return 0;
	vaddr -= index->section->code_start;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->fdes[middle].start <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool egret_cfi_index_fde(const struct egret_cfi_index *index, size_t i,
			 struct egret_cie_cache *cache, const struct egret_cie **cie,
			 struct egret_fde *fde)
{
	struct egret_cfi_entry entry;

	if (!egret_cfi_entry_at(index->section, index->fdes[i].offset, &entry))
		return false;
	*cie = egret_cie_find(index->section, cache, entry.cie);
	return *cie && egret_fde_parse(index->section, &entry, *cie, fde);
}
