/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * annotation.h - a function, line by line and instruction by instruction, with the samples that hit
 * each.
 *
 * A sample hits the instruction that its leaf is at. Those of a function are the instructions of
 * its own symbols, and those that its inlined copies have become in other functions.
 */
#ifndef EGRET_CMD_ANNOTATION_H
#define EGRET_CMD_ANNOTATION_H

#include <stdbool.h>
#include <stdio.h>

#include <egret/egret.h>

struct annotation_opts {
	bool intel; /* Intel syntax; else AT&T's, as binutils and perf have it */
	bool no_source;
	const char *cache_dir; /* of names and lines; NULL: none */
};

enum annotation_kind {
	LINE_TEXT,   /* a remark, a heading */
	LINE_SOURCE, /* a line of source, with the samples of all its instructions */
	LINE_PLACE,  /* file and line of the instructions that follow, and what is inlined there */
	LINE_CODE,   /* an instruction */
};

struct annotation_line {
	enum annotation_kind kind;
	uint32_t number;  /* of the line of source; 0: none */
	uint64_t address; /* of the instruction, as disassemblers show it */
	uint64_t samples, value;
	char *text;
};

struct annotation {
	char *function, *module;
	uint64_t samples, value; /* that hit it */
	uint64_t whole;		 /* value of all of the profile */
	struct annotation_line *lines;
	size_t n, capacity;
};

/*
 * function: a name as in the profile; module: NULL or that of the function, its path or its file's
 * name (the one with most samples). annotation_deinit in either case.
 * Errors: -ENOENT: no such function in the profile; those of egret_symbolizer__open_module.
 */
int annotation_build(struct annotation *annotation, const struct egret_profile *profile,
		     uint32_t event, const char *function, const char *module,
		     const struct annotation_opts *opts, struct egret_error *err);
void annotation_deinit(struct annotation *annotation);

/* The line with the instruction that was hit most; 0 where none was. */
size_t annotation_hottest(const struct annotation *annotation);

/* As text. */
void annotation_print(const struct annotation *annotation, FILE *out);

/* Parts of building: adds a line; text is taken over, NULL being without memory. 0 or -ENOMEM. */
int annotation_add(struct annotation *annotation, enum annotation_kind kind, uint32_t number,
		   char *text);

#endif
