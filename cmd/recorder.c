/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* recorder.c - one recording, from the options to the file. */
#include "recorder.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "accounting.h"
#include "message.h"
#include "output.h"
#include "progress.h"
#include "signals.h"
#include "text.h"
#include "workload.h"

#define POLL_MS 100 /* the library wants to be asked this often */
#define NEVER UINT64_MAX

struct recorder {
	const struct sampling_opts *opts;
	const struct recorder_file *file;
	struct signals signals;
	struct workload workload;
	struct egret_parser *parser;
	struct egret_session *session;
	struct output output;
	struct progress progress;
	size_t n_notices;		       /* said so far */
	uint64_t enable_at, end_at, switch_at; /* milliseconds of CLOCK_MONOTONIC, or NEVER */
	bool done;
	bool interrupted;
	bool target_ended;
	unsigned int n_files; /* whole ones */
	uint64_t bytes;	      /* in these */
	char last_name[4096];
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool writes_stdout(const struct recorder *r)
{
	return !strcmp(r->file->path, "-");
}

static void say_notices(struct recorder *r)
{
	const char *notice;

	while ((notice = egret_session__notice(r->session, r->n_notices))) {
		r->n_notices++;
		if (r->opts->quiet)
			continue;
		progress_clear(&r->progress);
		say("%s", notice);
	}
}

/* ---- the beginning ------------------------------------------------------------------------ */

static bool is_plain_word(const char *word)
{
	return *word && !word[strcspn(word, " \t\n\"'\\$`&|;<>()*?[]#~")];
}

/* A command line that a shell would take apart into argv again. NULL without memory. */
static char *join_words(int argc, char **argv)
{
	char *line = NULL;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	if (!out)
		return NULL;
	for (int i = 0; i < argc; i++) {
		if (i)
			fputc(' ', out);
		if (is_plain_word(argv[i])) {
			fputs(argv[i], out);
			continue;
		}
		fputc('\'', out);
		for (const char *p = argv[i]; *p; p++) {
			if (*p == '\'')
				fputs("'\\'", out); /* ends the quotes, and begins them again */
			fputc(*p, out);
		}
		fputc('\'', out);
	}
	if (fclose(out)) {
		free(line);
		return NULL;
	}
	return line;
}

static int open_session(struct recorder *r, int argc, char **argv, struct egret_error *err)
{
	char *line = NULL;
	int ret;

	if (argc) {
		line = join_words(argc, argv);
		if (!line) {
			snprintf(err->text, sizeof(err->text), "out of memory");
			return -ENOMEM;
		}
	}
	ret = sampling_open_session(r->opts, line, &r->progress, &r->parser, &r->session, err);
	free(line);
	if (!ret)
		say_notices(r);
	return ret;
}

static int begin_output(struct recorder *r, struct egret_error *err)
{
	int ret = output_open(&r->output, r->file->path, true, err);

	return ret ? ret : egret_session__set_output(r->session, r->output.fd, err);
}

static uint64_t after(uint64_t start_ms, uint64_t ms)
{
	return ms ? start_ms + ms : NEVER;
}

static void set_times(struct recorder *r)
{
	uint64_t now = now_ms();

	r->enable_at = after(now, r->opts->delay_ms);
	r->end_at = r->opts->delay_ms ? NEVER : after(now, r->opts->duration_ms);
	r->switch_at = r->file->switch_on == SWITCH_TIME ? now + r->file->threshold : NEVER;
}

/*
 * On a busy machine the rings fill while egret waits for its turn. It has little to do, so it goes
 * first; the command was forked before, and keeps its own priority. Not being allowed to is no
 * error.
 */
static void be_prompt(void)
{
	if (getpriority(PRIO_PROCESS, 0) > -10)
		setpriority(PRIO_PROCESS, 0, -10);
}

/*
 * The command is forked before anything else is opened, so that it inherits nothing of egret's, and
 * let go when sampling is on, so that its first instruction can be sampled.
 */
static int begin(struct recorder *r, int argc, char **argv, struct egret_error *err)
{
	int ret;

	ret = signals_init(&r->signals, r->file->switch_on == SWITCH_SIGNAL, err);
	if (!ret && argc)
		ret = workload_prepare(&r->workload, argv, &r->signals.before, writes_stdout(r),
				       err);
	if (!ret)
		ret = open_session(r, argc, argv, err);
	if (!ret)
		ret = begin_output(r, err);
	if (!ret && argc && sampling_workload_is_target(r->opts))
		ret = egret_session__add_process(r->session, r->workload.pid, err);
	be_prompt();
	if (!ret)
		ret = egret_session__start(r->session, err);
	set_times(r);
	return ret;
}

/* ---- the loop ----------------------------------------------------------------------------- */

/* "egret.data.2026013112595907": date, time and hundredths of a second, as perf's users know it. */
static void timestamp_name(struct recorder *r)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &tm);
	snprintf(r->last_name, sizeof(r->last_name), "%s.%s%02ld", r->file->path, stamp,
		 now.tv_nsec / 10000000);
}

static int end_output(struct recorder *r, struct egret_error *err)
{
	bool switching = r->file->switch_on != SWITCH_NEVER;
	int ret;

	ret = egret_session__finish_output(r->session, err);
	if (ret)
		return ret;
	r->bytes += output_size(&r->output);
	if (switching)
		timestamp_name(r);
	else
		snprintf(r->last_name, sizeof(r->last_name), "%s", r->file->path);
	ret = output_commit(&r->output, switching ? r->last_name : NULL, true, err);
	if (!ret)
		r->n_files++;
	return ret;
}

static int switch_output(struct recorder *r, struct egret_error *err)
{
	int ret;

	ret = end_output(r, err);
	if (ret)
		return ret;
	if (!r->opts->quiet) {
		progress_clear(&r->progress);
		say("%s", r->last_name);
	}
	if (r->file->switch_on == SWITCH_TIME)
		r->switch_at = now_ms() + r->file->threshold;
	return begin_output(r, err);
}

static bool wants_switch(const struct recorder *r, int signal_number, uint64_t now)
{
	switch (r->file->switch_on) {
	case SWITCH_SIGNAL:
		return signal_number == SIGUSR2;
	case SWITCH_SIZE:
		return output_size(&r->output) >= r->file->threshold;
	case SWITCH_TIME:
		return now >= r->switch_at;
	default:
		return false;
	}
}

static int wait_ms(const struct recorder *r, uint64_t now)
{
	uint64_t next = now + POLL_MS;

	if (r->enable_at < next)
		next = r->enable_at;
	if (r->end_at < next)
		next = r->end_at;
	if (r->switch_at < next)
		next = r->switch_at;
	return next > now ? (int)(next - now) : 0;
}

/* Waits for records, signals or a moment, and has the records processed. */
static int process_records(struct recorder *r, struct egret_error *err)
{
	struct pollfd fds[] = {
		{ .fd = egret_session__fd(r->session), .events = POLLIN },
		{ .fd = r->signals.fd, .events = POLLIN },
	};
	int ret;

	poll(fds, 2, wait_ms(r, now_ms()));
	ret = egret_session__poll(r->session, 0, err);
	if (ret == -EINTR)
		return 0;
	if (!ret)
		r->done = r->target_ended = true;
	say_notices(r);
	return ret < 0 ? ret : 0;
}

/* The command's end ends the recording, also where it only says how long. */
static void watch_workload(struct recorder *r)
{
	if (workload_ended(&r->workload))
		r->done = true;
}

static int act_on_signals(struct recorder *r, struct egret_error *err)
{
	int number;

	while ((number = signals_next(&r->signals))) {
		if (wants_switch(r, number, 0)) {
			int ret = switch_output(r, err);

			if (ret)
				return ret;
		} else if (number == SIGINT || number == SIGTERM || number == SIGHUP) {
			r->done = r->interrupted = true;
		}
	}
	return 0;
}

static int act_on_time(struct recorder *r, struct egret_error *err)
{
	uint64_t now = now_ms();

	if (now >= r->enable_at) {
		int ret = egret_session__enable(r->session, err);

		if (ret)
			return ret;
		r->enable_at = NEVER;
		r->end_at = after(now, r->opts->duration_ms);
	}
	if (now >= r->end_at)
		r->done = true;
	progress_show(&r->progress, r->session, now);
	if (!r->done && r->file->switch_on != SWITCH_SIGNAL && wants_switch(r, 0, now))
		return switch_output(r, err);
	return 0;
}

static int loop(struct recorder *r, struct egret_error *err)
{
	int ret = 0;

	while (!ret && !r->done) {
		ret = process_records(r, err);
		if (!ret)
			ret = act_on_signals(r, err);
		if (!ret)
			ret = act_on_time(r, err);
		if (!ret)
			watch_workload(r);
	}
	return ret;
}

/* ---- the end ------------------------------------------------------------------------------ */

static void say_hint(const struct recorder *r, uint64_t samples)
{
	if (!samples) {
		say("nothing was sampled: the target ran too short, slept, or is not what you "
		    "meant; try -F max, or a longer recording");
	} else if (r->file->say_next && isatty(STDERR_FILENO) && !writes_stdout(r)) {
		bool is_default = !strcmp(r->last_name, "egret.data");

		say("see it with 'egret report%s%s', or make a page with 'egret export%s%s -o "
		    "page.html'",
		    is_default ? "" : " -i ", is_default ? "" : r->last_name,
		    is_default ? "" : " -i ", is_default ? "" : r->last_name);
	}
}

static void say_summary(const struct recorder *r, const struct accounting *accounting)
{
	struct accounting_summary sum = accounting_summary(accounting);
	char complete[60] = "";

	if (sum.user_stacks)
		snprintf(complete, sizeof(complete), " (%s complete)",
			 text_share(sum.complete, sum.user_stacks).text);
	if (r->n_files > 1)
		say("%s samples%s, %s lost, %s %s %u files %s.*", text_count(sum.samples).text,
		    complete, text_count(sum.lost).text, text_bytes(r->bytes).text, text_arrow(),
		    r->n_files, r->file->path);
	else
		say("%s samples%s, %s lost, %s %s %s", text_count(sum.samples).text, complete,
		    text_count(sum.lost).text, text_bytes(r->bytes).text, text_arrow(),
		    writes_stdout(r) ? "standard output" : r->last_name);
	if (accounting_differences(accounting) && !r->opts->stats)
		say("the accounting does not add up: 'egret report --stats' shows where");
	if (r->n_files == 1)
		say_hint(r, sum.samples);
}

static void say_results(const struct recorder *r)
{
	struct accounting accounting = { 0 };

	if (egret_session__each_stat(r->session, accounting_add, &accounting))
		say("the accounting cannot be shown: out of memory");
	if (!r->opts->quiet)
		say_summary(r, &accounting);
	if (r->opts->stats)
		accounting_print(&accounting, stderr);
	accounting_deinit(&accounting);
}

static int finish(struct recorder *r, struct egret_error *err)
{
	int ret;

	ret = egret_session__stop(r->session, err);
	progress_clear(&r->progress);
	if (ret)
		return ret;
	say_notices(r);
	return end_output(r, err);
}

/* What was recorded until something failed is kept, but not under the name asked for. */
static void give_up_output(struct recorder *r, bool began)
{
	if (!began || !output_size(&r->output) || !r->output.part) {
		output_discard(&r->output);
		return;
	}
	say("what was recorded until then is in '%s'", r->output.part);
	output_leave(&r->output);
}

static int record(struct recorder *r, int argc, char **argv, struct recorder_result *result)
{
	struct egret_error err = { "" };
	bool began = false;
	int status = STATUS_OK;
	int ret;

	ret = begin(r, argc, argv, &err);
	if (!ret && argc) {
		ret = workload_go(&r->workload, argv[0], &err);
		if (ret)
			status = STATUS_NOT_RUN;
	}
	if (!ret) {
		began = true;
		ret = loop(r, &err);
	}
	signals_finishing(&r->signals, r->interrupted);
	if (!ret)
		ret = finish(r, &err);
	progress_clear(&r->progress);
	if (ret) {
		say_failure(&err);
		give_up_output(r, began);
		return status ? status : STATUS_FAILED;
	}
	result->recorded = true;
	say_results(r);
	return STATUS_OK;
}

int recorder_run(const struct sampling_opts *opts, const struct recorder_file *file, int argc,
		 char **argv, struct recorder_result *result)
{
	struct recorder r = {
		.opts = opts,
		.file = file,
		.signals = SIGNALS_NONE,
		.workload = WORKLOAD_NONE,
		.output = OUTPUT_NONE,
		.enable_at = NEVER,
		.end_at = NEVER,
		.switch_at = NEVER,
	};
	bool ended;
	int status;

	*result = (struct recorder_result){ 0 };
	progress_init(&r.progress, opts->quiet);
	if (!opts->quiet)
		sampling_explain_call_graph(opts);
	status = record(&r, argc, argv, result);
	/* Where the library saw the target end, its exit status is on its way. */
	ended = workload_ended(&r.workload) ||
		(r.target_ended && sampling_workload_is_target(opts));
	workload_finish(&r.workload, !ended);
	if (argc && (ended || r.interrupted))
		result->workload_status = workload_exit_status(&r.workload);
	egret_session__destroy(r.session);
	egret_parser__destroy(r.parser);
	signals_deinit(&r.signals);
	return status;
}
