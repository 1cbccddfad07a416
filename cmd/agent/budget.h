/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * budget.h - how often to sample, so that sampling costs no more than it may.
 *
 * A pure controller: costs that were measured in, a rate out. The forecast is that a second costs
 * as much more as the rate is higher. The rate is lowered at once when what is spent comes near the
 * limit, and raised in small steps after some calm time, only as far as the forecast allows.
 */
#ifndef EGRET_CMD_AGENT_BUDGET_H
#define EGRET_CMD_AGENT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct budget {
	double limit;		  /* CPUs: 0.01 is 10 ms of CPU time a second */
	uint64_t wanted;	  /* Hz, as configured */
	uint64_t rate;		  /* Hz now, 1 to wanted */
	double spent;		  /* CPUs, averaged over about ten seconds */
	unsigned int calm;	  /* measurements in a row that were well below the limit */
	uint64_t lowered, raised; /* times */
};

/* What one measurement says. */
struct budget_cost {
	uint64_t elapsed_ns; /* since the last one */
	uint64_t cpu_ns;     /* used meanwhile, all parts */
};

void budget_init(struct budget *budget, double limit_cpus, uint64_t wanted_hz);

/* The rate from now on; where it is another than before, the caller says so. */
uint64_t budget_next(struct budget *budget, const struct budget_cost *cost);

#endif
