/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/radix.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)

static size_t digit_of(uint64_t key, unsigned int shift)
{
	return key >> shift & (DIGITS - 1);
}

static void sort_by_digit(const struct egret_radix_item *from, struct egret_radix_item *to,
			  size_t n, unsigned int shift)
{
	size_t at[DIGITS] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		at[digit_of(from[i].key, shift)]++;
	for (size_t i = 0; i < DIGITS; i++) {
		size_t count = at[i];

		at[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[at[digit_of(from[i].key, shift)]++] = from[i];
}

/* The bits in which keys differ; 0 also where they are in order already. */
static uint64_t bits_to_sort(const struct egret_radix_item *items, size_t n)
{
	uint64_t differ = 0;
	size_t out_of_order = 0;

	for (size_t i = 1; i < n; i++) {
		differ |= items[i].key ^ items[0].key;
		out_of_order += items[i].key < items[i - 1].key;
	}
	return out_of_order ? differ : 0;
}

int egret_radix_sort(struct egret_radix_item *items, size_t n)
{
	struct egret_radix_item *from = items, *to;
	__free_ struct egret_radix_item *other = NULL;
	uint64_t bits = bits_to_sort(items, n);

	if (!bits)
		return 0;
	to = other = reallocarray(NULL, n, sizeof(*other));
	if (!other)
		return -ENOMEM;
	for (unsigned int shift = 0; shift < 64; shift += DIGIT_BITS) {
		struct egret_radix_item *sorted = to;

		if (!digit_of(bits, shift))
			continue;
		sort_by_digit(from, to, n, shift);
		to = from;
		from = sorted;
	}
	if (from != items)
		memcpy(items, from, n * sizeof(*items));
	return 0;
}
