/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* script.c - egret script: one sample after the other, as text. */
#include <stdio.h>

#include "command.h"
#include "input.h"
#include "page.h"

struct script_opts {
	struct page_opts page;
	const char *input;
	const char *output;
};

static const struct opt options[] = {
	{ "input", 'i', OPT_FILE, offsetof(struct script_opts, input), "FILE",
	  "The recording (egret.data); - is standard input", NULL },
	{ "output", 'o', OPT_FILE, offsetof(struct script_opts, output), "FILE",
	  "What to write (-: standard output)", NULL },
	{ "fields", 'F', OPT_STRING, offsetof(struct script_opts, page.fields), "FIELD[,FIELD...]",
	  "What to print of a sample: comm, pid, tid, cpu, time, period, event, ip, sym, dso, "
	  "srcline, how (all but srcline and how); +FIELD and -FIELD change that",
	  NULL },
	{ "event", 'e', OPT_STRING, offsetof(struct script_opts, page.event), "EVENT",
	  "Which event of the recording (the first)", NULL },
	{ "no-kernel", 0, OPT_FLAG, offsetof(struct script_opts, page.no_kernel), NULL,
	  "Leave kernel frames out", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "Options", options, 0 },
	{ "Only some of it", filter_options, offsetof(struct script_opts, page.filter) },
	{ 0 },
};

static int run(void *opts, int argc, char **argv)
{
	const struct script_opts *o = opts;

	if (argc)
		return command_no_operands(&command_script, argv);
	return page_write(o->input, "perf-script", o->output, &o->page);
}

static const struct script_opts defaults = { .input = INPUT_DEFAULT, .output = "-" };

const struct command command_script = {
	.name = "script",
	.summary = "print one sample after the other, as perf script does",
	.usage = "[-i FILE] [-F FIELDS] [OPTIONS]",
	.about =
		"Prints the samples of a recording one by one, in the order of time, each with its "
		"stack,\nleaf first: the text of perf script, which many tools read.",
	.examples = "  egret script | stackcollapse-perf.pl | flamegraph.pl >cpu.svg\n"
		    "  egret script -F time,cpu,comm,sym --time=2,2.1\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
