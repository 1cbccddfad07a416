/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * threads N MS: N threads that pass a lock around, sort, format and allocate for MS ms of CPU
 * time each: a program as programs are, with time in libc and in the kernel.
 */
#include "spin.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static FRAME size_t work(unsigned int *seed)
{
	char(*texts)[32] = malloc(512 * sizeof(*texts));
	size_t len = 0;

	for (int i = 0; i < 512; i++)
		len += (size_t)snprintf(texts[i], sizeof(texts[i]), "%x %.3f", rand_r(seed),
					i / 7.0);
	qsort(texts, 512, sizeof(*texts), compare);
	pthread_mutex_lock(&lock);
	len += strlen(texts[0]);
	pthread_mutex_unlock(&lock);
	free(texts);
	return len;
}

static FRAME void *worker(void *arg)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + (uint64_t)(uintptr_t)arg * 1000000;
	unsigned int seed = 1;
	size_t len = 0;

	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		len += work(&seed);
	return (void *)len;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 4;
	uintptr_t ms = argc > 2 ? (uintptr_t)atoi(argv[2]) : 500;
	pthread_t threads[64];

	for (int i = 0; i < n && i < 64; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)ms))
			return 2;
	for (int i = 0; i < n && i < 64; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
