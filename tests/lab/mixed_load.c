/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * mixed_load SECONDS: computing, system calls, page faults, signals, fork, vfork and exec, threads,
 * and sleeping, each in a process of its own, all at once. With 0 it returns: what it execs.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096u

static time_t end;

static int over(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec >= end;
}

static void compute(void)
{
	for (volatile unsigned int i = 0; i < 100000; i++)
		;
}

static void system_calls(void)
{
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getppid);
}

static void page_faults(void)
{
	char *pages = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			   0);

	if (pages == MAP_FAILED)
		exit(2);
	for (unsigned int i = 0; i < 64; i++)
		pages[i * PAGE] = 1;
	munmap(pages, 64 * PAGE);
}

static volatile int handled;

static void handler(int sig)
{
	handled++;
}

static void signals(void)
{
	static char stack[64 << 10];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction on_alternate = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	struct sigaction plain = { .sa_handler = handler };

	if (!handled) {
		sigaltstack(&alternate, NULL);
		sigaction(SIGALRM, &on_alternate, NULL);
		sigaction(SIGUSR1, &plain, NULL);
		setitimer(ITIMER_REAL, &timer, NULL);
	}
	for (int i = 0; i < 100; i++)
		raise(SIGUSR1);
}

static void forks(void)
{
	pid_t pid = fork();

	if (!pid) {
		compute();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void execs(void)
{
	static char *const argv[] = { "mixed_load", "0", NULL };
	pid_t pid = vfork();

	if (!pid) {
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void *thread_main(void *arg)
{
	compute();
	return arg;
}

static void threads(void)
{
	pthread_t many[4];

	for (int i = 0; i < 4; i++)
		if (pthread_create(&many[i], NULL, thread_main, NULL))
			exit(2);
	for (int i = 0; i < 4; i++)
		pthread_join(many[i], NULL);
}

static void sleeps(void)
{
	usleep(500);
}

int main(int argc, char **argv)
{
	/* System calls in four: so that much of what runs is entry code. */
	static void (*const parts[])(void) = { compute,	     system_calls, system_calls,
					       system_calls, system_calls, page_faults,
					       signals,	     forks,	   execs,
					       threads,	     sleeps };
	int status = 0, failed = 0, seconds;
	struct timespec now;

	seconds = argc > 1 ? atoi(argv[1]) : 5;
	if (!seconds)
		return 0;
	if (nice(10) < 0) /* who records it is not to wait for it */
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + seconds;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (fork())
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* who ends the first process ends all */
		while (!over())
			parts[i]();
		return 0;
	}
	while (wait(&status) > 0)
		failed += status != 0;
	return failed;
}
