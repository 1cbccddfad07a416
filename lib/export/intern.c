/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void egret_interned_init(struct egret_interned *table, size_t item_size, size_t key_size)
{
	*table = (struct egret_interned){ .item_size = item_size, .key_size = key_size };
}

void egret_interned_deinit(struct egret_interned *table)
{
	egret_index_deinit(&table->index);
	free(table->items);
}

static int reach(struct egret_interned *table, size_t n)
{
	size_t capacity = table->capacity ? table->capacity * 2 : 64;
	uint8_t *items;

	if (n <= table->capacity)
		return 0;
	if (n >= EGRET_INDEX_NONE)
		return -ENOMEM;
	items = realloc(table->items, capacity * table->item_size);
	if (!items)
		return -ENOMEM;
	table->items = items;
	table->capacity = capacity;
	return 0;
}

static bool item_equal(const void *owner, uint32_t value, const void *key)
{
	const struct egret_interned *table = owner;

	return !memcmp(egret_interned_item(table, value), key, table->key_size);
}

static bool string_equal(const void *owner, uint32_t value, const void *key)
{
	return !strcmp(*(const char *const *)egret_interned_item(owner, value),
		       *(const char *const *)key);
}

static uint32_t put(struct egret_interned *table, uint64_t hash, const void *item,
		    egret_index_equal_fn equal)
{
	uint32_t number = egret_index_find(&table->index, hash, item, equal, table);

	if (number != EGRET_INDEX_NONE)
		return number;
	if (reach(table, table->n + 1) || egret_index_add(&table->index, hash, (uint32_t)table->n))
		return EGRET_INDEX_NONE;
	memcpy(egret_interned_item(table, (uint32_t)table->n), item, table->item_size);
	return (uint32_t)table->n++;
}

uint32_t egret_interned_put(struct egret_interned *table, const void *item)
{
	return put(table, egret_hash_bytes(item, table->key_size), item, item_equal);
}

uint32_t egret_interned_put_string(struct egret_interned *table, const char *text)
{
	if (!text)
		text = "";
	return put(table, egret_hash_bytes(text, strlen(text)), &text, string_equal);
}
