/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* budget.c - how often to sample, so that sampling costs no more than it may. */
#include "agent/budget.h"

#include <math.h>

#define MINUTE_NS 60e9
#define SECONDS_NS 10e9
#define NEAR 0.80		 /* of the limit: from here on the rate is lowered */
#define AIM 0.60		 /* of the limit: what a new rate should cost */
#define BEARABLE 0.40		 /* of the limit, in a minute: a burst up to here is borne */
#define CALM 0.50		 /* of the limit: below this it is calm */
#define SETTLE_NS 10000000000ull /* until a new rate shows in the average */
#define CALM_NS 10000000000ull	 /* before the rate is raised */
#define RAISE_BY 2

void budget_init(struct budget *budget, double limit_cpus, uint64_t wanted_hz)
{
	*budget = (struct budget){
		.limit = limit_cpus,
		.wanted = wanted_hz,
		.rate = wanted_hz,
		.since_ns = SETTLE_NS,
	};
}

static void note(double *average, double memory_ns, const struct budget_cost *cost)
{
	double now = (double)cost->cpu_ns / (double)cost->elapsed_ns;

	*average += (now - *average) * (1 - exp(-(double)cost->elapsed_ns / memory_ns));
}

static void change(struct budget *b, double rate)
{
	uint64_t before = b->rate;

	b->rate = rate < 1 ? 1 : (uint64_t)rate;
	/* What was spent at the old rate would be held against the new one. */
	b->seconds *= (double)b->rate / (double)before;
	b->since_ns = b->calm_ns = 0;
}

static void lower(struct budget *b)
{
	double rate = (double)b->rate * AIM * b->limit / b->seconds;

	if (b->minute > b->limit)
		rate = fmin(rate, (double)b->rate / 2);
	change(b, fmin(rate, (double)b->rate - 1));
	b->lowered++;
}

static void raise(struct budget *b)
{
	double rate = fmin(ceil((double)b->rate * RAISE_BY), (double)b->wanted);

	if (b->seconds * rate / (double)b->rate > AIM * b->limit)
		return;
	change(b, rate);
	b->raised++;
}

uint64_t budget_next(struct budget *b, const struct budget_cost *cost)
{
	if (!cost->elapsed_ns)
		return b->rate;
	note(&b->minute, MINUTE_NS, cost);
	note(&b->seconds, SECONDS_NS, cost);
	b->since_ns += cost->elapsed_ns;
	if (b->minute < CALM * b->limit && b->seconds < CALM * b->limit)
		b->calm_ns += cost->elapsed_ns;
	else
		b->calm_ns = 0;
	/* Both: a burst that is over does not lower it, nor does one that the minute can bear. */
	if (b->rate > 1 && b->since_ns >= SETTLE_NS && b->seconds > NEAR * b->limit &&
	    b->minute > BEARABLE * b->limit)
		lower(b);
	else if (b->rate < b->wanted && b->calm_ns >= CALM_NS)
		raise(b);
	return b->rate;
}
