/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* events.h - what `-e` says, as perf_event_attr; see perf_event_open(2) and perf-list(1). */
#ifndef EGRET_CAPTURE_EVENTS_H
#define EGRET_CAPTURE_EVENTS_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum egret_event_source {
	EGRET_EVENT_PERF,	/* a perf event whose interrupt runs the sampling program */
	EGRET_EVENT_TRACEPOINT, /* a raw tracepoint, which runs it at each hit */
};

/* One event to sample. */
struct egret_event_spec {
	char name[128]; /* as it was asked for */
	enum egret_event_source source;
	struct perf_event_attr attr; /* of EGRET_EVENT_PERF: type, config, exclude_*, precise_ip */
	char tracepoint[64];	     /* of EGRET_EVENT_TRACEPOINT: "sched_switch" */
	bool clock;		     /* its values are nanoseconds */
	uint64_t frequency;	     /* Hz; 0: period counts */
	uint64_t period;
};

/*
 * Reads one event as people write it: "cpu-clock", "cycles:u", "r01c4", "cpu/config=0x3c/",
 * "sched:sched_switch". -EINVAL, -ENOENT with a sentence that names near misses.
 */
int egret_event_parse(const char *text, struct egret_event_spec *spec, struct egret_error *err);

/* The n-th event that has a name of its own; NULL at the end. */
const char *egret_event_spec_name(size_t n);

/* Whether this machine counts CPU cycles: has a PMU that perf can use. */
bool egret_event_has_cycles(void);

/* perf_event_open(2). Returns the descriptor (close-on-exec) or -errno. */
int egret_perf_event_open(struct perf_event_attr *attr, int pid, int cpu);

#endif
