/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What --time means. */
#include "test.h"

#include <errno.h>

#include "cmd/filter.h"

#define S 1000000000ull

/* Of a recording from 100 s to 110 s. */
static void is_from(const char *text, uint64_t want_from, uint64_t want_to)
{
	uint64_t from = 1, to = 1;

	CHECK_EQ(filter_parse_time(text, 100 * S, 110 * S, &from, &to), 0);
	CHECK_EQ(from, want_from);
	CHECK_EQ(to, want_to);
}

static void is_refused(const char *text)
{
	uint64_t from, to;

	CHECK_EQ(filter_parse_time(text, 100 * S, 110 * S, &from, &to), -EINVAL);
}

static void seconds(void)
{
	is_from("1,2.5", 101 * S, 102 * S + S / 2);
	is_from("1s,2s", 101 * S, 102 * S);
	is_from("3,", 103 * S, 0);
	is_from(",3", 0, 103 * S);
}

static void shares(void)
{
	is_from("10%,20%", 101 * S, 102 * S);
	is_from("50%,", 105 * S, 0);
	/* The last sample is at the end, and belongs to it. */
	is_from("90%,100%", 109 * S, 0);
	is_from("0%,1", 100 * S, 101 * S);
}

static void refused(void)
{
	is_refused("");
	is_refused(",");
	is_refused("5");
	is_refused("2,1");
	is_refused("1,1");
	is_refused("-1,2");
	is_refused("1,2,3");
	is_refused("1,x");
	is_refused("1%%,2");
	is_refused("101%,");
	is_refused("1e300,");
	is_refused("nan,");
}

int main(void)
{
	RUN(seconds);
	RUN(shares);
	RUN(refused);
	return DONE();
}
