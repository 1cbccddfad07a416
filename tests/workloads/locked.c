/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * locked: a thread that computes, deep in a stack whose pages it sends away again and again, while
 * another holds the lock of their address space most of the time: mprotect() of many pages has it
 * for writing.
 */
#include "spin.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES (256u << 20)
#define STACK_BYTES (1u << 20)
#define DEEP_BYTES (256u << 10)

static volatile bool done;
static char *stack;

static FRAME void *locker(void *arg)
{
	char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		exit(1);
	while (!done) {
		mprotect(memory, BYTES, PROT_READ);
		mprotect(memory, BYTES, PROT_READ | PROT_WRITE);
	}
	return arg;
}

/* The pages are a file's: what is sent away is in memory still, and a fault brings it back. */
static FRAME void deep(volatile char *upper)
{
	for (int i = 0; i < 150; i++) {
		madvise(stack + STACK_BYTES - DEEP_BYTES, DEEP_BYTES, MADV_DONTNEED);
		spin_ms(5);
	}
	*upper = 0;
}

static FRAME void *computer(void *arg)
{
	volatile char room[DEEP_BYTES];

	room[0] = 1;
	deep(room);
	return arg;
}

int main(void)
{
	int fd = memfd_create("stack", 0);
	pthread_t lock, compute;
	pthread_attr_t attr;

	if (fd < 0 || ftruncate(fd, STACK_BYTES))
		return 1;
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pthread_attr_init(&attr);
	if (stack == MAP_FAILED || pthread_attr_setstack(&attr, stack, STACK_BYTES) ||
	    pthread_create(&lock, NULL, locker, NULL) ||
	    pthread_create(&compute, &attr, computer, NULL))
		return 1;
	pthread_join(compute, NULL);
	done = true;
	pthread_join(lock, NULL);
	return 0;
}
