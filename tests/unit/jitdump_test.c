/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/jitdump.h"

#include <errno.h>

#include "base/buffer.h"
#include "test.h"

/* ---- a jitdump, record by record ------------------------------------------------------------ */

static void put32(struct egret_buffer *to, uint32_t value)
{
	egret_buffer_add(to, &value, sizeof(value));
}

static void put64(struct egret_buffer *to, uint64_t value)
{
	egret_buffer_add(to, &value, sizeof(value));
}

static void put_text(struct egret_buffer *to, const char *text)
{
	egret_buffer_add(to, text, strlen(text) + 1);
}

static void put_header(struct egret_buffer *to, uint64_t flags)
{
	put32(to, 0x4a695444);
	put32(to, 1);
	put32(to, 40);
	put32(to, 62);
	put32(to, 0);
	put32(to, 77);
	put64(to, 1);
	put64(to, flags);
}

static void put_prefix(struct egret_buffer *to, uint32_t id, size_t size, uint64_t time)
{
	put32(to, id);
	put32(to, (uint32_t)(16 + size));
	put64(to, time);
}

static void put_load(struct egret_buffer *to, uint64_t time, uint64_t at, uint64_t size,
		     uint64_t index, const char *name)
{
	put_prefix(to, 0, 40 + strlen(name) + 1, time);
	put32(to, 77);
	put32(to, 78);
	put64(to, at);
	put64(to, at);
	put64(to, size);
	put64(to, index);
	put_text(to, name);
}

static void put_move(struct egret_buffer *to, uint64_t time, uint64_t from, uint64_t at,
		     uint64_t size, uint64_t index)
{
	put_prefix(to, 1, 48, time);
	put32(to, 77);
	put32(to, 78);
	put64(to, at);
	put64(to, from);
	put64(to, at);
	put64(to, size);
	put64(to, index);
}

static struct egret_jitdump *feed(const struct egret_buffer *bytes, int result)
{
	struct egret_jitdump *dump;

	CHECK_EQ(egret_jitdump_create(&dump), 0);
	CHECK_EQ(egret_jitdump_feed(dump, bytes->data, bytes->len), result);
	return dump;
}

/* "name file:line generation" */
static const char *at(struct egret_jitdump *dump, uint64_t addr, uint64_t time)
{
	static char text[256];
	struct egret_jit_code code;

	if (!egret_jitdump_at(dump, addr, time, &code))
		return "";
	snprintf(text, sizeof(text), "%s %s:%u %u", code.name, code.file ? code.file : "?",
		 code.line, code.generation);
	return text;
}

static const char *of(struct egret_jitdump *dump, uint64_t addr, uint32_t generation)
{
	struct egret_jit_code code;

	return egret_jitdump_of(dump, addr, generation, &code) ? code.name : "";
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void by_time(void)
{
	struct egret_buffer b = { 0 };
	struct egret_jitdump *dump;

	put_header(&b, 0);
	put_load(&b, 100, 0x1000, 0x100, 1, "first");
	put_load(&b, 200, 0x1000, 0x80, 2, "second");
	put_load(&b, 300, 0x1040, 0x100, 3, "across");
	dump = feed(&b, 0);
	CHECK_STR(at(dump, 0x1000, 99), "");
	CHECK_STR(at(dump, 0x1000, 100), "first ?:0 0");
	CHECK_STR(at(dump, 0x10ff, 199), "first ?:0 0");
	CHECK_STR(at(dump, 0x1100, 199), "");
	CHECK_STR(at(dump, 0x1000, 250), "second ?:0 1");
	CHECK_STR(at(dump, 0x107f, 300), "across ?:0 2");
	CHECK_STR(at(dump, 0x1090, 250), "first ?:0 0");
	CHECK_STR(at(dump, 0x1090, UINT64_MAX), "across ?:0 1");
	CHECK_STR(at(dump, 0x113f, UINT64_MAX), "across ?:0 0");
	CHECK_STR(at(dump, 0xfff, UINT64_MAX), "");
	CHECK_STR(of(dump, 0x1050, 0), "first");
	CHECK_STR(of(dump, 0x1050, 1), "second");
	CHECK_STR(of(dump, 0x1050, 2), "across");
	CHECK_STR(of(dump, 0x1050, 3), "across");
	CHECK_STR(of(dump, 0x1140, 0), "");
	egret_jitdump_destroy(dump);
	egret_buffer_deinit(&b);
}

static void code_that_moves(void)
{
	struct egret_buffer b = { 0 };
	struct egret_jitdump *dump;

	put_header(&b, 0);
	put_load(&b, 100, 0x1000, 0x100, 7, "moves");
	put_load(&b, 100, 0x3000, 0x100, 8, "stays");
	put_move(&b, 200, 0x1000, 0x2000, 0x100, 7);
	put_move(&b, 300, 0x2000, 0x1080, 0x100, 7);
	put_move(&b, 400, 0x9000, 0xa000, 0x100, 99); /* never loaded */
	dump = feed(&b, 0);
	CHECK_STR(at(dump, 0x1010, 150), "moves ?:0 0");
	CHECK_STR(at(dump, 0x1010, 200), "");
	CHECK_STR(at(dump, 0x2010, 150), "");
	CHECK_STR(at(dump, 0x2010, 200), "moves ?:0 0");
	CHECK_STR(at(dump, 0x2010, 300), "");
	CHECK_STR(at(dump, 0x1090, 300), "moves ?:0 1");
	CHECK_STR(at(dump, 0x3010, 500), "stays ?:0 0");
	CHECK_STR(at(dump, 0xa010, 500), "");
	egret_jitdump_destroy(dump);
	egret_buffer_deinit(&b);
}

static void lines(void)
{
	struct egret_buffer b = { 0 };
	struct egret_jitdump *dump;

	put_header(&b, 0);
	put_prefix(&b, 2, 16 + 3 * 16 + 6 + 2 + 6, 100);
	put64(&b, 0x1000);
	put64(&b, 3);
	put64(&b, 0x1020); /* not in order */
	put32(&b, 12);
	put32(&b, 0);
	put_text(&b, "/a.js");
	put64(&b, 0x1010);
	put32(&b, 11);
	put32(&b, 0);
	put_text(&b, "\xff");
	put64(&b, 0x1040);
	put32(&b, 3);
	put32(&b, 0);
	put_text(&b, "/b.js");
	put_load(&b, 100, 0x1000, 0x100, 1, "f");
	put_load(&b, 100, 0x2000, 0x100, 2, "without");
	put_move(&b, 200, 0x1000, 0x5000, 0x100, 1);
	dump = feed(&b, 0);
	CHECK_STR(at(dump, 0x100f, 100), "f ?:0 0");
	CHECK_STR(at(dump, 0x1010, 100), "f /a.js:11 0");
	CHECK_STR(at(dump, 0x103f, 100), "f /a.js:12 0");
	CHECK_STR(at(dump, 0x10ff, 100), "f /b.js:3 0");
	CHECK_STR(at(dump, 0x2010, 100), "without ?:0 0");
	CHECK_STR(at(dump, 0x5041, 200), "f /b.js:3 0");
	egret_jitdump_destroy(dump);
	egret_buffer_deinit(&b);
}

/* As it grows, a byte at a time; looked at all the while. */
static void in_pieces(void)
{
	struct egret_buffer b = { 0 };
	struct egret_jitdump *dump;

	put_header(&b, 0);
	for (uint32_t i = 0; i < 50; i++)
		put_load(&b, 100 + i, 0x1000 + 0x10 * (i % 7), 0x20, i, "code");
	CHECK_EQ(egret_jitdump_create(&dump), 0);
	for (size_t i = 0; i < b.len; i++) {
		CHECK_EQ(egret_jitdump_feed(dump, b.data + i, 1), 0);
		at(dump, 0x1010, UINT64_MAX);
	}
	CHECK_STR(at(dump, 0x1000, UINT64_MAX), "code ?:0 7");
	egret_jitdump_destroy(dump);
	egret_buffer_deinit(&b);
}

/* Times of another clock: the latest code is the one. */
static void another_clock(void)
{
	struct egret_buffer b = { 0 };
	struct egret_jitdump *dump;

	put_header(&b, 1);
	put_load(&b, 1ull << 60, 0x1000, 0x100, 1, "first");
	put_load(&b, 1ull << 61, 0x1000, 0x100, 2, "second");
	dump = feed(&b, 0);
	CHECK_STR(at(dump, 0x1000, 5), "second ?:0 1");
	egret_jitdump_destroy(dump);
	egret_buffer_deinit(&b);
}

static void other_records_are_passed_over(void)
{
	struct egret_buffer b = { 0 };
	struct egret_jitdump *dump;

	put_header(&b, 0);
	put_prefix(&b, 4, 8, 100); /* unwinding information */
	put64(&b, 0);
	put_prefix(&b, 99, 0, 100);
	put_prefix(&b, 3, 0, 100); /* closed: another one may be appended */
	put_load(&b, 100, 0x1000, 0x100, 1, "f");
	put_load(&b, 100, 0x2000, 0, 2, "empty");
	put_load(&b, 100, UINT64_MAX - 5, 100, 3, "wraps");
	dump = feed(&b, 0);
	CHECK_STR(at(dump, 0x1000, 100), "f ?:0 0");
	CHECK_STR(at(dump, 0x2000, 100), "");
	CHECK_STR(at(dump, UINT64_MAX - 1, 100), "");
	egret_jitdump_destroy(dump);
	egret_buffer_deinit(&b);
}

static void what_is_damaged_keeps_what_was_before(void)
{
	struct egret_buffer b = { 0 };
	struct egret_jitdump *dump;
	uint32_t pid = 0;
	bool clocked;

	put_header(&b, 0);
	CHECK(egret_jitdump_header(b.data, b.len, &pid, &clocked));
	CHECK_EQ(pid, 77);
	CHECK(clocked);
	CHECK(!egret_jitdump_header(b.data, b.len - 1, &pid, &clocked));
	put_load(&b, 100, 0x1000, 0x100, 1, "f");
	put32(&b, 0);
	put32(&b, 3); /* shorter than its own prefix */
	put64(&b, 0);
	dump = feed(&b, -EBADMSG);
	CHECK_STR(at(dump, 0x1000, 100), "f ?:0 0");
	CHECK_EQ(egret_jitdump_feed(dump, b.data, b.len), -EBADMSG);
	egret_jitdump_destroy(dump);
	b.data[0] ^= 1;
	dump = feed(&b, -EBADMSG);
	egret_jitdump_destroy(dump);
	egret_buffer_deinit(&b);
}

/* Each bit turned: never beyond the end, and never for long. */
static void damaged(void)
{
	struct egret_buffer b = { 0 };

	put_header(&b, 0);
	put_prefix(&b, 2, 16 + 16 + 6, 100);
	put64(&b, 0x1000);
	put64(&b, 1);
	put64(&b, 0x1000);
	put32(&b, 12);
	put32(&b, 0);
	put_text(&b, "/a.js");
	put_load(&b, 100, 0x1000, 0x100, 1, "f");
	put_move(&b, 200, 0x1000, 0x5000, 0x100, 1);
	for (size_t bit = 0; bit < b.len * 8; bit++) {
		uint8_t *copy = malloc(b.len);
		struct egret_jitdump *dump;

		memcpy(copy, b.data, b.len);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		CHECK_EQ(egret_jitdump_create(&dump), 0);
		(void)egret_jitdump_feed(dump, copy, b.len);
		free(copy);
		at(dump, 0x1010, 150);
		of(dump, 0x5010, 3);
		egret_jitdump_destroy(dump);
	}
	egret_buffer_deinit(&b);
}

int main(void)
{
	RUN(by_time);
	RUN(code_that_moves);
	RUN(lines);
	RUN(in_pieces);
	RUN(another_clock);
	RUN(other_records_are_passed_over);
	RUN(what_is_damaged_keeps_what_was_before);
	RUN(damaged);
	return DONE();
}
