/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Conditions on a fleet's labels: whatever is written, only literals of it are in the SQL. */
#include <stdlib.h>
#include <string.h>

#include "fleet/where.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Outside of literals there is nothing but what the parser itself writes. */
static void check(const char *sql)
{
	static const char harmless[] = "abcdefghijklmnopqrstuvwxyzANDORT ()=,[]";
	int depth = 0;

	for (const char *p = sql; *p; p++) {
		if (*p == '\'') {
			for (p++; *p != '\''; p++)
				if (!*p || (unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
					abort();
			continue;
		}
		if (!strchr(harmless, *p))
			abort();
		depth += (*p == '(') - (*p == ')');
		if (depth < 0)
			abort();
	}
	if (depth)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);
	struct egret_error err;
	struct where where;

	memcpy(text, bytes, len);
	text[len] = '\0';
	if (!where_parse(&where, text, &err))
		check(sql_text(&where.sql));
	where_deinit(&where);
	free(text);
	return 0;
}
