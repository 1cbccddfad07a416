/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * index.h - a hash index over things that live elsewhere: hash -> number.
 *
 * The owner keeps its items in an array (or anything that a uint32_t names) and tells equality;
 * the index holds no keys, so one implementation serves strings, frames, stacks and processes.
 */
#ifndef EGRET_BASE_INDEX_H
#define EGRET_BASE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EGRET_INDEX_NONE UINT32_MAX

struct egret_index_slot {
	uint32_t hash;
	uint32_t value; /* EGRET_INDEX_NONE: empty */
};

/* Zero-initialise; egret_index_deinit gives the memory back. */
struct egret_index {
	struct egret_index_slot *slots;
	size_t mask; /* slots - 1 */
	size_t used;
};

/* Whether the item `value` is the one looked for; key is what was given to find. */
typedef bool (*egret_index_equal_fn)(const void *owner, uint32_t value, const void *key);

void egret_index_deinit(struct egret_index *index);

/* Bytes that it takes. */
static inline size_t egret_index_memory(const struct egret_index *index)
{
	return index->slots ? (index->mask + 1) * sizeof(*index->slots) : 0;
}

/* The value of the item that equals key, or EGRET_INDEX_NONE. */
uint32_t egret_index_find(const struct egret_index *index, uint64_t hash, const void *key,
			  egret_index_equal_fn equal, const void *owner);

/* Adds an item that is not there yet. 0 or -ENOMEM. */
int egret_index_add(struct egret_index *index, uint64_t hash, uint32_t value);

/* Removes an item by its hash and value, if it is there. */
void egret_index_remove(struct egret_index *index, uint64_t hash, uint32_t value);

/* A good hash of 64 bits, and of bytes. */
static inline uint64_t egret_hash64(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	return x;
}
uint64_t egret_hash_bytes(const void *bytes, size_t len);

#endif
