/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fail.c - errors as functions of the agent return them. */
#include "agent/fail.h"

#include <stdarg.h>
#include <stdio.h>

int agent_fail(struct egret_error *err, int errnum, const char *format, ...)
{
	va_list args;

	if (err) {
		va_start(args, format);
		vsnprintf(err->text, sizeof(err->text), format, args);
		va_end(args);
	}
	return -errnum;
}
