/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* stat.h - how each part of the agent tells its numbers to /metrics. */
#ifndef EGRET_CMD_AGENT_STAT_H
#define EGRET_CMD_AGENT_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct agent_stat {
	const char *name;   /* as Prometheus names it: "egret_windows_stored_total" */
	const char *help;   /* one line */
	const char *labels; /* `backend="otlp"`, or NULL; valid during the call */
	double value;
	bool gauge; /* may fall; else it only grows */
};

/* Stops the enumeration when it returns non-zero. */
typedef int (*agent_stat_fn)(const struct agent_stat *stat, void *arg);

#endif
