/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * file_names.h - the names in one file: all of its sources, in a fixed order.
 *
 *	1. .symtab of the file and of its debug file, or that of .gnu_debugdata, and .dynsym: one
 *	   table, see symbolize.h
 *	2. PLT entries
 *	3. .gopclntab, which a stripped Go program still has
 *
 * The first that covers an address has its name.
 */
#ifndef EGRET_FILE_NAMES_H
#define EGRET_FILE_NAMES_H

#include "symbolize/dwarf_index.h"
#include "symbolize/name_reasons.h"
#include "symbolize/symbolize.h"

struct egret_file_names;

/* debug: the separate debug file, or NULL. Both must outlive what is made. -ENOMEM. */
int egret_file_names_create(const struct egret_elf *elf, const struct egret_elf *debug,
			    struct egret_file_names **out, struct egret_error *err);
/* Of n addresses alone, as egret_symtab_create_for; NULL: of all. */
int egret_file_names_create_for(const struct egret_elf *elf, const struct egret_elf *debug,
				const uint64_t *vaddrs, size_t n, struct egret_file_names **out,
				struct egret_error *err);
void egret_file_names_destroy(struct egret_file_names *names);
size_t egret_file_names_memory(const struct egret_file_names *names); /* bytes */

/*
 * The function at vaddr, of the file's own address space. False: none; *why (may be NULL) is then
 * EGRET_NAME_NO_SYMBOL, or EGRET_NAME_STRIPPED.
 */
bool egret_file_names_find(const struct egret_file_names *names, uint64_t vaddr,
			   struct egret_symbol *out, enum egret_name_reason *why);

/*
 * The lines at vaddr by the file's own tables, as egret_dwarf_index_find gives them, for where
 * there is no DWARF: of Go programs. Returns their number, at most max; 0: nothing is known.
 */
size_t egret_file_names_lines(const struct egret_file_names *names, uint64_t vaddr,
			      struct egret_dwarf_line *lines, size_t max);

/* As egret_symtab_run, and *why as above. In code of Go a run is vaddr alone. */
void egret_file_names_run(const struct egret_file_names *names, uint64_t vaddr,
			  struct egret_symbol_run *out, enum egret_name_reason *why);

/* As egret_symtab_each_run, of the symbols. */
int egret_file_names_each_run(const struct egret_file_names *names, egret_symbol_run_fn fn,
			      void *arg);

#endif
