/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* One profile added to another: counts, and times of several boots. */
#include "test.h"

#include <errno.h>

#include "profile/profile.h"

static const char boot_a[] = "aaaaaaaa-0000", boot_b[] = "bbbbbbbb-0000";

/* A profile with n samples of one thread at first, first + 1, ... */
static struct egret_profile *make(const char *boot, const char *offset, uint64_t first, int n,
				  bool keep)
{
	const struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds" };
	struct egret_profile_thread thread = { .pid = 7, .tid = 7, .start_time = 1 };
	struct egret_profile_key key = { 0 };
	struct egret_profile_values one = { .samples = 1, .value = 10 };
	struct egret_profile *p;

	CHECK_EQ(egret_profile_create(&p), 0);
	if (keep)
		egret_profile_keep_samples(p);
	CHECK_EQ(egret_profile_add_event(p, &event), 0);
	key.thread = egret_profile_thread(p, &thread, NULL);
	for (int i = 0; i < n; i++)
		CHECK_EQ(egret_profile_add_sample(p, &key, &one, first + (uint64_t)i, 0), 0);
	if (boot)
		CHECK_EQ(egret_profile__set_meta(p, "boot-id", boot, NULL), 0);
	if (offset)
		CHECK_EQ(egret_profile__set_meta(p, "clock-offset", offset, NULL), 0);
	CHECK_EQ(egret_profile_set_stat(p, "interrupts", "all", (uint64_t)n), 0);
	return p;
}

static void check_times(const struct egret_profile *p, uint64_t first, uint64_t last, size_t n)
{
	uint64_t got_first = 0, got_last = 0;

	CHECK(egret_profile__times(p, &got_first, &got_last));
	CHECK_EQ(got_first, first);
	CHECK_EQ(got_last, last);
	CHECK_EQ(egret_profile_n_samples(p), n);
	for (size_t i = 1; i < n; i++)
		CHECK(egret_profile_get_sample(p, i - 1)->time <=
		      egret_profile_get_sample(p, i)->time);
}

static void adds_in_place(void)
{
	struct egret_profile *to = make(boot_a, "100", 50, 3, true);
	struct egret_profile *from = make(boot_a, "100", 10, 4, true);

	CHECK_EQ(egret_profile__add(to, from, NULL), 0);
	check_times(to, 10, 52, 7);
	CHECK_EQ(egret_profile_n_entries(to), 1);
	CHECK_EQ(egret_profile_get_entry(to, 0)->values.samples, 7);
	CHECK_EQ(egret_profile_get_entry(to, 0)->values.value, 70);
	check_times(from, 10, 13, 4);
	egret_profile__destroy(to);
	egret_profile__destroy(from);
}

/* Of one boot they are in the order of CLOCK_MONOTONIC, whatever became of the other clock. */
static void one_boot_has_one_clock(void)
{
	struct egret_profile *to = make(boot_a, "1000", 50, 3, true);
	struct egret_profile *from = make(boot_a, "-5000", 60, 2, true);

	CHECK_EQ(egret_profile__add(to, from, NULL), 0);
	check_times(to, 50, 61, 5);
	egret_profile__destroy(to);
	egret_profile__destroy(from);
}

static void another_boot_is_put_on_the_clock_of_the_first(void)
{
	/* Times of day 1050 .. 1052, and 1100 .. 1101 after a boot at 1090. */
	struct egret_profile *to = make(boot_a, "1000", 50, 3, true);
	struct egret_profile *from = make(boot_b, "1090", 10, 2, true);
	/* And one from before the first one's clock began. */
	struct egret_profile *early = make(boot_b, "-1000", 10, 1, true);

	CHECK_EQ(egret_profile__add(to, from, NULL), 0);
	check_times(to, 50, 101, 5);
	CHECK_EQ(egret_profile__add(to, early, NULL), 0);
	check_times(to, 0, 101, 6);
	egret_profile__destroy(to);
	egret_profile__destroy(from);
	egret_profile__destroy(early);
}

static void merge_does_the_same(void)
{
	struct egret_profile *profiles[] = { make(boot_a, "1000", 50, 3, true),
					     make(boot_b, "1090", 10, 2, true),
					     make(NULL, NULL, 55, 1, true) };
	struct egret_profile *whole;

	CHECK_EQ(egret_profile__merge((const struct egret_profile *const *)profiles, 3, &whole,
				      NULL),
		 0);
	check_times(whole, 50, 101, 6);
	CHECK_STR(egret_profile__meta(whole, "clock-offset"), "1000");
	for (int i = 0; i < 3; i++)
		egret_profile__destroy(profiles[i]);
	egret_profile__destroy(whole);
}

static void refuses_what_has_no_samples(void)
{
	struct egret_profile *to = make(boot_a, "1000", 50, 3, true);
	struct egret_profile *from = make(boot_a, "1000", 10, 2, false);
	struct egret_error err = { "" };

	CHECK_EQ(egret_profile__add(to, from, &err), -ENODATA);
	CHECK(*err.text);
	/* The other way round there is nothing to lose. */
	CHECK_EQ(egret_profile__add(from, to, NULL), 0);
	CHECK_EQ(egret_profile_get_entry(from, 0)->values.samples, 5);
	egret_profile__destroy(to);
	egret_profile__destroy(from);
}

static void sets_meta(void)
{
	struct egret_profile *p = make(NULL, NULL, 0, 0, true);
	struct egret_error err = { "" };

	CHECK_EQ(egret_profile__set_meta(p, "team", "web", NULL), 0);
	CHECK_EQ(egret_profile__set_meta(p, "team", "db", NULL), 0);
	CHECK_STR(egret_profile__meta(p, "team"), "db");
	CHECK_EQ(egret_profile__set_meta(p, "", "x", &err), -EINVAL);
	CHECK(*err.text);
	egret_profile__destroy(p);
}

int main(void)
{
	RUN(adds_in_place);
	RUN(one_boot_has_one_clock);
	RUN(another_boot_is_put_on_the_clock_of_the_first);
	RUN(merge_does_the_same);
	RUN(refuses_what_has_no_samples);
	RUN(sets_meta);
	return DONE();
}
