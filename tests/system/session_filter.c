/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * session_filter.c - a session of the whole system whose filter is changed while it runs.
 *
 * session_filter PID COMM: for each filter a line "NAME pid N comm N other N user N kernel N":
 * samples of the process, of threads of that name, of all others; those whose leaf is in user mode
 * and in the kernel. Then how many notices there were and were told, and what was left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session_test.h"

struct sums {
	pid_t pid;
	const char *comm;
	uint64_t of_pid, of_comm, others, user, kernel;
};

static int add(const struct egret_stack *stack, void *arg)
{
	struct sums *s = arg;
	bool kernel = stack->n_frames && stack->frames[0]->kind == EGRET_FRAME_KERNEL;

	if (stack->thread->pid == s->pid)
		s->of_pid += stack->samples;
	else if (!strcmp(stack->thread->comm, s->comm))
		s->of_comm += stack->samples;
	else
		s->others += stack->samples;
	*(kernel ? &s->kernel : &s->user) += stack->samples;
	return 0;
}

static void sample_for(struct egret_session *session, int ms)
{
	struct egret_error err = { "" };

	for (int i = 0; i < ms / 50; i++)
		if (egret_session__poll(session, 50, &err) < 0 || usleep(50000))
			die(&err);
}

static void take(struct egret_session *session, struct sums *sums)
{
	struct egret_error err = { "" };
	struct egret_profile *profile;

	if (egret_session__poll(session, 0, &err) < 0 ||
	    egret_session__take(session, &profile, &err))
		die(&err);
	egret_profile__each_stack(profile, add, sums);
	egret_profile__destroy(profile);
}

static void stage(struct egret_session *session, const char *name,
		  const struct egret_session_filter *filter, struct sums sums)
{
	struct egret_error err = { "" };
	struct sums nobody = sums;

	if (egret_session__set_filter(session, filter, &err))
		die(&err);
	sample_for(session, 200); /* what was asked for before */
	take(session, &nobody);
	sample_for(session, 800);
	take(session, &sums);
	printf("%s pid %llu comm %llu other %llu user %llu kernel %llu\n", name,
	       (unsigned long long)sums.of_pid, (unsigned long long)sums.of_comm,
	       (unsigned long long)sums.others, (unsigned long long)sums.user,
	       (unsigned long long)sums.kernel);
}

static void count(void *arg, const char *notice)
{
	++*(int *)arg;
}

static int find_filtered(const struct egret_stat *stat, void *arg)
{
	if (!strcmp(stat->name, "filtered.rules"))
		*(uint64_t *)arg = stat->value;
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid = argc > 2 ? atoi(argv[1]) : 0;
	const char *comm = argc > 2 ? argv[2] : "";
	const struct sums sums = { .pid = pid, .comm = comm };
	int told = 0, notices = 0;
	uint64_t filtered = 0;
	struct egret_session_opts opts = { .size = sizeof(opts),
					   .scope = EGRET_SCOPE_SYSTEM,
					   .frequency = 499,
					   .keep_profile = true,
					   .log = count,
					   .log_arg = &told };
	const struct egret_session_filter only_pid = { .size = sizeof(only_pid),
						       .pids = &pid,
						       .n_pids = 1 };
	const struct egret_session_filter not_comm = { .size = sizeof(not_comm),
						       .not_comms = &comm,
						       .n_not_comms = 1 };
	const struct egret_session_filter comm_in_user = { .size = sizeof(comm_in_user),
							   .comms = &comm,
							   .n_comms = 1,
							   .not_pids = &pid,
							   .n_not_pids = 1,
							   .only_user = true };
	const struct egret_session_filter kernel = { .size = sizeof(kernel), .only_kernel = true };
	const struct egret_session_filter nothing = { .size = sizeof(nothing),
						      .only_user = true,
						      .only_kernel = true };
	struct egret_session *session;
	struct egret_error err = { "" };

	if (egret_session__open(&opts, &session, &err) || egret_session__start(session, &err))
		die(&err);
	stage(session, "all", NULL, sums);
	stage(session, "only-pid", &only_pid, sums);
	if (!egret_session__set_filter(session, &nothing, &err))
		printf("a filter that keeps nothing was taken\n");
	stage(session, "not-comm", &not_comm, sums);
	stage(session, "comm-in-user", &comm_in_user, sums);
	stage(session, "kernel", &kernel, sums);
	stage(session, "all-again", NULL, sums);
	while (egret_session__notice(session, (size_t)notices))
		notices++;
	egret_session__each_stat(session, find_filtered, &filtered);
	printf("notices %d told %d\nfiltered %llu\n", notices, told, (unsigned long long)filtered);
	egret_session__destroy(session);
	return 0;
}
