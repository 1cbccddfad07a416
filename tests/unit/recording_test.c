/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/write.h"
#include "bpf/reasons.h"
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

static void put_file(const char *path, const void *bytes, size_t len)
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

/* ---- two profiles that have to be equal ---- */

static void same_tables(const struct egret_profile *a, const struct egret_profile *b)
{
	CHECK_EQ(a->strings.n, b->strings.n);
	for (size_t i = 0; i < a->strings.n && i < b->strings.n; i++)
		CHECK_STR(a->strings.items[i], b->strings.items[i]);
	CHECK_EQ(a->modules.n, b->modules.n);
	for (size_t i = 0; i < a->modules.n && i < b->modules.n; i++) {
		const struct egret_profile_module *m = &a->modules.items[i],
						  *n = &b->modules.items[i];

		CHECK(m->path == n->path && m->kind == n->kind && m->dev == n->dev &&
		      m->ino == n->ino && m->pid == n->pid &&
		      !memcmp(&m->build_id, &n->build_id, sizeof(m->build_id)));
	}
	CHECK_EQ(a->frames.n, b->frames.n);
	CHECK(!memcmp(a->frames.items, b->frames.items, b->frames.n * sizeof(*b->frames.items)));
	CHECK_EQ(a->stacks.n, b->stacks.n);
	CHECK(!memcmp(a->stacks.items, b->stacks.items, b->stacks.n * sizeof(*b->stacks.items)));
	CHECK_EQ(a->threads.n, b->threads.n);
	for (size_t i = 0; i < a->threads.n && i < b->threads.n; i++) {
		const struct egret_profile_thread *t = &a->threads.items[i],
						  *u = &b->threads.items[i];

		CHECK(t->pid == u->pid && t->tid == u->tid && t->start_time == u->start_time &&
		      t->process == u->process && t->comm == u->comm);
	}
	CHECK_EQ(a->entries.n, b->entries.n);
	CHECK(!memcmp(a->entries.items, b->entries.items,
		      b->entries.n * sizeof(*b->entries.items)));
}

static void same_labels(const struct egret_profile *a, const struct egret_profile *b)
{
	for (uint32_t f = 0; f < a->frames.n; f++) {
		size_t n, m;
		const struct egret_profile_line *x = egret_profile_get_lines(a, f, &n),
						*y = egret_profile_get_lines(b, f, &m);

		CHECK_EQ(n, m);
		CHECK(n == m && (!n || !memcmp(x, y, n * sizeof(*x))));
	}
	CHECK_EQ(a->meta.n, b->meta.n);
	for (size_t i = 0; i < a->meta.n; i++)
		CHECK_STR(egret_profile__meta(b, a->meta.items[i].key), a->meta.items[i].value);
	CHECK_EQ(a->events.n, b->events.n);
	for (size_t i = 0; i < a->events.n && i < b->events.n; i++) {
		CHECK_STR(a->events.items[i].name, b->events.items[i].name);
		CHECK_STR(a->events.items[i].unit, b->events.items[i].unit);
		CHECK_EQ(a->events.items[i].frequency, b->events.items[i].frequency);
		CHECK_EQ(a->events.items[i].period, b->events.items[i].period);
	}
	CHECK_EQ(a->stats.n, b->stats.n);
	for (size_t i = 0; i < a->stats.n && i < b->stats.n; i++) {
		CHECK_STR(a->stats.items[i].name, b->stats.items[i].name);
		CHECK_STR(a->stats.items[i].text, b->stats.items[i].text);
		CHECK_EQ(a->stats.items[i].value, b->stats.items[i].value);
	}
}

static void round_trip(void)
{
	for (size_t i = 0; i < 12; i++) {
		char path[64];
		int fd = temp_file(path), before = test_failures;
		struct expected e = { 0 };
		struct egret_profile *got;
		struct egret_error err = { "" };

		seed = i + 1;
		write_random(fd, &e, i < 10 ? 1 + i * 40 : 20000);
		CHECK_EQ(egret_profile_create(&got), 0);
		CHECK_EQ(egret_recording_read(path, got, &check_ops, &e, &err), 0);
		CHECK_STR(err.text, "");
		CHECK_EQ(e.row, e.n_rows);
		CHECK_EQ(e.raw, e.n_raw);
		CHECK(!egret_profile__truncated(got));
		same_tables(e.profile, got);
		same_labels(e.profile, got);
		if (test_failures != before)
			printf("  with seed %zu\n", i + 1);
		egret_profile__destroy(got);
		expected_deinit(&e);
		close(fd);
		unlink(path);
	}
}

/* A second recording of a profile that has already grown (--switch-output) has all of it. */
static void second_recording_of_a_profile(void)
{
	char path[64];
	int fd = temp_file(path), fd2;
	struct expected e = { 0 };
	struct egret_writer *w;
	struct egret_profile *got;

	seed = 77;
	write_random(fd, &e, 500);
	close(fd);
	fd2 = open(path, O_RDWR | O_TRUNC);
	CHECK_EQ(egret_writer_create(fd2, e.profile, &w, NULL), 0);
	for (size_t i = 0; i < e.n_rows; i++)
		CHECK_EQ(egret_writer_sample(w, &e.rows[i], NULL), 0);
	CHECK_EQ(egret_writer_finish(w, NULL), 0);
	egret_writer_destroy(w);
	CHECK_EQ(egret_profile__open(path, &got, NULL), 0);
	same_tables(e.profile, got);
	same_labels(e.profile, got);
	egret_profile__destroy(got);
	expected_deinit(&e);
	close(fd2);
	unlink(path);
}

/* ---- damage ---- */

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

static int count_row(void *arg, const struct egret_profile *p, const struct egret_sample_row *row)
{
	return check_row(arg, p, row);
}

/* Cut anywhere: within the header an error, after it what the whole blocks hold, and never more. */
static void truncation_at_every_byte(void)
{
	struct expected e = { 0 };
	size_t len, rows_before = 0, steps = 0;
	uint8_t *bytes = small_recording(&len, &e);
	struct egret_reader_ops ops = { .sample = count_row };
	char path[64];

	close(temp_file(path));
	CHECK(len > 1000 && len < 20000);
	for (size_t cut = 0; cut < len; cut++) {
		struct egret_profile *p;
		struct egret_error err = { "" };
		int ret;

		put_file(path, bytes, cut);
		CHECK_EQ(egret_profile_create(&p), 0);
		e.row = 0;
		ret = egret_recording_read(path, p, &ops, &e, &err);
		CHECK_EQ(ret, cut < EGRET_FILE_HEADER_SIZE ? -EBADMSG : 0);
		CHECK_EQ(egret_profile__truncated(p), cut >= EGRET_FILE_HEADER_SIZE);
		CHECK_EQ(strlen(err.text) > 20, ret != 0);
		CHECK(e.row >= rows_before);
		steps += e.row > rows_before;
		rows_before = e.row;
		egret_profile__destroy(p);
	}
	/* Each block but the last has added its samples. */
	CHECK(steps >= 2);
	CHECK(rows_before > 0 && rows_before < e.n_rows);
	unlink(path);
	free(bytes);
	expected_deinit(&e);
}

static void every_flipped_bit_is_found(void)
{
	struct expected e = { 0 };
	size_t len;
	uint8_t *bytes = small_recording(&len, &e);
	char path[64];
	int fd = temp_file(path);

	put_file(path, bytes, len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		struct egret_profile *p = NULL;
		struct egret_error err = { "" };
		uint8_t flipped;

		/* Each bit of the headers, and one in each byte of the rest. */
		if (bit / 8 > 300 && bit % 8 != bit / 8 % 8)
			continue;
		flipped = bytes[bit / 8] ^ (uint8_t)(1u << bit % 8);
		CHECK_EQ(pwrite(fd, &flipped, 1, (off_t)(bit / 8)), 1);
		CHECK_EQ(egret_profile__open(path, &p, &err), -EBADMSG);
		CHECK(p == NULL && strstr(err.text, path));
		CHECK_EQ(pwrite(fd, &bytes[bit / 8], 1, (off_t)(bit / 8)), 1);
	}
	close(fd);
	unlink(path);
	free(bytes);
	expected_deinit(&e);
}

/* ---- recordings made by hand ---- */

static void add_header(struct egret_buffer *to, uint16_t major, uint16_t minor, uint8_t order)
{
	uint8_t header[EGRET_FILE_HEADER_SIZE] = { 0 };

	memcpy(header, EGRET_RECORDING_MAGIC, 8);
	egret_put16(header + 8, major);
	egret_put16(header + 10, minor);
	header[12] = order;
	egret_put32(header + 20, egret_recording_crc(header, 20));
	egret_buffer_add(to, header, sizeof(header));
}

static void add_raw_block(struct egret_buffer *to, uint32_t number, const void *stored,
			  uint32_t stored_len, uint32_t raw)
{
	uint8_t header[EGRET_BLOCK_HEADER_SIZE];

	egret_put32(header, EGRET_BLOCK_MAGIC);
	egret_put32(header + 4, number);
	egret_put32(header + 8, raw);
	egret_put32(header + 12, stored_len);
	egret_put32(header + 16, egret_recording_crc(stored, stored_len));
	egret_put32(header + 20, egret_recording_crc(header, 20));
	egret_buffer_add(to, header, sizeof(header));
	egret_buffer_add(to, stored, stored_len);
}

/* The result of reading the bytes, and its sentence. */
static int read_bytes(const struct egret_buffer *bytes, struct egret_profile **p,
		      struct egret_error *err)
{
	char path[64];
	int fd = temp_file(path), ret;

	CHECK_EQ(egret_write_all(fd, bytes->data, bytes->len), 0);
	close(fd);
	err->text[0] = '\0';
	ret = egret_profile__open(path, p, err);
	unlink(path);
	return ret;
}

/* Reads a recording of one block with this payload; what it says when it is refused. */
static int read_payload(const struct egret_buffer *payload, struct egret_error *err)
{
	struct egret_buffer bytes = { 0 };
	struct egret_profile *p = NULL;
	int ret;

	add_header(&bytes, 1, 0, 1);
	add_raw_block(&bytes, 1, payload->data, (uint32_t)payload->len, (uint32_t)payload->len);
	ret = read_bytes(&bytes, &p, err);
	egret_profile__destroy(p);
	egret_buffer_deinit(&bytes);
	return ret;
}

/* A section of single-byte numbers, ended by -1. */
static void add_numbers(struct egret_buffer *to, unsigned int type, const int *numbers)
{
	size_t n = 0;

	while (numbers[n] >= 0)
		n++;
	egret_buffer_add_uleb(to, type);
	egret_buffer_add_uleb(to, n);
	for (size_t i = 0; i < n; i++)
		egret_buffer_add(to, &(uint8_t){ (uint8_t)numbers[i] }, 1);
}

#define SECTION(to, type, ...) add_numbers(to, type, (const int[]){ __VA_ARGS__, -1 })

/* String 1 "a", module 0, frame 0, stack 1, thread 0, event 0. */
static void add_tables(struct egret_buffer *to)
{
	SECTION(to, EGRET_SECTION_STRINGS, 1, 'a');
	SECTION(to, EGRET_SECTION_MODULES, 1, 0, 0, 0, 0, 0);
	SECTION(to, EGRET_SECTION_FRAMES, 0, 0, 2);
	SECTION(to, EGRET_SECTION_STACKS, 0, 0);
	SECTION(to, EGRET_SECTION_THREADS, 2, 2, 0, 1, 1);
	SECTION(to, EGRET_SECTION_EVENTS, 1, 'e', 0, 0, 0);
}

static void hand_made_sections(void)
{
	static const struct {
		int section;
		int numbers[24];
		const char *says; /* NULL: fine */
	} cases[] = {
		{ EGRET_SECTION_STRINGS, { 1, 'b', -1 }, NULL },
		{ EGRET_SECTION_STRINGS, { 1, 'a', -1 }, "string 2" }, /* is there already */
		{ EGRET_SECTION_STRINGS, { 0, -1 }, "string 2" },
		{ EGRET_SECTION_STRINGS, { 2, 'b', -1 }, "string 2" },
		{ EGRET_SECTION_STRINGS, { 2, 'b', 0, -1 }, "string 2" },
		{ EGRET_SECTION_STRINGS, { 0xff, 0xff, 0xff, 0xff, 0x0f, -1 }, "string 2" },
		{ EGRET_SECTION_MODULES, { 1, 1, 0, 0, 0, 0, -1 }, NULL },
		{ EGRET_SECTION_MODULES, { 2, 1, 0, 0, 0, 0, -1 }, "module 1" },
		{ EGRET_SECTION_MODULES, { 1, 6, 0, 0, 0, 0, -1 }, "module 1" },
		{ EGRET_SECTION_MODULES, { 1, 1, 0, 0, 0, 21, -1 }, "module 1" },
		{ EGRET_SECTION_MODULES, { 1, 1, 0, 0, 0, 20, 1, 2, 3, -1 }, "module 1" },
		{ EGRET_SECTION_FRAMES, { 0, 0, 2, -1 }, NULL },
		{ EGRET_SECTION_FRAMES, { 1, 0, 2, -1 }, "frame 1" },
		{ EGRET_SECTION_FRAMES, { 0, 0, 0, -1 }, "frame 1" },
		{ EGRET_SECTION_FRAMES, { 0, 0, -1 }, "frame 1" },
		{ EGRET_SECTION_STACKS, { 0, 0, -1 }, NULL },
		{ EGRET_SECTION_STACKS, { 1, 0, -1 }, "stack 2" },
		{ EGRET_SECTION_STACKS, { 2, 0, -1 }, "stack 2" },
		{ EGRET_SECTION_STACKS, { 0, 2, -1 }, "stack 2" },
		{ EGRET_SECTION_STACKS, { 0, 3, -1 }, "stack 2" },
		{ EGRET_SECTION_THREADS, { 2, 4, 0, 1, 1, -1 }, NULL },
		{ EGRET_SECTION_THREADS, { 2, 2, 0, 1, 1, -1 }, "thread 1" },
		{ EGRET_SECTION_THREADS, { 2, 4, 0, 2, 1, -1 }, "thread 1" },
		{ EGRET_SECTION_THREADS, { 2, 4, 0, 1, 2, -1 }, "thread 1" },
		{ EGRET_SECTION_LINES, { 0, 1, 1, 0, 0, 0, -1 }, NULL },
		{ EGRET_SECTION_LINES, { 1, 1, 1, 0, 0, 0, -1 }, "frame" },
		{ EGRET_SECTION_LINES, { 0, 0, -1 }, "frame 0" },
		{ EGRET_SECTION_LINES, { 0, 2, 1, 0, 0, 0, -1 }, "frame 0" },
		{ EGRET_SECTION_LINES, { 0, 1, 2, 0, 0, 0, -1 }, "frame 0" },
		{ EGRET_SECTION_LINES, { 0, 1, 1, 2, 0, 0, -1 }, "frame 0" },
		{ EGRET_SECTION_EVENTS, { 1, 'f', 0, 0, 0, -1 }, NULL },
		{ EGRET_SECTION_EVENTS, { 1, 'f', 5, 0, 0, -1 }, "event 1" },
		{ EGRET_SECTION_META, { 1, 'k', 1, 'v', -1 }, NULL },
		{ EGRET_SECTION_META, { 1, 'k', 2, 'v', -1 }, "metadata 0" },
		{ EGRET_SECTION_STAT_NAMES, { 1, 's', 0, -1 }, NULL },
		{ EGRET_SECTION_STAT_NAMES, { 1, 's', 0, 1, 's', 0, -1 }, "statistic 1" },
		{ EGRET_SECTION_STATS, { 0, 5, -1 }, "statistic" },
		/* cpu 0, time 0, thread 0, stack 1, event 0, value 0, whole and root */
		{ EGRET_SECTION_SAMPLES,
		  { 1, 1, 0, 1, 0, 1, 0, 1, 3, 1, 0, 1, 0, 2, 0, 0, 0, -1 },
		  NULL },
		{ EGRET_SECTION_SAMPLES,
		  { 1, 1, 0, 1, 0, 1, 0, 1, 5, 1, 0, 1, 0, 2, 0, 0, 0, -1 },
		  "stack 2" },
		{ EGRET_SECTION_SAMPLES,
		  { 1, 1, 0, 1, 0, 1, 2, 1, 3, 1, 0, 1, 0, 2, 0, 0, 0, -1 },
		  "sample" },
		{ EGRET_SECTION_SAMPLES,
		  { 1, 1, 0, 1, 0, 1, 1, 1, 3, 1, 0, 1, 0, 2, 0, 0, 0, -1 },
		  "sample" },
		{ EGRET_SECTION_SAMPLES,
		  { 1, 1, 0, 1, 0, 1, 0, 1, 3, 1, 1, 1, 0, 2, 0, 0, 0, -1 },
		  "sample" },
		/* cut, but the bytes are missing; two samples said, one there; one too many */
		{ EGRET_SECTION_SAMPLES,
		  { 1, 1, 0, 1, 0, 1, 0, 1, 3, 1, 0, 1, 0, 2, 1, 0, 0, -1 },
		  "sample 0" },
		{ EGRET_SECTION_SAMPLES,
		  { 2, 1, 0, 1, 0, 1, 0, 1, 3, 1, 0, 1, 0, 2, 0, 0, 0, -1 },
		  "sample 1" },
		{ EGRET_SECTION_SAMPLES,
		  { 0, 1, 0, 1, 0, 1, 0, 1, 3, 1, 0, 1, 0, 2, 0, 0, 0, -1 },
		  "column 0" },
		{ EGRET_SECTION_SAMPLES, { 1, 99, 0, 1, 0, -1 }, "column 0" },
		{ EGRET_SECTION_RAW, { 7, 1, 'x', -1 }, NULL },
		{ EGRET_SECTION_RAW, { 7, 2, 'x', -1 }, "raw record of tag 7" },
		{ EGRET_SECTION_END, { 1, -1 }, "end mark" },
		/* Sections of a later minor version. */
		{ EGRET_SECTION_NR, { 1, 2, 3, -1 }, NULL },
		{ 0, { 1, 2, 3, -1 }, NULL },
		{ 100, { -1 }, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct egret_buffer payload = { 0 };
		struct egret_error err;
		int before = test_failures;

		add_tables(&payload);
		add_numbers(&payload, (unsigned int)cases[i].section, cases[i].numbers);
		CHECK_EQ(read_payload(&payload, &err), cases[i].says ? -EBADMSG : 0);
		if (cases[i].says)
			CHECK(strstr(err.text, cases[i].says) &&
			      strstr(err.text, "block 1 at byte 24"));
		if (test_failures != before)
			printf("  case %zu: %s\n", i, err.text);
		egret_buffer_deinit(&payload);
	}
}

static void end_is_the_end(void)
{
	struct egret_buffer bytes = { 0 }, payload = { 0 };
	struct egret_profile *p;
	struct egret_error err;

	add_tables(&payload);
	egret_buffer_add(&payload, "\x0d\0", 2);
	add_header(&bytes, 1, 0, 1);
	add_raw_block(&bytes, 1, payload.data, (uint32_t)payload.len, (uint32_t)payload.len);
	CHECK_EQ(read_bytes(&bytes, &p, &err), 0);
	CHECK(!egret_profile__truncated(p));
	egret_profile__destroy(p);
	egret_buffer_add(&bytes, "x", 1);
	CHECK_EQ(read_bytes(&bytes, &p, &err), -EBADMSG);
	CHECK(strstr(err.text, "has ended before it"));
	/* And within the block. */
	egret_buffer_clear(&bytes);
	egret_buffer_add(&payload, "\x0d\0", 2);
	add_header(&bytes, 1, 0, 1);
	add_raw_block(&bytes, 1, payload.data, (uint32_t)payload.len, (uint32_t)payload.len);
	CHECK_EQ(read_bytes(&bytes, &p, &err), -EBADMSG);
	egret_buffer_deinit(&bytes);
	egret_buffer_deinit(&payload);
}

static void versions(void)
{
	static const struct {
		uint16_t major, minor;
		uint8_t order;
		int want;
		const char *says;
	} cases[] = {
		{ 1, 0, 1, 0, "" },
		{ 1, 9, 1, 0, "" },
		{ 2, 3, 1, -ENOTSUP, "is a recording of version 2.3" },
		{ 0, 0, 1, -ENOTSUP, "version 0.0" },
		{ 1, 0, 2, -ENOTSUP, "another byte order" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct egret_buffer bytes = { 0 };
		struct egret_profile *p = NULL;
		struct egret_error err;

		add_header(&bytes, cases[i].major, cases[i].minor, cases[i].order);
		CHECK_EQ(read_bytes(&bytes, &p, &err), cases[i].want);
		CHECK(strstr(err.text, cases[i].says));
		egret_profile__destroy(p);
		egret_buffer_deinit(&bytes);
	}
}

static void lying_lengths(void)
{
	static const struct {
		uint32_t number, stored, raw;
		const char *says;
	} cases[] = {
		{ 1, 4, 4, "makes no sense" },
		{ 2, 4, 4, "out of order" },
		{ 1, 4, 0, "lengths" },
		{ 1, 4, 3, "lengths" },
		{ 1, 4, EGRET_BLOCK_MAX + 1, "lengths" },
		{ 1, 4, UINT32_MAX, "lengths" },
		{ 1, 4, EGRET_BLOCK_MAX, "does not unpack" },
		{ 1, 4, 5, "does not unpack" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct egret_buffer bytes = { 0 };
		struct egret_profile *p = NULL;
		struct egret_error err;

		add_header(&bytes, 1, 0, 1);
		add_raw_block(&bytes, cases[i].number, "\x01\x09zz", cases[i].stored, cases[i].raw);
		CHECK_EQ(read_bytes(&bytes, &p, &err), -EBADMSG);
		CHECK(strstr(err.text, cases[i].says));
		egret_buffer_deinit(&bytes);
	}
}

/* Adds a packed block; raw_len as it is said to be. */
static void add_packed_block(struct egret_buffer *to, uint32_t number,
			     const struct egret_buffer *payload, uint32_t says)
{
	uLongf len = compressBound(payload->len);
	uint8_t *packed = malloc(len);

	CHECK_EQ(compress2(packed, &len, payload->data, payload->len, 9), Z_OK);
	add_raw_block(to, number, packed, (uint32_t)len, says);
	free(packed);
}

/* Blocks that unpack to 60 MiB of metadata each are given up before they fill the memory. */
static void bombs_are_refused(void)
{
	struct egret_buffer bytes = { 0 }, payload = { 0 };
	struct egret_profile *p = NULL;
	struct egret_error err;
	const size_t n = 15u << 20;

	add_header(&bytes, 1, 0, 1);
	egret_buffer_add_uleb(&payload, EGRET_SECTION_META);
	egret_buffer_add_uleb(&payload, n * 4);
	for (size_t i = 0; i < n; i++)
		egret_buffer_add(&payload, "\1k\1v", 4);
	for (uint32_t i = 1; i < 20; i++)
		add_packed_block(&bytes, i, &payload, (uint32_t)payload.len);
	CHECK(bytes.len < 2u << 20);
	CHECK_EQ(read_bytes(&bytes, &p, &err), -EBADMSG);
	CHECK(strstr(err.text, "unpacks to far more") && strstr(err.text, "block 2 at"));

	/* A block that unpacks to more than it says is not believed. */
	egret_buffer_clear(&bytes);
	add_header(&bytes, 1, 0, 1);
	add_packed_block(&bytes, 1, &payload, 1u << 20);
	CHECK_EQ(read_bytes(&bytes, &p, &err), -EBADMSG);
	CHECK(strstr(err.text, "does not unpack"));
	egret_buffer_deinit(&bytes);
	egret_buffer_deinit(&payload);
}

/* Payloads with a right checksum and wrong bytes: any result, but no crash (best under ASan). */
static void random_payloads(void)
{
	struct egret_buffer payload = { 0 };
	struct expected e = { 0 };
	struct egret_error err;
	char path[64];
	int fd = temp_file(path), refused = 0;
	uint8_t *bytes;
	size_t len;
	uLongf raw;

	seed = 9;
	write_random(fd, &e, 25);
	close(fd);
	bytes = slurp(path, &len);
	unlink(path);
	raw = egret_get32(bytes + 24 + 8);
	CHECK(egret_buffer_reserve(&payload, raw) != NULL);
	CHECK_EQ(uncompress(payload.data, &raw, bytes + 48, egret_get32(bytes + 24 + 12)), Z_OK);
	payload.len = raw;
	CHECK_EQ(read_payload(&payload, &err), 0);
	for (int i = 0; i < 4000; i++) {
		size_t at = rnd(payload.len);
		uint8_t saved = payload.data[at];

		payload.data[at] = (uint8_t)rnd(256);
		refused += read_payload(&payload, &err) == -EBADMSG;
		payload.data[at] = saved;
	}
	CHECK(refused > 1000 && refused < 4000);
	egret_buffer_deinit(&payload);
	free(bytes);
	expected_deinit(&e);
}

static void not_recordings(void)
{
	struct egret_buffer bytes = { 0 };
	struct egret_profile *p;
	struct egret_error err;

	CHECK_EQ(read_bytes(&bytes, &p, &err), -EBADMSG);
	CHECK(strstr(err.text, "is empty"));
	egret_buffer_add_string(&bytes, "PERFILE2 and so on, and so on, and so on");
	CHECK_EQ(read_bytes(&bytes, &p, &err), -EBADMSG);
	CHECK(strstr(err.text, "is not a recording of egret: it does not begin as one"));
	egret_buffer_clear(&bytes);
	egret_buffer_add(&bytes, EGRET_RECORDING_MAGIC, 8);
	CHECK_EQ(read_bytes(&bytes, &p, &err), -EBADMSG);
	CHECK(strstr(err.text, "ends within its header"));
	CHECK_EQ(egret_profile__open("/nonexistent/x", &p, &err), -ENOENT);
	CHECK_STR(err.text, "cannot open /nonexistent/x: No such file or directory");
	CHECK_EQ(egret_profile__open("/tmp", &p, &err), -EISDIR);
	CHECK_STR(err.text, "cannot read /tmp: Is a directory");
	CHECK_EQ(egret_profile__open("/nonexistent/x", &p, NULL), -ENOENT);
	egret_buffer_deinit(&bytes);
}

/* ---- the rim ---- */

/* A pipe that takes little at a time, from a child that dribbles. */
static void reads_standard_input(void)
{
	struct expected e = { 0 };
	size_t len;
	uint8_t *bytes = small_recording(&len, &e);
	int saved = dup(STDIN_FILENO), ends[2];
	struct egret_profile *got;
	pid_t child;

	CHECK_EQ(pipe(ends), 0);
	child = fork();
	if (!child) {
		for (size_t i = 0; i < len; i += 97)
			if (egret_write_all(ends[1], bytes + i, len - i < 97 ? len - i : 97))
				_exit(1);
		_exit(0);
	}
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	CHECK_EQ(egret_profile_create(&got), 0);
	CHECK_EQ(egret_recording_read("-", got, &check_ops, &e, NULL), 0);
	CHECK_EQ(e.row, e.n_rows);
	CHECK(!egret_profile__truncated(got));
	same_tables(e.profile, got);
	waitpid(child, NULL, 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
	egret_profile__destroy(got);
	expected_deinit(&e);
	free(bytes);
}

/* A pipe without O_NONBLOCK's mercy: the writer waits, and every byte arrives. */
static void writes_to_a_full_pipe(void)
{
	struct egret_profile *p = labelled_profile();
	struct egret_writer *w;
	uint8_t *bytes = calloc(1, 1u << 20);
	uint64_t written, total = 0;
	int ends[2], status;
	pid_t child;

	for (size_t i = 0; i < 1u << 20; i++)
		bytes[i] = (uint8_t)rnd(256);
	CHECK_EQ(pipe2(ends, O_NONBLOCK), 0);
	child = fork();
	if (!child) {
		char part[4096];
		ssize_t n;

		close(ends[1]);
		fcntl(ends[0], F_SETFL, 0);
		usleep(20000);
		while ((n = read(ends[0], part, sizeof(part))) > 0)
			total += (uint64_t)n;
		_exit(total > (1u << 20) ? (int)(total & 0x7f) : 200);
	}
	close(ends[0]);
	CHECK_EQ(egret_writer_create(ends[1], p, &w, NULL), 0);
	CHECK_EQ(egret_writer_raw(w, 1, bytes, 1u << 20, NULL), 0);
	CHECK_EQ(egret_writer_finish(w, NULL), 0);
	written = egret_writer_bytes(w);
	close(ends[1]);
	waitpid(child, &status, 0);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), written & 0x7f);
	egret_writer_destroy(w);
	egret_profile__destroy(p);
	free(bytes);
}

static void write_errors(void)
{
	struct egret_profile *p = labelled_profile();
	struct egret_sample_row row = { .stack = 9 };
	struct egret_writer *w;
	struct egret_error err = { "" };
	int fd = open("/dev/full", O_WRONLY), ends[2];

	CHECK_EQ(egret_writer_create(fd, p, &w, &err), -ENOSPC);
	CHECK(strstr(err.text, "No space left on device"));
	close(fd);
	/* The header still fits into the pipe; then its reader goes. */
	signal(SIGPIPE, SIG_IGN);
	CHECK_EQ(pipe(ends), 0);
	CHECK_EQ(egret_writer_create(ends[1], p, &w, &err), 0);
	close(ends[0]);
	CHECK_EQ(egret_writer_flush(w, &err), -EPIPE);
	CHECK(strstr(err.text, "Broken pipe") && strstr(err.text, "after 24 bytes"));
	err.text[0] = '\0';
	CHECK_EQ(egret_writer_finish(w, &err), -EPIPE);
	CHECK(strstr(err.text, "Broken pipe"));
	egret_writer_destroy(w);
	close(ends[1]);
	/* What cannot be read back is not written. */
	fd = open("/dev/null", O_WRONLY);
	CHECK_EQ(egret_writer_create(fd, p, &w, &err), 0);
	CHECK_EQ(egret_writer_sample(w, &row, &err), -EINVAL);
	CHECK(strstr(err.text, "stack 9"));
	CHECK_EQ(egret_writer_raw(w, 1, "", EGRET_RECORDING_MAX_RAW + 1, &err), -E2BIG);
	CHECK_EQ(egret_writer_finish(w, &err), 0);
	egret_writer_destroy(w);
	egret_writer_destroy(NULL);
	egret_profile__destroy(p);
	close(fd);
}

static int raw_is_large(void *arg, uint32_t tag, const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	CHECK_EQ(len, EGRET_RECORDING_MAX_RAW);
	CHECK(b[0] == 1 && b[len - 1] == 2);
	*(int *)arg += 1;
	return 0;
}

static void largest_raw_record(void)
{
	char path[64];
	int fd = temp_file(path), seen = 0;
	struct egret_reader_ops ops = { .raw = raw_is_large };
	struct egret_profile *p = labelled_profile(), *got;
	struct egret_writer *w;
	uint8_t *bytes = calloc(1, EGRET_RECORDING_MAX_RAW);

	bytes[0] = 1;
	bytes[EGRET_RECORDING_MAX_RAW - 1] = 2;
	CHECK_EQ(egret_writer_create(fd, p, &w, NULL), 0);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(egret_writer_raw(w, 0, bytes, EGRET_RECORDING_MAX_RAW, NULL), 0);
	CHECK_EQ(egret_writer_finish(w, NULL), 0);
	egret_writer_destroy(w);
	CHECK_EQ(egret_profile_create(&got), 0);
	CHECK_EQ(egret_recording_read(path, got, &ops, &seen, NULL), 0);
	CHECK_EQ(seen, 3);
	egret_profile__destroy(got);
	egret_profile__destroy(p);
	free(bytes);
	close(fd);
	unlink(path);
}

static int stop(void *arg, const struct egret_profile *p, const struct egret_sample_row *row)
{
	return ++*(int *)arg == 3 ? 42 : 0;
}

static void ops_can_stop(void)
{
	struct egret_reader_ops ops = { .sample = stop };
	struct egret_error err = { "untouched" };
	struct egret_profile *p;
	struct expected e = { 0 };
	char path[64];
	int fd = temp_file(path), n = 0;

	write_random(fd, &e, 50);
	CHECK_EQ(egret_profile_create(&p), 0);
	CHECK_EQ(egret_recording_read(path, p, &ops, &n, &err), 42);
	CHECK_EQ(n, 3);
	CHECK_STR(err.text, "untouched");
	/* And a profile that something was read into is not read into again. */
	CHECK_EQ(egret_recording_read(path, p, NULL, NULL, &err), -EINVAL);
	egret_profile__destroy(p);
	expected_deinit(&e);
	close(fd);
	unlink(path);
}

/* A recording whose writer is killed after a flush has its events and metadata. */
static void flushed_is_readable(void)
{
	char path[64];
	int fd = temp_file(path);
	struct egret_profile *p = labelled_profile(), *got;
	struct egret_writer *w;

	CHECK_EQ(egret_writer_create(fd, p, &w, NULL), 0);
	CHECK_EQ(egret_writer_flush(w, NULL), 0);
	CHECK_EQ(egret_writer_flush(w, NULL), 0);
	CHECK_EQ(egret_writer_bytes(w), lseek(fd, 0, SEEK_END));
	CHECK_EQ(egret_profile__open(path, &got, NULL), 0);
	CHECK(egret_profile__truncated(got));
	CHECK_STR(egret_profile__meta(got, "hostname"), "heron");
	CHECK_EQ(egret_profile__n_events(got), 2);
	CHECK_STR(egret_profile__event(got, 1)->name, "r01c4:u");
	egret_profile__destroy(got);
	egret_writer_destroy(w);
	egret_profile__destroy(p);
	close(fd);
	unlink(path);
}

int main(void)
{
	RUN(round_trip);
	RUN(second_recording_of_a_profile);
	RUN(truncation_at_every_byte);
	RUN(every_flipped_bit_is_found);
	RUN(hand_made_sections);
	RUN(end_is_the_end);
	RUN(versions);
	RUN(lying_lengths);
	RUN(bombs_are_refused);
	RUN(random_payloads);
	RUN(not_recordings);
	RUN(reads_standard_input);
	RUN(writes_to_a_full_pipe);
	RUN(write_errors);
	RUN(largest_raw_record);
	RUN(ops_can_stop);
	RUN(flushed_is_readable);
	return DONE();
}
