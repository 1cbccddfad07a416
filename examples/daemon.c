/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * daemon.c - a profiler inside a daemon: one descriptor more for its epoll, and each second a
 * profile of that second, as DIRECTORY/1.pb.gz, 2.pb.gz, ... for `go tool pprof`. It takes no
 * thread and no signal of the daemon.
 *
 *   cc daemon.c -o daemon $(pkg-config --cflags --libs egret)
 *   ./daemon DIRECTORY SECONDS [PID]      (without a PID: the whole system)
 */
#include <egret/egret.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

static int write_second(struct egret_session *session, const char *path, struct egret_error *err)
{
	struct egret_profile *profile = NULL;
	int fd, ret = egret_session__take(session, &profile, err);

	if (ret)
		return ret;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		ret = -errno;
		snprintf(err->text, sizeof(err->text), "cannot write %.900s: %m", path);
	} else {
		ret = egret_profile__export(profile, "pprof", fd, NULL, err);
		close(fd);
	}
	egret_profile__destroy(profile);
	return ret;
}

int main(int argc, char **argv)
{
	struct egret_session_opts opts = { .size = sizeof(opts), .frequency = 99 };
	struct itimerspec each_second = { { 1, 0 }, { 1, 0 } };
	struct egret_session *session = NULL;
	struct egret_error err = { "usage: daemon DIRECTORY SECONDS [PID]" };
	pid_t pid = argc > 3 ? atoi(argv[3]) : 0;
	int n = 0, seconds = argc > 2 ? atoi(argv[2]) : 0, epoll = epoll_create1(EPOLL_CLOEXEC);
	int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), ret = -EINVAL;

	opts.scope = pid ? EGRET_SCOPE_PROCESS : EGRET_SCOPE_SYSTEM;
	opts.pids = &pid;
	opts.n_pids = pid ? 1 : 0;
	opts.keep_profile = true; /* in memory, for egret_session__take */
	if (seconds > 0)
		ret = egret_session__open(&opts, &session, &err);
	if (!ret)
		ret = egret_session__start(session, &err);
	if (!ret) {
		struct epoll_event event = { .events = EPOLLIN,
					     .data.fd = egret_session__fd(session) };

		epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
		event.data.fd = timer;
		epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
		timerfd_settime(timer, 0, &each_second, NULL);
	}
	while (ret >= 0 && n < seconds) {
		struct epoll_event event = { 0 };
		char path[4096];
		uint64_t expired;

		/* The daemon's other descriptors come here too. */
		epoll_wait(epoll, &event, 1, -1);
		ret = egret_session__poll(session, 0, &err);
		if (ret < 0 || event.data.fd != timer)
			continue;
		if (read(timer, &expired, sizeof(expired)) < 0)
			break;
		snprintf(path, sizeof(path), "%s/%d.pb.gz", argv[1], ++n);
		ret = write_second(session, path, &err);
	}
	if (ret < 0)
		fprintf(stderr, "%s\n", err.text);
	egret_session__destroy(session);
	return ret < 0;
}
