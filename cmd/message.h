/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* message.h - what egret says to its user, one line each, and its exit statuses. */
#ifndef EGRET_CMD_MESSAGE_H
#define EGRET_CMD_MESSAGE_H

#include <egret/egret.h>

enum exit_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_RUN = 127, /* the command to record could not be run: as in shells */
	STATUS_SIGNAL =
		128, /* plus the number of the signal that ended the command: as in shells */
};

/* "egret: ..." on standard error. Control characters in the line are replaced by '?'. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As say; returns STATUS_FAILED. */
int say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
int say_failure(const struct egret_error *err);

/* As say, with a pointer to the help of the command (NULL: of egret itself). Returns STATUS_USAGE.
 */
int say_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Flushes standard output: a command ends in it. Returns status, or, when not all could be written,
 * another: 128 + SIGPIPE, silently, for a reader that has gone; else STATUS_FAILED.
 */
int finish_stdout(int status);

#endif
