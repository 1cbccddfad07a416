/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* usage.h - what this process takes, and what sampling costs in others. */
#ifndef EGRET_CMD_AGENT_USAGE_H
#define EGRET_CMD_AGENT_USAGE_H

#include "agent/stat.h"

#include <egret/egret.h>

struct usage {
	uint64_t agent_ns; /* CPU time of this process, its threads, and children that have ended */
	uint64_t programs_ns; /* CPU time of the BPF programs, in whatever was interrupted */
	uint64_t parser_ns;   /* CPU time of the processes that read files */
	uint64_t captures_ns; /* CPU time of captures, in the threads that were sampled */
};

/* All since the start. */
void usage_now(const struct egret_session *session, const struct egret_parser *parser,
	       struct usage *usage);
uint64_t usage_total_ns(const struct usage *usage);

/* Memory of this process that is nobody else's: bytes. */
uint64_t usage_memory(void);

/* Gives memory back to the system where more than half of max_memory is taken. */
void usage_trim(uint64_t max_memory);

int usage_each_stat(const struct egret_session *session, const struct egret_parser *parser,
		    uint64_t max_memory, agent_stat_fn fn, void *arg);

#endif
