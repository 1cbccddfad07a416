/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * session_rate.c - a session whose frequency is changed while it runs, and which is taken from all
 * the time: prints what came out, a line for each part of a second and a half.
 *
 * session_rate PID: "HZ SAMPLES MILLISECONDS" of each part, then what all of it was.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session_test.h"

struct sum {
	uint64_t samples, value, kept;
};

static int add(const struct egret_stack *stack, void *arg)
{
	struct sum *sum = arg;

	sum->samples += stack->samples;
	sum->value += stack->value;
	return 0;
}

static int add_kept(const struct egret_sample *sample, void *arg)
{
	((struct sum *)arg)->kept++;
	return 0;
}

struct counted {
	uint64_t written, never_ran;
};

static int find_counted(const struct egret_stat *stat, void *arg)
{
	struct counted *counted = arg;

	if (!strcmp(stat->name, "samples.written"))
		counted->written = stat->value;
	if (!strcmp(stat->name, "witness.never-ran"))
		counted->never_ran = stat->value;
	return 0;
}

static void take(struct egret_session *session, struct sum *sum)
{
	struct egret_error err = { "" };
	struct egret_profile *profile;

	if (egret_session__take(session, &profile, &err))
		die(&err);
	egret_profile__each_stack(profile, add, sum);
	egret_profile__each_sample(profile, add_kept, sum);
	egret_profile__destroy(profile);
}

static void part(struct egret_session *session, uint64_t hz, struct sum *all)
{
	struct egret_error err = { "" };
	uint64_t end = now_ms() + 1500;
	struct sum sum = { 0 };

	if (egret_session__set_frequency(session, hz, &err))
		die(&err);
	while (now_ms() < end) {
		if (egret_session__poll(session, 50, &err) < 0)
			die(&err);
		take(session, &sum);
	}
	printf("%llu %llu %llu\n", (unsigned long long)hz, (unsigned long long)sum.samples,
	       (unsigned long long)sum.value / 1000000);
	all->samples += sum.samples;
	all->kept += sum.kept;
}

/* At each change a period that is under way ends early, and what it has counted is nobody's. */
static void change_often(struct egret_session *session, struct sum *all)
{
	struct egret_error err = { "" };

	for (int i = 0; i < 60; i++)
		if (egret_session__set_frequency(session, i & 1 ? 999 : 19, &err) ||
		    egret_session__poll(session, 0, &err) < 0 || usleep(i & 1 ? 3000 : 30000))
			die(&err);
	usleep(50000);
	if (egret_session__set_frequency(session, 19, &err) || usleep(50000) ||
	    egret_session__poll(session, 0, &err) < 0)
		die(&err);
	take(session, all);
}

int main(int argc, char **argv)
{
	const char *events[] = { "cpu-clock" };
	pid_t pid = argc > 1 ? atoi(argv[1]) : 0;
	struct egret_session_opts opts = { .size = sizeof(opts),
					   .pids = &pid,
					   .n_pids = 1,
					   .events = events,
					   .n_events = 1,
					   .frequency = 19,
					   .keep_profile = true,
					   .keep_samples = true };
	struct egret_session *session;
	struct egret_error err = { "" };
	struct sum all = { 0 };
	struct counted counted = { 0 };

	if (egret_session__open(&opts, &session, &err) || egret_session__start(session, &err))
		die(&err);
	change_often(session, &all);
	part(session, 99, &all);
	part(session, 999, &all);
	part(session, 19, &all);
	if (egret_session__stop(session, &err))
		die(&err);
	take(session, &all);
	egret_session__each_stat(session, find_counted, &counted);
	printf("taken %llu, kept %llu, counted %llu, never ran %llu\n",
	       (unsigned long long)all.samples, (unsigned long long)all.kept,
	       (unsigned long long)counted.written, (unsigned long long)counted.never_ran);
	egret_session__destroy(session);
	return 0;
}
