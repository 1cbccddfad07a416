/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/row_cache.h"

#include <stdlib.h>
#include <string.h>

#include "base/index.h"

#define SLOTS_MIN 1024u
#define SLOTS_MAX (256u << 10)
#define FULL_MAX (4u << 20) /* bytes */

static uint64_t key_of(struct egret_place place)
{
	return place.vaddr << 1 | place.is_return;
}

static size_t first_slot(const struct egret_row_cache *cache, uint32_t module, uint64_t key)
{
	return egret_hash64(key ^ (uint64_t)module << 48) & cache->mask;
}

void egret_row_cache_deinit(struct egret_row_cache *cache)
{
	free(cache->slots);
	egret_buffer_deinit(&cache->full);
	*cache = (struct egret_row_cache){ 0 };
}

/* The slot of the key, or the empty one where it would be. There always is an empty one. */
static struct egret_row_slot *probe(const struct egret_row_cache *cache, uint32_t module,
				    uint64_t key)
{
	size_t i = first_slot(cache, module, key);

	while (cache->slots[i].module &&
	       (cache->slots[i].key != key || cache->slots[i].module != module))
		i = (i + 1) & cache->mask;
	return &cache->slots[i];
}

bool egret_row_cache_find(const struct egret_row_cache *cache, uint32_t module,
			  struct egret_place place, struct egret_row_ref *ref)
{
	const struct egret_row_slot *slot;

	if (!cache->slots)
		return false;
	slot = probe(cache, module, key_of(place));
	if (!slot->module)
		return false;
	ref->row = slot->row;
	ref->full = NULL;
	if (slot->row.kind == EGRET_ROW_FULL)
		ref->full = (const void *)(cache->full.data + 8 * (size_t)slot->row.cfa_offset);
	return true;
}

static void empty(struct egret_row_cache *cache)
{
	memset(cache->slots, 0, (cache->mask + 1) * sizeof(*cache->slots));
	cache->used = 0;
	egret_buffer_clear(&cache->full);
}

static bool resize(struct egret_row_cache *cache, size_t n)
{
	struct egret_row_cache bigger = *cache;

	bigger.slots = calloc(n, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	bigger.mask = n - 1;
	for (size_t i = 0; cache->slots && i <= cache->mask; i++) {
		const struct egret_row_slot *slot = &cache->slots[i];

		if (slot->module)
			*probe(&bigger, slot->module, slot->key) = *slot;
	}
	free(cache->slots);
	*cache = bigger;
	return true;
}

/* Makes room for one row more, so that at most three quarters of the slots are taken. */
static bool make_room(struct egret_row_cache *cache, size_t full_size)
{
	size_t n = cache->slots ? cache->mask + 1 : 0;
	bool is_crowded = cache->used + 1 > n / 4 * 3;

	if (!n)
		return resize(cache, SLOTS_MIN);
	if (is_crowded && n < SLOTS_MAX && resize(cache, 2 * n))
		is_crowded = false;
	if (is_crowded || cache->full.len + full_size > FULL_MAX)
		empty(cache);
	return true;
}

/* Where the full row was put, in units of 8 bytes; -1 without memory. */
static int32_t add_full(struct egret_row_cache *cache, const struct egret_full_row *full,
			size_t size)
{
	size_t start = cache->full.len, padded = (size + 7) & ~(size_t)7;
	uint8_t *to = egret_buffer_reserve(&cache->full, padded);

	if (!to)
		return -1;
	memcpy(to, full, size);
	cache->full.len += padded;
	return (int32_t)(start / 8);
}

void egret_row_cache_add(struct egret_row_cache *cache, uint32_t module, struct egret_place place,
			 struct egret_row row, const struct egret_full_row *full, size_t full_size)
{
	uint64_t key = key_of(place);

	if (row.kind != EGRET_ROW_FULL)
		full_size = 0;
	if (!make_room(cache, full_size))
		return;
	if (row.kind == EGRET_ROW_FULL) {
		row.cfa_offset = add_full(cache, full, full_size);
		if (row.cfa_offset < 0)
			return;
	}
	*probe(cache, module,
	       key) = (struct egret_row_slot){ .key = key, .module = module, .row = row };
	cache->used++;
}
