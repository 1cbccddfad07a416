/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* egret_profile__export_to: each format to a function in place of a descriptor. */
#include "test.h"

#include <errno.h>
#include <unistd.h>

#include "export/export.h"
#include "profile/profile.h"

#define N_STACKS 3000 /* of so many names that each format is longer than a stream's buffer */

static uint32_t string(struct egret_profile *p, const char *text)
{
	return egret_profile_string(p, text, strlen(text), NULL);
}

static uint32_t named(struct egret_profile *p, uint32_t module, int number)
{
	char name[64];
	struct egret_profile_line line = { 0 };
	struct egret_profile_frame f = { .module = module, .offset = (uint64_t)number * 64 };
	uint32_t frame = egret_profile_frame(p, &f, NULL);

	snprintf(name, sizeof(name), "function_%d_%x", number, number * 0x9e3779b1u);
	line.name = string(p, name);
	CHECK_EQ(egret_profile_set_lines(p, frame, &line, 1), 0);
	return frame;
}

static struct egret_profile *profile_of(int n_stacks)
{
	struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds", .frequency = 99 };
	struct egret_profile_thread t = { .pid = 7, .tid = 7 };
	struct egret_profile_module m = { 0 };
	struct egret_profile_key key = { 0 };
	struct egret_profile *p;

	CHECK_EQ(egret_profile_create(&p), 0);
	egret_profile_keep_samples(p);
	egret_profile_add_event(p, &event);
	t.process = t.comm = string(p, "busy");
	key.thread = egret_profile_thread(p, &t, NULL);
	m.path = string(p, "/usr/bin/busy");
	m.kind = EGRET_MODULE_FILE;
	for (int i = 0; i < n_stacks; i++) {
		struct egret_profile_values values = { .samples = 1, .value = 1000 };
		uint32_t module = egret_profile_module(p, &m, NULL);

		key.stack = egret_profile_stack(p, 0, named(p, module, 0), NULL);
		key.stack = egret_profile_stack(p, key.stack, named(p, module, i + 1), NULL);
		CHECK_EQ(egret_profile_add_sample(p, &key, &values, 1000 + i, 0), 0);
	}
	return p;
}

/* What was given so far; ends with `answer` when `pieces` more have been taken. */
struct taker {
	char *bytes;
	size_t len;
	int pieces;
	int answer;
	int called;
};

static int take(const void *bytes, size_t len, void *arg)
{
	struct taker *taker = arg;

	CHECK(len > 0);
	taker->called++;
	if (taker->answer && taker->pieces-- == 0)
		return taker->answer;
	taker->bytes = realloc(taker->bytes, taker->len + len);
	memcpy(taker->bytes + taker->len, bytes, len);
	taker->len += len;
	return 0;
}

/* Two exports of a format are the same but for what bears the time of day: their length is. */
static void as_to_a_descriptor(void)
{
	struct egret_profile *p = profile_of(N_STACKS);

	for (size_t n = 0; egret_format_name(n); n++) {
		const char *format = egret_format_name(n);
		FILE *file = tmpfile();
		struct taker taker = { 0 };
		char *want;
		long len;

		CHECK_EQ(egret_profile__export(p, format, fileno(file), NULL, NULL), 0);
		len = lseek(fileno(file), 0, SEEK_END);
		want = malloc((size_t)len);
		CHECK_EQ(pread(fileno(file), want, (size_t)len, 0), len);
		CHECK_EQ(egret_profile__export_to(p, format, take, &taker, NULL, NULL), 0);
		CHECK(len > 1000);
		CHECK_EQ(taker.len, len);
		if (taker.len != (size_t)len || memcmp(taker.bytes, want, taker.len)) {
			printf("%s differs\n", format);
			test_failures++;
		}
		free(taker.bytes);
		free(want);
		fclose(file);
	}
	egret_profile__destroy(p);
}

static void comes_in_pieces(void)
{
	struct egret_profile *p = profile_of(N_STACKS);
	struct taker taker = { 0 };

	CHECK_EQ(egret_profile__export_to(p, "folded", take, &taker, NULL, NULL), 0);
	CHECK(taker.called > 1);
	free(taker.bytes);
	egret_profile__destroy(p);
}

static void check_stop(const struct egret_profile *p, const char *format, int answer, int pieces,
		       const char *want)
{
	struct taker taker = { .answer = answer, .pieces = pieces };
	struct egret_error err = { "" };

	CHECK_EQ(egret_profile__export_to(p, format, take, &taker, NULL, &err), answer);
	CHECK_STR(err.text, want);
	CHECK_EQ(taker.called, pieces + 1);
	free(taker.bytes);
}

static void errors_come_back(void)
{
	struct egret_profile *p = profile_of(N_STACKS);

	check_stop(p, "folded", -EPIPE, 0, "cannot write the folded export: Broken pipe");
	check_stop(p, "folded", -ENOSPC, 1,
		   "cannot write the folded export: No space left on device");
	check_stop(p, "folded", 1, 1, "the folded export was stopped by who asked for it");
	for (size_t n = 0; egret_format_name(n); n++) {
		char text[128];

		snprintf(text, sizeof(text), "cannot write the %s export: Broken pipe",
			 egret_format_name(n));
		check_stop(p, egret_format_name(n), -EPIPE, 0, text);
	}
	egret_profile__destroy(p);
}

/* What is wrong is said before the first byte. */
static void nothing_of_a_bad_one(void)
{
	struct egret_export_opts opts = { .size = sizeof(opts), .event = 3 };
	struct egret_profile *p = profile_of(1);
	struct taker taker = { 0 };
	struct egret_error err;

	CHECK_EQ(egret_profile__export_to(p, "none", take, &taker, NULL, &err), -EINVAL);
	CHECK_EQ(egret_profile__export_to(p, "folded", take, &taker, &opts, &err), -EINVAL);
	CHECK_EQ(taker.called, 0);
	egret_profile__destroy(p);
}

int main(void)
{
	RUN(as_to_a_descriptor);
	RUN(comes_in_pieces);
	RUN(errors_come_back);
	RUN(nothing_of_a_bad_one);
	return DONE();
}
