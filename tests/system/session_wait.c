/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * session_wait.c - a session that waits for its descriptor alone, as a daemon's loop does.
 *
 * session_wait SECONDS LATENCY [PID]: of the whole system, or of one process; what it had cost:
 * "waits N, switches N, mappings N, samples N, lost N, not named N".
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session_test.h"

/* voluntary_ctxt_switches of proc_pid_status(5). */
static unsigned long switches(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long n = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
			break;
	if (file)
		fclose(file);
	return n;
}

struct counted {
	unsigned long long mappings, samples, lost;
};

static int count(const struct egret_stat *stat, void *arg)
{
	struct counted *counted = arg;

	if (!strcmp(stat->name, "maps.records"))
		counted->mappings = stat->value;
	if (!strcmp(stat->name, "samples.written"))
		counted->samples = stat->value;
	if (!strcmp(stat->name, "maps.lost") || strstr(stat->name, "ring-full"))
		counted->lost += stat->value;
	return 0;
}

static unsigned long wait_for(struct egret_session *session, uint64_t ms)
{
	struct pollfd fd = { .fd = egret_session__fd(session), .events = POLLIN };
	uint64_t now = now_ms(), end = now + ms;
	struct egret_error err = { "" };
	unsigned long waits = 0;

	for (; now < end; now = now_ms()) {
		waits++;
		if (poll(&fd, 1, (int)(end - now)) > 0 && egret_session__poll(session, 0, &err) < 0)
			die(&err);
	}
	return waits;
}

int main(int argc, char **argv)
{
	const char *events[] = { "cpu-clock" };
	uint64_t ms = (uint64_t)atoi(argv[1]) * 1000;
	pid_t pid = argc > 3 ? atoi(argv[3]) : 0;
	struct egret_session_opts opts = {
		.size = sizeof(opts),
		.scope = argc > 3 ? EGRET_SCOPE_PROCESS : EGRET_SCOPE_SYSTEM,
		.pids = &pid,
		.n_pids = argc > 3,
		.events = events,
		.n_events = 1,
		.frequency = 999,
		.keep_profile = true,
		.latency_ms = (uint32_t)atoi(argv[2]),
	};
	struct counted counted = { 0 };
	struct egret_session *session;
	struct egret_error err = { "" };
	unsigned long waits, before;

	if (egret_session__open(&opts, &session, &err) || egret_session__start(session, &err))
		die(&err);
	before = switches();
	waits = wait_for(session, ms);
	before = switches() - before;
	if (egret_session__stop(session, &err))
		die(&err);
	egret_session__each_stat(session, count, &counted);
	printf("waits %lu, switches %lu, mappings %llu, samples %llu, lost %llu\n", waits, before,
	       counted.mappings, counted.samples, counted.lost);
	egret_session__destroy(session);
	return 0;
}
