/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * accounting.h - what became of every interrupt, sample and capture, by name.
 *
 * The identity: interrupts + witness.late + witness.idle + witness.never-ran =
 * witness.expected;
 * interrupts = filtered.* + samples.written + samples.dropped.*;
 * samples.written = the sum of capture.* = the sum of unwind.*.
 */
#ifndef EGRET_SESSION_ACCOUNTING_H
#define EGRET_SESSION_ACCOUNTING_H

#include "capture/capture.h"
#include "session/pipeline.h"

/* Calls fn for each number; capture is NULL in a replay. Stops when fn returns non-zero, and
 * returns that. */
int egret_accounting_each(struct egret_capture *capture, const struct egret_pipeline *pipeline,
			  egret_stat_fn fn, void *arg);

/* Writes them into the profile, for its recording. */
void egret_accounting_store(struct egret_capture *capture, const struct egret_pipeline *pipeline,
			    struct egret_profile *profile);

/* What was told of the parts that are over. Zero-initialise. */
struct egret_accounting_told {
	struct egret_stat *items; /* names are its own */
	size_t n;
};
void egret_accounting_told_deinit(struct egret_accounting_told *told);

/*
 * Puts what has come since the last part into the profile, of which parts add up to the whole. A
 * sample that waits for its capture is of the part in which it ends, and so is its interrupt: each
 * part is balanced. Without means, which do not add up. 0 or -ENOMEM.
 */
int egret_accounting_store_part(struct egret_capture *capture,
				const struct egret_pipeline *pipeline,
				struct egret_profile *profile, struct egret_accounting_told *told);

#endif
