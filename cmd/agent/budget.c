/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* budget.c - how often to sample, so that sampling costs no more than it may. */
#include "agent/budget.h"

#include <math.h>

#define MEMORY_NS 10e9 /* of the average */
#define NEAR 0.85      /* of the limit: lower the rate now */
#define AIM 0.70       /* of the limit: what a new rate should cost */
#define CALM 0.60      /* of the limit: below this a measurement is calm */
#define CALM_BEFORE_RAISE 5
#define RAISE_BY 1.25

void budget_init(struct budget *budget, double limit_cpus, uint64_t wanted_hz)
{
	*budget = (struct budget){
		.limit = limit_cpus,
		.wanted = wanted_hz,
		.rate = wanted_hz,
	};
}

/*
 * An average that forgets what is long ago; but what is much more than the average counts at once,
 * since waiting for the average would be spending.
 */
static void note(struct budget *b, const struct budget_cost *cost)
{
	double now = (double)cost->cpu_ns / (double)cost->elapsed_ns;
	double weight = 1 - exp(-(double)cost->elapsed_ns / MEMORY_NS);

	if (now > b->spent && now > b->limit)
		weight = fmax(weight, 0.5);
	b->spent += (now - b->spent) * weight;
}

static uint64_t lower(struct budget *b)
{
	double wanted = (double)b->rate * AIM * b->limit / b->spent;

	b->calm = 0;
	if (b->rate <= 1)
		return b->rate;
	b->lowered++;
	b->rate = wanted < 1 ? 1 : (uint64_t)wanted;
	/* What was spent at the old rate is no measure of the new one. */
	b->spent = AIM * b->limit;
	return b->rate;
}

static uint64_t raise(struct budget *b)
{
	double next = fmin(ceil((double)b->rate * RAISE_BY), (double)b->wanted);

	if (b->spent * next / (double)b->rate > AIM * b->limit)
		return b->rate;
	b->calm = 0;
	b->raised++;
	b->rate = (uint64_t)next;
	return b->rate;
}

uint64_t budget_next(struct budget *b, const struct budget_cost *cost)
{
	if (!cost->elapsed_ns)
		return b->rate;
	note(b, cost);
	if (b->spent > NEAR * b->limit)
		return lower(b);
	b->calm = b->spent < CALM * b->limit ? b->calm + 1 : 0;
	if (b->calm < CALM_BEFORE_RAISE || b->rate >= b->wanted)
		return b->rate;
	return raise(b);
}
