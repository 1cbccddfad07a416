/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Samples one by one, with their times, for those who ask when something was. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "profile/profile_tables.h"

void egret_profile_keep_samples(struct egret_profile *p)
{
	p->keeps_samples = true;
}

bool egret_profile__keeps_samples(const struct egret_profile *p)
{
	return p->keeps_samples;
}

size_t egret_profile_n_entries(const struct egret_profile *p)
{
	return p->entries.n;
}

const struct egret_profile_entry *egret_profile_get_entry(const struct egret_profile *p, uint32_t e)
{
	return e < p->entries.n ? &p->entries.items[e] : NULL;
}

size_t egret_profile_n_samples(const struct egret_profile *p)
{
	return p->samples.n;
}

const struct egret_profile_sample *egret_profile_get_sample(const struct egret_profile *p, size_t s)
{
	return s < p->samples.n ? &p->samples.items[s] : NULL;
}

/* ---- what is one sample's */

int egret_profile_shares_init(struct egret_profile_shares *shares,
			      const struct egret_profile *profile)
{
	*shares = (struct egret_profile_shares){
		.profile = profile,
		.taken = calloc(profile->entries.n + 1, sizeof(*shares->taken)),
	};
	return shares->taken ? 0 : -ENOMEM;
}

void egret_profile_shares_deinit(struct egret_profile_shares *shares)
{
	free(shares->taken);
}

/* The first ones have one more, where it does not come out even. */
struct egret_profile_values egret_profile_share(struct egret_profile_shares *shares,
						const struct egret_profile_sample *sample)
{
	const struct egret_profile_values *all =
		&shares->profile->entries.items[sample->entry].values;
	uint64_t place = shares->taken[sample->entry]++;

	return (struct egret_profile_values){
		.samples = 1,
		.value = sample->value,
		.bytes_wanted = all->bytes_wanted / all->samples +
				(place < all->bytes_wanted % all->samples),
		.bytes_got = all->bytes_got / all->samples +
			     (place < all->bytes_got % all->samples),
	};
}

/* ---- the order of time */

/*
 * A recording has a sample when its capture has come, so that samples of sleeping threads are late
 * by up to all of it, and nearly all others are in order: those that are late are taken out,
 * sorted, and merged with the rest.
 */
static int compare_times(const void *a, const void *b)
{
	const struct egret_profile_sample *const *x = a, *const *y = b;

	if ((*x)->time != (*y)->time)
		return (*x)->time < (*y)->time ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* How many are earlier than one before them. */
static size_t count_late(const struct egret_profile_sample *samples, size_t n)
{
	uint64_t latest = 0;
	size_t late = 0;

	for (size_t i = 0; i < n; i++) {
		late += samples[i].time < latest;
		if (samples[i].time > latest)
			latest = samples[i].time;
	}
	return late;
}

/* Moves the late ones to `late`, in their order, and closes the gaps. Returns what is left. */
static size_t take_late(struct egret_profile_sample *samples, size_t n,
			struct egret_profile_sample *late)
{
	uint64_t latest = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (samples[i].time < latest) {
			*late++ = samples[i];
			continue;
		}
		latest = samples[i].time;
		samples[kept++] = samples[i];
	}
	return kept;
}

/* From the end, where there is room. Of one time, the late ones come behind. */
static void merge_late(struct egret_profile_sample *samples, size_t kept,
		       const struct egret_profile_sample **late, size_t n_late)
{
	size_t to = kept + n_late;

	while (n_late)
		if (kept && samples[kept - 1].time > late[n_late - 1]->time)
			samples[--to] = samples[--kept];
		else
			samples[--to] = *late[--n_late];
}

int egret_profile_sort_samples(struct egret_profile *p)
{
	size_t n_late = count_late(p->samples.items, p->samples.n), kept;
	__free_ struct egret_profile_sample *late = malloc(n_late * sizeof(*late) + 1);
	__free_ const struct egret_profile_sample **order = malloc(n_late * sizeof(*order) + 1);

	if (!late || !order)
		return -ENOMEM;
	kept = take_late(p->samples.items, p->samples.n, late);
	for (size_t i = 0; i < n_late; i++)
		order[i] = &late[i];
	qsort(order, n_late, sizeof(*order), compare_times);
	merge_late(p->samples.items, kept, order, n_late);
	return 0;
}
