/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* recording_fixture.h - recordings made at random, and what their reader has to give. */
#ifndef EGRET_RECORDING_FIXTURE_H
#define EGRET_RECORDING_FIXTURE_H

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/write.h"
#include "profile/profile_tables.h"
#include "recording/format.h"

static uint64_t seed = 1;

static uint64_t rnd(uint64_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

static uint32_t string(struct egret_profile *p, const char *text)
{
	return egret_profile_string(p, text, strlen(text), NULL);
}

/* A file that is gone when the test is. */
static int temp_file(char *path)
{
	int fd;

	strcpy(path, "/tmp/egret-recording-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "r");
	char *bytes;

	fseek(f, 0, SEEK_END);
	*len = (size_t)ftell(f);
	rewind(f);
	bytes = malloc(*len + 1);
	CHECK_EQ(fread(bytes, 1, *len, f), *len);
	fclose(f);
	return bytes;
}

static __attribute__((unused)) void put_file(const char *path, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK_EQ(egret_write_all(fd, bytes, len), 0);
	close(fd);
}

/* ---- profiles made at random ---- */

/* A string with a few odd ones among them. */
static uint32_t random_string(struct egret_profile *p)
{
	static const char *const odd[] = {
		"", "a;b", "two words", "\n\x7f", "\xc3\xa9", "\xff\xfe"
	};
	char text[48];

	if (!rnd(10))
		return string(p, odd[rnd(6)]);
	snprintf(text, sizeof(text), "function_%d", (int)rnd(300));
	return string(p, text);
}

static void random_item(struct egret_profile *p)
{
	struct egret_profile_module m = { .path = random_string(p),
					  .kind = (uint32_t)rnd(EGRET_MODULE_UNMAPPED + 1),
					  .dev = rnd(2) ? UINT64_MAX : rnd(100),
					  .ino = rnd(1000),
					  .pid = rnd(2) ? -1 : (int)rnd(99999),
					  .build_id = { .len = (uint8_t)rnd(21) } };
	struct egret_profile_thread t = { .pid = (int)rnd(1000),
					  .tid = rnd(20) ? (int)rnd(1000) : INT32_MIN,
					  .start_time = rnd(10) ? rnd(1u << 30) : UINT64_MAX,
					  .process = random_string(p),
					  .comm = random_string(p) };
	struct egret_profile_frame f = { .flags = rnd(4) ? (uint32_t)rnd(32) : UINT32_MAX,
					 .offset = rnd(3) ? rnd(1u << 30) : UINT64_MAX - rnd(999) };

	for (size_t i = 0; i < m.build_id.len; i++)
		m.build_id.bytes[i] = (uint8_t)rnd(256);
	if (!rnd(5) || !egret_profile_n_modules(p))
		egret_profile_module(p, &m, NULL);
	if (!rnd(5) || !egret_profile_n_threads(p))
		egret_profile_thread(p, &t, NULL);
	f.module = (uint32_t)rnd(egret_profile_n_modules(p));
	if (rnd(2) || !egret_profile_n_frames(p))
		egret_profile_frame(p, &f, NULL);
	for (int i = 0; i < 3; i++)
		egret_profile_stack(p, (uint32_t)rnd(egret_profile_n_stacks(p)),
				    (uint32_t)rnd(egret_profile_n_frames(p)), NULL);
}

static void random_lines(struct egret_profile *p, uint32_t frame)
{
	struct egret_profile_line lines[5];
	size_t n = 1 + rnd(5);

	for (size_t i = 0; i < n; i++)
		lines[i] = (struct egret_profile_line){ .name = random_string(p),
							.file = random_string(p),
							.line = (uint32_t)rnd(1u << 31) * 2,
							.flags = (uint32_t)rnd(64) };
	CHECK_EQ(egret_profile_set_lines(p, frame, lines, n), 0);
}

static struct egret_sample_row random_row(struct egret_profile *p, uint64_t time)
{
	struct egret_sample_row row = {
		.time = rnd(100) ? time : rnd(UINT32_MAX) << 31,
		.value = rnd(3) ? 1001001 : rnd(UINT32_MAX) << 31,
		.thread = (uint32_t)rnd(egret_profile_n_threads(p)),
		.stack = (uint32_t)rnd(egret_profile_n_stacks(p)),
		.event = (uint32_t)rnd(egret_profile__n_events(p)),
		.cpu = rnd(100) ? (uint32_t)rnd(4) : EGRET_RECORDING_MAX_CPU,
		.capture_end = (uint8_t)(rnd(3) ? 0 : rnd(256)),
		.unwind_end = (uint8_t)(rnd(3) ? 0 : rnd(256)),
	};

	if (row.capture_end || row.unwind_end) {
		row.bytes_wanted = rnd(2) ? UINT32_MAX : (uint32_t)rnd(100000);
		row.bytes_got = (uint32_t)rnd(100000);
	}
	return row;
}

static void aggregate(struct egret_profile *p, const struct egret_sample_row *row)
{
	struct egret_profile_key key = { .thread = row->thread,
					 .stack = row->stack,
					 .event = row->event,
					 .capture_end = row->capture_end,
					 .unwind_end = row->unwind_end };
	struct egret_profile_values values = { .samples = 1,
					       .value = row->value,
					       .bytes_wanted = row->bytes_wanted,
					       .bytes_got = row->bytes_got };

	CHECK_EQ(egret_profile_add(p, &key, &values), 0);
}

/* What was given to the writer, to hold what the reader gives against. */
struct expected {
	struct egret_profile *profile;
	struct egret_sample_row *rows;
	size_t n_rows;
	size_t row; /* the reader's */
	size_t n_raw;
	size_t raw;
};

static struct egret_profile *labelled_profile(void)
{
	struct egret_event cpu_clock = { .name = "cpu-clock",
					 .unit = "nanoseconds",
					 .frequency = 999 };
	struct egret_event raw = { .name = "r01c4:u", .unit = "count", .period = UINT64_MAX };
	struct egret_profile *p;

	CHECK_EQ(egret_profile_create(&p), 0);
	CHECK_EQ(egret_profile_add_event(p, &cpu_clock), 0);
	CHECK_EQ(egret_profile_add_event(p, &raw), 0);
	CHECK_EQ(egret_profile_set_meta(p, "hostname", "heron"), 0);
	CHECK_EQ(egret_profile_set_meta(p, "command", ""), 0);
	return p;
}

static void raw_bytes(uint8_t *to, size_t len, size_t i)
{
	for (size_t b = 0; b < len; b++)
		to[b] = (uint8_t)(b * (i + 1));
}

static size_t raw_len(size_t i)
{
	return i % 7 == 6 ? 300000 : i * 13;
}

/* Writes a random profile with n samples; the writer hears of it in pieces, as in a session. */
static void write_random(int fd, struct expected *e, size_t n)
{
	struct egret_profile *p = e->profile = labelled_profile();
	struct egret_writer *w;
	struct egret_error err = { "" };
	uint8_t *bytes = malloc(300000);
	uint64_t time = 1u << 30;

	e->rows = calloc(n, sizeof(*e->rows));
	CHECK_EQ(egret_writer_create(fd, p, &w, &err), 0);
	random_item(p);
	while (e->n_rows < n) {
		struct egret_sample_row *row = &e->rows[e->n_rows++];

		if (!rnd(4))
			random_item(p);
		*row = random_row(p, time += 1000000 + rnd(5000));
		aggregate(p, row);
		CHECK_EQ(egret_writer_sample(w, row, &err), 0);
		if (!rnd(5)) {
			uint32_t frame = (uint32_t)rnd(egret_profile_n_frames(p));

			random_lines(p, frame);
			CHECK_EQ(egret_writer_symbol(w, frame, &err), 0);
		}
		if (!rnd(5)) {
			uint32_t frame = (uint32_t)rnd(egret_profile_n_frames(p));

			CHECK_EQ(egret_profile_set_reason(p, frame, (uint16_t)rnd(70000)), 0);
			CHECK_EQ(egret_writer_reason(w, frame, &err), 0);
		}
		if (!rnd(50)) {
			raw_bytes(bytes, raw_len(e->n_raw), e->n_raw);
			CHECK_EQ(egret_writer_raw(w, (uint32_t)e->n_raw * 1000, bytes,
						  raw_len(e->n_raw), &err),
				 0);
			e->n_raw++;
		}
		if (!rnd(20))
			CHECK_EQ(egret_writer_flush(w, &err), 0);
		if (!rnd(40))
			egret_profile_set_stat(p, "samples", "taken", e->n_rows);
	}
	egret_profile_set_meta(p, "command", "changed at the end");
	egret_profile_set_stat(p, "drops", "by all causes", UINT64_MAX);
	CHECK_EQ(egret_writer_finish(w, &err), 0);
	CHECK_STR(err.text, "");
	CHECK_EQ(egret_writer_bytes(w), lseek(fd, 0, SEEK_END));
	CHECK_EQ(egret_writer_finish(w, &err), -EINVAL);
	CHECK_EQ(egret_writer_sample(w, &e->rows[0], &err), -EINVAL);
	egret_writer_destroy(w);
	free(bytes);
}

static void expected_deinit(struct expected *e)
{
	egret_profile__destroy(e->profile);
	free(e->rows);
}

static int check_row(void *arg, const struct egret_profile *p, const struct egret_sample_row *row)
{
	struct expected *e = arg;
	const struct egret_sample_row *want = &e->rows[e->row];

	CHECK(e->row < e->n_rows);
	if (e->row >= e->n_rows)
		return 1;
	CHECK_EQ(row->time, want->time);
	CHECK_EQ(row->value, want->value);
	CHECK_EQ(row->thread, want->thread);
	CHECK_EQ(row->stack, want->stack);
	CHECK_EQ(row->event, want->event);
	CHECK_EQ(row->cpu, want->cpu);
	CHECK_EQ(row->capture_end, want->capture_end);
	CHECK_EQ(row->unwind_end, want->unwind_end);
	CHECK_EQ(row->bytes_wanted, want->bytes_wanted);
	CHECK_EQ(row->bytes_got, want->bytes_got);
	e->row++;
	return 0;
}

static int check_raw(void *arg, uint32_t tag, const void *bytes, size_t len)
{
	struct expected *e = arg;
	uint8_t *want = malloc(300000);

	CHECK_EQ(tag, e->raw * 1000);
	CHECK_EQ(len, raw_len(e->raw));
	raw_bytes(want, raw_len(e->raw), e->raw);
	CHECK(len == raw_len(e->raw) && !memcmp(bytes, want, len));
	free(want);
	e->raw++;
	return 0;
}

static const struct egret_reader_ops check_ops = { .sample = check_row, .raw = check_raw };

/* A small recording of several blocks, raw record and symbols included. */
static void *small_recording(size_t *len, struct expected *e)
{
	char path[64];
	int fd = temp_file(path);
	void *bytes;

	seed = 5;
	write_random(fd, e, 120);
	close(fd);
	bytes = slurp(path, len);
	unlink(path);
	return bytes;
}

#endif
