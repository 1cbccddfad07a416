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

#endif
