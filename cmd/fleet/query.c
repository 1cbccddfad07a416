/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* query.c - egret fleet query: samples by labels, or any statement, as rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/fleet.h"
#include "page.h"

/* ---- by labels ----------------------------------------------------------------------------- */

/* A label as a column: its name in the answer is the key. */
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

/* The samples of each set of labels first: joined are only these. */
static void write_rows(struct sql *sql, const struct selection *s, const struct fleet_opts *o)
{
	unsigned int n = 0;

	sql_add(sql, "SELECT ");
	for (const char *key = o->by; *key; n++) {
		size_t len = strcspn(key, ",");

		add_key(sql, key, len);
		sql_add(sql, " AS key_%u, ", n);
		key += len + (key[len] == ',');
	}
	sql_add(sql,
		"sum(n) AS samples, sum(v) AS value FROM (SELECT labels AS id, sum(samples) AS n, "
		"sum(value) AS v FROM %s.samples WHERE ",
		s->database);
	selection_add_condition(sql, s);
	sql_add(sql,
		" GROUP BY labels) ANY LEFT JOIN (SELECT id, service, host, process, thread, keys, "
		"values FROM %s.labels) USING id GROUP BY ",
		s->database);
	for (unsigned int i = 0; i < n; i++)
		sql_add(sql, "%skey_%u", i ? ", " : "", i);
	sql_add(sql, " ORDER BY value DESC");
	for (unsigned int i = 0; i < n; i++)
		sql_add(sql, ", key_%u", i);
	if (o->limit)
		sql_add(sql, " LIMIT %" PRIu64, o->limit);
}

/* ---- any statement ------------------------------------------------------------------------- */

static bool is_macro(const char *at, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(at, name, len) && !sql_is_name((char[]){ at[len], '\0' });
}

static const char *add_macro(struct sql *sql, const char *at, const struct selection *s)
{
	static const char *const tables[] = { "frames", "stacks", "labels", "samples", "windows" };

	if (is_macro(at, "where")) {
		sql_add(sql, "(");
		selection_add_condition(sql, s);
		sql_add(sql, ")");
		return at + strlen("where");
	}
	if (is_macro(at, "from") || is_macro(at, "to")) {
		sql_add(sql, "toDateTime(%u)", *at == 'f' ? s->from : s->to);
		return at + (*at == 'f' ? 4 : 2);
	}
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		if (is_macro(at, tables[i])) {
			sql_add(sql, "%s.%s", s->database, tables[i]);
			return at + strlen(tables[i]);
		}
	}
	sql_add(sql, "$");
	return at;
}

static void expand(struct sql *sql, const char *statement, const struct selection *s)
{
	for (const char *at = statement; *at;) {
		size_t len = strcspn(at, "$");

		sql_add(sql, "%.*s", (int)len, at);
		at += len;
		if (*at == '$')
			at = add_macro(sql, at + 1, s);
	}
}

/* ---- the answer ---------------------------------------------------------------------------- */

/* The server escapes what would end a row or a value; what could steer a terminal stays. */
static int print_answer(const void *bytes, size_t len, void *arg)
{
	bool for_terminal = *(const bool *)arg;
	const unsigned char *from = bytes;

	if (!for_terminal)
		return fwrite(bytes, 1, len, stdout) != len;
	for (size_t i = 0; i < len; i++)
		putchar((from[i] < 0x20 && from[i] != '\n' && from[i] != '\t') || from[i] == 0x7f
				? '?'
				: from[i]);
	return ferror(stdout);
}

static void add_names(const char *by)
{
	for (const char *key = by; *key;) {
		size_t len = strcspn(key, ",");

		printf("%.*s\t", (int)len, key);
		key += len + (key[len] == ',');
	}
	printf("samples\tvalue\n");
}

static bool are_keys(const char *by)
{
	bool has_one = false;

	for (; *by; by++) {
		if (*by == ',' && (!has_one || !by[1]))
			return false;
		has_one = *by != ',';
	}
	return has_one;
}

/* The stacks themselves: the profile of the selection in a format of egret export. */
static int export_stacks(const struct fleet_opts *o, struct server *server,
			 const struct selection *s, const struct fleet_event *event)
{
	struct egret_export_opts opts = { .size = sizeof(opts) };
	struct egret_profile *profile;
	int status = fleet_fetch(server, s, event, &profile);

	if (status)
		return status;
	status = page_write_profile(profile, "folded", "-", &opts);
	egret_profile__destroy(profile);
	return status;
}

static int print_rows(const struct fleet_opts *o, struct server *server, const struct selection *s,
		      const char *statement)
{
	bool is_json = !strcmp(o->format, "json");
	bool for_terminal = !is_json && isatty(STDOUT_FILENO);
	struct sql sql = { 0 };
	const struct server_request request = {
		.query = NULL,
		.answer = print_answer,
		.arg = &for_terminal,
	};
	struct server_request whole = request;
	struct egret_error err = { "" };
	int ret;

	if (statement)
		expand(&sql, statement, s);
	else
		write_rows(&sql, s, o);
	sql_add(&sql, " FORMAT %s",
		is_json	    ? "JSONEachRow"
		: statement ? "TabSeparatedWithNames"
			    : "TabSeparated");
	if (!statement && !is_json)
		add_names(o->by);
	whole.query = sql_text(&sql);
	ret = sql_failed(&sql)			     ? say_error("out of memory")
	      : server_request(server, &whole, &err) ? say_failure(&err)
						     : STATUS_OK;
	sql_deinit(&sql);
	return ret;
}

int fleet_query(const struct fleet_opts *o, int argc, char **argv)
{
	const char *statement = argc ? argv[0] : NULL;
	struct fleet_event event = { 0 };
	struct server *server = NULL;
	struct selection selection;
	int status;

	if (argc > 1)
		return say_usage("fleet", "query takes one statement at most; quote it");
	if (statement && !strcmp(o->format, "folded"))
		return say_usage("fleet", "a statement has rows, not stacks: --format=tsv or json");
	if (!are_keys(o->by))
		return say_usage("fleet", "--by wants keys of labels, such as service,host");
	status = selection_init(&selection, o, o->from, o->to, o->where);
	if (!status)
		status = fleet_connect(o, &server);
	if (!status)
		status = fleet_find_event(server, &selection, o->event, &event);
	if (!status)
		status = strcmp(o->format, "folded") ? print_rows(o, server, &selection, statement)
						     : export_stacks(o, server, &selection, &event);
	fleet_event_deinit(&event);
	server_close(server);
	selection_deinit(&selection);
	return status;
}
