/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cpu_time FILE CMD...: runs CMD and writes the microseconds of CPU time into FILE that it, all it
 * waited for and this program itself took. Its exit status is CMD's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long long us(struct timeval t)
{
	return t.tv_sec * 1000000ll + t.tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage, own;
	FILE *file;
	pid_t pid;
	int status;

	if (argc < 3)
		return 2;
	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0 || getrusage(RUSAGE_CHILDREN, &usage) ||
	    getrusage(RUSAGE_SELF, &own))
		return 2;
	file = fopen(argv[1], "we");
	if (!file ||
	    fprintf(file, "%lld\n",
		    us(usage.ru_utime) + us(usage.ru_stime) + us(own.ru_utime) + us(own.ru_stime)) <
		    0 ||
	    fclose(file))
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
