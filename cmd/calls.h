/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * calls.h - who calls a function and whom it calls, from the call tree of a profile.
 *
 * A set is some nodes of the tree, each with a weight. That of a function has its outermost nodes
 * with their totals, so that its weights add up to the function's total. A step to the callees
 * leads to the children of the nodes, with the children's totals; one to the callers to their
 * parents, with the weights that they had: what remains of the function's total there.
 */
#ifndef EGRET_CMD_CALLS_H
#define EGRET_CMD_CALLS_H

#include "aggregate.h"

struct call_weight {
	uint32_t function;
	uint32_t node;
	uint64_t weight;
};

struct call_set {
	struct call_weight *items; /* of one function after the other, the heaviest first */
	size_t n, capacity;
};

/* The nodes of each function. */
struct calls {
	const struct aggregate *aggregate;
	uint32_t *first; /* by function, and the end of the last: index in nodes */
	uint32_t *nodes;
};

/* 0 or -ENOMEM. The aggregate must live as long. */
int calls_build(struct calls *calls, const struct aggregate *aggregate);
void calls_deinit(struct calls *calls);

/* Each makes a set, to be freed by call_set_deinit. 0 or -ENOMEM. */
int calls_of(const struct calls *calls, uint32_t function, struct call_set *set);
int calls_to_callees(const struct calls *calls, const struct call_weight *items, size_t n,
		     struct call_set *set);
int calls_to_callers(const struct calls *calls, const struct call_weight *items, size_t n,
		     struct call_set *set);
void call_set_deinit(struct call_set *set);

/* The items from `from` on that are of the same function: returns where they end. */
size_t call_set_group(const struct call_set *set, size_t from, uint64_t *weight);

#endif
