/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* browse_items.c - the list of items of a view. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "browse.h"

/* Stacks come from outside and may be deep: below this nothing is expanded. */
#define DEPTH_MAX 1000

/* An item is what it is (kind and names) under what it is under; names, since numbers change with
 * the profile. FNV-1a: https://datatracker.ietf.org/doc/draft-eastlake-fnv/ */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	while (*text++);
	return hash;
}

static uint64_t id_of(const struct browse *b, uint64_t parent, enum browse_kind kind,
		      uint32_t function)
{
	uint64_t hash = (0xcbf29ce484222325ull ^ parent ^ (uint64_t)kind) * 0x100000001b3ull;
	const struct function *f = &b->aggregate.functions[function];

	return hash_text(hash_text(hash, f->name), f->module);
}

static uint64_t id_of_row(const struct browse *b, const struct row *row)
{
	return row->hash ^ (uint64_t)b->view << 56;
}

static bool is_toggled(const struct browse *b, uint64_t id)
{
	for (size_t i = 0; i < b->n_toggled; i++)
		if (b->toggled[i] == id)
			return true;
	return false;
}

static int add(struct browse *b, const struct browse_item *item)
{
	if (b->n == b->capacity) {
		size_t more = b->capacity ? b->capacity * 2 : 256;
		struct browse_item *larger = realloc(b->items, more * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		b->items = larger;
		b->capacity = more;
	}
	b->items[b->n++] = *item;
	return 0;
}

/* Where an item stands: what it is under, how far it is in, and how deep. */
struct place {
	uint32_t parent;
	uint64_t id; /* of the parent */
	uint32_t level, depth;
};

static struct place below(const struct browse *b, const struct place *place, bool indent)
{
	return (struct place){ (uint32_t)b->n - 1, b->items[b->n - 1].id, place->level + indent,
			       place->depth + 1 };
}

/* ---- callers and callees -------------------------------------------------------------------- */

static bool any_callee(const struct browse *b, const struct call_weight *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (b->aggregate.nodes[items[i].node].first_child != AGGREGATE_NONE)
			return true;
	return false;
}

static void sum_self(const struct browse *b, const struct call_weight *items, size_t n,
		     struct browse_item *item)
{
	item->has_self = true;
	for (size_t i = 0; i < n; i++) {
		item->self += b->aggregate.nodes[items[i].node].self;
		item->samples += b->aggregate.nodes[items[i].node].samples;
	}
}

static int add_groups(struct browse *b, const struct call_set *set, enum browse_kind kind,
		      const struct place *place);

static int add_group(struct browse *b, const struct call_weight *items, size_t n, uint64_t weight,
		     enum browse_kind kind, bool alone, const struct place *place)
{
	struct browse_item item = {
		.id = id_of(b, place->id, kind, items->function),
		.kind = kind,
		.number = items->function,
		.parent = place->parent,
		.level = place->level,
		.total = weight,
	};
	struct call_set next = { 0 };
	struct place inner;
	int ret;

	if (kind == ITEM_CALLEE)
		sum_self(b, items, n, &item);
	item.has_more = place->depth < DEPTH_MAX &&
			(kind == ITEM_CALLEE ? any_callee(b, items, n)
					     : !b->aggregate.functions[items->function].is_process);
	item.expanded = item.has_more && alone != is_toggled(b, item.id);
	ret = add(b, &item);
	if (ret || !item.expanded)
		return ret;
	inner = below(b, place, false);
	ret = kind == ITEM_CALLEE ? calls_to_callees(&b->calls, items, n, &next)
				  : calls_to_callers(&b->calls, items, n, &next);
	if (!ret)
		ret = add_groups(b, &next, kind, &inner);
	call_set_deinit(&next);
	return ret;
}

static int add_groups(struct browse *b, const struct call_set *set, enum browse_kind kind,
		      const struct place *place)
{
	struct place inner = *place;
	uint64_t weight;
	size_t end = call_set_group(set, 0, &weight);
	bool alone = end == set->n;
	int ret = 0;

	inner.level += !alone; /* one alone goes on without indent */
	for (size_t from = 0; !ret && from < set->n; from = end) {
		end = call_set_group(set, from, &weight);
		ret = add_group(b, set->items + from, end - from, weight, kind, alone, &inner);
	}
	return ret;
}

/* "callers" or "callees", and these. */
static int add_heading(struct browse *b, const struct call_set *of, enum browse_kind kind,
		       const struct place *place)
{
	bool callers = kind == ITEM_CALLERS;
	struct call_set set = { 0 };
	struct browse_item item = {
		.kind = kind,
		.number = of->items->function,
		.parent = place->parent,
		.level = place->level,
	};
	struct place inner;
	int ret;

	item.id = id_of(b, place->id, kind, item.number);
	ret = callers ? calls_to_callers(&b->calls, of->items, of->n, &set)
		      : calls_to_callees(&b->calls, of->items, of->n, &set);
	for (size_t i = 0; i < set.n; i++)
		item.total += set.items[i].weight;
	item.has_more = set.n > 0;
	item.expanded = item.has_more && !is_toggled(b, item.id);
	if (!ret && set.n)
		ret = add(b, &item);
	if (!ret && item.expanded) {
		inner = below(b, place, true);
		ret = add_groups(b, &set, callers ? ITEM_CALLER : ITEM_CALLEE, &inner);
	}
	call_set_deinit(&set);
	return ret;
}

static int add_function(struct browse *b, const struct function *f)
{
	struct place root = { BROWSE_NONE, 0, 0, 0 }, inner;
	uint32_t number = (uint32_t)(f - b->aggregate.functions);
	struct browse_item item = {
		.id = id_of(b, 0, ITEM_FUNCTION, number),
		.kind = ITEM_FUNCTION,
		.number = number,
		.parent = BROWSE_NONE,
		.has_more = true,
		.has_self = true,
		.self = f->self,
		.total = f->total,
		.samples = f->samples,
	};
	struct call_set set = { 0 };
	int ret;

	item.expanded = is_toggled(b, item.id);
	ret = add(b, &item);
	if (ret || !item.expanded)
		return ret;
	inner = below(b, &root, true);
	if (!b->calls.first)
		ret = calls_build(&b->calls, &b->aggregate);
	if (!ret)
		ret = calls_of(&b->calls, number, &set);
	if (!ret && set.n)
		ret = add_heading(b, &set, ITEM_CALLERS, &inner);
	if (!ret && set.n)
		ret = add_heading(b, &set, ITEM_CALLEES, &inner);
	call_set_deinit(&set);
	return ret;
}

static int compare_names(const void *x, const void *y)
{
	const struct function *a = *(const struct function *const *)x;
	const struct function *b = *(const struct function *const *)y;
	int by_name = strcmp(a->name, b->name);

	return by_name ? by_name : strcmp(a->module, b->module);
}

static int list_functions(struct browse *b)
{
	size_t n;
	const struct function **functions = aggregate_sorted(
		&b->aggregate, b->order == BROWSE_BY_TOTAL ? ORDER_TOTAL : ORDER_SELF, &n);
	int ret = functions ? 0 : -ENOMEM;

	if (functions && b->order == BROWSE_BY_NAME)
		qsort(functions, n, sizeof(*functions), compare_names);
	for (size_t i = 0; !ret && i < n; i++)
		ret = add_function(b, functions[i]);
	free(functions);
	return ret;
}

/* ---- the call tree -------------------------------------------------------------------------- */

static int add_children(struct browse *b, uint32_t node, const struct place *place)
{
	const struct call_node *nodes = b->aggregate.nodes;
	uint32_t child = nodes[node].first_child;
	bool alone = child != AGGREGATE_NONE && nodes[child].next_sibling == AGGREGATE_NONE;
	int ret = 0;

	for (; !ret && child != AGGREGATE_NONE; child = nodes[child].next_sibling) {
		struct browse_item item = {
			.id = id_of(b, place->id, ITEM_NODE, nodes[child].function),
			.kind = ITEM_NODE,
			.number = child,
			.parent = place->parent,
			.level = place->level + (node && !alone),
			.has_more = nodes[child].first_child != AGGREGATE_NONE &&
				    place->depth < DEPTH_MAX,
			.has_self = true,
			.self = nodes[child].self,
			.total = nodes[child].total,
			.samples = nodes[child].samples,
		};
		struct place inner = *place;

		item.expanded = item.has_more && alone != is_toggled(b, item.id);
		ret = add(b, &item);
		if (ret || !item.expanded)
			continue;
		inner.level = item.level;
		inner = below(b, &inner, false);
		ret = add_children(b, child, &inner);
	}
	return ret;
}

static int list_tree(struct browse *b)
{
	const struct place root = { BROWSE_NONE, 0, 0, 0 };

	return b->aggregate.n_nodes ? add_children(b, 0, &root) : 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int compare_row_names(const void *x, const void *y, void *arg)
{
	const struct browse *b = arg;
	const struct row *left = &b->rows.rows[((const struct browse_item *)x)->number];
	const struct row *right = &b->rows.rows[((const struct browse_item *)y)->number];

	return strcmp(left->texts, right->texts);
}

static int compare_totals(const void *x, const void *y)
{
	const struct browse_item *a = x, *b = y;

	if (a->total != b->total)
		return a->total < b->total ? 1 : -1;
	return a->number < b->number ? -1 : 1;
}

static int list_rows(struct browse *b)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < b->rows.n; i++) {
		const struct row *row = &b->rows.rows[i];
		struct browse_item item = {
			.id = id_of_row(b, row),
			.kind = ITEM_ROW,
			.number = (uint32_t)i,
			.parent = BROWSE_NONE,
			.has_self = true,
			.self = row->self,
			.total = row->total,
			.samples = row->samples,
		};

		ret = add(b, &item);
	}
	if (b->order == BROWSE_BY_NAME)
		qsort_r(b->items, b->n, sizeof(*b->items), compare_row_names, b);
	else if (b->order == BROWSE_BY_TOTAL)
		qsort(b->items, b->n, sizeof(*b->items), compare_totals);
	return ret;
}

int browse_list_items(struct browse *b)
{
	b->n = 0;
	if (b->view == VIEW_FUNCTIONS)
		return list_functions(b);
	return b->view == VIEW_TREE ? list_tree(b) : list_rows(b);
}
