/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* source_file.h - the lines of source files, which may be gone, or anything at all. */
#ifndef EGRET_CMD_SOURCE_FILE_H
#define EGRET_CMD_SOURCE_FILE_H

#include <stddef.h>
#include <stdint.h>

struct source_file {
	char *path;
	char *text;   /* NULL: it could not be read */
	char **lines; /* in text; each with a NUL */
	size_t n;
	int error; /* why not: errno */
};

struct source_files {
	struct source_file *files;
	size_t n;
};

/* The file of that path, read when it is first asked for. NULL without memory. */
const struct source_file *source_files_get(struct source_files *files, const char *path);
void source_files_deinit(struct source_files *files);

/* A line (from 1 on), tabs made blanks, on the heap; "" where there is none. NULL without memory.
 */
char *source_line(const struct source_file *file, uint32_t number);

#endif
