/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* export.c - egret export: a recording in another format. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "input.h"
#include "message.h"
#include "page.h"

struct export_opts {
	struct page_opts page;
	const char *input;
	const char *output;
	const char *format;
};

static const struct opt options[] = {
	{ "input", 'i', OPT_FILE, offsetof(struct export_opts, input), "FILE",
	  "The recording (egret.data); - is standard input", NULL },
	{ "output", 'o', OPT_FILE, offsetof(struct export_opts, output), "FILE",
	  "What to write (-: standard output)", NULL },
	{ "format", 'f', OPT_STRING, offsetof(struct export_opts, format), "FORMAT",
	  "See below; without it, what the name of the output ends in says which, else folded",
	  NULL },
	{ "event", 'e', OPT_STRING, offsetof(struct export_opts, page.event), "EVENT",
	  "Which event of the recording (the first)", NULL },
	{ "mark-recovered", 0, OPT_FLAG, offsetof(struct export_opts, page.mark_recovered), NULL,
	  "Folded: names of frames whose caller was found without CFI end in _[r]", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "Options", options, 0 },
	{ "What of it", page_options, offsetof(struct export_opts, page) },
	{ "Only some of it", filter_options, offsetof(struct export_opts, page.filter) },
	{ 0 },
};

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && !strcmp(text + len - end_len, end);
}

static const char *format_of(const char *output)
{
	if (ends_in(output, ".html") || ends_in(output, ".htm"))
		return "html";
	if (ends_in(output, ".svg"))
		return "svg";
	return ends_in(output, ".pb.gz") ? "pprof" : "folded";
}

static bool is_format(const char *name)
{
	for (size_t i = 0; egret_format_name(i); i++)
		if (!strcmp(egret_format_name(i), name))
			return true;
	return false;
}

static int unknown_format(const char *name)
{
	char names[300] = "";

	for (size_t i = 0, len = 0; egret_format_name(i) && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
					egret_format_name(i));
	return say_usage("export", "unknown format '%s'; there are: %s", name, names);
}

static void print_formats(void)
{
	printf("Formats:\n");
	for (size_t i = 0; egret_format_name(i); i++)
		printf("  %-26s%s\n", egret_format_name(i), egret_format_text(i));
	printf("\n");
}

static int run(void *opts, int argc, char **argv)
{
	const struct export_opts *o = opts;
	const char *format = o->format ? o->format : format_of(o->output);

	if (argc)
		return command_no_operands(&command_export, argv);
	if (!is_format(format))
		return unknown_format(format);
	return page_write(o->input, format, o->output, &o->page);
}

static const struct export_opts defaults = { .input = INPUT_DEFAULT, .output = "-" };

const struct command command_export = {
	.name = "export",
	.summary = "write a recording in another format: a page, folded lines, pprof",
	.usage = "[--format=FORMAT] [-i FILE] [-o FILE]",
	.about = "Writes a recording in another format.",
	.examples = "  egret export -o page.html\n"
		    "  egret export -o cpu.pb.gz && go tool pprof -top cpu.pb.gz\n"
		    "  egret export --format=folded | sort -k 2 -n | tail\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.more_help = print_formats,
	.run = run,
};
