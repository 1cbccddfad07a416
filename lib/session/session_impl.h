/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* session_impl.h - the inside of a session, for session*.c only. */
#ifndef EGRET_SESSION_SESSION_IMPL_H
#define EGRET_SESSION_SESSION_IMPL_H

#include "capture/capture.h"
#include "elf/debug_find.h"
#include "session/accounting.h"
#include "session/live_names.h"
#include "session/parsing.h"
#include "session/pipeline.h"
#include "session/raw_sources.h"

struct egret_session {
	struct egret_capture *capture;
	struct egret_pipeline *pipeline;
	struct egret_cache *cache;
	struct egret_parsing parsing;
	struct egret_debug_finder *debug_finder; /* may have parsing */
	struct egret_module_source modules;
	struct egret_writer *writer;
	struct egret_live_names *live_names;
	struct egret_raw_sources *raw_sources; /* where raw: what was read of /proc is kept */
	enum egret_scope scope;
	bool raw, start_disabled, started, sampling, stopped;
	int epoll, timer;
	uint32_t latency_ms;
	uint64_t memory_limit; /* bytes */
	/* Whether something was forgotten since the last take; what was there at the one after. */
	bool trimmed;
	uint64_t memory_needed;
	size_t modules_needed, max_modules;
	struct egret_accounting_told told; /* of what was taken */
	int *pidfds;			   /* of the processes asked for; -1 where ended */
	size_t n_pidfds, n_alive;
	uint64_t start_time, end_time, next_tidy; /* CLOCK_MONOTONIC ns */
	uint64_t written_before;		  /* bytes of recordings that are finished */
	struct egret_event_spec *specs;
	size_t n_specs;
	char *notices[8];
	size_t n_notices;
	void (*log)(void *arg, const char *notice);
	void *log_arg;
};

/* A notice, told to the caller's log and kept. */
void egret_session_tell(struct egret_session *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Fills specs. */
int egret_session_parse_events(struct egret_session *s, const struct egret_session_opts *opts,
			       struct egret_error *err);

#endif
