/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_strings.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_BITS 14

void egret_dwarf_strings_deinit(struct egret_dwarf_strings *strings)
{
	for (size_t i = 0; i < strings->n_chunks; i++)
		free(strings->chunks[i]);
	free(strings->chunks);
	egret_index_deinit(&strings->index);
	free(strings->seen);
	*strings = (struct egret_dwarf_strings){ 0 };
}

void egret_dwarf_strings_forget(struct egret_dwarf_strings *strings)
{
	free(strings->seen);
	strings->seen = NULL;
}

static bool equals(const void *owner, uint32_t offset, const void *key)
{
	return !strcmp(egret_dwarf_string_of(owner, offset), key);
}

/* Room for a string of that size, with its NUL, which no chunk is too small for. */
static char *reserve(struct egret_dwarf_strings *strings, size_t size)
{
	uint32_t used = strings->size & (EGRET_DWARF_CHUNK_SIZE - 1);
	char **chunks, *chunk;

	if (strings->n_chunks && used && size <= EGRET_DWARF_CHUNK_SIZE - used)
		return strings->chunks[strings->n_chunks - 1] + used;
	chunks = reallocarray(strings->chunks, strings->n_chunks + 1, sizeof(*chunks));
	if (!chunks)
		return NULL;
	strings->chunks = chunks;
	chunk = calloc(1, EGRET_DWARF_CHUNK_SIZE);
	if (!chunk)
		return NULL;
	/* Offset 0 is none. */
	strings->size = (uint32_t)strings->n_chunks * EGRET_DWARF_CHUNK_SIZE + !strings->n_chunks;
	chunks[strings->n_chunks++] = chunk;
	return chunk + (strings->size & 1);
}

bool egret_dwarf_intern(struct egret_dwarf_strings *strings, const char *string, uint32_t *out)
{
	size_t len = strlen(string);
	uint64_t hash;
	char *to;

	*out = 0;
	/* What is too long, and what there is no offset left for, is not known. */
	if (!len || len >= EGRET_DWARF_CHUNK_SIZE / 2 ||
	    strings->first.size + strings->size > UINT32_MAX - 2 * EGRET_DWARF_CHUNK_SIZE)
		return true;
	hash = egret_hash_bytes(string, len);
	*out = egret_index_find(&strings->index, hash, string, equals, strings);
	if (*out != EGRET_INDEX_NONE)
		return true;
	to = reserve(strings, len + 1);
	if (!to)
		return false;
	memcpy(to, string, len + 1);
	*out = (uint32_t)strings->first.size + strings->size;
	strings->size += (uint32_t)len + 1;
	return !egret_index_add(&strings->index, hash, *out);
}

bool egret_dwarf_intern_name(struct egret_dwarf_strings *strings, const char *name, uint32_t *out)
{
	struct egret_dwarf_seen *seen;

	*out = 0;
	if (!name)
		return true;
	if (!strings->seen)
		strings->seen = calloc(1u << SEEN_BITS, sizeof(*strings->seen));
	if (!strings->seen)
		return false;
	seen = &strings->seen[egret_hash64((uintptr_t)name) >> (64 - SEEN_BITS)];
	if (seen->name != name) {
		if (!egret_dwarf_intern(strings, name, &seen->offset))
			return false;
		seen->name = name;
	}
	*out = seen->offset;
	return true;
}

void egret_dwarf_strings_put(const struct egret_dwarf_strings *strings, struct egret_buffer *to)
{
	egret_buffer_add(to, strings->first.bytes, strings->first.size);
	for (size_t i = 0; i < strings->n_chunks; i++)
		egret_buffer_add(to, strings->chunks[i],
				 i + 1 < strings->n_chunks
					 ? EGRET_DWARF_CHUNK_SIZE
					 : strings->size - (uint32_t)i * EGRET_DWARF_CHUNK_SIZE);
	if (!strings->first.size && !strings->n_chunks)
		egret_buffer_add(to, "", 1);
}
