/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * busy.h - one line on a terminal that says what takes so long; for what is over within a second,
 * and elsewhere than on a terminal, nothing.
 *
 * A timer writes it, so that what works need not look at the clock. Ctrl-C ends a command that only
 * reads as ever: nothing stands in its way.
 */
#ifndef EGRET_CMD_BUSY_H
#define EGRET_CMD_BUSY_H

/* From now on egret does this, to that (may be NULL): "reading", "egret.data". */
void busy_begin(const char *what, const char *to);

/* Takes the line away: before anything else is written to the terminal. */
void busy_end(void);

#endif
