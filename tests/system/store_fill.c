/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * store_fill DIR MAX_BYTES START N SECONDS COMM SAMPLES FUNCTIONS: puts N windows into a store, one
 * after the other, of so many seconds each, from START (seconds since 1970) on, with evenly spaced
 * samples of a process COMM in so many functions "COMM_0", ... What the store then says of itself
 * goes to standard output, a line each.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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
		uint64_t from = (f.start + i * f.seconds) * SECOND;
		struct egret_profile *p = make_window(&f, i);

		if (!p || store_put(store, p, from, from + f.seconds * SECOND, &err))
			fprintf(stderr, "%s\n", err.text);
		store_flush(store);
		egret_profile__destroy(p);
	}
	store_each_stat(store, print_stat, NULL);
	store_close(store);
	return 0;
}
