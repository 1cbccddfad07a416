/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * radix.h - many items in the order of a number: in a few passes over them, without comparing.
 *
 * For tens of thousands of addresses, of which qsort compares each some sixteen times.
 */
#ifndef EGRET_BASE_RADIX_H
#define EGRET_BASE_RADIX_H

#include <stddef.h>
#include <stdint.h>

struct egret_radix_item {
	uint64_t key;
	uint32_t index; /* whatever the caller knows it by */
};

/* By key, rising; what has the same key stays in its order. 0 or -ENOMEM, then in any order. */
int egret_radix_sort(struct egret_radix_item *items, size_t n);

#endif
