/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* calls.c - who calls a function and whom it calls. */
#include "calls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int calls_build(struct calls *calls, const struct aggregate *a)
{
	*calls = (struct calls){ .aggregate = a };
	calls->first = calloc(a->n_functions + 2, sizeof(*calls->first));
	calls->nodes = malloc((a->n_nodes + 1) * sizeof(*calls->nodes));
	if (!calls->first || !calls->nodes) {
		calls_deinit(calls);
		return -ENOMEM;
	}
	/* Counted one place further on, so that filling moves each to its beginning. */
	for (size_t node = 1; node < a->n_nodes; node++)
		calls->first[a->nodes[node].function + 2]++;
	for (size_t f = 2; f < a->n_functions + 2; f++)
		calls->first[f] += calls->first[f - 1];
	for (uint32_t node = 1; node < a->n_nodes; node++)
		calls->nodes[calls->first[a->nodes[node].function + 1]++] = node;
	return 0;
}

void calls_deinit(struct calls *calls)
{
	free(calls->first);
	free(calls->nodes);
	*calls = (struct calls){ 0 };
}

void call_set_deinit(struct call_set *set)
{
	free(set->items);
	*set = (struct call_set){ 0 };
}

/* ---- sets ----------------------------------------------------------------------------------- */

static int set_add(struct call_set *set, uint32_t function, uint32_t node, uint64_t weight)
{
	if (set->n == set->capacity) {
		size_t more = set->capacity ? set->capacity * 2 : 16;
		struct call_weight *larger = realloc(set->items, more * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		set->items = larger;
		set->capacity = more;
	}
	set->items[set->n++] = (struct call_weight){ function, node, weight };
	return 0;
}

static int compare_functions(const void *x, const void *y)
{
	const struct call_weight *a = x, *b = y;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	return a->node < b->node ? -1 : a->node > b->node;
}

size_t call_set_group(const struct call_set *set, size_t from, uint64_t *weight)
{
	size_t i;

	*weight = 0;
	for (i = from; i < set->n && set->items[i].function == set->items[from].function; i++)
		*weight += set->items[i].weight;
	return i;
}

struct group {
	size_t from, n;
	uint64_t weight;
	const char *name;
};

static int compare_groups(const void *x, const void *y)
{
	const struct group *a = x, *b = y;
	int by_name;

	if (a->weight != b->weight)
		return a->weight < b->weight ? 1 : -1;
	by_name = strcmp(a->name, b->name);
	return by_name ? by_name : (a->from > b->from) * 2 - 1;
}

/* Brings what belongs to one function together, the heaviest function first. */
static int set_order(struct call_set *set, const struct aggregate *a)
{
	struct call_weight *ordered = malloc((set->n + 1) * sizeof(*ordered));
	struct group *groups = malloc((set->n + 1) * sizeof(*groups));
	int ret = ordered && groups ? 0 : -ENOMEM;
	size_t n = 0, at = 0;

	if (!ret) {
		qsort(set->items, set->n, sizeof(*set->items), compare_functions);
		for (size_t from = 0, end; from < set->n; from = end) {
			struct group *group = &groups[n++];

			end = call_set_group(set, from, &group->weight);
			group->from = from;
			group->n = end - from;
			group->name = a->functions[set->items[from].function].name;
		}
		qsort(groups, n, sizeof(*groups), compare_groups);
		for (size_t g = 0; g < n; g++) {
			memcpy(ordered + at, set->items + groups[g].from,
			       groups[g].n * sizeof(*ordered));
			at += groups[g].n;
		}
		free(set->items);
		set->items = ordered;
		set->capacity = set->n + 1;
		ordered = NULL;
	}
	free(ordered);
	free(groups);
	return ret;
}

static int set_finish(struct call_set *set, const struct aggregate *a, int ret)
{
	if (!ret && set->n)
		ret = set_order(set, a);
	if (ret)
		call_set_deinit(set);
	return ret;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static bool is_outermost(const struct aggregate *a, uint32_t node)
{
	uint32_t function = a->nodes[node].function;

	for (node = a->nodes[node].parent; node; node = a->nodes[node].parent)
		if (a->nodes[node].function == function)
			return false;
	return true;
}

int calls_of(const struct calls *calls, uint32_t function, struct call_set *set)
{
	const struct aggregate *a = calls->aggregate;
	int ret = 0;

	*set = (struct call_set){ 0 };
	for (uint32_t i = calls->first[function]; !ret && i < calls->first[function + 1]; i++)
		if (is_outermost(a, calls->nodes[i]))
			ret = set_add(set, function, calls->nodes[i],
				      a->nodes[calls->nodes[i]].total);
	return set_finish(set, a, ret);
}

int calls_to_callees(const struct calls *calls, const struct call_weight *items, size_t n,
		     struct call_set *set)
{
	const struct aggregate *a = calls->aggregate;
	int ret = 0;

	*set = (struct call_set){ 0 };
	for (size_t i = 0; i < n; i++)
		for (uint32_t child = a->nodes[items[i].node].first_child;
		     !ret && child != AGGREGATE_NONE; child = a->nodes[child].next_sibling)
			ret = set_add(set, a->nodes[child].function, child, a->nodes[child].total);
	return set_finish(set, a, ret);
}

int calls_to_callers(const struct calls *calls, const struct call_weight *items, size_t n,
		     struct call_set *set)
{
	const struct aggregate *a = calls->aggregate;
	int ret = 0;

	*set = (struct call_set){ 0 };
	for (size_t i = 0; !ret && i < n; i++) {
		uint32_t parent = a->nodes[items[i].node].parent;

		if (parent)
			ret = set_add(set, a->nodes[parent].function, parent, items[i].weight);
	}
	return set_finish(set, a, ret);
}
