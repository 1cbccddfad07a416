// SPDX-License-Identifier: GPL-2.0-only
/*
 * syscall_insns.c - how many instructions a system call takes.
 *
 * For a guest of QEMU with -icount shift=0,sleep=off -smp 1, where the time stamp counter counts
 * instructions. Prints medians of a getppid() with the tracepoint disabled, enabled but idle, and
 * with a request and its answer; or, with an argument, one under that name. lab/kernel.sh builds
 * it, and tests/lab/hook_cost.sh runs it beside deferred_sample.bpf.o of the series' selftests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <bpf/libbpf.h>

#include "deferred_sample.h"

#define ROUNDS 2001

static unsigned long long tsc(void)
{
	unsigned int lo, hi;

	asm volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (unsigned long long)hi << 32 | lo;
}

static long raw_getppid(void)
{
	long ret;

	asm volatile("syscall" : "=a"(ret) : "0"(SYS_getppid) : "rcx", "r11", "memory");
	return ret;
}

static int compare(const void *a, const void *b)
{
	long long d = *(const long long *)a - *(const long long *)b;

	return d < 0 ? -1 : d > 0;
}

static long long median(int with_call)
{
	static long long took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		unsigned long long from = tsc();

		if (with_call)
			raw_getppid();
		took[i] = tsc() - from;
	}
	qsort(took, ROUNDS, sizeof(took[0]), compare);
	return took[ROUNDS / 2];
}

static void print(const char *what)
{
	long long nothing = median(0), call = median(1);

	printf("%-44s %6lld\n", what, call - nothing);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	struct bpf_map *map, *bss = NULL;
	struct bpf_link *answers, *requests;
	struct shared *shared;

	/* Of a kernel without the option there is nothing more to say. */
	if (argc > 1) {
		print(argv[1]);
		return 0;
	}
	print("tracepoint disabled");
	object = bpf_object__open_file("deferred_sample.bpf.o", NULL);
	if (!object || bpf_object__load(object))
		return 1;
	bpf_object__for_each_map(map, object) if (strstr(bpf_map__name(map), ".bss")) bss = map;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(bss), 0);
	if (shared == MAP_FAILED)
		return 1;
	shared->settings.tgid = getpid();
	shared->settings.quiet = 1;
	answers = bpf_program__attach(bpf_object__find_program_by_name(object, "on_answer"));
	if (!answers)
		return 1;
	print("enabled, no request");
	bpf_link__destroy(answers);
	requests = bpf_program__attach_ksyscall(
		bpf_object__find_program_by_name(object, "on_syscall"), "getppid", NULL);
	if (!requests)
		return 1;
	print("disabled, kprobe program (request refused)");
	answers = bpf_program__attach(bpf_object__find_program_by_name(object, "on_answer"));
	print("enabled, kprobe program, request, answer");
	printf("requests %llu, answers %llu\n", shared->counters.requested,
	       shared->counters.point[POINT_RETURN]);
	bpf_link__destroy(requests);
	bpf_link__destroy(answers);
	bpf_object__close(object);
	return 0;
}
