/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* report.c - egret report: functions by self and total, and the call tree, as text. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting.h"
#include "aggregate.h"
#include "browser.h"
#include "busy.h"
#include "cache_dir.h"
#include "call_tree.h"
#include "command.h"
#include "filter.h"
#include "input.h"
#include "label_key.h"
#include "message.h"
#include "report_functions.h"
#include "report_header.h"
#include "report_rows.h"
#include "terminal.h"
#include "text.h"
#include "why.h"

struct report_opts {
	struct filter filter;
	const char *input;
	const char *event;
	const char *sort;
	double percent_limit;
	uint64_t limit;
	bool no_children;
	bool no_tree;
	bool stats;
	bool why;
	bool stdio;
	bool tui;
	bool json;
	struct row_keys keys; /* of sort */
};

#define MEMBER(name) offsetof(struct report_opts, name)

static const struct opt options[] = {
	{ "input", 'i', OPT_FILE, MEMBER(input), "FILE",
	  "The recording (egret.data); - is standard input", NULL },
	{ "event", 'e', OPT_STRING, MEMBER(event), "EVENT", "Only this event (all)", NULL },
	{ "sort", 's', OPT_STRING, MEMBER(sort), "KEY[,KEY...]",
	  "The order, self or total (self); and what a row is (sym,dso): comm, pid, tid, cpu, dso, "
	  "sym, srcline, label:KEY (one)",
	  NULL },
	{ "json", 0, OPT_FLAG, MEMBER(json), NULL, "The rows and the accounting as JSON", NULL },
	{ "limit", 'n', OPT_U64, MEMBER(limit), "N", "At most this many functions", NULL },
	{ "percent-limit", 0, OPT_PERCENT, MEMBER(percent_limit), "PERCENT",
	  "Leave out what has a smaller share (0.5)", NULL },
	{ "no-children", 0, OPT_FLAG, MEMBER(no_children), NULL,
	  "Self only: no totals, no call tree", NULL },
	{ "no-tree", 0, OPT_FLAG, MEMBER(no_tree), NULL, "No call tree", NULL },
	{ "stats", 0, OPT_FLAG, MEMBER(stats), NULL, "Only the accounting of the recording", NULL },
	{ "why", 0, OPT_FLAG, MEMBER(why), NULL,
	  "Only the frames without a name: by reason, and what to do about it", NULL },
	{ "stdio", 0, OPT_FLAG, MEMBER(stdio), NULL, "Plain text, also on a terminal", NULL },
	{ "tui", 0, OPT_FLAG, MEMBER(tui), NULL,
	  "The browser, where options of the text are given too", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "Options", options, 0 },
	{ "Only some of it", filter_options, offsetof(struct report_opts, filter) },
	{ 0 },
};

/* ---- one event, all events ----------------------------------------------------------------- */

static int print_aggregate(const struct report_opts *o, const struct aggregate *a)
{
	const struct functions_table table = {
		.percent_limit = o->percent_limit,
		.limit = o->limit,
		.by_total = o->keys.by_total && !o->no_children,
		.no_total = o->no_children,
	};
	int width = text_terminal_width(stdout);
	const struct function **functions;
	size_t n;

	functions = aggregate_sorted(a, table.by_total ? ORDER_TOTAL : ORDER_SELF, &n);
	if (!functions)
		return -ENOMEM;
	report_functions_print(&table, a, functions, n, width, stdout);
	free(functions);
	if (!o->no_tree && !o->no_children) {
		printf("\n");
		call_tree_print(a, o->percent_limit, width, stdout);
	}
	return 0;
}

static int print_event(const struct report_opts *o, const struct egret_profile *profile,
		       size_t index)
{
	struct aggregate aggregate;
	int ret;

	busy_begin("counting", NULL);
	ret = aggregate_build(&aggregate, profile, (uint32_t)index);
	busy_end();
	if (!ret) {
		report_header_event(egret_profile__event(profile, index), &aggregate, stdout);
		if (aggregate.samples)
			ret = print_aggregate(o, &aggregate);
	}
	aggregate_deinit(&aggregate);
	return ret;
}

/* By other keys than those of the table of functions. */
static int print_rows(const struct report_opts *o, const struct egret_profile *profile,
		      size_t index)
{
	struct rows rows;
	struct aggregate sums = { 0 };
	int ret;

	busy_begin("counting", NULL);
	ret = rows_build(&rows, profile, (uint32_t)index, &o->keys);
	busy_end();
	if (!ret) {
		sums.samples = rows.samples;
		sums.value = rows.value;
		report_header_event(egret_profile__event(profile, index), &sums, stdout);
		report_rows_print(&rows, &o->keys, o->percent_limit / 100, o->limit,
				  text_terminal_width(stdout), stdout);
	}
	rows_deinit(&rows);
	return ret;
}

static bool are_functions(const struct row_keys *keys)
{
	return keys->n == 2 && keys->key[0] == KEY_SYM && keys->key[1] == KEY_DSO;
}

static int print_report(const struct report_opts *o, const struct egret_profile *profile)
{
	size_t first = 0, n = egret_profile__n_events(profile);
	int ret = 0;

	if (o->event) {
		int status = input_find_event(profile, o->event, &first);

		if (status)
			return status;
		n = first + 1;
	}
	if (o->json) {
		busy_end();
		ret = report_rows_json(profile, first, n, &o->keys, o->percent_limit / 100,
				       o->limit, stdout);
		return ret ? say_error("cannot report: %s", strerror(-ret)) : STATUS_OK;
	}
	busy_end();
	report_header(profile, stdout);
	if (!n)
		printf("\nnothing was recorded\n");
	for (size_t i = first; i < n && !ret; i++)
		ret = are_functions(&o->keys) ? print_event(o, profile, i)
					      : print_rows(o, profile, i);
	return ret ? say_error("cannot report: %s", strerror(-ret)) : STATUS_OK;
}

static int print_stats(const struct egret_profile *profile)
{
	struct accounting accounting = { 0 };
	int ret;

	busy_end();
	ret = egret_profile__each_stat(profile, accounting_add, &accounting);
	if (!ret)
		accounting_print(&accounting, stdout);
	accounting_deinit(&accounting);
	return ret ? say_error("cannot report: %s", strerror(-ret)) : STATUS_OK;
}

static int print_why(const struct egret_profile *profile)
{
	int ret;

	busy_end();
	ret = why_print(profile, stdout);

	return ret ? say_error("cannot report: %s", strerror(-ret)) : STATUS_OK;
}

/* ---- the browser --------------------------------------------------------------------------- */

/* On a terminal it is the browser, unless what is asked for is a text, or a part of one. */
static bool wants_browser(const struct report_opts *o)
{
	if (o->stdio || o->json || o->stats || o->why || !strcmp(o->input, "-"))
		return false;
	return o->tui || (!o->limit && !o->no_tree && !o->no_children && terminal_is_capable());
}

static uint64_t lost_of(const struct egret_profile *profile)
{
	struct accounting accounting = { 0 };
	uint64_t lost = 0;

	if (!egret_profile__each_stat(profile, accounting_add, &accounting))
		lost = accounting_summary(&accounting).lost;
	accounting_deinit(&accounting);
	return lost;
}

static int browse_events(const struct report_opts *o, const struct egret_profile *profile,
			 size_t event)
{
	const struct cache_opts cache_opts = { 0 };
	char *cache = cache_dir(&cache_opts);
	struct browser browser = {
		.title = text_file_name(filter_source(o->input, &o->filter)),
		.lost = lost_of(profile),
		.annotation_opts.cache_dir = cache,
	};
	int ret, status;

	busy_begin("counting", NULL);
	ret = browse_init(&browser.model, profile, (uint32_t)event, &o->keys);
	busy_end();
	status = ret ? say_error("cannot report: %s", strerror(-ret)) : browser_run(&browser);
	browse_deinit(&browser.model);
	free(cache);
	return status;
}

static int browse_report(const struct report_opts *o, const struct egret_profile *profile)
{
	size_t event = 0;
	int status = o->event ? input_find_event(profile, o->event, &event) : STATUS_OK;

	if (status)
		return status;
	if (!terminal_is_capable())
		return say_error("--tui needs a terminal whose cursor can be moved (TERM)");
	return browse_events(o, profile, event);
}

static int parse_sort(struct report_opts *o)
{
	const char *bad;
	size_t len;

	if (!row_keys_parse(&o->keys, o->sort, &bad, &len))
		return STATUS_OK;
	return say_usage("report",
			 "--sort wants self, total, comm, pid, tid, cpu, label:KEY, dso, sym or "
			 "srcline, not '%.*s'",
			 (int)len, bad);
}

static int show(const struct report_opts *o, const struct egret_profile *profile)
{
	if (wants_browser(o))
		return browse_report(o, profile);
	if (o->stats)
		return print_stats(profile);
	return o->why ? print_why(profile) : print_report(o, profile);
}

static int run(void *opts, int argc, char **argv)
{
	struct report_opts *o = opts;
	struct egret_profile *profile;
	int status;

	if (argc)
		return command_no_operands(&command_report, argv);
	status = parse_sort(o);
	if (!status)
		status = filter_open(o->input, &o->filter, row_keys_need_samples(&o->keys),
				     &profile);
	if (status)
		return status;
	if (o->keys.label)
		status = label_key_check(profile, o->keys.label, o->keys.label_len);
	if (!status)
		status = show(o, profile);
	egret_profile__destroy(profile);
	return status;
}

static const struct report_opts defaults = {
	.input = INPUT_DEFAULT,
	.sort = "self",
	.percent_limit = 0.5,
};

const struct command command_report = {
	.name = "report",
	.summary = "show the functions and the call tree of a recording",
	.usage = "[-i FILE] [OPTIONS]",
	.about =
		"Shows the functions of a recording with self (samples that hit the function "
		"itself) and total\n"
		"(with all that it called), and the call tree: on a terminal in a browser (? lists "
		"its keys),\n"
		"elsewhere as text.",
	.examples = "  egret report\n"
		    "  egret report --sort=total -n 20 --no-tree\n"
		    "  egret report --sort=comm,dso\n"
		    "  egret report --stats\n"
		    "  egret report --why\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
