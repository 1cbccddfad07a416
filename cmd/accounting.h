/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * accounting.h - where every interrupt went, as an identity that is checked.
 *
 *   interrupts + witness.late + witness.idle + witness.never-ran = witness.expected
 *   filtered.* + samples.written + samples.dropped.*   = interrupts
 *   sum of capture.*                                   = samples.written
 *   sum of unwind.*                                    = samples.written
 */
#ifndef EGRET_CMD_ACCOUNTING_H
#define EGRET_CMD_ACCOUNTING_H

#include <stdbool.h>
#include <stdio.h>

#include <egret/egret.h>

/* A copy of the numbers. Zero-initialise. */
struct accounting {
	struct egret_stat *items;
	size_t n;
};

/* An egret_stat_fn; arg is the struct accounting. 0 or -ENOMEM. */
int accounting_add(const struct egret_stat *stat, void *arg);
void accounting_deinit(struct accounting *accounting);

/* The number of a name, or the sum of all that begin like a name that ends in '*'; 0 for none. */
uint64_t accounting_value(const struct accounting *accounting, const char *name);

/* How many of the equations do not hold. An equation about numbers that are not there holds. */
unsigned int accounting_differences(const struct accounting *accounting);

/* The numbers, one a line (name, value, meaning), and then the equations with "ok" or by how much
 * they differ. */
void accounting_print(const struct accounting *accounting, FILE *out);

/* The numbers of the summary line. */
struct accounting_summary {
	uint64_t samples;
	uint64_t user_stacks; /* samples that have, or should have, a user stack */
	uint64_t complete;    /* of user_stacks */
	uint64_t lost;	      /* samples, all causes */
};
struct accounting_summary accounting_summary(const struct accounting *accounting);

#endif
