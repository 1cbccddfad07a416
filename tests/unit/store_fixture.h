/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* store_fixture.h - a directory of a test, and small profiles to put into a store. */
#ifndef EGRET_STORE_FIXTURE_H
#define EGRET_STORE_FIXTURE_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/store.h"
#include "profile/profile.h"

#define SECOND 1000000000ull
/* The clock of day is this far from that of samples. */
#define OFFSET (1795000000ull * SECOND)

static char store_dir[] = "/tmp/egret-store-XXXXXX";

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static __attribute__((unused)) void clear_store(void)
{
	nftw(store_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/*
 * n samples, evenly from `from` on (CLOCK_MONOTONIC, ns) in `length`, of a thread of `comm` in
 * `functions` functions: more take more room.
 */
static __attribute__((unused)) struct egret_profile *
make_profile(const char *comm, uint64_t from, uint64_t length, size_t n, size_t functions)
{
	const struct egret_event event = { "cpu-clock", "nanoseconds", 19, 0 };
	struct egret_profile_module module = { 0 };
	struct egret_profile_thread thread = { .pid = 7, .tid = 7, .start_time = 1 };
	struct egret_profile *p;
	char text[64];

	CHECK_EQ(egret_profile_create(&p), 0);
	egret_profile_keep_samples(p);
	egret_profile_add_event(p, &event);
	thread.process = thread.comm = egret_profile_string(p, comm, strlen(comm), NULL);
	egret_profile_thread(p, &thread, NULL);
	module.path = egret_profile_string(p, "/bin/x", 6, NULL);
	egret_profile_module(p, &module, NULL);
	for (size_t i = 0; i < functions; i++) {
		struct egret_profile_frame f = { .offset = 16 * i };
		struct egret_profile_line line = { 0 };
		int len = snprintf(text, sizeof(text), "%s_%zx_%zx", comm, i * 2654435761u,
				   (i + 77) * 2246822519u);
		uint32_t frame = egret_profile_frame(p, &f, NULL);

		line.name = egret_profile_string(p, text, (size_t)len, NULL);
		egret_profile_set_lines(p, frame, &line, 1);
		egret_profile_stack(p, 0, frame, NULL);
	}
	for (size_t i = 0; i < n; i++) {
		struct egret_profile_key key = { .stack = (uint32_t)(1 + i % functions) };
		struct egret_profile_values one = { .samples = 1, .value = 52631578 };

		CHECK_EQ(egret_profile_add_sample(p, &key, &one, from + length * i / n, 0), 0);
	}
	snprintf(text, sizeof(text), "%llu", (unsigned long long)OFFSET);
	CHECK_EQ(egret_profile_set_meta(p, "clock-offset", text), 0);
	CHECK_EQ(egret_profile_set_meta(p, "boot-id", "one"), 0);
	return p;
}

/* The n-th second of a store in which each window has one, with n samples. */
static __attribute__((unused)) int put_window(struct store *store, const char *comm,
					      uint64_t second, size_t n, size_t functions)
{
	struct egret_profile *p = make_profile(comm, second * SECOND, SECOND, n, functions);
	int ret = store_put(store, p, OFFSET + second * SECOND, OFFSET + (second + 1) * SECOND,
			    NULL);

	store_flush(store);
	egret_profile__destroy(p);
	return ret;
}

struct wanted_stat {
	const char *name, *labels;
	double value;
};

static __attribute__((unused)) int find_stat(const struct agent_stat *stat, void *arg)
{
	struct wanted_stat *wanted = arg;

	if (strcmp(stat->name, wanted->name) ||
	    (wanted->labels && (!stat->labels || strcmp(stat->labels, wanted->labels))))
		return 0;
	wanted->value = stat->value;
	return 1;
}

static __attribute__((unused)) long long store_stat(struct store *store, const char *name,
						    const char *labels)
{
	struct wanted_stat wanted = { name, labels, -1 };

	store_each_stat(store, find_stat, &wanted);
	return (long long)wanted.value;
}

static __attribute__((unused)) int count_stack(const struct egret_stack *stack, void *arg)
{
	*(uint64_t *)arg += stack->samples;
	return 0;
}

static __attribute__((unused)) long long samples_in(const struct egret_profile *profile)
{
	uint64_t n = 0;

	egret_profile__each_stack(profile, count_stack, &n);
	return (long long)n;
}

#endif
