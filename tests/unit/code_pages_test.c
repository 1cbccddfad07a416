/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* code_pages_test.c - code in memory is read again, and seldom where that is in vain. */
#include "session/code_pages.h"

#include "test.h"

#define MS 1000000ull
#define PC 0x10010ull

static struct egret_code_pages pages;
static uint8_t content;
static int reads;

static int read_code(void *arg, int pid, uint64_t addr, void *to, size_t len)
{
	reads++;
	memset(to, content, len);
	return 0;
}

static const struct egret_process_source source = { .read_code = read_code };

static uint64_t text_at(int pid, uint64_t time)
{
	struct egret_text text = { 0 };

	CHECK(egret_code_pages_text(&pages, &source, pid, PC, time, &text));
	CHECK_EQ(text.start, 0x10000);
	CHECK_EQ(text.bytes[PC - text.start], content);
	return text.id;
}

/* Reads of a process's page in a second in which a stack of it ends early each millisecond. */
static int reads_in_a_second(int pid, uint64_t start, bool helps)
{
	text_at(pid, start);
	reads = 0;
	for (uint64_t t = start; t < start + 1000 * MS; t += MS) {
		content++;
		if (egret_code_pages_refresh(&pages, &source, pid, t) && helps)
			egret_code_pages_helped(&pages, pid);
	}
	return reads;
}

static void other_code_is_seen(void)
{
	uint64_t before = text_at(1, 1000 * MS);

	content++;
	CHECK(egret_code_pages_refresh(&pages, &source, 1, 1100 * MS));
	CHECK(text_at(1, 1101 * MS) != before);
	CHECK(!egret_code_pages_refresh(&pages, &source, 1, 5000 * MS));
	CHECK(!egret_code_pages_refresh(&pages, &source, 2, 9000 * MS));
}

static void what_is_in_vain_is_seldom(void)
{
	int often = reads_in_a_second(3, 10000 * MS, true);
	int seldom = reads_in_a_second(4, 20000 * MS, false);

	CHECK(often > 40);
	CHECK(seldom > 2 && seldom < 8);
	CHECK_EQ(reads_in_a_second(3, 30000 * MS, true), often); /* that of another */
	CHECK(reads_in_a_second(4, 40000 * MS, false) <= 1);
	CHECK(reads_in_a_second(4, 50000 * MS, true) > 40); /* from the first that helps on */
	egret_code_pages_deinit(&pages);
}

static void what_was_in_vain_long_enough_is_left(void)
{
	CHECK(!egret_code_pages_vain(&pages, 5, 10000 * MS));
	reads_in_a_second(5, 10000 * MS, true);
	CHECK(!egret_code_pages_vain(&pages, 5, 11000 * MS));
	reads_in_a_second(5, 20000 * MS, false);
	CHECK(egret_code_pages_vain(&pages, 5, 21000 * MS));
	CHECK(!egret_code_pages_vain(&pages, 6, 21000 * MS));
	CHECK(!egret_code_pages_vain(&pages, 5, 25000 * MS)); /* tried again */
	egret_code_pages_helped(&pages, 5);
	CHECK(!egret_code_pages_vain(&pages, 5, 21000 * MS));
	egret_code_pages_deinit(&pages);
}

int main(void)
{
	RUN(other_code_is_seen);
	RUN(what_is_in_vain_is_seldom);
	RUN(what_was_in_vain_long_enough_is_left);
	return DONE();
}
