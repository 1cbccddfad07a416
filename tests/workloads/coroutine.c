/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* coroutine MS: two coroutines of makecontext(3) that take turns for MS ms of CPU time. */
#include "spin.h"

#include <stdlib.h>
#include <ucontext.h>

#define STACK 65536

static ucontext_t scheduler, coroutine[2];
static uint64_t end;

static FRAME int in_coroutine(int n)
{
	for (volatile int i = 0; i < 100000; i++)
		;
	return n + 1;
}

static void run(int which)
{
	int n = 0;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
		n = in_coroutine(n);
		swapcontext(&coroutine[which], &coroutine[!which]);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + (uint64_t)atoi(argv[1]) * 1000000;
	for (int i = 0; i < 2; i++) {
		getcontext(&coroutine[i]);
		coroutine[i].uc_stack.ss_sp = malloc(STACK);
		coroutine[i].uc_stack.ss_size = STACK;
		coroutine[i].uc_link = &scheduler;
		makecontext(&coroutine[i], (void (*)(void))run, 1, i);
	}
	return swapcontext(&scheduler, &coroutine[0]);
}
