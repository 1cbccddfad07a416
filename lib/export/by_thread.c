/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/by_thread.h"

#include <errno.h>
#include <stdlib.h>

typedef uint32_t (*group_fn)(const struct egret_profile *profile, uint32_t entry);

static uint32_t thread_of(const struct egret_profile *profile, uint32_t entry)
{
	return egret_profile_get_entry(profile, entry)->key.thread;
}

static uint32_t itself(const struct egret_profile *profile, uint32_t entry)
{
	return entry;
}

/* A counting sort: how many each group has, where they begin, each to its place. */
static int group(struct egret_by_thread *by, const struct egret_profile *profile, uint32_t event,
		 size_t n_groups, group_fn group_of)
{
	size_t n = egret_profile_n_samples(profile), before = 0;

	*by = (struct egret_by_thread){
		.profile = profile,
		.order = malloc((n + 1) * sizeof(*by->order)),
		.first = calloc(n_groups + 2, sizeof(*by->first)),
	};
	if (!by->order || !by->first)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		uint32_t entry = egret_profile_get_sample(profile, i)->entry;

		if (egret_profile_get_entry(profile, entry)->key.event == event)
			by->first[group_of(profile, entry) + 1]++;
	}
	/* Shifted by one: each place moves on to the start of the next group. */
	for (size_t g = 0; g <= n_groups; g++) {
		size_t count = by->first[g + 1];

		by->first[g + 1] = before;
		before += count;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t entry = egret_profile_get_sample(profile, i)->entry;

		if (egret_profile_get_entry(profile, entry)->key.event == event)
			by->order[by->first[group_of(profile, entry) + 1]++] = (uint32_t)i;
	}
	return 0;
}

int egret_by_thread_init(struct egret_by_thread *by, const struct egret_profile *profile,
			 uint32_t event)
{
	return group(by, profile, event, egret_profile_n_threads(profile), thread_of);
}

int egret_by_entry_init(struct egret_by_thread *by, const struct egret_profile *profile,
			uint32_t event)
{
	return group(by, profile, event, egret_profile_n_entries(profile), itself);
}

void egret_by_thread_deinit(struct egret_by_thread *by)
{
	free(by->order);
	free(by->first);
}
