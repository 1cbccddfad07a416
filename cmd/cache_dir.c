/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cache_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEMBER(name) offsetof(struct cache_opts, name)

const struct opt cache_options[] = {
	{ "cache-dir", 0, OPT_DIRECTORY, MEMBER(dir), "DIR",
	  "Keep what is made of programs and libraries here for the next time (see egret(1))",
	  NULL },
	{ "cache-size", 0, OPT_SIZE, MEMBER(size), "SIZE",
	  "Keep at most this much, and drop what was not used for the longest time (512M)", NULL },
	{ "no-cache", 0, OPT_FLAG, MEMBER(none), NULL, "Neither read nor write it", NULL },
	{ 0 },
};

/* Root's is not in a home: with sudo, HOME and the XDG variables may be another user's. */
static char *default_dir(void)
{
	const char *named = getenv("EGRET_CACHE"), *home;
	const char *below = "";
	char *dir;

	if (named)
		return *named ? strdup(named) : NULL;
	if (!geteuid())
		return strdup("/var/cache/egret");
	home = getenv("XDG_CACHE_HOME");
	/* XDG Base Directory Specification: a relative path is to be ignored. */
	if (!home || *home != '/') {
		home = getenv("HOME");
		below = "/.cache";
	}
	if (!home || *home != '/' || asprintf(&dir, "%s%s/egret", home, below) < 0)
		return NULL;
	return dir;
}

char *cache_dir(const struct cache_opts *opts)
{
	if (opts->none)
		return NULL;
	return opts->dir ? strdup(opts->dir) : default_dir();
}
