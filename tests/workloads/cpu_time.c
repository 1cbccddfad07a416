/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cpu_time FILE CMD...: runs CMD and writes two numbers into FILE: the microseconds of CPU time
 * that it, all it waited for and this program itself took, and how often they left a CPU. Its exit
 * status is CMD's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static long long us(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000ll +
	       usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
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
	    fprintf(file, "%lld %ld\n", us(&usage) + us(&own),
		    usage.ru_nvcsw + usage.ru_nivcsw + own.ru_nvcsw + own.ru_nivcsw) < 0 ||
	    fclose(file))
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
