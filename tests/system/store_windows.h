/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* store_windows.h - windows made up, for the programs that drive a store. */
#ifndef EGRET_STORE_WINDOWS_H
#define EGRET_STORE_WINDOWS_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/store.h"
#include "profile/profile.h"

#define SECOND 1000000000ull

struct filling {
	const char *comm;
	uint64_t start, seconds, samples, functions;
};

static uint32_t text(struct egret_profile *p, const char *string)
{
	return egret_profile_string(p, string, strlen(string), NULL);
}

static void add_frames(struct egret_profile *p, const struct filling *f)
{
	struct egret_profile_module module = { .path = text(p, "/usr/bin/filled") };

	egret_profile_module(p, &module, NULL);
	for (uint64_t i = 0; i < f->functions; i++) {
		struct egret_profile_frame frame = { .offset = 16 * i };
		struct egret_profile_line line = { 0 };
		char name[64];

		snprintf(name, sizeof(name), "%s_%" PRIu64, f->comm, i);
		line.name = text(p, name);
		egret_profile_set_lines(p, egret_profile_frame(p, &frame, NULL), &line, 1);
		egret_profile_stack(p, 0, (uint32_t)i, NULL);
	}
}

static struct egret_profile *make_window(const struct filling *f, uint64_t n)
{
	const struct egret_event event = { "cpu-clock", "nanoseconds", 19, 0 };
	struct egret_profile_values one = { .samples = 1, .value = SECOND / 19 };
	struct egret_profile_thread thread = { .pid = 7, .tid = 7, .start_time = 1 };
	struct egret_profile *p;
	char offset[32];

	if (egret_profile_create(&p))
		return NULL;
	egret_profile_keep_samples(p);
	egret_profile_add_event(p, &event);
	thread.process = thread.comm = text(p, f->comm);
	egret_profile_thread(p, &thread, NULL);
	add_frames(p, f);
	for (uint64_t i = 0; i < f->samples; i++) {
		struct egret_profile_key key = { .stack = (uint32_t)(1 + i % f->functions) };

		egret_profile_add_sample(
			p, &key, &one,
			n * f->seconds * SECOND + f->seconds * SECOND * i / f->samples, 0);
	}
	snprintf(offset, sizeof(offset), "%llu", f->start * SECOND);
	egret_profile_set_meta(p, "clock-offset", offset);
	egret_profile_set_meta(p, "boot-id", "filled");
	egret_profile_set_meta(p, "hostname", "testhost");
	return p;
}

static int print_stat(const struct agent_stat *stat, void *arg)
{
	printf("%s%s%s %.0f\n", stat->name, stat->labels ? "," : "",
	       stat->labels ? stat->labels : "", stat->value);
	return 0;
}

/* The n-th window of a filling, into the store and onto the disk. */
static int put_window(struct store *store, const struct filling *f, uint64_t n,
		      struct egret_error *err)
{
	uint64_t from = (f->start + n * f->seconds) * SECOND;
	struct egret_profile *p = make_window(f, n);
	int ret = p ? store_put(store, p, from, from + f->seconds * SECOND, err) : -1;

	store_flush(store);
	egret_profile__destroy(p);
	return ret;
}

#endif
