/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_bound: all its time in long system calls. */
#include "spin.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (64u << 20)

static FRAME long fill(int fd, char *buffer)
{
	return read(fd, buffer, CHUNK) + 1;
}

int main(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *buffer = malloc(CHUNK);

	while (buffer && clock_ns(CLOCK_PROCESS_CPUTIME_ID) < 600000000u)
		if (fill(fd, buffer) < CHUNK)
			return 2;
	return 0;
}
