/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"
#include "unwind/row_cache.h"

static struct egret_row_cache cache;

static struct egret_place place(uint64_t n)
{
	return (struct egret_place){ n / 2, n & 1 };
}

static struct egret_row row_number(uint64_t n)
{
	return (struct egret_row){ .kind = EGRET_ROW_SIMPLE, .cfa_offset = (int32_t)n };
}

/* Whether n is there; if so, it must be the right one. */
static bool has(uint32_t module, uint64_t n)
{
	struct egret_row_ref ref;

	if (!egret_row_cache_find(&cache, module, place(n), &ref))
		return false;
	CHECK_EQ(ref.row.cfa_offset, n + module);
	CHECK(!ref.full);
	return true;
}

static void finds_what_was_added(void)
{
	CHECK(!has(1, 0));
	for (uint64_t n = 0; n < 20000; n++)
		for (uint32_t module = 1; module <= 3; module++)
			egret_row_cache_add(&cache, module, place(n), row_number(n + module), NULL,
					    0);
	for (uint64_t n = 0; n < 20000; n++) {
		CHECK(has(1, n));
		CHECK(has(2, n));
		CHECK(has(3, n));
		CHECK(!has(4, n));
	}
	CHECK(!has(1, 20000));
	CHECK_EQ(cache.used, 60000);
	egret_row_cache_deinit(&cache);
	CHECK(!has(1, 0));
}

static void full_rows(void)
{
	static union {
		struct egret_full_row full;
		uint8_t bytes[sizeof(struct egret_full_row) + 5];
	} row;
	const struct egret_row is_full = { .kind = EGRET_ROW_FULL };
	struct egret_row_ref ref;

	for (uint64_t n = 0; n < 5000; n++) {
		row.full.cfa.offset = (int32_t)n;
		row.full.expr[4] = (uint8_t)n;
		egret_row_cache_add(&cache, 7, place(n), is_full, &row.full, sizeof(row));
	}
	for (uint64_t n = 0; n < 5000; n++) {
		CHECK(egret_row_cache_find(&cache, 7, place(n), &ref));
		CHECK_EQ(ref.row.kind, EGRET_ROW_FULL);
		CHECK_EQ(ref.full->cfa.offset, n);
		CHECK_EQ(ref.full->expr[4], (uint8_t)n);
	}
	egret_row_cache_deinit(&cache);
}

/* The latest row is always there, and memory has a bound. */
static void bounded(void)
{
	static struct egret_full_row row;
	const struct egret_row is_full = { .kind = EGRET_ROW_FULL };
	struct egret_row_ref ref;

	for (uint64_t n = 0; n < 1000000; n++) {
		egret_row_cache_add(&cache, 1, place(n), row_number(n + 1), NULL, 0);
		CHECK(has(1, n));
	}
	CHECK((cache.mask + 1) * sizeof(struct egret_row_slot) <= 8 << 20);
	CHECK(cache.used <= (cache.mask + 1) / 4 * 3);
	CHECK(!has(1, 0));
	for (uint64_t n = 0; n < 100000; n++) {
		row.cfa.offset = (int32_t)n;
		egret_row_cache_add(&cache, 2, place(n), is_full, &row, sizeof(row));
		CHECK(egret_row_cache_find(&cache, 2, place(n), &ref));
		CHECK_EQ(ref.full->cfa.offset, n);
	}
	CHECK(cache.full.len <= 4 << 20);
	CHECK(cache.full.capacity <= 8 << 20);
	egret_row_cache_deinit(&cache);
}

int main(void)
{
	RUN(finds_what_was_added);
	RUN(full_rows);
	RUN(bounded);
	return DONE();
}
