/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/pointer_ids.h"

#include <stdlib.h>

#define FIRST_SLOTS 1024

void pointer_ids_deinit(struct pointer_ids *ids)
{
	free(ids->slots);
	*ids = (struct pointer_ids){ 0 };
}

static struct pointer_id *find(struct pointer_id *slots, size_t n_slots, const void *pointer)
{
	/* Fibonacci hashing: addresses differ in their middle bits. */
	size_t i = ((uintptr_t)pointer >> 3) * 0x9e3779b97f4a7c15ull >> 32;

	for (i &= n_slots - 1; slots[i].pointer && slots[i].pointer != pointer;)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static bool grow(struct pointer_ids *ids)
{
	size_t n = ids->n_slots ? ids->n_slots * 2 : FIRST_SLOTS;
	struct pointer_id *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	for (size_t i = 0; i < ids->n_slots; i++)
		if (ids->slots[i].pointer)
			*find(slots, n, ids->slots[i].pointer) = ids->slots[i];
	free(ids->slots);
	ids->slots = slots;
	ids->n_slots = n;
	return true;
}

uint64_t *pointer_ids_at(struct pointer_ids *ids, const void *pointer, bool *added)
{
	struct pointer_id *slot;

	if (ids->used >= ids->n_slots / 4 * 3 && !grow(ids))
		return NULL;
	slot = find(ids->slots, ids->n_slots, pointer);
	*added = !slot->pointer;
	slot->pointer = pointer;
	ids->used += *added;
	return &slot->id;
}
