/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/unwind_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"

#define ALIGN 64u
/* To wake a thread costs as much as to unwind some stacks: so many wait for it. */
#define WAKE_FOR 16u
/* A thread that has a stack in hand has it for a microsecond or two: to sleep takes longer. */
#define SPINS 200u

struct slot {
	struct egret_on_way on_way;
	size_t at; /* of the record, in bytes[] */
	atomic_bool done;
};

struct worker {
	struct egret_unwind_pool *pool;
	struct egret_unwinding *unwinding;
	pthread_t thread;
	bool is_running;
	atomic_ulong unwound;
};

/* Records have numbers, from 0 on: oldest <= claimed <= published <= added. */
struct egret_unwind_pool {
	struct egret_unwind_pool_opts opts;
	struct slot *slots; /* EGRET_POOL_RECORDS, by number */
	uint8_t *bytes;	    /* EGRET_POOL_BYTES */
	uint64_t oldest, added;
	size_t end; /* of the last record in bytes[] */
	_Atomic uint64_t published;
	_Atomic uint64_t claimed; /* the next one to unwind */

	struct worker *workers;
	struct egret_unwinding *helper; /* the feeder's, while it waits */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	atomic_uint n_sleeping; /* threads that wait for work */
	atomic_bool is_waiting; /* the feeder, for one to be done */
	bool is_over;		/* with the lock held */
	pid_t pid;		/* whose threads they are */
};

static struct slot *slot_of(struct egret_unwind_pool *pool, uint64_t number)
{
	return &pool->slots[number % EGRET_POOL_RECORDS];
}

/* ---- what every thread does ---------------------------------------------------------------------
 */

/* Takes the next record that nobody has taken. False: there is none. */
static bool claim(struct egret_unwind_pool *pool, uint64_t *number)
{
	*number = atomic_load(&pool->claimed);
	while (*number < atomic_load(&pool->published))
		if (atomic_compare_exchange_weak(&pool->claimed, number, *number + 1))
			return true;
	return false;
}

/* Whether there was something to unwind. */
static bool unwind(struct egret_unwind_pool *pool, struct egret_unwinding *unwinding,
		   uint64_t number)
{
	struct slot *slot = slot_of(pool, number);
	struct egret_on_way *on_way = &slot->on_way;
	bool has_view = on_way->has_view;

	if (has_view)
		on_way->is_unwound = egret_unwinding_run(unwinding, &on_way->view, on_way->frames,
							 pool->opts.max_frames, &on_way->result);
	/* From then on it is the feeder's. */
	atomic_store(&slot->done, true);
	return has_view;
}

/* False: it is over. */
static bool wait_for_work(struct egret_unwind_pool *pool)
{
	bool is_over;

	pthread_mutex_lock(&pool->lock);
	atomic_fetch_add(&pool->n_sleeping, 1);
	while (!pool->is_over && atomic_load(&pool->claimed) >= atomic_load(&pool->published))
		pthread_cond_wait(&pool->work, &pool->lock);
	atomic_fetch_sub(&pool->n_sleeping, 1);
	is_over = pool->is_over;
	pthread_mutex_unlock(&pool->lock);
	return !is_over;
}

/*
 * The feeder may wait for the one that was done just now. Whichever of both comes second sees what
 * the other one has stored: the feeder looks at `done` after it has said that it waits.
 */
static void tell_feeder(struct egret_unwind_pool *pool)
{
	if (!atomic_load(&pool->is_waiting))
		return;
	pthread_mutex_lock(&pool->lock);
	pthread_cond_signal(&pool->done);
	pthread_mutex_unlock(&pool->lock);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct egret_unwind_pool *pool = worker->pool;
	uint64_t number;

	do {
		while (claim(pool, &number)) {
			if (unwind(pool, worker->unwinding, number))
				atomic_fetch_add_explicit(&worker->unwound, 1,
							  memory_order_relaxed);
			tell_feeder(pool);
		}
	} while (wait_for_work(pool));
	return NULL;
}

/* ---- life ---------------------------------------------------------------------------------------
 */

static int start_thread(struct worker *worker, struct egret_error *err)
{
	int ret = egret_thread_create(&worker->thread, work, worker);

	worker->is_running = !ret;
	return ret ? egret_fail(err, ret, "cannot start a thread: %s", strerror(ret)) : 0;
}

static int create_unwindings(struct egret_unwind_pool *pool, struct egret_error *err)
{
	struct egret_unwinding_opts opts = { .engine = pool->opts.engine, .kept = pool->opts.kept };
	int ret = egret_unwinding_create(&opts, &pool->helper, err);

	for (uint32_t i = 0; i < pool->opts.n_threads && !ret; i++) {
		pool->workers[i].pool = pool;
		ret = egret_unwinding_create(&opts, &pool->workers[i].unwinding, err);
	}
	return ret;
}

int egret_unwind_pool_create(const struct egret_unwind_pool_opts *opts,
			     struct egret_unwind_pool **out, struct egret_error *err)
{
	struct egret_unwind_pool *pool;
	int ret;

	if (opts->n_threads > EGRET_POOL_THREADS_MAX)
		return egret_fail(err, EINVAL, "%u threads are too many: %d at most",
				  opts->n_threads, EGRET_POOL_THREADS_MAX);
	if (!opts->engine->module_take)
		return egret_fail(err, EINVAL, "the unwinder '%s' runs without threads only",
				  opts->engine->name);
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return egret_fail(err, ENOMEM, "out of memory");
	pool->opts = *opts;
	pool->pid = getpid();
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->done, NULL);
	pool->slots = calloc(EGRET_POOL_RECORDS, sizeof(*pool->slots));
	pool->bytes = malloc(EGRET_POOL_BYTES);
	pool->workers = calloc(opts->n_threads, sizeof(*pool->workers));
	if (pool->slots && pool->bytes && pool->workers)
		ret = create_unwindings(pool, err);
	else
		ret = egret_fail(err, ENOMEM, "out of memory");
	for (uint32_t i = 0; i < opts->n_threads && !ret; i++)
		ret = start_thread(&pool->workers[i], err);
	if (ret) {
		egret_unwind_pool_destroy(pool);
		return ret;
	}
	*out = pool;
	return 0;
}

static void stop_threads(struct egret_unwind_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->is_over = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (uint32_t i = 0; i < pool->opts.n_threads; i++)
		if (pool->workers[i].is_running)
			pthread_join(pool->workers[i].thread, NULL);
}

void egret_unwind_pool_destroy(struct egret_unwind_pool *pool)
{
	bool is_ours;

	if (!pool)
		return;
	/* In a child of fork they are not there, and what they wait for must be left alone. */
	is_ours = pool->pid == getpid();
	if (pool->workers && is_ours)
		stop_threads(pool);
	for (; pool->oldest < pool->added; pool->oldest++)
		egret_code_map_put(slot_of(pool, pool->oldest)->on_way.code);
	for (size_t i = 0; pool->workers && i < pool->opts.n_threads; i++)
		egret_unwinding_destroy(pool->workers[i].unwinding);
	egret_unwinding_destroy(pool->helper);
	for (size_t i = 0; pool->slots && i < EGRET_POOL_RECORDS; i++)
		free(pool->slots[i].on_way.frames);
	if (is_ours) {
		pthread_cond_destroy(&pool->done);
		pthread_cond_destroy(&pool->work);
		pthread_mutex_destroy(&pool->lock);
	}
	free(pool->workers);
	free(pool->bytes);
	free(pool->slots);
	free(pool);
}

/* ---- in -----------------------------------------------------------------------------------------
 */

static size_t room_for(size_t size)
{
	return (size + ALIGN - 1) / ALIGN * ALIGN;
}

bool egret_unwind_pool_fits(const struct egret_unwind_pool *pool, size_t size)
{
	return size && size <= EGRET_POOL_BYTES - ALIGN;
}

/*
 * Where a record of that size goes: behind the last one, or at the start again. Between the last
 * one and the oldest one there are always some bytes, unless all are free. False: no room.
 */
static bool find_place(const struct egret_unwind_pool *pool, size_t size, size_t *at)
{
	size_t start = pool->slots[pool->oldest % EGRET_POOL_RECORDS].at;

	*at = pool->end;
	if (pool->oldest == pool->added)
		*at = 0;
	else if (pool->end <= start)
		return start - pool->end > size;
	else if (EGRET_POOL_BYTES - pool->end < size) {
		*at = 0;
		return start > size;
	}
	return true;
}

struct egret_on_way *egret_unwind_pool_add(struct egret_unwind_pool *pool,
					   const struct egret_rec *record)
{
	struct slot *slot = slot_of(pool, pool->added);
	struct egret_unwound_frame *frames = slot->on_way.frames;
	size_t size = room_for(record->size), at;

	if (pool->added - pool->oldest == EGRET_POOL_RECORDS || !find_place(pool, size, &at))
		return NULL;
	if (!frames)
		frames = calloc(pool->opts.max_frames, sizeof(*frames));
	if (!frames)
		return NULL;
	memcpy(pool->bytes + at, record, record->size);
	slot->at = at;
	slot->on_way = (struct egret_on_way){
		.record = (const struct egret_rec *)(pool->bytes + at), .frames = frames
	};
	pool->end = at + size;
	atomic_store(&slot->done, false);
	return &slot->on_way;
}

void egret_unwind_pool_start(struct egret_unwind_pool *pool)
{
	uint64_t published = ++pool->added;

	atomic_store(&pool->published, published);
	if (!atomic_load(&pool->n_sleeping) || published - atomic_load(&pool->claimed) < WAKE_FOR)
		return;
	pthread_mutex_lock(&pool->lock);
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

/* ---- out ----------------------------------------------------------------------------------------
 */

static void sleep_until_done(struct egret_unwind_pool *pool, struct slot *slot)
{
	for (unsigned int i = 0; i < SPINS; i++) {
		if (atomic_load(&slot->done))
			return;
		__builtin_ia32_pause();
	}
	pthread_mutex_lock(&pool->lock);
	atomic_store(&pool->is_waiting, true);
	while (!atomic_load(&slot->done))
		pthread_cond_wait(&pool->done, &pool->lock);
	atomic_store(&pool->is_waiting, false);
	pthread_mutex_unlock(&pool->lock);
}

struct egret_on_way *egret_unwind_pool_oldest(struct egret_unwind_pool *pool, bool wait)
{
	struct slot *slot = slot_of(pool, pool->oldest);
	uint64_t number;

	if (pool->oldest == pool->added)
		return NULL;
	while (!atomic_load(&slot->done)) {
		if (!wait)
			return NULL;
		if (claim(pool, &number))
			unwind(pool, pool->helper, number);
		else
			sleep_until_done(pool, slot);
	}
	return &slot->on_way;
}

void egret_unwind_pool_drop_oldest(struct egret_unwind_pool *pool)
{
	struct egret_on_way *on_way = &slot_of(pool, pool->oldest)->on_way;

	egret_code_map_put(on_way->code);
	on_way->code = NULL;
	pool->oldest++;
}

/* ---- the rest -----------------------------------------------------------------------------------
 */

uint64_t egret_unwind_pool_unwound(const struct egret_unwind_pool *pool)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < pool->opts.n_threads; i++)
		n += atomic_load_explicit(&pool->workers[i].unwound, memory_order_relaxed);
	return n;
}

void egret_unwind_pool_give_tables(struct egret_unwind_pool *pool, struct egret_unwinding *to)
{
	egret_unwinding_take_tables(to, pool->helper);
	for (uint32_t i = 0; i < pool->opts.n_threads; i++)
		egret_unwinding_take_tables(to, pool->workers[i].unwinding);
}
