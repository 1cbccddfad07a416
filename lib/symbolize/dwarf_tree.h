/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_tree.h - the functions of one unit, and what is inlined into them.
 *
 * A *node* is a DW_TAG_subprogram with code or a DW_TAG_inlined_subroutine; its parent is the one
 * that it is inlined into. Inner nodes have larger numbers: see dwarf_sweep.h for the addresses
 * that several cover.
 */
#ifndef EGRET_DWARF_TREE_H
#define EGRET_DWARF_TREE_H

#include "symbolize/code_ranges.h"
#include "symbolize/dwarf_die.h"
#include "symbolize/dwarf_sweep.h"

struct egret_dwarf_node {
	const char *name; /* in a section; NULL: not known */
	bool is_linkage_name;
	uint64_t start;	    /* of its first range; 0: it has none */
	uint32_t parent;    /* smaller than its own number; EGRET_DWARF_NO_NODE: a function */
	uint64_t call_file; /* number in the unit's line table, of an inlined one */
	uint32_t call_line;
	bool is_passed; /* of a function that is not wanted: nothing else was read of it */
};

/* What of a unit is read. */
struct egret_dwarf_extent {
	/* Below types and declarations too: functions of classes local to a function are there. */
	bool in_types;
	/* Only functions that these addresses, sorted, are in are read. NULL: all are. */
	const uint64_t *wanted;
	size_t n_wanted;
};

/* The name of a DIE that was asked for before. */
struct egret_dwarf_known_name {
	const struct egret_dwarf_file *file;
	uint64_t offset;
	const char *name;
	bool is_linkage_name;
};

/* Zero-initialise; what one unit has left is room for the next. */
struct egret_dwarf_tree {
	struct egret_dwarf_node *nodes; /* callers before what is inlined into them */
	size_t n_nodes, nodes_room;
	struct egret_dwarf_interval *intervals;
	size_t n_intervals, intervals_room;
	uint32_t *scopes; /* of the DIE under way, outermost first: the node that each is in */
	size_t scopes_room;
	struct egret_dwarf_known_name *names;
	size_t n_names, names_room;
	struct egret_index names_index;
	bool is_damaged; /* ended before its end */
};

void egret_dwarf_tree_deinit(struct egret_dwarf_tree *tree);

/* Adds a function that is known by a symbol only. name must outlive the tree. 0 or -ENOMEM. */
int egret_dwarf_tree_add(struct egret_dwarf_tree *tree, const char *name, uint64_t start,
			 uint64_t end);

/* Reads the DIEs of a unit. Intervals that do not begin in code are left out. 0 or -ENOMEM. */
int egret_dwarf_tree_read(struct egret_dwarf_tree *tree, struct egret_dwarf_reader *reader,
			  const struct egret_dwarf_cu *cu, const struct egret_code_ranges *code,
			  const struct egret_dwarf_extent *extent);

#endif
