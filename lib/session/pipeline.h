/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * pipeline.h - from records in the order of time to a profile: maps, unwinding, interning, names.
 *
 * Fed by a live session or by a replay; does not know which. The one place that sees maps, unwind,
 * symbolize, profile and recording at once.
 */
#ifndef EGRET_SESSION_PIPELINE_H
#define EGRET_SESSION_PIPELINE_H

#include <linux/perf_event.h>

#include "bpf/abi.h"
#include "bpf/reasons.h"
#include "cache/cache.h"
#include "maps/processes.h"
#include "profile/profile.h"
#include "recording/recording.h"
#include "session/names.h"
#include "session/process_labels.h"
#include "unwind/unwind.h"

/* What became of samples and captures on this side of the rings. */
struct egret_pipeline_stats {
	uint64_t samples; /* that came out of the rings */
	uint64_t captures;
	uint64_t captures_unused; /* made at exit or exec, and no sample needed them */
	uint64_t captures_asleep; /* read from outside at the end */
	uint64_t late_pages;	  /* captures whose holes were filled from outside */
	uint64_t alt_stacks;	  /* captures with two stacks */
	uint64_t user_hits,
		user_hits_equal; /* of captures: where the interrupt hit is where they were made */
	uint64_t frames;
	uint64_t map_records, map_records_lost;
	uint64_t renewals, modules_closed;
	struct egret_label_stats labels;
	uint64_t
		capture_end[EGRET_CAPTURE_NR]; /* of samples; sums to samples, with those pending */
	uint64_t unwind_end[EGRET_UNWIND_NR];
	uint64_t pending;   /* samples that wait for their capture */
	uint64_t no_memory; /* samples dropped for want of memory */
};

struct egret_pipeline_opts {
	const struct egret_unwind_engine *engine;
	const struct egret_module_source *module_source;
	const struct egret_process_source *process_source;
	const struct egret_name_source *name_source;
	uint32_t max_frames;
	uint32_t threads;  /* that unwind, besides the caller's; 0: none */
	bool track_all;	   /* see struct egret_processes */
	bool aggregate;	   /* keep the profile's values, not only its tables */
	bool keep_samples; /* and each sample of it, with its time */
	bool process_labels;
	bool no_names;
	bool no_lines; /* names by symbols alone */
	enum egret_demangle demangle;
	struct egret_cache *cache; /* of unwind tables; outlives the pipeline; NULL: none */
	uint32_t late_pages;	   /* --fault=any: the stack limit in bytes; 0: leave holes alone */
	struct egret_parser *parser; /* that module_source opens files by; NULL: none */
};

struct egret_pipeline;

int egret_pipeline_create(const struct egret_pipeline_opts *opts, struct egret_pipeline **out,
			  struct egret_error *err);
void egret_pipeline_destroy(struct egret_pipeline *p);

struct egret_profile *egret_pipeline_profile(struct egret_pipeline *p);
struct egret_processes *egret_pipeline_processes(struct egret_pipeline *p);
struct egret_modules *egret_pipeline_modules(struct egret_pipeline *p);
const struct egret_pipeline_stats *egret_pipeline_stats(const struct egret_pipeline *p);

const struct egret_cache *egret_pipeline_cache(const struct egret_pipeline *p);	  /* or NULL */
const struct egret_parser *egret_pipeline_parser(const struct egret_pipeline *p); /* or NULL */

/* Where samples and names are written, or NULL. raw: every record too. */
void egret_pipeline_set_writer(struct egret_pipeline *p, struct egret_writer *writer, bool raw);

/* The records; 0 or -errno, which is the writer's or -ENOMEM. */
int egret_pipeline_record(struct egret_pipeline *p, const struct egret_rec *record,
			  struct egret_error *err);
/* A sample whose stack was found elsewhere: n addresses, leaf first. */
int egret_pipeline_chain(struct egret_pipeline *p, const struct egret_rec_sample *sample,
			 const uint64_t *chain, size_t n, struct egret_error *err);
int egret_pipeline_perf(struct egret_pipeline *p, const struct perf_event_header *record,
			uint64_t time, struct egret_error *err);

/*
 * With threads, records may be on their way when these return: what the profile, the statistics and
 * the writer have is of all of them only after this. Whatever looks at what is mapped, or names it,
 * does it itself.
 */
int egret_pipeline_settle(struct egret_pipeline *p, struct egret_error *err);

/* Bytes of what is known of samples, code and processes, without what is mapped of files. */
uint64_t egret_pipeline_memory(const struct egret_pipeline *p);
/* Files and other code that it knows. */
size_t egret_pipeline_n_modules(const struct egret_pipeline *p);
/* Files of these that are open or mapped, with those that have their symbols. */
size_t egret_pipeline_n_files(const struct egret_pipeline *p);

/* Names what is new, and forgets what ended before `now` by a while. */
int egret_pipeline_tidy(struct egret_pipeline *p, uint64_t now, struct egret_error *err);

/*
 * Forgets what was made of files, tables and names, processes that had ended a moment before `now`
 * (CLOCK_MONOTONIC, ns), and files that no process has mapped any more; what is needed again is
 * read again.
 * Samples that wait for their captures go on waiting, and the last stack of each thread is kept.
 * Nothing may be counted in the profile (it has just been taken), which is another one afterwards;
 * there may be no writer. After an error the pipeline is only good to be destroyed.
 */
int egret_pipeline_renew(struct egret_pipeline *p, uint64_t now, struct egret_error *err);

/* Ends the samples that still wait; `asleep`: their threads were looked for and could not be read.
 */
int egret_pipeline_end(struct egret_pipeline *p, bool asleep, struct egret_error *err);

/* Puts what was made of files into the cache. After the end, when nothing is captured any more. */
void egret_pipeline_keep(struct egret_pipeline *p);

/*
 * Names everything that can be named, JIT code read anew, and looks for lines and inlined
 * functions: for a bounded time, unless it is_over, when nothing is captured any more.
 */
int egret_pipeline_name_all(struct egret_pipeline *p, bool is_over, struct egret_error *err);

#endif
