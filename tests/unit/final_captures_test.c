/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Captures kept until a sample asks for them: which are there, which are dropped, and how many. */
#include "session/final_captures.h"

#include <string.h>

#include "test.h"

#define SECOND 1000000000ull

static uint64_t add(struct egret_final_captures *f, uint32_t tid, uint64_t time)
{
	struct egret_rec_capture rec = { .rec = { .size = sizeof(rec), .time = time },
					 .tid = tid,
					 .cookie = tid * 7 };

	return egret_final_captures_add(f, &rec, NULL);
}

/* The tid of the one of that number, which is taken; 0: there is none. */
static uint32_t take(struct egret_final_captures *f, uint64_t number)
{
	struct egret_final_capture capture = egret_final_captures_take(f, number);
	uint32_t tid = capture.rec ? capture.rec->tid : 0;

	if (capture.rec)
		CHECK_EQ(capture.rec->cookie, tid * 7);
	egret_final_capture_deinit(&capture);
	return tid;
}

static uint32_t oldest(struct egret_final_captures *f, uint64_t time)
{
	uint64_t number;
	const struct egret_final_capture *capture = egret_final_captures_oldest(f, time, &number);

	return capture ? capture->rec->tid : 0;
}

static void each_is_taken_once(void)
{
	struct egret_final_captures f = { 0 };
	uint64_t a, b;

	CHECK_EQ(oldest(&f, 0), 0);
	CHECK_EQ(take(&f, 0), 0);
	CHECK_EQ(take(&f, 1), 0);
	egret_final_captures_ended(&f, 1, 0);
	a = add(&f, 1, 10);
	b = add(&f, 2, 20);
	CHECK(a && b && a != b);
	CHECK_EQ(take(&f, b), 2);
	CHECK_EQ(take(&f, b), 0);
	CHECK_EQ(oldest(&f, 30), 1);
	CHECK_EQ(take(&f, a), 1);
	CHECK_EQ(f.bytes, 0);
	CHECK_EQ(oldest(&f, 30), 0);
	CHECK(add(&f, 3, 40) > b);
	egret_final_captures_deinit(&f);
}

/* Who has ended is dropped after a while; who has not stays, and those behind it too. */
static void ended_are_dropped(void)
{
	struct egret_final_captures f = { 0 };
	uint64_t first = add(&f, 1, 1 * SECOND), second = add(&f, 2, 2 * SECOND);

	add(&f, 3, 3 * SECOND);
	egret_final_captures_ended(&f, 1, 3 * SECOND);
	egret_final_captures_ended(&f, 3, 3 * SECOND);
	CHECK_EQ(oldest(&f, 3 * SECOND + SECOND / 8), 1);
	CHECK_EQ(oldest(&f, 4 * SECOND + 1), 2);
	CHECK_EQ(take(&f, first), 0);
	CHECK_EQ(oldest(&f, 9 * SECOND), 2);
	CHECK_EQ(take(&f, second), 2);
	CHECK_EQ(oldest(&f, 9 * SECOND), 0);
	CHECK_EQ(f.bytes, 0);
	egret_final_captures_deinit(&f);
}

/* A thread's id may be used again: the end is that of the newer one. */
static void the_newer_one_ends(void)
{
	struct egret_final_captures f = { 0 };

	add(&f, 5, SECOND);
	add(&f, 5, SECOND + 1);
	egret_final_captures_ended(&f, 5, SECOND + 2);
	egret_final_captures_ended(&f, 6, SECOND + 2);
	CHECK_EQ(oldest(&f, 9 * SECOND), 5);
	egret_final_captures_ended(&f, 5, SECOND + 3);
	CHECK_EQ(oldest(&f, 9 * SECOND), 0);
	egret_final_captures_deinit(&f);
}

static void are_bounded(void)
{
	struct egret_final_captures f = { 0 };
	size_t size = sizeof(struct egret_rec_capture), n = 0;
	uint64_t first = add(&f, 1, 1);

	while (egret_final_captures_fit(&f, size) && n < 1u << 20 && add(&f, 2, 2))
		n++;
	CHECK(n > 1000 && n < 1u << 20);
	CHECK(egret_final_captures_memory(&f) < 16u << 20);
	CHECK_EQ(take(&f, first), 1);
	CHECK_EQ(oldest(&f, 3), 2);
	CHECK(egret_final_captures_fit(&f, size));
	egret_final_captures_deinit(&f);
}

int main(void)
{
	RUN(each_is_taken_once);
	RUN(ended_are_dropped);
	RUN(the_newer_one_ends);
	RUN(are_bounded);
	return DONE();
}
