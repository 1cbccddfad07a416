/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * live.h - the last seconds of a session that runs.
 *
 * Each `delay` what has been sampled is taken from the session. A window is the last of these
 * pieces put together: memory is bounded by it, and nothing decays, so that all numbers are counts.
 */
#ifndef EGRET_CMD_LIVE_H
#define EGRET_CMD_LIVE_H

#include "browser.h"

struct live {
	struct egret_session *session;
	uint64_t delay_ms;
	size_t n_window;	       /* pieces; 0: all since the start */
	struct egret_profile **pieces; /* the oldest first */
	size_t n;
	struct egret_profile *shown; /* of the pieces; never NULL */
	uint64_t next_ms;
	uint64_t lost;
	bool ended;		 /* what was sampled has ended */
	struct browser *browser; /* NULL: none */
	char status[80];
};

/* The session has been started; it stays the caller's. 0 or -errno. */
int live_init(struct live *live, struct egret_session *session, uint64_t delay_ms,
	      uint64_t window_ms, struct egret_error *err);
void live_deinit(struct live *live);

/* Waits until there is something to do. */
void live_wait(const struct live *live);
/* Does it. 1: there is a new `shown` (the old one is gone), 0, or -errno. */
int live_work(struct live *live, struct egret_error *err);

uint64_t live_lost(const struct live *live);
/* "the last 10 s", "all 65 s". */
const char *live_status(const struct live *live);

/* What makes a browser of live's `shown` live. */
struct browser_live live_hooks(struct live *live, struct browser *browser);

#endif
