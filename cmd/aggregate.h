/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * aggregate.h - the stacks of a profile as functions (self and total) and as a call tree.
 *
 *   self  of a function: the values of the stacks whose leaf it is
 *   total of a function: the values of the stacks that it is in, each counted once, also where the
 *                        function calls itself
 */
#ifndef EGRET_CMD_AGGREGATE_H
#define EGRET_CMD_AGGREGATE_H

#include <stdbool.h>

#include <egret/egret.h>

#define AGGREGATE_NONE UINT32_MAX

/* A name in a module; or, as the first level of the tree, a process. Strings are the profile's. */
struct function {
	const char *name;
	const char *module;
	uint32_t kind; /* enum egret_frame_kind */
	bool is_process;
	bool is_recovered;    /* somewhere its caller was found by looking at the code */
	uint64_t self, total; /* values */
	uint64_t samples;     /* that have it as their leaf */
};

/* A function as called by its parent. Numbers are indices of nodes, AGGREGATE_NONE: none. */
struct call_node {
	uint32_t function;
	uint32_t parent;
	uint32_t first_child, next_sibling; /* by total, largest first */
	uint64_t self, total;
	uint64_t samples; /* that end here */
};

/*
 * Open addressing over functions or nodes: slots hold their numbers, and 32 bits of their hashes,
 * so that what is looked at in vain is not fetched.
 */
struct aggregate_slot {
	uint32_t number, hash;
};

struct aggregate_table {
	struct aggregate_slot *slots;
	size_t mask;
	size_t used;
};

/* A function that was looked up before, by the addresses of its strings. name NULL: none. */
#define AGGREGATE_N_RECENT 8192
struct recent_function {
	const char *name, *module;
	bool is_process;
	uint32_t number;
};

/* A step of the last stack: a frame, or the name of the process, and where it led. */
struct aggregate_step {
	const void *of;
	uint32_t node;
};

struct aggregate {
	struct function *functions;
	size_t n_functions, functions_room;
	struct call_node *nodes; /* node 0 is the root, above the processes */
	size_t n_nodes, nodes_room;
	struct aggregate_table function_table, node_table;
	struct recent_function recent[AGGREGATE_N_RECENT];
	uint64_t value, samples;     /* of all stacks taken */
	struct aggregate_step *path; /* of the last stack, the process first */
	size_t n_path, path_room;
};

/* The stacks of one event, by its index. 0 or -ENOMEM. aggregate_deinit in either case. */
int aggregate_build(struct aggregate *aggregate, const struct egret_profile *profile,
		    uint32_t event);
void aggregate_deinit(struct aggregate *aggregate);

/*
 * Adds one stack. Its frames, and the name of its process, must live until the last one is added:
 * those of a profile do. 0 or -ENOMEM.
 */
int aggregate_add(struct aggregate *aggregate, const struct egret_stack *stack);

/* Sums up totals and brings children into order, after the last aggregate_add. 0 or -ENOMEM. */
int aggregate_finish(struct aggregate *aggregate);

enum aggregate_order { ORDER_SELF, ORDER_TOTAL };

/* The functions (not the processes, not the marks of cut stacks) by order, largest first, on the
 * heap; equal ones by name. NULL without memory. */
const struct function **aggregate_sorted(const struct aggregate *aggregate,
					 enum aggregate_order order, size_t *n);

#endif
