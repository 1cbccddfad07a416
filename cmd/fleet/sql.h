/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sql.h - statements put together piece by piece; what comes from outside only by sql_string. */
#ifndef EGRET_CMD_FLEET_SQL_H
#define EGRET_CMD_FLEET_SQL_H

#include "fleet/row_binary.h"

#define SQL_DATABASE "egret"
#define SQL_NO_NAME "'%s' is not the name of a database: letters, digits and _"

/* Zero-initialise. */
struct sql {
	struct row_buffer text;
};

void sql_deinit(struct sql *sql);
void sql_add(struct sql *sql, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A text as a literal: what is no letter, digit or harmless sign is written by its number. */
void sql_string(struct sql *sql, const char *text);
void sql_string_of(struct sql *sql, const char *text, size_t len);

/* The statement so far; "" without memory (sql_failed). Valid until the next addition. */
const char *sql_text(struct sql *sql);
bool sql_failed(const struct sql *sql);

/* Whether a text can stand as a name without quotes. */
bool sql_is_name(const char *text);

#endif
