/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* by.h - keys of labels that rows are told apart by: "service,host". */
#ifndef EGRET_CMD_FLEET_BY_H
#define EGRET_CMD_FLEET_BY_H

#include "fleet/sql.h"

#define BY_MAX 16
#define BY_USAGE "--by wants keys of labels, at most 16, such as service,host"

/* From one key to BY_MAX, and none empty. */
bool by_is_sound(const char *by);

/* The next key, and where the one after it begins; NULL behind the last. */
const char *by_next(const char **by, size_t *len);

/* The first key, on the heap; NULL: by is NULL, or there is no memory. */
char *by_first(const char *by);

/* What the columns are read from, for "ANY LEFT JOIN (...) USING id". */
void by_add_labels(struct sql *sql, const char *database);
/* Columns key_0, key_1, ... of that, each with a comma behind; ended: texts that end in a NUL. */
void by_add_columns(struct sql *sql, const char *by, bool ended);
/* "key_0, key_1", ... */
void by_add_names(struct sql *sql, const char *by);

#endif
