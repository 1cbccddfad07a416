/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* busy.c - one line on a terminal that says what takes so long. */
#include "busy.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "text.h"

#define NAME_COLUMNS 50

/* The line that is written next: two, so that the handler never sees one that is half made. */
static char lines[2][256];
static char *volatile line;
static volatile sig_atomic_t shown;
static bool is_running;

static void set_timer(bool on)
{
	const struct itimerval timer = { { on, 0 }, { on, 0 } };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* May run at any moment: only what signal-safety(7) allows. */
static void on_alarm(int number)
{
	/* In the background the line would spoil what the foreground shows. */
	if (!line || tcgetpgrp(STDERR_FILENO) != getpgrp())
		return;
	if (write(STDERR_FILENO, line, strlen(line)) > 0)
		shown = 1;
}

static bool is_wanted(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

void busy_begin(const char *what, const char *to)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	char *next = line == lines[0] ? lines[1] : lines[0];
	char name[256 - 64] = "";

	if (!is_running && !is_wanted())
		return;
	if (to)
		text_fit(name, sizeof(name), to, NAME_COLUMNS);
	snprintf(next, sizeof(lines[0]), "\regret: %.40s%s%s ...\033[K", what, to ? " " : "", name);
	line = next;
	if (is_running)
		return;
	is_running = true;
	sigaction(SIGALRM, &action, NULL);
	set_timer(true);
}

void busy_end(void)
{
	if (!is_running)
		return;
	set_timer(false);
	signal(SIGALRM, SIG_DFL);
	is_running = false;
	line = NULL;
	if (shown && write(STDERR_FILENO, "\r\033[K", 4) < 0)
		return; /* there is nobody to see it */
	shown = 0;
}
