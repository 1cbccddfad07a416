/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Part of the C program of symbolize_differential.sh: recursion, and much inlined into it. */
#include "program.h"

#include <ctype.h>
#include <stdlib.h>

struct reader {
	const char *p;
	int depth;
};

static inline void skip(struct reader *r)
{
	while (isspace((unsigned char)*r->p))
		r->p++;
}

static inline int take(struct reader *r, char c)
{
	skip(r);
	if (*r->p != c)
		return 0;
	r->p++;
	return 1;
}

static double sum(struct reader *r);

static inline double atom(struct reader *r)
{
	char *end;
	double value;

	if (take(r, '(')) {
		if (++r->depth > 100)
			die("too deep:", r->depth);
		value = sum(r);
		if (!take(r, ')'))
			complain("no )", r->depth);
		r->depth--;
		return value;
	}
	if (take(r, '-'))
		return -atom(r);
	value = strtod(r->p, &end);
	if (end == r->p)
		die("no number", *end);
	r->p = end;
	return value;
}

static inline double product(struct reader *r)
{
	double value = atom(r);

	for (;;) {
		if (take(r, '*'))
			value *= atom(r);
		else if (take(r, '/'))
			value /= atom(r);
		else
			return value;
	}
}

static double sum(struct reader *r)
{
	double value = product(r);

	for (;;) {
		if (take(r, '+'))
			value += product(r);
		else if (take(r, '-'))
			value -= product(r);
		else if (take(r, '~'))
			value = blend(value, product(r), 0.5);
		else
			return value;
	}
}

double evaluate(const char *text)
{
	struct reader r = { text, 0 };

	return sum(&r);
}
