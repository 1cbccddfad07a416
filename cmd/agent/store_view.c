/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* store_view.c - what a store has of some time, as one profile. */
#include "agent/store_view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/fail.h"
#include "agent/store_impl.h"
#include "clock_time.h"

/* Windows follow each other without a gap; less than this is how they are cut. */
#define GAP_NS 1500000000ull

struct reading {
	const struct store_view *view;
	struct egret_profile *whole;
	uint64_t from_ns, to_ns; /* of the windows that were read */
};

/* ---- one window ----------------------------------------------------------------------------- */

int store_view_cut(struct egret_profile **profile, uint64_t from_ns, uint64_t to_ns,
		   struct egret_error *err)
{
	struct egret_filter_opts opts = { .size = sizeof(opts) };
	struct egret_profile *kept;
	int64_t offset;
	int ret;

	if (!window_clock_offset(*profile, &offset))
		return agent_fail(err, ENODATA,
				  "the recording does not say at which time of day it was made");
	opts.time_from = from_ns > (uint64_t)offset ? from_ns - (uint64_t)offset : 0;
	if (offset < 0)
		opts.time_from = from_ns - (uint64_t)offset;
	if (to_ns != UINT64_MAX)
		opts.time_to = to_ns - (uint64_t)offset;
	/* All of it is before the clock began. */
	if (to_ns != UINT64_MAX && offset > 0 && to_ns <= (uint64_t)offset)
		opts.time_from = opts.time_to = UINT64_MAX;
	ret = egret_profile__filter(*profile, &opts, &kept, err);
	if (ret)
		return ret;
	egret_profile__destroy(*profile);
	*profile = kept;
	return 0;
}

static bool is_within(const struct window *w, const struct store_view *view)
{
	return w->from_ns >= view->from_ns && w->to_ns <= view->to_ns;
}

static bool overlaps(const struct window *w, const struct store_view *view)
{
	return w->to_ns > view->from_ns && w->from_ns < view->to_ns;
}

/* Takes the window over. One that keeps its samples is the exception, where others do not. */
static int add(struct reading *r, struct egret_profile *window, struct egret_error *err)
{
	struct egret_profile *both[2] = { r->whole, window };
	int ret;

	if (!r->whole) {
		r->whole = window;
		return 0;
	}
	if (egret_profile__keeps_samples(r->whole) && !egret_profile__keeps_samples(window)) {
		ret = egret_profile__merge((const struct egret_profile *const *)both, 2, &r->whole,
					   err);
		egret_profile__destroy(both[0]);
		if (ret)
			r->whole = NULL;
	} else {
		ret = egret_profile__add(r->whole, window, err);
	}
	egret_profile__destroy(window);
	return ret;
}

static int read_window(struct reading *r, int dirfd, const struct window *w,
		       struct egret_error *err)
{
	const struct store_view *view = r->view;
	bool is_whole = is_within(w, view);
	struct egret_profile *window;
	int ret = window_open(dirfd, w, view->keep_samples || !is_whole, &window, err);

	if (ret == -EBADMSG || ret == -ENOENT) {
		if (ret == -EBADMSG && view->damaged)
			view->damaged(err->text, view->arg);
		return 0;
	}
	if (ret)
		return ret;
	if (!is_whole)
		ret = store_view_cut(&window, view->from_ns, view->to_ns, err);
	if (!ret && view->each)
		ret = view->each(&window, view->arg, err);
	if (ret) {
		egret_profile__destroy(window);
		return ret;
	}
	if (!r->from_ns || w->from_ns < r->from_ns)
		r->from_ns = w->from_ns;
	if (r->to_ns && w->from_ns > r->to_ns + GAP_NS && view->gap)
		view->gap(r->to_ns, w->from_ns, view->arg);
	if (w->to_ns > r->to_ns)
		r->to_ns = w->to_ns;
	return add(r, window, err);
}

/* ---- all of them ---------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return x->first < y->first ? -1 : x->first > y->first;
}

/* In the order of time, which that of their numbers is not where the clock was put back. */
static int no_windows(const char *dir, const struct window_list *list, struct egret_error *err)
{
	uint64_t to = 0;

	if (!list->n)
		return agent_fail(err, ENODATA, "the store '%s' holds nothing yet", dir);
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].to_ns > to)
			to = list->items[i].to_ns;
	return agent_fail(err, ENODATA, "nothing of that time: the store '%s' holds %s to %s", dir,
			  clock_time_text(list->items[0].from_ns).text, clock_time_text(to).text);
}

/* At the ends of the range too, but for the present: the window under way comes yet. */
static void tell_ends(const struct reading *r)
{
	const struct store_view *view = r->view;
	uint64_t to = view->to_ns, now = clock_time_now();

	if (!view->gap)
		return;
	if (view->from_ns && r->from_ns > view->from_ns + GAP_NS)
		view->gap(view->from_ns, r->from_ns, view->arg);
	if (to < now && to > r->to_ns + GAP_NS)
		view->gap(r->to_ns, to, view->arg);
}

static int read_all(struct reading *r, const char *dir, int dirfd, struct window_list *list,
		    struct egret_error *err)
{
	int ret = 0;

	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), compare_times);
	for (size_t i = 0; i < list->n && !ret; i++)
		if (overlaps(&list->items[i], r->view))
			ret = read_window(r, dirfd, &list->items[i], err);
	if (!ret && !r->whole)
		ret = no_windows(dir, list, err);
	if (ret)
		return ret;
	tell_ends(r);
	if (r->from_ns < r->view->from_ns)
		r->from_ns = r->view->from_ns;
	if (r->to_ns > r->view->to_ns)
		r->to_ns = r->view->to_ns;
	return window_set_times(r->whole, r->from_ns, r->to_ns, err);
}

/* Windows are not put together while somebody reads: none would be seen twice, or never. */
static int lock_reading(int dirfd)
{
	int fd = openat(dirfd, STORE_READING, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		flock(fd, LOCK_SH);
	return fd;
}

int store_view_read(const char *dir, const struct store_view *view, struct egret_profile **out,
		    struct egret_error *err)
{
	struct reading reading = { .view = view };
	struct window_list list = { 0 };
	int lock, ret, dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return agent_fail(
			err, errno, "cannot read the store '%s': %s%s", dir, strerror(errno),
			errno == ENOENT	  ? "; 'egret agent' fills it, --store names another"
			: errno == EACCES ? "; it is for the agent's user and group"
					  : "");
	lock = lock_reading(dirfd);
	ret = window_list_read(dirfd, &list, NULL, NULL, err);
	if (!ret)
		ret = read_all(&reading, dir, dirfd, &list, err);
	if (lock >= 0)
		close(lock);
	close(dirfd);
	window_list_deinit(&list);
	if (ret) {
		egret_profile__destroy(reading.whole);
		return ret;
	}
	*out = reading.whole;
	return 0;
}
