/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Recordings that are cut short, damaged, or made to do harm. */
#include "recording_fixture.h"

#include <zlib.h>

/* ---- damage ---- */

/* Cut anywhere: within the header an error, after it what the whole blocks hold, and never more. */
static void truncation_at_every_byte(void)
{
	struct expected e = { 0 };
	size_t len, rows_before = 0, steps = 0;
	uint8_t *bytes = small_recording(&len, &e);
	struct egret_reader_ops ops = { .sample = check_row };
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
		{ EGRET_SECTION_LABEL_SETS, { 1, 1, 1, -1 }, NULL },
		{ EGRET_SECTION_LABEL_SETS, { 1, 1, 1, 1, 1, 0, -1 }, NULL },
		{ EGRET_SECTION_LABEL_SETS, { 0, -1 }, "set of labels 0" },
		{ EGRET_SECTION_LABEL_SETS, { 1, 2, 1, -1 }, "set of labels 0" },
		{ EGRET_SECTION_LABEL_SETS, { 1, 1, 2, -1 }, "set of labels 0" },
		{ EGRET_SECTION_LABEL_SETS, { 1, 1, -1 }, "set of labels 0" },
		{ EGRET_SECTION_LABEL_SETS, { 65, 1, 1, -1 }, "set of labels 0" },
		{ EGRET_SECTION_LABEL_SETS, { 2, 1, 1, 1, 0, -1 }, "set of labels 0" }, /* twice */
		{ EGRET_SECTION_LABEL_SETS, { 1, 1, 1, 1, 1, 1, -1 }, "set of labels 2" },
		{ EGRET_SECTION_THREAD_LABELS, { 0, 0, -1 }, "labels of thread 0" }, /* no set */
		{ EGRET_SECTION_THREAD_LABELS, { 1, 0, -1 }, "labels of thread" },
		{ EGRET_SECTION_THREAD_LABELS, { 0, -1 }, "labels of thread 0" },
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
	/* Nor is one that unpacks to less. */
	egret_buffer_clear(&bytes);
	egret_buffer_clear(&payload);
	add_tables(&payload);
	egret_buffer_add(&payload, "\x0d\0", 2);
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

int main(void)
{
	RUN(truncation_at_every_byte);
	RUN(every_flipped_bit_is_found);
	RUN(hand_made_sections);
	RUN(end_is_the_end);
	RUN(versions);
	RUN(lying_lengths);
	RUN(bombs_are_refused);
	RUN(random_payloads);
	RUN(not_recordings);
	return DONE();
}
