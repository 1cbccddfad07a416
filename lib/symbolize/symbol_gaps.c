/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/symbol_gaps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int compare_vaddrs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

int egret_symbol_gaps_init(struct egret_symbol_gaps *gaps, const uint64_t *vaddrs, size_t n)
{
	*gaps = (struct egret_symbol_gaps){ .vaddrs = calloc(n + 1, sizeof(*gaps->vaddrs)),
					    .gaps = calloc(n + 1, sizeof(*gaps->gaps)) };
	if (!gaps->vaddrs || !gaps->gaps)
		return -ENOMEM;
	if (n)
		memcpy(gaps->vaddrs, vaddrs, n * sizeof(*vaddrs));
	qsort(gaps->vaddrs, n, sizeof(*vaddrs), compare_vaddrs);
	for (size_t i = 0; i < n; i++)
		if (!gaps->n || gaps->vaddrs[gaps->n - 1] != gaps->vaddrs[i])
			gaps->vaddrs[gaps->n++] = gaps->vaddrs[i];
	for (size_t i = 0; i <= gaps->n; i++)
		gaps->gaps[i] = (struct egret_symbol_gap){ UINT64_MAX, 0 };
	return 0;
}

void egret_symbol_gaps_deinit(struct egret_symbol_gaps *gaps)
{
	free(gaps->vaddrs);
	free(gaps->gaps);
	*gaps = (struct egret_symbol_gaps){ 0 };
}

static bool is_empty(const struct egret_symbol_gap *gap)
{
	return gap->low > gap->high;
}

void egret_symbol_gaps_around(const struct egret_symbol_gaps *gaps, uint64_t vaddr, uint64_t *start,
			      uint64_t *end)
{
	const struct egret_symbol_gap *gap = egret_symbol_gap_of(gaps, vaddr);
	const struct egret_symbol_gap *before = gap, *behind = gap + 1;
	const struct egret_symbol_gap *first = gaps->gaps, *last = gaps->gaps + gaps->n;

	while (before > first && is_empty(before))
		before--;
	while (behind < last && is_empty(behind))
		behind++;
	*start = is_empty(before) ? 0 : before->high;
	*end = behind > last || is_empty(behind) ? UINT64_MAX : behind->low;
}
