/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "comparison_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "busy.h"
#include "message.h"
#include "text.h"

static void print_side(const char *mark, const char *path, const struct aggregate *a)
{
	printf("# %s ", mark);
	text_print(stdout, path, INT_MAX);
	printf(": %s samples\n", text_count(a->samples).text);
}

static void print_confidence(double confidence)
{
	if (confidence > 0.9999)
		printf("%9s", ">99.99 %");
	else
		printf("%7.2f %%", floor(confidence * 10000) / 100);
}

static void print_row(const struct difference *row, int width)
{
	int columns = 2 + 4 * 10 + 2;

	printf("%8.2f %%%8.2f %%%+8.2f %%%8.2f %%", 100 * row->before, 100 * row->after,
	       100 * row->delta, 100 * row->noise);
	print_confidence(row->confidence);
	printf("  ");
	columns += 9;
	columns += text_print(stdout, row->name, width == INT_MAX ? INT_MAX : width - columns);
	if (*row->module && (width == INT_MAX || columns + 4 < width)) {
		printf("  (");
		text_print(stdout, row->module, width == INT_MAX ? INT_MAX : width - columns - 4);
		printf(")");
	}
	printf("\n");
}

static void print_text(const struct comparison_text *o, const struct comparison *c)
{
	int width = text_terminal_width(stdout);
	size_t shown = 0, unsure = 0, more = 0;

	printf("\n%10s%10s%10s%10s%9s  %s\n", "Before", "After", "Delta", "Noise", "Sure",
	       o->by == BY_STACK ? "Stack" : "Function");
	for (size_t i = 0; i < c->n; i++) {
		const struct difference *row = &c->rows[i];

		if (!o->all && row->confidence < o->confidence / 100)
			unsure++;
		else if (!o->all && shown >= o->limit)
			more++;
		else if (++shown)
			print_row(row, width);
	}
	if (more)
		printf("(%s more, of smaller differences: -n, or -a for all)\n",
		       text_count(more).text);
	if (unsure)
		printf("(%s more, which may be chance: less sure than %g %%)\n",
		       text_count(unsure).text, o->confidence);
}

/* What would end a frame or a line is no part of a name (see folded in egret-export(1)). */
static void print_folded(const struct comparison *c)
{
	for (size_t i = 0; i < c->n; i++) {
		for (const char *p = c->rows[i].name; *p; p++)
			putchar((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p);
		printf(" %llu %llu\n", (unsigned long long)c->rows[i].samples[0],
		       (unsigned long long)c->rows[i].samples[1]);
	}
}

int comparison_print(const struct comparison_text *text,
		     const struct egret_profile *const profiles[2], const size_t events[2])
{
	struct aggregate before = { 0 }, after = { 0 };
	struct comparison comparison = { 0 };
	int ret;

	busy_begin("comparing", NULL);
	ret = aggregate_build(&before, profiles[0], (uint32_t)events[0]);
	if (!ret)
		ret = aggregate_build(&after, profiles[1], (uint32_t)events[1]);
	if (!ret)
		ret = comparison_build(&comparison, &before, &after, text->by);
	busy_end();
	if (!ret && text->as_folded) {
		print_folded(&comparison);
	} else if (!ret) {
		print_side("before:", text->before, &before);
		print_side("after: ", text->after, &after);
		print_text(text, &comparison);
	}
	comparison_deinit(&comparison);
	aggregate_deinit(&before);
	aggregate_deinit(&after);
	return ret ? say_error("cannot compare: %s", strerror(-ret)) : STATUS_OK;
}
