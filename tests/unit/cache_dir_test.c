/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Where commands keep their cache. */
#include <unistd.h>

#include "../../cmd/cache_dir.h"
#include "test.h"

static void check_dir(const struct cache_opts *opts, const char *want)
{
	char *dir = cache_dir(opts);

	CHECK_STR(dir, want);
	free(dir);
}

static void what_was_asked_for_comes_first(void)
{
	struct cache_opts opts = { .dir = "/asked" };

	setenv("EGRET_CACHE", "/named", 1);
	check_dir(&opts, "/asked");
	opts.none = true;
	check_dir(&opts, NULL);
	opts = (struct cache_opts){ 0 };
	check_dir(&opts, "/named");
	setenv("EGRET_CACHE", "", 1);
	check_dir(&opts, NULL);
	unsetenv("EGRET_CACHE");
}

static void roots_is_not_in_a_home(void)
{
	struct cache_opts opts = { 0 };

	setenv("XDG_CACHE_HOME", "/home/someone/.cache", 1);
	setenv("HOME", "/home/someone", 1);
	if (!geteuid())
		check_dir(&opts, "/var/cache/egret");
}

static void others_have_it_in_their_home(void)
{
	struct cache_opts opts = { 0 };

	if (!geteuid() && seteuid(65534))
		abort();
	setenv("XDG_CACHE_HOME", "/xdg", 1);
	setenv("HOME", "/home/someone", 1);
	check_dir(&opts, "/xdg/egret");
	setenv("XDG_CACHE_HOME", "relative", 1);
	check_dir(&opts, "/home/someone/.cache/egret");
	unsetenv("XDG_CACHE_HOME");
	check_dir(&opts, "/home/someone/.cache/egret");
	setenv("HOME", "relative", 1);
	check_dir(&opts, NULL);
	unsetenv("HOME");
	check_dir(&opts, NULL);
	/* LeakSanitizer looks at this process from another one of the same user. */
	if (!getuid() && seteuid(0))
		abort();
}

int main(void)
{
	RUN(what_was_asked_for_comes_first);
	RUN(roots_is_not_in_a_home);
	RUN(others_have_it_in_their_home);
	return DONE();
}
