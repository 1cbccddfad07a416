/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/row_finder.h"

void egret_row_finder_deinit(struct egret_row_finder *finder)
{
	egret_row_cache_deinit(&finder->cache);
}

int egret_row_module_init(struct egret_row_module *module, struct egret_row_finder *finder,
			  const struct egret_elf *elf, const struct egret_elf *debug)
{
	module->number = ++finder->n_modules;
	return egret_cfi_create(elf, debug, &module->cfi);
}

void egret_row_module_deinit(struct egret_row_module *module)
{
	egret_cfi_destroy(module->cfi);
	module->cfi = NULL;
}

void egret_row_find(struct egret_row_finder *finder, struct egret_row_module *module,
		    struct egret_place place, struct egret_row_ref *ref)
{
	struct egret_row_scratch *scratch = &finder->scratch;

	if (egret_row_cache_find(&finder->cache, module->number, place, ref))
		return;
	finder->lookups++;
	ref->row = egret_cfi_row(module->cfi, place, scratch);
	ref->full = &scratch->full;
	egret_row_cache_add(&finder->cache, module->number, place, ref->row, &scratch->full,
			    scratch->size);
}
