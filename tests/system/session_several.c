/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * session_several.c - sessions side by side in one process, by two threads, and a child of fork
 * that ends its copy of them.
 *
 * session_several PID: three sessions, of PID by cpu-clock, of PID by page-faults and of the system
 * (these two by one thread); a line each, "samples N, of which of PID N, written N, value N".
 * Halfway children are forked that destroy all of them, or only exit.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session_test.h"

enum { CLOCK, FAULTS, SYSTEM, NR };

struct one {
	struct egret_session *session;
	pid_t pid;
	uint64_t samples, of_pid, value, written;
};

static struct one all[NR];

static void open_one(struct one *one, const char *event, bool is_system, pid_t pid)
{
	struct egret_session_opts opts = { .size = sizeof(opts),
					   .scope = is_system ? EGRET_SCOPE_SYSTEM
							      : EGRET_SCOPE_PROCESS,
					   .pids = &pid,
					   .n_pids = !is_system,
					   .events = &event,
					   .n_events = 1,
					   .frequency = strcmp(event, "cpu-clock") ? 0 : 499,
					   .period = strcmp(event, "cpu-clock") ? 1 : 0,
					   .keep_profile = true,
					   .threads = is_system ? 2 : 0 };
	struct egret_error err = { "" };

	one->pid = pid;
	if (egret_session__open(&opts, &one->session, &err))
		die(&err);
}

static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct one *one = arg;

	one->samples += stack->samples;
	one->value += stack->value;
	if (stack->thread->pid == one->pid)
		one->of_pid += stack->samples;
	return 0;
}

static int add_stat(const struct egret_stat *stat, void *arg)
{
	if (!strcmp(stat->name, "samples.written"))
		((struct one *)arg)->written = stat->value;
	return 0;
}

static void poll_until(uint64_t end, int first, int last)
{
	struct egret_error err = { "" };

	while (now_ms() < end)
		for (int i = first; i <= last; i++)
			if (egret_session__poll(all[i].session, 20, &err) < 0)
				die(&err);
}

static void *poll_clock(void *arg)
{
	poll_until(*(uint64_t *)arg, CLOCK, CLOCK);
	return NULL;
}

/* Both threads wait while there is a child: what a fork copies is at rest. */
static void poll_all(uint64_t ms)
{
	uint64_t end = now_ms() + ms;
	pthread_t thread;

	if (pthread_create(&thread, NULL, poll_clock, &end))
		exit(2);
	poll_until(end, FAULTS, SYSTEM);
	pthread_join(thread, NULL);
}

static void fork_child(bool destroys)
{
	pid_t child = fork();
	int status = -1;

	if (!child) {
		for (int i = 0; destroys && i < NR; i++)
			egret_session__destroy(all[i].session);
		exit(0);
	}
	waitpid(child, &status, 0);
	if (status) {
		fprintf(stderr, "the child ended with %d\n", status);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 1 ? atoi(argv[1]) : 0;
	struct egret_error err = { "" };
	struct egret_profile *profile;

	open_one(&all[CLOCK], "cpu-clock", false, pid);
	open_one(&all[FAULTS], "page-faults", false, pid);
	open_one(&all[SYSTEM], "cpu-clock", true, pid);
	for (int i = 0; i < NR; i++) /* opening takes a moment, and all are to see the same */
		if (egret_session__start(all[i].session, &err))
			die(&err);
	poll_all(1500);
	fork_child(true);
	poll_all(750);
	fork_child(false);
	poll_all(750);
	for (int i = 0; i < NR; i++)
		if (egret_session__disable(all[i].session, &err))
			die(&err);
	for (int i = 0; i < NR; i++)
		if (egret_session__stop(all[i].session, &err))
			die(&err);
	for (int i = 0; i < NR; i++) {
		if (egret_session__take(all[i].session, &profile, &err))
			die(&err);
		egret_profile__each_stack(profile, add_stack, &all[i]);
		egret_profile__destroy(profile);
		egret_session__each_stat(all[i].session, add_stat, &all[i]);
		printf("samples %llu, of which of %d %llu, written %llu, value %llu\n",
		       (unsigned long long)all[i].samples, pid, (unsigned long long)all[i].of_pid,
		       (unsigned long long)all[i].written, (unsigned long long)all[i].value);
		egret_session__destroy(all[i].session);
	}
	return 0;
}
