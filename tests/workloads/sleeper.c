/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * sleeper: 20 threads, each in one system call busy for a while (a poll of very many descriptors)
 * and then asleep for ever.
 */
#include "spin.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define N_THREADS 20

static struct pollfd *fds;
static nfds_t n_fds;

static FRAME int fall_asleep(void)
{
	return poll(fds, n_fds, -1) + 1;
}

static FRAME void *thread_main(void *arg)
{
	volatile char buffer[2000] = { 1 };

	return (void *)(intptr_t)(fall_asleep() + buffer[0] + (arg != NULL));
}

static int prepare(void)
{
	struct rlimit limit;
	int ends[2];

	if (getrlimit(RLIMIT_NOFILE, &limit) || pipe(ends))
		return -1;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	n_fds = limit.rlim_cur < 200000 ? limit.rlim_cur : 200000;
	fds = calloc(n_fds, sizeof(*fds));
	for (nfds_t i = 0; fds && i < n_fds; i++)
		fds[i] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	return fds ? 0 : -1;
}

int main(void)
{
	pthread_t threads[N_THREADS];

	if (prepare())
		return 2;
	for (int i = 0; i < N_THREADS; i++) {
		if (pthread_create(&threads[i], NULL, thread_main, NULL))
			return 2;
		usleep(20000);
	}
	pthread_join(threads[0], NULL);
	return 0;
}
