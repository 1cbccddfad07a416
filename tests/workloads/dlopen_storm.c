/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dlopen_storm DIR ROUNDS MS: in each round another one of DIR/0.so ... DIR/15.so is opened, its
 * function work_K is called from call_K for MS milliseconds, and it is closed.
 * Prints in how many rounds the function was where it was the round before.
 */
#include "spin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef void work_fn(unsigned int ms);

#define CALLS(X)                                                                                   \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define DEFINE(k)                                                                                  \
	static FRAME int call_##k(work_fn *work, unsigned int ms)                                  \
	{                                                                                          \
		work(ms);                                                                          \
		return k;                                                                          \
	}
CALLS(DEFINE)

#define ADDRESS(k) call_##k,
static int (*const calls[])(work_fn *work, unsigned int ms) = { CALLS(ADDRESS) };

static FRAME work_fn *open_library(const char *dir, unsigned int k, void **library)
{
	char name[4096];
	work_fn *work;

	snprintf(name, sizeof(name), "%s/%u.so", dir, k);
	*library = dlopen(name, RTLD_NOW);
	snprintf(name, sizeof(name), "work_%u", k);
	work = *library ? (work_fn *)dlsym(*library, name) : NULL;
	if (!work) {
		fprintf(stderr, "%s\n", dlerror());
		exit(2);
	}
	return work;
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 2 ? (unsigned int)atoi(argv[2]) : 0;
	unsigned int ms = argc > 3 ? (unsigned int)atoi(argv[3]) : 1, same = 0;
	work_fn *before = NULL;

	for (unsigned int i = 0; i < rounds; i++) {
		void *library;
		work_fn *work = open_library(argv[1], i % 16, &library);

		same += work == before;
		before = work;
		if (calls[i % 16](work, ms) != (int)(i % 16))
			return 3;
		dlclose(library);
	}
	printf("%u\n", same);
	return 0;
}
