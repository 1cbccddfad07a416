/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exec_storm N: becomes itself N times by execve, from before_exec, with a large environment. */
#include "spin.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static FRAME int before_exec(char **argv, int left)
{
	char number[16];
	char *next[] = { argv[0], number, NULL };

	snprintf(number, sizeof(number), "%d", left - 1);
	return execv("/proc/self/exe", next) + 1;
}

int main(int argc, char **argv)
{
	int left = argc > 1 ? atoi(argv[1]) : 0;

	return left > 0 ? before_exec(argv, left) + 1 : 0;
}
