/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * broker.c - the one process may open what sampling takes, and the other may do nothing, and
 * profiles the machine, or a process: stacks and how often each was seen, for flamegraph.pl.
 *
 *   cc broker.c -o broker $(pkg-config --cflags --libs egret)
 *   ./broker SECONDS [PID] >folded
 */
#include <egret/grant.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 65534

/* As root. What was opened is closed here when the other side has it. */
static int broker(int socket, pid_t pid, struct egret_error *err)
{
	struct egret_session_opts opts = { .size = sizeof(opts), .frequency = 99 };
	struct egret_grant *grant = NULL;
	int ret;

	opts.scope = pid ? EGRET_SCOPE_PROCESS : EGRET_SCOPE_SYSTEM;
	opts.pids = &pid;
	opts.n_pids = pid ? 1 : 0;
	ret = egret_grant__open(&opts, &grant, err);
	if (!ret)
		ret = egret_grant__send(grant, socket, 10000, err);
	egret_grant__destroy(grant);
	return ret;
}

/* As nobody. */
static int profiler(int socket, int seconds, struct egret_error *err)
{
	struct egret_session_opts opts = { .size = sizeof(opts), .keep_profile = true };
	struct egret_session *session = NULL;
	struct egret_profile *profile = NULL;
	int ret = egret_grant__receive(socket, -1, &opts.grant, err);
	time_t end;

	if (!ret)
		ret = egret_session__open(&opts, &session, err);
	egret_grant__destroy(opts.grant);
	if (!ret)
		ret = egret_session__start(session, err);
	for (end = time(NULL) + seconds; ret >= 0 && time(NULL) < end;)
		ret = egret_session__poll(session, 100, err);
	if (ret >= 0)
		ret = egret_session__stop(session, err);
	if (ret >= 0)
		ret = egret_session__profile(session, &profile, err);
	if (ret >= 0)
		ret = egret_profile__export(profile, "folded", STDOUT_FILENO, NULL, err);
	egret_profile__destroy(profile);
	egret_session__destroy(session);
	return ret;
}

int main(int argc, char **argv)
{
	struct egret_error err = { "usage: broker SECONDS [PID]" };
	int sockets[2], status = 0, ret = -EINVAL;
	pid_t child;

	if (argc < 2 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		goto out;
	child = fork();
	if (!child) {
		close(sockets[1]);
		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			perror("setuid");
		else
			ret = profiler(sockets[0], atoi(argv[1]), &err);
		goto out;
	}
	close(sockets[0]);
	ret = broker(sockets[1], argc > 2 ? atoi(argv[2]) : 0, &err);
	close(sockets[1]);
	waitpid(child, &status, 0);
out:
	if (ret < 0)
		fprintf(stderr, "%s\n", err.text);
	return ret < 0 || status != 0;
}
