/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * unwind_pool.h - threads that unwind captures, and the records that wait for that in their order.
 *
 * Records go through a ring: put in at one end, with a copy of their bytes; unwound by whichever
 * thread comes first; taken out at the other end in the order in which they were put in. So what
 * is made of them does not depend on the threads. All but the threads' work is done by the one that
 * feeds the pool. A ring that is full makes it wait, and it unwinds while it does: nothing is lost.
 *
 * The threads touch what they unwind with, captures, and nothing else.
 */
#ifndef EGRET_SESSION_UNWIND_POOL_H
#define EGRET_SESSION_UNWIND_POOL_H

#include "session/unwinding.h"

#define EGRET_POOL_THREADS_MAX 64
#define EGRET_POOL_RECORDS 512u	     /* that may be on their way */
#define EGRET_POOL_BYTES (16u << 20) /* of all of them */

/* A record on its way. */
struct egret_on_way {
	const struct egret_rec *record;
	char process[16]; /* of a sample: the name of its process; "": not known */
	uint32_t labels;  /* of a sample: the set of its process's labels; 0: none */
	uint8_t no_stack; /* enum egret_capture_end, of a capture that cannot be unwound */
	bool has_view;	  /* of one that can: */
	struct egret_code_map *code; /* a reference for as long as it is on its way */
	struct egret_capture_view view;
	struct egret_unwound_frame *frames; /* room for max_frames */
	struct egret_unwind_result result;
	bool is_unwound; /* false: only who looks at code can tell */
};

struct egret_unwind_pool_opts {
	uint32_t n_threads; /* 1 to EGRET_POOL_THREADS_MAX */
	uint32_t max_frames;
	const struct egret_unwind_engine *engine; /* with module_take */
	struct egret_kept_tables *kept;		  /* outlives the pool */
};

struct egret_unwind_pool;

/* 0; -EINVAL; -ENOMEM; -EAGAIN: no more threads are allowed. */
int egret_unwind_pool_create(const struct egret_unwind_pool_opts *opts,
			     struct egret_unwind_pool **out, struct egret_error *err);
/* Records that are on their way are dropped: their code maps are given back. */
void egret_unwind_pool_destroy(struct egret_unwind_pool *pool);

/* Whether a record of so many bytes can be on its way at all. */
bool egret_unwind_pool_fits(const struct egret_unwind_pool *pool, size_t size);

/*
 * The place for a copy of a record, behind all others; NULL: there is no room before the oldest one
 * is taken out (or no memory for frames where none is on its way). What is put into it is seen when
 * egret_unwind_pool_start has been called, before the next one is added.
 */
struct egret_on_way *egret_unwind_pool_add(struct egret_unwind_pool *pool,
					   const struct egret_rec *record);
void egret_unwind_pool_start(struct egret_unwind_pool *pool);

/* The oldest one, once it is unwound; NULL: none is on its way, or without `wait`, not yet. */
struct egret_on_way *egret_unwind_pool_oldest(struct egret_unwind_pool *pool, bool wait);
/* Its code map is given back, and its place is free. */
void egret_unwind_pool_drop_oldest(struct egret_unwind_pool *pool);

/* Captures that the threads have unwound, without those that the feeder did while it waited. */
uint64_t egret_unwind_pool_unwound(const struct egret_unwind_pool *pool);

/* Gives the tables that were compiled to another unwinding. Nothing may be on its way. */
void egret_unwind_pool_give_tables(struct egret_unwind_pool *pool, struct egret_unwinding *to);

#endif
