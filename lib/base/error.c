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
	struct egret_error whole;
	va_list args;
	int len;

	if (!err)
		return negative_errno;
	va_start(args, format);
	len = vsnprintf(whole.text, sizeof(whole.text), format, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof(whole.text))
		snprintf(whole.text + len, sizeof(whole.text) - (size_t)len, ": %s", err->text);
	scrub(whole.text);
	*err = whole;
	return negative_errno;
}
