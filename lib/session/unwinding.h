/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * unwinding.h - from a capture to frames: what one thread has for it.
 *
 * A thread has an unwinder, and modules of its own for it. What several share does not change while
 * they run: the code map of a capture's moment, the bytes of files; or it is behind a lock: libelf,
 * and the tables that an earlier session has kept.
 */
#ifndef EGRET_SESSION_UNWINDING_H
#define EGRET_SESSION_UNWINDING_H

#include <egret/egret.h>

#include "bpf/abi.h"
#include "cache/cache.h"
#include "maps/processes.h"
#include "unwind/unwind.h"

/* A capture, with what was mapped at its time. */
struct egret_capture_view {
	const struct egret_rec_capture *rec;
	const struct egret_code_map *code; /* NULL: nothing */
	struct egret_unwind_regs regs;
	struct egret_stack_run runs[EGRET_MAX_WINDOWS];
	uint32_t last_run;
	size_t last_mapping;
	bool needs_code;		   /* see egret_unwinding_run */
	bool in_memory;			   /* code that is in no file was looked at */
	struct egret_unwinding *unwinding; /* that runs */
};

/*
 * Where the pages of the stack are in rec, and the registers to begin with. By the thread that
 * feeds the code map. False: its windows do not fit it.
 */
bool egret_capture_view_init(struct egret_capture_view *view, const struct egret_rec_capture *rec,
			     const struct egret_code_map *code);

/* The number of what is mapped; 0: nothing. */
static inline uint64_t egret_capture_view_code_number(const struct egret_capture_view *view)
{
	return view->code ? view->code->number : 0;
}

/* Unwind tables on disk, and those of them that were read: for any number of threads. */
struct egret_kept_tables;
/*
 * cache, parser: outlive it, or NULL. The parser is asked for the tables of files that were opened
 * by it, when their first frame is seen. 0 or -ENOMEM.
 */
int egret_kept_tables_create(const struct egret_unwind_engine *engine, struct egret_cache *cache,
			     struct egret_parser *parser, struct egret_kept_tables **out);
/* After all that use it. */
void egret_kept_tables_destroy(struct egret_kept_tables *kept);
size_t egret_kept_tables_memory(struct egret_kept_tables *kept); /* bytes */

struct egret_unwinding_opts {
	const struct egret_unwind_engine *engine;
	struct egret_kept_tables *kept; /* outlives it */
	/*
	 * Where there is no CFI, or CFI that leads nowhere, code is looked at. What is found then
	 * depends on what was found before, and code that is in no file is read from its process:
	 * so one thread does it, in the order of the captures.
	 */
	bool looks_at_code;
	/* Where code comes from that is in no file; NULL: from nowhere. */
	const struct egret_process_source *process_source;
};

/* Of one thread at a time. */
struct egret_unwinding;
int egret_unwinding_create(const struct egret_unwinding_opts *opts, struct egret_unwinding **out,
			   struct egret_error *err);
void egret_unwinding_destroy(struct egret_unwinding *u);
/* Bytes of tables, where the engine has some: what grows with the code that is seen. */
size_t egret_unwinding_memory(const struct egret_unwinding *u);

/* From now on struct egret_module says which code was looked at. */
void egret_unwinding_note_code(struct egret_unwinding *u);

/*
 * Unwinds a capture into frames, of which there are max at most. False: only one that looks at code
 * can tell, and *result is not set.
 */
bool egret_unwinding_run(struct egret_unwinding *u, struct egret_capture_view *view,
			 struct egret_unwound_frame *frames, size_t max,
			 struct egret_unwind_result *result);

/* Takes over the tables that `from`, which unwinds no more, has compiled. */
void egret_unwinding_take_tables(struct egret_unwinding *u, struct egret_unwinding *from);

/* Puts what was made of modules since they were loaded into the cache. When nobody waits. */
void egret_unwinding_keep(struct egret_unwinding *u);

#endif
