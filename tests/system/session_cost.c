/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * session_cost.c - what a session says that it costs, and what the kernel's statistics of BPF
 * programs (BPF_ENABLE_STATS) say.
 *
 * session_cost: a line "programs NS, by the kernel NS, interrupts N, captures NS of N, all within
 * NS, memory BYTES, rings BYTES" of a second and a half.
 */
#include <dirent.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "session_test.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Descriptors that stay open until the end. */
static int enable_stats(void)
{
	union bpf_attr attr = { .enable_stats.type = BPF_STATS_RUN_TIME };

	return (int)syscall(SYS_bpf, BPF_ENABLE_STATS, &attr, sizeof(attr.enable_stats));
}

/* The run time of a program that this process has open, and is charged as a program of interrupts
 * or of the end of tasks; 0 of others. */
static uint64_t run_time_of(int fd)
{
	struct bpf_prog_info info = { 0 };
	union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)fd,
					  .info_len = sizeof(info),
					  .info = (uintptr_t)&info } };

	if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info)))
		return 0;
	return strcmp(info.name, "egret_sample") && strcmp(info.name, "egret_free")
		       ? 0
		       : info.run_time_ns;
}

static bool is_program(int fd)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "bpf-prog");
}

static uint64_t by_the_kernel(void)
{
	DIR *dir = opendir("/proc/self/fd");
	uint64_t sum = 0;

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (is_program(atoi(entry->d_name)))
			sum += run_time_of(atoi(entry->d_name));
	if (dir)
		closedir(dir);
	return sum;
}

int main(void)
{
	const char *events[] = { "cpu-clock" };
	struct egret_session_opts opts = { .size = sizeof(opts),
					   .scope = EGRET_SCOPE_SYSTEM,
					   .events = events,
					   .n_events = 1,
					   .frequency = 999,
					   .keep_profile = true };
	struct egret_cost cost = { .size = sizeof(cost) }, first = { .size = sizeof(first) };
	struct egret_session *session;
	struct egret_error err = { "" };
	uint64_t begin, within;

	if (enable_stats() < 0) {
		perror("BPF_ENABLE_STATS");
		return 1;
	}
	if (egret_session__open(&opts, &session, &err) || egret_session__start(session, &err))
		die(&err);
	egret_session__cost(session, &first);
	begin = now_ns();
	while (now_ns() - begin < 1500000000)
		if (egret_session__poll(session, 50, &err) < 0)
			die(&err);
	within = now_ns() - begin;
	if (egret_session__disable(session, &err))
		die(&err);
	egret_session__cost(session, &cost);
	printf("programs %llu, by the kernel %llu, interrupts %llu, captures %llu of %llu, all "
	       "within %llu, memory %llu, rings %llu, before %llu\n",
	       (unsigned long long)cost.programs_ns, (unsigned long long)by_the_kernel(),
	       (unsigned long long)cost.interrupts, (unsigned long long)cost.captures_ns,
	       (unsigned long long)cost.captures, (unsigned long long)within,
	       (unsigned long long)cost.memory_bytes, (unsigned long long)cost.ring_bytes,
	       (unsigned long long)first.interrupts);
	egret_session__destroy(session);
	return 0;
}
