/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* browse.c - the state of the browser, and moving about in it. */
#include "browse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* ---- views ---------------------------------------------------------------------------------- */

static const char *const view_names[NR_VIEWS] = {
	[VIEW_FUNCTIONS] = "functions", [VIEW_TREE] = "call tree",
	[VIEW_PROCESSES] = "processes", [VIEW_THREADS] = "threads",
	[VIEW_MODULES] = "modules",	[VIEW_LINES] = "source lines",
	[VIEW_CPUS] = "CPUs",		[VIEW_KEYS] = "rows of --sort",
};

static const char *const order_names[NR_BROWSE_ORDERS] = { "self", "total", "name" };

static const struct row_keys view_keys[NR_VIEWS] = {
	[VIEW_PROCESSES] = { { KEY_COMM, KEY_PID }, 2, false },
	[VIEW_THREADS] = { { KEY_COMM, KEY_PID, KEY_TID }, 3, false },
	[VIEW_MODULES] = { { KEY_DSO }, 1, false },
	[VIEW_LINES] = { { KEY_SRCLINE }, 1, false },
	[VIEW_CPUS] = { { KEY_CPU }, 1, false },
};

const char *browse_view_name(enum browse_view view)
{
	return view_names[view];
}

const char *browse_order_name(enum browse_order order)
{
	return order_names[order];
}

const struct egret_profile *browse_profile(const struct browse *b)
{
	return b->zoomed ? b->zoomed : b->whole;
}

bool browse_has_view(const struct browse *b, enum browse_view view)
{
	if (view == VIEW_CPUS)
		return egret_profile__keeps_samples(b->whole);
	return view != VIEW_KEYS || b->keys.n;
}

const struct row_keys *browse_keys(const struct browse *b)
{
	return b->view == VIEW_KEYS ? &b->keys : &view_keys[b->view];
}

/* ---- the lists ------------------------------------------------------------------------------ */

static int build_rows(struct browse *b)
{
	rows_deinit(&b->rows);
	b->has_rows = b->view != VIEW_FUNCTIONS && b->view != VIEW_TREE;
	return b->has_rows ? rows_build(&b->rows, browse_profile(b), b->event, browse_keys(b)) : 0;
}

/* The list anew, with the selection on the same item, where it is still there. */
static int list_again(struct browse *b, uint64_t id)
{
	int ret = browse_list_items(b);

	if (ret)
		b->n = 0;
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].id == id)
			b->at = i;
	if (b->at >= b->n)
		b->at = b->n ? b->n - 1 : 0;
	return ret;
}

static uint64_t selected_id(const struct browse *b)
{
	/* The first line stays the first: who has not moved wants to see what is on top. */
	return b->at && b->at < b->n ? b->items[b->at].id : 0;
}

int browse_refresh(struct browse *b)
{
	uint64_t id = selected_id(b);
	int ret;

	b->n = 0; /* items refer to what is made anew */
	calls_deinit(&b->calls);
	aggregate_deinit(&b->aggregate);
	ret = aggregate_build(&b->aggregate, browse_profile(b), b->event);
	if (!ret)
		ret = build_rows(b);
	return ret ? ret : list_again(b, id);
}

int browse_init(struct browse *b, const struct egret_profile *profile, uint32_t event,
		const struct row_keys *keys)
{
	*b = (struct browse){ .whole = profile, .event = event };
	if (keys && keys->by_total)
		b->order = BROWSE_BY_TOTAL;
	if (keys && !(keys->n == 2 && keys->key[0] == KEY_SYM && keys->key[1] == KEY_DSO)) {
		b->keys = *keys;
		b->view = VIEW_KEYS;
	}
	return browse_refresh(b);
}

int browse_replace(struct browse *b, const struct egret_profile *profile, uint32_t event)
{
	struct egret_error err;
	int ret;

	b->whole = profile;
	b->event = event;
	ret = browse_apply_zooms(b, &err);
	return ret ? ret : browse_refresh(b);
}

void browse_deinit(struct browse *b)
{
	browse_zooms_deinit(b);
	calls_deinit(&b->calls);
	aggregate_deinit(&b->aggregate);
	rows_deinit(&b->rows);
	free(b->toggled);
	free(b->items);
	free(b->search);
	*b = (struct browse){ 0 };
}

int browse_set_view(struct browse *b, enum browse_view view)
{
	int ret;

	b->view = view;
	b->at = b->n = 0;
	ret = build_rows(b);
	return ret ? ret : list_again(b, 0);
}

int browse_set_order(struct browse *b, enum browse_order order)
{
	b->order = order;
	return list_again(b, selected_id(b));
}

/* ---- the selection -------------------------------------------------------------------------- */

const struct browse_item *browse_selected(const struct browse *b)
{
	return b->at < b->n ? &b->items[b->at] : NULL;
}

void browse_move(struct browse *b, long by)
{
	if (by < 0)
		b->at = (size_t)-by > b->at ? 0 : b->at - (size_t)-by;
	else if (b->n)
		b->at = (size_t)by >= b->n - b->at ? b->n - 1 : b->at + (size_t)by;
}

static int toggle(struct browse *b, uint64_t id)
{
	uint64_t *larger;

	for (size_t i = 0; i < b->n_toggled; i++) {
		if (b->toggled[i] != id)
			continue;
		b->toggled[i] = b->toggled[--b->n_toggled];
		return 0;
	}
	larger = realloc(b->toggled, (b->n_toggled + 1) * sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	b->toggled = larger;
	b->toggled[b->n_toggled++] = id;
	return 0;
}

int browse_toggle(struct browse *b, bool expand)
{
	const struct browse_item *item = browse_selected(b);
	int ret;

	if (!item || !item->has_more || item->expanded == expand)
		return 0;
	ret = toggle(b, item->id);
	return ret ? ret : list_again(b, item->id);
}

bool browse_to_parent(struct browse *b)
{
	const struct browse_item *item = browse_selected(b);

	if (!item || item->parent == BROWSE_NONE)
		return false;
	b->at = item->parent;
	return true;
}

/* ---- names ---------------------------------------------------------------------------------- */

const struct function *browse_function(const struct browse *b, const struct browse_item *item)
{
	switch (item->kind) {
	case ITEM_FUNCTION:
	case ITEM_CALLER:
	case ITEM_CALLEE:
		return &b->aggregate.functions[item->number];
	case ITEM_NODE:
		return &b->aggregate.functions[b->aggregate.nodes[item->number].function];
	default:
		return NULL;
	}
}

const char *browse_name(const struct browse *b, const struct browse_item *item)
{
	const struct function *f = browse_function(b, item);

	if (f)
		return f->name;
	if (item->kind == ITEM_ROW)
		return row_text(&b->rows.rows[item->number], 0);
	return item->kind == ITEM_CALLERS ? "callers" : "callees";
}

const char *browse_module(const struct browse *b, const struct browse_item *item)
{
	const struct function *f = browse_function(b, item);

	return f ? f->module : "";
}

/* ---- search --------------------------------------------------------------------------------- */

int browse_set_search(struct browse *b, const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		return -ENOMEM;
	free(b->search);
	b->search = copy;
	return 0;
}

static bool matches(const struct browse *b, const struct browse_item *item)
{
	if (item->kind == ITEM_ROW) {
		const struct row *row = &b->rows.rows[item->number];

		for (size_t i = 0; i < browse_keys(b)->n; i++)
			if (strcasestr(row_text(row, i), b->search))
				return true;
		return false;
	}
	return strcasestr(browse_name(b, item), b->search);
}

bool browse_find(struct browse *b, bool again, bool backwards)
{
	if (!b->search || !*b->search)
		return false;
	for (size_t step = again; step < b->n + again; step++) {
		size_t i = (backwards ? b->at + b->n - step % b->n : b->at + step) % b->n;

		if (matches(b, &b->items[i])) {
			b->at = i;
			return true;
		}
	}
	return false;
}
