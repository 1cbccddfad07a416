/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/pc_cache.h"

#include <string.h>

/* Captures are unwound a little out of order, so numbers need not rise quite. */
#define NUMBERS_BELOW 65536

static void flush(struct egret_pc_cache *cache, uint64_t code_number)
{
	memset(cache->entry, 0, sizeof(cache->entry));
	memset(cache->dropped, 0, sizeof(cache->dropped));
	memset(cache->other, 0, sizeof(cache->other));
	cache->first = code_number > NUMBERS_BELOW ? code_number - NUMBERS_BELOW : 1;
	cache->n_unnamed = 0;
	cache->must_flush = false;
	cache->generation++;
}

uint32_t egret_pc_cache_new_tag(struct egret_pc_cache *cache, uint64_t code_number)
{
	bool fits = code_number ? code_number - cache->first < EGRET_PC_NUMBERS - 1
				: cache->n_unnamed < EGRET_PC_NUMBERS - 1;

	if (!fits || cache->must_flush)
		flush(cache, code_number);
	if (!code_number)
		return (EGRET_PC_NUMBERS + cache->n_unnamed++) << 1;
	return egret_pc_cache_tag(cache, code_number);
}

static uint8_t deepest_of(const struct egret_row *row)
{
	uint8_t deepest = 1;

	for (unsigned int i = 0; i < NR_SAVED; i++)
		if (row->saved[i] > deepest)
			deepest = row->saved[i];
	return deepest;
}

/*
 * What the quick steps may do for the walk, with the same outcome: a row whose CFA is above rsp
 * and whose return address and registers are saved from rsp up. A row that saves registers below
 * rsp wants a look at what is there (see was_popped in step.c).
 */
static uint32_t how_of(const struct egret_row *row, struct egret_pc_saved *saved)
{
	uint32_t offset = (uint32_t)row->cfa_offset;

	if (row->flags)
		return row->flags == EGRET_ROW_F_ROOT ? EGRET_PC_ROOT : EGRET_PC_BY_WALK;
	if (row->kind != EGRET_ROW_SIMPLE || offset > EGRET_PC_OFFSET_MAX)
		return EGRET_PC_BY_WALK;
	memcpy(saved->reg, row->saved, sizeof(saved->reg));
	saved->deepest = deepest_of(row);
	if (row->cfa_reg == EGRET_UNWIND_RSP)
		return offset >= 8u * saved->deepest ? offset : EGRET_PC_BY_WALK;
	if (row->cfa_reg != EGRET_UNWIND_RBP || offset % 8 || offset > 8u * UINT8_MAX)
		return EGRET_PC_BY_WALK;
	saved->by_rbp = (uint8_t)(offset / 8);
	return saved->by_rbp ? EGRET_PC_BY_RBP : EGRET_PC_BY_WALK;
}

static size_t slot(uint64_t pc, uint32_t tag, size_t n)
{
	return (egret_pc_hash(pc, tag) >> 40) % n;
}

const struct egret_pc_other *egret_pc_cache_other(const struct egret_pc_cache *cache, uint64_t pc,
						  uint32_t tag)
{
	const struct egret_pc_other *other = &cache->other[slot(pc, tag, EGRET_PC_OTHERS)];

	return other->pc == pc && other->tag == tag ? other : NULL;
}

/* Puts an entry into its set, first; the last one of it is dropped. */
static struct egret_pc_entry *put(struct egret_pc_cache *cache, const struct egret_pc_entry *new)
{
	struct egret_pc_entry *set = egret_pc_cache_set(cache, new->pc, new->tag);
	const struct egret_pc_entry *last = &set[EGRET_PC_WAYS - 1];

	cache->dropped[slot(last->pc, last->tag, EGRET_PC_DROPPED)] = *last;
	memmove(set + 1, set, (EGRET_PC_WAYS - 1) * sizeof(*set));
	*set = *new;
	return set;
}

const struct egret_pc_entry *egret_pc_cache_dropped(struct egret_pc_cache *cache, uint64_t pc,
						    uint32_t tag)
{
	struct egret_pc_entry entry = cache->dropped[slot(pc, tag, EGRET_PC_DROPPED)];

	return entry.pc == pc && entry.tag == tag ? put(cache, &entry) : NULL;
}

const struct egret_pc_entry *egret_pc_cache_put(struct egret_pc_cache *cache,
						const struct egret_pc_other *other)
{
	const struct egret_pc_entry *old = egret_pc_cache_find(cache, other->pc, other->tag);
	struct egret_pc_entry new = { .pc = other->pc,
				      .tag = other->tag,
				      .rsp_offset = EGRET_PC_BY_WALK,
				      .cookie = other->code.cookie };

	if (other->is_lasting)
		new.rsp_offset = how_of(&other->ref.row, &new.saved);
	if (new.rsp_offset == EGRET_PC_BY_WALK)
		cache->other[slot(new.pc, new.tag, EGRET_PC_OTHERS)] = *other;
	return old ? old : put(cache, &new);
}
