/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/sql.h"

/* The first release whose TTL, codecs and LowCardinality are no experiments. */
#define RICH_VERSION 2001

const char *const fleet_table_names[N_FLEET_TABLES] = {
	[FLEET_FRAMES] = "frames",   [FLEET_STACKS] = "stacks",	  [FLEET_LABELS] = "labels",
	[FLEET_SAMPLES] = "samples", [FLEET_WINDOWS] = "windows",
};

const char *const fleet_table_columns[N_FLEET_TABLES] = {
	[FLEET_FRAMES] = "id, name, module, kind, flags, seen",
	[FLEET_STACKS] = "id, process, frames, seen",
	[FLEET_LABELS] = "id, host, service, process, thread, keys, values, seen",
	[FLEET_SAMPLES] = "event, service, stack, labels, time, samples, value",
	[FLEET_WINDOWS] = "host, from_ns, to_ns, time, event, unit, frequency, period, samples, "
			  "value",
};

struct column {
	const char *name, *type;
	const char *rich_type; /* of later releases; NULL: the same */
	const char *codec;     /* of later releases; NULL: the default */
};

struct table {
	const struct column *columns;
	const char *engine; /* behind "Replicated" or "" */
	const char *partition, *order;
	const char *day;      /* what a row's age is counted from */
	const char *sharding; /* which node of a cluster has a row */
};

#define LOW "LowCardinality(String)"

static const struct column frames[] = {
	{ "id", "UInt64", NULL, NULL },
	{ "name", "String", NULL, "ZSTD" },
	{ "module", "String", LOW, "ZSTD" },
	{ "kind", "UInt8", NULL, "ZSTD" },
	{ "flags", "UInt8", NULL, "ZSTD" },
	{ "seen", "Date", NULL, "ZSTD" },
	{ 0 },
};

static const struct column stacks[] = {
	{ "id", "FixedString(16)", NULL, NULL },
	{ "process", "String", LOW, "ZSTD" },
	{ "frames", "Array(UInt64)", NULL, "ZSTD" },
	{ "seen", "Date", NULL, "ZSTD" },
	{ 0 },
};

static const struct column labels[] = {
	{ "id", "UInt64", NULL, NULL },
	{ "host", "String", LOW, "ZSTD" },
	{ "service", "String", LOW, "ZSTD" },
	{ "process", "String", LOW, "ZSTD" },
	{ "thread", "String", NULL, "ZSTD" },
	{ "keys", "Array(String)", NULL, "ZSTD" },
	{ "values", "Array(String)", NULL, "ZSTD" },
	{ "seen", "Date", NULL, "ZSTD" },
	{ 0 },
};

static const struct column samples[] = {
	{ "event", "String", LOW, "ZSTD" },
	{ "service", "String", LOW, "ZSTD" },
	{ "stack", "FixedString(16)", NULL, "ZSTD" },
	{ "labels", "UInt64", NULL, "ZSTD" },
	{ "time", "DateTime('UTC')", NULL, "Delta, ZSTD" },
	{ "samples", "UInt32", NULL, "ZSTD" },
	{ "value", "UInt64", NULL, "ZSTD" },
	{ 0 },
};

static const struct column windows[] = {
	{ "host", "String", LOW, "ZSTD" },
	{ "from_ns", "UInt64", NULL, "Delta, ZSTD" },
	{ "to_ns", "UInt64", NULL, "Delta, ZSTD" },
	{ "time", "DateTime('UTC')", NULL, "Delta, ZSTD" },
	{ "event", "String", LOW, "ZSTD" },
	{ "unit", "String", LOW, "ZSTD" },
	{ "frequency", "UInt64", NULL, "ZSTD" },
	{ "period", "UInt64", NULL, "ZSTD" },
	{ "samples", "UInt64", NULL, "ZSTD" },
	{ "value", "UInt64", NULL, "ZSTD" },
	{ 0 },
};

static const struct table tables[N_FLEET_TABLES] = {
	[FLEET_FRAMES] = { frames, "ReplacingMergeTree", "toYYYYMM(seen)", "id", "seen", "id" },
	[FLEET_STACKS] = { stacks, "ReplacingMergeTree", "toYYYYMM(seen)", "id", "seen",
			   "cityHash64(id)" },
	[FLEET_LABELS] = { labels, "ReplacingMergeTree", "toYYYYMM(seen)", "id", "seen", "id" },
	[FLEET_SAMPLES] = { samples, "MergeTree", "toYYYYMMDD(time)",
			    "event, toStartOfHour(time), service, stack, labels, time", "time",
			    "labels" },
	[FLEET_WINDOWS] = { windows, "MergeTree", "toYYYYMMDD(time)", "host, from_ns, event",
			    "time", "cityHash64(host)" },
};

unsigned int schema_version(const char *text)
{
	unsigned int major, minor;

	if (sscanf(text, "%u.%u", &major, &minor) != 2 || major > 1000 || minor > 99)
		return 0;
	return major * 100 + minor;
}

bool schema_has_ttl(unsigned int version)
{
	return version >= RICH_VERSION;
}

static void add_columns(struct sql *sql, const struct column *column, bool is_rich)
{
	for (const struct column *c = column; c->name; c++) {
		sql_add(sql, "%s%s %s", c == column ? "" : ", ", c->name,
			is_rich && c->rich_type ? c->rich_type : c->type);
		if (is_rich && c->codec)
			sql_add(sql, " CODEC(%s)", c->codec);
	}
}

static void add_on_cluster(struct sql *sql, const struct schema_opts *opts)
{
	if (!opts->cluster)
		return;
	sql_add(sql, " ON CLUSTER ");
	sql_string(sql, opts->cluster);
}

/* What each window adds to, so that many hosts make many small parts. */
static bool is_buffered(const struct schema_opts *opts, unsigned int n)
{
	return opts->buffer && n >= FLEET_SAMPLES;
}

static const char *suffix_of(const struct schema_opts *opts, unsigned int n)
{
	return opts->cluster ? "_local" : is_buffered(opts, n) ? "_data" : "";
}

static void add_ttl(struct sql *sql, const struct schema_opts *opts, const struct table *table)
{
	/* What samples refer to is dated by the first of its month. */
	unsigned int more = !strcmp(table->day, "seen") ? 31 : 0;

	if (opts->keep_days && schema_has_ttl(opts->version))
		sql_add(sql, " TTL %s + INTERVAL %u DAY", table->day, opts->keep_days + more);
}

static void add_table(struct sql *sql, const struct schema_opts *opts, unsigned int n)
{
	const struct table *table = &tables[n];

	sql_add(sql, "CREATE TABLE IF NOT EXISTS %s.%s%s", opts->database, fleet_table_names[n],
		suffix_of(opts, n));
	add_on_cluster(sql, opts);
	sql_add(sql, " (");
	add_columns(sql, table->columns, opts->version >= RICH_VERSION);
	if (opts->cluster)
		sql_add(sql,
			") ENGINE = Replicated%s('/clickhouse/tables/{shard}/%s/%s', '{replica}')",
			table->engine, opts->database, fleet_table_names[n]);
	else
		sql_add(sql, ") ENGINE = %s()", table->engine);
	sql_add(sql, " PARTITION BY %s ORDER BY (%s)", table->partition, table->order);
	add_ttl(sql, opts, table);
}

static void add_distributed(struct sql *sql, const struct schema_opts *opts, unsigned int n)
{
	const char *name = fleet_table_names[n];

	sql_add(sql, "CREATE TABLE IF NOT EXISTS %s.%s", opts->database, name);
	add_on_cluster(sql, opts);
	sql_add(sql, " AS %s.%s%s ENGINE = Distributed(", opts->database, name, suffix_of(opts, n));
	sql_string(sql, opts->cluster);
	sql_add(sql, ", %s, %s%s, %s)", opts->database, name, suffix_of(opts, n),
		tables[n].sharding);
}

/* Rows wait for a second at least and ten at most, or until there are a million of them. */
static void add_buffer(struct sql *sql, const struct schema_opts *opts, unsigned int n)
{
	const char *name = fleet_table_names[n];

	sql_add(sql,
		"CREATE TABLE IF NOT EXISTS %s.%s AS %s.%s_data ENGINE = Buffer(%s, %s_data, 4, 1, "
		"10, 100000, 1000000, 10000000, 100000000)",
		opts->database, name, opts->database, name, opts->database, name);
}

static unsigned int n_statements(const struct schema_opts *opts)
{
	return 1 + N_FLEET_TABLES +
	       (opts->cluster  ? N_FLEET_TABLES
		: opts->buffer ? N_FLEET_TABLES - FLEET_SAMPLES
			       : 0);
}

char *schema_statement(const struct schema_opts *opts, unsigned int n, bool *failed)
{
	struct sql sql = { 0 };
	char *statement;

	*failed = false;
	if (n >= n_statements(opts))
		return NULL;
	if (!n) {
		sql_add(&sql, "CREATE DATABASE IF NOT EXISTS %s", opts->database);
		add_on_cluster(&sql, opts);
	} else if (n <= N_FLEET_TABLES) {
		add_table(&sql, opts, n - 1);
	} else if (opts->cluster) {
		add_distributed(&sql, opts, n - 1 - N_FLEET_TABLES);
	} else {
		add_buffer(&sql, opts, n - 1 - N_FLEET_TABLES + FLEET_SAMPLES);
	}
	statement = strdup(sql_text(&sql));
	*failed = sql_failed(&sql) || !statement;
	sql_deinit(&sql);
	if (*failed) {
		free(statement);
		return NULL;
	}
	return statement;
}
