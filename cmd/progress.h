/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* progress.h - one line on a terminal that says how far a recording is; silent elsewhere. */
#ifndef EGRET_CMD_PROGRESS_H
#define EGRET_CMD_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/egret.h>

struct progress {
	bool on;
	bool shown; /* the line is on the terminal now */
	uint64_t last_ms;
};

/* On where standard error is a terminal that egret may write to. */
void progress_init(struct progress *progress, bool quiet);

/* Shows the line again, at most five times a second. now_ms: CLOCK_MONOTONIC. */
void progress_show(struct progress *progress, const struct egret_session *session, uint64_t now_ms);

/* Likewise of a debug file that is being fetched; total 0: its size is not known. */
void progress_show_fetch(struct progress *progress, const char *file, uint64_t got, uint64_t total);

/* Takes the line away, before anything else is said. */
void progress_clear(struct progress *progress);

#endif
