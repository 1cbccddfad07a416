/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* store_view.h - what a store has of some time, as one profile: for the commands that show it. */
#ifndef EGRET_CMD_AGENT_STORE_VIEW_H
#define EGRET_CMD_AGENT_STORE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/egret.h>

struct store_view {
	uint64_t from_ns; /* CLOCK_REALTIME: samples from here on */
	uint64_t to_ns;	  /* and before this; UINT64_MAX: without an end */
	bool keep_samples;
	/*
	 * Called with each window, which it may replace by what is wanted of it; so that memory
	 * holds what is wanted, not what there is. May be NULL.
	 */
	int (*each)(struct egret_profile **window, void *arg, struct egret_error *err);
	/* Called with each time within the range in which nothing was stored. May be NULL. */
	void (*gap)(uint64_t from_ns, uint64_t to_ns, void *arg);
	/* Called with a sentence on each window that cannot be read. May be NULL. */
	void (*damaged)(const char *text, void *arg);
	void *arg;
};

/*
 * What the store in dir has of it, windows put together, samples outside left out by their own
 * times; an agent may write to the store meanwhile. *out is the caller's.
 * Errors: -ENOENT, -EACCES: no such directory, not for this user; -ENODATA: nothing of that time,
 * with a sentence that says what there is; those of `each`.
 */
int store_view_read(const char *dir, const struct store_view *view, struct egret_profile **out,
		    struct egret_error *err);

/*
 * Only the samples of a profile that were taken in [from_ns, to_ns): *profile is replaced. Errors:
 * -ENODATA: samples are not kept, or nothing says which time of day they are of.
 */
int store_view_cut(struct egret_profile **profile, uint64_t from_ns, uint64_t to_ns,
		   struct egret_error *err);

#endif
