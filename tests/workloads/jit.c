/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * jit MS [nomap|othermap|theirmap|NAME]: a function made at run time, with a frame pointer, that is
 * busy for MS ms, and is named jit_work, or NAME, in the perf map of the process; or there is no
 * map, one that names other code, or one of another user.
 */
#include "spin.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* push rbp; mov rbp, rsp; loop: dec rdi; jnz loop; pop rbp; ret */
static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xff,
				      0xcf, 0x75, 0xfb, 0x5d, 0xc3 };

static int write_map(const char *start, const char *how)
{
	char path[64];
	bool is_named;
	FILE *file;

	if (!strcmp(how, "nomap"))
		return 0;
	if (!strcmp(how, "othermap"))
		start += 4096;
	is_named = *how && strcmp(how, "othermap") && strcmp(how, "theirmap");
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	file = fopen(path, "we");
	if (!file)
		return -1;
	fprintf(file, "%lx %zx %s\n", (unsigned long)start, sizeof(code),
		is_named ? how : "jit_work");
	if (!strcmp(how, "theirmap") && fchown(fileno(file), 12345, 12345))
		return -1;
	return fclose(file);
}

static FRAME int run(void (*work)(uint64_t turns), uint64_t ms)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000;

	do
		work(10000000);
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
	return 0;
}

int main(int argc, char **argv)
{
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (argc < 2 || memory == MAP_FAILED)
		return 2;
	memcpy(memory, code, sizeof(code));
	if (write_map(memory, argc > 2 ? argv[2] : ""))
		return 3;
	return run((void (*)(uint64_t))memory, (uint64_t)atoi(argv[1])) + 0;
}
