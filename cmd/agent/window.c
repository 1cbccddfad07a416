/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* window.c - the windows of a store, by the names of their files. */
#include "agent/window.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/fail.h"

#define PART_SUFFIX ".egret.part"
#define SECOND 1000000000ull

/* ---- lists ---------------------------------------------------------------------------------- */

int window_list_add(struct window_list *list, const struct window *window)
{
	if (list->n == list->capacity) {
		size_t more = list->capacity ? list->capacity * 2 : 64;
		struct window *larger = realloc(list->items, more * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		list->items = larger;
		list->capacity = more;
	}
	list->items[list->n++] = *window;
	return 0;
}

void window_list_remove(struct window_list *list, size_t first, size_t n)
{
	memmove(&list->items[first], &list->items[first + n],
		(list->n - first - n) * sizeof(*list->items));
	list->n -= n;
}

void window_list_deinit(struct window_list *list)
{
	free(list->items);
	*list = (struct window_list){ 0 };
}

/* ---- the directory -------------------------------------------------------------------------- */

/* Of those that begin with one number the longest comes first. */
static int compare(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->last > y->last ? -1 : x->last < y->last;
}

static void leave_out_covered(struct window_list *list, window_leftover_fn leftover, void *arg)
{
	char name[WINDOW_NAME_MAX];
	uint64_t last = 0;
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct window *w = &list->items[i];

		if (w->last > last) {
			last = w->last;
			list->items[kept++] = *w;
		} else if (leftover) {
			leftover(window_name(w, name), arg);
		}
	}
	list->n = kept;
}

static bool is_part(const char *name)
{
	size_t len = strlen(name), end = strlen(PART_SUFFIX);

	return len > end && !strcmp(name + len - end, PART_SUFFIX);
}

static int read_names(DIR *dir, struct window_list *list, window_leftover_fn leftover, void *arg)
{
	const struct dirent *entry;
	struct window window;
	struct stat st;

	for (errno = 0; (entry = readdir(dir)); errno = 0) {
		if (is_part(entry->d_name) && leftover)
			leftover(entry->d_name, arg);
		if (!window_parse_name(entry->d_name, &window))
			continue;
		/* What is gone meanwhile was the oldest, or is in another now. */
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
		    !S_ISREG(st.st_mode))
			continue;
		window.bytes = window_disk_bytes((uint64_t)st.st_size);
		if (window_list_add(list, &window))
			return -ENOMEM;
	}
	return -errno;
}

int window_list_read(int fd, struct window_list *list, window_leftover_fn leftover, void *arg,
		     struct egret_error *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	int ret;

	if (!dir) {
		ret = errno;
		if (copy >= 0)
			close(copy);
		return agent_fail(err, ret, "cannot read the store's directory: %s", strerror(ret));
	}
	ret = read_names(dir, list, leftover, arg);
	closedir(dir);
	if (ret) {
		window_list_deinit(list);
		return agent_fail(err, -ret, "cannot read the store's directory: %s",
				  strerror(-ret));
	}
	if (list->n)
		qsort(list->items, list->n, sizeof(*list->items), compare);
	leave_out_covered(list, leftover, arg);
	return 0;
}

/* ---- one window ----------------------------------------------------------------------------- */

int window_open(int dirfd, const struct window *window, bool keep_samples,
		struct egret_profile **out, struct egret_error *err)
{
	const struct egret_open_opts opts = { .size = sizeof(opts), .keep_samples = keep_samples };
	char name[WINDOW_NAME_MAX], path[64];
	int fd = openat(dirfd, window_name(window, name), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return agent_fail(err, errno, "cannot read the window '%s': %s", name,
				  strerror(errno));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = egret_profile__open_with(path, &opts, out, err);
	close(fd);
	if (!ret && egret_profile__truncated(*out)) {
		egret_profile__destroy(*out);
		*out = NULL;
		ret = -EBADMSG;
	}
	if (ret == -EBADMSG)
		agent_fail(err, EBADMSG, "the window '%s' is damaged", name);
	return ret;
}

bool window_clock_offset(const struct egret_profile *profile, int64_t *offset)
{
	const char *text = egret_profile__meta(profile, "clock-offset");
	char *end;

	if (!text)
		return false;
	errno = 0;
	*offset = strtoll(text, &end, 10);
	return !errno && end != text && !*end;
}

int window_set_id(struct egret_profile *profile, struct egret_error *err)
{
	unsigned char bytes[16];
	char text[2 * sizeof(bytes) + 1];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return agent_fail(err, errno, "no random numbers: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(&text[2 * i], 3, "%02x", bytes[i]);
	return egret_profile__set_meta(profile, "profile-id", text, err);
}

int window_set_times(struct egret_profile *profile, uint64_t from_ns, uint64_t to_ns,
		     struct egret_error *err)
{
	char number[40];
	int ret;

	snprintf(number, sizeof(number), "%" PRIu64 ".%09" PRIu64, (uint64_t)(from_ns / SECOND),
		 (uint64_t)(from_ns % SECOND));
	ret = egret_profile__set_meta(profile, "start-time", number, err);
	snprintf(number, sizeof(number), "%.3f", (double)(to_ns - from_ns) / SECOND);
	return ret ? ret : egret_profile__set_meta(profile, "duration", number, err);
}
