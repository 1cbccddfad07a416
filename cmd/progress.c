/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* progress.c - one line on a terminal. */
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

#define PERIOD_MS 200

void progress_init(struct progress *progress, bool quiet)
{
	const char *term = getenv("TERM");

	*progress = (struct progress){ 0 };
	progress->on = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

void progress_show(struct progress *progress, const struct egret_session *session, uint64_t now_ms)
{
	struct egret_progress now = { .size = sizeof(now) };
	char line[160];
	int width, len;

	if (!progress->on || now_ms - progress->last_ms < PERIOD_MS)
		return;
	progress->last_ms = now_ms;
	/* In the background the line would spoil what the foreground shows. */
	if (tcgetpgrp(STDERR_FILENO) != getpgrp() || egret_session__progress(session, &now))
		return;
	len = snprintf(line, sizeof(line), "egret: %s  %s samples  %s captures  %s dropped  %s",
		       text_seconds((double)now.elapsed_ns / 1e9).text,
		       text_count(now.samples).text, text_count(now.captures).text,
		       text_count(now.dropped).text, text_bytes(now.bytes_written).text);
	width = text_terminal_width(stderr) - 1; /* a full line would wrap */
	fprintf(stderr, "\r%.*s\033[K", len < width ? len : width, line);
	progress->shown = true;
}

void progress_show_fetch(struct progress *progress, const char *file, uint64_t got, uint64_t total)
{
	int width = text_terminal_width(stderr) - 1;

	if (!progress->on || tcgetpgrp(STDERR_FILENO) != getpgrp())
		return;
	fputs("\regret: ", stderr);
	text_print(stderr, file, width - 60);
	fprintf(stderr, ": debuginfod, %s", text_bytes(got).text);
	if (total)
		fprintf(stderr, " of %s", text_bytes(total).text);
	fputs("\033[K", stderr);
	progress->shown = true;
}

void progress_clear(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
}
