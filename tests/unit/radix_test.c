/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/radix.h"

#include <stdlib.h>

#include "test.h"

#define N 5000

static struct egret_radix_item items[N];

/* xorshift64: the same numbers each time. */
static uint64_t next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void fill(uint64_t mask, uint64_t base)
{
	uint64_t state = 88172645463325252ull;

	for (uint32_t i = 0; i < N; i++)
		items[i] = (struct egret_radix_item){ base + (next(&state) & mask), i };
}

/* Rising, and each index is there once. */
static bool is_sorted(void)
{
	static bool seen[N];

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < N; i++) {
		if (seen[items[i].index])
			return false;
		seen[items[i].index] = true;
		if (!i || items[i - 1].key < items[i].key)
			continue;
		if (items[i - 1].key > items[i].key || items[i - 1].index > items[i].index)
			return false;
	}
	return true;
}

static void orders(void)
{
	static const uint64_t masks[] = { 0xff, 0xffff, 0x7ffffff, UINT64_MAX };

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		fill(masks[i], masks[i] == UINT64_MAX ? 0 : 0xffffffff81000000ull);
		CHECK(!is_sorted());
		CHECK(!egret_radix_sort(items, N));
		CHECK(is_sorted());
	}
}

static void equal_keys_stay_in_order(void)
{
	fill(3, 0);
	CHECK(!egret_radix_sort(items, N));
	CHECK(is_sorted());
	CHECK_EQ(items[0].key, 0);
	CHECK_EQ(items[N - 1].key, 3);
}

static void few(void)
{
	struct egret_radix_item two[] = { { UINT64_MAX, 0 }, { 1ull << 63, 1 } };

	CHECK(!egret_radix_sort(two, 0));
	CHECK(!egret_radix_sort(two, 1));
	CHECK_EQ(two[0].index, 0);
	CHECK(!egret_radix_sort(two, 2));
	CHECK_EQ(two[0].index, 1);
	CHECK_EQ(two[1].index, 0);
}

int main(void)
{
	RUN(orders);
	RUN(equal_keys_stay_in_order);
	RUN(few);
	return DONE();
}
