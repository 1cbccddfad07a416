/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* message.c - what egret says to its user. */
#include "message.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "busy.h"

static void vsay(const char *hint, const char *format, va_list args)
{
	char line[2 * sizeof(struct egret_error)];

	vsnprintf(line, sizeof(line), format, args);
	for (unsigned char *p = (unsigned char *)line; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
	busy_end();
	fprintf(stderr, "egret: %s%s\n", line, hint);
}

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsay("", format, args);
	va_end(args);
}

int say_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsay("", format, args);
	va_end(args);
	return STATUS_FAILED;
}

int say_failure(const struct egret_error *err)
{
	return say_error("%s", err->text);
}

int say_usage(const char *command, const char *format, ...)
{
	char hint[80];
	va_list args;

	snprintf(hint, sizeof(hint), " (see 'egret help%s%s')", command ? " " : "",
		 command ? command : "");
	va_start(args, format);
	vsay(hint, format, args);
	va_end(args);
	return STATUS_USAGE;
}

int finish_stdout(int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno == EPIPE)
		return STATUS_SIGNAL + SIGPIPE;
	return say_error("cannot write standard output: %s",
			 errno ? strerror(errno) : "an earlier write failed");
}
