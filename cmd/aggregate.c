/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* aggregate.c - the stacks of a profile as functions and as a call tree. */
#include "aggregate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- hashing ------------------------------------------------------------------------------ */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 29;
}

/* FNV-1a: https://datatracker.ietf.org/doc/draft-eastlake-fnv/ */
static uint64_t hash_string(uint64_t hash, const char *string)
{
	for (; *string; string++)
		hash = (hash ^ (unsigned char)*string) * 0x100000001b3ull;
	return hash;
}

static uint64_t function_hash(const struct function *f)
{
	uint64_t hash = hash_string(0xcbf29ce484222325ull, f->name);

	return mix(hash_string(hash, f->module), f->is_process);
}

static bool same_function(const struct function *a, const struct function *b)
{
	return a->is_process == b->is_process &&
	       (a->name == b->name || !strcmp(a->name, b->name)) &&
	       (a->module == b->module || !strcmp(a->module, b->module));
}

static uint64_t node_hash(const struct call_node *n)
{
	return mix(mix(0, n->parent), n->function);
}

static void insert(struct aggregate_table *table, uint64_t hash, uint32_t number)
{
	size_t i = (uint32_t)hash & table->mask;

	while (table->slots[i].number != AGGREGATE_NONE)
		i = (i + 1) & table->mask;
	table->slots[i] = (struct aggregate_slot){ number, (uint32_t)hash };
}

/* Makes room for one more: a table is at most two thirds full. */
static int table_grow(struct aggregate_table *table)
{
	struct aggregate_table bigger = { .used = table->used };

	if (table->slots && table->used * 3 < (table->mask + 1) * 2)
		return 0;
	bigger.mask = table->slots ? table->mask * 2 + 1 : 255;
	bigger.slots = malloc((bigger.mask + 1) * sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	memset(bigger.slots, 0xff, (bigger.mask + 1) * sizeof(*bigger.slots));
	for (size_t i = 0; table->slots && i <= table->mask; i++)
		if (table->slots[i].number != AGGREGATE_NONE)
			insert(&bigger, table->slots[i].hash, table->slots[i].number);
	free(table->slots);
	*table = bigger;
	return 0;
}

/* Room for one more item in an array of them. */
static int array_grow(void **items, size_t *room, size_t n, size_t size)
{
	size_t more = *room ? *room * 2 : 256;
	void *bigger;

	if (n < *room)
		return 0;
	if (more >= AGGREGATE_NONE)
		return -ENOMEM;
	bigger = realloc(*items, more * size);
	if (!bigger)
		return -ENOMEM;
	*items = bigger;
	*room = more;
	return 0;
}

/* ---- functions ---------------------------------------------------------------------------- */

/* The number of the function, which is added when it is new; AGGREGATE_NONE without memory. */
static uint32_t look_up_function(struct aggregate *a, const struct function *key)
{
	struct aggregate_table *table = &a->function_table;
	uint64_t hash = function_hash(key);

	if (table_grow(table) || array_grow((void **)&a->functions, &a->functions_room,
					    a->n_functions, sizeof(*a->functions)))
		return AGGREGATE_NONE;
	for (size_t i = (uint32_t)hash & table->mask;; i = (i + 1) & table->mask) {
		uint32_t number = table->slots[i].number;

		if (number == AGGREGATE_NONE)
			break;
		if (table->slots[i].hash == (uint32_t)hash &&
		    same_function(&a->functions[number], key))
			return number;
	}
	insert(table, hash, (uint32_t)a->n_functions);
	table->used++;
	a->functions[a->n_functions] = *key;
	return (uint32_t)a->n_functions++;
}

/* Frames of few functions come again and again, with the very same strings: these are not hashed.
 */
static uint32_t find_function(struct aggregate *a, const struct function *key)
{
	uint64_t hash = mix(mix(key->is_process, (uintptr_t)key->name), (uintptr_t)key->module);
	struct recent_function *recent = &a->recent[hash % AGGREGATE_N_RECENT];

	if (recent->name != key->name || recent->module != key->module ||
	    recent->is_process != key->is_process) {
		uint32_t number = look_up_function(a, key);

		if (number == AGGREGATE_NONE)
			return number;
		*recent = (struct recent_function){ key->name, key->module, key->is_process,
						    number };
	}
	return recent->number;
}

static uint32_t function_of_frame(struct aggregate *a, const struct egret_frame *frame)
{
	struct function key = {
		.name = frame->name,
		.module = frame->module ? frame->module : "",
		.kind = frame->kind,
	};

	uint32_t number = find_function(a, &key);

	if (number != AGGREGATE_NONE && frame->flags & EGRET_FRAME_F_RECOVERED)
		a->functions[number].is_recovered = true;
	return number;
}

static uint32_t function_of_process(struct aggregate *a, const struct egret_thread *thread)
{
	struct function key = { .name = thread->process, .module = "", .is_process = true };

	return find_function(a, &key);
}

/* ---- the tree ----------------------------------------------------------------------------- */

static uint32_t node_add(struct aggregate *a, uint32_t parent, uint32_t function)
{
	if (array_grow((void **)&a->nodes, &a->nodes_room, a->n_nodes, sizeof(*a->nodes)))
		return AGGREGATE_NONE;
	a->nodes[a->n_nodes] = (struct call_node){
		.function = function,
		.parent = parent,
		.first_child = AGGREGATE_NONE,
		.next_sibling = AGGREGATE_NONE,
	};
	return (uint32_t)a->n_nodes++;
}

static uint32_t find_child(struct aggregate *a, uint32_t parent, uint32_t function)
{
	struct call_node key = { .parent = parent, .function = function };
	struct aggregate_table *table = &a->node_table;
	uint64_t hash = node_hash(&key);
	uint32_t number;

	if (table_grow(table))
		return AGGREGATE_NONE;
	for (size_t i = (uint32_t)hash & table->mask;; i = (i + 1) & table->mask) {
		number = table->slots[i].number;
		if (number == AGGREGATE_NONE)
			break;
		if (table->slots[i].hash == (uint32_t)hash && a->nodes[number].parent == parent &&
		    a->nodes[number].function == function)
			return number;
	}
	number = node_add(a, parent, function);
	if (number == AGGREGATE_NONE)
		return number;
	insert(table, hash, number);
	table->used++;
	a->nodes[number].next_sibling = a->nodes[parent].first_child;
	a->nodes[parent].first_child = number;
	return number;
}

/* One step from the root towards the leaf. */
static uint32_t descend(struct aggregate *a, uint32_t node, uint32_t function)
{
	return function == AGGREGATE_NONE ? AGGREGATE_NONE : find_child(a, node, function);
}

static int path_reach(struct aggregate *a, size_t n)
{
	struct aggregate_step *larger;

	if (n <= a->path_room)
		return 0;
	larger = realloc(a->path, 2 * n * sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	a->path = larger;
	a->path_room = 2 * n;
	return 0;
}

/*
 * The node of the leaf. Frames are kept by the profile, one of each, and stacks that come after one
 * another have most of their callers in common: from the root on, steps that lead by the frames of
 * the last stack are not looked for again.
 */
static uint32_t leaf_of(struct aggregate *a, const struct egret_stack *stack)
{
	size_t n = stack->n_frames, same = 0;
	uint32_t node;

	if (path_reach(a, n + 1))
		return AGGREGATE_NONE;
	if (a->n_path && a->path[0].of == stack->thread->process)
		for (same = 1; same < a->n_path && same <= n; same++)
			if (a->path[same].of != stack->frames[n - same])
				break;
	node = same ? a->path[same - 1].node : 0;
	a->n_path = same;
	if (!same) {
		node = descend(a, 0, function_of_process(a, stack->thread));
		a->path[a->n_path++] = (struct aggregate_step){ stack->thread->process, node };
	}
	for (size_t i = n - (a->n_path - 1); i-- && node != AGGREGATE_NONE;) {
		node = descend(a, node, function_of_frame(a, stack->frames[i]));
		a->path[a->n_path++] = (struct aggregate_step){ stack->frames[i], node };
	}
	if (node == AGGREGATE_NONE)
		a->n_path = 0;
	return node;
}

int aggregate_add(struct aggregate *a, const struct egret_stack *stack)
{
	/* A counter that was not scheduled may give samples without a period. */
	uint64_t value = stack->value ? stack->value : stack->samples;
	uint32_t node;

	if (!a->n_nodes && node_add(a, AGGREGATE_NONE, AGGREGATE_NONE) == AGGREGATE_NONE)
		return -ENOMEM;
	node = leaf_of(a, stack);
	if (node == AGGREGATE_NONE)
		return -ENOMEM;
	a->value += value;
	a->samples += stack->samples;
	a->nodes[node].self += value;
	a->nodes[node].samples += stack->samples;
	a->functions[a->nodes[node].function].self += value;
	a->functions[a->nodes[node].function].samples += stack->samples;
	return 0;
}

/* ---- totals --------------------------------------------------------------------------------- */

/* What is below a node in the tree is behind it in the array. */
static void sum_nodes(struct aggregate *a)
{
	for (size_t i = 0; i < a->n_nodes; i++)
		a->nodes[i].total = a->nodes[i].self;
	for (size_t i = a->n_nodes; i-- > 1;)
		a->nodes[a->nodes[i].parent].total += a->nodes[i].total;
}

/*
 * A function has the totals of its outermost nodes. `inside` counts, by function, how many of its
 * nodes the walk is in; trees come from outside and may be deep: it does not call itself.
 */
static int sum_functions(struct aggregate *a)
{
	uint32_t *inside = calloc(a->n_functions + 1, sizeof(*inside));
	uint32_t node = a->n_nodes ? a->nodes[0].first_child : AGGREGATE_NONE;

	if (!inside)
		return -ENOMEM;
	for (size_t i = 0; i < a->n_functions; i++)
		a->functions[i].total = 0;
	while (node != AGGREGATE_NONE && node) {
		const struct call_node *n = &a->nodes[node];

		if (!inside[n->function]++)
			a->functions[n->function].total += n->total;
		if (n->first_child != AGGREGATE_NONE) {
			node = n->first_child;
			continue;
		}
		for (; node; node = a->nodes[node].parent) {
			inside[a->nodes[node].function]--;
			if (a->nodes[node].next_sibling != AGGREGATE_NONE) {
				node = a->nodes[node].next_sibling;
				break;
			}
		}
	}
	free(inside);
	return 0;
}

struct build {
	struct aggregate *aggregate;
	uint32_t event;
};

static int add_filtered(const struct egret_stack *stack, void *arg)
{
	const struct build *build = arg;

	return stack->event == build->event ? aggregate_add(build->aggregate, stack) : 0;
}

int aggregate_build(struct aggregate *a, const struct egret_profile *profile, uint32_t event)
{
	struct build build = { a, event };
	int ret;

	*a = (struct aggregate){ 0 };
	ret = egret_profile__each_stack(profile, add_filtered, &build);
	return ret ? ret : aggregate_finish(a);
}

void aggregate_deinit(struct aggregate *a)
{
	free(a->functions);
	free(a->nodes);
	free(a->function_table.slots);
	free(a->node_table.slots);
	free(a->path);
	*a = (struct aggregate){ 0 };
}

/* ---- order -------------------------------------------------------------------------------- */

static int compare_nodes(const void *x, const void *y, void *arg)
{
	const struct aggregate *a = arg;
	const struct call_node *left = &a->nodes[*(const uint32_t *)x];
	const struct call_node *right = &a->nodes[*(const uint32_t *)y];
	int by_name;

	if (left->total != right->total)
		return left->total < right->total ? 1 : -1;
	by_name = strcmp(a->functions[left->function].name, a->functions[right->function].name);
	return by_name ? by_name : (left->function > right->function) * 2 - 1;
}

static size_t n_children(const struct aggregate *a, uint32_t node)
{
	size_t n = 0;

	for (uint32_t c = a->nodes[node].first_child; c != AGGREGATE_NONE;
	     c = a->nodes[c].next_sibling)
		n++;
	return n;
}

static void sort_children(struct aggregate *a, uint32_t node, uint32_t *scratch)
{
	uint32_t *link = &a->nodes[node].first_child;
	size_t n = 0;

	for (uint32_t c = *link; c != AGGREGATE_NONE; c = a->nodes[c].next_sibling)
		scratch[n++] = c;
	qsort_r(scratch, n, sizeof(*scratch), compare_nodes, a);
	for (size_t i = 0; i < n; i++) {
		*link = scratch[i];
		link = &a->nodes[scratch[i]].next_sibling;
	}
	*link = AGGREGATE_NONE;
}

static int sort_tree(struct aggregate *a)
{
	uint32_t *scratch = malloc((a->n_nodes + 1) * sizeof(*scratch));

	if (!scratch)
		return -ENOMEM;
	for (uint32_t node = 0; node < a->n_nodes; node++)
		if (n_children(a, node) > 1)
			sort_children(a, node, scratch);
	free(scratch);
	return 0;
}

int aggregate_finish(struct aggregate *a)
{
	int ret;

	sum_nodes(a);
	ret = sum_functions(a);
	return ret ? ret : sort_tree(a);
}

static int compare_functions(const void *x, const void *y, void *arg)
{
	const struct function *left = *(const struct function *const *)x;
	const struct function *right = *(const struct function *const *)y;
	bool by_self = *(const enum aggregate_order *)arg == ORDER_SELF;
	uint64_t first[] = { by_self ? left->self : left->total,
			     by_self ? right->self : right->total };
	uint64_t second[] = { by_self ? left->total : left->self,
			      by_self ? right->total : right->self };
	int by_name;

	if (first[0] != first[1])
		return first[0] < first[1] ? 1 : -1;
	if (second[0] != second[1])
		return second[0] < second[1] ? 1 : -1;
	by_name = strcmp(left->name, right->name);
	return by_name ? by_name : strcmp(left->module, right->module);
}

const struct function **aggregate_sorted(const struct aggregate *a, enum aggregate_order order,
					 size_t *n)
{
	const struct function **sorted = malloc((a->n_functions + 1) * sizeof(*sorted));

	*n = 0;
	if (!sorted)
		return NULL;
	for (size_t i = 0; i < a->n_functions; i++)
		if (!a->functions[i].is_process && a->functions[i].kind != EGRET_FRAME_CUT)
			sorted[(*n)++] = &a->functions[i];
	qsort_r(sorted, *n, sizeof(*sorted), compare_functions, &order);
	return sorted;
}
