/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/known.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 512

void known_deinit(struct known *known)
{
	free(known->slots);
	known->slots = NULL;
	known->n_slots = known->used = 0;
}

void known_clear(struct known *known)
{
	if (known->slots)
		memset(known->slots, 0, known->n_slots * sizeof(*known->slots));
	known->used = 0;
}

static bool put(uint64_t *slots, size_t n_slots, uint64_t hash)
{
	size_t i = hash & (n_slots - 1);

	for (; slots[i]; i = (i + 1) & (n_slots - 1))
		if (slots[i] == hash)
			return false;
	slots[i] = hash;
	return true;
}

/* Twice as many slots, or, where the limit is reached, the same ones, empty. */
static bool grow(struct known *known)
{
	size_t n = known->n_slots ? known->n_slots * 2 : FIRST_SLOTS;
	uint64_t *slots;

	if (n * sizeof(*slots) > known->max_bytes) {
		known_clear(known);
		return known->slots;
	}
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return false;
	for (size_t i = 0; i < known->n_slots; i++)
		if (known->slots[i])
			put(slots, n, known->slots[i]);
	free(known->slots);
	known->slots = slots;
	known->n_slots = n;
	return true;
}

bool known_add(struct known *known, uint64_t hash)
{
	bool is_new;

	if (!hash)
		return true; /* the mark of a free slot: sent each time */
	if (known->used >= known->n_slots / 4 * 3 && !grow(known))
		return true;
	is_new = put(known->slots, known->n_slots, hash);
	known->used += is_new;
	return is_new;
}
