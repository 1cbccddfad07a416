/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * store_fill DIR MAX_BYTES START N SECONDS COMM SAMPLES FUNCTIONS: puts N windows into a store, one
 * after the other, of so many seconds each, from START (seconds since 1970) on, with evenly spaced
 * samples of a process COMM in so many functions "COMM_0", ... What the store then says of itself
 * goes to standard output, a line each.
 */
#include <stdlib.h>

#include "store_windows.h"

int main(int argc, char **argv)
{
	struct egret_error err = { "" };
	struct filling f;
	struct store *store;

	if (argc != 9)
		return 2;
	f = (struct filling){ .comm = argv[6],
			      .start = strtoull(argv[3], NULL, 10),
			      .seconds = strtoull(argv[5], NULL, 10),
			      .samples = strtoull(argv[7], NULL, 10),
			      .functions = strtoull(argv[8], NULL, 10) };
	if (store_open(argv[1], strtoull(argv[2], NULL, 10), &store, &err)) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (uint64_t i = 0; i < strtoull(argv[4], NULL, 10); i++) {
		if (put_window(store, &f, i, &err))
			fprintf(stderr, "%s\n", err.text);
	}
	store_each_stat(store, print_stat, NULL);
	store_close(store);
	return 0;
}
