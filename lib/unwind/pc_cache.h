/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * pc_cache.h - what is at the program counters that were seen last: code and row in one look-up.
 *
 * Kept by the pc itself and by the number of what is mapped (code_number of struct
 * egret_unwind_request), so that neither the mappings nor the tables are searched for a pc that
 * was seen before. Something mapped or unmapped changes the number: what was kept under the old one
 * is never found again.
 */
#ifndef EGRET_UNWIND_PC_CACHE_H
#define EGRET_UNWIND_PC_CACHE_H

#include "unwind/row.h"

/*
 * Sets of four, the newest first: 65,536 program counters in 2 MiB. What falls out of a set is
 * still found elsewhere for a while, so that one that is too small for what is going on does not
 * send each step to the tables.
 */
#define EGRET_PC_SET_BITS 14
#define EGRET_PC_SETS (1u << EGRET_PC_SET_BITS)
#define EGRET_PC_WAYS 4
#define EGRET_PC_DROPPED 1024
#define EGRET_PC_OTHERS 2048 /* left by the walk, which are few */

/* What a row of kind EGRET_ROW_SIMPLE says, where its CFA is found by rsp or rbp. */
struct egret_pc_saved {
	uint8_t reg[NR_SAVED]; /* saved[] of struct egret_row */
	uint8_t deepest;       /* the largest of them and of that of the return address, 1 */
	uint8_t by_rbp;	       /* cfa = rbp + 8 * by_rbp; 0: not so */
};

/* In the place of rsp_offset: the CFA is not found by rsp. All are beyond any run of bytes. */
#define EGRET_PC_BY_RBP UINT32_MAX
#define EGRET_PC_ROOT (UINT32_MAX - 1)	  /* it is the outermost frame */
#define EGRET_PC_BY_WALK (UINT32_MAX - 2) /* its row is another one: see egret_pc_cache_other */
#define EGRET_PC_OFFSET_MAX 0x7fffffffu

/* A pc and how its frame is left: half a cache line, which is what a step reads. */
struct egret_pc_entry {
	uint64_t pc;
	uint32_t tag;	     /* code number << 1 | is_return; 0: empty */
	uint32_t rsp_offset; /* cfa = rsp + rsp_offset */
	uint64_t cookie;     /* of struct egret_code */
	struct egret_pc_saved saved;
};
_Static_assert(sizeof(struct egret_pc_entry) == 32, "two a cache line");

/* What is at a pc, for the walk. */
struct egret_pc_other {
	uint64_t pc;
	uint32_t tag;
	bool is_lasting; /* ref is good as long as the module */
	struct egret_code code;
	struct egret_row_ref ref;
};

struct egret_pc_cache {
	struct egret_pc_entry entry[EGRET_PC_SETS][EGRET_PC_WAYS] __attribute__((aligned(64)));
	struct egret_pc_entry dropped[EGRET_PC_DROPPED];
	struct egret_pc_other other[EGRET_PC_OTHERS];
	uint64_t first;	     /* code number of the least tag */
	uint32_t n_unnamed;  /* stacks without a code number, each of which has its own */
	uint32_t generation; /* how often all was flushed */
	bool must_flush;     /* before the next stack */
};

/* Tags hold 31 bits of a number: the upper half is of stacks that have none. */
#define EGRET_PC_NUMBERS (1u << 30)

/* The tag where it is not as easy as that. */
uint32_t egret_pc_cache_new_tag(struct egret_pc_cache *cache, uint64_t code_number);
/* The tag of a stack's program counters, but for is_return. Asked for once a stack. */
static inline uint32_t egret_pc_cache_tag(struct egret_pc_cache *cache, uint64_t code_number)
{
	uint64_t n = code_number - cache->first;

	return code_number && n < EGRET_PC_NUMBERS - 1 && !cache->must_flush
		       ? (uint32_t)(n + 1) << 1
		       : egret_pc_cache_new_tag(cache, code_number);
}

/* cache is all zeros. */
static inline void egret_pc_cache_init(struct egret_pc_cache *cache)
{
	cache->first = 1;
}

/* Nothing of what was kept is good any more. */
static inline void egret_pc_cache_forget(struct egret_pc_cache *cache)
{
	cache->must_flush = true;
}

static inline uint64_t egret_pc_hash(uint64_t pc, uint32_t tag)
{
	return (pc + ((uint64_t)tag << 20)) * 0x9e3779b97f4a7c15ull;
}

/* By the bits that make it one instruction: they differ for what is near to each other. */
static inline struct egret_pc_entry *egret_pc_cache_set(struct egret_pc_cache *cache, uint64_t pc,
							uint32_t tag)
{
	const uint64_t mask = (EGRET_PC_SETS - 1) * sizeof(cache->entry[0]);

	return (struct egret_pc_entry *)((char *)cache->entry + (egret_pc_hash(pc, tag) & mask));
}

/* NULL: not there. See egret_pc_cache_dropped then. */
static inline const struct egret_pc_entry *egret_pc_cache_find(struct egret_pc_cache *cache,
							       uint64_t pc, uint32_t tag)
{
	const struct egret_pc_entry *entry = egret_pc_cache_set(cache, pc, tag);

	if (__builtin_expect(entry->pc == pc && entry->tag == tag, 1))
		return entry;
#pragma GCC unroll 4
	for (int i = 1; i < EGRET_PC_WAYS; i++)
		if (entry[i].pc == pc && entry[i].tag == tag)
			return &entry[i];
	return NULL;
}

/* Puts what has fallen out of its set there again. NULL: not there. */
const struct egret_pc_entry *egret_pc_cache_dropped(struct egret_pc_cache *cache, uint64_t pc,
						    uint32_t tag);

/* The same for the walk. NULL: it was left by quick steps, or is not there any more. */
const struct egret_pc_other *egret_pc_cache_other(const struct egret_pc_cache *cache, uint64_t pc,
						  uint32_t tag);

/* Keeps what was found at other->pc, in the place of the oldest of its set. */
const struct egret_pc_entry *egret_pc_cache_put(struct egret_pc_cache *cache,
						const struct egret_pc_other *other);

#endif
