/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fork_storm N: N children one after the other, each busy for a millisecond. */
#include "spin.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static FRAME void child(void)
{
	spin_ms(1);
	_exit(0);
}

static FRAME int storm(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (!pid)
			child();
		waitpid(pid, NULL, 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	return storm(argc > 1 ? atoi(argv[1]) : 300) != 0;
}
