/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * raw_sources.h - what a live session reads beside the records, kept for replay.
 *
 * Wraps the live sources of mappings and names: what they read is handed on and written into the
 * recording. Modules go in as those parts of their files that unwinding and naming look at.
 */
#ifndef EGRET_SESSION_RAW_SOURCES_H
#define EGRET_SESSION_RAW_SOURCES_H

#include "maps/processes.h"
#include "recording/recording.h"
#include "session/names.h"

struct egret_raw_sources;

/* live: where names come from; outlives raw. */
int egret_raw_sources_create(const struct egret_name_source *live, struct egret_raw_sources **out,
			     struct egret_error *err);
void egret_raw_sources_destroy(struct egret_raw_sources *raw);
void egret_raw_sources_set_writer(struct egret_raw_sources *raw, struct egret_writer *writer);

/* The sources to give to the pipeline. They live as long as raw. */
const struct egret_process_source *egret_raw_process_source(struct egret_raw_sources *raw);
const struct egret_name_source *egret_raw_name_source(struct egret_raw_sources *raw);

/* Writes the modules that are new since the last call. */
int egret_raw_sources_modules(struct egret_raw_sources *raw, const struct egret_modules *modules,
			      struct egret_error *err);
/* The same at the end of a recording, and what a write failed with before, if one did. */
int egret_raw_sources_finish(struct egret_raw_sources *raw, const struct egret_modules *modules,
			     struct egret_error *err);

#endif
