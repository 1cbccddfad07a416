/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* filter.c - which of a recording a command looks at. */
#include "filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "busy.h"
#include "input.h"
#include "message.h"

#define MEMBER(name) offsetof(struct filter, name)

const struct opt filter_options[] = {
	{ "comm", 0, OPT_STRINGS, MEMBER(comms), "NAME[,NAME...]",
	  "Only threads, or all of a process, of this name (* ? [ ] as in the shell)", NULL },
	{ "pid", 0, OPT_PIDS, MEMBER(pids), "PID[,PID...]", "Only these processes", NULL },
	{ "tid", 0, OPT_PIDS, MEMBER(tids), "TID[,TID...]", "Only these threads", NULL },
	{ "cpu", 'C', OPT_CPUS, MEMBER(cpus), "CPU[-CPU][,...]", "Only samples on these CPUs",
	  NULL },
	{ "dso", 0, OPT_STRINGS, MEMBER(dsos), "NAME[,NAME...]",
	  "Only samples that hit this file or module (* ? [ ])", NULL },
	{ "symbol", 0, OPT_STRINGS, MEMBER(symbols), "NAME[,NAME...]",
	  "Only samples that hit this function (* ? [ ])", NULL },
	{ "time", 0, OPT_STRING, MEMBER(time), "FROM,TO",
	  "Only between these times, in seconds from the first sample, or as 10%,20%", NULL },
	{ "focus", 0, OPT_STRING, MEMBER(focus), "REGEX", "Only stacks in which a function matches",
	  NULL },
	{ "ignore", 0, OPT_STRING, MEMBER(ignore), "REGEX", "No stack in which a function matches",
	  NULL },
	{ "only-user", 0, OPT_FLAG, MEMBER(only_user), NULL,
	  "Leave out kernel frames, and samples without others", NULL },
	{ "only-kernel", 0, OPT_FLAG, MEMBER(only_kernel), NULL,
	  "Leave out user frames, and samples without others", NULL },
	{ "no-inline", 0, OPT_FLAG, MEMBER(no_inline), NULL, "Leave out inlined functions", NULL },
	{ 0 },
};

/* ---- the time */

/* One end, which may be empty: then *given is false. */
static int parse_end(const char *text, const char *end, uint64_t first, uint64_t last,
		     uint64_t *time, bool *given)
{
	double number;
	char *stop;

	*given = text != end;
	if (!*given)
		return 0;
	if (!isdigit((unsigned char)*text) && *text != '.')
		return -EINVAL;
	number = strtod(text, &stop);
	if (stop != text && stop + 1 == end && *stop == '%' && number <= 100)
		number *= (double)(last - first) / 100;
	else if (stop == end || (stop + 1 == end && *stop == 's'))
		number *= 1e9;
	else
		return -EINVAL;
	if (!(number < 1e18))
		return -EINVAL;
	*time = first + (uint64_t)number;
	return 0;
}

int filter_parse_time(const char *text, uint64_t first, uint64_t last, uint64_t *from, uint64_t *to)
{
	const char *comma = strchr(text, ',');
	bool has_from, has_to;

	*from = *to = 0;
	if (!comma || parse_end(text, comma, first, last, from, &has_from) ||
	    parse_end(comma + 1, comma + strlen(comma), first, last, to, &has_to) ||
	    !(has_from || has_to) || (has_from && has_to && *to <= *from))
		return -EINVAL;
	/* "90%,100%" has the last sample too. */
	if (has_to && *to == last)
		*to = 0;
	return 0;
}

static int set_time(const struct egret_profile *profile, const char *text,
		    struct egret_filter_opts *opts)
{
	uint64_t first = 0, last = 0;

	egret_profile__times(profile, &first, &last);
	if (!filter_parse_time(text, first, last, &opts->time_from, &opts->time_to))
		return STATUS_OK;
	say_error("--time wants FROM,TO in seconds from the first sample or in percent, such as "
		  "1.5,3 or 90%%,; not '%s'",
		  text);
	return STATUS_USAGE;
}

/* ---- the recording */

static bool is_empty(const struct filter *f)
{
	return !f->comms.n && !f->dsos.n && !f->symbols.n && !f->pids.n && !f->tids.n &&
	       !f->cpus.n && !f->time && !f->focus && !f->ignore && !f->only_user &&
	       !f->only_kernel && !f->no_inline;
}

static int apply(const struct filter *f, struct egret_profile **profile)
{
	struct egret_filter_opts opts = {
		.size = sizeof(opts),
		.comms = (const char *const *)f->comms.items,
		.n_comms = f->comms.n,
		.pids = f->pids.items,
		.n_pids = f->pids.n,
		.tids = f->tids.items,
		.n_tids = f->tids.n,
		.cpus = f->cpus.items,
		.n_cpus = f->cpus.n,
		.dsos = (const char *const *)f->dsos.items,
		.n_dsos = f->dsos.n,
		.symbols = (const char *const *)f->symbols.items,
		.n_symbols = f->symbols.n,
		.focus = f->focus,
		.ignore = f->ignore,
		.only_user = f->only_user,
		.only_kernel = f->only_kernel,
		.no_inline = f->no_inline,
	};
	struct egret_profile *kept;
	struct egret_error err = { "" };
	int status = f->time ? set_time(*profile, f->time, &opts) : STATUS_OK;

	if (status)
		return status;
	busy_begin("filtering", NULL);
	if (egret_profile__filter(*profile, &opts, &kept, &err)) {
		busy_end();
		return say_failure(&err);
	}
	egret_profile__destroy(*profile);
	*profile = kept;
	return STATUS_OK;
}

int filter_open(const char *path, const struct filter *filter, bool with_samples,
		struct egret_profile **out)
{
	int status = STATUS_OK;

	*out = input_open(path, with_samples || (filter && (filter->time || filter->cpus.n)));
	if (!*out)
		return STATUS_FAILED;
	if (filter && !is_empty(filter))
		status = apply(filter, out);
	if (status) {
		busy_end();
		egret_profile__destroy(*out);
		*out = NULL;
	}
	return status;
}
