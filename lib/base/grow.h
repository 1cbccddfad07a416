/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* grow.h - arrays that grow by doubling. */
#ifndef EGRET_BASE_GROW_H
#define EGRET_BASE_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

/*
 * Sees to it that *items, a pointer to an array with room for *room items of that size, has room
 * for one more than n. False without memory: the array is as it was.
 */
static inline bool egret_grow(void *items, size_t *room, size_t n, size_t size)
{
	size_t larger = *room ? *room * 2 : 64;
	void *grown;

	if (n < *room)
		return true;
	grown = reallocarray(*(void **)items, larger, size);
	if (!grown)
		return false;
	*(void **)items = grown;
	*room = larger;
	return true;
}

#endif
