/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * evicted file PATH: the stack is in a file mapping, and all but the leaf's page of it is evicted.
 * evicted swap: the stack is anonymous memory, paged out.
 * Again and again, each time followed by 10 ms of work in the leaf. Exits with 77 where the kernel
 * keeps the pages.
 */
#include "spin.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <pthread.h>
#include <unistd.h>

#define STACK (256u << 10)
#define PAGE 4096u
#define DEEP (STACK - 2 * PAGE) /* above lies the thread's descriptor, which is in use */

static char *stack;
static int file = -1;
static int rounds_evicted;

static int resident(char *from, size_t len)
{
	unsigned char present[STACK / PAGE];
	int n = 0;

	if (mincore(from, len, present))
		return -1;
	for (size_t i = 0; i < len / PAGE; i++)
		n += present[i] & 1;
	return n;
}

/* [from, from + len) leaves memory; its bytes stay in the file or in swap. */
static void evict(char *from, size_t len)
{
	if (file < 0) {
		madvise(from, len, MADV_PAGEOUT);
		return;
	}
	msync(from, len, MS_SYNC);
	madvise(from, len, MADV_DONTNEED); /* a shared mapping: the page cache has them */
	posix_fadvise(file, from - stack, (off_t)len, POSIX_FADV_DONTNEED);
}

static FRAME int leaf(void)
{
	char here;
	char *from = (char *)(((uintptr_t)&here & ~(uintptr_t)(PAGE - 1)) + PAGE);
	size_t len = (size_t)(stack + DEEP - from);

	for (int i = 0; i < 50; i++) {
		evict(from, len);
		if (!resident(from, len))
			rounds_evicted++;
		spin_ms(10);
	}
	return 1;
}

/* A page and more, so that the pages above the leaf's are many. */
static FRAME int f(int n)
{
	volatile char buffer[6000];
	int ret;

	memset((char *)buffer, n, sizeof(buffer));
	ret = n > 1 ? f(n - 1) : leaf();
	return ret + buffer[0];
}

static FRAME void *deep(void *arg)
{
	return (void *)(intptr_t)(f(20) + (arg != NULL));
}

int main(int argc, char **argv)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	pthread_attr_t attr;
	pthread_t thread;

	if (argc > 2 && !strcmp(argv[1], "file")) {
		file = open(argv[2], O_RDWR | O_CREAT | O_TRUNC, 0600);
		if (file < 0 || ftruncate(file, STACK))
			return 2;
		flags = MAP_SHARED;
	}
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, flags, file, 0);
	if (stack == MAP_FAILED)
		return 2;
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK);
	if (pthread_create(&thread, &attr, deep, NULL))
		return 2;
	pthread_join(thread, NULL);
	printf("evicted %d of 50 times\n", rounds_evicted);
	return rounds_evicted > 40 ? 0 : 77;
}
