/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* window_name.c - what the name of a window's file says. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/window.h"

#define SUFFIX ".egret"
#define SECOND 1000000000ull
#define BLOCK 4096u

static void format_time(uint64_t ns, char text[40])
{
	time_t seconds = (time_t)(ns / SECOND);
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(text, 40, "%Y%m%dT%H%M%S", &tm);
	snprintf(text + len, 40 - len, ".%09" PRIu64 "Z", (uint64_t)(ns % SECOND));
}

const char *window_name(const struct window *w, char name[WINDOW_NAME_MAX])
{
	char from[40], to[40], last[24] = "";

	format_time(w->from_ns, from);
	format_time(w->to_ns, to);
	if (w->last != w->first)
		snprintf(last, sizeof(last), "-%010" PRIu64, w->last);
	snprintf(name, WINDOW_NAME_MAX, "%010" PRIu64 "%s_%s_%s" SUFFIX, w->first, last, from, to);
	return name;
}

static bool parse_number(const char **at, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	*number = strtoull(*at, &end, 10);
	*at = end;
	return !errno && *number;
}

static bool parse_time(const char **at, uint64_t *ns)
{
	unsigned int nanoseconds;
	struct tm tm = { 0 };
	int len = 0;

	if (*(*at)++ != '_' ||
	    sscanf(*at, "%4d%2d%2dT%2d%2d%2d.%9uZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &nanoseconds, &len) != 7 ||
	    !len)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	*ns = (uint64_t)timegm(&tm) * SECOND + nanoseconds;
	*at += len;
	return true;
}

bool window_parse_name(const char *name, struct window *w)
{
	const char *at = name;
	char again[WINDOW_NAME_MAX];

	*w = (struct window){ 0 };
	if (!parse_number(&at, &w->first))
		return false;
	w->last = w->first;
	if (*at == '-' && (at++, !parse_number(&at, &w->last)))
		return false;
	if (!parse_time(&at, &w->from_ns) || !parse_time(&at, &w->to_ns) || strcmp(at, SUFFIX))
		return false;
	/* One name for one window: what looks like it but is written otherwise is none. */
	return w->first <= w->last && w->from_ns < w->to_ns && !strcmp(window_name(w, again), name);
}

uint64_t window_disk_bytes(uint64_t bytes)
{
	return (bytes + BLOCK - 1) / BLOCK * BLOCK;
}
