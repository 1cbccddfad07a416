/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * comparison.h - two profiles, function by function or stack by stack, and how sure that is.
 *
 * Shares are compared, not samples: recordings differ in length. The difference of two shares p and
 * q, of n and m samples, is taken to be normal with the variance p (1 - p) / n + q (1 - q) / m,
 * each with one success and one failure added, so that it also holds for few (Agresti and Caffo,
 * The American Statistician 54:4, 2000). Its confidence is the probability that chance alone makes
 * a smaller one, erf(|z| / sqrt 2). Of 100 rows that have not changed, about 5 are above 95 %.
 */
#ifndef EGRET_CMD_COMPARISON_H
#define EGRET_CMD_COMPARISON_H

#include "aggregate.h"

enum comparison_by { BY_SELF, BY_TOTAL, BY_STACK };

struct difference {
	char *name;	      /* of the function, or the stack as "root;...;leaf" */
	const char *module;   /* file name of the module; "" of a stack. The aggregates' */
	double before, after; /* shares, 0 to 1 */
	double delta;
	double noise;	     /* half the width of the interval that holds the delta with 95 % */
	double confidence;   /* 0 to 1 */
	uint64_t samples[2]; /* before, after */
};

struct comparison {
	struct difference *rows; /* largest difference first */
	size_t n, capacity;
};

/* 0 or -ENOMEM. comparison_deinit in either case; the aggregates must live as long. */
int comparison_build(struct comparison *comparison, const struct aggregate *before,
		     const struct aggregate *after, enum comparison_by by);
void comparison_deinit(struct comparison *comparison);

/* Of shares `before` of n samples and `after` of m: fills delta, noise and confidence. */
void comparison_judge(struct difference *row, uint64_t n, uint64_t m);

#endif
