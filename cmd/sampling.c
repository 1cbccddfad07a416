/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sampling.c - the options of a recording, and the session that they ask for. */
#include "sampling.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"
#include "start_parser.h"

#define MEMBER(name) offsetof(struct sampling_opts, name)

static const char *const captures[] = { "auto", "hook", "task-work", "inline", NULL };
static const char *const unwinders[] = { "table", "libdw", "libunwind", NULL };
static const char *const debuginfods[] = { "off", "cache", "on", NULL };
static const char *const demanglings[] = { "full", "short", "no", NULL };
static const char *const parsers[] = { "none", "process", NULL };
static const char *const faults[] = { "none", "safe", "any", NULL };

const struct opt target_options[] = {
	{ "pid", 'p', OPT_PIDS, MEMBER(pids), "PID[,PID...]",
	  "Record these processes, and what they fork", NULL },
	{ "tid", 't', OPT_PIDS, MEMBER(tids), "TID[,TID...]", "Record only these threads", NULL },
	{ "all-cpus", 'a', OPT_FLAG, MEMBER(all_cpus), NULL, "Record the whole system", NULL },
	{ "cgroup", 'G', OPT_DIRECTORY, MEMBER(cgroup), "PATH",
	  "Record this cgroup (v2), and those below it", NULL },
	{ 0 },
};

const struct opt event_options[] = {
	{ "freq", 'F', OPT_FREQUENCY, MEMBER(frequency), "HZ",
	  "Samples a second and CPU, or max: the kernel's limit, 10000 at most (999)", NULL },
	{ "count", 'c', OPT_U64, MEMBER(period), "PERIOD",
	  "A sample each PERIOD units of the event, instead of a frequency", NULL },
	{ "event", 'e', OPT_EVENTS, MEMBER(events), "EVENT[,EVENT...]",
	  "What to sample by, with modifiers as in cycles:u; may be repeated (cycles where there "
	  "is a PMU, else cpu-clock)",
	  NULL },
	{ "all-user", 0, OPT_FLAG, MEMBER(all_user), NULL, "Sample user mode only", NULL },
	{ "all-kernel", 0, OPT_FLAG, MEMBER(all_kernel), NULL, "Sample kernel mode only", NULL },
	{ "idle", 0, OPT_FLAG, MEMBER(idle), NULL, "Sample the idle task too", NULL },
	{ "duration", 'd', OPT_DURATION, MEMBER(duration_ms), "SECONDS",
	  "End after this time, also as 500ms or 2m", NULL },
	{ "delay", 'D', OPT_MILLISECONDS, MEMBER(delay_ms), "MS",
	  "Begin to sample this many milliseconds after the start", NULL },
	{ 0 },
};

const struct opt capture_options[] = {
	{ "capture", 0, OPT_CHOICE, MEMBER(capture), "BACKEND",
	  "How stacks are read: auto, hook, task-work or inline (auto: the first that works here)",
	  captures },
	{ "fault", 0, OPT_CHOICE, MEMBER(fault), "POLICY",
	  "Which pages of a stack may be brought into memory: none, safe or any (safe)", faults },
	{ "stack-limit", 0, OPT_SIZE, MEMBER(stack_limit), "SIZE",
	  "Read at most this much of a stack (256K; inline: 64K)", NULL },
	{ "buffer", 0, OPT_SIZE, MEMBER(buffer_size), "SIZE",
	  "Size of the capture buffer of each CPU", NULL },
	{ "max-threads", 0, OPT_U32, MEMBER(max_threads), "N",
	  "Threads that may have a capture under way", NULL },
	{ "unwinder", 0, OPT_CHOICE, MEMBER(unwinder), "NAME",
	  "What makes frames of stacks: table, libdw or libunwind (table)", unwinders },
	{ "max-frames", 0, OPT_U32, MEMBER(max_frames), "N", "Frames of a stack at most (2048)",
	  NULL },
	{ "threads", 0, OPT_COUNT, MEMBER(threads), "N",
	  "Unwind on so many threads besides egret's own, at most 64 (0)", NULL },
	{ "parser", 0, OPT_CHOICE, MEMBER(parser), "WHO",
	  "Who reads the ELF files of programs: none (egret itself) or process, one without "
	  "privileges (none)",
	  parsers },
	{ "", 'g', OPT_FLAG, MEMBER(call_graph), NULL,
	  "Accepted for perf's users: egret always records call graphs", NULL },
	{ "call-graph", 0, OPT_STRING, MEMBER(call_graph_mode), "MODE",
	  "Accepted for perf's users, likewise", NULL },
	{ 0 },
};

const struct opt name_options[] = {
	{ "debug-dir", 0, OPT_STRINGS, MEMBER(debug_dirs), "DIR[,DIR...]",
	  "Look for debug files here before /usr/lib/debug (see egret-symbols(7))", NULL },
	{ "debuginfod", 0, OPT_CHOICE, MEMBER(debuginfod), "WHEN",
	  "Debug files from debuginfod: off, cache (what it has fetched before) or on (cache)",
	  debuginfods },
	{ "debuginfod-timeout", 0, OPT_DURATION, MEMBER(debuginfod_timeout_ms), "SECONDS",
	  "Wait so long for a file of debuginfod at most (30)", NULL },
	{ "debuginfod-size", 0, OPT_SIZE, MEMBER(debuginfod_size), "SIZE",
	  "Take no larger file from debuginfod (512M)", NULL },
	{ "demangle", 0, OPT_CHOICE, MEMBER(demangle), "HOW",
	  "Names of C++, Rust and D: full, short (without parameters and template arguments) or no "
	  "(full)",
	  demanglings },
	{ 0 },
};

const struct opt result_options[] = {
	{ "raw", 0, OPT_FLAG, MEMBER(raw), NULL, "Keep the captured stacks too, for egret replay",
	  NULL },
	{ "labels", 0, OPT_FLAG, MEMBER(labels), NULL,
	  "Label processes by container, pod, unit, executable and OTEL_SERVICE_NAME", NULL },
	{ "no-symbols", 0, OPT_FLAG, MEMBER(no_symbols), NULL,
	  "Do not put the names of functions into the recording", NULL },
	{ "stats", 0, OPT_FLAG, MEMBER(stats), NULL, "Print the accounting at the end", NULL },
	{ "quiet", 'q', OPT_FLAG, MEMBER(quiet), NULL,
	  "Say nothing but errors: no progress, no summary", NULL },
	{ 0 },
};

static unsigned int n_targets(const struct sampling_opts *opts)
{
	return !!opts->pids.n + !!opts->tids.n + opts->all_cpus + !!opts->cgroup;
}

bool sampling_check(const char *command, const struct sampling_opts *opts, int argc)
{
	const char *wrong = NULL;

	if (!n_targets(opts) && !argc)
		wrong = "say what to record: -- COMMAND, -p PID, -t TID, -a or --cgroup PATH";
	else if (n_targets(opts) > 1)
		wrong = "-p, -t, -a and --cgroup exclude each other";
	else if (opts->frequency && opts->period)
		wrong = "-F and -c exclude each other";
	else if (opts->frequency > SAMPLING_FREQUENCY_MAX && opts->frequency != OPT_FREQUENCY_MAX)
		wrong = "-F is 10000 Hz at most: with more, a program comes to nothing beside its "
			"samples";
	else if (opts->all_user && opts->all_kernel)
		wrong = "--all-user and --all-kernel exclude each other";
	if (wrong)
		say_usage(command, "%s", wrong);
	return !wrong;
}

bool sampling_workload_is_target(const struct sampling_opts *opts)
{
	return !n_targets(opts);
}

void sampling_explain_call_graph(const struct sampling_opts *opts)
{
	if (!opts->call_graph && !opts->call_graph_mode)
		return;
	say("%s%s is not needed: egret always records call graphs, from the whole user stack "
	    "(see --stack-limit), without frame pointers",
	    opts->call_graph_mode ? "--call-graph " : "-g",
	    opts->call_graph_mode ? opts->call_graph_mode : "");
}

/*
 * What the kernel allows, and no more than leaves most of a CPU to what runs there: its limit is
 * 100 kHz until interrupts have been slow, that is a capture every 10 us, and one takes longer.
 */
static int highest_frequency(uint64_t *frequency, struct egret_error *err)
{
	static const char path[] = "/proc/sys/kernel/perf_event_max_sample_rate";
	FILE *file = fopen(path, "re");
	int n = 0;

	if (file) {
		n = fscanf(file, "%" SCNu64, frequency);
		fclose(file);
	}
	if (n == 1 && *frequency) {
		if (*frequency > SAMPLING_FREQUENCY_MAX)
			*frequency = SAMPLING_FREQUENCY_MAX;
		return 0;
	}
	snprintf(err->text, sizeof(err->text), "cannot read %s, which -F max needs", path);
	return -ENODATA;
}

static enum egret_scope scope(const struct sampling_opts *opts)
{
	if (opts->all_cpus)
		return EGRET_SCOPE_SYSTEM;
	if (opts->cgroup)
		return EGRET_SCOPE_CGROUP;
	return opts->tids.n ? EGRET_SCOPE_THREAD : EGRET_SCOPE_PROCESS;
}

static enum egret_debuginfod debuginfod(const struct sampling_opts *opts)
{
	if (!opts->debuginfod || !strcmp(opts->debuginfod, "cache"))
		return EGRET_DEBUGINFOD_CACHED;
	return strcmp(opts->debuginfod, "on") ? EGRET_DEBUGINFOD_NEVER : EGRET_DEBUGINFOD_NETWORK;
}

static enum egret_demangle demangle(const struct sampling_opts *opts)
{
	if (!opts->demangle || !strcmp(opts->demangle, "full"))
		return EGRET_DEMANGLE_FULL;
	return strcmp(opts->demangle, "no") ? EGRET_DEMANGLE_SHORT : EGRET_DEMANGLE_NONE;
}

static int show_fetch(void *arg, const char *file, uint64_t got, uint64_t total)
{
	progress_show_fetch(arg, file, got, total);
	return 0;
}

static bool wants_parser(const struct sampling_opts *opts)
{
	return opts->parser && !strcmp(opts->parser, "process");
}

int sampling_open_session(const struct sampling_opts *opts, const char *command_line,
			  struct progress *progress, struct egret_parser **parser,
			  struct egret_session **session, struct egret_error *err)
{
	char *cache = cache_dir(&opts->cache);
	int ret = 0;
	const struct opt_pids *ids = opts->tids.n ? &opts->tids : &opts->pids;
	struct egret_session_opts session_opts = {
		.size = sizeof(session_opts),
		.scope = scope(opts),
		.pids = ids->items,
		.n_pids = ids->n,
		.cgroup = opts->cgroup,
		.events = (const char *const *)opts->events.items,
		.n_events = opts->events.n,
		.frequency = opts->frequency,
		.period = opts->period,
		.exclude_user = opts->all_kernel,
		.exclude_kernel = opts->all_user,
		.include_idle = opts->idle,
		.keep_profile = opts->live,
		.raw = opts->raw,
		.start_disabled = opts->delay_ms > 0,
		.symbols_off = opts->no_symbols,
		.process_labels = opts->labels,
		.from_exec = sampling_workload_is_target(opts),
		.capture = opts->capture,
		.unwinder = opts->unwinder,
		.fault = opts->fault,
		.stack_limit = opts->stack_limit,
		.buffer_size = opts->buffer_size,
		.max_threads = opts->max_threads,
		.max_frames = opts->max_frames,
		.threads = opts->threads,
		.command = command_line,
		.cache_dir = cache,
		.cache_size = opts->cache.size,
		.debug_dirs = (const char *const *)opts->debug_dirs.items,
		.n_debug_dirs = opts->debug_dirs.n,
		.debuginfod = debuginfod(opts),
		.demangle = demangle(opts),
		.debuginfod_timeout_ms = (uint32_t)opts->debuginfod_timeout_ms,
		.debuginfod_max_bytes = opts->debuginfod_size,
		.debuginfod_progress = show_fetch,
		.debuginfod_arg = progress,
	};

	*parser = NULL;
	if (opts->frequency == OPT_FREQUENCY_MAX)
		ret = highest_frequency(&session_opts.frequency, err);
	if (!ret)
		ret = wants_parser(opts) ? start_parser(parser, err) : 0;
	session_opts.parser = *parser;
	if (!ret)
		ret = egret_session__open(&session_opts, session, err);
	free(cache);
	return ret;
}
