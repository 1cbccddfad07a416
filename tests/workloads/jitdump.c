/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * jitdump MS DIR: a JIT that writes DIR/jit-PID.dump, as tools/perf's specification has it. Three
 * times it is busy for MS ms, in code with a frame pointer:
 *   jit_first	loaded, with lines: first.js 10, from its loop on 11
 *   jit_second	loaded to the same address
 *   jit_second	moved to another address, where jit_never was before
 */
#include "spin.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* push rbp; mov rbp, rsp; loop: dec rdi; jnz loop; pop rbp; ret */
static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xff,
				      0xcf, 0x75, 0xfb, 0x5d, 0xc3 };

enum { LOAD, MOVE, DEBUG_INFO };

static FILE *dump;

static void put32(uint32_t value)
{
	fwrite(&value, sizeof(value), 1, dump);
}

static void put64(uint64_t value)
{
	fwrite(&value, sizeof(value), 1, dump);
}

static void put_prefix(uint32_t id, size_t size)
{
	put32(id);
	put32((uint32_t)(16 + size));
	put64(clock_ns(CLOCK_MONOTONIC));
}

static void put_load(const void *at, const char *name, uint64_t index)
{
	put_prefix(LOAD, 40 + strlen(name) + 1 + sizeof(code));
	put32((uint32_t)getpid());
	put32((uint32_t)getpid());
	put64((uintptr_t)at);
	put64((uintptr_t)at);
	put64(sizeof(code));
	put64(index);
	fwrite(name, strlen(name) + 1, 1, dump);
	fwrite(code, sizeof(code), 1, dump);
	fflush(dump);
}

static void put_move(const void *from, const void *to, uint64_t index)
{
	put_prefix(MOVE, 48);
	put32((uint32_t)getpid());
	put32((uint32_t)getpid());
	put64((uintptr_t)to);
	put64((uintptr_t)from);
	put64((uintptr_t)to);
	put64(sizeof(code));
	put64(index);
	fflush(dump);
}

static void put_lines(const char *at)
{
	static const char file[] = "/srv/first.js", same[] = "\xff";

	put_prefix(DEBUG_INFO, 16 + 2 * 16 + sizeof(file) + sizeof(same));
	put64((uintptr_t)at);
	put64(2);
	put64((uintptr_t)at);
	put32(10);
	put32(0);
	fwrite(file, sizeof(file), 1, dump);
	put64((uintptr_t)at + 4);
	put32(11);
	put32(0);
	fwrite(same, sizeof(same), 1, dump);
}

static int begin(const char *dir)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/jit-%d.dump", dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dump = fd < 0 ? NULL : fdopen(fd, "w+");
	if (!dump)
		return -1;
	put32(0x4a695444);
	put32(1);
	put32(40);
	put32(62); /* EM_X86_64 */
	put32(0);
	put32((uint32_t)getpid());
	put64(clock_ns(CLOCK_MONOTONIC));
	put64(0);
	fflush(dump);
	/* By this profilers learn of the file. */
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static FRAME int run(void *at, uint64_t ms)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000;

	do
		((void (*)(uint64_t))at)(10000000);
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
	return 0;
}

int main(int argc, char **argv)
{
	char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *other = memory + 4096;
	uint64_t ms;

	if (argc < 3 || memory == MAP_FAILED || begin(argv[2]))
		return 2;
	ms = (uint64_t)atoi(argv[1]);
	memcpy(memory, code, sizeof(code));
	memcpy(other, code, sizeof(code));
	put_load(other, "jit_never", 1);
	put_lines(memory);
	put_load(memory, "jit_first", 2);
	run(memory, ms);
	put_load(memory, "jit_second", 3);
	run(memory, ms);
	put_move(memory, other, 3);
	return run(other, ms) + 0;
}
