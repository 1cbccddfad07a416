/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "start_parser.h"

#include <sys/resource.h>

/* Who reads files keeps a descriptor of each. */
static void open_many(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

int start_parser(struct egret_parser **parser, struct egret_error *err)
{
	open_many();
	return egret_parser__start(NULL, parser, err);
}
