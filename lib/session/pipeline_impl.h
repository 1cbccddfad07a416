/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pipeline_impl.h - the object behind pipeline.h, for the files that make it up. */
#ifndef EGRET_SESSION_PIPELINE_IMPL_H
#define EGRET_SESSION_PIPELINE_IMPL_H

#include "session/final_captures.h"
#include "session/late_pages.h"
#include "session/pipeline.h"
#include "session/stacks.h"
#include "session/unwind_pool.h"

/* A sample that waits for its capture. */
struct pending {
	uint64_t cookie;
	uint32_t next; /* another sample of the same cookie, or EGRET_INDEX_NONE */
	uint32_t n_kernel;
	uint64_t ip; /* of a user-mode hit; else 0 */
	struct egret_sample_row row;
	uint64_t kernel[];
};

/* What is known of a thread between its records. */
struct live_thread {
	uint32_t tid;
	uint64_t start_time;
	uint64_t waiting;	      /* cookie that samples of it wait for; 0: none */
	uint64_t before;	      /* asked for before that: one capture answers both; 0: none */
	uint64_t done, also;	      /* cookies of its last capture */
	struct egret_user_stack last; /* what that was, unless it is among the final ones: */
	uint64_t final;		      /* its number there; 0: it is not */
	bool last_used;
	uint32_t number; /* of the profile, under the names below */
	char comm[EGRET_COMM_LEN], process[EGRET_COMM_LEN];
	uint32_t labels; /* the set that the profile has of it, as the samples' process had it */
	uint64_t seen;	 /* time of its last record */
};

struct egret_pipeline {
	struct egret_pipeline_opts opts;
	struct egret_modules modules;
	struct egret_processes processes;
	struct egret_stacks stacks;
	struct egret_profile *profile;
	struct egret_names *names;
	struct egret_writer *writer;
	bool raw;
	struct egret_pipeline_stats stats;

	struct egret_kept_tables *kept;
	struct egret_unwinding
		*unwinding;		/* that looks at code; without threads, of all captures */
	struct egret_unwind_pool *pool; /* NULL: no threads */
	struct egret_on_way now;	/* the record at hand, where it does not go through pool */
	int failed;			/* of what went wrong where nobody could be told: -errno */
	struct egret_error failure;

	struct pending **pending; /* slots */
	uint32_t *free_slots;
	size_t n_slots, n_free_slots;
	struct egret_index pending_by_cookie;

	struct live_thread *threads;
	size_t n_threads;
	size_t threads_capacity;
	struct egret_index thread_by_id;

	struct egret_late_pages late;
	struct egret_final_captures final;
};

/* NULL: it is not known. */
struct live_thread *egret_pipeline_find_thread(struct egret_pipeline *p, uint32_t tid,
					       uint64_t start_time);
/* Whether a sample waits for the capture of a cookie; none does for 0. */
bool egret_pipeline_waits(const struct egret_pipeline *p, uint64_t cookie);
struct egret_user_stack egret_pipeline_user_stack(struct egret_pipeline *p, struct egret_on_way *w);

/*
 * A capture that was made at exit or execve, and that no sample waits for, is kept as the last one
 * of t; false: it is not such a one, or there is no memory. Most of them are needed by nobody: they
 * are unwound when a sample asks for them. What the threads of a pool made of one is left, so that
 * what comes out does not depend on them.
 */
bool egret_pipeline_keep_final(struct egret_pipeline *p, struct live_thread *t,
			       const struct egret_on_way *w);
/* The thread has another one now. */
void egret_pipeline_drop_final(struct egret_pipeline *p, struct live_thread *t);
/* What its last capture was, for a sample. */
const struct egret_user_stack *egret_pipeline_last_stack(struct egret_pipeline *p,
							 struct live_thread *t);
/* All that may be needed are unwound: code and modules are about to change. */
void egret_pipeline_settle_final(struct egret_pipeline *p);

/* What was made of files and code: nothing yet. */
int egret_pipeline_learn(struct egret_pipeline *p, struct egret_error *err);
void egret_pipeline_forget(struct egret_pipeline *p);

#endif
