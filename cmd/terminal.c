/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* terminal.c - the whole terminal as a screen. */
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

#include "text.h"

#define ESCAPE_MS 25 /* after an Esc alone */

/* What gives the terminal back, ready for a signal handler. */
static struct {
	struct termios modes;
	char sequence[256];
	size_t len;
} giving_back;

static SCREEN *screen;
static attr_t looks[NR_LOOKS];
static attr_t selection;

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

/* ---- taken and given back ------------------------------------------------------------------- */

bool terminal_is_capable(void)
{
	const char *term = getenv("TERM");
	char *move;
	int status;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || !term || !*term ||
	    setupterm(NULL, STDOUT_FILENO, &status) == ERR)
		return false;
	move = tigetstr("cup");
	return move && move != (char *)-1;
}

/* May run at any moment: only what signal-safety(7) allows. */
static void on_ending(int number)
{
	ssize_t n = write(STDOUT_FILENO, giving_back.sequence, giving_back.len);

	(void)n; /* there is nothing to be done about it */
	tcsetattr(STDIN_FILENO, TCSANOW, &giving_back.modes);
	signal(number, SIG_DFL);
	raise(number); /* is delivered when this returns */
}

static void add_sequence(const char *capability)
{
	const char *sequence = tigetstr(capability);
	size_t len;

	if (!sequence || sequence == (char *)-1)
		return;
	len = strlen(sequence);
	if (giving_back.len + len > sizeof(giving_back.sequence))
		return;
	memcpy(giving_back.sequence + giving_back.len, sequence, len);
	giving_back.len += len;
}

static void prepare_giving_back(void)
{
	static const char *const capabilities[] = { "sgr0", "op", "rmkx", "cnorm", "rmcup" };
	struct sigaction action = { .sa_handler = on_ending, .sa_flags = SA_RESTART }, before;

	giving_back.len = 0;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities); i++)
		add_sequence(capabilities[i]);
	for (size_t i = 0; i < sizeof(ending_signals) / sizeof(*ending_signals); i++)
		if (!sigaction(ending_signals[i], NULL, &before) && before.sa_handler != SIG_IGN)
			sigaction(ending_signals[i], &action, NULL);
}

static void choose_looks(void)
{
	static const short colours[NR_LOOKS] = {
		[LOOK_HOT] = COLOR_RED,
		[LOOK_WARM] = COLOR_GREEN,
		[LOOK_KERNEL] = COLOR_MAGENTA,
		[LOOK_WARNING] = COLOR_RED,
	};

	looks[LOOK_BOLD] = A_BOLD;
	looks[LOOK_DIM] = A_DIM;
	looks[LOOK_HEAD] = A_UNDERLINE;
	looks[LOOK_HOT] = looks[LOOK_WARNING] = A_BOLD;
	looks[LOOK_WARM] = looks[LOOK_KERNEL] = A_NORMAL;
	if (getenv("NO_COLOR") || !has_colors() || start_color() == ERR ||
	    use_default_colors() == ERR)
		return;
	for (short i = 0; i < NR_LOOKS; i++) {
		if (!colours[i])
			continue;
		init_pair(i, colours[i], -1);
		looks[i] |= COLOR_PAIR(i);
	}
}

int terminal_begin(struct egret_error *err)
{
	tcgetattr(STDIN_FILENO, &giving_back.modes);
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		snprintf(err->text, sizeof(err->text),
			 "this terminal (TERM=%s) cannot show a screen; --stdio prints text",
			 getenv("TERM") ? getenv("TERM") : "");
		return -ENOTSUP;
	}
	set_term(screen);
	prepare_giving_back();
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	choose_looks();
	return 0;
}

void terminal_end(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
	for (size_t i = 0; i < sizeof(ending_signals) / sizeof(*ending_signals); i++) {
		struct sigaction now;

		if (!sigaction(ending_signals[i], NULL, &now) && now.sa_handler == on_ending)
			signal(ending_signals[i], SIG_DFL);
	}
}

/* ---- pictures ------------------------------------------------------------------------------- */

int terminal_rows(void)
{
	return LINES;
}

int terminal_columns(void)
{
	return COLS;
}

void terminal_clear(void)
{
	erase();
}

void terminal_show(void)
{
	refresh();
}

void terminal_redraw(void)
{
	clearok(stdscr, TRUE);
}

void terminal_select(bool selected)
{
	selection = selected ? A_REVERSE : A_NORMAL;
}

int terminal_put(int row, int column, int width, enum look look, const char *text)
{
	char fit[4096];
	int written;

	if (row < 0 || row >= LINES || column < 0 || column >= COLS)
		return 0;
	if (width > COLS - column)
		width = COLS - column;
	written = text_fit(fit, sizeof(fit), text, width);
	/* Dim on top of reverse is hard to read on some terminals. */
	attrset(selection && look == LOOK_DIM ? selection : looks[look] | selection);
	mvaddstr(row, column, fit);
	attrset(A_NORMAL);
	return written;
}

int terminal_putf(int row, int column, int width, enum look look, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return terminal_put(row, column, width, look, text);
}

void terminal_fill(int row, int column, int width, enum look look)
{
	if (row < 0 || row >= LINES || column >= COLS)
		return;
	if (width > COLS - column)
		width = COLS - column;
	if (width <= 0)
		return;
	attrset(looks[look] | selection);
	mvhline(row, column, ' ', width);
	attrset(A_NORMAL);
}

int terminal_key(void)
{
	int key = getch();

	return key == ERR ? -1 : key;
}
