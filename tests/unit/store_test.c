/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The store: names, bounds, numbers over restarts, what a crash leaves, cursors. */
#include "store_fixture.h"

#include <dirent.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>

static struct store *open_store(uint64_t max_bytes)
{
	struct egret_error err = { "" };
	struct store *store = NULL;

	CHECK_EQ(store_open(store_dir, max_bytes, &store, &err), 0);
	if (!store) {
		printf("%s\n", err.text);
		exit(1);
	}
	return store;
}

static struct window_list list_windows(void)
{
	int fd = open(store_dir, O_RDONLY | O_DIRECTORY);
	struct window_list list = { 0 };

	CHECK_EQ(window_list_read(fd, &list, NULL, NULL, NULL), 0);
	close(fd);
	return list;
}

/* ---- names ---- */

static void names_are_read_as_they_are_written(void)
{
	const struct window windows[] = {
		{ 1, 1, OFFSET, OFFSET + 1, 0 },
		{ 123, 134, OFFSET + 7, OFFSET + 120 * SECOND, 0 },
		{ 99999999999ull, 99999999999ull, 0, 1, 0 },
	};
	char name[WINDOW_NAME_MAX];
	struct window again;

	CHECK_STR(window_name(&windows[1], name), "0000000123-0000000134_20261118T110640."
						  "000000007Z_20261118T110840.000000000Z.egret");
	for (size_t i = 0; i < 3; i++) {
		CHECK(window_parse_name(window_name(&windows[i], name), &again));
		CHECK(!memcmp(&again, &windows[i], sizeof(again)));
	}
}

static void other_names_are_no_windows(void)
{
	static const char *const names[] = {
		"",
		"lock",
		"0000000000_20261118T110640.000000000Z_20261118T110840.000000000Z.egret",
		"123_20261118T110640.000000000Z_20261118T110840.000000000Z.egret",
		"0000000123_20261118T110640.000000000Z_20261118T110640.000000000Z.egret",
		"0000000123_20261318T110640.000000000Z_20271118T110840.000000000Z.egret",
		"0000000123-0000000122_20261118T110640.000000000Z_20261118T110840.000000000Z.egret",
		"0000000123_20261118T110640.000000000Z_20261118T110840.000000000Z.egret.part",
		"0000000123_20261118T110640.000000000Z_20261118T110840.000000000Z.egretx",
		"0000000123_20261118T110640.000000000Z.egret",
		"0000000123",
	};
	struct window window;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		CHECK(!window_parse_name(names[i], &window));
}

/* ---- what is put ---- */

static void a_window_is_a_recording(void)
{
	struct store *store = open_store(0);
	struct window_list list;
	struct egret_profile *p;
	char name[WINDOW_NAME_MAX];
	struct stat st;

	umask(077);
	CHECK_EQ(put_window(store, "a", 10, 50, 5), 0);
	store_flush(store);
	list = list_windows();
	CHECK_EQ(list.n, 1);
	CHECK_EQ(list.items[0].first, 1);
	CHECK_EQ(list.items[0].from_ns, OFFSET + 10 * SECOND);
	CHECK_EQ(list.items[0].to_ns, OFFSET + 11 * SECOND);
	/* The agent's group reads it too. */
	CHECK_EQ(fstatat(store_dirfd(store), window_name(&list.items[0], name), &st, 0), 0);
	CHECK_EQ(st.st_mode & 0777, 0640);
	CHECK_EQ(window_open(store_dirfd(store), &list.items[0], true, &p, NULL), 0);
	CHECK_EQ(samples_in(p), 50);
	CHECK_STR(egret_profile__meta(p, "start-time"), "1795000010.000000000");
	CHECK_STR(egret_profile__meta(p, "duration"), "1.000");
	egret_profile__destroy(p);
	window_list_deinit(&list);
	store_close(store);
	clear_store();
}

/* Samples of the last moment come a window later: its times hold them. */
static void times_hold_all_samples(void)
{
	struct egret_profile *p = make_profile("a", 5 * SECOND, 10 * SECOND, 100, 3);
	struct store *store = open_store(0);
	struct window_list list;

	CHECK_EQ(store_put(store, p, OFFSET + 6 * SECOND, OFFSET + 8 * SECOND, NULL), 0);
	/* The clock was put back while it was sampled. */
	CHECK_EQ(store_put(store, p, OFFSET + 16 * SECOND, OFFSET + 12 * SECOND, NULL), 0);
	store_close(store);
	list = list_windows();
	CHECK_EQ(list.n, 2);
	for (size_t i = 0; i < list.n; i++) {
		CHECK_EQ(list.items[i].from_ns, OFFSET + 5 * SECOND);
		CHECK_EQ(list.items[i].to_ns, OFFSET + 15 * SECOND - SECOND / 10 + 1);
	}
	window_list_deinit(&list);
	egret_profile__destroy(p);
	clear_store();
}

static void refuses_without_samples(void)
{
	struct store *store = open_store(0);
	struct egret_error err = { "" };
	struct egret_profile *p;

	CHECK_EQ(egret_profile_create(&p), 0);
	CHECK_EQ(store_put(store, p, OFFSET, OFFSET + 1, &err), -ENODATA);
	CHECK(*err.text);
	egret_profile__destroy(p);
	store_close(store);
	clear_store();
}

/* ---- bounds ---- */

static uint64_t bytes_on_disk(void)
{
	DIR *dir = opendir(store_dir);
	const struct dirent *entry;
	uint64_t bytes = 0;
	struct stat st;

	while (dir && (entry = readdir(dir)))
		if (strstr(entry->d_name, ".egret") && !fstatat(dirfd(dir), entry->d_name, &st, 0))
			bytes += window_disk_bytes((uint64_t)st.st_size);
	closedir(dir);
	return bytes;
}

static void the_oldest_go_first(void)
{
	const uint64_t max = 256 << 10;
	struct store *store = open_store(max);
	struct window_list list;
	uint64_t most = 0;

	for (uint64_t i = 0; i < 60; i++) {
		struct egret_profile *p = make_profile("a", i * SECOND, SECOND, 400, 400);

		CHECK_EQ(store_put(store, p, OFFSET + i * SECOND, OFFSET + (i + 1) * SECOND, NULL),
			 0);
		egret_profile__destroy(p);
		/* Also while one is being written. */
		for (int j = 0; j < 20; j++) {
			uint64_t bytes = bytes_on_disk();

			most = bytes > most ? bytes : most;
		}
		store_flush(store);
	}
	CHECK(most <= max && most > max / 2);
	CHECK_EQ(store_stat(store, "egret_store_windows_written_total", NULL), 60);
	CHECK_EQ(store_stat(store, "egret_store_bytes", NULL), (long long)bytes_on_disk());
	list = list_windows();
	CHECK(list.n > 5 && list.n < 60);
	CHECK_EQ(list.items[list.n - 1].last, 60);
	for (size_t i = 1; i < list.n; i++)
		CHECK_EQ(list.items[i].first, list.items[i - 1].last + 1);
	CHECK_EQ(store_stat(store, "egret_store_windows_removed_total", NULL),
		 (long long)list.items[0].first - 1);
	window_list_deinit(&list);
	store_close(store);
	/* One that is opened with less is made smaller at once. */
	store = open_store(64 << 10);
	CHECK(bytes_on_disk() <= 64 << 10);
	/* What never fits is lost by itself, not with all others. */
	CHECK_EQ(put_window(store, "b", 100, 8000, 8000), 0);
	store_flush(store);
	CHECK_EQ(store_stat(store, "egret_store_windows_lost_total",
			    "reason=\"larger-than-the-store\""),
		 1);
	CHECK(bytes_on_disk() > 0);
	store_close(store);
	clear_store();
}

/* ---- over restarts ---- */

static void numbers_only_grow(void)
{
	struct store *store = open_store(0);
	struct store_cursor *cursor;
	struct window window;
	struct window_list list;
	uint64_t missed;
	char name[WINDOW_NAME_MAX];
	int fd = open(store_dir, O_RDONLY | O_DIRECTORY);

	CHECK_EQ(store_cursor_open(store, "a", &cursor, NULL), 0);
	for (uint64_t i = 0; i < 3; i++)
		CHECK_EQ(put_window(store, "a", i, 5, 5), 0);
	store_flush(store);
	while (store_next(cursor, &window, &missed, 0))
		CHECK_EQ(store_cursor_pass(cursor, &window), 0);
	store_close(store);
	store = open_store(0);
	CHECK_EQ(put_window(store, "a", 3, 5, 5), 0);
	store_close(store);
	list = list_windows();
	CHECK_EQ(list.n, 4);
	/* Also where all windows were taken away: the cursor knows. */
	for (size_t i = 0; i < list.n; i++) {
		CHECK_EQ(list.items[i].first, i + 1);
		CHECK_EQ(unlinkat(fd, window_name(&list.items[i], name), 0), 0);
	}
	close(fd);
	window_list_deinit(&list);
	store = open_store(0);
	CHECK_EQ(store_cursor_open(store, "a", &cursor, NULL), 0);
	CHECK_EQ(put_window(store, "a", 9, 5, 5), 0);
	store_close(store);
	list = list_windows();
	CHECK_EQ(list.n, 1);
	CHECK_EQ(list.items[0].first, 4);
	window_list_deinit(&list);
	clear_store();
}

static void one_agent_has_it(void)
{
	struct store *store = open_store(0), *other = NULL;
	struct egret_error err = { "" };
	char text[64];

	CHECK_EQ(store_open(store_dir, 0, &other, &err), -EBUSY);
	snprintf(text, sizeof(text), "in use by another agent, process %d", getpid());
	CHECK(strstr(err.text, text) && !strchr(err.text, '\n'));
	store_close(store);
	store = open_store(0);
	store_close(store);
	clear_store();
}

static void copy_file(int dirfd, const char *from, const char *to)
{
	char bytes[1 << 16];
	int in = openat(dirfd, from, O_RDONLY), out = openat(dirfd, to, O_WRONLY | O_CREAT, 0600);
	ssize_t n = read(in, bytes, sizeof(bytes));

	CHECK(n > 0);
	CHECK_EQ(write(out, bytes, (size_t)n), n);
	close(in);
	close(out);
}

/* A part, and windows that are in another one. */
static void leftovers_are_removed_and_counted(void)
{
	struct store *store = open_store(0);
	struct window_list list;
	char name[WINDOW_NAME_MAX], other[WINDOW_NAME_MAX];
	struct window joined;
	int fd;

	for (uint64_t i = 0; i < 3; i++)
		CHECK_EQ(put_window(store, "a", i, 5, 5), 0);
	store_close(store);
	list = list_windows();
	fd = open(store_dir, O_RDONLY | O_DIRECTORY);
	joined = list.items[1];
	joined.last = 3;
	copy_file(fd, window_name(&list.items[1], name), window_name(&joined, other));
	snprintf(other, sizeof(other), "%.100s.part", name);
	copy_file(fd, name, other);
	window_list_deinit(&list);
	/* Whoever reads now sees each window once. */
	list = list_windows();
	CHECK_EQ(list.n, 2);
	CHECK_EQ(list.items[1].last, 3);
	window_list_deinit(&list);
	store = open_store(0);
	CHECK_EQ(store_stat(store, "egret_store_leftovers_total", NULL), 3);
	CHECK_EQ(store_stat(store, "egret_store_files", NULL), 2);
	CHECK_EQ(faccessat(fd, other, F_OK, 0), -1);
	CHECK_EQ(put_window(store, "a", 3, 5, 5), 0);
	store_close(store);
	list = list_windows();
	CHECK_EQ(list.items[2].first, 4);
	window_list_deinit(&list);
	close(fd);
	clear_store();
}

/* What bears the name of a window is whole: it gets the name by being renamed. */
static void windows_are_renamed_when_they_are_whole(void)
{
	struct store *store = open_store(0);
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	_Alignas(struct inotify_event) char events[8192];
	size_t parts = 0, renamed = 0;
	ssize_t n;

	CHECK(inotify_add_watch(fd, store_dir, IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO) >= 0);
	for (uint64_t i = 0; i < 3; i++)
		CHECK_EQ(put_window(store, "a", i, 5, 5), 0);
	n = read(fd, events, sizeof(events));
	CHECK(n > 0);
	for (char *at = events; at < events + n;) {
		const struct inotify_event *event = (const struct inotify_event *)at;
		struct window window;

		if (!window_parse_name(event->name, &window)) {
			parts += event->mask == IN_CLOSE_WRITE;
		} else {
			CHECK_EQ(event->mask, IN_MOVED_TO);
			CHECK_EQ(parts, ++renamed);
		}
		at += sizeof(*event) + event->len;
	}
	CHECK_EQ(renamed, 3);
	close(fd);
	store_close(store);
	clear_store();
}

static uint64_t newest_window(void)
{
	struct window_list list = list_windows();
	uint64_t newest = list.n ? list.items[list.n - 1].last : 0;

	window_list_deinit(&list);
	return newest;
}

/* Killed at any moment, there are whole windows, one after the other, and nothing else. */
static void a_kill_leaves_whole_windows(void)
{
	uint64_t last = 0;

	CHECK_EQ(mkdir(store_dir, 0700), 0);
	for (int round = 0; round < 12; round++) {
		pid_t pid = fork();
		struct window_list list;
		struct store *store;
		int fd;

		if (!pid) {
			store = open_store(512 << 10);
			/* Ten of them become one. */
			for (uint64_t i = 1000ull * (uint64_t)round;; i++)
				put_window(store, "a", 60 * i, 300, 300);
		}
		/* Some windows later, at any moment. */
		for (int wait = 0; wait < 500 && newest_window() < last + 2; wait++)
			usleep(10000);
		usleep(3777 * (useconds_t)round);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		store = open_store(512 << 10);
		list = list_windows();
		fd = open(store_dir, O_RDONLY | O_DIRECTORY);
		for (size_t i = 0; i < list.n; i++) {
			struct egret_profile *p = NULL;

			CHECK_EQ(window_open(fd, &list.items[i], false, &p, NULL), 0);
			CHECK_EQ(p ? samples_in(p) : 0,
				 300 * (long long)(list.items[i].last - list.items[i].first + 1));
			egret_profile__destroy(p);
			CHECK(!i || list.items[i].first == list.items[i - 1].last + 1);
		}
		CHECK(list.n && list.items[list.n - 1].last >= last);
		last = list.n ? list.items[list.n - 1].last : 0;
		window_list_deinit(&list);
		close(fd);
		store_close(store);
	}
	CHECK(last > 12);
	clear_store();
}

/* ---- cursors ---- */

static void a_cursor_sees_each_window_once(void)
{
	struct store *store = open_store(0);
	struct store_cursor *a, *b;
	struct window window;
	uint64_t missed;

	CHECK_EQ(put_window(store, "a", 0, 5, 5), 0);
	store_flush(store);
	/* A new one begins behind what is there. */
	CHECK_EQ(store_cursor_open(store, "a", &a, NULL), 0);
	CHECK_EQ(store_next(a, &window, &missed, 0), 0);
	CHECK_EQ(put_window(store, "a", 1, 5, 5), 0);
	CHECK_EQ(put_window(store, "a", 2, 5, 5), 0);
	CHECK_EQ(store_next(a, &window, &missed, 5000), 1);
	CHECK_EQ(window.first, 2);
	/* Until it is passed, it is the next. */
	CHECK_EQ(store_next(a, &window, &missed, 5000), 1);
	CHECK_EQ(window.first, 2);
	store_flush(store);
	CHECK_EQ(store_cursor_left(a), 2);
	CHECK_EQ(store_cursor_pass(a, &window), 0);
	CHECK_EQ(store_cursor_left(a), 1);
	store_close(store);
	store = open_store(0);
	CHECK_EQ(store_cursor_open(store, "a", &a, NULL), 0);
	CHECK_EQ(store_cursor_open(store, "b", &b, NULL), 0);
	CHECK_EQ(store_next(a, &window, &missed, 0), 1);
	CHECK_EQ(window.first, 3);
	CHECK_EQ(store_next(b, &window, &missed, 0), 0);
	store_close(store);
	clear_store();
}

static void what_was_dropped_before_it_came_is_counted(void)
{
	struct store *store = open_store(128 << 10);
	struct store_cursor *cursor;
	struct window window;
	uint64_t missed;

	CHECK_EQ(store_cursor_open(store, "a", &cursor, NULL), 0);
	for (uint64_t i = 0; i < 30; i++) {
		CHECK_EQ(put_window(store, "a", i, 400, 400), 0);
		store_flush(store);
	}
	CHECK_EQ(store_next(cursor, &window, &missed, 0), 1);
	CHECK(missed > 5);
	CHECK_EQ(window.first, missed + 1);
	CHECK_EQ(store_stat(store, "egret_store_windows_removed_total", NULL), (long long)missed);
	/* Once. */
	CHECK_EQ(store_next(cursor, &window, &missed, 0), 1);
	CHECK_EQ(missed, 0);
	store_close(store);
	clear_store();
}

static void a_damaged_cursor_loses_nothing(void)
{
	struct store *store = open_store(0);
	struct store_cursor *cursor;
	struct egret_error err = { "" };
	struct window window;
	uint64_t missed;
	char path[64];
	FILE *f;

	CHECK_EQ(put_window(store, "a", 0, 5, 5), 0);
	store_flush(store);
	snprintf(path, sizeof(path), "%s/cursors/a", store_dir);
	f = fopen(path, "w");
	fputs("12", f);
	fclose(f);
	CHECK_EQ(store_cursor_open(store, "a", &cursor, NULL), 0);
	CHECK_EQ(store_next(cursor, &window, &missed, 0), 1);
	CHECK_EQ(window.first, 1);
	CHECK_EQ(store_cursor_open(store, "../a", &cursor, &err), -EINVAL);
	CHECK_EQ(store_cursor_open(store, "", &cursor, NULL), -EINVAL);
	store_close(store);
	clear_store();
}

static void the_clock_put_back_is_counted(void)
{
	struct store *store = open_store(0);

	CHECK_EQ(put_window(store, "a", 1000, 5, 5), 0);
	CHECK_EQ(put_window(store, "a", 1001, 5, 5), 0);
	CHECK_EQ(put_window(store, "a", 100, 5, 5), 0);
	CHECK_EQ(put_window(store, "a", 101, 5, 5), 0);
	store_flush(store);
	CHECK_EQ(store_stat(store, "egret_store_clock_steps_total", NULL), 1);
	/* What was before it is over, and one. */
	CHECK_EQ(store_stat(store, "egret_store_files", NULL), 3);
	store_close(store);
	clear_store();
}

int main(void)
{
	if (!mkdtemp(store_dir))
		return 1;
	RUN(names_are_read_as_they_are_written);
	RUN(other_names_are_no_windows);
	RUN(a_window_is_a_recording);
	RUN(times_hold_all_samples);
	RUN(refuses_without_samples);
	RUN(the_oldest_go_first);
	RUN(numbers_only_grow);
	RUN(one_agent_has_it);
	RUN(leftovers_are_removed_and_counted);
	RUN(windows_are_renamed_when_they_are_whole);
	RUN(a_kill_leaves_whole_windows);
	RUN(a_cursor_sees_each_window_once);
	RUN(what_was_dropped_before_it_came_is_counted);
	RUN(a_damaged_cursor_loses_nothing);
	RUN(the_clock_put_back_is_counted);
	return DONE();
}
