/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * metrics.h - numbers as Prometheus reads them: its text format, version 0.0.4.
 *
 * The accounting of the library has names such as "capture.whole"; those of one kind become one
 * family with a label: egret_capture_endings_total{ending="whole"}.
 */
#ifndef EGRET_CMD_AGENT_METRICS_H
#define EGRET_CMD_AGENT_METRICS_H

#include <stdio.h>

#include <egret/egret.h>

#include "agent/stat.h"

struct metrics {
	FILE *out;
	char *text; /* after metrics_end, the caller's to free */
	size_t size;
	char family[128]; /* the last one */
};

int metrics_begin(struct metrics *metrics);
/* An agent_stat_fn; arg is the struct metrics. Those of a family come one after the other. */
int metrics_add(const struct agent_stat *stat, void *arg);
/* ret: of what filled it. 0, ret, or -ENOMEM; there is a text only where it is 0. */
int metrics_end(struct metrics *metrics, int ret);

/* The accounting of a session through fn. */
int metrics_each_session(const struct egret_session *session, agent_stat_fn fn, void *arg);

#endif
