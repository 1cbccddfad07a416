/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fail.h - errors as functions of the agent return them. */
#ifndef EGRET_CMD_AGENT_FAIL_H
#define EGRET_CMD_AGENT_FAIL_H

#include <egret/egret.h>

/* -errnum, with one sentence in err (may be NULL). */
int agent_fail(struct egret_error *err, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
