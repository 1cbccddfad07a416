/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void scrub(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
}

int egret_fail(struct egret_error *err, int errnum, const char *format, ...)
{
	va_list args;

	if (err) {
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
		scrub(err->text);
	}
	return -errnum;
}

int egret_fail_in(struct egret_error *err, int negative_errno, const char *format, ...)
{
	char cause[sizeof(err->text)], *rest;
	va_list args;
	size_t len;

	if (!err)
		return negative_errno;
	memcpy(cause, err->text, sizeof(cause));
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	len = strlen(err->text);
	rest = err->text + len;
	if (sizeof(err->text) - len > 3) {
		memcpy(rest, ": ", 2);
		stpncpy(rest + 2, cause, sizeof(err->text) - len - 3)[0] = 0;
	}
	scrub(err->text);
	return negative_errno;
}
