/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * arena.h - memory that is handed out in small pieces, never moves, and is given back at once.
 *
 * Texts and frames that public structs point to live here: a table may grow and move, what it
 * points to may not.
 */
#ifndef EGRET_ARENA_H
#define EGRET_ARENA_H

#include <stddef.h>

struct egret_arena_chunk;

/* Zero-initialise; egret_arena_deinit gives the memory back. */
struct egret_arena {
	struct egret_arena_chunk *chunks;
	size_t bytes; /* of all of them */
};

static inline size_t egret_arena_memory(const struct egret_arena *arena)
{
	return arena->bytes;
}

void egret_arena_deinit(struct egret_arena *arena);
/* Zeroed and aligned for pointers and 64-bit numbers. NULL without memory. */
void *egret_arena_alloc(struct egret_arena *arena, size_t size);
/* A copy of len bytes with a NUL behind. NULL without memory. */
char *egret_arena_text(struct egret_arena *arena, const char *text, size_t len);

#endif
