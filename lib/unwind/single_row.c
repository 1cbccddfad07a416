/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/single_row.h"

#include "unwind/table_compile.h"

/* Longer programs are the compiler's, which counts what it runs. */
#define PROGRAM_MAX 65536

struct found {
	struct egret_row row;
	bool is_simple;
};

static bool on_row(void *arg, uint64_t start, uint64_t end, const struct egret_cfi_state *state)
{
	struct found *found = arg;

	found->is_simple = state->is_good && !state->odd;
	found->row = state->simple;
	return false;
}

static const struct egret_cfi_initial *initial_of(const struct egret_cfi_index *index,
						  struct egret_single_cache *cache,
						  const struct egret_cie *cie)
{
	if (!cache->has_initial || cache->initial.cie.offset != cie->offset) {
		egret_cfi_run_cie(index->section, cie, &cache->initial);
		cache->has_initial = true;
	}
	return &cache->initial;
}

bool egret_single_row(const struct egret_cfi_index *index, struct egret_single_cache *cache,
		      const struct egret_elf *code, uint64_t vaddr, struct egret_row *row)
{
	size_t i = egret_cfi_index_after(index, vaddr);
	struct found found = { .is_simple = false };
	const struct egret_cie *cie;
	struct egret_full_row full;
	struct egret_fde fde;
	uint64_t end;

	*row = (struct egret_row){ .kind = EGRET_ROW_NONE };
	if (!i || !egret_cfi_index_fde(index, i - 1, &cache->cies, &cie, &fde) || vaddr >= fde.end)
		return true;
	if (fde.program_end - fde.program > PROGRAM_MAX ||
	    egret_table_is_trampoline(code, cie, &fde, &end, &full))
		return false;
	egret_cfi_run_fde(initial_of(index, cache, cie), &fde, vaddr, vaddr + 1, on_row, &found);
	*row = found.row;
	return found.is_simple;
}
