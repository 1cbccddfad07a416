/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * budget.h - how often to sample, so that sampling costs no more than it may.
 *
 * A pure controller: costs that were measured in, a rate out. What it keeps to is the average of a
 * minute. That may be passed for a second (the symbols of a program that has just been started are
 * read once); what stays is seen by the average of ten seconds, and the rate is lowered while the
 * minute still is below the limit. The forecast is that a second costs as much more as the rate is
 * higher. It is raised again in small steps, after some calm time, as far as the forecast allows.
 */
#ifndef EGRET_CMD_AGENT_BUDGET_H
#define EGRET_CMD_AGENT_BUDGET_H

#include <stdint.h>

struct budget {
	double limit;		  /* CPUs: 0.01 is 10 ms of CPU time a second */
	uint64_t wanted;	  /* Hz, as configured */
	uint64_t rate;		  /* Hz now, 1 to wanted */
	double minute;		  /* CPUs used, averaged over about a minute */
	double seconds;		  /* over about ten seconds */
	uint64_t since_ns;	  /* the rate was changed */
	uint64_t calm_ns;	  /* for how long both have been well below the limit */
	uint64_t lowered, raised; /* times */
};

/* What one measurement says. */
struct budget_cost {
	uint64_t elapsed_ns; /* since the last one */
	uint64_t cpu_ns;     /* used meanwhile, all parts */
};

void budget_init(struct budget *budget, double limit_cpus, uint64_t wanted_hz);

/* The rate from now on; where it is another than before, the caller sets it. */
uint64_t budget_next(struct budget *budget, const struct budget_cost *cost);

#endif
