/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* by_thread.h - the samples of each thread, or of each entry, in the order of time. */
#ifndef EGRET_EXPORT_BY_THREAD_H
#define EGRET_EXPORT_BY_THREAD_H

#include "profile/profile.h"

struct egret_by_thread {
	const struct egret_profile *profile;
	uint32_t *order; /* numbers of samples, those of one thread beside each other */
	size_t *first;	 /* by thread: place in order; one more at the end */
};

/* Those of one event. 0 or -ENOMEM. Give back with _deinit in any case. */
int egret_by_thread_init(struct egret_by_thread *by, const struct egret_profile *profile,
			 uint32_t event);
/* The same by the number of the samples' entry, wherever a thread is named below. */
int egret_by_entry_init(struct egret_by_thread *by, const struct egret_profile *profile,
			uint32_t event);
void egret_by_thread_deinit(struct egret_by_thread *by);

static inline size_t egret_by_thread_count(const struct egret_by_thread *by, uint32_t thread)
{
	return by->first[thread + 1] - by->first[thread];
}

/* The i-th sample of a thread. */
static inline const struct egret_profile_sample *
egret_by_thread_sample(const struct egret_by_thread *by, uint32_t thread, size_t i)
{
	return egret_profile_get_sample(by->profile, by->order[by->first[thread] + i]);
}

#endif
