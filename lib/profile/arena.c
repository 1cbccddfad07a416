/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "profile/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 65536
#define LARGE (CHUNK_SIZE / 4) /* gets a chunk of its own, so that little is left over */

struct egret_arena_chunk {
	struct egret_arena_chunk *next;
	size_t used;
	size_t size;
	uint64_t bytes[];
};

void egret_arena_deinit(struct egret_arena *arena)
{
	struct egret_arena_chunk *next;

	for (struct egret_arena_chunk *chunk = arena->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	arena->chunks = NULL;
	arena->bytes = 0;
}

static struct egret_arena_chunk *add_chunk(struct egret_arena *arena, size_t piece)
{
	struct egret_arena_chunk *head = arena->chunks;
	struct egret_arena_chunk *chunk;
	size_t size = piece > LARGE ? piece : CHUNK_SIZE;

	if (size > SIZE_MAX / 2)
		return NULL;
	chunk = malloc(sizeof(*chunk) + size);
	if (!chunk)
		return NULL;
	arena->bytes += sizeof(*chunk) + size;
	chunk->used = 0;
	chunk->size = size;
	/* A large piece goes behind the head, which has room left for small ones. */
	if (head && piece > LARGE) {
		chunk->next = head->next;
		head->next = chunk;
	} else {
		chunk->next = head;
		arena->chunks = chunk;
	}
	return chunk;
}

static void *take(struct egret_arena *arena, size_t size, size_t align)
{
	struct egret_arena_chunk *chunk = arena->chunks;
	size_t at = chunk ? (chunk->used + align - 1) & ~(align - 1) : 0;

	if (!chunk || at > chunk->size || chunk->size - at < size) {
		chunk = add_chunk(arena, size);
		if (!chunk)
			return NULL;
		at = 0;
	}
	chunk->used = at + size;
	return (char *)chunk->bytes + at;
}

void *egret_arena_alloc(struct egret_arena *arena, size_t size)
{
	void *piece = take(arena, size, sizeof(uint64_t));

	return piece ? memset(piece, 0, size) : NULL;
}

char *egret_arena_text(struct egret_arena *arena, const char *text, size_t len)
{
	char *copy = take(arena, len + 1, 1);

	if (!copy)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}
