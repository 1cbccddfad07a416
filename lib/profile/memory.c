/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* memory.c - what the tables of a profile take. */
#include "profile/profile_tables.h"

#define TABLE_MEMORY(table)                                                                        \
	((table)->capacity * sizeof(*(table)->items) + egret_index_memory(&(table)->index))

size_t egret_profile_memory(const struct egret_profile *p)
{
	return egret_arena_memory(&p->texts) + TABLE_MEMORY(&p->strings) +
	       TABLE_MEMORY(&p->modules) + TABLE_MEMORY(&p->frames) + TABLE_MEMORY(&p->stacks) +
	       TABLE_MEMORY(&p->depths) + TABLE_MEMORY(&p->threads) + TABLE_MEMORY(&p->entries) +
	       TABLE_MEMORY(&p->spans) + TABLE_MEMORY(&p->lines) + TABLE_MEMORY(&p->cgroups) +
	       TABLE_MEMORY(&p->reasons) + TABLE_MEMORY(&p->meta) + TABLE_MEMORY(&p->events) +
	       TABLE_MEMORY(&p->stats) + TABLE_MEMORY(&p->samples);
}
