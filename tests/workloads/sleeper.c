/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sleeper: in one system call, busy for a while (a poll of very many descriptors), then asleep. */
#include "spin.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define MANY 500000u

static FRAME int fall_asleep(struct pollfd *fds)
{
	return poll(fds, MANY, -1) + 1;
}

static FRAME int before(struct pollfd *fds)
{
	volatile char buffer[2000] = { 1 };

	return fall_asleep(fds) + buffer[0];
}

int main(void)
{
	struct rlimit limit = { MANY + 10, MANY + 10 };
	struct pollfd *fds = calloc(MANY, sizeof(*fds));
	int ends[2];

	if (!fds || pipe(ends) || setrlimit(RLIMIT_NOFILE, &limit))
		return 77;
	for (unsigned int i = 0; i < MANY; i++)
		fds[i] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	return before(fds) == 0;
}
