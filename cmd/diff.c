/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* diff.c - egret diff: what has changed between two recordings, and what is only noise. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "comparison_text.h"
#include "filter.h"
#include "input.h"
#include "message.h"
#include "page.h"

struct diff_opts {
	struct filter filter;
	const char *event;
	const char *by;
	const char *format;
	const char *output;
	const char *before, *after;
	double confidence;
	uint64_t limit;
	bool all;
};

static const char *const kinds[] = { "self", "total", "stack", NULL };
static const char *const formats[] = { "text", "folded", "html", "flamegraph", "pprof", NULL };

#define MEMBER(name) offsetof(struct diff_opts, name)

static const struct opt options[] = {
	{ "event", 'e', OPT_STRING, MEMBER(event), "EVENT",
	  "Which event (the first of the first recording)", NULL },
	{ "by", 'b', OPT_CHOICE, MEMBER(by), "WHAT",
	  "Compare functions by self or by total, or stacks (self)", kinds },
	{ "format", 'f', OPT_CHOICE, MEMBER(format), "FORMAT",
	  "text; folded: stacks with the samples of both, as flamegraph.pl takes them; html or "
	  "flamegraph: a page whose colours say what has changed; pprof: as of pprof -diff_base "
	  "(text)",
	  formats },
	{ "output", 'o', OPT_FILE, MEMBER(output), "FILE",
	  "The file, of the formats html, flamegraph and pprof (-: standard output)", NULL },
	{ "before", 0, OPT_STRING, MEMBER(before), "FROM,TO",
	  "Before is what the store of egret agent has between these times, such as 10:00,10:05",
	  NULL },
	{ "after", 0, OPT_STRING, MEMBER(after), "FROM,TO", "And after between these", NULL },
	{ "confidence", 0, OPT_PERCENT, MEMBER(confidence), "PERCENT",
	  "Leave out differences that are less sure than this (95)", NULL },
	{ "all", 'a', OPT_FLAG, MEMBER(all), NULL, "Leave out nothing", NULL },
	{ "limit", 'n', OPT_U64, MEMBER(limit), "N", "At most this many rows (40)", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "Options", options, 0 },
	{ "Only some of them", filter_options, MEMBER(filter) },
	{ 0 },
};

/* ---- two recordings ------------------------------------------------------------------------- */

/* The event of both by the name it has in the first, or by the option. */
static int find_events(const struct diff_opts *o, struct egret_profile *const profiles[2],
		       size_t events[2])
{
	const char *name = o->event;
	int status;

	if (!name && egret_profile__n_events(profiles[0]))
		name = egret_profile__event(profiles[0], 0)->name;
	if (!name)
		return say_error("nothing was recorded in the first recording");
	status = input_find_event(profiles[0], name, &events[0]);
	return status ? status : input_find_event(profiles[1], name, &events[1]);
}

static enum comparison_by kind_of(const struct diff_opts *o)
{
	if (!strcmp(o->by, "stack") || !strcmp(o->format, "folded"))
		return BY_STACK;
	return strcmp(o->by, "total") ? BY_SELF : BY_TOTAL;
}

static int compare(const struct diff_opts *o, struct egret_profile *const profiles[2],
		   const char *const *paths)
{
	const struct comparison_text text = {
		.before = paths[0],
		.after = paths[1],
		.by = kind_of(o),
		.as_folded = !strcmp(o->format, "folded"),
		.confidence = o->confidence,
		.limit = o->limit,
		.all = o->all,
	};
	const struct egret_profile *const sides[2] = { profiles[0], profiles[1] };
	size_t events[2];
	int status = find_events(o, profiles, events);

	return status ? status : comparison_print(&text, sides, events);
}

static bool is_exported(const char *format)
{
	return !strcmp(format, "html") || !strcmp(format, "flamegraph") || !strcmp(format, "pprof");
}

static int export_difference(const struct diff_opts *o, struct egret_profile *const profiles[2],
			     const char *const *paths)
{
	char title[512];
	struct egret_export_opts opts = {
		.size = sizeof(opts),
		.title = title,
		.base = profiles[0],
	};
	size_t events[2];
	int status = find_events(o, profiles, events);

	if (status)
		return status;
	snprintf(title, sizeof(title), "%s \xe2\x86\x92 %s", paths[0], paths[1]);
	opts.base_event = (uint32_t)events[0];
	opts.event = (uint32_t)events[1];
	return page_write_profile(profiles[1], o->format, o->output, &opts);
}

/* Each side is a range of times, or the next operand. */
static int name_sides(const struct diff_opts *o, int argc, char **argv, const char *names[2])
{
	const char *const ranges[2] = { o->before, o->after };
	int used = 0;

	if (o->filter.from || o->filter.to)
		return say_usage("diff",
				 "--from and --to are of one recording: --before=FROM,TO and "
				 "--after=FROM,TO are of two");
	for (int i = 0; i < 2; i++) {
		names[i] = ranges[i];
		if (!names[i] && used < argc)
			names[i] = argv[used++];
	}
	if (names[1] && used == argc)
		return STATUS_OK;
	return say_usage("diff", "name two recordings, before and after, or times of the store "
				 "(--before, --after)");
}

static int open_side(const struct diff_opts *o, const char *range, const char *path,
		     bool with_samples, struct egret_profile **out)
{
	if (range)
		return filter_open_range(range, &o->filter, with_samples, out);
	return filter_open(path, &o->filter, with_samples, out);
}

static int run(void *opts, int argc, char **argv)
{
	const struct diff_opts *o = opts;
	struct egret_profile *profiles[2] = { NULL, NULL };
	bool with_samples = is_exported(o->format) && egret_format_needs_samples(o->format);
	const char *names[2];
	int status = name_sides(o, argc, argv, names);

	if (status)
		return status;
	if (strcmp(o->output, "-") != 0 && !is_exported(o->format))
		return say_usage("diff", "--output is for --format=html, flamegraph and pprof");
	status = open_side(o, o->before, names[0], with_samples, &profiles[0]);
	if (!status)
		status = open_side(o, o->after, names[1], with_samples, &profiles[1]);
	if (!status)
		status = is_exported(o->format) ? export_difference(o, profiles, names)
						: compare(o, profiles, names);
	egret_profile__destroy(profiles[0]);
	egret_profile__destroy(profiles[1]);
	return status;
}

static const struct diff_opts defaults = {
	.by = "self",
	.format = "text",
	.output = "-",
	.confidence = 95,
	.limit = 40,
};

const struct command command_diff = {
	.name = "diff",
	.summary = "print what has changed between two recordings",
	.usage = "[OPTIONS] BEFORE AFTER\n"
		 "[OPTIONS] --before=FROM,TO --after=FROM,TO",
	.about = "Prints which functions, or stacks, have another share in the second recording "
		 "than in the\nfirst, the largest difference first, and how sure that is: what few "
		 "samples tell is noise.",
	.examples = "  egret diff old.data new.data\n"
		    "  egret diff --format=html -o diff.html old.data new.data\n"
		    "  egret diff --by=total --focus=parse old.data new.data\n"
		    "  egret diff --before=02:00,02:10 --after=03:00,03:10\n"
		    "  egret diff --format=folded old.data new.data | flamegraph.pl >diff.svg\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
