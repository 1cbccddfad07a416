/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* collect.c - what a session samples, for several readers at once. */
#include "agent/collect.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

uint64_t collect_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int add(struct collection *collection, const struct egret_profile *slice,
	       struct egret_error *err)
{
	if (collection->sum)
		return egret_profile__add(collection->sum, slice, err);
	return egret_profile__merge(&slice, 1, &collection->sum, err);
}

/* What cannot be added for want of memory would leave a gap: such a collection begins anew. */
static int add_to_all(struct collect *collect, struct egret_profile *slice, struct egret_error *err)
{
	struct collection *c = collect->open;
	int ret = 0, failed;

	if (c && !c->next && !c->sum) { /* the only one: it need not be copied */
		c->sum = slice;
		return 0;
	}
	for (; c; c = c->next) {
		failed = add(c, slice, err);
		if (!failed)
			continue;
		ret = failed;
		egret_profile__destroy(c->sum);
		c->sum = NULL;
	}
	egret_profile__destroy(slice);
	return ret;
}

static int relabel(struct collect *collect, struct egret_profile **slice, struct egret_error *err)
{
	struct egret_profile *fresh = NULL;
	int ret;

	if (!collect->relabel)
		return 0;
	ret = egret_profile__relabel(*slice, relabel_thread, collect->relabel, &fresh, err);
	egret_profile__destroy(*slice);
	*slice = fresh;
	return ret;
}

int collect_slice(struct collect *collect, struct egret_error *err)
{
	struct egret_profile *slice;
	int ret = egret_session__poll(collect->session, 0, err);

	if (ret >= 0)
		ret = egret_session__take(collect->session, &slice, err);
	if (ret)
		return ret;
	collect->slices++;
	ret = relabel(collect, &slice, err);
	if (!ret)
		ret = add_to_all(collect, slice, err);
	collect->failed += ret != 0;
	return ret;
}

int collect_open(struct collect *collect, struct collection *collection, struct egret_error *err)
{
	int ret = collect_slice(collect, err);

	*collection = (struct collection){ .from = collect_now(), .next = collect->open };
	if (!ret)
		collect->open = collection;
	return ret;
}

static void take_out(struct collect *collect, const struct collection *collection)
{
	for (struct collection **at = &collect->open; *at; at = &(*at)->next)
		if (*at == collection) {
			*at = collection->next;
			return;
		}
}

int collect_turn(struct collect *collect, struct collection *collection, struct egret_profile **out,
		 struct egret_error *err)
{
	int ret = collect_slice(collect, err);

	*out = collection->sum;
	collection->sum = NULL;
	collection->from = collect_now();
	if (ret) {
		egret_profile__destroy(*out);
		*out = NULL;
	}
	return ret;
}

int collect_close(struct collect *collect, struct collection *collection,
		  struct egret_profile **out, struct egret_error *err)
{
	int ret = collect_turn(collect, collection, out, err);

	take_out(collect, collection);
	return ret;
}

void collect_abandon(struct collect *collect, struct collection *collection)
{
	take_out(collect, collection);
	egret_profile__destroy(collection->sum);
	collection->sum = NULL;
}
