/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void egret_index_deinit(struct egret_index *index)
{
	free(index->slots);
	*index = (struct egret_index){ 0 };
}

uint32_t egret_index_find(const struct egret_index *index, uint64_t hash, const void *key,
			  egret_index_equal_fn equal, const void *owner)
{
	uint32_t short_hash = (uint32_t)hash;

	if (!index->slots)
		return EGRET_INDEX_NONE;
	for (size_t i = short_hash & index->mask;; i = (i + 1) & index->mask) {
		const struct egret_index_slot *slot = &index->slots[i];

		if (slot->value == EGRET_INDEX_NONE)
			return EGRET_INDEX_NONE;
		if (slot->hash == short_hash && equal(owner, slot->value, key))
			return slot->value;
	}
}

static void insert(struct egret_index_slot *slots, size_t mask, struct egret_index_slot slot)
{
	size_t i = slot.hash & mask;

	while (slots[i].value != EGRET_INDEX_NONE)
		i = (i + 1) & mask;
	slots[i] = slot;
}

static int grow(struct egret_index *index)
{
	size_t old = index->slots ? index->mask + 1 : 0;
	size_t size = old ? old * 2 : 64;
	struct egret_index_slot *slots = malloc(size * sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	memset(slots, 0xff, size * sizeof(*slots));
	for (size_t i = 0; i < old; i++)
		if (index->slots[i].value != EGRET_INDEX_NONE)
			insert(slots, size - 1, index->slots[i]);
	free(index->slots);
	index->slots = slots;
	index->mask = size - 1;
	return 0;
}

int egret_index_add(struct egret_index *index, uint64_t hash, uint32_t value)
{
	if (!index->slots || (index->used + 1) * 4 > (index->mask + 1) * 3) {
		int ret = grow(index);

		if (ret)
			return ret;
	}
	insert(index->slots, index->mask,
	       (struct egret_index_slot){ .hash = (uint32_t)hash, .value = value });
	index->used++;
	return 0;
}

/* Linear probing without tombstones: what follows the gap moves up (Knuth 6.4, algorithm R). */
void egret_index_remove(struct egret_index *index, uint64_t hash, uint32_t value)
{
	size_t gap, i;

	if (!index->slots)
		return;
	for (gap = (uint32_t)hash & index->mask;; gap = (gap + 1) & index->mask) {
		if (index->slots[gap].value == EGRET_INDEX_NONE)
			return;
		if (index->slots[gap].value == value && index->slots[gap].hash == (uint32_t)hash)
			break;
	}
	for (i = (gap + 1) & index->mask; index->slots[i].value != EGRET_INDEX_NONE;
	     i = (i + 1) & index->mask) {
		size_t home = index->slots[i].hash & index->mask;

		if (((i - home) & index->mask) < ((i - gap) & index->mask))
			continue;
		index->slots[gap] = index->slots[i];
		gap = i;
	}
	index->slots[gap].value = EGRET_INDEX_NONE;
	index->used--;
}

uint64_t egret_hash_bytes(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;
	uint64_t hash = 0x9e3779b97f4a7c15ull ^ len;

	while (len >= 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		hash = egret_hash64(hash ^ word);
		p += 8;
		len -= 8;
	}
	if (len) {
		uint64_t word = 0;

		memcpy(&word, p, len);
		hash = egret_hash64(hash ^ word);
	}
	return hash;
}
