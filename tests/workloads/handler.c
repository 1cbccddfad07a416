/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * handler [thread] [plain]: a signal handler that is busy on an alternate stack, while the code
 * that it interrupted is deep in main, or in a thread; plain: on the same stack.
 */
#include "spin.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int on_alternate = SA_ONSTACK;

static FRAME int handler_leaf(void)
{
	spin_ms(600);
	return 1;
}

static FRAME void handler(int signal)
{
	volatile char buffer[3000] = { (char)signal };

	buffer[0] += (char)handler_leaf();
}

static FRAME int interrupted_leaf(void)
{
	return raise(SIGUSR1) + 1;
}

static FRAME int interrupted(int n)
{
	volatile char buffer[3000] = { (char)n };

	return (n > 1 ? interrupted(n - 1) : interrupted_leaf()) + buffer[0];
}

static FRAME void *work(void *arg)
{
	static char alternate[65536];
	stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
	struct sigaction action = { .sa_handler = handler, .sa_flags = on_alternate };

	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	return (void *)(intptr_t)(interrupted(5) + (arg != NULL));
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int in_thread = 0;

	for (int i = 1; i < argc; i++) {
		in_thread |= !strcmp(argv[i], "thread");
		if (!strcmp(argv[i], "plain"))
			on_alternate = 0;
	}
	if (!in_thread)
		return work(NULL) == NULL;
	if (pthread_create(&thread, NULL, work, NULL))
		return 2;
	pthread_join(thread, NULL);
	return 0;
}
