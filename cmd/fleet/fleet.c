/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fleet.c - egret fleet: what many hosts have sent to ClickHouse. */
#include <stddef.h>
#include <string.h>

#include "command.h"
#include "fleet/fleet.h"

#define MEMBER(name) offsetof(struct fleet_opts, name)

static const char *const formats[] = { "tsv",	     "json",  "folded",	    "html",
				       "flamegraph", "pprof", "speedscope", NULL };
static const char *const kinds[] = { "self", "total", "stack", NULL };

static const struct opt database_options[] = {
	{ "url", 'u', OPT_STRING, MEMBER(url), "URL",
	  "The ClickHouse server, http:// or https:// (http://127.0.0.1:8123)", NULL },
	{ "user", 0, OPT_STRING, MEMBER(user), "NAME", "The user there (default)", NULL },
	{ "password-file", 0, OPT_FILE, MEMBER(password_file), "FILE",
	  "The password is the first line of this file ($EGRET_CLICKHOUSE_PASSWORD)", NULL },
	{ "database", 0, OPT_STRING, MEMBER(database), "NAME", "The database (egret)", NULL },
	{ "ca-file", 0, OPT_FILE, MEMBER(ca_file), "FILE",
	  "Certificates that are trusted, in place of the system's", NULL },
	{ "timeout", 0, OPT_DURATION, MEMBER(timeout_ms), "TIME",
	  "How long an answer may take (60s)", NULL },
	{ 0 },
};

static const struct opt selection_options[] = {
	{ "from", 0, OPT_STRING, MEMBER(from), "TIME",
	  "From this time on: 10:00, \"2026-11-25 03:00\", -5m, yesterday (-1h)", NULL },
	{ "to", 0, OPT_STRING, MEMBER(to), "TIME", "And before this time (now)", NULL },
	{ "where", 'w', OPT_STRING, MEMBER(where), "EXPR",
	  "Only samples with these labels: service=x and (host~^db or comm=y)", NULL },
	{ "event", 'e', OPT_STRING, MEMBER(event), "EVENT", "Which event (the most sampled one)",
	  NULL },
	{ 0 },
};

static const struct opt result_options[] = {
	{ "format", 'f', OPT_CHOICE, MEMBER(format), "FORMAT",
	  "query: tsv, json or folded (tsv); flamegraph: html, flamegraph, folded, pprof or "
	  "speedscope (html); diff: html, flamegraph or pprof in place of text",
	  formats },
	{ "output", 'o', OPT_FILE, MEMBER(output), "FILE",
	  "The file of a page (egret-fleet.html; -: standard output)", NULL },
	{ "title", 0, OPT_STRING, MEMBER(title), "TEXT", "Title of the page", NULL },
	{ "by", 'b', OPT_STRING, MEMBER(by), "KEY[,KEY...]",
	  "query: a row has these labels (service); flamegraph: what is told apart by them, the "
	  "first when the page is opened (nothing)",
	  NULL },
	{ "limit", 'n', OPT_U64, MEMBER(limit), "N", "At most this many rows (40; query: all)",
	  NULL },
	{ 0 },
};

static const struct opt diff_options[] = {
	{ "before", 0, OPT_STRING, MEMBER(before), "FROM,TO",
	  "Before is what was between these times (--from, --to)", NULL },
	{ "after", 0, OPT_STRING, MEMBER(after), "FROM,TO", "And after between these", NULL },
	{ "before-where", 0, OPT_STRING, MEMBER(before_where), "EXPR",
	  "Before is what has these labels (--where)", NULL },
	{ "after-where", 0, OPT_STRING, MEMBER(after_where), "EXPR", "And after these", NULL },
	{ "diff-by", 0, OPT_CHOICE, MEMBER(diff_by), "WHAT",
	  "Compare functions by self or by total, or stacks (self)", kinds },
	{ "confidence", 0, OPT_PERCENT, MEMBER(confidence), "PERCENT",
	  "Leave out differences that are less sure than this (95)", NULL },
	{ "all", 'a', OPT_FLAG, MEMBER(all), NULL, "Leave out nothing", NULL },
	{ 0 },
};

static const struct opt table_options[] = {
	{ "keep", 0, OPT_U64, MEMBER(keep_days), "DAYS",
	  "How long rows are kept: by the tables' TTL, or by egret fleet expire", NULL },
	{ "cluster", 0, OPT_STRING, MEMBER(cluster), "NAME",
	  "init: replicated tables on each shard of this cluster, and distributed ones above",
	  NULL },
	{ "buffer", 0, OPT_FLAG, MEMBER(buffer), NULL,
	  "init: samples wait in the server's memory for up to ten seconds, to be written "
	  "together: "
	  "for more than about 20 hosts",
	  NULL },
	{ "print", 0, OPT_OPTIONAL, MEMBER(print), "RELEASE",
	  "init: only print the statements, for the server's release or this one", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "The database", database_options, 0 }, { "Which samples", selection_options, 0 },
	{ "Results", result_options, 0 },	 { "diff", diff_options, 0 },
	{ "init and expire", table_options, 0 }, { 0 },
};

static const struct action {
	const char *name;
	int (*run)(const struct fleet_opts *o, int argc, char **argv);
} actions[] = {
	{ "init", fleet_init }, { "query", fleet_query },	    { "top", fleet_top },
	{ "diff", fleet_diff }, { "flamegraph", fleet_flamegraph }, { "expire", fleet_expire },
};

/* Options stand before and behind the name of the action. */
static int run_action(const struct action *action, struct fleet_opts *o, int argc, char **argv)
{
	struct egret_error err = { "" };
	bool help = false;
	int first = opt_parse(groups, o, argc, argv, &help, &err);

	if (first < 0)
		return say_usage("fleet", "%s", err.text);
	if (help) {
		command_print_help(&command_fleet);
		return STATUS_OK;
	}
	return action->run(o, argc - first, argv + first);
}

static int run(void *opts, int argc, char **argv)
{
	if (!argc)
		return say_usage("fleet",
				 "wants one of: init, query, top, diff, flamegraph, expire");
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (!strcmp(argv[0], actions[i].name))
			return run_action(&actions[i], opts, argc, argv);
	return say_usage("fleet", "'%s' is none of: init, query, top, diff, flamegraph, expire",
			 argv[0]);
}

static const struct fleet_opts defaults = {
	.url = "http://127.0.0.1:8123",
	.database = SQL_DATABASE,
	.format = "tsv",
	.diff_by = "self",
	.confidence = 95,
};

const struct command command_fleet = {
	.name = "fleet",
	.summary = "ask a ClickHouse database what many hosts have sampled",
	.usage = "init [--keep=DAYS] [--buffer] [--cluster=NAME] [--print[=RELEASE]]\n"
		 "query [OPTIONS] [STATEMENT]\n"
		 "top [OPTIONS]\n"
		 "diff [OPTIONS] --before=FROM,TO --after=FROM,TO\n"
		 "flamegraph [OPTIONS] [-o FILE]\n"
		 "expire --keep=DAYS",
	.about = "Makes the tables that egret agent sends its windows to, and shows what is in "
		 "them: rows by\n"
		 "labels, functions by self and total, what has changed, or a flame graph of all "
		 "hosts.",
	.examples =
		"  egret fleet init --url http://db:8123 --keep=30\n"
		"  egret fleet top --from -15m --where 'service=checkout and host~^eu'\n"
		"  egret fleet flamegraph --from 10:00 --to 11:00 -o fleet.html\n"
		"  egret fleet diff --before 09:00,10:00 --after 10:00,11:00 -w service=checkout\n"
		"  egret fleet flamegraph --by service,host -o services.html\n"
		"  egret fleet query --by service,host -n 20\n"
		"  egret fleet query 'SELECT time, sum(value) FROM $samples WHERE $where GROUP BY "
		"time'\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
