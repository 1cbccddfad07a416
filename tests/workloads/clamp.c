/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * clamp: a thread whose stack touches 64 MiB of other data, in one mapping with it or in the next
 * one. clamp same|next
 */
#include "spin.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define STACK (1u << 20)
#define ABOVE (64u << 20)

static FRAME int leaf(volatile char *mark)
{
	spin_ms(700);
	return mark[0];
}

static FRAME int middle(void)
{
	volatile char mark[64] = "EGRET-ON-";
	const char *rest = "THE-STACK";

	for (size_t i = 0; rest[i]; i++)
		mark[9 + i] = rest[i];
	return leaf(mark) + mark[1];
}

static FRAME void *thread_main(void *arg)
{
	return (void *)(intptr_t)middle();
}

static void fill(char *at)
{
	for (size_t i = 0; i < ABOVE; i += 64)
		memcpy(at + i, "EGRET-ABOVE-THE-STACK", 21);
}

int main(int argc, char **argv)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *base = mmap(NULL, STACK + ABOVE, PROT_READ | PROT_WRITE, flags, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;

	if (base == MAP_FAILED)
		return 2;
	fill(base + STACK);
	/* What differs in its advice is a mapping of its own. */
	if (argc > 1 && !strcmp(argv[1], "next") && madvise(base + STACK, ABOVE, MADV_DONTFORK))
		return 2;
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, base, STACK);
	if (pthread_create(&thread, &attr, thread_main, NULL))
		return 2;
	pthread_join(thread, NULL);
	return 0;
}
