/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* dwarf_threads.c - several units or sections at a time, where the caller has asked for threads. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/thread.h"
#include "symbolize/dwarf_index_impl.h"

#define THREADS_MAX 64

/* ---- sections ------------------------------------------------------------------------------- */

/* Sections that are being unpacked, by whoever takes the next. */
struct unpacking {
	const struct egret_packed_section *packed;
	struct egret_plain_section *plain;
	int n;
	atomic_int next, error;
};

static void *unpack(void *arg)
{
	struct unpacking *u = arg;

	for (;;) {
		int i = atomic_fetch_add(&u->next, 1);

		if (i >= u->n)
			return NULL;
		if (egret_packed_section_unpack(&u->packed[i], &u->plain[i]) == -ENOMEM)
			atomic_store(&u->error, -ENOMEM);
	}
}

#define WORTH_A_THREAD (1u << 20) /* bytes: unpacking them takes a millisecond */

/* .debug_info is as large as all others: two threads are enough. */
int egret_dwarf_unpack(const struct egret_packed_section *packed, struct egret_plain_section *plain,
		       int n, unsigned int threads)
{
	struct unpacking u = { .packed = packed, .plain = plain, .n = n };
	pthread_t other;
	bool is_helped = threads > 1 && packed->type && packed->size > WORTH_A_THREAD &&
			 !egret_thread_create(&other, unpack, &u);

	unpack(&u);
	if (is_helped)
		pthread_join(other, NULL);
	return atomic_load(&u.error);
}

/* ---- units ---------------------------------------------------------------------------------- */

/* What the threads share. Files are only read; the index is written under the lock. */
struct job {
	struct egret_dwarf_index *index;
	const struct egret_dwarf_wanted *wanted;
	size_t n;
	atomic_size_t next;
	atomic_int error;
	pthread_mutex_t lock;
	uint64_t work_max; /* of all threads */
	uint64_t work;	   /* under the lock */
};

static int build_one(struct job *job, struct egret_dwarf_builder *b,
		     const struct egret_dwarf_wanted *wanted)
{
	struct egret_dwarf_index *index = job->index;
	const struct egret_dwarf_unit *unit = egret_dwarf_index_unit(index, wanted->unit);
	struct egret_dwarf_build_input input = { .tree_reader = &b->reader,
						 .code = &index->code,
						 .wanted = wanted->vaddrs,
						 .n_wanted = wanted->n };
	struct egret_dwarf_built built = { 0 };
	uint64_t before = b->reader.work;
	struct egret_dwarf_cu *cu;
	int ret = 0;

	egret_dwarf_reader_trim(&b->reader);
	if (!unit || egret_dwarf_cu_open(&b->reader, &index->file, unit, &cu)) {
		built.is_damaged = true;
	} else {
		input.cu = input.tree_cu = cu;
		ret = egret_dwarf_build(b, &input, &built);
	}
	pthread_mutex_lock(&job->lock);
	if (!ret)
		ret = egret_dwarf_index_keep(index, wanted->unit, &built, !index->lacks_alt);
	job->work += b->reader.work - before;
	/* What the others have done counts for this one too. */
	b->reader.work_max = job->work_max -
			     (job->work < job->work_max ? job->work : job->work_max) +
			     b->reader.work;
	pthread_mutex_unlock(&job->lock);
	egret_dwarf_built_deinit(&built);
	return ret;
}

/* Symbols are asked for by one thread at a time. */
static bool symbol_at(void *arg, uint64_t vaddr, struct egret_symbol *out)
{
	const struct egret_dwarf_symbols *symbols;
	struct job *job = arg;
	bool found;

	symbols = &job->index->builder.symbols;
	pthread_mutex_lock(&job->lock);
	found = symbols->symbol_at(symbols->arg, vaddr, out);
	pthread_mutex_unlock(&job->lock);
	return found;
}

static void *run(void *arg)
{
	struct job *job = arg;
	struct egret_dwarf_builder builder = { .reader.work_max = job->work_max };

	if (job->index->builder.symbols.symbol_at)
		builder.symbols = (struct egret_dwarf_symbols){ symbol_at, job };

	for (;;) {
		size_t i = atomic_fetch_add(&job->next, 1);
		int ret;

		if (i >= job->n || atomic_load(&job->error))
			break;
		ret = build_one(job, &builder, &job->wanted[i]);
		if (ret)
			atomic_store(&job->error, ret);
	}
	egret_dwarf_builder_deinit(&builder);
	return NULL;
}

/* The caller's thread works too, and alone where no other can be had. */
int egret_dwarf_build_threaded(struct egret_dwarf_index *index,
			       const struct egret_dwarf_wanted *wanted, size_t n,
			       unsigned int threads)
{
	struct job job = { .index = index, .wanted = wanted, .n = n };
	pthread_t others[THREADS_MAX];
	unsigned int n_others = 0;

	job.work_max = index->builder.reader.work_max - index->builder.reader.work;
	if (index->builder.reader.work > index->builder.reader.work_max)
		job.work_max = 0;
	pthread_mutex_init(&job.lock, NULL);
	while (n_others + 1 < threads && n_others < THREADS_MAX && n_others + 1 < n &&
	       !egret_thread_create(&others[n_others], run, &job))
		n_others++;
	run(&job);
	for (unsigned int i = 0; i < n_others; i++)
		pthread_join(others[i], NULL);
	pthread_mutex_destroy(&job.lock);
	index->builder.reader.work += job.work;
	return atomic_load(&job.error);
}
