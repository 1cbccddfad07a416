/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* clock_time.c - times of day, as people write them. */
#include "clock_time.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000000ull
#define DAY (24 * 3600)
/* Up to the year 2262, what 63 bits of nanoseconds hold. */
#define MAX_SECONDS (INT64_MAX / (int64_t)SECOND - 2 * DAY)

uint64_t clock_time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

/* ---- parts: each moves *at behind what it has read ------------------------------------------ */

/* Exactly so many digits, up to max. */
static bool digits(const char **at, int n, int max, int *value)
{
	*value = 0;
	for (; n; n--, ++*at) {
		if (!isdigit((unsigned char)**at))
			return false;
		*value = *value * 10 + **at - '0';
	}
	return *value <= max;
}

static bool take(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

/* ".123456789", of which more digits than nine are read and dropped; nothing is 0. */
static bool fraction(const char **at, uint64_t *ns)
{
	uint64_t unit = SECOND / 10;

	*ns = 0;
	if (!take(at, '.'))
		return true;
	if (!isdigit((unsigned char)**at))
		return false;
	for (; isdigit((unsigned char)**at); ++*at, unit /= 10)
		*ns += (uint64_t)(**at - '0') * unit;
	return true;
}

/* HH:MM[:SS[.FRACTION]] */
static bool time_of_day(const char **at, struct tm *tm, uint64_t *ns)
{
	*ns = 0;
	tm->tm_sec = 0;
	if (!digits(at, 2, 23, &tm->tm_hour) || !take(at, ':') || !digits(at, 2, 59, &tm->tm_min))
		return false;
	if (!take(at, ':'))
		return true;
	return digits(at, 2, 60, &tm->tm_sec) && fraction(at, ns);
}

static bool date(const char **at, struct tm *tm)
{
	int year, month, day;

	if (!digits(at, 4, 2261, &year) || !take(at, '-') || !digits(at, 2, 12, &month) ||
	    !take(at, '-') || !digits(at, 2, 31, &day) || year < 1970 || !month || !day)
		return false;
	*tm = (struct tm){ .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day };
	return true;
}

/* "Z", "+01:00"; *seconds: east of Greenwich. False: neither. */
static bool zone(const char **at, long *seconds)
{
	int sign = **at == '-' ? -1 : 1, hours, minutes;

	*seconds = 0;
	if (take(at, 'Z') || take(at, 'z'))
		return true;
	if (!(take(at, '+') || take(at, '-')) || !digits(at, 2, 23, &hours) || !take(at, ':') ||
	    !digits(at, 2, 59, &minutes))
		return false;
	*seconds = sign * (hours * 3600l + minutes * 60);
	return true;
}

/* A day that there is not (the 31st of June) would come out as another one. */
static int finish(struct tm *tm, uint64_t fraction_ns, bool has_zone, long east, uint64_t *ns)
{
	int day = tm->tm_mday;
	time_t seconds;

	tm->tm_isdst = -1;
	seconds = has_zone ? timegm(tm) - east : mktime(tm);
	if (tm->tm_mday != day || seconds < 0 || seconds > MAX_SECONDS)
		return -EINVAL;
	*ns = (uint64_t)seconds * SECOND + fraction_ns;
	return 0;
}

/* ---- forms ---------------------------------------------------------------------------------- */

static int parse_date(const char *at, uint64_t *ns)
{
	struct tm tm;
	uint64_t fraction_ns = 0;
	bool has_zone = false;
	long east = 0;

	if (!date(&at, &tm))
		return -EINVAL;
	if (*at) {
		if (!take(&at, ' ') && !take(&at, 'T') && !take(&at, 't'))
			return -EINVAL;
		if (!time_of_day(&at, &tm, &fraction_ns))
			return -EINVAL;
		has_zone = *at;
		if (has_zone && !zone(&at, &east))
			return -EINVAL;
	}
	return *at ? -EINVAL : finish(&tm, fraction_ns, has_zone, east, ns);
}

/* That time on the day so many days after the day of `ns`. mktime knows what a day is. */
static int on_day(uint64_t day_ns, int days, const struct tm *time, uint64_t fraction_ns,
		  uint64_t *ns)
{
	time_t seconds = (time_t)(day_ns / SECOND);
	struct tm tm;

	localtime_r(&seconds, &tm);
	tm.tm_mday += days;
	tm.tm_hour = time->tm_hour;
	tm.tm_min = time->tm_min;
	tm.tm_sec = time->tm_sec;
	tm.tm_isdst = -1;
	seconds = mktime(&tm);
	if (seconds < 0 || seconds > MAX_SECONDS)
		return -EINVAL;
	*ns = (uint64_t)seconds * SECOND + fraction_ns;
	return 0;
}

static int parse_time(const char *at, uint64_t now_ns, uint64_t from_ns, uint64_t *ns)
{
	struct tm tm = { 0 };
	uint64_t fraction_ns;
	int ret;

	if (!time_of_day(&at, &tm, &fraction_ns) || *at)
		return -EINVAL;
	ret = on_day(from_ns ? from_ns : now_ns, 0, &tm, fraction_ns, ns);
	if (!ret && from_ns && *ns <= from_ns)
		return on_day(from_ns, 1, &tm, fraction_ns, ns);
	if (!ret && !from_ns && *ns > now_ns)
		return on_day(now_ns, -1, &tm, fraction_ns, ns);
	return ret;
}

/* "today", "yesterday", alone (its beginning) or with a time. */
static int parse_day(const char *at, uint64_t now_ns, int days, uint64_t *ns)
{
	struct tm tm = { 0 };
	uint64_t fraction_ns = 0;

	if (*at && (!take(&at, ' ') || !time_of_day(&at, &tm, &fraction_ns) || *at))
		return -EINVAL;
	return on_day(now_ns, days, &tm, fraction_ns, ns);
}

/* "5m", "1h30m" */
static int parse_ago(const char *at, uint64_t now_ns, uint64_t *ns)
{
	uint64_t seconds = 0;

	if (!*at)
		return -EINVAL;
	while (*at) {
		char *end;
		unsigned long long n;

		if (!isdigit((unsigned char)*at))
			return -EINVAL;
		n = strtoull(at, &end, 10);
		if (n > MAX_SECONDS / DAY)
			return -EINVAL;
		switch (*end) {
		case 's':
			break;
		case 'm':
			n *= 60;
			break;
		case 'h':
			n *= 3600;
			break;
		case 'd':
			n *= DAY;
			break;
		default:
			return -EINVAL;
		}
		seconds += n;
		at = end + 1;
		if (seconds > now_ns / SECOND)
			return -EINVAL;
	}
	*ns = now_ns - seconds * SECOND;
	return 0;
}

static int parse_epoch(const char *at, uint64_t *ns)
{
	unsigned long long seconds;
	uint64_t fraction_ns;
	char *end;

	if (!isdigit((unsigned char)*at))
		return -EINVAL;
	seconds = strtoull(at, &end, 10);
	at = end;
	if (seconds > (unsigned long long)MAX_SECONDS || !fraction(&at, &fraction_ns) || *at)
		return -EINVAL;
	*ns = seconds * SECOND + fraction_ns;
	return 0;
}

int clock_time_parse(const char *text, uint64_t now_ns, uint64_t from_ns, uint64_t *ns)
{
	static const char today[] = "today", yesterday[] = "yesterday";

	if (*text == '@')
		return parse_epoch(text + 1, ns);
	if (*text == '-')
		return parse_ago(text + 1, now_ns, ns);
	if (!strcmp(text, "now")) {
		*ns = now_ns;
		return 0;
	}
	if (!strncmp(text, today, strlen(today)))
		return parse_day(text + strlen(today), now_ns, 0, ns);
	if (!strncmp(text, yesterday, strlen(yesterday)))
		return parse_day(text + strlen(yesterday), now_ns, -1, ns);
	if (strlen(text) > 4 && text[4] == '-')
		return parse_date(text, ns);
	return parse_time(text, now_ns, from_ns, ns);
}

struct clock_time_text clock_time_text(uint64_t ns)
{
	time_t seconds = (time_t)(ns / SECOND), now = time(NULL);
	struct clock_time_text made;
	struct tm tm, today;
	bool same_day;

	localtime_r(&seconds, &tm);
	localtime_r(&now, &today);
	same_day = tm.tm_year == today.tm_year && tm.tm_yday == today.tm_yday;
	strftime(made.text, sizeof(made.text), same_day ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
	return made;
}
