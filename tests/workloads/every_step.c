/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * every_step: what unwinders trip over, for unwind_truth to single-step: prologues and epilogues,
 * PLT entries and lazy binding, alloca and aligned stacks, callbacks from libc, tail calls,
 * assembly without CFI, and signal handlers, on the same and on an alternate stack.
 */
#include <alloca.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare.h"

static volatile int sink;

__attribute__((noinline)) static int recurse(int n)
{
	volatile char buffer[40];

	buffer[0] = (char)n;
	return n ? recurse(n - 1) + buffer[0] : 1;
}

__attribute__((noinline)) static int with_alloca(int n)
{
	volatile char *p = alloca((size_t)n);

	p[0] = (char)n;
	return recurse(3) + p[0];
}

__attribute__((noinline)) static int with_alignment(int n)
{
	volatile char wide[64] __attribute__((aligned(64)));
	volatile char *p = alloca((size_t)n);

	wide[0] = p[0] = 1;
	return with_alloca(n) + wide[0];
}

__attribute__((noinline, optimize("optimize-sibling-calls"))) static int tail_call(int n)
{
	return recurse(n & 3);
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void on_signal(int sig)
{
	sink += recurse(2);
}

static void take_signals(int flags)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	sink += recurse(1);
}

__attribute__((noinline)) int bare_callee(int n)
{
	return recurse(n & 1);
}

/* Leaves return addresses below rsp that lead to a root, all of them. */
__attribute__((noinline)) void bare_dirty_stack(int n)
{
	volatile char buffer[100];

	buffer[0] = (char)n;
	sink += recurse(6) + buffer[0];
}

static void call_bare(void)
{
	static int (*const all[])(int) = {
		bare_leaf,	   bare_push,	 bare_sub,	     bare_frame,
		bare_leave,	   bare_aligned, bare_aligned_frame, bare_stored_rsp,
		bare_red_zone,	   bare_loop,	 bare_local_call,    bare_tail,
		bare_tail_pointer, bare_table,	 bare_pop_jump,	     bare_no_return,
		bare_stale,	   bare_moving,	 bare_deep,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		bare_dirty_stack(1);
		sink += all[i]((int)i & 3);
	}
	bare_dirty_stack(2);
	sink += bare_table(1) + bare_stale(1) + bare_push(2);
}

int main(void)
{
	int numbers[] = { 5, 3, 9, 1, 7, 2 };
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
	char text[100];

	sink = recurse(20) + with_alignment(100) + tail_call(7);
	qsort(numbers, 6, sizeof(numbers[0]), compare_ints);
	snprintf(text, sizeof(text), "%d %s %.3f", numbers[0], "text", 1.5);
	free(strdup(text));
	call_bare();
	take_signals(0);
	sigaltstack(&stack, NULL);
	take_signals(SA_ONSTACK);
	return 0;
}
