/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* error.h - how a function fails: -errno, and a sentence for the person who has to mend it. */
#ifndef EGRET_BASE_ERROR_H
#define EGRET_BASE_ERROR_H

#include <egret/egret.h>

/*
 * Writes the sentence into err (may be NULL) and returns -errnum, so that a failing function ends
 * in `return egret_fail(err, ENOENT, "...")`. errnum: positive errno. Control characters in the
 * sentence are replaced by '?': file and event names come from outside.
 */
int egret_fail(struct egret_error *err, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

/* Puts "prefix: " before the sentence that is in err; returns errnum unchanged. */
int egret_fail_in(struct egret_error *err, int negative_errno, const char *format, ...)
	__attribute__((format(printf, 3, 4), cold));

#endif
