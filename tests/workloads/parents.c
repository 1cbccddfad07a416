/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * parents N: N processes that wait for SIGUSR1; each has then one child, which ends at once, and
 * waits for the end of the first process, which says "ready" when all are.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY (8u << 20) /* so that its child takes its time to end */

static void parent(const sigset_t *start, int ready)
{
	char *memory = malloc(MEMORY);
	pid_t child;
	int signal;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!memory)
		_exit(1);
	memset(memory, 1, MEMORY);
	if (write(ready, "", 1) != 1 || sigwait(start, &signal))
		_exit(1);
	child = fork();
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1, ready[2];
	sigset_t start;
	char byte;

	sigemptyset(&start);
	sigaddset(&start, SIGUSR1);
	sigprocmask(SIG_BLOCK, &start, NULL);
	if (pipe(ready))
		return 1;
	for (int i = 0; i < n; i++)
		if (!fork())
			parent(&start, ready[1]);
	for (int i = 0; i < n; i++)
		if (read(ready[0], &byte, 1) != 1)
			return 1;
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
