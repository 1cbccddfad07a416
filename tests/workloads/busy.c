/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* busy THREADS MS: so many threads, each busy for so much CPU time. */
#include "spin.h"

#include <pthread.h>
#include <stdlib.h>

#define MAX_THREADS 64

static FRAME void *busy(void *arg)
{
	spin_ms((unsigned int)(intptr_t)arg);
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 2;
	intptr_t ms = argc > 2 ? atoi(argv[2]) : 1000;
	pthread_t threads[MAX_THREADS];

	for (int i = 0; i < n && i < MAX_THREADS; i++)
		if (pthread_create(&threads[i], NULL, busy, (void *)ms))
			return 2;
	for (int i = 0; i < n && i < MAX_THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
