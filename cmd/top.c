/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top.c - egret top: what is running now. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "browser.h"
#include "command.h"
#include "live.h"
#include "message.h"
#include "report_functions.h"
#include "sampling.h"
#include "terminal.h"
#include "text.h"

struct top_opts {
	struct sampling_opts sampling;
	const char *sort;
	uint64_t delay_ms;
	uint64_t window_ms;
	uint64_t iterations;
	uint64_t limit;
	bool accumulate;
	bool stdio;
	struct row_keys keys; /* of sort */
};

#define MEMBER(name) offsetof(struct top_opts, name)

static const struct opt options[] = {
	{ "delay", 'd', OPT_DURATION, MEMBER(delay_ms), "SECONDS",
	  "Time between two pictures, also as 500ms (1)", NULL },
	{ "window", 'w', OPT_DURATION, MEMBER(window_ms), "SECONDS",
	  "Show what was sampled in this time before now (10)", NULL },
	{ "accumulate", 0, OPT_FLAG, MEMBER(accumulate), NULL,
	  "Show all that was sampled since the start, or since z", NULL },
	{ "sort", 's', OPT_STRING, MEMBER(sort), "KEY[,KEY...]",
	  "The order, self or total (self), and what a row is, as of egret report", NULL },
	{ "stdio", 0, OPT_FLAG, MEMBER(stdio), NULL,
	  "Text: one table after the other; so it is where there is no terminal", NULL },
	{ "batch", 'b', OPT_FLAG, MEMBER(stdio), NULL, "The same", NULL },
	{ "iterations", 'n', OPT_U64, MEMBER(iterations), "N",
	  "Text: end after so many tables (when what is sampled ends)", NULL },
	{ "limit", 0, OPT_U64, MEMBER(limit), "N", "Text: functions of a table (20)", NULL },
	{ 0 },
};

/* Of the options of a recording those that make sense without one. */
static const struct opt sampled_options[] = {
	{ "freq", 'F', OPT_FREQUENCY, offsetof(struct sampling_opts, frequency), "HZ",
	  "Samples a second and CPU: a number, or max for what the kernel allows (99)", NULL },
	{ "count", 'c', OPT_U64, offsetof(struct sampling_opts, period), "PERIOD",
	  "A sample each PERIOD units of the event, instead of a frequency", NULL },
	{ "event", 'e', OPT_EVENTS, offsetof(struct sampling_opts, events), "EVENT[,EVENT...]",
	  "What to sample by (cycles where there is a PMU, else cpu-clock)", NULL },
	{ "all-user", 0, OPT_FLAG, offsetof(struct sampling_opts, all_user), NULL,
	  "Sample user mode only", NULL },
	{ "all-kernel", 0, OPT_FLAG, offsetof(struct sampling_opts, all_kernel), NULL,
	  "Sample kernel mode only", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "What to sample (-a, the whole system)", target_options, MEMBER(sampling) },
	{ "When to sample", sampled_options, MEMBER(sampling) },
	{ "What is shown", options, 0 },
	{ "How stacks are read", capture_options, MEMBER(sampling) },
	{ "Names", name_options, MEMBER(sampling) },
	{ "The cache", cache_options, MEMBER(sampling) + offsetof(struct sampling_opts, cache) },
	{ 0 },
};

/* ---- text ----------------------------------------------------------------------------------- */

static void print_line(const struct live *live, const struct aggregate *a)
{
	char now[32] = "";
	time_t seconds = time(NULL);
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(now, sizeof(now), "%H:%M:%S", &tm);
	printf("# %s  %s samples, %s lost; %s\n", now, text_count(a->samples).text,
	       text_count(live_lost(live)).text, live_status(live));
}

static int print_table(const struct top_opts *o, const struct live *live)
{
	const struct functions_table table = { .limit = o->limit, .by_total = o->keys.by_total };
	struct aggregate aggregate;
	const struct function **functions = NULL;
	size_t n = 0;
	int ret = aggregate_build(&aggregate, live->shown, 0);

	if (!ret) {
		functions = aggregate_sorted(&aggregate, table.by_total ? ORDER_TOTAL : ORDER_SELF,
					     &n);
		ret = functions ? 0 : -ENOMEM;
	}
	if (!ret) {
		print_line(live, &aggregate);
		report_functions_print(&table, &aggregate, functions, n,
				       text_terminal_width(stdout), stdout);
		printf("\n");
		fflush(stdout);
	}
	free(functions);
	aggregate_deinit(&aggregate);
	return ret;
}

static int print_tables(const struct top_opts *o, struct live *live)
{
	struct egret_error err = { "" };
	uint64_t printed = 0;
	int ret = 0;

	while (ret >= 0 && !ferror(stdout) && !(o->iterations && printed == o->iterations) &&
	       !(live->ended && printed)) {
		live_wait(live);
		ret = live_work(live, &err);
		if (ret <= 0)
			continue;
		ret = print_table(o, live);
		printed++;
	}
	if (ret >= 0)
		return STATUS_OK;
	return *err.text ? say_failure(&err) : say_error("%s", strerror(-ret));
}

/* ---- the screen ----------------------------------------------------------------------------- */

static int browse(const struct top_opts *o, struct live *live)
{
	struct browser browser = { .title = "egret top" };
	struct browser_live hooks = live_hooks(live, &browser);
	char *cache = cache_dir(&o->sampling.cache);
	int ret, status;

	browser.live = &hooks;
	browser.annotation_opts.cache_dir = cache;
	ret = browse_init(&browser.model, live->shown, 0, &o->keys);
	status = ret ? say_error("%s", strerror(-ret)) : browser_run(&browser);
	browse_deinit(&browser.model);
	free(cache);
	return status;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int show(const struct top_opts *o, struct egret_session *session)
{
	struct live live;
	struct egret_error err = { "" };
	bool text = o->stdio || o->iterations || !terminal_is_capable();
	const char *notice;
	int status;

	for (size_t i = 0; (notice = egret_session__notice(session, i)); i++)
		say("%s", notice);
	if (egret_session__start(session, &err) ||
	    live_init(&live, session, o->delay_ms, o->accumulate ? 0 : o->window_ms, &err))
		return say_failure(&err);
	status = text ? print_tables(o, &live) : browse(o, &live);
	live_deinit(&live);
	return status;
}

static int run(void *opts, int argc, char **argv)
{
	struct top_opts *o = opts;
	struct sampling_opts *sampling = &o->sampling;
	struct egret_parser *parser = NULL;
	struct egret_session *session = NULL;
	struct progress progress;
	struct egret_error err = { "" };
	const char *bad;
	size_t len;
	int status;

	if (argc)
		return command_no_operands(&command_top, argv);
	if (row_keys_parse(&o->keys, o->sort, &bad, &len) || row_keys_need_samples(&o->keys))
		return say_usage(
			"top",
			"--sort wants self, total, comm, pid, tid, label:KEY, dso, sym or srcline, "
			"not '%s'",
			o->sort);
	if (!sampling->pids.n && !sampling->tids.n && !sampling->cgroup)
		sampling->all_cpus = true;
	if (!sampling->frequency && !sampling->period)
		sampling->frequency = 99;
	if (!sampling_check("top", sampling, 0))
		return STATUS_USAGE;
	sampling_explain_call_graph(sampling);
	progress_init(&progress, true);
	sampling->live = true;
	if (sampling_open_session(sampling, NULL, &progress, &parser, &session, &err))
		status = say_failure(&err);
	else
		status = show(o, session);
	egret_session__destroy(session);
	egret_parser__destroy(parser);
	return status;
}

static const struct top_opts defaults = {
	.sort = "self",
	.delay_ms = 1000,
	.window_ms = 10000,
	.limit = 20,
};

const struct command command_top = {
	.name = "top",
	.summary = "show which functions run now",
	.usage = "[-a | -p PID | -t TID | --cgroup PATH] [OPTIONS]",
	.about = "Samples the system, or some of it, and shows the functions of the last ten "
		 "seconds, each second\n"
		 "anew: on a terminal in the browser of egret report (? lists its keys), elsewhere "
		 "as text.",
	.examples = "  egret top\n"
		    "  egret top -p $(pidof -s mysqld) --sort=total\n"
		    "  egret top --batch -n 3 --delay 5\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
