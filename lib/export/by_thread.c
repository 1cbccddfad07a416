/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/by_thread.h"

#include <errno.h>
#include <stdlib.h>

static const struct egret_profile_key *key_of(const struct egret_by_thread *by, size_t sample)
{
	uint32_t entry = egret_profile_get_sample(by->profile, sample)->entry;

	return &egret_profile_get_entry(by->profile, entry)->key;
}

/* A counting sort: how many each thread has, where they begin, each to its place. */
int egret_by_thread_init(struct egret_by_thread *by, const struct egret_profile *profile,
			 uint32_t event)
{
	size_t n = egret_profile_n_samples(profile), n_threads = egret_profile_n_threads(profile);
	size_t before = 0;

	*by = (struct egret_by_thread){
		.profile = profile,
		.order = malloc((n + 1) * sizeof(*by->order)),
		.first = calloc(n_threads + 2, sizeof(*by->first)),
	};
	if (!by->order || !by->first)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (key_of(by, i)->event == event)
			by->first[key_of(by, i)->thread + 1]++;
	/* Shifted by one: each place moves on to the start of the next thread. */
	for (size_t t = 0; t <= n_threads; t++) {
		size_t count = by->first[t + 1];

		by->first[t + 1] = before;
		before += count;
	}
	for (size_t i = 0; i < n; i++)
		if (key_of(by, i)->event == event)
			by->order[by->first[key_of(by, i)->thread + 1]++] = (uint32_t)i;
	return 0;
}

void egret_by_thread_deinit(struct egret_by_thread *by)
{
	free(by->order);
	free(by->first);
}
