/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cut_files.h - files that are cut short while egret has them mapped.
 *
 * Programs and debug files are mapped, and read long after: by then somebody may have truncated
 * them, and a read beyond the new end raises SIGBUS, which would end egret and with it the
 * recording. The library installs no signal handlers; the command does. A page that is gone counts
 * as zeros from then on, which readers of files that lie are made for, and is counted.
 */
#ifndef EGRET_CMD_CUT_FILES_H
#define EGRET_CMD_CUT_FILES_H

/* From now on, for the whole process. Programs that it executes have the default again. */
void cut_files_survive(void);

/* Says so where pages were missing. */
void cut_files_report(void);

#endif
