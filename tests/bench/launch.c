/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * launch.c - runs a workload, and reports what it cost: launch REPORT COMMAND [ARGUMENTS]
 *
 * REPORT gets one line, "START END CPU": CLOCK_MONOTONIC at the start and at the end in
 * nanoseconds, and the CPU time of launch, the command and all that it waited for, in microseconds.
 * That is what a profiler of `launch ...` is held against: the wall time without the profiler's own
 * start, and the CPU time that its samples have to cover. Output of the command goes nowhere.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t cpu_us(int who)
{
	struct rusage r;

	getrusage(who, &r);
	return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

static void run_child(char **argv)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	uint64_t start = now_ns(), end;
	int status = 0;
	FILE *report;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: launch REPORT COMMAND [ARGUMENTS]\n");
		return 2;
	}
	pid = fork();
	if (!pid)
		run_child(argv + 2);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("launch");
		return 2;
	}
	end = now_ns();
	report = fopen(argv[1], "w");
	if (!report) {
		perror(argv[1]);
		return 2;
	}
	fprintf(report, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", start, end,
		cpu_us(RUSAGE_SELF) + cpu_us(RUSAGE_CHILDREN));
	if (fclose(report))
		return 2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
