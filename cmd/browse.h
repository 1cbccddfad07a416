/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * browse.h - a profile to walk about in: what the terminal browser shows, without a terminal.
 *
 * A view is a list of items. Those of functions, and of the call tree, may be expanded: under a
 * function come its callers and its callees, under a node what it called, and so on. Which items
 * are expanded is kept by what they are, not by where they stand, so that it outlives a new profile
 * (egret top). An only child is expanded by itself.
 *
 * Zooms keep some of the profile (one process, one module, the stacks with a function); each
 * applies to what the one before it left.
 */
#ifndef EGRET_CMD_BROWSE_H
#define EGRET_CMD_BROWSE_H

#include "aggregate.h"
#include "calls.h"
#include "rows.h"

#define BROWSE_NONE UINT32_MAX

enum browse_view {
	VIEW_FUNCTIONS,
	VIEW_TREE,
	VIEW_PROCESSES,
	VIEW_THREADS,
	VIEW_MODULES,
	VIEW_LINES,
	VIEW_CPUS, /* where samples are kept one by one */
	VIEW_KEYS, /* as report --sort asks for; where it does */
	NR_VIEWS,
};

enum browse_order { BROWSE_BY_SELF, BROWSE_BY_TOTAL, BROWSE_BY_NAME, NR_BROWSE_ORDERS };

enum browse_kind {
	ITEM_FUNCTION,
	ITEM_CALLERS, /* heading of the callers of a function */
	ITEM_CALLEES,
	ITEM_CALLER,
	ITEM_CALLEE,
	ITEM_NODE, /* of the call tree */
	ITEM_ROW,  /* of the other views */
};

struct browse_item {
	uint64_t id; /* of what it is and what it is under */
	enum browse_kind kind;
	uint32_t number; /* function, node or row */
	uint32_t parent; /* item, or BROWSE_NONE */
	uint32_t level;	 /* how far the name is indented */
	bool has_more;	 /* may be expanded */
	bool expanded;
	bool has_self; /* self and samples mean something */
	uint64_t self, total, samples;
};

enum browse_zoom_kind {
	ZOOM_PID,
	ZOOM_TID,
	ZOOM_CPU,
	ZOOM_COMM,
	ZOOM_MODULE,
	ZOOM_FOCUS,
	ZOOM_IGNORE
};

struct browse_zoom {
	enum browse_zoom_kind kind;
	uint32_t number; /* pid, tid, CPU */
	char *pattern;	 /* of the others, as the filter takes it */
	char *text;	 /* as people read it */
};

struct browse {
	const struct egret_profile *whole;
	struct egret_profile *zoomed; /* NULL: the whole is shown */
	uint32_t event;
	struct browse_zoom *zooms;
	size_t n_zooms;

	enum browse_view view;
	enum browse_order order;
	struct row_keys keys; /* of VIEW_KEYS; n 0: there is no such view */

	struct aggregate aggregate;
	struct calls calls;
	struct rows rows; /* of the view, where it is one of rows */
	bool has_rows;

	uint64_t *toggled; /* ids of the items that are not as they are by themselves */
	size_t n_toggled;

	struct browse_item *items;
	size_t n, capacity;
	size_t at; /* the item that is selected */
	char *search;
};

/*
 * profile: the caller's, and must live until browse_deinit or browse_replace. keys: of report
 * --sort; NULL or sym,dso: none. 0 or -ENOMEM; browse_deinit in either case.
 */
int browse_init(struct browse *b, const struct egret_profile *profile, uint32_t event,
		const struct row_keys *keys);
void browse_deinit(struct browse *b);

/* Shows another profile in the same way: zooms, what is expanded, and what is selected. */
int browse_replace(struct browse *b, const struct egret_profile *profile, uint32_t event);

/* The profile that is shown. */
const struct egret_profile *browse_profile(const struct browse *b);

bool browse_has_view(const struct browse *b, enum browse_view view);
int browse_set_view(struct browse *b, enum browse_view view);
int browse_set_order(struct browse *b, enum browse_order order);

/* The keys of the rows of the view. */
const struct row_keys *browse_keys(const struct browse *b);

/* The name of a view or an order. */
const char *browse_view_name(enum browse_view view);
const char *browse_order_name(enum browse_order order);

/* The selected item, or NULL where there is none. */
const struct browse_item *browse_selected(const struct browse *b);
void browse_move(struct browse *b, long by);
/* Expands or collapses the selected item. */
int browse_toggle(struct browse *b, bool expand);
/* To the item that the selected one is under; false: there is none. */
bool browse_to_parent(struct browse *b);

/* What an item is called, and the module of its function, "" where it has none. */
const char *browse_name(const struct browse *b, const struct browse_item *item);
const char *browse_module(const struct browse *b, const struct browse_item *item);
/* The function of an item; NULL: it has none. */
const struct function *browse_function(const struct browse *b, const struct browse_item *item);

/*
 * Looks for a text, upper and lower case alike, in the names: from the selected item on (the next
 * one, where again), or backwards, and around. Returns whether it is found; then it is selected.
 */
int browse_set_search(struct browse *b, const char *text);
bool browse_find(struct browse *b, bool again, bool backwards);

/*
 * Zooms into a process, a thread, a module, the stacks with a function: what the selected item is.
 * -ENOENT: it is nothing to zoom into.
 */
int browse_zoom_selected(struct browse *b, struct egret_error *err);
int browse_zoom_module(struct browse *b, struct egret_error *err);
/* An expression: only stacks in which a function matches, or (ignore) those without. */
int browse_zoom_regex(struct browse *b, const char *regex, bool ignore, struct egret_error *err);
/* Takes the last zoom back. -ENOENT: there is none. */
int browse_zoom_out(struct browse *b, struct egret_error *err);

/* Parts of the model: the items, from the state. */
int browse_list_items(struct browse *b);
/* Parts of the model: the profile that the zooms leave of the whole. */
int browse_apply_zooms(struct browse *b, struct egret_error *err);
void browse_zooms_deinit(struct browse *b);
/* Parts of the model: makes everything anew that depends on the profile. */
int browse_refresh(struct browse *b);

#endif
