/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* merge.c - egret merge: several recordings as one. */
#include <stdio.h>
#include <stdlib.h>

#include "busy.h"
#include "command.h"
#include "filter.h"
#include "input.h"
#include "message.h"
#include "output.h"

struct merge_opts {
	struct filter filter;
	const char *output;
};

static const struct opt options[] = {
	{ "output", 'o', OPT_FILE, offsetof(struct merge_opts, output), "FILE",
	  "The recording to write (egret.merged; -: standard output)", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "Options", options, 0 },
	{ "Only some of them", filter_options, offsetof(struct merge_opts, filter) },
	{ 0 },
};

static int save(const struct egret_profile *profile, const char *path)
{
	struct egret_error err = { "" };
	struct output output;
	int ret;

	busy_begin("writing", path);
	if (output_open_whole(&output, path, true, &err)) {
		busy_end();
		return say_failure(&err);
	}
	ret = egret_profile__save(profile, output.fd, &err);
	if (!ret)
		ret = output_commit(&output, NULL, false, &err);
	output_discard(&output);
	busy_end();
	return ret ? say_failure(&err) : STATUS_OK;
}

static int merge(struct egret_profile **profiles, size_t n, const char *path)
{
	struct egret_profile *whole = NULL;
	struct egret_error err = { "" };
	int status;

	busy_begin("merging", NULL);
	if (egret_profile__merge((const struct egret_profile *const *)profiles, n, &whole, &err)) {
		busy_end();
		return say_failure(&err);
	}
	status = save(whole, path);
	egret_profile__destroy(whole);
	return status;
}

/* What the store has of some time, as a recording. */
static int save_stored(const struct merge_opts *o)
{
	struct egret_profile *profile;
	int status = filter_open(INPUT_DEFAULT, &o->filter, true, &profile);

	if (!status)
		status = save(profile, o->output);
	egret_profile__destroy(profile);
	return status;
}

static int run(void *opts, int argc, char **argv)
{
	const struct merge_opts *o = opts;
	struct egret_profile **profiles;
	int status = STATUS_OK, n = 0;

	if (!argc && filter_is_from_store(INPUT_DEFAULT, &o->filter))
		return save_stored(o);
	if (argc < 2)
		return say_usage("merge",
				 "name the recordings to merge, two at least, or a time of "
				 "the store (--from, --to)");
	profiles = calloc((size_t)argc, sizeof(*profiles));
	if (!profiles)
		return say_error("out of memory");
	for (; n < argc && !status; n++)
		status = filter_open(argv[n], &o->filter, true, &profiles[n]);
	if (!status)
		status = merge(profiles, (size_t)n, o->output);
	while (n--)
		egret_profile__destroy(profiles[n]);
	free(profiles);
	return status;
}

static const struct merge_opts defaults = { .output = "egret.merged" };

const struct command command_merge = {
	.name = "merge",
	.summary = "put several recordings together as one",
	.usage = "[-o FILE] [OPTIONS] FILE FILE...\n"
		 "[-o FILE] [OPTIONS] --from=TIME [--to=TIME]",
	.about = "Writes a recording with the samples of several, of one machine or of many, or of "
		 "what\n"
		 "the store of egret agent holds of some time.",
	.examples = "  egret merge -o all.data monday.data tuesday.data\n"
		    "  egret merge -o nginx.data --comm=nginx host*.data\n"
		    "  egret merge -o night.data --from=03:00 --to=03:10\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
