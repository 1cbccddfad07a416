/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * code_tables.h - a profile as formats want it that have locations: addresses in mappings, with
 * functions in a table.
 *
 * A frame of a profile is a place in a file, and was at another address in each process; such
 * formats know one address space. So each module gets a range of addresses of its own, in which the
 * distance from the start is the offset in the file. The kernel and code made at run time are where
 * they were.
 */
#ifndef EGRET_EXPORT_CODE_TABLES_H
#define EGRET_EXPORT_CODE_TABLES_H

#include "export/intern.h"
#include "export/text.h"
#include "profile/profile.h"

struct egret_code_function {
	uint32_t name; /* string */
	uint32_t file; /* string; 0: not known */
};

/* The addresses of a module: [start, limit). Both 0: none of its frames are used. */
struct egret_code_range {
	uint64_t start, limit;
};

struct egret_code_tables {
	const struct egret_profile *profile;
	const struct egret_export_opts *opts;
	struct egret_interned strings; /* of const char *; 0 is "" */
	struct egret_interned functions;
	struct egret_arena texts;
	bool *used;			 /* by frame: a stack of opts->event has it */
	struct egret_code_range *ranges; /* by module */
};

/* 0 or -ENOMEM. Give back with _deinit in any case. The profile must outlive the tables. */
int egret_code_tables_init(struct egret_code_tables *tables, const struct egret_profile *profile,
			   const struct egret_export_opts *opts);
void egret_code_tables_deinit(struct egret_code_tables *tables);

/* Whether the format has the frame: opts may leave the kernel's out. */
bool egret_code_has_frame(const struct egret_code_tables *tables, uint32_t frame);

/* The address of a frame: within its call, where the frame is one that called. */
uint64_t egret_code_address(const struct egret_code_tables *tables, uint32_t frame);

/* The build-id of a module in hexadecimal, "" where it has none; lives as long as the tables. NULL
 * without memory. */
const char *egret_code_build_id(struct egret_code_tables *tables, uint32_t module);

/* The number of a text that is made fit to be shown (text.h), copied or living as long as the
 * tables; EGRET_INDEX_NONE without memory. */
uint32_t egret_code_string(struct egret_code_tables *tables, const char *text);

/* The function of a line, added when it is new; EGRET_INDEX_NONE without memory. */
uint32_t egret_code_function(struct egret_code_tables *tables, const struct egret_frame *line);

#endif
