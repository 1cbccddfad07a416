/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What a store has of some time, and old windows put together: the same samples, in less room. */
#include "store_fixture.h"

#include <sys/file.h>

#include "agent/store_view.h"

/* A stretch of ten minutes begins here, in seconds of the fixture. */
#define STRETCH (600 - OFFSET / SECOND % 600)

struct gaps {
	size_t n;
	uint64_t from_ns, to_ns; /* of the last one */
};

static void note_gap(uint64_t from_ns, uint64_t to_ns, void *arg)
{
	struct gaps *gaps = arg;

	gaps->n++;
	gaps->from_ns = from_ns;
	gaps->to_ns = to_ns;
}

/* Seconds of the fixture, in tenths; to 0: without an end. NULL: there are none. */
static struct egret_profile *view(uint64_t from, uint64_t to, bool keep, struct gaps *gaps)
{
	struct store_view range = {
		.from_ns = OFFSET + from * (SECOND / 10),
		.to_ns = to ? OFFSET + to * (SECOND / 10) : UINT64_MAX,
		.keep_samples = keep,
		.gap = gaps ? note_gap : NULL,
		.arg = gaps,
	};
	struct egret_profile *p = NULL;
	struct egret_error err = { "" };
	int ret = store_view_read(store_dir, &range, &p, &err);

	if (ret) {
		CHECK_EQ(ret, -ENODATA);
		CHECK(*err.text && !strchr(err.text, '\n'));
	}
	return p;
}

static long long count_in(uint64_t from, uint64_t to)
{
	struct egret_profile *p = view(from, to, false, NULL);
	long long n = p ? samples_in(p) : -1;

	egret_profile__destroy(p);
	return n;
}

static struct store *open_store(void)
{
	struct store *store = NULL;

	CHECK_EQ(store_open(store_dir, 0, &store, NULL), 0);
	return store;
}

/* Ten samples a second: one each tenth. */
static void samples_are_told_by_their_own_times(void)
{
	struct store *store = open_store();

	for (uint64_t i = 100; i < 110; i++)
		CHECK_EQ(put_window(store, "a", i, 10, 3), 0);
	store_close(store);
	CHECK_EQ(count_in(0, 0), 100);
	CHECK_EQ(count_in(1000, 1100), 100);
	CHECK_EQ(count_in(1000, 1010), 10);
	CHECK_EQ(count_in(1003, 1005), 2);
	CHECK_EQ(count_in(1015, 1042), 27);
	CHECK_EQ(count_in(1095, 0), 5);
	CHECK_EQ(count_in(0, 1001), 1);
	CHECK_EQ(count_in(1100, 0), -1);
	CHECK_EQ(count_in(1, 1000), -1);
	clear_store();
}

static void the_whole_says_its_time(void)
{
	struct store *store = open_store();
	struct egret_profile *p;

	for (uint64_t i = 100; i < 110; i++)
		CHECK_EQ(put_window(store, "a", i, 10, 3), 0);
	store_close(store);
	p = view(1015, 1042, true, NULL);
	CHECK_STR(egret_profile__meta(p, "start-time"), "1795000101.500000000");
	CHECK_STR(egret_profile__meta(p, "duration"), "2.700");
	CHECK(egret_profile__keeps_samples(p));
	egret_profile__destroy(p);
	clear_store();
}

static void gaps_are_named(void)
{
	struct store *store = open_store();
	struct gaps gaps = { 0 };

	for (uint64_t i = 100; i < 120; i++)
		if (i < 105 || i >= 110)
			CHECK_EQ(put_window(store, "a", i, 10, 3), 0);
	store_close(store);
	egret_profile__destroy(view(1000, 1200, false, &gaps));
	CHECK_EQ(gaps.n, 1);
	CHECK_EQ(gaps.from_ns, OFFSET + 105 * SECOND);
	CHECK_EQ(gaps.to_ns, OFFSET + 110 * SECOND);
	/* And at both ends. */
	gaps.n = 0;
	egret_profile__destroy(view(950, 1250, false, &gaps));
	CHECK_EQ(gaps.n, 3);
	gaps.n = 0;
	egret_profile__destroy(view(1110, 1190, false, &gaps));
	CHECK_EQ(gaps.n, 0);
	clear_store();
}

/* By the clock of day, whatever the order of numbers and boots. */
static void the_clock_may_step_back(void)
{
	struct store *store = open_store();

	CHECK_EQ(put_window(store, "late", 500, 10, 3), 0);
	CHECK_EQ(put_window(store, "early", 200, 10, 3), 0);
	CHECK_EQ(put_window(store, "late", 501, 10, 3), 0);
	store_close(store);
	CHECK_EQ(count_in(2000, 2010), 10);
	CHECK_EQ(count_in(5000, 5020), 20);
	CHECK_EQ(count_in(0, 0), 30);
	clear_store();
}

static void what_is_damaged_is_left_out(void)
{
	struct store *store = open_store();
	struct window_list list = { 0 };
	char name[WINDOW_NAME_MAX];
	int fd, dir;

	for (uint64_t i = 0; i < 3; i++)
		CHECK_EQ(put_window(store, "a", 100 + i, 10, 3), 0);
	store_close(store);
	dir = open(store_dir, O_RDONLY | O_DIRECTORY);
	CHECK_EQ(window_list_read(dir, &list, NULL, NULL, NULL), 0);
	fd = openat(dir, window_name(&list.items[1], name), O_WRONLY);
	CHECK_EQ(ftruncate(fd, 500), 0);
	close(fd);
	close(dir);
	window_list_deinit(&list);
	CHECK_EQ(count_in(0, 0), 20);
	clear_store();
}

/* ---- put together ---- */

static void put_stretches(struct store *store, uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++) {
		CHECK_EQ(put_window(store, "a", i, 10, 200), 0);
		store_flush(store);
	}
}

static void old_windows_become_one(void)
{
	struct store *store = open_store();
	long long before;
	uint64_t first = STRETCH + 600 - 40;

	put_stretches(store, first, 40);
	CHECK_EQ(store_stat(store, "egret_store_files", NULL), 40);
	before = store_stat(store, "egret_store_bytes", NULL);
	put_stretches(store, first + 40, 1);
	CHECK_EQ(store_stat(store, "egret_store_windows_joined_total", NULL), 40);
	CHECK_EQ(store_stat(store, "egret_store_files", NULL), 2);
	CHECK(store_stat(store, "egret_store_bytes", NULL) < before / 4);
	/* All samples, at their times. */
	CHECK_EQ(count_in(0, 0), 410);
	CHECK_EQ(count_in(10 * first + 15, 10 * first + 42), 27);
	CHECK_EQ(count_in(10 * (first + 39), 10 * (first + 41)), 20);
	store_close(store);
	/* Numbers go on; what is one stays one. */
	store = open_store();
	put_stretches(store, first + 41, 2);
	CHECK_EQ(store_stat(store, "egret_store_windows_joined_total", NULL), 0);
	CHECK_EQ(store_stat(store, "egret_store_leftovers_total", NULL), 0);
	CHECK_EQ(count_in(0, 0), 430);
	store_close(store);
	clear_store();
}

static void what_is_still_to_be_sent_is_left_alone(void)
{
	struct store *store = open_store();
	uint64_t first = STRETCH + 600 - 20, missed;
	struct store_cursor *cursor;
	struct window window;

	CHECK_EQ(store_cursor_open(store, "a", &cursor, NULL), 0);
	put_stretches(store, first, 25);
	CHECK_EQ(store_stat(store, "egret_store_files", NULL), 25);
	for (uint64_t i = 1; i <= 25; i++) {
		CHECK_EQ(store_next(cursor, &window, &missed, 0), 1);
		CHECK_EQ(window.first, i);
		CHECK_EQ(missed, 0);
		CHECK_EQ(store_cursor_pass(cursor, &window), 0);
	}
	put_stretches(store, first + 25, 1);
	CHECK_EQ(store_stat(store, "egret_store_windows_joined_total", NULL), 20);
	CHECK_EQ(store_next(cursor, &window, &missed, 0), 1);
	CHECK_EQ(window.first, 26);
	CHECK_EQ(missed, 0);
	store_close(store);
	clear_store();
}

static void nothing_changes_under_a_reader(void)
{
	struct store *store = open_store();
	uint64_t first = STRETCH + 600 - 20;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/reading", store_dir);
	fd = open(path, O_RDONLY);
	CHECK_EQ(flock(fd, LOCK_SH), 0);
	put_stretches(store, first, 22);
	CHECK_EQ(store_stat(store, "egret_store_files", NULL), 22);
	close(fd);
	put_stretches(store, first + 22, 1);
	CHECK_EQ(store_stat(store, "egret_store_windows_joined_total", NULL), 20);
	store_close(store);
	clear_store();
}

/* Samples of one recording have one offset: what was set in between stays apart. */
static void another_clock_stays_apart(void)
{
	struct store *store = open_store();
	uint64_t first = STRETCH + 600 - 20;

	for (uint64_t i = first; i < first + 21; i++) {
		struct egret_profile *p = make_profile("a", i * SECOND, SECOND, 10, 50);
		char text[32];

		/* From the 10th on the clock of day is a second ahead. */
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)(OFFSET + (i >= first + 10 ? SECOND : 0)));
		egret_profile_set_meta(p, "clock-offset", text);
		CHECK_EQ(store_put(store, p, OFFSET + i * SECOND, OFFSET + (i + 1) * SECOND, NULL),
			 0);
		store_flush(store);
		egret_profile__destroy(p);
	}
	put_stretches(store, first + 22, 1);
	store_flush(store);
	CHECK(store_stat(store, "egret_store_windows_joined_total", NULL) >= 19);
	CHECK_EQ(count_in(10 * first, 10 * first + 100), 100);
	CHECK_EQ(count_in(10 * first + 110, 10 * first + 210), 100);
	store_close(store);
	clear_store();
}

int main(void)
{
	if (!mkdtemp(store_dir))
		return 1;
	RUN(samples_are_told_by_their_own_times);
	RUN(the_whole_says_its_time);
	RUN(gaps_are_named);
	RUN(the_clock_may_step_back);
	RUN(what_is_damaged_is_left_out);
	RUN(old_windows_become_one);
	RUN(what_is_still_to_be_sent_is_left_alone);
	RUN(nothing_changes_under_a_reader);
	RUN(another_clock_stays_apart);
	return DONE();
}
