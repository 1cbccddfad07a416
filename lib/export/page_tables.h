/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * page_tables.h - a profile as the report page wants it: merged by function, in columns.
 *
 * Frames are functions here (name, module, file, kind), not addresses, so that stacks which differ
 * only in the line inside a function are one; stacks are a tree of these, parents before children.
 */
#ifndef EGRET_EXPORT_PAGE_TABLES_H
#define EGRET_EXPORT_PAGE_TABLES_H

#include <egret/egret.h>

#include "base/buffer.h"
#include "export/intern.h"
#include "profile/arena.h"

/* Items have no padding inside their keys: equality is over the bytes. */
struct egret_page_frame {
	uint32_t name;	   /* string; all that follow up to flags are the key */
	uint32_t module;   /* string */
	uint32_t file;	   /* string; 0: not known */
	uint32_t kind;	   /* enum egret_frame_kind */
	uint32_t flags;	   /* EGRET_FRAME_F_INLINED, _UNNAMED */
	uint32_t ends;	   /* kind CUT: capture_end << 8 | unwind_end; else 0 */
	uint32_t line_min; /* 0: not known */
	uint32_t line_max;
	uint32_t how; /* EGRET_FRAME_F_FRAME_POINTER, _RECOVERED, of any of them */
};

struct egret_page_node {
	uint32_t parent; /* node; 0 is the root of all */
	uint32_t frame;
};

struct egret_page_thread {
	uint32_t process; /* string */
	uint32_t comm;	  /* string */
	uint32_t labels;  /* string: of its process, a JSON object; "": none */
	int32_t pid;
	int32_t tid;
};

struct egret_page_stack {
	uint32_t node; /* the key: up to ends */
	uint32_t thread;
	uint32_t ends; /* capture_end << 8 | unwind_end */
	uint32_t reserved;
	uint64_t samples;
	uint64_t value;
	uint64_t bytes_wanted;
	uint64_t bytes_got;
	uint64_t base_samples; /* of opts->base */
	uint64_t base_value;
};

struct egret_page_tables {
	struct egret_interned strings; /* of const char *; 0 is "" */
	struct egret_interned frames;
	struct egret_interned nodes; /* 0 is the root, without a frame */
	struct egret_interned threads;
	struct egret_interned stacks;
	struct egret_arena texts; /* of strings that are not the profile's */
	uint32_t *stack_of;	  /* by entry of the profile; EGRET_INDEX_NONE: of another event */
};

/*
 * Fills tables from the entries of opts->event, and of opts->base_event of opts->base. 0 or
 * -ENOMEM. Give back with _deinit in any case.
 */
int egret_page_tables_fill(struct egret_page_tables *tables, const struct egret_profile *profile,
			   const struct egret_export_opts *opts);
void egret_page_tables_deinit(struct egret_page_tables *tables);

/*
 * The page's data: the length of a JSON document (u32, little endian), the document (strings, and
 * what the recording says about itself), and the columns of the tables as LEB128 numbers, one
 * column after the other. page/src/data.ts is the reader.
 */
int egret_page_data(const struct egret_page_tables *tables, const struct egret_profile *profile,
		    const struct egret_export_opts *opts, struct egret_buffer *data);

/*
 * When each sample was, thread by thread, as LEB128 numbers: 1 where all samples have one value,
 * and that value; else 0. Then of each page thread its number of samples, the times of these as
 * differences in microseconds (from the first sample of the recording, rounded down), their stacks
 * (numbered among the stacks of that thread, in the order of the table), and, if they differ, their
 * values. page/src/samples.ts is the reader. Appends nothing where samples were not kept, or
 * are numbered and not timed (what was imported from a format without times).
 */
int egret_page_samples(const struct egret_page_tables *tables, const struct egret_profile *profile,
		       const struct egret_export_opts *opts, struct egret_buffer *data);

#endif
