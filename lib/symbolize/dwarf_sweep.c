/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_sweep.h"

#include <stdlib.h>
#include <string.h>

static void heap_push(struct egret_dwarf_sweep *s, const struct egret_dwarf_interval *interval)
{
	size_t i = s->n_heap++;

	while (i && s->heap[(i - 1) / 2].node < interval->node) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = *interval;
}

static void heap_pop(struct egret_dwarf_sweep *s)
{
	struct egret_dwarf_interval last = s->heap[--s->n_heap];
	size_t i = 0;

	for (size_t child = 1; child < s->n_heap; child = 2 * i + 1) {
		if (child + 1 < s->n_heap && s->heap[child + 1].node > s->heap[child].node)
			child++;
		if (s->heap[child].node <= last.node)
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
}

bool egret_dwarf_sweep_next(struct egret_dwarf_sweep *s, struct egret_dwarf_run *out)
{
	uint64_t end;

	if (s->is_done)
		return false;
	while (s->n_heap && s->heap[0].end <= s->pos)
		heap_pop(s);
	while (s->next < s->end && s->next->start <= s->pos) {
		if (s->next->end > s->pos)
			heap_push(s, s->next);
		s->next++;
	}
	*out = (struct egret_dwarf_run){ s->pos,
					 s->n_heap ? s->heap[0].node : EGRET_DWARF_NO_NODE };
	end = s->n_heap ? s->heap[0].end : UINT64_MAX;
	s->pos = s->next < s->end && s->next->start < end ? s->next->start : end;
	s->is_done = !s->n_heap && s->next == s->end;
	return true;
}

static int compare_intervals(const void *a, const void *b)
{
	const struct egret_dwarf_interval *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->node > y->node) - (x->node < y->node);
}

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)
#define PASSES 3

/* One pass of a radix sort, which leaves those of one digit in their order. */
static void sort_by_digit(const struct egret_dwarf_interval *from, struct egret_dwarf_interval *to,
			  size_t n, uint64_t base, unsigned int shift)
{
	uint32_t places[DIGITS] = { 0 }, sum = 0;

	for (size_t i = 0; i < n; i++)
		places[(from[i].start - base) >> shift & (DIGITS - 1)]++;
	for (unsigned int i = 0; i < DIGITS; i++) {
		uint32_t count = places[i];

		places[i] = sum;
		sum += count;
	}
	for (size_t i = 0; i < n; i++)
		to[places[(from[i].start - base) >> shift & (DIGITS - 1)]++] = from[i];
}

#define FEW 256 /* are sorted faster by comparing */

/* Intervals of a unit are in the order of nodes, and near each other: three digits tell all. */
void egret_dwarf_sort_intervals(struct egret_dwarf_interval *intervals, size_t n,
				struct egret_dwarf_interval *scratch)
{
	uint64_t least = UINT64_MAX, most = 0;
	bool is_sorted = true, in_order = true;

	for (size_t i = 0; i < n; i++) {
		least = intervals[i].start < least ? intervals[i].start : least;
		most = intervals[i].start > most ? intervals[i].start : most;
		if (!i)
			continue;
		is_sorted &= compare_intervals(&intervals[i - 1], &intervals[i]) <= 0;
		in_order &= intervals[i - 1].node <= intervals[i].node;
	}
	if (is_sorted)
		return;
	if (!in_order || n < FEW || n > UINT32_MAX || (most - least) >> DIGIT_BITS * PASSES) {
		qsort(intervals, n, sizeof(*intervals), compare_intervals);
		return;
	}
	sort_by_digit(intervals, scratch, n, least, 0);
	sort_by_digit(scratch, intervals, n, least, DIGIT_BITS);
	sort_by_digit(intervals, scratch, n, least, 2 * DIGIT_BITS);
	memcpy(intervals, scratch, n * sizeof(*intervals));
}

void egret_dwarf_sweep_init(struct egret_dwarf_sweep *s,
			    const struct egret_dwarf_interval *intervals, size_t n,
			    struct egret_dwarf_interval *heap)
{
	*s = (struct egret_dwarf_sweep){ .next = intervals,
					 .end = n ? intervals + n : intervals,
					 .heap = heap,
					 .pos = n ? intervals->start : 0,
					 .is_done = !n };
}
