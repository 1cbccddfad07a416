/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_build.h - from the DIEs and the line table of a unit to its blob.
 *
 * In two halves, so that threads may do the first: building reads DWARF and knows names by where
 * they stand in it; sealing gives them their offsets in the strings of the module.
 */
#ifndef EGRET_DWARF_BUILD_H
#define EGRET_DWARF_BUILD_H

#include "base/buffer.h"
#include "symbolize/dwarf_blob.h"
#include "symbolize/dwarf_line.h"
#include "symbolize/dwarf_strings.h"
#include "symbolize/dwarf_tree.h"

/* What a builder works with; one thread at a time. Zero-initialise. */
struct egret_dwarf_builder {
	struct egret_dwarf_symbols symbols; /* may be empty */
	struct egret_dwarf_reader reader;
	struct egret_dwarf_tree tree;
	struct egret_dwarf_lines lines;
	struct egret_dwarf_interval *heap; /* intervals that hold the address under way */
	size_t heap_room;
	struct egret_dwarf_blob_row *rows; /* of nodes and lines together */
	size_t n_rows, rows_room;
	uint32_t *numbers; /* of nodes and files, in the blob */
	size_t numbers_room;
	struct egret_dwarf_window *windows; /* of the functions that are wanted */
	size_t n_windows, windows_room;
};

void egret_dwarf_builder_deinit(struct egret_dwarf_builder *builder);

/* A unit that is built. Names are in sections of DWARF; paths are its own. */
struct egret_dwarf_built {
	struct egret_dwarf_unit_head head;
	struct egret_dwarf_node *nodes; /* parents and call_file count from 1, 0: none */
	struct egret_buffer paths;	/* n_files, each with its NUL */
	struct egret_buffer blocks, rows;
	bool is_damaged;
};

struct egret_dwarf_build_input {
	const struct egret_dwarf_cu *cu; /* whose lines are read; builder.reader has it open */
	/* Whose DIEs are read, and what has it open: cu, or the split unit that belongs to it. */
	const struct egret_dwarf_cu *tree_cu;
	struct egret_dwarf_reader *tree_reader;
	const struct egret_code_ranges *code;
	const uint64_t *wanted; /* see struct egret_dwarf_extent; NULL: all is wanted */
	size_t n_wanted;
};

/*
 * Builds the blob of a unit. 0 or -ENOMEM; egret_dwarf_built_deinit in either case.
 */
int egret_dwarf_build(struct egret_dwarf_builder *builder,
		      const struct egret_dwarf_build_input *input, struct egret_dwarf_built *out);
void egret_dwarf_built_deinit(struct egret_dwarf_built *built);

/* Makes the bytes of the blob, which are the caller's to free. 0 or -ENOMEM. */
int egret_dwarf_seal(const struct egret_dwarf_built *built, struct egret_dwarf_strings *strings,
		     struct egret_dwarf_span *out);

#endif
