/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * output.h - a file that bears its name only when it is whole.
 *
 * It is written as FILE.part, and renamed to FILE at the end. A writer that is killed leaves the
 * part, which can be read up to its last flush. What is no regular file (a pipe, /dev/null, "-" for
 * standard output) is written directly.
 */
#ifndef EGRET_CMD_OUTPUT_H
#define EGRET_CMD_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/egret.h>

struct output {
	char *path; /* NULL: not open */
	char *part; /* NULL: written directly */
	int fd;
};

#define OUTPUT_NONE ((struct output){ .fd = -1 })

/*
 * Opens path for writing. is_binary: not to a terminal. A part that another recording left behind
 * is kept, as FILE.part.old; one that is being written right now is an error. 0, or -errno with a
 * sentence.
 */
int output_open(struct output *output, const char *path, bool is_binary, struct egret_error *err);

/*
 * The same for a file that is of no use before it is whole: a signal that ends egret takes the part
 * away. One of these at a time.
 */
int output_open_whole(struct output *output, const char *path, bool is_binary,
		      struct egret_error *err);

/*
 * Gives the file its name, `name` or, if that is NULL, the one it was opened for; keep_old renames
 * a file of that name to NAME.old. Closes the output, also on failure.
 */
int output_commit(struct output *output, const char *name, bool keep_old, struct egret_error *err);

/* Closes the output; nothing is left behind. NULL-safe in the sense that it may be closed already.
 */
void output_discard(struct output *output);

/* Closes the output, and leaves the part where it is. */
void output_leave(struct output *output);

/* Bytes in the file; 0 where that is not known. */
uint64_t output_size(const struct output *output);

#endif
