/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* page.h - a recording written in another format: what export and flame have in common. */
#ifndef EGRET_CMD_PAGE_H
#define EGRET_CMD_PAGE_H

#include "filter.h"
#include "opt.h"

struct page_opts {
	const char *title;
	struct filter filter;
	const char *event;  /* NULL: the first of the recording */
	const char *fields; /* of a sample; NULL: the default */
	const char *by_label;
	bool by_thread;
	bool no_kernel;
	bool mark_recovered;
};

/* How the page is to look; offsets are in struct page_opts. */
extern const struct opt page_options[];

/*
 * Writes what opts->filter keeps of the recording `input` in a format to the file `output`, which
 * bears its name only when it is whole; "-" is standard output. Returns 0, or an exit status after
 * having said what is wrong.
 */
int page_write(const char *input, const char *format, const char *output,
	       const struct page_opts *opts);

/* The same of a profile that is open. */
int page_write_profile(const struct egret_profile *profile, const char *format, const char *output,
		       const struct egret_export_opts *export_opts);

#endif
