/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* usage.c - what this process takes, and what sampling costs in others. */
#include "agent/usage.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static uint64_t cpu_ns(int who)
{
	struct rusage usage;
	uint64_t us = 0;

	if (!getrusage(who, &usage)) {
		us += (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u;
		us += (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	}
	return us * 1000;
}

static int find_parser_time(const struct egret_stat *stat, void *arg)
{
	if (!strcmp(stat->name, "parser.cpu-us"))
		*(uint64_t *)arg = stat->value * 1000;
	return 0;
}

void usage_now(const struct egret_session *session, const struct egret_parser *parser,
	       struct usage *usage)
{
	struct egret_cost cost = { .size = sizeof(cost) };

	*usage = (struct usage){ .agent_ns = cpu_ns(RUSAGE_SELF) + cpu_ns(RUSAGE_CHILDREN) };
	egret_parser__each_stat(parser, find_parser_time, &usage->parser_ns);
	if (egret_session__cost(session, &cost))
		return;
	usage->programs_ns = cost.programs_ns;
	usage->captures_ns = cost.captures_ns;
}

uint64_t usage_total_ns(const struct usage *usage)
{
	return usage->agent_ns + usage->parser_ns + usage->programs_ns + usage->captures_ns;
}

/* Files that are mapped are the page cache's, and rings the session's: egret_cost.ring_bytes. */
uint64_t usage_memory(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	uint64_t kib = 0;
	char line[200];

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "RssAnon:", 8))
			kib = strtoull(line + 8, NULL, 10);
	if (file)
		fclose(file);
	return kib << 10;
}

void usage_trim(uint64_t max_memory)
{
	if (usage_memory() > max_memory / 2)
		malloc_trim(0);
}

int usage_each_stat(const struct egret_session *session, const struct egret_parser *parser,
		    uint64_t max_memory, agent_stat_fn fn, void *arg)
{
	struct egret_cost cost = { .size = sizeof(cost) };
	struct usage usage;
	int ret = 0;

	usage_now(session, parser, &usage);
	egret_session__cost(session, &cost);
	const struct agent_stat stats[] = {
		{ "egret_cpu_seconds_total", "CPU time that profiling has cost, by where",
		  "part=\"agent\"", (double)usage.agent_ns / 1e9, false },
		{ "egret_cpu_seconds_total", NULL, "part=\"parser\"", (double)usage.parser_ns / 1e9,
		  false },
		{ "egret_cpu_seconds_total", NULL, "part=\"programs\"",
		  (double)usage.programs_ns / 1e9, false },
		{ "egret_cpu_seconds_total", NULL, "part=\"captures\"",
		  (double)usage.captures_ns / 1e9, false },
		{ "egret_memory_bytes", "Memory that is the agent's own", NULL,
		  (double)usage_memory(), true },
		{ "egret_memory_budget_bytes", "What it may keep in memory", NULL,
		  (double)max_memory, true },
		{ "egret_session_memory_bytes", "Of this, what is known of code and processes",
		  NULL, (double)cost.memory_bytes, true },
		{ "egret_session_files", "Files that are known, and open", NULL, (double)cost.files,
		  true },
		{ "egret_ring_bytes", "Rings that the kernel writes to", NULL,
		  (double)cost.ring_bytes, true },
	};
	for (size_t i = 0; i < sizeof(stats) / sizeof(*stats) && !ret; i++)
		ret = fn(&stats[i], arg);
	return ret;
}
