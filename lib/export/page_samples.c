/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* When each sample was, for the page's axis of time: a few bytes a sample. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "export/page_tables.h"
#include "profile/profile.h"

#define NS_PER_US 1000

/* The samples of the page, those of one thread beside each other, in the order of time. */
struct by_thread {
	const struct egret_page_tables *tables;
	const struct egret_profile *profile;
	size_t n_threads;
	size_t *first;	 /* by page thread: place in order; one more at the end */
	uint32_t *order; /* numbers of samples */
	uint32_t *local; /* by page stack: its number among those of its thread */
};

static const struct egret_profile_sample *sample_at(const struct by_thread *by, size_t i)
{
	return egret_profile_get_sample(by->profile, by->order[i]);
}

static uint32_t stack_of(const struct by_thread *by, const struct egret_profile_sample *sample)
{
	return by->tables->stack_of[sample->entry];
}

/* The page thread of a sample; EGRET_INDEX_NONE: it is of another event. */
static uint32_t thread_of(const struct by_thread *by, size_t number)
{
	uint32_t stack = stack_of(by, egret_profile_get_sample(by->profile, number));
	const struct egret_page_stack *item;

	if (stack == EGRET_INDEX_NONE)
		return EGRET_INDEX_NONE;
	item = egret_interned_item(&by->tables->stacks, stack);
	return item->thread;
}

/* A counting sort by thread, which keeps the order of time. */
static int sort_samples(struct by_thread *by, size_t *place)
{
	size_t n_samples = egret_profile_n_samples(by->profile);

	by->order = malloc((n_samples + 1) * sizeof(*by->order));
	if (!by->order)
		return -ENOMEM;
	for (size_t i = 0; i < n_samples; i++) {
		uint32_t thread = thread_of(by, i);

		if (thread != EGRET_INDEX_NONE)
			by->first[thread + 1]++;
	}
	for (size_t t = 0; t < by->n_threads; t++) {
		by->first[t + 1] += by->first[t];
		place[t] = by->first[t];
	}
	for (size_t i = 0; i < n_samples; i++) {
		uint32_t thread = thread_of(by, i);

		if (thread != EGRET_INDEX_NONE)
			by->order[place[thread]++] = (uint32_t)i;
	}
	return 0;
}

static void number_stacks(struct by_thread *by, size_t *counts)
{
	for (uint32_t s = 0; s < by->tables->stacks.n; s++) {
		const struct egret_page_stack *item = egret_interned_item(&by->tables->stacks, s);

		by->local[s] = (uint32_t)counts[item->thread]++;
	}
}

static bool values_are_equal(const struct by_thread *by)
{
	size_t n = by->first[by->n_threads];

	for (size_t i = 1; i < n; i++)
		if (sample_at(by, i)->value != sample_at(by, 0)->value)
			return false;
	return true;
}

static void add_thread(const struct by_thread *by, size_t thread, uint64_t start, bool with_values,
		       struct egret_buffer *data)
{
	size_t from = by->first[thread], to = by->first[thread + 1];
	uint64_t last = 0;

	egret_buffer_add_uleb(data, to - from);
	for (size_t i = from; i < to; i++) {
		uint64_t time = (sample_at(by, i)->time - start) / NS_PER_US;

		egret_buffer_add_uleb(data, time - last);
		last = time;
	}
	for (size_t i = from; i < to; i++)
		egret_buffer_add_uleb(data, by->local[stack_of(by, sample_at(by, i))]);
	for (size_t i = from; with_values && i < to; i++)
		egret_buffer_add_uleb(data, sample_at(by, i)->value);
}

static void add_threads(const struct by_thread *by, uint64_t start, struct egret_buffer *data)
{
	bool equal = values_are_equal(by);

	egret_buffer_add_uleb(data, equal);
	if (equal)
		egret_buffer_add_uleb(data, by->first[by->n_threads] ? sample_at(by, 0)->value : 0);
	for (size_t t = 0; t < by->n_threads; t++)
		add_thread(by, t, start, !equal, data);
}

int egret_page_samples(const struct egret_page_tables *tables, const struct egret_profile *profile,
		       const struct egret_export_opts *opts, struct egret_buffer *data)
{
	struct by_thread by = { .tables = tables,
				.profile = profile,
				.n_threads = tables->threads.n };
	__free_ size_t *first = calloc(by.n_threads + 1, sizeof(*first));
	__free_ size_t *place = calloc(by.n_threads + 1, sizeof(*place));
	__free_ size_t *counts = calloc(by.n_threads + 1, sizeof(*counts));
	__free_ uint32_t *local = calloc(tables->stacks.n + 1, sizeof(*local));
	uint64_t start, end;

	/* Two recordings have no time in common. */
	if (opts->base || !egret_profile__times(profile, &start, &end))
		return 0;
	/* What was imported from a format without times has its samples numbered instead. */
	if (end - start < egret_profile_n_samples(profile))
		return 0;
	if (!first || !place || !counts || !local)
		return -ENOMEM;
	by.first = first;
	by.local = local;
	if (sort_samples(&by, place))
		return -ENOMEM;
	number_stacks(&by, counts);
	add_threads(&by, start, data);
	free(by.order);
	return data->failed ? -ENOMEM : 0;
}
