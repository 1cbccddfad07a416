/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* comparison_text.h - a comparison of two profiles as a table of text. */
#ifndef EGRET_CMD_COMPARISON_TEXT_H
#define EGRET_CMD_COMPARISON_TEXT_H

#include "comparison.h"

struct comparison_text {
	const char *before, *after; /* what the two are, for the first lines */
	enum comparison_by by;
	bool as_folded;	   /* stacks with the samples of both, in place of the table */
	double confidence; /* percent: what is less sure is left out */
	uint64_t limit;	   /* at most so many rows */
	bool all;	   /* leave out nothing */
};

/* Compares one event of each, and prints it to standard output. Returns an exit status. */
int comparison_print(const struct comparison_text *text,
		     const struct egret_profile *const profiles[2], const size_t events[2]);

#endif
