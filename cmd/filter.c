/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* filter.c - which of a recording a command looks at. */
#include "filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/store.h"
#include "agent/store_view.h"
#include "busy.h"
#include "clock_time.h"
#include "input.h"
#include "message.h"

#define MEMBER(name) offsetof(struct filter, name)

#define OF_A_THREAD                                                                                \
	{ "comm",                                                                                  \
	  0,                                                                                       \
	  OPT_STRINGS,                                                                             \
	  MEMBER(comms),                                                                           \
	  "NAME[,NAME...]",                                                                        \
	  "Only threads, or all of a process, of this name (* ? [ ] as in the "                    \
	  "shell)",                                                                                \
	  NULL },                                                                                  \
	{                                                                                          \
		"label", 0, OPT_STRINGS, MEMBER(labels), "KEY=VALUE[,...]",                        \
			"Only processes with this label (* ? [ ]), or with != without it; all "    \
			"have to hold",                                                            \
			NULL                                                                       \
	}
#define OF_A_STACK                                                                                 \
	{ "dso",                                                                                   \
	  0,                                                                                       \
	  OPT_STRINGS,                                                                             \
	  MEMBER(dsos),                                                                            \
	  "NAME[,NAME...]",                                                                        \
	  "Only samples that hit this file or module (* ? [ ])",                                   \
	  NULL },                                                                                  \
	{                                                                                          \
		"symbol", 0, OPT_STRINGS, MEMBER(symbols), "NAME[,NAME...]",                       \
			"Only samples that hit this function (* ? [ ])", NULL                      \
	}
#define OF_A_DAY                                                                                   \
	{ "from",                                                                                  \
	  0,                                                                                       \
	  OPT_STRING,                                                                              \
	  MEMBER(from),                                                                            \
	  "TIME",                                                                                  \
	  "Of the store of egret agent, from this time on: 10:00, \"2026-11-25 03:00\", -5m, "     \
	  "yesterday; see egret-store(5). With -i, of that recording",                             \
	  NULL },                                                                                  \
		{ "to", 0, OPT_STRING, MEMBER(to), "TIME", "And before this time (now)", NULL },   \
	{                                                                                          \
		"store", 0, OPT_DIRECTORY, MEMBER(store), "DIR",                                   \
			"The store (" STORE_DEFAULT_DIR ")", NULL                                  \
	}
#define OF_FUNCTIONS                                                                               \
	{                                                                                          \
		"focus",       0,	OPT_STRING,                                                \
		MEMBER(focus), "REGEX", "Only stacks in which a function matches",                 \
		NULL                                                                               \
	},                                                                                         \
	{                                                                                          \
		"ignore", 0, OPT_STRING, MEMBER(ignore), "REGEX",                                  \
			"No stack in which a function matches", NULL                               \
	}

const struct opt filter_options[] = {
	OF_A_THREAD,
	{ "pid", 0, OPT_PIDS, MEMBER(pids), "PID[,PID...]", "Only these processes", NULL },
	{ "tid", 0, OPT_PIDS, MEMBER(tids), "TID[,TID...]", "Only these threads", NULL },
	{ "cpu", 'C', OPT_CPUS, MEMBER(cpus), "CPU[-CPU][,...]", "Only samples on these CPUs",
	  NULL },
	OF_A_STACK,
	{ "time", 0, OPT_STRING, MEMBER(time), "FROM,TO",
	  "Only between these times, in seconds from the first sample, or as 10%,20%", NULL },
	OF_A_DAY,
	OF_FUNCTIONS,
	{ "only-user", 0, OPT_FLAG, MEMBER(only_user), NULL,
	  "Leave out kernel frames, and samples without others", NULL },
	{ "only-kernel", 0, OPT_FLAG, MEMBER(only_kernel), NULL,
	  "Leave out user frames, and samples without others", NULL },
	{ "no-inline", 0, OPT_FLAG, MEMBER(no_inline), NULL, "Leave out inlined functions", NULL },
	{ 0 },
};

const struct opt filter_stored_options[] = {
	OF_A_DAY, OF_A_THREAD, OF_A_STACK, OF_FUNCTIONS, { 0 }
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

/* But for times, which need to know of what. */
static bool is_empty(const struct filter *f)
{
	return !f->comms.n && !f->dsos.n && !f->symbols.n && !f->pids.n && !f->tids.n &&
	       !f->cpus.n && !f->focus && !f->ignore && !f->only_user && !f->only_kernel &&
	       !f->no_inline && !f->labels.n;
}

static struct egret_filter_opts options_of(const struct filter *f)
{
	return (struct egret_filter_opts){
		.size = sizeof(struct egret_filter_opts),
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
		.labels = (const char *const *)f->labels.items,
		.n_labels = f->labels.n,
		.focus = f->focus,
		.ignore = f->ignore,
		.only_user = f->only_user,
		.only_kernel = f->only_kernel,
		.no_inline = f->no_inline,
	};
}

static int apply(const struct filter *f, struct egret_profile **profile)
{
	struct egret_filter_opts opts = options_of(f);
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

/* ---- times of day --------------------------------------------------------------------------- */

struct day_range {
	uint64_t from_ns, to_ns;
};

static int bad_time(const char *option, const char *text)
{
	say_error("%s wants a time, such as 10:00, 10:00:30, \"yesterday 10:00\", \"2026-11-25 "
		  "03:00\", "
		  "2026-11-25T03:00:00Z, -5m, now or @1764000000; not '%s'",
		  option, text);
	return STATUS_USAGE;
}

static int parse_range(const char *from, const char *to, struct day_range *range)
{
	uint64_t now = clock_time_now();

	range->from_ns = 0;
	range->to_ns = UINT64_MAX;
	if (from && clock_time_parse(from, now, 0, &range->from_ns))
		return bad_time("--from", from);
	if (to && clock_time_parse(to, now, range->from_ns, &range->to_ns))
		return bad_time("--to", to);
	if (range->from_ns < range->to_ns)
		return STATUS_OK;
	say_error("--from=%s is not before --to=%s", from ? from : "", to ? to : "");
	return STATUS_USAGE;
}

static int filter_window(struct egret_profile **window, void *arg, struct egret_error *err)
{
	const struct filter *f = arg;
	struct egret_filter_opts opts;
	struct egret_profile *kept;
	int ret;

	if (!f || is_empty(f))
		return 0;
	opts = options_of(f);
	ret = egret_profile__filter(*window, &opts, &kept, err);
	if (ret)
		return ret;
	egret_profile__destroy(*window);
	*window = kept;
	return 0;
}

static void say_gap(uint64_t from_ns, uint64_t to_ns, void *arg)
{
	busy_end();
	say("nothing was stored from %s to %s", clock_time_text(from_ns).text,
	    clock_time_text(to_ns).text);
}

static void say_damaged(const char *text, void *arg)
{
	busy_end();
	say("%s: it is left out", text);
}

static int open_store(const struct filter *f, const struct day_range *range, bool with_samples,
		      struct egret_profile **out)
{
	struct egret_error err = { "" };
	const char *dir = f && f->store ? f->store : STORE_DEFAULT_DIR;
	struct store_view view = {
		.from_ns = range->from_ns,
		.to_ns = range->to_ns,
		.keep_samples = with_samples,
		.each = filter_window,
		.gap = say_gap,
		.damaged = say_damaged,
		.arg = (void *)f,
	};

	busy_begin("reading", dir);
	if (!store_view_read(dir, &view, out, &err))
		return STATUS_OK;
	busy_end();
	return say_failure(&err);
}

static int cut_by_day(const struct day_range *range, struct egret_profile **profile)
{
	struct egret_error err = { "" };

	if (!store_view_cut(profile, range->from_ns, range->to_ns, &err))
		return STATUS_OK;
	busy_end();
	return say_failure(&err);
}

bool filter_is_from_store(const char *path, const struct filter *f)
{
	return f && (f->from || f->to || f->store) && path == INPUT_DEFAULT;
}

const char *filter_source(const char *path, const struct filter *f)
{
	static char text[256];

	if (!filter_is_from_store(path, f))
		return path;
	snprintf(text, sizeof(text), "%s to %s", f->from ? f->from : "the beginning",
		 f->to ? f->to : "now");
	return text;
}

int filter_open_range(const char *text, const struct filter *filter, bool with_samples,
		      struct egret_profile **out)
{
	struct day_range range;
	const char *comma = strchr(text, ',');
	char *from;
	int status;

	*out = NULL;
	if (!comma || comma == text || !comma[1]) {
		say_error("a range of times is FROM,TO, such as 10:00,10:05; not '%s'", text);
		return STATUS_USAGE;
	}
	from = strndup(text, (size_t)(comma - text));
	if (!from)
		return say_error("out of memory");
	status = parse_range(from, comma + 1, &range);
	free(from);
	if (!status)
		status = open_store(filter, &range, with_samples || filter->time || filter->cpus.n,
				    out);
	if (!status && filter->time)
		status = apply(filter, out);
	return status;
}

/* ---- what a command reads ------------------------------------------------------------------- */

/* What the store gives has been filtered window by window; seconds are counted in the whole. */
static int open_and_filter(const char *path, const struct filter *f, bool with_samples,
			   struct egret_profile **out)
{
	bool has_day = f->from || f->to, is_stored = filter_is_from_store(path, f);
	struct day_range range;
	int status = parse_range(f->from, f->to, &range);

	if (status)
		return status;
	with_samples |= f->time || f->cpus.n || (has_day && !is_stored);
	if (is_stored)
		status = open_store(f, &range, with_samples, out);
	else
		status = (*out = input_open(path, with_samples)) ? STATUS_OK : STATUS_FAILED;
	if (!status && has_day && !is_stored)
		status = cut_by_day(&range, out);
	if (!status && (f->time || (!is_stored && !is_empty(f))))
		status = apply(f, out);
	return status;
}

int filter_open(const char *path, const struct filter *filter, bool with_samples,
		struct egret_profile **out)
{
	static const struct filter all;
	int status;

	*out = NULL;
	status = open_and_filter(path, filter ? filter : &all, with_samples, out);
	if (status) {
		busy_end();
		egret_profile__destroy(*out);
		*out = NULL;
	}
	return status;
}
