/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/by.h"

#include <string.h>

const char *by_next(const char **by, size_t *len)
{
	const char *key = *by;

	if (!*key)
		return NULL;
	*len = strcspn(key, ",");
	*by = key + *len + (key[*len] == ',');
	return key;
}

bool by_is_sound(const char *by)
{
	size_t n = 0, len;

	for (const char *key; (key = by_next(&by, &len)); n++)
		if (!len || (key[len] && !*by))
			return false;
	return n && n <= BY_MAX;
}

char *by_first(const char *by)
{
	return by ? strndup(by, strcspn(by, ",")) : NULL;
}

void by_add_labels(struct sql *sql, const char *database)
{
	sql_add(sql, "SELECT id, service, host, process, thread, keys, values FROM %s.labels",
		database);
}

/* A label as a column. */
static void add_key(struct sql *sql, const char *key, size_t len)
{
	static const char *const columns[] = { "service", "host", "process", "thread" };

	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		if (strlen(columns[i]) == len && !strncmp(key, columns[i], len)) {
			sql_add(sql, "%s", columns[i]);
			return;
		}
	}
	sql_add(sql, "values[indexOf(keys, ");
	sql_string_of(sql, key, len);
	sql_add(sql, ")]");
}

void by_add_columns(struct sql *sql, const char *by, bool ended)
{
	const char *key;
	size_t len;

	for (unsigned int n = 0; (key = by_next(&by, &len)); n++) {
		sql_add(sql, ended ? "concat(" : "");
		add_key(sql, key, len);
		sql_add(sql, "%s AS key_%u, ", ended ? ", '\\0')" : "", n);
	}
}

void by_add_names(struct sql *sql, const char *by)
{
	size_t len;

	for (unsigned int n = 0; by_next(&by, &len); n++)
		sql_add(sql, "%skey_%u", n ? ", " : "", n);
}
