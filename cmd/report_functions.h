/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* report_functions.h - functions as a table of text. */
#ifndef EGRET_CMD_REPORT_FUNCTIONS_H
#define EGRET_CMD_REPORT_FUNCTIONS_H

#include <stdio.h>

#include "aggregate.h"

struct functions_table {
	double percent_limit; /* functions of a smaller share are left out */
	uint64_t limit;	      /* at most so many; 0: all */
	bool by_total;	      /* the order; else by self */
	bool no_total;	      /* self only */
};

/* functions: in order, as aggregate_sorted has them. width: INT_MAX: without an end. */
void report_functions_print(const struct functions_table *table, const struct aggregate *aggregate,
			    const struct function **functions, size_t n, int width, FILE *out);

#endif
