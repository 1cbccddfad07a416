/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Two profiles compared: what belongs together, and what is only noise. */
#include "cmd/comparison.h"

#include <math.h>

#include "test.h"

static const struct egret_thread thread = { .process = "prog", .comm = "prog", .pid = 1, .tid = 1 };
static struct aggregate before, after;
static struct comparison c;

static void add(struct aggregate *a, const char *module, const char *caller, const char *leaf,
		uint64_t samples)
{
	static struct egret_frame pool[64]; /* frames outlive the call */
	static size_t n;
	struct egret_frame *frames = &pool[n++ % 32 * 2];
	const struct egret_frame *list[] = { &frames[0], &frames[1] };
	struct egret_stack stack = { .thread = &thread,
				     .frames = list,
				     .n_frames = 2,
				     .samples = samples,
				     .value = samples };

	frames[0] = (struct egret_frame){ .name = leaf, .module = module };
	frames[1] = (struct egret_frame){ .name = caller, .module = module };
	CHECK_EQ(aggregate_add(a, &stack), 0);
}

static void compare(enum comparison_by by)
{
	comparison_deinit(&c);
	CHECK_EQ(aggregate_finish(&before), 0);
	CHECK_EQ(aggregate_finish(&after), 0);
	CHECK_EQ(comparison_build(&c, &before, &after, by), 0);
}

static const struct difference *row(const char *name)
{
	for (size_t i = 0; i < c.n; i++)
		if (!strcmp(c.rows[i].name, name))
			return &c.rows[i];
	return NULL;
}

static void begin(void)
{
	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	/* 1,000 and 2,000 samples: only shares are comparable. */
	add(&before, "/old/libx.so", "main", "parse", 500);
	add(&before, "/old/libx.so", "main", "sort", 300);
	add(&before, "/old/libx.so", "main", "gone", 200);
	add(&after, "/new/libx.so", "main", "parse", 1000);
	add(&after, "/new/libx.so", "main", "sort", 640);
	add(&after, "/new/libx.so", "main", "fresh", 360);
}

static void end(void)
{
	comparison_deinit(&c);
	aggregate_deinit(&before);
	aggregate_deinit(&after);
}

static bool is_near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

/* The same function in another directory is the same function. */
static void functions_by_self(void)
{
	begin();
	compare(BY_SELF);
	CHECK_EQ(c.n, 4);
	CHECK_STR(c.rows[0].name, "gone");
	CHECK(is_near(c.rows[0].before, 0.2) && is_near(c.rows[0].after, 0) &&
	      is_near(c.rows[0].delta, -0.2));
	CHECK_EQ(c.rows[0].samples[0], 200);
	CHECK_EQ(c.rows[0].samples[1], 0);
	CHECK(c.rows[0].confidence > 0.9999);
	CHECK_STR(c.rows[1].name, "fresh");
	CHECK_STR(c.rows[1].module, "libx.so");
	CHECK(row("parse") && is_near(row("parse")->delta, 0));
	CHECK(row("parse")->confidence < 0.1);
	/* 30 % and 32 %, of so few samples: nobody knows. */
	CHECK(is_near(row("sort")->delta, 0.02) && row("sort")->confidence < 0.8 &&
	      row("sort")->noise > 0.02);
	end();
}

static void functions_by_total(void)
{
	begin();
	compare(BY_TOTAL);
	CHECK_EQ(c.n, 5);
	CHECK(row("main") && is_near(row("main")->before, 1) && is_near(row("main")->after, 1));
	CHECK(row("main")->confidence < 0.5);
	end();
}

static void stacks(void)
{
	begin();
	compare(BY_STACK);
	CHECK_EQ(c.n, 4);
	CHECK_STR(c.rows[0].name, "prog;main;gone");
	CHECK_EQ(row("prog;main;parse")->samples[0], 500);
	CHECK_EQ(row("prog;main;parse")->samples[1], 1000);
	end();
}

/* Of many comparisons of the same thing, 95 of 100 are below 95 %, whatever the share. */
static void confidence_is_what_it_says(void)
{
	static const double shares[] = { 0.5, 0.1, 0.01, 0.002 };

	srand(7);
	for (size_t s = 0; s < 4; s++) {
		int sure = 0;

		for (int i = 0; i < 1000; i++) {
			struct difference d = { 0 };
			int counts[2] = { 0, 0 };

			for (int j = 0; j < 2000; j++)
				counts[j & 1] += rand() < shares[s] * RAND_MAX;
			d.before = counts[0] / 1000.0;
			d.after = counts[1] / 1000.0;
			comparison_judge(&d, 1000, 1000);
			sure += d.confidence >= 0.95;
		}
		CHECK(sure < 75);
		CHECK(s == 3 || sure > 15);
	}
}

static void nothing_is_never_sure(void)
{
	begin();
	aggregate_deinit(&after);
	memset(&after, 0, sizeof(after));
	compare(BY_SELF);
	CHECK_EQ(c.n, 3);
	for (size_t i = 0; i < c.n; i++)
		CHECK(c.rows[i].confidence < 0.8);
	end();
}

int main(void)
{
	RUN(functions_by_self);
	RUN(functions_by_total);
	RUN(stacks);
	RUN(confidence_is_what_it_says);
	RUN(nothing_is_never_sure);
	return DONE();
}
