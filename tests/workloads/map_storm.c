/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * map_storm THREADS MS: updates elements of BPF maps of its own. In these, the kernel runs no BPF
 * program of an interrupt on that CPU (bpf_prog_active).
 */
#include "spin.h"

#include <linux/bpf.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VALUE 4096

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static FRAME void *storm(void *arg)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + (uint64_t)(intptr_t)arg * 1000000u;
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = VALUE, .max_entries = 16
	};
	static char value[VALUE];
	uint32_t key = 0;
	int fd = bpf(BPF_MAP_CREATE, &attr);

	if (fd < 0)
		exit(77);
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end) {
		for (int i = 0; i < 1000; i++) {
			key = (uint32_t)i & 15;
			memset(&attr, 0, sizeof(attr));
			attr.map_fd = (uint32_t)fd;
			attr.key = (uint64_t)(uintptr_t)&key;
			attr.value = (uint64_t)(uintptr_t)value;
			bpf(BPF_MAP_UPDATE_ELEM, &attr);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 2;
	intptr_t ms = argc > 2 ? atoi(argv[2]) : 1000;
	pthread_t threads[64];

	for (int i = 0; i < n && i < 64; i++)
		if (pthread_create(&threads[i], NULL, storm, (void *)ms))
			return 2;
	for (int i = 0; i < n && i < 64; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
