/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Times of day, as people write them. */
#include "test.h"

#include <errno.h>
#include <time.h>

#include "clock_time.h"

#define SECOND 1000000000ull
/* 2026-11-25 09:00:00 in Berlin, which is 08:00 UTC. */
#define NOW (1795593600ull * SECOND)
#define HOUR (3600 * SECOND)

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

/* Hours from now, in seconds; -1: not a time. */
static long long from_now(const char *text, uint64_t from)
{
	uint64_t ns = 0;

	if (clock_time_parse(text, NOW, from, &ns))
		return -1;
	return ((long long)ns - (long long)NOW) / (long long)SECOND;
}

static void time_of_day_is_the_last_one(void)
{
	CHECK_EQ(from_now("08:30", 0), -1800);
	CHECK_EQ(from_now("09:00", 0), 0);
	CHECK_EQ(from_now("09:30", 0), 1800 - 24 * 3600);
	CHECK_EQ(from_now("03:00:30", 0), -6 * 3600 + 30);
}

static void the_end_is_the_first_one_after_the_beginning(void)
{
	CHECK_EQ(from_now("23:00", 0), -10 * 3600);
	CHECK_EQ(from_now("01:00", NOW - 10 * HOUR), -8 * 3600);
	CHECK_EQ(from_now("09:30", NOW - HOUR / 6), 1800);
	/* Of a day that is long past, too. */
	CHECK_EQ(from_now("10:05", NOW - 14 * 24 * HOUR + HOUR), -14 * 24 * 3600 + 3600 + 300);
}

static void days(void)
{
	CHECK_EQ(from_now("today", 0), -9 * 3600);
	CHECK_EQ(from_now("today 09:30", 0), 1800);
	CHECK_EQ(from_now("yesterday", 0), -33 * 3600);
	CHECK_EQ(from_now("yesterday 10:00", 0), -23 * 3600);
	CHECK_EQ(from_now("2026-11-24", 0), -33 * 3600);
	CHECK_EQ(from_now("2026-11-25 03:00", 0), -6 * 3600);
	CHECK_EQ(from_now("2026-11-25T03:00:10", 0), -6 * 3600 + 10);
}

static void a_day_may_have_25_hours(void)
{
	uint64_t ns;

	/* 2026-10-26 00:30 in Berlin: the day before had two hours from 2 to 3. */
	CHECK_EQ(clock_time_parse("yesterday 00:30", 1792971000ull * SECOND, 0, &ns), 0);
	CHECK_EQ(1792971000ull - ns / SECOND, 25 * 3600);
}

static void zones(void)
{
	CHECK_EQ(from_now("2026-11-25T03:00:00Z", 0), -5 * 3600);
	CHECK_EQ(from_now("2026-11-25T03:00:00+02:00", 0), -7 * 3600);
	CHECK_EQ(from_now("2026-11-25T03:00:01.25-00:30", 0), -4 * 3600 - 1800 + 1 + 1);
}

static void before_now(void)
{
	CHECK_EQ(from_now("now", 0), 0);
	CHECK_EQ(from_now("-5m", 0), -300);
	CHECK_EQ(from_now("-90s", 0), -90);
	CHECK_EQ(from_now("-1h30m", 0), -5400);
	CHECK_EQ(from_now("-2d", 0), -2 * 24 * 3600);
}

static void since_1970(void)
{
	uint64_t ns;

	CHECK_EQ(clock_time_parse("@1764000000.123456789999", NOW, 0, &ns), 0);
	CHECK_EQ(ns, 1764000000123456789ull);
	CHECK_EQ(clock_time_parse("10:00:30.5", NOW, NOW, &ns), 0);
	CHECK_EQ(ns % SECOND, SECOND / 2);
}

static void refuses(void)
{
	static const char *const bad[] = {
		"",
		"x",
		"10",
		"1:00",
		"24:00",
		"10:60",
		"10:00:61",
		"10:00x",
		"10:00:",
		"10:00:00.",
		"2026-13-01",
		"2026-11-31",
		"2026-00-10",
		"2026-11-25 ",
		"2026-11-25 3:00",
		"1969-01-01",
		"2026-11-25T03:00:00+1",
		"2026-11-25T03:00:00ZZ",
		"-",
		"-5",
		"-5x",
		"-m",
		"-99999999999999999999d",
		"-100000d",
		"@",
		"@x",
		"@-1",
		"@99999999999999999999",
		"@1764000000x",
		"todayx",
		"today10:00",
		"yesterday 25:00",
		"nowx",
		"9999-01-01",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		uint64_t ns;

		if (!clock_time_parse(bad[i], NOW, 0, &ns)) {
			printf("taken: '%s'\n", bad[i]);
			test_failures++;
		}
	}
}

static void shows(void)
{
	uint64_t now = (uint64_t)time(NULL) * SECOND;

	CHECK_EQ(strlen(clock_time_text(now).text), strlen("10:00:00"));
	CHECK_STR(clock_time_text(NOW - 365 * 24 * HOUR).text, "2025-11-25 09:00:00");
}

int main(void)
{
	/* Berlin, by its rule: there may be no zone files. */
	set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
	RUN(time_of_day_is_the_last_one);
	RUN(the_end_is_the_first_one_after_the_beginning);
	RUN(days);
	RUN(a_day_may_have_25_hours);
	RUN(zones);
	RUN(before_now);
	RUN(since_1970);
	RUN(refuses);
	RUN(shows);
	return DONE();
}
