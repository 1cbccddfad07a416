/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* report_rows.h - rows as text and as JSON. */
#ifndef EGRET_CMD_REPORT_ROWS_H
#define EGRET_CMD_REPORT_ROWS_H

#include <stdio.h>

#include "rows.h"

/* least: rows of a smaller share (0 to 1) are left out; limit: at most so many (0: all). */
void report_rows_print(const struct rows *rows, const struct row_keys *keys, double least,
		       uint64_t limit, int width, FILE *out);

/*
 * One object: what the recording says of itself, and for each event from first to last its rows
 * with self, total (values), samples and the keys by their names; then the accounting.
 * Returns 0 or -ENOMEM.
 */
int report_rows_json(const struct egret_profile *profile, size_t first, size_t last,
		     const struct row_keys *keys, double least, uint64_t limit, FILE *out);

#endif
