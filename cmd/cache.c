/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cache.c - egret cache: what is kept of programs, and files to keep for later recordings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache_dir.h"
#include "command.h"
#include "message.h"
#include "text.h"

static const struct opt options[] = {
	{ "cache-dir", 0, OPT_DIRECTORY, offsetof(struct cache_opts, dir), "DIR",
	  "The directory (see egret(1))", NULL },
	{ 0 },
};

static const struct opt_group groups[] = { { "Options", options, 0 }, { 0 } };

struct totals {
	uint64_t n, bytes;
};

static int print_cached(const struct egret_cached *cached, void *arg)
{
	struct totals *totals = arg;
	time_t seconds = (time_t)cached->time;
	char when[32] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	printf("%-40s  %-10s  %10s  %s\n", cached->build_id, cached->kind,
	       text_bytes(cached->size).text, when);
	totals->n++;
	totals->bytes += cached->size;
	return 0;
}

static int list(const char *dir)
{
	struct totals totals = { 0 };
	struct egret_error err = { "" };

	if (egret_cached__each(dir, print_cached, &totals, &err))
		return say_failure(&err);
	printf("# %s: %s entries, %s\n", dir, text_count(totals.n).text,
	       text_bytes(totals.bytes).text);
	return STATUS_OK;
}

/* All are tried; what is there already is no failure. */
static int add(const char *dir, int n, char **files)
{
	int status = STATUS_OK;

	for (int i = 0; i < n; i++) {
		struct egret_error err = { "" };
		int ret = egret_cached__add_file(dir, files[i], &err);

		if (ret && ret != -EEXIST)
			status = say_failure(&err);
	}
	return status;
}

static int purge(const char *dir)
{
	struct egret_error err = { "" };
	int n = egret_cached__purge(dir, &err);

	if (n < 0)
		return say_failure(&err);
	say("%s entries removed from %s", text_count((uint64_t)n).text, dir);
	return STATUS_OK;
}

static int run_in(const char *dir, int argc, char **argv)
{
	bool alone = argc == 1;

	if (alone && !strcmp(argv[0], "list"))
		return list(dir);
	if (alone && !strcmp(argv[0], "purge"))
		return purge(dir);
	if (argc > 1 && !strcmp(argv[0], "add"))
		return add(dir, argc - 1, argv + 1);
	return say_usage("cache", "wants one of: list, add FILE..., purge");
}

static int run(void *opts, int argc, char **argv)
{
	char *dir = cache_dir(opts);
	int status;

	if (!dir)
		return say_error("there is no cache: EGRET_CACHE is empty, or HOME is not set");
	status = run_in(dir, argc, argv);
	free(dir);
	return status;
}

static const struct cache_opts defaults;

const struct command command_cache = {
	.name = "cache",
	.summary = "list, fill and empty what is kept of programs",
	.usage = "list\nadd FILE...\npurge",
	.about = "Lists what egret keeps of programs and libraries by their build-ids; adds "
		 "programs,\n"
		 "libraries and debug files, so that later recordings find them when they are gone "
		 "or\n"
		 "stripped; or removes all of it.",
	.examples = "  egret cache list\n"
		    "  egret cache add build/server build/server.debug\n"
		    "  egret cache purge\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
