/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What is written is what is read. */
#include "recording_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <zlib.h>

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
		CHECK_EQ(egret_profile_get_reason(a, f), egret_profile_get_reason(b, f));
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
	/* Not even where writing would work again: the file has a hole. */
	fd = open("/dev/null", O_WRONLY);
	dup2(fd, ends[1]);
	close(fd);
	err.text[0] = '\0';
	CHECK_EQ(egret_writer_finish(w, &err), -EPIPE);
	CHECK(strstr(err.text, "Broken pipe"));
	CHECK_EQ(egret_writer_bytes(w), 24);
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

/* Two frames, two stacks, three samples in two blocks: small enough to be written down below. */
static void write_golden(int fd)
{
	struct egret_event event = { .name = "clk", .unit = "ns", .frequency = 999 };
	struct egret_profile_module m = { .ino = 5, .build_id = { .len = 1, .bytes = { 0xab } } };
	struct egret_profile_frame f = { .flags = EGRET_FRAME_F_RETURN, .offset = 0x100 };
	struct egret_profile_thread t = { .pid = 7, .tid = 8, .start_time = 3 };
	struct egret_profile_line line = { .line = 9 };
	struct egret_sample_row row = { .time = 1000, .value = 64, .stack = 2 };
	struct egret_profile *p;
	struct egret_writer *w;

	CHECK_EQ(egret_profile_create(&p), 0);
	CHECK_EQ(egret_profile_add_event(p, &event), 0);
	CHECK_EQ(egret_profile_set_meta(p, "k", "v"), 0);
	CHECK_EQ(egret_profile_set_stat(p, "s", "", 128), 0);
	m.path = line.name = string(p, "f");
	t.process = t.comm = string(p, "t");
	egret_profile_module(p, &m, NULL);
	egret_profile_thread(p, &t, NULL);
	egret_profile_frame(p, &f, NULL);
	f = (struct egret_profile_frame){ .offset = 0x80 };
	egret_profile_frame(p, &f, NULL);
	CHECK_EQ(egret_profile_set_lines(p, 1, &line, 1), 0);
	CHECK_EQ(egret_profile_set_reason(p, 0, 8), 0);
	egret_profile_stack(p, egret_profile_stack(p, 0, 0, NULL), 1, NULL);
	CHECK_EQ(egret_writer_create(fd, p, &w, NULL), 0);
	CHECK_EQ(egret_writer_sample(w, &row, NULL), 0);
	row = (struct egret_sample_row){ .time = 2001,
					 .value = 63,
					 .stack = 1,
					 .capture_end = 1,
					 .unwind_end = 4,
					 .bytes_wanted = 300,
					 .bytes_got = 2 };
	CHECK_EQ(egret_writer_sample(w, &row, NULL), 0);
	CHECK_EQ(egret_writer_raw(w, 3, "xyz", 3, NULL), 0);
	CHECK_EQ(egret_writer_flush(w, NULL), 0);
	row = (struct egret_sample_row){ .time = 3002, .value = 63, .stack = 2 };
	CHECK_EQ(egret_writer_sample(w, &row, NULL), 0);
	CHECK_EQ(egret_writer_finish(w, NULL), 0);
	egret_writer_destroy(w);
	egret_profile__destroy(p);
}

/*
 * The bytes themselves, as egret-data(5) has them: what was written once is read for ever, so a
 * change here is another version of the format.
 */
static const uint8_t golden_1[] = {
	1,  4,	  1,	'f',  1,    't',				 /* strings 1 and 2 */
	2,  7,	  1,	0,    0,    5,	  0,   1,   0xab,		 /* module 0 */
	3,  8,	  0,	4,    0x80, 0x04, 0,   0,   0xff, 0x01,		 /* frames 0 and 1 */
	4,  4,	  0,	0,    0,    3,					 /* stacks 1 and 2 */
	5,  5,	  14,	16,   3,    2,	  2,				 /* thread 0 */
	6,  6,	  1,	1,    1,    0,	  9,   0,			 /* lines of frame 1 */
	7,  10,	  3,	'c',  'l',  'k',  2,   'n', 's',  0xe7, 0x07, 0, /* event 0 */
	8,  4,	  1,	'k',  1,    'v',				 /* metadata */
	9,  3,	  1,	's',  0,					 /* name of statistic 0 */
	10, 3,	  0,	0x80, 0x01,					 /* statistic 0 */
	11, 31,	  2,			       /* two samples, in columns: */
	2,  0,	  0,			       /* CPU */
	4,  0xd0, 0x0f, 0xd2, 0x0f,	       /* time 1000, and 1001 later */
	2,  0,	  0,			       /* thread */
	2,  5,	  2,			       /* stack: 0 + 2, the largest now; 1 */
	2,  0,	  0,			       /* event */
	3,  0x80, 0x01, 1,		       /* value: 64, 1 less */
	4,  0,	  0,	1,    4,	       /* endings */
	3,  0xac, 0x02, 2,		       /* 300 bytes wanted, 2 got, of the second */
	12, 5,	  3,	3,    'x',  'y',  'z', /* raw */
	14, 2,	  0,	8,		       /* reason of frame 0 */
};
static const uint8_t golden_2[] = {
	11, 18,	  1, /* a sample, predicted from none before it on its CPU, as blocks begin anew */
	1,  0,	     /* CPU */
	2,  0xf4, 0x2e, /* time 3002 */
	1,  0,		/* thread */
	1,  4,		/* stack 2, which is not above the largest */
	1,  0,		/* event */
	1,  0,		/* value: as the last one of its event */
	2,  0,	  0,	/* endings: complete */
	0,		/* bytes wanted and got: of cut stacks only */
	13, 0,		/* end */
};

/* The block at `at`: its header, and the payload that it unpacks to. Where the next one begins. */
static size_t check_golden(const uint8_t *bytes, size_t len, size_t at, uint32_t number,
			   const uint8_t *want, size_t want_len)
{
	const uint8_t *block = bytes + at;
	uint8_t payload[256] = { 0 };
	uLongf payload_len = sizeof(payload);
	uint32_t stored;

	CHECK(len >= at + 24);
	CHECK(!memcmp(block, "EGBK", 4));
	CHECK_EQ(egret_get32(block + 4), number);
	CHECK_EQ(egret_get32(block + 8), want_len);
	stored = egret_get32(block + 12);
	CHECK(len - at - 24 >= stored && stored <= want_len);
	CHECK_EQ(egret_get32(block + 16), crc32(0, block + 24, stored));
	CHECK_EQ(egret_get32(block + 20), crc32(0, block, 20));
	if (stored == want_len)
		memcpy(payload, block + 24, payload_len = want_len);
	else
		CHECK_EQ(uncompress(payload, &payload_len, block + 24, stored), Z_OK);
	CHECK_EQ(payload_len, want_len);
	for (size_t i = 0; i < want_len; i++) {
		if (payload[i] == want[i])
			continue;
		printf("  byte %zu of the payload of block %u\n", i, number);
		CHECK_EQ(payload[i], want[i]);
		break;
	}
	return at + 24 + stored;
}

static void the_format_is_frozen(void)
{
	static const uint8_t header[20] = {
		0x89, 'E', 'G', 'R', 'E', 'T', '\r', '\n', 1, 0, 3, 0, 1
	};
	char path[64];
	size_t len, at;
	int fd = temp_file(path);
	uint8_t *bytes;

	write_golden(fd);
	close(fd);
	bytes = slurp(path, &len);
	unlink(path);
	CHECK(len > 24 && !memcmp(bytes, header, sizeof(header)));
	CHECK_EQ(egret_get32(bytes + 20), crc32(0, header, sizeof(header)));
	at = check_golden(bytes, len, 24, 1, golden_1, sizeof(golden_1));
	at = check_golden(bytes, len, at, 2, golden_2, sizeof(golden_2));
	CHECK_EQ(at, len);
	free(bytes);
}

int main(void)
{
	RUN(the_format_is_frozen);
	RUN(round_trip);
	RUN(second_recording_of_a_profile);
	RUN(reads_standard_input);
	RUN(writes_to_a_full_pipe);
	RUN(write_errors);
	RUN(largest_raw_record);
	RUN(ops_can_stop);
	RUN(flushed_is_readable);
	return DONE();
}
