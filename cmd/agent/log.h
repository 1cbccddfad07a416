/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * log.h - what a daemon says: one line an event, on standard error.
 *
 * Where that is the journal's ($JOURNAL_STREAM), lines begin with their priority ("<4>", see
 * sd-daemon(3)). A line that repeats the one before is counted, and told once a minute.
 */
#ifndef EGRET_CMD_AGENT_LOG_H
#define EGRET_CMD_AGENT_LOG_H

/* As of syslog(3). */
enum log_level { LOG_FAILURE = 3, LOG_TROUBLE = 4, LOG_FACT = 6 };

/* Any thread. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells what was counted and is older than a minute; all of it where `all` is set. */
void log_flush(int all);

#endif
