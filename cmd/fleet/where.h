/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * where.h - which samples of a fleet: conditions on labels, as people write them, as SQL.
 *
 *   expression = conjunction { "or" conjunction }
 *   conjunction = condition { "and" condition }
 *   condition = "not" condition | "(" expression ")" | KEY operator VALUE
 *             | KEY [ "not" ] "in" "(" VALUE { "," VALUE } ")"
 *   operator = "=" | "!=" | "~" | "!~"          (~: a regular expression of RE2, anywhere in it)
 *
 * KEY is service, host, process, thread, comm (the thread or its process), or the key of any label;
 * one that a sample lacks is "". Words of letters, digits and _ . / : @ % + - * $ ^ need no quotes;
 * others stand in '...' or "...", where \ takes the next character as it is.
 */
#ifndef EGRET_CMD_FLEET_WHERE_H
#define EGRET_CMD_FLEET_WHERE_H

#include <egret/egret.h>

#include "fleet/sql.h"

struct where {
	struct sql sql; /* a condition on the table of labels */
	char *service;	/* what service has to be in any case; NULL: anything. On the heap */
};

/*
 * Nothing of the text gets into the SQL but as a literal. -EINVAL, with a sentence that says where;
 * -ENOMEM. where_deinit in any case.
 */
int where_parse(struct where *where, const char *text, struct egret_error *err);
void where_deinit(struct where *where);

#endif
