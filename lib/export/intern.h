/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* intern.h - tables in which each different item stands once, and has a number. */
#ifndef EGRET_EXPORT_INTERN_H
#define EGRET_EXPORT_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include "base/index.h"

/* Items of one size; the first key_size bytes are the identity, without padding in them. */
struct egret_interned {
	uint8_t *items;
	size_t item_size;
	size_t key_size;
	size_t n;
	size_t capacity;
	struct egret_index index;
};

void egret_interned_init(struct egret_interned *table, size_t item_size, size_t key_size);
void egret_interned_deinit(struct egret_interned *table);

static inline void *egret_interned_item(const struct egret_interned *table, uint32_t number)
{
	return table->items + number * table->item_size;
}

/* The number of the item, which is copied when it is new; EGRET_INDEX_NONE without memory. */
uint32_t egret_interned_put(struct egret_interned *table, const void *item);

/*
 * The same in a table of const char *, by the text; NULL is "". The text is not copied and has to
 * live as long as the table.
 */
uint32_t egret_interned_put_string(struct egret_interned *table, const char *text);

#endif
