/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top.c - egret fleet top and flamegraph: where the time of many hosts goes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate.h"
#include "clock_time.h"
#include "fleet/by.h"
#include "fleet/fleet.h"
#include "page.h"
#include "report_functions.h"
#include "text.h"

/* A selection, as a profile. */
struct fleet_view {
	struct selection selection;
	struct fleet_event event;
	struct egret_profile *profile;
};

static int open_view(const struct fleet_opts *o, const char *by, struct fleet_view *view)
{
	struct server *server = NULL;
	int status;

	*view = (struct fleet_view){ 0 };
	status = selection_init(&view->selection, o, o->from, o->to, o->where);
	if (!status)
		status = fleet_connect(o, &server);
	if (!status)
		status = fleet_find_event(server, &view->selection, o->event, &view->event);
	if (!status)
		status = fleet_fetch(server, &view->selection, &view->event, by, &view->profile);
	server_close(server);
	return status;
}

static void close_view(struct fleet_view *view)
{
	egret_profile__destroy(view->profile);
	fleet_event_deinit(&view->event);
	selection_deinit(&view->selection);
}

static struct clock_time_text time_of(uint32_t seconds)
{
	return clock_time_text(seconds * 1000000000ull);
}

/* ---- top ----------------------------------------------------------------------------------- */

static void print_header(const struct fleet_opts *o, const struct fleet_view *view,
			 const struct aggregate *a)
{
	printf("# times:    %s to %s\n", time_of(view->selection.from).text,
	       time_of(view->selection.to).text);
	printf("# hosts:    %s%s\n", text_count(view->event.hosts).text, o->where ? " in all" : "");
	if (o->where) {
		printf("# where:    ");
		text_print(stdout, o->where, INT_MAX);
		printf("\n");
	}
	printf("# event:    ");
	text_print(stdout, view->event.name, INT_MAX);
	printf(", %s samples, %s ", text_count(a->samples).text, text_count(a->value).text);
	text_print(stdout, view->event.unit, INT_MAX);
	printf("\n\n");
}

static int print_functions(const struct fleet_opts *o, const struct fleet_view *view,
			   const struct aggregate *a)
{
	const struct functions_table table = { .limit = o->limit ? o->limit : 40 };
	const struct function **functions;
	size_t n;

	print_header(o, view, a);
	functions = aggregate_sorted(a, ORDER_SELF, &n);
	if (!functions)
		return say_error("out of memory");
	report_functions_print(&table, a, functions, n, text_terminal_width(stdout), stdout);
	free(functions);
	return STATUS_OK;
}

int fleet_top(const struct fleet_opts *o, int argc, char **argv)
{
	struct aggregate aggregate = { 0 };
	struct fleet_view view;
	int status;

	if (argc)
		return say_usage("fleet", "top takes no operands");
	status = open_view(o, NULL, &view);
	if (!status)
		status = aggregate_build(&aggregate, view.profile, 0)
				 ? say_error("out of memory")
				 : print_functions(o, &view, &aggregate);
	aggregate_deinit(&aggregate);
	close_view(&view);
	return status;
}

/* ---- pages --- */

int fleet_write(const struct fleet_opts *o, const struct egret_profile *profile, const char *format,
		const struct egret_export_opts *export_opts)
{
	bool is_page = !strcmp(format, "html") && !o->output;
	const char *path = is_page ? "egret-fleet.html" : o->output ? o->output : "-";
	int status = page_write_profile(profile, format, path, export_opts);

	if (!status && is_page)
		printf("%s\n", path);
	return status;
}

/* ---- flamegraph ---------------------------------------------------------------------------- */

int fleet_flamegraph(const struct fleet_opts *o, int argc, char **argv)
{
	static const char *const pages[] = { "html", "flamegraph", "folded", "pprof",
					     "speedscope" };
	const char *format = strcmp(o->format, "tsv") ? o->format : "html";
	char title[512], *first_key;
	struct egret_export_opts opts = { .size = sizeof(opts), .title = title };
	struct fleet_view view;
	bool is_known = false;
	int status;

	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		is_known |= !strcmp(format, pages[i]);
	if (argc || !is_known)
		return say_usage("fleet", argc ? "flamegraph takes no operands"
					       : "flamegraph wants --format=html, flamegraph, "
						 "folded, pprof or speedscope");
	if (o->by && !by_is_sound(o->by))
		return say_usage("fleet", BY_USAGE);
	first_key = by_first(o->by);
	status = open_view(o, o->by, &view);
	if (!status) {
		snprintf(title, sizeof(title), "%.200s", o->title ? o->title : "");
		if (!o->title)
			snprintf(title, sizeof(title), "%s hosts, %s to %s%s%.200s",
				 text_count(view.event.hosts).text,
				 time_of(view.selection.from).text, time_of(view.selection.to).text,
				 o->where ? ", " : "", o->where ? o->where : "");
		opts.by_label = first_key;
		status = fleet_write(o, view.profile, format, &opts);
	}
	close_view(&view);
	free(first_key);
	return status;
}
