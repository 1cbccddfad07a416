/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * stuck part|whole MS [answer]: a thread with a page of its stack that userfaultfd holds back for
 * so long, in the middle of a buffer that it never looks at, and a sibling that is busy beside it.
 * part: only that page is registered; whole: the stack is, and all other pages are there. answer:
 * who asks for the page gets it. Prints what the thread was held up for at most (ms), and of the
 * sibling the CPU time (us) and how often it left its CPU.
 */
#include "spin.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STACK (256u << 10)
#define PAGE 4096ul

static char *stack;
static int uffd, whole;
static volatile unsigned long progress;
static volatile int done;
static volatile unsigned long stuck_page;
static uint64_t sibling_us;
static struct rusage sibling_usage;

static int hold_back(unsigned long start, unsigned long len)
{
	struct uffdio_register range = { .range = { start, len },
					 .mode = UFFDIO_REGISTER_MODE_MISSING };

	return ioctl(uffd, UFFDIO_REGISTER, &range);
}

static void let_go(void)
{
	struct uffdio_range all = { (unsigned long)stack, STACK };
	struct uffdio_range page = { stuck_page, PAGE };
	struct uffdio_zeropage zero = { .range = page };

	ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	ioctl(uffd, UFFDIO_UNREGISTER, whole ? &all : &page);
	ioctl(uffd, UFFDIO_WAKE, whole ? &all : &page);
}

static FRAME int stuck_leaf(void)
{
	while (!done)
		progress++;
	return 1;
}

static FRAME int stuck_above(void)
{
	volatile char buffer[2000] = { 1 };

	return stuck_leaf() + buffer[1999];
}

static FRAME int stuck_hollow(void)
{
	volatile char buffer[6 * PAGE];

	buffer[0] = buffer[sizeof(buffer) - 1] = 1;
	stuck_page = ((unsigned long)buffer + 3 * PAGE) & ~(PAGE - 1);
	madvise((void *)stuck_page, PAGE, MADV_DONTNEED);
	if (whole ? hold_back((unsigned long)stack, STACK) : hold_back(stuck_page, PAGE))
		exit(77);
	return stuck_above() + buffer[0];
}

static FRAME void *stuck(void *arg)
{
	memset(stack, 0, STACK / 2); /* what is below, so that no other page is missing */
	return (void *)(intptr_t)(stuck_hollow() + (arg != NULL));
}

static FRAME void *sibling(void *arg)
{
	while (!done)
		spin_ms(10);
	sibling_us = clock_ns(CLOCK_THREAD_CPUTIME_ID) / 1000;
	getrusage(RUSAGE_THREAD, &sibling_usage);
	return arg;
}

static void *answerer(void *arg)
{
	struct uffd_msg msg;

	while (!done) {
		struct uffdio_zeropage zero = { .range.len = PAGE };

		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg)) {
			usleep(2000);
			continue;
		}
		zero.range.start = msg.arg.pagefault.address & ~(PAGE - 1);
		ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	}
	return arg;
}

/* The longest time for which the thread came no further. */
static unsigned int watch(unsigned int ms)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + ms * 1000000ull, now, last = 0;
	unsigned long seen = 0;
	uint64_t longest = 0;

	do {
		usleep(2000);
		now = clock_ns(CLOCK_MONOTONIC);
		if (!last || progress != seen)
			last = now;
		else if (now - last > longest)
			longest = now - last;
		seen = progress;
	} while (now < end);
	return (unsigned int)(longest / 1000000);
}

static int open_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	return uffd < 0 ? -1 : ioctl(uffd, UFFDIO_API, &api);
}

int main(int argc, char **argv)
{
	unsigned int ms = argc > 2 ? (unsigned int)atoi(argv[2]) : 2000, held_up;
	pthread_t threads[2], answering;
	pthread_attr_t attr;

	whole = argc > 1 && !strcmp(argv[1], "whole");
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED || open_userfaultfd())
		return 77;
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK);
	if (pthread_create(&threads[0], &attr, stuck, NULL) ||
	    pthread_create(&threads[1], NULL, sibling, NULL))
		return 2;
	if (argc > 3 && pthread_create(&answering, NULL, answerer, NULL))
		return 2;
	held_up = watch(ms);
	let_go();
	done = 1;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	printf("%u %llu %ld\n", held_up, (unsigned long long)sibling_us,
	       sibling_usage.ru_nvcsw + sibling_usage.ru_nivcsw);
	return 0;
}
