/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* browser_annotation.c - an annotated function on the screen. */
#include <inttypes.h>

#include "browser.h"
#include "terminal.h"
#include "text.h"

#define FIRST_ROW 2
#define SHARE_COLUMNS 10
#define SAMPLES_COLUMNS 11
#define LEAST_WITH_SAMPLES 60

static enum look share_look(const struct annotation *a, const struct annotation_line *line)
{
	uint64_t whole = a->value ? a->value : 1;

	if (line->value >= whole / 20 + 1)
		return LOOK_HOT;
	return line->value >= whole / 100 + 1 ? LOOK_WARM : LOOK_PLAIN;
}

static enum look text_look(const struct annotation_line *line)
{
	switch (line->kind) {
	case LINE_TEXT:
		return LOOK_BOLD;
	case LINE_PLACE:
		return LOOK_DIM;
	default:
		return line->samples ? LOOK_BOLD : LOOK_PLAIN;
	}
}

static void draw_line(const struct annotation *a, const struct annotation_line *line, int row,
		      bool selected)
{
	int width = terminal_columns(), at = 0;

	terminal_select(selected);
	terminal_fill(row, 0, width, LOOK_PLAIN);
	if (line->kind != LINE_TEXT) {
		if (line->samples)
			terminal_putf(row, 0, SHARE_COLUMNS, share_look(a, line), "%8s",
				      text_share(line->value, a->value).text);
		at = SHARE_COLUMNS;
		if (width >= LEAST_WITH_SAMPLES) {
			if (line->samples)
				terminal_putf(row, at, SAMPLES_COLUMNS, LOOK_PLAIN, "%9s",
					      text_count(line->samples).text);
			at += SAMPLES_COLUMNS;
		}
		if (line->kind == LINE_CODE)
			terminal_putf(row, at, width - at, LOOK_DIM, "%10" PRIx64, line->address);
		else if (line->kind == LINE_SOURCE)
			terminal_putf(row, at, width - at, LOOK_DIM, "%6u", line->number);
		at += line->kind == LINE_CODE ? 12 : 8;
	}
	terminal_put(row, at, width - at, text_look(line), line->text);
	terminal_select(false);
}

void browser_draw_annotation(struct browser *b)
{
	const struct annotation *a = &b->annotation;
	size_t rows = (size_t)browser_body_rows(b);
	int width = terminal_columns(), at;

	at = terminal_put(0, 0, width, LOOK_BOLD, a->function);
	terminal_put(0, at + 2, width - at - 2, LOOK_DIM, a->module);
	terminal_putf(1, 0, width, LOOK_PLAIN, "%s samples, %s of what is shown; %s syntax",
		      text_count(a->samples).text, text_share(a->value, a->whole).text,
		      b->annotation_opts.intel ? "Intel" : "AT&T");
	/* The selected line is kept off the edges, where there is room. */
	if (b->line_at < b->line_top)
		b->line_top = b->line_at > 3 ? b->line_at - 3 : 0;
	if (b->line_at >= b->line_top + rows)
		b->line_top = b->line_at - (rows > 8 ? rows - 4 : rows - 1);
	for (size_t i = 0; i < rows && b->line_top + i < a->n; i++)
		draw_line(a, &a->lines[b->line_top + i], FIRST_ROW + (int)i,
			  b->line_top + i == b->line_at);
}
