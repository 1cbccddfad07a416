/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * batch.h - windows of profiles as rows of the tables of a fleet.
 *
 * A batch holds the rows that are to be inserted, and knows by bounded sets of hashes which stacks,
 * frames and labels need not be sent again.
 */
#ifndef EGRET_CMD_FLEET_BATCH_H
#define EGRET_CMD_FLEET_BATCH_H

#include "fleet/identity.h"
#include "fleet/known.h"
#include "fleet/row_binary.h"
#include "fleet/schema.h"

struct batch {
	struct row_buffer rows[N_FLEET_TABLES];
	struct known known[FLEET_LABELS + 1]; /* of frames, stacks and labels */
	uint16_t month;			      /* its first day, since 1970: known is of it */
	/* The first sample of the last window, by which it is found again. */
	struct batch_mark {
		bool is_set;
		char *event, *service; /* on the heap */
		struct stack_id stack;
		uint64_t labels;
	} mark;
};

/* known_bytes: of each set, a power of two. */
void batch_init(struct batch *batch, size_t known_bytes);
void batch_deinit(struct batch *batch);

/* Forgets the rows, which have been sent. */
void batch_clear(struct batch *batch);
/* Forgets the rows, and what they were to make known. */
void batch_reset(struct batch *batch);

/* A window: what was sampled on a host from from_ns to to_ns (CLOCK_REALTIME). */
struct batch_window {
	const char *host;
	uint64_t from_ns, to_ns;
};

/* Adds a window. 0 or -ENOMEM; then the batch is only good for batch_reset. */
int batch_add(struct batch *batch, const struct egret_profile *profile,
	      const struct batch_window *window);

/* ---- what batch_add is made of, for loads without a profile --------------------------------- */

/* Whether these are new to the database; then their row is added. */
void batch_add_frame(struct batch *batch, uint64_t id, const struct egret_frame *frame);
void batch_add_stack(struct batch *batch, const struct stack_id *id, const char *process,
		     const uint64_t *frames, size_t n);
void batch_add_labels(struct batch *batch, uint64_t id, const struct label_set *set);

struct batch_sample {
	const char *event, *service;
	struct stack_id stack;
	uint64_t labels;
	uint64_t samples, value;
};
void batch_add_sample(struct batch *batch, uint32_t time, const struct batch_sample *sample);
void batch_add_window(struct batch *batch, const struct batch_window *window,
		      const struct egret_event *event, uint64_t samples, uint64_t value);
/* Before the first row of a window. */
void batch_begin(struct batch *batch, const struct batch_window *window);
/* The second a window is filed under. */
uint32_t batch_time(const struct batch_window *window);

#endif
