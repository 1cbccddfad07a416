/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * code_names.h - all that is known of an address in one ELF file: its function, the functions
 * inlined there, their lines.
 *
 * The sources, in their order: the DWARF of the file or its debug file, which may have been indexed
 * by an earlier run (see dwarf_index.h); where that names no function, file_names.h. Each is
 * read when it is first needed.
 */
#ifndef EGRET_SESSION_CODE_NAMES_H
#define EGRET_SESSION_CODE_NAMES_H

#include <egret/egret.h>

#include "cache/cache.h"
#include "symbolize/dwarf_index.h"
#include "symbolize/name_reasons.h"
#include "symbolize/symbolize.h"

#define EGRET_CODE_LINES_MAX EGRET_DWARF_LINES_MAX

struct egret_code_names;

/*
 * debug may be NULL, and so may cache. All must outlive what is made here. Errors: -ENOMEM.
 */
int egret_code_names_create(const struct egret_elf *elf, const struct egret_elf *debug,
			    struct egret_cache *cache, struct egret_code_names **out,
			    struct egret_error *err);
/* The same for files that were opened by egret_parsing_open, and are read where they were. */
int egret_code_names_create_told(struct egret_parser *parser, const struct egret_elf *elf,
				 const struct egret_elf *debug, enum egret_demangle demangle,
				 struct egret_code_names **out, struct egret_error *err);
void egret_code_names_destroy(struct egret_code_names *code);
/* Whether names are as they are shown: those of a told file are demangled where they were read. */
bool egret_code_names_are_shown(const struct egret_code_names *code);
size_t egret_code_names_memory(const struct egret_code_names *code); /* bytes */

/*
 * The lines at vaddr, innermost first; returns their number, 0 where nothing is known. The
 * `function` of the last one may be NULL: there is a line, but no name; *reason (may be NULL) then
 * says why, as it does for 0. Strings live as long as code.
 */
size_t egret_code_names_find(struct egret_code_names *code, uint64_t vaddr,
			     struct egret_dwarf_line *lines, size_t max,
			     enum egret_name_reason *reason);

/*
 * Indexes what is at n addresses before they are asked for: much faster than one by one. threads:
 * how many; 0: none beside the caller's.
 */
void egret_code_names_prepare(struct egret_code_names *code, const uint64_t *vaddrs, size_t n,
			      unsigned int threads);

/* What find says from symbols alone, which takes no time: no lines. False: *reason says why. */
bool egret_code_names_symbol(struct egret_code_names *code, uint64_t vaddr,
			     struct egret_symbol *symbol, enum egret_name_reason *reason);

/* Has the symbols of n addresses at hand, where that takes a while for each. */
void egret_code_names_prepare_symbols(struct egret_code_names *code, const uint64_t *vaddrs,
				      size_t n);

/* Of no others will the symbols be asked: that they are few makes it cheap. Before the first one
 * is; not of told files, and not where lines are wanted. */
void egret_code_names_only(struct egret_code_names *code, const uint64_t *vaddrs, size_t n);

/* The same with the addresses around it of which it holds, too; not of told files. */
void egret_code_names_run(struct egret_code_names *code, uint64_t vaddr,
			  struct egret_symbol_run *run, enum egret_name_reason *reason);

/* Puts what was indexed into the cache. Not for where somebody waits. */
void egret_code_names_keep(struct egret_code_names *code);

/* Why an address that has a name has no line: one sentence. */
const char *egret_code_names_why_no_line(const struct egret_code_names *code);

#endif
