/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_line.h - the line table of one unit: which line the instructions at an address are of.
 *
 * A *row* holds up to the next one; a *sequence* is a run of rows that belong together, of which
 * the last marks its end. DWARF 5: section 6.2; versions 2 to 5 are read.
 */
#ifndef EGRET_DWARF_LINE_H
#define EGRET_DWARF_LINE_H

#include "symbolize/code_ranges.h"
#include "symbolize/dwarf_die.h"

struct egret_dwarf_row {
	uint64_t address;
	uint32_t file; /* number in the table, as the program says */
	uint32_t line;
};

struct egret_dwarf_sequence {
	uint64_t start, end; /* addresses */
	size_t first, n;     /* rows */
};

struct egret_dwarf_line_file {
	const char *name;
	uint64_t directory;
};

/* Zero-initialise; what one unit has left is room for the next. */
struct egret_dwarf_lines {
	struct egret_dwarf_row *rows; /* those that follow each other differ in file or line */
	size_t n_rows, rows_room;
	struct egret_dwarf_sequence *sequences; /* by start */
	size_t n_sequences, sequences_room;
	struct egret_dwarf_line_file *files;
	size_t n_files, files_room;
	const char **directories;
	size_t n_directories, directories_room;
	uint8_t version;
	const char *comp_dir;
};

/* Addresses that are wanted. */
struct egret_dwarf_window {
	uint64_t start, end;
};

/* Sorted, disjoint. n 0: all addresses are wanted. */
struct egret_dwarf_windows {
	const struct egret_dwarf_window *items;
	size_t n;
};

void egret_dwarf_lines_deinit(struct egret_dwarf_lines *lines);

/*
 * Reads the table at an offset of .debug_line of cu's file: files, and the sequences that begin in
 * code. What is damaged ends it. Between windows rows may be missing, and sequences beyond them. 0
 * or -ENOMEM.
 */
int egret_dwarf_lines_read(struct egret_dwarf_lines *lines, struct egret_dwarf_reader *reader,
			   const struct egret_dwarf_cu *cu, uint64_t offset,
			   const struct egret_code_ranges *code,
			   struct egret_dwarf_windows windows);

/*
 * The path of a file, by its number: absolute where the unit tells its directory. Writes at most
 * size bytes with the NUL, of longer ones the beginning. False: there is no such file.
 */
bool egret_dwarf_lines_path(const struct egret_dwarf_lines *lines, uint64_t file, char *to,
			    size_t size);

#endif
