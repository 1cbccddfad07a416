/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* init.c - egret fleet init and expire: the tables, and what is too old in them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fleet/fleet.h"
#include "fleet/schema.h"

static int ask_version(struct server *server, char *version, size_t size)
{
	struct row_buffer answer = { 0 };
	struct egret_error err = { "" };
	int ret = server_query(server, "SELECT version()", &answer, &err);

	snprintf(version, size, "%.*s", (int)answer.len, answer.bytes ? (char *)answer.bytes : "");
	version[strcspn(version, "\n")] = '\0';
	binary_deinit(&answer);
	if (ret)
		return say_failure(&err);
	return schema_version(version) ? STATUS_OK
				       : say_error("'%s' is no release of ClickHouse", version);
}

/* Makes the tables, or, without a server, prints how. */
static int make_tables(struct server *server, const struct schema_opts *opts)
{
	struct egret_error err = { "" };
	bool failed = false;
	char *statement;

	for (unsigned int n = 0; (statement = schema_statement(opts, n, &failed)); n++) {
		struct row_buffer answer = { 0 };
		int ret = 0;

		if (server)
			ret = server_query(server, statement, &answer, &err);
		else
			printf("%s;\n", statement);
		binary_deinit(&answer);
		free(statement);
		if (ret)
			return say_failure(&err);
	}
	return failed ? say_error("out of memory") : STATUS_OK;
}

static int check(const struct fleet_opts *o, const char *action, int argc)
{
	if (argc)
		return say_usage("fleet", "%s takes no operands", action);
	if (!sql_is_name(o->database))
		return say_usage("fleet", SQL_NO_NAME, o->database);
	if (o->buffer && o->cluster)
		return say_usage("fleet", "--buffer is for one server, --cluster for several");
	if (o->keep_days > 36500)
		return say_usage("fleet", "--keep wants days, 36500 at most");
	return STATUS_OK;
}

static void say_made(const struct schema_opts *opts, const char *version)
{
	if (!opts->keep_days)
		say("the tables are in %s (ClickHouse %s)", opts->database, version);
	else if (schema_has_ttl(opts->version))
		say("the tables are in %s (ClickHouse %s); rows are kept for %u days",
		    opts->database, version, opts->keep_days);
	else
		say("the tables are in %s (ClickHouse %s, which drops nothing by itself: run "
		    "egret fleet expire --keep=%u every day)",
		    opts->database, version, opts->keep_days);
}

int fleet_init(const struct fleet_opts *o, int argc, char **argv)
{
	struct schema_opts opts = { .database = o->database,
				    .cluster = o->cluster,
				    .buffer = o->buffer,
				    .keep_days = (unsigned int)o->keep_days };
	struct server *server = NULL;
	char version[64];
	int status = check(o, "init", argc);

	if (status)
		return status;
	if (o->print && *o->print) {
		opts.version = schema_version(o->print);
		return opts.version ? make_tables(NULL, &opts)
				    : say_usage("fleet", "--print wants a release, such as 24.8");
	}
	status = fleet_connect(o, &server);
	if (!status)
		status = ask_version(server, version, sizeof(version));
	opts.version = status ? 0 : schema_version(version);
	if (!status)
		status = make_tables(o->print ? NULL : server, &opts);
	if (!status && !o->print)
		say_made(&opts, version);
	server_close(server);
	return status;
}

/* ---- expire -------------------------------------------------------------------------------- */

/* Partitions are days and months, as numbers. */
static void write_partitions(struct sql *sql, const struct fleet_opts *o)
{
	time_t cutoff = time(NULL) - (time_t)o->keep_days * 86400;
	struct tm tm;
	unsigned int month;

	gmtime_r(&cutoff, &tm);
	month = (unsigned int)(tm.tm_year + 1900) * 100 + (unsigned int)tm.tm_mon + 1;
	sql_add(sql,
		"SELECT DISTINCT table, toUInt64(toUInt32OrZero(partition)) FROM system.parts "
		"WHERE "
		"active AND database = '%s' AND ((table IN ('samples', 'windows', 'samples_data', "
		"'windows_data') AND "
		"toUInt32OrZero(partition) < %u) OR (table IN ('frames', 'stacks', 'labels') AND "
		"toUInt32OrZero(partition) < %u)) ORDER BY table, partition FORMAT RowBinary",
		o->database, month * 100 + (unsigned int)tm.tm_mday, month);
}

static int drop(struct server *server, const char *database, struct row_reader *in, size_t *n)
{
	struct egret_error err = { "" };

	while (binary_more(in)) {
		struct row_buffer answer = { 0 };
		struct sql sql = { 0 };
		size_t len;
		const char *table = binary_take_text(in, &len);
		unsigned long long partition = binary_take_u64(in);
		int ret;

		sql_add(&sql, "ALTER TABLE %s.%.*s DROP PARTITION %llu", database, (int)len, table,
			partition);
		ret = server_query(server, sql_text(&sql), &answer, &err);
		sql_deinit(&sql);
		binary_deinit(&answer);
		if (ret)
			return say_failure(&err);
		(*n)++;
	}
	return in->failed ? say_error("the ClickHouse server has answered something else than was "
				      "asked")
			  : STATUS_OK;
}

int fleet_expire(const struct fleet_opts *o, int argc, char **argv)
{
	struct egret_error err = { "" };
	struct row_buffer answer = { 0 };
	struct server *server = NULL;
	struct row_reader in;
	struct sql sql = { 0 };
	size_t n = 0;
	int status = check(o, "expire", argc);

	if (!status && !o->keep_days)
		status = say_usage("fleet", "expire wants --keep=DAYS");
	if (!status)
		status = fleet_connect(o, &server);
	if (status)
		return status;
	write_partitions(&sql, o);
	if (server_query(server, sql_text(&sql), &answer, &err)) {
		status = say_failure(&err);
	} else {
		in = (struct row_reader){ .at = answer.bytes, .end = answer.bytes + answer.len };
		status = drop(server, o->database, &in, &n);
	}
	if (!status)
		say("%zu partitions dropped", n);
	sql_deinit(&sql);
	binary_deinit(&answer);
	server_close(server);
	return status;
}
