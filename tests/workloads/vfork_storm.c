/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vfork_storm N: N children one after the other by vfork and execve, each busy for 1 ms. */
#include "spin.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static FRAME void child(void)
{
	spin_ms(1);
}

static FRAME int storm(char *self, int n)
{
	char *argv[] = { self, NULL };

	for (volatile int i = 0; i < n; i++) {
		pid_t pid = vfork();

		if (!pid) {
			execv("/proc/self/exe", argv);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		child();
	else
		return storm(argv[0], atoi(argv[1])) != 0;
	return 0;
}
