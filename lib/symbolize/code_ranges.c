/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/code_ranges.h"

#include <errno.h>
#include <stdlib.h>

static int compare_ranges(const void *a, const void *b)
{
	const struct egret_code_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int add_sections(struct egret_code_ranges *code, const struct egret_elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;

	while ((scn = elf_nextscn(egret_elf_handle(elf), scn))) {
		struct egret_code_range *grown;

		if (!gelf_getshdr(scn, &shdr) || !(shdr.sh_flags & SHF_EXECINSTR) ||
		    !(shdr.sh_flags & SHF_ALLOC) || !shdr.sh_size ||
		    shdr.sh_size > UINT64_MAX - shdr.sh_addr)
			continue;
		grown = reallocarray(code->items, code->n + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		code->items = grown;
		code->items[code->n++] = (struct egret_code_range){ shdr.sh_addr,
								    shdr.sh_addr + shdr.sh_size };
	}
	return 0;
}

/* Sorts, and makes one of those that overlap: the same sections of a file and its debug file. */
static void merge(struct egret_code_ranges *code)
{
	struct egret_code_range *items = code->items;
	size_t n = 0;

	if (!code->n)
		return;
	qsort(items, code->n, sizeof(*items), compare_ranges);
	for (size_t i = 1; i < code->n; i++) {
		if (items[i].start >= items[n].end)
			items[++n] = items[i];
		else if (items[i].end > items[n].end)
			items[n].end = items[i].end;
	}
	code->n = n + 1;
}

int egret_code_ranges_init(struct egret_code_ranges *code, const struct egret_elf *elf,
			   const struct egret_elf *debug)
{
	int ret;

	*code = (struct egret_code_ranges){ 0 };
	ret = add_sections(code, elf);
	if (!ret && debug)
		ret = add_sections(code, debug);
	merge(code);
	return ret;
}

void egret_code_ranges_deinit(struct egret_code_ranges *code)
{
	free(code->items);
	*code = (struct egret_code_ranges){ 0 };
}

const struct egret_code_range *egret_code_range_at(const struct egret_code_ranges *code,
						   uint64_t vaddr)
{
	size_t lo = 0, hi = code->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (code->items[mid].end <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < code->n && code->items[lo].start <= vaddr ? &code->items[lo] : NULL;
}
