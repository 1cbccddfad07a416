/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * store_join.c - old windows put together, to take less room.
 *
 * A recording of 10 seconds is mostly names, which the next one has again. So windows of the same
 * ten minutes become one recording when these are over and nobody has them still to send. The new
 * one is written and renamed as any window is, and only then are the old ones taken away; a crash
 * in between leaves windows that lie within another, which nobody looks at and the next start
 * removes.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/store_impl.h"

#define SPAN_NS (600 * 1000000000ull)
/* Of the files that are put together: they are in memory at once, several times as large. */
#define MAX_BYTES (2u << 20)
/* The clock of day was set, or slewed: samples of one recording have one offset. */
#define MAX_OFFSET_NS 50000000

/* Windows with these places in the list. */
struct run {
	size_t at, n;
	uint64_t bytes;
};

static uint64_t least_cursor(const struct store *s)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i < s->n_cursors; i++)
		if (s->cursors[i]->at < least)
			least = s->cursors[i]->at;
	return least;
}

static uint64_t stretch_of(const struct window *w)
{
	return w->from_ns / SPAN_NS;
}

/* Those from `at` on that could be one. *is_over: no more of them will come. */
static struct run run_at(const struct store *s, size_t at, uint64_t done, bool *is_over)
{
	const struct window *w = s->windows.items;
	struct run run = { .at = at };

	*is_over = false;
	for (size_t i = at; i < s->windows.n; i++) {
		*is_over = stretch_of(&w[i]) != stretch_of(&w[at]) ||
			   (run.n && run.bytes + w[i].bytes > MAX_BYTES);
		if (*is_over || w[i].last > done)
			break;
		run.bytes += w[i].bytes;
		run.n++;
	}
	return run;
}

/* The first windows of one stretch that is over. n 0: there are none. With the lock held. */
static struct run find_run(struct store *s)
{
	uint64_t done = least_cursor(s);
	struct run run = { 0 };
	bool is_over = true;

	while (run.at < s->windows.n && s->windows.items[run.at].last <= s->joined_to)
		run.at++;
	while (is_over && run.n < 2) {
		if (run.n)
			s->joined_to = s->windows.items[run.at].last;
		run = run_at(s, run.at + run.n, done, &is_over);
	}
	if (!is_over)
		run.n = 0;
	return run;
}

/* Whether a window's times of day may be told by the clock of those before. */
static bool is_of_same_clock(const struct egret_profile *whole, const struct egret_profile *window)
{
	const char *boot = egret_profile__meta(whole, "boot-id");
	const char *other = egret_profile__meta(window, "boot-id");
	int64_t a, b;

	if (!boot || !other || strcmp(boot, other) || !window_clock_offset(whole, &a) ||
	    !window_clock_offset(window, &b))
		return false;
	return llabs(a - b) < MAX_OFFSET_NS;
}

/*
 * As many of n windows as go together, at least one; *joined is NULL where the first cannot be
 * read. -ENOMEM.
 */
static int join(struct store *s, const struct window *windows, size_t n,
		struct egret_profile **joined, size_t *n_joined)
{
	struct egret_profile *window;
	int ret = window_open(s->dirfd, &windows[0], true, joined, NULL);

	*n_joined = 1;
	if (ret)
		*joined = NULL;
	for (; !ret && *n_joined < n; ++*n_joined) {
		if (window_open(s->dirfd, &windows[*n_joined], true, &window, NULL))
			break;
		if (!is_of_same_clock(*joined, window)) {
			egret_profile__destroy(window);
			break;
		}
		ret = egret_profile__add(*joined, window, NULL);
		egret_profile__destroy(window);
	}
	return ret == -ENOMEM ? ret : 0;
}

static struct window cover(const struct window *windows, size_t n)
{
	struct window whole = windows[0];

	for (size_t i = 1; i < n; i++) {
		whole.last = windows[i].last;
		if (windows[i].from_ns < whole.from_ns)
			whole.from_ns = windows[i].from_ns;
		if (windows[i].to_ns > whole.to_ns)
			whole.to_ns = windows[i].to_ns;
	}
	return whole;
}

/* In the list, and on the disk. The place of a run changes when older windows make room. */
static void replace(struct store *s, const struct window *whole, size_t n)
{
	char name[WINDOW_NAME_MAX];
	size_t at = 0;

	pthread_mutex_lock(&s->lock);
	while (s->windows.items[at].first != whole->first)
		at++;
	for (size_t i = 0; i < n; i++) {
		unlinkat(s->dirfd, window_name(&s->windows.items[at + i], name), 0);
		s->bytes -= s->windows.items[at + i].bytes;
	}
	s->windows.items[at] = *whole;
	window_list_remove(&s->windows, at + 1, n - 1);
	s->counts.joined += n;
	pthread_mutex_unlock(&s->lock);
}

static bool take_room(struct store *s, const struct window *whole)
{
	bool fits;

	pthread_mutex_lock(&s->lock);
	/* Not at the cost of those that are to be put together. */
	fits = whole->bytes < s->max_bytes / 4 && store_make_room(s, whole->bytes) &&
	       s->windows.n && s->windows.items[0].first <= whole->first;
	if (fits)
		s->bytes += whole->bytes;
	pthread_mutex_unlock(&s->lock);
	return fits;
}

static void swap(struct store *s, int fd, const struct window *whole, size_t n)
{
	int ret;

	if (take_room(s, whole)) {
		ret = store_write(s, fd, whole);
		if (!ret) {
			replace(s, whole, n);
		} else {
			pthread_mutex_lock(&s->lock);
			s->bytes -= whole->bytes;
			pthread_mutex_unlock(&s->lock);
			log_line(LOG_TROUBLE, "cannot put old windows of '%s' together: %s", s->dir,
				 strerror(-ret));
		}
	}
}

static void write_joined(struct store *s, struct egret_profile *profile,
			 const struct window *windows, size_t n)
{
	struct window whole = cover(windows, n);
	uint64_t bytes, before = 0;
	int fd = window_set_times(profile, whole.from_ns, whole.to_ns, NULL);

	if (!fd)
		fd = store_encode(profile, &bytes, NULL);
	if (fd < 0)
		return;
	whole.bytes = window_disk_bytes(bytes);
	for (size_t i = 0; i < n; i++)
		before += windows[i].bytes;
	if (whole.bytes < before)
		swap(s, fd, &whole, n);
	close(fd);
}

static void join_old(struct store *s)
{
	struct egret_profile *joined = NULL;
	struct window *windows = NULL;
	struct run run;
	size_t n = 0;
	int ret = -ENOMEM;

	pthread_mutex_lock(&s->lock);
	run = find_run(s);
	if (run.n)
		windows = malloc(run.n * sizeof(*windows));
	if (windows)
		memcpy(windows, &s->windows.items[run.at], run.n * sizeof(*windows));
	pthread_mutex_unlock(&s->lock);
	if (windows)
		ret = join(s, windows, run.n, &joined, &n);
	if (!ret && joined && n > 1)
		write_joined(s, joined, windows, n);
	/* What could not be put together now is left as it is. */
	if (n) {
		pthread_mutex_lock(&s->lock);
		s->joined_to = windows[n - 1].last;
		pthread_mutex_unlock(&s->lock);
	}
	egret_profile__destroy(joined);
	free(windows);
}

/* Nobody may be reading: whoever has the list would see a window twice, or not at all. */
void store_join_old(struct store *s)
{
	if (flock(s->reading_fd, LOCK_EX | LOCK_NB))
		return;
	join_old(s);
	flock(s->reading_fd, LOCK_UN);
}
