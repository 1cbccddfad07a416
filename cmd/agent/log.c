/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* log.c - what a daemon says. */
#include "agent/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEAT_S 60

static struct {
	pthread_mutex_t lock;
	char text[1200]; /* the last line */
	enum log_level level;
	unsigned long repeated; /* since it was told */
	time_t told;
} last = { .lock = PTHREAD_MUTEX_INITIALIZER };

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void write_line(enum log_level level, const char *text, unsigned long repeated)
{
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>", level);
	else
		fputs("egret agent: ", stderr);
	fputs(text, stderr);
	if (repeated)
		fprintf(stderr, " (%lu times more)", repeated);
	fputc('\n', stderr);
}

static void tell_repeated(time_t now)
{
	if (last.repeated)
		write_line(last.level, last.text, last.repeated);
	last.repeated = 0;
	last.told = now;
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[sizeof(last.text)];
	time_t now = now_s();
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	pthread_mutex_lock(&last.lock);
	if (!strcmp(text, last.text)) {
		last.repeated++;
		if (now - last.told >= REPEAT_S)
			tell_repeated(now);
	} else {
		tell_repeated(now);
		last.level = level;
		memcpy(last.text, text, sizeof(text));
		write_line(level, text, 0);
	}
	pthread_mutex_unlock(&last.lock);
}

void log_flush(int all)
{
	time_t now = now_s();

	pthread_mutex_lock(&last.lock);
	if (last.repeated && (all || now - last.told >= REPEAT_S))
		tell_repeated(now);
	pthread_mutex_unlock(&last.lock);
}
