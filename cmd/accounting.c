/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* accounting.c - where every interrupt went. */
#include "accounting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define MAX_TERMS 4

/* The sum of the terms is the total. A term that ends in '*' stands for all names that begin so. */
struct equation {
	const char *terms[MAX_TERMS + 1];
	const char *total;
};

static const struct equation equations[] = {
	{ { "interrupts", "witness.late", "witness.idle", "witness.never-ran" },
	  "witness.expected" },
	{ { "filtered.*", "samples.written", "samples.dropped.*" }, "interrupts" },
	{ { "capture.*" }, "samples.written" },
	{ { "unwind.*" }, "samples.written" },
};
#define N_EQUATIONS (sizeof(equations) / sizeof(*equations))

int accounting_add(const struct egret_stat *stat, void *arg)
{
	struct accounting *accounting = arg;
	struct egret_stat *items, *item;

	items = realloc(accounting->items, (accounting->n + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	accounting->items = items;
	item = &items[accounting->n];
	item->name = strdup(stat->name);
	item->text = strdup(stat->text ? stat->text : "");
	item->value = stat->value;
	accounting->n++;
	return item->name && item->text ? 0 : -ENOMEM;
}

void accounting_deinit(struct accounting *accounting)
{
	for (size_t i = 0; i < accounting->n; i++) {
		free((char *)accounting->items[i].name);
		free((char *)accounting->items[i].text);
	}
	free(accounting->items);
	*accounting = (struct accounting){ 0 };
}

static bool matches(const char *name, const char *pattern)
{
	size_t len = strcspn(pattern, "*");

	return pattern[len] ? !strncmp(name, pattern, len) : !strcmp(name, pattern);
}

static bool is_known(const struct accounting *accounting, const char *name)
{
	for (size_t i = 0; i < accounting->n; i++)
		if (matches(accounting->items[i].name, name))
			return true;
	return false;
}

uint64_t accounting_value(const struct accounting *accounting, const char *name)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < accounting->n; i++)
		if (matches(accounting->items[i].name, name))
			sum += accounting->items[i].value;
	return sum;
}

static bool applies(const struct accounting *accounting, const struct equation *equation)
{
	return is_known(accounting, equation->total) && is_known(accounting, equation->terms[0]);
}

/* The sum of the terms less the total, modulo 2^64. */
static uint64_t excess(const struct accounting *accounting, const struct equation *equation)
{
	uint64_t sum = 0;

	for (const char *const *term = equation->terms; *term; term++)
		sum += accounting_value(accounting, *term);
	return sum - accounting_value(accounting, equation->total);
}

unsigned int accounting_differences(const struct accounting *accounting)
{
	unsigned int n = 0;

	for (size_t i = 0; i < N_EQUATIONS; i++)
		if (applies(accounting, &equations[i]) && excess(accounting, &equations[i]))
			n++;
	return n;
}

static size_t prefix_len(const char *name)
{
	return strcspn(name, ".");
}

static bool same_prefix(const char *a, const char *b)
{
	return prefix_len(a) == prefix_len(b) && !strncmp(a, b, prefix_len(a));
}

static void print_item(const struct egret_stat *item, int name_width, int value_width, FILE *out)
{
	int len = text_print(out, item->name, INT_MAX);

	fprintf(out, "%*s  %*" PRIu64 "  ", name_width > len ? name_width - len : 0, "",
		value_width, item->value);
	text_print(out, item->text, INT_MAX);
	fputc('\n', out);
}

static bool is_first_of_prefix(const struct accounting *accounting, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (same_prefix(accounting->items[i].name, accounting->items[index].name))
			return false;
	return true;
}

static void print_items(const struct accounting *accounting, FILE *out)
{
	int name_width = 0, value_width = 0;

	for (size_t i = 0; i < accounting->n; i++) {
		int name = (int)strlen(accounting->items[i].name);
		int value = snprintf(NULL, 0, "%" PRIu64, accounting->items[i].value);

		name_width = name > name_width ? name : name_width;
		value_width = value > value_width ? value : value_width;
	}
	for (size_t i = 0; i < accounting->n; i++) {
		if (!is_first_of_prefix(accounting, i))
			continue;
		for (size_t j = i; j < accounting->n; j++)
			if (same_prefix(accounting->items[i].name, accounting->items[j].name))
				print_item(&accounting->items[j], name_width, value_width, out);
		fputc('\n', out);
	}
}

static void print_equation(const struct accounting *accounting, const struct equation *equation,
			   FILE *out)
{
	uint64_t difference = excess(accounting, equation);

	for (const char *const *term = equation->terms; *term; term++)
		fprintf(out, "%s%s %" PRIu64, term == equation->terms ? "" : " + ", *term,
			accounting_value(accounting, *term));
	fprintf(out, " = %s %" PRIu64 "   ", equation->total,
		accounting_value(accounting, equation->total));
	if (!difference)
		fprintf(out, "ok\n");
	else if (difference >> 63)
		fprintf(out, "DIFFERS by -%" PRIu64 "\n", -difference);
	else
		fprintf(out, "DIFFERS by %" PRIu64 "\n", difference);
}

void accounting_print(const struct accounting *accounting, FILE *out)
{
	if (!accounting->n) {
		fprintf(out, "no accounting\n");
		return;
	}
	print_items(accounting, out);
	for (size_t i = 0; i < N_EQUATIONS; i++)
		if (applies(accounting, &equations[i]))
			print_equation(accounting, &equations[i], out);
}

struct accounting_summary accounting_summary(const struct accounting *accounting)
{
	struct accounting_summary summary = {
		.samples = accounting_value(accounting, "samples.written"),
		.complete = accounting_value(accounting, "unwind.root"),
		.lost = accounting_value(accounting, "samples.dropped.*") +
			accounting_value(accounting, "witness.never-ran"),
	};

	summary.user_stacks = summary.samples - accounting_value(accounting, "unwind.not-user") -
			      accounting_value(accounting, "unwind.imported");
	if (summary.user_stacks > summary.samples)
		summary.user_stacks = 0; /* a damaged recording */
	return summary;
}
