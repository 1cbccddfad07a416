/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* browser_screen.c - what the browser draws: a title, what is shown, the list, and keys. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "browser.h"
#include "terminal.h"
#include "text.h"

#define TITLE_ROWS 2
#define HEAD_ROW TITLE_ROWS
#define FOOT_ROWS 1

#define SHARE_COLUMNS 10 /* " 100.0 %  " */
#define SAMPLES_COLUMNS 11
#define NUMBER_COLUMNS 9 /* a pid */
#define LEAST_WITH_SAMPLES 60
#define LEAST_WITH_MODULE 50

#define HOT 5.0 /* percent */
#define WARM 1.0

int browser_body_rows(const struct browser *b)
{
	int rows = terminal_rows() - TITLE_ROWS - FOOT_ROWS - (b->mode == MODE_LIST);

	return rows > 1 ? rows : 1;
}

/* ---- the title ------------------------------------------------------------------------------ */

static void draw_title(const struct browser *b)
{
	const struct egret_profile *profile = browse_profile(&b->model);
	const struct egret_event *event = NULL;
	uint64_t shown = b->model.aggregate.samples;
	int width = terminal_columns();
	char counts[200], rate[64] = "";
	int used;

	if (b->model.event < egret_profile__n_events(profile))
		event = egret_profile__event(profile, b->model.event);
	if (event && event->frequency)
		snprintf(rate, sizeof(rate), " at %" PRIu64 " Hz", event->frequency);
	else if (event && event->period)
		snprintf(rate, sizeof(rate), " each %s", text_count(event->period).text);
	snprintf(counts, sizeof(counts), "%.60s%s: %s%s%s samples, %s lost",
		 event ? event->name : "no event", rate, text_count(shown).text,
		 b->model.n_zooms ? " of " : "",
		 b->model.n_zooms ? text_count(b->whole_samples).text : "",
		 text_count(b->lost).text);
	used = terminal_put(0, 0, width, LOOK_BOLD, b->title);
	if (used + (int)strlen(counts) + 2 <= width)
		terminal_put(0, width - (int)strlen(counts), width, LOOK_PLAIN, counts);
	else
		terminal_put(0, used + 2, width - used - 2, LOOK_PLAIN, counts);
}

/* "functions by self > process 12 make > with malloc" */
static void draw_what(const struct browser *b)
{
	const char *separator = text_is_utf8() ? " › " : " > ";
	int width = terminal_columns();
	int at;

	at = terminal_putf(1, 0, width, LOOK_BOLD, "%s", browse_view_name(b->model.view));
	if (b->model.view != VIEW_TREE)
		at += terminal_putf(1, at, width - at, LOOK_PLAIN, " by %s",
				    browse_order_name(b->model.order));
	for (size_t i = 0; i < b->model.n_zooms && at < width; i++) {
		at += terminal_put(1, at, width - at, LOOK_DIM, separator);
		at += terminal_put(1, at, width - at < 40 ? width - at : 40, LOOK_PLAIN,
				   b->model.zooms[i].text);
	}
	if (b->live && at < width) {
		const char *status = b->live->status(b->live->arg);
		int len = (int)strlen(status);

		if (at + 2 + len <= width)
			terminal_put(1, width - len, len,
				     b->live->paused ? LOOK_WARNING : LOOK_PLAIN, status);
	}
}

/* ---- rows ----------------------------------------------------------------------------------- */

static enum look share_look(uint64_t part, uint64_t whole)
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;

	return percent >= HOT ? LOOK_HOT : percent >= WARM ? LOOK_WARM : LOOK_PLAIN;
}

static int draw_share(int row, int column, bool any, uint64_t part, uint64_t whole)
{
	if (any)
		terminal_putf(row, column, SHARE_COLUMNS, share_look(part, whole), "%8s",
			      text_share(part, whole).text);
	return column + SHARE_COLUMNS;
}

static bool has_samples_column(void)
{
	return terminal_columns() >= LEAST_WITH_SAMPLES;
}

static int names_column(void)
{
	return 2 * SHARE_COLUMNS + (has_samples_column() ? SAMPLES_COLUMNS : 0);
}

/* Two thirds of what is left are for the name, and the rest for the module. */
static int name_columns(void)
{
	int room = terminal_columns() - names_column();

	return terminal_columns() < LEAST_WITH_MODULE ? room : room * 2 / 3;
}

static const char *sign(const struct browse_item *item)
{
	bool utf8 = text_is_utf8();

	if (!item->has_more)
		return "  ";
	if (item->expanded)
		return utf8 ? "▾ " : "- ";
	return utf8 ? "▸ " : "+ ";
}

static const char *mark(const struct function *f)
{
	if (f && f->kind == EGRET_FRAME_KERNEL)
		return " [k]";
	return f && f->kind == EGRET_FRAME_JIT ? " [j]" : "";
}

/* Of deep items the indent is cut, so that a name has at least half of its columns. */
static void draw_name(const struct browser *b, const struct browse_item *item, int row)
{
	const struct function *f = browse_function(&b->model, item);
	bool heading = item->kind == ITEM_CALLERS || item->kind == ITEM_CALLEES;
	int width = name_columns(), at = names_column();
	int indent = 2 * (int)item->level, marked = (int)strlen(mark(f));

	if (indent > width / 2)
		indent = width / 2;
	at += indent;
	width -= indent;
	at += terminal_put(row, at, width, LOOK_DIM, sign(item));
	width -= 2;
	at += terminal_put(row, at, width - marked,
			   heading		? LOOK_BOLD
			   : f && f->is_process ? LOOK_BOLD
			   : f && *mark(f)	? LOOK_KERNEL
						: LOOK_PLAIN,
			   browse_name(&b->model, item));
	terminal_put(row, at, marked, LOOK_DIM, mark(f));
	at = names_column() + name_columns() + 1;
	terminal_put(row, at, terminal_columns() - at, LOOK_DIM,
		     text_file_name(browse_module(&b->model, item)));
}

static bool is_number(enum row_key key)
{
	return key == KEY_PID || key == KEY_TID || key == KEY_CPU;
}

/* Calls put for each key of a row, with its column and width: numbers first, then the names. */
static void each_cell(const struct browser *b, int row, const struct row *of,
		      void (*put)(int row, int column, int width, const struct row *of, size_t n,
				  enum row_key key))
{
	const struct row_keys *keys = browse_keys(&b->model);
	int column = names_column(), n_names = 0, width;

	for (size_t i = 0; i < keys->n; i++) {
		n_names += !is_number(keys->key[i]);
		if (!is_number(keys->key[i]))
			continue;
		put(row, column, NUMBER_COLUMNS, of, i, keys->key[i]);
		column += NUMBER_COLUMNS;
	}
	width = n_names ? (terminal_columns() - column) / n_names : 0;
	for (size_t i = 0; i < keys->n; i++) {
		if (is_number(keys->key[i]))
			continue;
		put(row, column, width, of, i, keys->key[i]);
		column += width;
	}
}

static void put_cell(int row, int column, int width, const struct row *of, size_t n,
		     enum row_key key)
{
	const char *text = row_text(of, n);

	if (is_number(key))
		terminal_putf(row, column, width, LOOK_PLAIN, "%*s", width - 2, text);
	else
		terminal_put(row, column, width - 1, LOOK_PLAIN, text);
}

static void put_cell_head(int row, int column, int width, const struct row *of, size_t n,
			  enum row_key key)
{
	static const char *const heads[NR_ROW_KEYS] = {
		[KEY_COMM] = "Name",	[KEY_PID] = "PID",    [KEY_TID] = "TID",
		[KEY_CPU] = "CPU",	[KEY_DSO] = "Module", [KEY_SYM] = "Function",
		[KEY_SRCLINE] = "Line",
	};

	if (is_number(key))
		terminal_putf(row, column, width, LOOK_HEAD, "%*s", width - 2, heads[key]);
	else
		terminal_put(row, column, width - 1, LOOK_HEAD, heads[key]);
}

static void draw_item(const struct browser *b, const struct browse_item *item, int row,
		      bool selected)
{
	uint64_t whole = b->model.aggregate.value;
	int at = 0;

	terminal_select(selected);
	terminal_fill(row, 0, terminal_columns(), LOOK_PLAIN);
	at = draw_share(row, at, item->has_self, item->self, whole);
	at = draw_share(row, at, true, item->total, whole);
	if (has_samples_column() && item->has_self)
		terminal_putf(row, at, SAMPLES_COLUMNS, LOOK_PLAIN, "%9s",
			      text_count(item->samples).text);
	if (item->kind == ITEM_ROW)
		each_cell(b, row, &b->model.rows.rows[item->number], put_cell);
	else
		draw_name(b, item, row);
	terminal_select(false);
}

static void draw_head(const struct browser *b)
{
	int width = terminal_columns();
	int at = names_column() + name_columns() + 1;

	terminal_fill(HEAD_ROW, 0, width, LOOK_HEAD);
	terminal_putf(HEAD_ROW, 0, width, LOOK_HEAD, "%8s  %8s", "Self", "Total");
	if (has_samples_column())
		terminal_putf(HEAD_ROW, 2 * SHARE_COLUMNS, width, LOOK_HEAD, "%9s", "Samples");
	if (b->model.has_rows) {
		each_cell(b, HEAD_ROW, NULL, put_cell_head);
		return;
	}
	terminal_put(HEAD_ROW, names_column() + 2, width, LOOK_HEAD, "Function");
	terminal_put(HEAD_ROW, at, width - at, LOOK_HEAD, "Module");
}

static void draw_list(struct browser *b)
{
	size_t rows = (size_t)browser_body_rows(b);

	if (b->model.at < b->top)
		b->top = b->model.at;
	if (b->model.at >= b->top + rows)
		b->top = b->model.at - rows + 1;
	if (b->top + rows > b->model.n)
		b->top = b->model.n > rows ? b->model.n - rows : 0;
	draw_head(b);
	for (size_t i = 0; i < rows && b->top + i < b->model.n; i++)
		draw_item(b, &b->model.items[b->top + i], HEAD_ROW + 1 + (int)i,
			  b->top + i == b->model.at);
	if (!b->model.n)
		terminal_put(HEAD_ROW + 2, 2, terminal_columns(), LOOK_PLAIN,
			     b->live ? "nothing was sampled yet" : "there are no samples");
}

/* ---- help ----------------------------------------------------------------------------------- */

static const char *const help[] = {
	"Moving",
	"  Up Down j k        one line             PgUp PgDn Space b   a page",
	"  Home End g G       first, last line",
	"  Right Enter + l    expand: callers and callees of a function",
	"  Left - h           collapse, or go to what it is under",
	"",
	"What is shown",
	"  Tab  Shift-Tab     next, previous view",
	"  1 functions  2 call tree  3 processes  4 threads  5 modules  6 lines  7 CPUs",
	"  s                  order: by self, total, name",
	"  e                  next event",
	"",
	"Only some of it (each applies to what the one before it left)",
	"  i                  into what is selected: process, thread, module, CPU, or the",
	"                     stacks with a function (Enter on a row does the same)",
	"  d                  into the module of the selected function",
	"  f  x               only stacks in which a function matches an expression; without",
	"  o  Backspace       out again",
	"",
	"Looking closer",
	"  /  n  N            search for a name; the next, the previous one",
	"  a                  source lines and instructions of the selected function",
	"                     (there: m Intel or AT&T syntax, H the next hot line, q back)",
	"",
	"  p  z               of egret top: pause; forget what was sampled until now",
	"  ?                  this help      Ctrl-L  draw again      q  quit",
};

size_t browser_n_help(const struct browser *b)
{
	return sizeof(help) / sizeof(*help);
}

static void draw_help(struct browser *b)
{
	size_t rows = (size_t)browser_body_rows(b), n = browser_n_help(b);

	if (b->line_top + rows > n)
		b->line_top = n > rows ? n - rows : 0;
	for (size_t i = 0; i < rows && b->line_top + i < n; i++) {
		const char *line = help[b->line_top + i];

		terminal_put(TITLE_ROWS + (int)i, 1, terminal_columns() - 1,
			     *line && *line != ' ' ? LOOK_BOLD : LOOK_PLAIN, line);
	}
}

/* ---- the last line -------------------------------------------------------------------------- */

struct key_hint {
	const char *key, *what;
};

static const struct key_hint list_hints[] = {
	{ "?", "help" },   { "q", "quit" },   { "Enter", "expand" }, { "Tab", "view" },
	{ "s", "sort" },   { "/", "search" }, { "i", "in" },	     { "o", "out" },
	{ "f", "filter" }, { "a", "lines" },  { NULL, NULL },
};
static const struct key_hint live_hints[] = {
	{ "?", "help" },       { "q", "quit" },	  { "p", "pause" },  { "z", "zero" },
	{ "Enter", "expand" }, { "Tab", "view" }, { "s", "sort" },   { "/", "search" },
	{ "i", "in" },	       { "o", "out" },	  { "f", "filter" }, { "a", "lines" },
	{ NULL, NULL },
};
static const struct key_hint annotation_hints[] = {
	{ "H", "next hot line" }, { "m", "Intel/AT&T" }, { "?", "help" },
	{ "q", "back" },	  { NULL, NULL },
};
static const struct key_hint help_hints[] = { { "q", "back" }, { NULL, NULL } };

static const struct key_hint *hints(const struct browser *b)
{
	if (b->mode == MODE_HELP)
		return help_hints;
	if (b->mode == MODE_ANNOTATION)
		return annotation_hints;
	return b->live ? live_hints : list_hints;
}

static void draw_hints(const struct browser *b, int row)
{
	int width = terminal_columns(), at = 0;

	for (const struct key_hint *hint = hints(b); hint->key; hint++) {
		if (at + (int)(strlen(hint->key) + strlen(hint->what)) + 1 > width)
			break;
		at += terminal_put(row, at, width - at, LOOK_BOLD, hint->key) + 1;
		at += terminal_put(row, at, width - at, LOOK_PLAIN, hint->what) + 2;
	}
}

static void draw_foot(const struct browser *b)
{
	static const char *const prompts[] = {
		[PROMPT_SEARCH] = "/",
		[PROMPT_FOCUS] = "only stacks with (expression): ",
		[PROMPT_IGNORE] = "no stacks with (expression): ",
	};
	int row = terminal_rows() - 1, width = terminal_columns(), at;

	if (b->prompt != PROMPT_NONE) {
		at = terminal_put(row, 0, width, LOOK_BOLD, prompts[b->prompt]);
		at += terminal_put(row, at, width - at - 1, LOOK_PLAIN, b->typed);
		terminal_select(true);
		terminal_put(row, at, 1, LOOK_PLAIN, " ");
		terminal_select(false);
	} else if (*b->message) {
		terminal_put(row, 0, width, LOOK_WARNING, b->message);
	} else {
		draw_hints(b, row);
	}
}

void browser_draw(struct browser *b)
{
	terminal_clear();
	if (b->mode == MODE_ANNOTATION) {
		browser_draw_annotation(b);
	} else {
		draw_title(b);
		if (b->mode == MODE_HELP) {
			terminal_put(1, 0, terminal_columns(), LOOK_BOLD, "keys");
			draw_help(b);
		} else {
			draw_what(b);
			draw_list(b);
		}
	}
	draw_foot(b);
	terminal_show();
}
