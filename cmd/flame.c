/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* flame.c - egret flame: record, and leave the flame graph. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "input.h"
#include "message.h"
#include "page.h"
#include "recorder.h"

struct flame_opts {
	struct sampling_opts sampling;
	struct page_opts page;
	const char *output;
	const char *data;
};

static const struct opt output_options[] = {
	{ "output", 'o', OPT_FILE, offsetof(struct flame_opts, output), "FILE",
	  "The page (egret.html)", NULL },
	{ "data", 0, OPT_FILE, offsetof(struct flame_opts, data), "FILE",
	  "The recording, for egret report (egret.data)", NULL },
	{ 0 },
};

#define SAMPLING offsetof(struct flame_opts, sampling)

static const struct opt_group groups[] = {
	{ "What to record", target_options, SAMPLING },
	{ "When to sample", event_options, SAMPLING },
	{ "How stacks are read", capture_options, SAMPLING },
	{ "Output", output_options, 0 },
	{ "In place of recording", filter_stored_options,
	  offsetof(struct flame_opts, page.filter) },
	{ "The page", page_options, offsetof(struct flame_opts, page) },
	{ "More on the result", result_options, SAMPLING },
	{ "Names", name_options, SAMPLING },
	{ "The cache", cache_options, SAMPLING + offsetof(struct sampling_opts, cache) },
	{ 0 },
};

/* The one line on standard output: the page, so that $(egret flame ...) can be opened. */
static void print_page_path(const char *path)
{
	char *whole = realpath(path, NULL);

	printf("%s\n", whole ? whole : path);
	free(whole);
}

/* Of what the agent has sampled, when there was nobody to record. */
static int flame_stored(const struct flame_opts *o, int argc)
{
	const struct sampling_opts *s = &o->sampling;
	int status;

	if (argc || s->pids.n || s->tids.n || s->all_cpus || s->cgroup)
		return say_usage("flame", "--from, --to and --store are for what was sampled: they "
					  "take no command, -p, -t, -a or --cgroup");
	status = page_write(INPUT_DEFAULT, "html", o->output, &o->page);
	if (!status && strcmp(o->output, "-"))
		print_page_path(o->output);
	return status;
}

static int run(void *opts, int argc, char **argv)
{
	struct flame_opts *o = opts;
	const struct recorder_file file = { .path = o->data };
	struct recorder_result result;
	int status;

	if (filter_is_from_store(INPUT_DEFAULT, &o->page.filter))
		return flame_stored(o, argc);
	if (!sampling_check("flame", &o->sampling, argc))
		return STATUS_USAGE;
	if (!strcmp(o->data, "-"))
		return say_usage("flame", "--data wants a file: record -o - is for pipes");
	if (o->page.by_label)
		o->sampling.labels = true;
	status = recorder_run(&o->sampling, &file, argc, argv, &result);
	if (status)
		return status;
	status = page_write(o->data, "html", o->output, &o->page);
	if (status)
		return status;
	if (strcmp(o->output, "-"))
		print_page_path(o->output);
	return result.workload_status;
}

static const struct flame_opts defaults = { .output = "egret.html", .data = "egret.data" };

const struct command command_flame = {
	.name = "flame",
	.summary = "record, and leave the flame graph as a page: one command",
	.usage = "[OPTIONS] [--] COMMAND [ARGUMENTS]\n"
		 "[OPTIONS] -p PID[,PID...] | -t TID[,TID...] | -a | --cgroup PATH\n"
		 "[OPTIONS] --from TIME [--to TIME]",
	.about = "Records as egret record does, and makes the flame graph: one HTML file that "
		 "needs no\n"
		 "network, whose path is printed. The exit status is that of the command.",
	.examples = "  egret flame -- python3 job.py\n"
		    "  egret flame -a -d 10 -o system.html\n"
		    "  egret flame --from 03:00 --to 03:05 --comm nginx\n"
		    "  xdg-open \"$(egret flame -q -- ./program)\"\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.takes_command = true,
	.run = run,
};
