/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* dwarf_sweep.h - which of many intervals that overlap holds an address. */
#ifndef EGRET_DWARF_SWEEP_H
#define EGRET_DWARF_SWEEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EGRET_DWARF_NO_NODE UINT32_MAX

/* Addresses of a node. Where several overlap, the one of the largest node holds them. */
struct egret_dwarf_interval {
	uint64_t start, end;
	uint32_t node;
};

/* A run of addresses of one node, up to the next run; EGRET_DWARF_NO_NODE: of none. */
struct egret_dwarf_run {
	uint64_t start;
	uint32_t node;
};

struct egret_dwarf_sweep {
	const struct egret_dwarf_interval *next, *end;
	struct egret_dwarf_interval *heap; /* those that hold pos: the largest node first */
	size_t n_heap;
	uint64_t pos;
	bool is_done;
};

/* By start, and by node. scratch: room for n. */
void egret_dwarf_sort_intervals(struct egret_dwarf_interval *intervals, size_t n,
				struct egret_dwarf_interval *scratch);

/* intervals: sorted; heap: room for n. Both stay the caller's. */
void egret_dwarf_sweep_init(struct egret_dwarf_sweep *sweep,
			    const struct egret_dwarf_interval *intervals, size_t n,
			    struct egret_dwarf_interval *heap);
/* The next run, in the order of addresses; the last one is of no node. False: there are no more. */
bool egret_dwarf_sweep_next(struct egret_dwarf_sweep *sweep, struct egret_dwarf_run *out);

#endif
