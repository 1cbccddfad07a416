/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* store_cursor.c - how far what is fed from the store has come. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/fail.h"
#include "agent/log.h"
#include "agent/store_impl.h"

/* ---- the file ------------------------------------------------------------------------------- */

/* -ENOENT: there is none; -EBADMSG: it holds no number. */
static int read_cursor(const struct store *s, const char *name, uint64_t *at)
{
	int fd = openat(s->cursors_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[32], *end;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 2 || text[n - 1] != '\n' || !isdigit((unsigned char)*text))
		return -EBADMSG;
	text[n] = 0;
	*at = strtoull(text, &end, 10);
	return *end == '\n' ? 0 : -EBADMSG;
}

static int write_part(int fd, uint64_t at)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%" PRIu64 "\n", at);
	ssize_t n = write(fd, text, (size_t)len);

	if (n != len)
		return n < 0 ? -errno : -ENOSPC;
	return fdatasync(fd) ? -errno : 0;
}

static int write_cursor(const struct store *s, const char *name, uint64_t at)
{
	char part[80];
	int fd, ret;

	snprintf(part, sizeof(part), "%s.part", name);
	fd = openat(s->cursors_fd, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	ret = write_part(fd, at);
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && renameat(s->cursors_fd, part, s->cursors_fd, name))
		ret = -errno;
	if (ret)
		unlinkat(s->cursors_fd, part, 0);
	return ret;
}

/* ---- opening -------------------------------------------------------------------------------- */

bool store_cursor_is_name(const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= sizeof(((struct store_cursor *)0)->name) || *name == '.')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("-._", *name))
			return false;
	return true;
}

/* Where it was left; a new one begins with the next window. A damaged one loses nothing. */
static int find_place(struct store_cursor *c, struct egret_error *err)
{
	struct store *s = c->store;
	int ret = read_cursor(s, c->name, &c->at);

	if (ret == -EBADMSG) {
		log_line(LOG_TROUBLE,
			 "'%s/cursors/%s' is damaged: all windows of the store are sent", s->dir,
			 c->name);
		c->at = 0;
	} else if (ret == -ENOENT) {
		c->at = s->next - 1;
	} else if (ret) {
		return agent_fail(err, -ret, "cannot read '%s/cursors/%s': %s", s->dir, c->name,
				  strerror(-ret));
	}
	/* Numbers go on where the cursor is, if all windows are gone. */
	if (c->at >= s->next)
		s->next = c->at + 1;
	if (!ret)
		return 0;
	ret = write_cursor(s, c->name, c->at);
	if (ret)
		return agent_fail(err, -ret, "cannot write '%s/cursors/%s': %s", s->dir, c->name,
				  strerror(-ret));
	return 0;
}

int store_cursor_open(struct store *s, const char *name, struct store_cursor **out,
		      struct egret_error *err)
{
	struct store_cursor *c;
	int ret;

	if (!store_cursor_is_name(name))
		return agent_fail(err, EINVAL, "'%s' cannot be the name of a cursor", name);
	c = calloc(1, sizeof(*c));
	if (!c)
		return agent_fail(err, ENOMEM, "out of memory");
	c->store = s;
	strcpy(c->name, name);
	pthread_mutex_lock(&s->lock);
	ret = s->n_cursors < STORE_CURSORS
		      ? find_place(c, err)
		      : agent_fail(err, E2BIG, "a store feeds %d at most", STORE_CURSORS);
	if (!ret)
		s->cursors[s->n_cursors++] = c;
	pthread_mutex_unlock(&s->lock);
	if (ret)
		free(c);
	else
		*out = c;
	return ret;
}

/* ---- moving --------------------------------------------------------------------------------- */

/* The first window that is not wholly done with; the number of windows if there is none. */
static size_t find_behind(const struct store *s, uint64_t at)
{
	size_t low = 0, high = s->windows.n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (s->windows.items[mid].last > at)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static bool take_next(struct store_cursor *c, struct window *window, uint64_t *missed)
{
	const struct store *s = c->store;
	size_t i = find_behind(s, c->at);

	/* Some of it were sent before they were put together: the others cannot be told apart. */
	if (i < s->windows.n && s->windows.items[i].first <= c->at) {
		*missed += s->windows.items[i].last - c->at;
		c->at = s->windows.items[i++].last;
	}
	if (i == s->windows.n)
		return false;
	*window = s->windows.items[i];
	*missed += window->first - 1 - c->at;
	c->at = window->first - 1;
	return true;
}

static struct timespec after(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000l;
	if (t.tv_nsec >= 1000000000l) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000l;
	}
	return t;
}

int store_next(struct store_cursor *c, struct window *window, uint64_t *missed, int timeout_ms)
{
	struct store *s = c->store;
	struct timespec until = after(timeout_ms);
	bool found;

	*missed = 0;
	pthread_mutex_lock(&s->lock);
	while (!(found = take_next(c, window, missed)) && !s->stop_waiting)
		if (pthread_cond_timedwait(&s->newer, &s->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&s->lock);
	return found;
}

int store_cursor_pass(struct store_cursor *c, const struct window *window)
{
	struct store *s = c->store;
	int ret;

	pthread_mutex_lock(&s->lock);
	c->at = window->last;
	pthread_mutex_unlock(&s->lock);
	ret = write_cursor(s, c->name, window->last);
	if (ret)
		log_line(LOG_FAILURE,
			 "cannot write '%s/cursors/%s': %s; after a restart windows are sent twice",
			 s->dir, c->name, strerror(-ret));
	return ret;
}

uint64_t store_cursor_left(struct store_cursor *c)
{
	struct store *s = c->store;
	uint64_t left;

	pthread_mutex_lock(&s->lock);
	left = s->next - 1 - c->at;
	pthread_mutex_unlock(&s->lock);
	return left;
}

void store_set_waiting(struct store *s, bool waits)
{
	pthread_mutex_lock(&s->lock);
	s->stop_waiting = !waits;
	pthread_cond_broadcast(&s->newer);
	pthread_mutex_unlock(&s->lock);
}

void store_cursor_close(struct store_cursor *c)
{
	struct store *s;

	if (!c)
		return;
	s = c->store;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n_cursors; i++)
		if (s->cursors[i] == c) {
			s->cursors[i] = s->cursors[--s->n_cursors];
			break;
		}
	pthread_mutex_unlock(&s->lock);
	free(c);
}
