/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * terminal.h - the whole terminal as a screen, by ncurses, and given back whatever ends egret.
 *
 * Names come from programs that may be hostile: all text goes through terminal_put, which lets
 * nothing pass that could steer the terminal.
 */
#ifndef EGRET_CMD_TERMINAL_H
#define EGRET_CMD_TERMINAL_H

#include <stdbool.h>

#include <egret/egret.h>

/* How text looks. Colours are those that can be read on dark and on light. */
enum look {
	LOOK_PLAIN,
	LOOK_BOLD,
	LOOK_DIM,
	LOOK_HEAD, /* of a table */
	LOOK_HOT,  /* a large share */
	LOOK_WARM,
	LOOK_KERNEL,
	LOOK_WARNING,
	NR_LOOKS,
};

/* Whether standard input and output are a terminal whose cursor can be moved. */
bool terminal_is_capable(void);

/* Takes the terminal. SIGINT, SIGTERM, SIGHUP and SIGQUIT give it back before they end egret. */
int terminal_begin(struct egret_error *err);
void terminal_end(void);

/* The size, in rows and columns. */
int terminal_rows(void);
int terminal_columns(void);

/* Begins a new picture, and shows it. Nothing is seen of it before. */
void terminal_clear(void);
void terminal_show(void);
/* After something else has written to the terminal. */
void terminal_redraw(void);

/* From now on: as what is selected is shown, or not. */
void terminal_select(bool selected);

/*
 * Writes text at a row and column, cut to `width` columns. Returns the columns written. The rest
 * of the width is left as it is; terminal_fill makes it blank.
 */
int terminal_put(int row, int column, int width, enum look look, const char *text);
int terminal_putf(int row, int column, int width, enum look look, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
void terminal_fill(int row, int column, int width, enum look look);

/* The next key (a byte, or KEY_* of ncurses); -1: there is none yet. */
int terminal_key(void);

#endif
