/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* query.c - egret fleet query: samples by labels, or any statement, as rows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet/by.h"
#include "fleet/fleet.h"
#include "page.h"

/* ---- by labels ----------------------------------------------------------------------------- */

#define BY "service"

static const char *keys_of(const struct fleet_opts *o)
{
	return o->by ? o->by : BY;
}

/* The samples of each set of labels first: joined are only these. */
static void write_rows(struct sql *sql, const struct selection *s, const struct fleet_opts *o)
{
	const char *by = keys_of(o);

	sql_add(sql, "SELECT ");
	by_add_columns(sql, by, false);
	sql_add(sql,
		"sum(n) AS samples, sum(v) AS value FROM (SELECT labels AS id, sum(samples) AS n, "
		"sum(value) AS v FROM %s.samples WHERE ",
		s->database);
	selection_add_condition(sql, s);
	sql_add(sql, " GROUP BY labels) ANY LEFT JOIN (");
	by_add_labels(sql, s->database);
	sql_add(sql, ") USING id GROUP BY ");
	by_add_names(sql, by);
	sql_add(sql, " ORDER BY value DESC, ");
	by_add_names(sql, by);
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

static void print_names(const char *by)
{
	const char *key;
	size_t len;

	while ((key = by_next(&by, &len)))
		printf("%.*s\t", (int)len, key);
	printf("samples\tvalue\n");
}

/* The stacks themselves: the profile of the selection in a format of egret export. */
static int export_stacks(const struct fleet_opts *o, struct server *server,
			 const struct selection *s, const struct fleet_event *event)
{
	char *first_key = by_first(o->by);
	struct egret_export_opts opts = { .size = sizeof(opts), .by_label = first_key };
	struct egret_profile *profile;
	int status = fleet_fetch(server, s, event, o->by, &profile);

	if (!status) {
		status = page_write_profile(profile, "folded", "-", &opts);
		egret_profile__destroy(profile);
	}
	free(first_key);
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
		print_names(keys_of(o));
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
	if (!by_is_sound(keys_of(o)))
		return say_usage("fleet", BY_USAGE);
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
