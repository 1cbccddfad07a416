/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * mapped.c N MS - maps its own file N times more, executable, waits for a line on standard input,
 * and computes for MS ms: a process with more mappings than a small ring has room for.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "spin.h"

static __attribute__((noinline)) int mapped_work(int ms)
{
	spin_ms(ms);
	return ms;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 100, ms = argc > 2 ? atoi(argv[2]) : 500;
	int fd = open("/proc/self/exe", O_RDONLY);

	for (int i = 0; i < n; i++) /* each beside a page of its own, so that none are merged */
		if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			return 1;
	puts("ready");
	fflush(stdout);
	if (getchar() == EOF)
		return 1;
	return mapped_work(ms) != ms;
}
