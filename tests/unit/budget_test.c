/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* budget_test.c - the rate follows what sampling costs, before it is too much. */
#include "agent/budget.h"

#include "test.h"

/* A machine on which a second costs so much. */
struct machine {
	double fixed;	   /* CPUs */
	double per_sample; /* CPU seconds */
	double noise;	   /* of it, +- */
	unsigned int seed;
	double worst_minute; /* CPUs, mean of sixty seconds in a row */
	double last[60];
	unsigned int n;
};

static double random_of(struct machine *m)
{
	m->seed = m->seed * 1103515245 + 12345;
	return (double)(m->seed >> 16 & 0x7fff) / 0x7fff * 2 - 1;
}

static void second(struct machine *m, struct budget *b, double extra)
{
	double cost = (m->fixed + m->per_sample * (double)b->rate) * (1 + m->noise * random_of(m)) +
		      extra;
	struct budget_cost c = { 1000000000, (uint64_t)(cost * 1e9) };
	double sum = 0;

	m->last[m->n++ % 60] = cost;
	for (unsigned int i = 0; m->n >= 60 && i < 60; i++)
		sum += m->last[i] / 60;
	if (sum > m->worst_minute)
		m->worst_minute = sum;
	budget_next(b, &c);
}

static void seconds(struct machine *m, struct budget *b, unsigned int n)
{
	while (n--)
		second(m, b, 0);
}

static void what_is_cheap_is_left_alone(void)
{
	struct machine m = { .fixed = 0.0005, .per_sample = 0.0001, .noise = 0.5 };
	struct budget b;

	budget_init(&b, 0.01, 19);
	seconds(&m, &b, 1000);
	CHECK_EQ(b.rate, 19);
	CHECK_EQ(b.lowered, 0);
}

/* What a sample costs: from half of the budget to eight times of it, at the rate that is wanted. */
static void never_more_than_the_limit(void)
{
	for (double times = 0.5; times <= 8; times *= 1.5) {
		struct machine m = { .fixed = 0.001, .noise = 0.3, .seed = 7 };
		struct budget b;

		m.per_sample = 0.0009 * times / 99;
		budget_init(&b, 0.01, 99);
		seconds(&m, &b, 60); /* one minute is calm: the load comes later */
		m.per_sample *= 10;
		seconds(&m, &b, 600);
		CHECK(m.worst_minute < 0.0105 * (times < 4 ? 1 : 1.6));
		m.worst_minute = m.n = 0;
		seconds(&m, &b, 600);
		CHECK(m.worst_minute < 0.01);
		CHECK(b.rate >= (times < 1 ? 60 : (uint64_t)(30 / times)));
	}
}

static void it_recovers(void)
{
	struct machine m = { .per_sample = 0.001, .noise = 0.2 };
	struct budget b;

	budget_init(&b, 0.01, 99);
	seconds(&m, &b, 120);
	CHECK(b.rate <= 9);
	m.per_sample = 0.00001;
	seconds(&m, &b, 600);
	CHECK_EQ(b.rate, 99);
}

/* Symbols of a program that has just been started: once. */
static void a_burst_is_borne(void)
{
	struct machine m = { .per_sample = 0.0001 };
	struct budget b;

	budget_init(&b, 0.01, 19);
	seconds(&m, &b, 100);
	second(&m, &b, 0.1);
	seconds(&m, &b, 100);
	CHECK_EQ(b.rate, 19);
}

/* What runs is learnt at the start, and costs most of a minute's budget. */
static void a_dear_start_is_made_up_for(void)
{
	struct machine m = { .per_sample = 0.0001, .fixed = 0.001 };
	struct budget b;
	unsigned int low = 0;

	budget_init(&b, 0.01, 19);
	for (unsigned int i = 0; i < 10; i++)
		second(&m, &b, 0.045);
	for (unsigned int i = 0; i < 120; i++) {
		second(&m, &b, 0);
		low += b.rate < 19;
	}
	CHECK(m.worst_minute < 0.0105);
	CHECK_EQ(b.rate, 19);
	CHECK(low < 75);
}

static void it_comes_to_rest(void)
{
	struct machine m = { .per_sample = 0.0003, .noise = 0.2 };
	struct budget b;
	uint64_t changes;

	budget_init(&b, 0.01, 99);
	seconds(&m, &b, 300);
	changes = b.lowered + b.raised;
	seconds(&m, &b, 3000);
	CHECK(b.lowered + b.raised - changes <= 10);
}

static void it_ends_at_one(void)
{
	struct machine m = { .fixed = 0.1 };
	struct budget b;

	budget_init(&b, 0.01, 19);
	seconds(&m, &b, 200);
	CHECK_EQ(b.rate, 1);
}

int main(void)
{
	RUN(what_is_cheap_is_left_alone);
	RUN(never_more_than_the_limit);
	RUN(it_recovers);
	RUN(a_burst_is_borne);
	RUN(a_dear_start_is_made_up_for);
	RUN(it_comes_to_rest);
	RUN(it_ends_at_one);
	return DONE();
}
