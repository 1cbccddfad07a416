/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* call_tree.c - a call tree as text. */
#include "call_tree.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

#define SHARE_COLUMNS 20 /* " 100.0 %   100.0 %  " */
#define LEAST_NAME_COLUMNS 30

/* How lines are drawn; each part is two columns wide. */
struct pen {
	const char *branch, *last, *bar, *blank;
};
static const struct pen unicode_pen = { "├ ", "└ ", "│ ", "  " };
static const struct pen ascii_pen = { "|-", "`-", "| ", "  " };

struct printer {
	const struct aggregate *a;
	const struct pen *pen;
	uint64_t least; /* nodes of a smaller total are left out */
	int width;
	FILE *out;
	/* One per division that the current line is below: whether more of its branches follow. */
	bool *more;
	size_t depth, room;
	bool failed;
};

static uint32_t first_shown(const struct printer *p, uint32_t node)
{
	uint32_t child = p->a->nodes[node].first_child;

	/* Siblings are in order of total: where the first is too small, all are. */
	return child != AGGREGATE_NONE && p->a->nodes[child].total >= p->least ? child
									       : AGGREGATE_NONE;
}

static uint32_t next_shown(const struct printer *p, uint32_t node)
{
	uint32_t next = p->a->nodes[node].next_sibling;

	return next != AGGREGATE_NONE && p->a->nodes[next].total >= p->least ? next
									     : AGGREGATE_NONE;
}

/* Whether calls divide below the node: several callees are shown. One alone goes on without indent.
 */
static bool divides(const struct printer *p, uint32_t node)
{
	uint32_t child = first_shown(p, node);

	return child != AGGREGATE_NONE && next_shown(p, child) != AGGREGATE_NONE;
}

static void push(struct printer *p, bool more)
{
	if (p->depth == p->room) {
		size_t room = p->room ? p->room * 2 : 64;
		bool *bigger = realloc(p->more, room * sizeof(*bigger));

		if (!bigger) {
			p->failed = true;
			return;
		}
		p->more = bigger;
		p->room = room;
	}
	p->more[p->depth++] = more;
}

/* The lines to the left of a name. is_branch: the name begins a branch of the last division. */
static int print_lines(const struct printer *p, bool is_branch)
{
	size_t n = p->depth;
	size_t most = n;

	if (p->width != INT_MAX) {
		int room = (p->width - SHARE_COLUMNS - LEAST_NAME_COLUMNS) / 2;

		most = room > 0 ? (size_t)room : 0;
	}
	for (size_t i = n > most ? n - most : 0; i < n; i++) {
		if (is_branch && i + 1 == n)
			fputs(p->more[i] ? p->pen->branch : p->pen->last, p->out);
		else
			fputs(p->more[i] ? p->pen->bar : p->pen->blank, p->out);
	}
	return 2 * (int)(n < most ? n : most);
}

static const char *mark(const struct function *function)
{
	bool is_recovered = function->is_recovered;

	switch (function->kind) {
	case EGRET_FRAME_KERNEL:
		return " [k]";
	case EGRET_FRAME_JIT:
		return is_recovered ? " [j] [r]" : " [j]";
	default:
		return is_recovered ? " [r]" : "";
	}
}

static void print_node(const struct printer *p, uint32_t number, bool is_branch)
{
	const struct call_node *node = &p->a->nodes[number];
	const struct function *function = &p->a->functions[node->function];
	int room = p->width;

	fprintf(p->out, "%8s  %8s  ", text_share(node->total, p->a->value).text,
		text_share(node->self, p->a->value).text);
	if (room != INT_MAX)
		room -= SHARE_COLUMNS + print_lines(p, is_branch) + (int)strlen(mark(function));
	else
		print_lines(p, is_branch);
	text_print(p->out, function->name, room);
	fprintf(p->out, "%s\n", mark(function));
}

/*
 * The node that follows in the order of printing, and what division it is a branch of. Recordings
 * come from outside and may be deep: this walks along parents instead of calling itself.
 */
static uint32_t next_node(struct printer *p, uint32_t node, bool *is_branch)
{
	uint32_t child = first_shown(p, node);

	*is_branch = false;
	if (child != AGGREGATE_NONE) {
		if (divides(p, node)) {
			push(p, true);
			*is_branch = true;
		}
		return child;
	}
	while (node) {
		uint32_t parent = p->a->nodes[node].parent;
		uint32_t sibling = next_shown(p, node);

		if (sibling != AGGREGATE_NONE) {
			p->more[p->depth - 1] = next_shown(p, sibling) != AGGREGATE_NONE;
			*is_branch = true;
			return sibling;
		}
		if (divides(p, parent))
			p->depth--;
		node = parent;
	}
	return AGGREGATE_NONE;
}

void call_tree_print(const struct aggregate *a, double percent_limit, int width, FILE *out)
{
	struct printer p = {
		.a = a,
		.pen = text_is_utf8() ? &unicode_pen : &ascii_pen,
		.least = (uint64_t)((double)a->value * percent_limit / 100),
		.width = width,
		.out = out,
	};
	bool is_branch;

	fprintf(out, "%8s  %8s  Call tree (at least %.1f %%)\n", "Total", "Self", percent_limit);
	if (a->n_nodes) {
		for (uint32_t node = next_node(&p, 0, &is_branch);
		     node != AGGREGATE_NONE && !p.failed; node = next_node(&p, node, &is_branch))
			print_node(&p, node, is_branch);
	}
	if (p.failed)
		fprintf(out, "(the rest of the tree does not fit into memory)\n");
	free(p.more);
}
