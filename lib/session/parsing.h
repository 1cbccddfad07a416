/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * parsing.h - what the session wants to know of a file, asked of a parser (parser/parser.h).
 *
 * Three questions, whose answers have no pointers and are checked before they are used: the facts
 * of a file (elf_file.h), its unwind tables (unwind/table_file.h), and names for addresses in it.
 */
#ifndef EGRET_SESSION_PARSING_H
#define EGRET_SESSION_PARSING_H

#include <egret/egret.h>

#include "cache/cache.h"
#include "elf/elf_file.h"
#include "parser/parser.h"
#include "symbolize/dwarf_index.h"
#include "symbolize/name_reasons.h"

/* In the confined process. */
int egret_parsing_answer(const struct egret_parser_question *question, struct egret_buffer *out);

/* Who is asked, and where facts and tables are kept for the next session; NULL: nowhere. */
struct egret_parsing {
	struct egret_parser *parser;
	struct egret_cache *cache;
};

/* Of the kind of struct egret_elf_opener; arg: const struct egret_parsing. */
int egret_parsing_open(void *arg, int fd, const char *name, struct egret_elf **out,
		       struct egret_error *err);

/*
 * All unwind tables of a file that was opened so, and of its debug file (may be NULL), as one
 * block: valid, but for being those of the file. out is empty. 0; -ENOENT: it has none; -errno.
 */
int egret_parsing_tables(const struct egret_parsing *parsing, const struct egret_elf *elf,
			 const struct egret_elf *debug, struct egret_buffer *out);

/* ---- names ------------------------------------------------------------------------------- */

/* What was answered for one address. Strings are in the answer. */
struct egret_parsed_place {
	uint64_t vaddr;
	uint64_t start, end; /* addresses with the same symbol; it holds vaddr */
	const char *symbol;  /* as it is shown; NULL: see reason */
	enum egret_name_reason reason;
	const struct egret_dwarf_line *lines; /* innermost first; names as they are shown */
	size_t n_lines;
};

struct egret_parsed_names {
	struct egret_buffer answer;
	struct egret_parsed_place *places; /* in the order in which they were asked for */
	size_t n;
	struct egret_dwarf_line *lines;
};

#define EGRET_PARSING_ADDRESSES_MAX 4096u

/*
 * Names for n addresses, at most EGRET_PARSING_ADDRESSES_MAX; lines: DWARF is read as well. 0 or
 * -errno; to be given back in either case.
 */
int egret_parsing_names(struct egret_parser *parser, const struct egret_elf *elf,
			const struct egret_elf *debug, enum egret_demangle demangle, bool lines,
			const uint64_t *vaddrs, size_t n, struct egret_parsed_names *out);
void egret_parsed_names_deinit(struct egret_parsed_names *names);

#endif
