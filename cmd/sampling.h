/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sampling.h - the options of a recording, and the session that they ask for. */
#ifndef EGRET_CMD_SAMPLING_H
#define EGRET_CMD_SAMPLING_H

#include <stdbool.h>

#include "cache_dir.h"
#include "opt.h"
#include "progress.h"

/* Hz, of -F and of the agent. More leaves too little of a CPU to what runs there. */
#define SAMPLING_FREQUENCY_MAX 10000u

struct sampling_opts {
	/* what */
	struct opt_pids pids;
	struct opt_pids tids;
	bool all_cpus;
	const char *cgroup;
	/* when */
	struct opt_strings events;
	uint64_t frequency;
	uint64_t period;
	uint64_t duration_ms; /* 0: until the target ends */
	uint64_t delay_ms;
	bool all_user;
	bool all_kernel;
	bool idle;
	/* how */
	const char *capture;
	const char *unwinder;
	const char *fault;
	uint64_t stack_limit;
	uint64_t buffer_size;
	uint32_t max_threads;
	uint32_t max_frames;
	uint32_t threads;
	const char *parser;
	bool call_graph;
	const char *call_graph_mode;
	struct cache_opts cache;
	/* names */
	struct opt_strings debug_dirs;
	const char *debuginfod;
	uint64_t debuginfod_timeout_ms, debuginfod_size;
	const char *demangle;
	/* what of it */
	bool raw;
	bool no_symbols;
	bool labels;
	bool stats;
	bool quiet;
	bool live; /* the profile is looked at while it grows: no option */
};

/* The options of these; their offsets are in struct sampling_opts. */
extern const struct opt target_options[], event_options[], capture_options[], name_options[],
	result_options[];

/* Whether what is asked for makes sense; else says what does not, and returns false. argc: words of
 * the command to run. */
bool sampling_check(const char *command, const struct sampling_opts *opts, int argc);

/* Whether the command is what is recorded; otherwise it only says how long. */
bool sampling_workload_is_target(const struct sampling_opts *opts);

/* What egret does instead of -g and --call-graph, where they were given. */
void sampling_explain_call_graph(const struct sampling_opts *opts);

/*
 * command_line: kept in the recording; may be NULL. progress: shows what is fetched; outlives the
 * session. parser: NULL where none was asked for; to be destroyed after the session, and where this
 * fails. Errors as egret_session__open and egret_parser__start.
 */
int sampling_open_session(const struct sampling_opts *opts, const char *command_line,
			  struct progress *progress, struct egret_parser **parser,
			  struct egret_session **session, struct egret_error *err);

#endif
