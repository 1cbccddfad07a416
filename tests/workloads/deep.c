/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * deep: 1,000 frames of 600 bytes and more, busy in the last.
 * deep hollow: four frames with buffers of 50 KiB that are written at their ends only.
 */
#include "spin.h"

#include <string.h>

static FRAME int leaf(void)
{
	spin_ms(700);
	return 1;
}

static FRAME int f(int n)
{
	volatile char buffer[592];
	int ret;

	buffer[0] = (char)n;
	buffer[sizeof(buffer) - 1] = 1;
	ret = n > 1 ? f(n - 1) : leaf();
	return ret + buffer[0] + buffer[sizeof(buffer) - 1];
}

static FRAME int hollow(int n)
{
	volatile char buffer[50 << 10];
	int ret;

	buffer[0] = (char)n;
	buffer[sizeof(buffer) - 1] = 1;
	ret = n > 1 ? hollow(n - 1) : leaf();
	return ret + buffer[0] + buffer[sizeof(buffer) - 1];
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "hollow"))
		return hollow(4) == 0;
	return f(1000) == 0;
}
