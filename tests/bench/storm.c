/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* storm.c - short-lived processes, one after another: storm COUNT COMMAND [ARGUMENTS] */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* vfork, as posix_spawn, make and shells do: the child borrows its parent's memory until its
 * execve. */
static int run_once(char **argv)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? strtol(argv[1], NULL, 10) : 0;

	if (count <= 0) {
		fprintf(stderr, "usage: storm COUNT COMMAND [ARGUMENTS]\n");
		return 2;
	}
	for (long i = 0; i < count; i++) {
		int status = run_once(argv + 2);

		if (status) {
			fprintf(stderr, "storm: %s ended with status %d\n", argv[2], status);
			return 1;
		}
	}
	return 0;
}
