/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * engine_table.c - CFI compiled to tables, and a cache of the rows that were used last.
 *
 * A step whose row is in the cache reads one cache line of it and the return address. Others cost a
 * search in a table of 4 bytes a row, about 100 ns when the table is cold.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/engines.h"
#include "unwind/table_module.h"
#include "unwind/walk.h"

/* Two ways of 32 bytes each: 512 KiB, of the places that were seen last. */
#define CACHE_SET_BITS 13
#define CACHE_SETS (1u << CACHE_SET_BITS)

struct cached_row {
	uint64_t key;	 /* vaddr << 1 | is_return */
	uint32_t module; /* its number; 0: empty */
	uint32_t reserved;
	union {
		struct egret_row row;
		/* Of EGRET_ROW_FULL; kind and flags are in their places. */
		struct {
			uint8_t kind_and_flags[8];
			const struct egret_full_row *full;
		};
	};
};
_Static_assert(sizeof(struct cached_row) == 32, "two rows a cache line");

struct cache_set {
	struct cached_row way[2]; /* the one that was used last is the first */
} __attribute__((aligned(64)));

struct egret_unwinder {
	struct cache_set cache[CACHE_SETS];
	uint32_t n_modules; /* ever loaded; the number of the last one */
	uint64_t lookups;   /* rows that were not in the cache */
};

struct egret_unwind_module {
	struct egret_table_module *tables;
	uint32_t number; /* not used again, so that nobody finds the rows of what is unloaded */
};

static int create(struct egret_unwinder **out, struct egret_error *err)
{
	void *unwinder = NULL;

	if (posix_memalign(&unwinder, 64, sizeof(**out)))
		return egret_fail(err, ENOMEM, "no memory for the unwinder");
	*out = memset(unwinder, 0, sizeof(**out));
	return 0;
}

static void destroy(struct egret_unwinder *unwinder)
{
	free(unwinder);
}

static int module_load(struct egret_unwinder *unwinder, const struct egret_elf *elf,
		       const struct egret_elf *debug, struct egret_unwind_module **out)
{
	struct egret_unwind_module *module = calloc(1, sizeof(*module));
	int ret;

	if (!module)
		return -ENOMEM;
	ret = egret_table_module_create(elf, debug, &module->tables);
	if (ret) {
		free(module);
		return ret;
	}
	module->number = ++unwinder->n_modules;
	*out = module;
	return 0;
}

static void module_unload(struct egret_unwinder *unwinder, struct egret_unwind_module *module)
{
	if (!module)
		return;
	egret_table_module_destroy(module->tables);
	free(module);
}

static bool module_import(struct egret_unwind_module *module, const void *bytes, size_t size)
{
	return egret_table_module_import(module->tables, bytes, size);
}

static int module_export(struct egret_unwind_module *module, struct egret_buffer *out)
{
	return egret_table_module_export(module->tables, out);
}

/* ---- the cache ------------------------------------------------------------------------------ */

static inline bool is_of(const struct cached_row *cached, uint32_t module, uint64_t key)
{
	return cached->key == key && cached->module == module;
}

static inline void get(const struct cached_row *cached, struct egret_row_ref *ref)
{
	ref->row = cached->row;
	ref->full = cached->full; /* looked at only if the kind says so */
}

static void put(struct cache_set *set, uint32_t module, uint64_t key,
		const struct egret_row_ref *ref)
{
	set->way[1] = set->way[0];
	set->way[0] = (struct cached_row){ .key = key, .module = module, .row = ref->row };
	if (ref->row.kind == EGRET_ROW_FULL)
		set->way[0].full = ref->full;
}

static void look_up(struct egret_unwinder *unwinder, struct egret_unwind_module *module,
		    struct egret_place place, struct cache_set *set, uint64_t key,
		    struct egret_row_ref *ref)
{
	bool is_lasting;

	unwinder->lookups++;
	*ref = egret_table_module_row(module->tables, place, &is_lasting);
	if (is_lasting)
		put(set, module->number, key, ref);
}

static enum egret_unwind_end step(struct egret_unwinder *unwinder,
				  struct egret_unwind_module *module, struct egret_place place,
				  struct egret_step_state *state, struct egret_walk_row *out)
{
	uint64_t key = place.vaddr << 1 | place.is_return;
	uint64_t hash = (key ^ (uint64_t)module->number << 48) * 0x9e3779b97f4a7c15ull;
	struct cache_set *set = &unwinder->cache[hash >> (64 - CACHE_SET_BITS)];
	struct egret_row_ref ref;

	if (is_of(&set->way[0], module->number, key))
		get(&set->way[0], &ref);
	else if (is_of(&set->way[1], module->number, key))
		get(&set->way[1], &ref);
	else
		look_up(unwinder, module, place, set, key, &ref);
	return egret_walk_step_row(state, &ref, out);
}

static struct egret_unwind_result unwind(struct egret_unwinder *unwinder,
					 const struct egret_unwind_request *request)
{
	return egret_walk(request, step, unwinder);
}

uint64_t egret_engine_table_lookups(const struct egret_unwinder *unwinder)
{
	return unwinder->lookups;
}

const struct egret_unwind_engine egret_engine_table = {
	.name = "table",
	.text = "CFI compiled to compact tables (default)",
	.create = create,
	.destroy = destroy,
	.module_load = module_load,
	.module_unload = module_unload,
	.kept_version = EGRET_TABLE_FILE_VERSION,
	.module_import = module_import,
	.module_export = module_export,
	.unwind = unwind,
};
