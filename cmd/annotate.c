/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* annotate.c - egret annotate: which lines and instructions of a function were hit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "annotation.h"
#include "busy.h"
#include "cache_dir.h"
#include "command.h"
#include "filter.h"
#include "input.h"
#include "message.h"

struct annotate_opts {
	struct filter filter;
	struct cache_opts cache;
	const char *input;
	const char *event;
	const char *module;
	const char *syntax;
	bool no_source;
	bool stdio;
};

#define MEMBER(name) offsetof(struct annotate_opts, name)

static const char *const syntaxes[] = { "att", "intel", NULL };

static const struct opt options[] = {
	{ "input", 'i', OPT_FILE, MEMBER(input), "FILE",
	  "The recording (egret.data); - is standard input", NULL },
	{ "event", 'e', OPT_STRING, MEMBER(event), "EVENT", "Which event (the first)", NULL },
	{ "module", 'm', OPT_STRING, MEMBER(module), "NAME",
	  "The function in this file (where it has most samples)", NULL },
	{ "syntax", 'M', OPT_CHOICE, MEMBER(syntax), "SYNTAX",
	  "Of instructions: att or intel (att)", syntaxes },
	{ "no-source", 0, OPT_FLAG, MEMBER(no_source), NULL, "Only instructions", NULL },
	{ "stdio", 0, OPT_FLAG, MEMBER(stdio), NULL,
	  "Accepted for perf's users: it is always plain text", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "Options", options, 0 },
	{ "Only some of it", filter_options, MEMBER(filter) },
	{ "The cache", cache_options, MEMBER(cache) },
	{ 0 },
};

static int annotate(const struct annotate_opts *o, const struct egret_profile *profile,
		    const char *function)
{
	char *cache = cache_dir(&o->cache);
	const struct annotation_opts opts = {
		.intel = !strcmp(o->syntax, "intel"),
		.no_source = o->no_source,
		.cache_dir = cache,
	};
	struct annotation annotation;
	struct egret_error err = { "" };
	size_t event = 0;
	int status = o->event ? input_find_event(profile, o->event, &event) : STATUS_OK;

	if (!status) {
		int ret;

		busy_begin("reading the code of", function);
		ret = annotation_build(&annotation, profile, (uint32_t)event, function, o->module,
				       &opts, &err);
		busy_end();
		if (ret)
			status = say_failure(&err);
		else
			annotation_print(&annotation, stdout);
		annotation_deinit(&annotation);
	}
	free(cache);
	return status;
}

static int run(void *opts, int argc, char **argv)
{
	const struct annotate_opts *o = opts;
	struct egret_profile *profile;
	int status;

	if (argc != 1)
		return say_usage("annotate", "name one function");
	status = filter_open(o->input, &o->filter, false, &profile);
	if (status)
		return status;
	status = annotate(o, profile, argv[0]);
	egret_profile__destroy(profile);
	return status;
}

static const struct annotate_opts defaults = {
	.input = INPUT_DEFAULT,
	.syntax = "att",
};

const struct command command_annotate = {
	.name = "annotate",
	.summary = "print the lines and instructions of a function that were hit",
	.usage = "[-i FILE] [OPTIONS] FUNCTION",
	.about = "Prints the source lines and the instructions of a function of a recording, with "
		 "the samples that\nhit each. The file that it is in must still be there.",
	.examples = "  egret annotate crc32_z\n"
		    "  egret annotate -M intel -m libz.so.1 crc32_z\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
