/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* browser_keys.c - what keys do in the browser. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include <curses.h>

#include "browser.h"
#include "terminal.h"

#define CTRL(letter) ((letter)&0x1f)
#define KEY_ESCAPE 27
#define KEY_DELETE 127
#define TO_END 1000000000l

static void say_result(struct browser *b, int ret, const struct egret_error *err)
{
	if (ret)
		browser_say(b, "%s", err && *err->text ? err->text : strerror(-ret));
}

/* ---- the last line -------------------------------------------------------------------------- */

static void begin_prompt(struct browser *b, enum browser_prompt prompt)
{
	b->prompt = prompt;
	b->typed[0] = 0;
	b->typed_at = b->model.at;
}

/* Takes the last character off, all bytes of it. */
static void rub_out(struct browser *b)
{
	size_t len = strlen(b->typed);

	while (len && ((unsigned char)b->typed[len - 1] & 0xc0) == 0x80)
		b->typed[--len] = 0;
	if (len)
		b->typed[len - 1] = 0;
}

static void search(struct browser *b, bool again, bool backwards)
{
	if (!b->model.search || !*b->model.search)
		browser_say(b, "nothing was searched for: / searches");
	else if (!browse_find(&b->model, again, backwards))
		browser_say(b, "'%.200s' is not in this list", b->model.search);
}

/* While a text is typed, what it leads to is shown. */
static void search_typed(struct browser *b)
{
	b->model.at = b->typed_at;
	if (!browse_set_search(&b->model, b->typed) && *b->typed)
		browse_find(&b->model, false, false);
}

static void end_prompt(struct browser *b)
{
	enum browser_prompt prompt = b->prompt;
	struct egret_error err = { "" };

	b->prompt = PROMPT_NONE;
	if (!*b->typed)
		return;
	if (prompt == PROMPT_SEARCH) {
		search(b, false, false);
		return;
	}
	say_result(b, browse_zoom_regex(&b->model, b->typed, prompt == PROMPT_IGNORE, &err), &err);
}

static void prompt_key(struct browser *b, int key)
{
	size_t len = strlen(b->typed);

	if (key == KEY_ESCAPE || key == CTRL('g')) {
		b->prompt = PROMPT_NONE;
		return;
	}
	if (key == '\r' || key == '\n' || key == KEY_ENTER) {
		end_prompt(b);
		return;
	}
	if (key == KEY_BACKSPACE || key == KEY_DELETE || key == CTRL('h'))
		rub_out(b);
	else if (key == CTRL('u'))
		b->typed[0] = 0;
	else if (key >= 0x20 && key < 0x100 && len + 1 < sizeof(b->typed)) {
		b->typed[len] = (char)key;
		b->typed[len + 1] = 0;
	}
	if (b->prompt == PROMPT_SEARCH)
		search_typed(b);
}

/* ---- pages of lines: help and annotation ---------------------------------------------------- */

/* How far a key moves; 0: it does not. */
static long step_of(const struct browser *b, int key)
{
	long page = browser_body_rows(b);

	switch (key) {
	case KEY_UP:
	case 'k':
		return -1;
	case KEY_DOWN:
	case 'j':
		return 1;
	case KEY_PPAGE:
	case 'b':
		return -page;
	case KEY_NPAGE:
	case ' ':
		return page;
	case KEY_HOME:
	case 'g':
		return -TO_END;
	case KEY_END:
	case 'G':
		return TO_END;
	default:
		return 0;
	}
}

static size_t moved(size_t at, long by, size_t n)
{
	if (by < 0)
		return (size_t)-by > at ? 0 : at - (size_t)-by;
	if (!n)
		return 0;
	return (size_t)by >= n - at ? n - 1 : at + (size_t)by;
}

static void help_key(struct browser *b, int key)
{
	if (key == 'q' || key == KEY_ESCAPE || key == '?' || key == KEY_F(1))
		b->mode = b->annotation.n ? MODE_ANNOTATION : MODE_LIST;
	else
		b->line_top = moved(b->line_top, step_of(b, key), browser_n_help(b));
}

static void show_help(struct browser *b)
{
	b->mode = MODE_HELP;
	b->line_top = 0;
}

static void next_hot(struct browser *b)
{
	const struct annotation *a = &b->annotation;

	for (size_t step = 1; step <= a->n; step++) {
		size_t i = (b->line_at + step) % a->n;

		if (a->lines[i].kind == LINE_CODE && a->lines[i].samples &&
		    a->lines[i].samples * 100 >= a->samples) {
			b->line_at = i;
			return;
		}
	}
}

static void annotate(struct browser *b)
{
	const struct browse_item *item = browse_selected(&b->model);
	const struct function *f = item ? browse_function(&b->model, item) : NULL;
	struct annotation annotation;
	struct egret_error err = { "" };
	int ret;

	if (!f || f->is_process || f->kind == EGRET_FRAME_CUT) {
		browser_say(b, "this is no function");
		return;
	}
	ret = annotation_build(&annotation, browse_profile(&b->model), b->model.event, f->name,
			       f->module, &b->annotation_opts, &err);
	if (ret) {
		annotation_deinit(&annotation);
		say_result(b, ret, &err);
		return;
	}
	annotation_deinit(&b->annotation);
	b->annotation = annotation;
	if (b->mode != MODE_ANNOTATION) {
		b->mode = MODE_ANNOTATION;
		b->line_top = 0;
		b->line_at = annotation_hottest(&annotation);
	}
	if (b->line_at >= annotation.n)
		b->line_at = annotation.n ? annotation.n - 1 : 0;
}

static void annotation_key(struct browser *b, int key)
{
	switch (key) {
	case 'q':
	case KEY_ESCAPE:
	case KEY_LEFT:
	case 'h':
	case KEY_BACKSPACE:
	case KEY_DELETE:
		b->mode = MODE_LIST;
		annotation_deinit(&b->annotation);
		break;
	case 'H':
		next_hot(b);
		break;
	case 'm':
		b->annotation_opts.intel = !b->annotation_opts.intel;
		annotate(b);
		break;
	case '?':
		show_help(b);
		break;
	default:
		b->line_at = moved(b->line_at, step_of(b, key), b->annotation.n);
	}
}

/* ---- the list ------------------------------------------------------------------------------- */

static void set_view(struct browser *b, enum browse_view view)
{
	if (!browse_has_view(&b->model, view)) {
		browser_say(b, "samples by CPU: start with --sort=cpu");
		return;
	}
	b->top = 0;
	say_result(b, browse_set_view(&b->model, view), NULL);
}

static void step_view(struct browser *b, int by)
{
	int view = (int)b->model.view;

	do
		view = (view + by + NR_VIEWS) % NR_VIEWS;
	while (!browse_has_view(&b->model, (enum browse_view)view));
	set_view(b, (enum browse_view)view);
}

static void zoom(struct browser *b, int (*into)(struct browse *, struct egret_error *))
{
	struct egret_error err = { "" };
	int ret = into(&b->model, &err);

	if (ret == -ENOENT && !*err.text)
		browser_say(b, "this is all there is");
	else
		say_result(b, ret, &err);
}

static void expand(struct browser *b)
{
	const struct browse_item *item = browse_selected(&b->model);

	if (item && item->kind == ITEM_ROW)
		zoom(b, browse_zoom_selected);
	else if (item && item->expanded)
		browse_move(&b->model, 1); /* to the first that is below it */
	else
		say_result(b, browse_toggle(&b->model, true), NULL);
}

static void enter(struct browser *b)
{
	const struct browse_item *item = browse_selected(&b->model);

	if (item && item->expanded)
		say_result(b, browse_toggle(&b->model, false), NULL);
	else
		expand(b);
}

static void collapse(struct browser *b)
{
	const struct browse_item *item = browse_selected(&b->model);

	if (item && item->expanded)
		say_result(b, browse_toggle(&b->model, false), NULL);
	else
		browse_to_parent(&b->model);
}

static void next_event(struct browser *b)
{
	size_t n = egret_profile__n_events(b->model.whole);

	if (n < 2)
		browser_say(b, "there is one event only");
	else
		say_result(b,
			   browse_replace(&b->model, b->model.whole,
					  (uint32_t)((b->model.event + 1) % n)),
			   NULL);
}

static void live_key(struct browser *b, int key)
{
	if (!b->live)
		browser_say(b, "p and z are for egret top");
	else if (key == 'p')
		b->live->paused = !b->live->paused;
	else
		b->live->zero(b->live->arg);
}

/* Keys that change what is shown. False: it is none of them. */
static bool shown_key(struct browser *b, int key)
{
	switch (key) {
	case '\t':
		step_view(b, 1);
		break;
	case KEY_BTAB:
		step_view(b, -1);
		break;
	case '1' ... '7':
		set_view(b, (enum browse_view)(key - '1'));
		break;
	case 's':
		say_result(b, browse_set_order(&b->model, (b->model.order + 1) % NR_BROWSE_ORDERS),
			   NULL);
		break;
	case 'e':
		next_event(b);
		break;
	case 'i':
		zoom(b, browse_zoom_selected);
		break;
	case 'd':
		zoom(b, browse_zoom_module);
		break;
	case 'o':
	case KEY_BACKSPACE:
	case KEY_DELETE:
		zoom(b, browse_zoom_out);
		break;
	case 'f':
		begin_prompt(b, PROMPT_FOCUS);
		break;
	case 'x':
		begin_prompt(b, PROMPT_IGNORE);
		break;
	case 'p':
	case 'z':
		live_key(b, key);
		break;
	default:
		return false;
	}
	return true;
}

static void list_key(struct browser *b, int key)
{
	if (shown_key(b, key))
		return;
	switch (key) {
	case KEY_RIGHT:
	case '+':
	case 'l':
		expand(b);
		break;
	case '\r':
	case '\n':
	case KEY_ENTER:
		enter(b);
		break;
	case KEY_LEFT:
	case '-':
	case 'h':
		collapse(b);
		break;
	case '/':
		begin_prompt(b, PROMPT_SEARCH);
		break;
	case 'n':
	case 'N':
		search(b, true, key == 'N');
		break;
	case 'a':
		annotate(b);
		break;
	case '?':
	case KEY_F(1):
		show_help(b);
		break;
	case 'q':
		b->quit = true;
		break;
	default:
		browse_move(&b->model, step_of(b, key));
	}
}

void browser_key(struct browser *b, int key)
{
	b->message[0] = 0;
	if (key == KEY_RESIZE)
		return;
	if (key == CTRL('l'))
		terminal_redraw();
	else if (b->prompt != PROMPT_NONE)
		prompt_key(b, key);
	else if (b->mode == MODE_HELP)
		help_key(b, key);
	else if (b->mode == MODE_ANNOTATION)
		annotation_key(b, key);
	else
		list_key(b, key);
}
