/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* parsing_wire.h - questions about files and their answers, as they go through the parser. */
#ifndef EGRET_SESSION_PARSING_WIRE_H
#define EGRET_SESSION_PARSING_WIRE_H

#include <stdint.h>

enum egret_parsing_kind {
	EGRET_PARSING_FACTS,  /* answer: struct egret_elf_facts */
	EGRET_PARSING_TABLES, /* answer: struct egret_table_file, or nothing */
	EGRET_PARSING_NAMES,  /* text: egret_wire_names; answer: egret_wire_places */
	EGRET_PARSING_LINES,  /* the same, with lines */
};

struct egret_wire_names {
	uint32_t demangle; /* enum egret_demangle */
	uint32_t n;
	uint64_t vaddrs[]; /* n */
};

/* The answer: this, n places, n_lines lines, then text_len bytes of strings, the last byte 0. */
struct egret_wire_places {
	uint32_t n, n_lines;
	uint64_t text_len;
};

#define EGRET_WIRE_NO_TEXT UINT32_MAX

struct egret_wire_place {
	uint64_t start, end;
	uint32_t symbol; /* where its name is in the text; EGRET_WIRE_NO_TEXT */
	uint32_t reason;
	uint32_t first_line, n_lines;
};

struct egret_wire_line {
	uint32_t function, file; /* in the text */
	uint32_t line;
	uint32_t is_inlined;
};

#endif
