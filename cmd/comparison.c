/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* comparison.c - two profiles, function by function or stack by stack. */
#include "comparison.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* With a success and a failure more than were seen. */
static double adjusted(double share, uint64_t samples)
{
	return (share * (double)samples + 1) / ((double)samples + 2);
}

static double variance(double share, uint64_t samples)
{
	double p = adjusted(share, samples);

	return p * (1 - p) / ((double)samples + 2);
}

void comparison_judge(struct difference *row, uint64_t n, uint64_t m)
{
	double deviation = sqrt(variance(row->before, n) + variance(row->after, m));

	row->delta = row->after - row->before;
	row->noise = 1.959964 * deviation;
	row->confidence =
		erf(fabs(adjusted(row->after, m) - adjusted(row->before, n)) / deviation / M_SQRT2);
}

/* ---- what is compared ----------------------------------------------------------------------- */

static struct difference *add_row(struct comparison *c)
{
	size_t larger = c->capacity * 2 + 256;
	struct difference *rows;

	if (c->n == c->capacity) {
		rows = realloc(c->rows, larger * sizeof(*rows));
		if (!rows)
			return NULL;
		c->rows = rows;
		c->capacity = larger;
	}
	c->rows[c->n] = (struct difference){ .module = "" };
	return &c->rows[c->n++];
}

static void set_side(struct difference *row, bool is_after, uint64_t value, uint64_t samples,
		     const struct aggregate *a)
{
	double share = a->value ? (double)value / (double)a->value : 0;

	*(is_after ? &row->after : &row->before) = share;
	row->samples[is_after] = samples;
}

static int add_functions(struct comparison *c, const struct aggregate *a, bool is_after, bool total)
{
	for (size_t i = 0; i < a->n_functions; i++) {
		const struct function *f = &a->functions[i];
		struct difference *row;

		if (f->is_process || f->kind == EGRET_FRAME_CUT || !(total ? f->total : f->self))
			continue;
		row = add_row(c);
		if (!row || !(row->name = strdup(f->name)))
			return -ENOMEM;
		row->module = text_file_name(f->module);
		set_side(row, is_after, total ? f->total : f->self, f->samples, a);
	}
	return 0;
}

/* "process;root;...;leaf" of a node. NULL without memory. */
static char *path_of(const struct aggregate *a, uint32_t node)
{
	size_t len = 0;
	char *path;

	for (uint32_t n = node; n; n = a->nodes[n].parent)
		len += strlen(a->functions[a->nodes[n].function].name) + 1;
	path = malloc(len + 1);
	if (!path)
		return NULL;
	path[len ? len - 1 : 0] = 0;
	for (uint32_t n = node; n; n = a->nodes[n].parent) {
		const char *name = a->functions[a->nodes[n].function].name;
		size_t name_len = strlen(name);

		len -= name_len + 1;
		memcpy(path + len, name, name_len);
		if (len)
			path[len - 1] = ';';
	}
	return path;
}

static int add_stacks(struct comparison *c, const struct aggregate *a, bool is_after)
{
	for (uint32_t node = 1; node < a->n_nodes; node++) {
		struct difference *row;

		if (!a->nodes[node].self)
			continue;
		row = add_row(c);
		if (!row || !(row->name = path_of(a, node)))
			return -ENOMEM;
		set_side(row, is_after, a->nodes[node].self, a->nodes[node].samples, a);
	}
	return 0;
}

/* ---- what belongs together ------------------------------------------------------------------ */

static int compare_names(const void *x, const void *y)
{
	const struct difference *a = x, *b = y;
	int by_name = strcmp(a->name, b->name);

	return by_name ? by_name : strcmp(a->module, b->module);
}

/* Rows of one name are one: those of both sides, and of modules in several places. */
static void join(struct comparison *c)
{
	size_t kept = 0;

	qsort(c->rows, c->n, sizeof(*c->rows), compare_names);
	for (size_t i = 0; i < c->n; i++) {
		struct difference *row = &c->rows[i], *last = kept ? &c->rows[kept - 1] : NULL;

		if (!last || compare_names(last, row)) {
			c->rows[kept++] = *row;
			continue;
		}
		last->before += row->before;
		last->after += row->after;
		last->samples[0] += row->samples[0];
		last->samples[1] += row->samples[1];
		free(row->name);
	}
	c->n = kept;
}

static int compare_deltas(const void *x, const void *y)
{
	const struct difference *a = x, *b = y;
	double left = fabs(a->delta), right = fabs(b->delta);

	if (left != right)
		return left < right ? 1 : -1;
	return compare_names(x, y);
}

int comparison_build(struct comparison *c, const struct aggregate *before,
		     const struct aggregate *after, enum comparison_by by)
{
	int ret;

	*c = (struct comparison){ 0 };
	ret = by == BY_STACK ? add_stacks(c, before, false)
			     : add_functions(c, before, false, by == BY_TOTAL);
	if (!ret)
		ret = by == BY_STACK ? add_stacks(c, after, true)
				     : add_functions(c, after, true, by == BY_TOTAL);
	if (ret)
		return ret;
	join(c);
	for (size_t i = 0; i < c->n; i++)
		comparison_judge(&c->rows[i], before->samples, after->samples);
	qsort(c->rows, c->n, sizeof(*c->rows), compare_deltas);
	return 0;
}

void comparison_deinit(struct comparison *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->rows[i].name);
	free(c->rows);
	*c = (struct comparison){ 0 };
}
