/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * told_names.h - the names in a file that somebody else reads: asked for many at a time, and kept.
 *
 * What was answered for a symbol is kept for all of its addresses, so that in a while there is
 * nothing left to ask; an address without a name, or with lines, for itself alone.
 */
#ifndef EGRET_SESSION_TOLD_NAMES_H
#define EGRET_SESSION_TOLD_NAMES_H

#include "session/parsing.h"

struct egret_told_names;

/* All outlive it. 0 or -ENOMEM. */
int egret_told_names_create(struct egret_parser *parser, const struct egret_elf *elf,
			    const struct egret_elf *debug, enum egret_demangle demangle,
			    struct egret_told_names **out);
void egret_told_names_destroy(struct egret_told_names *told);
size_t egret_told_names_memory(const struct egret_told_names *told); /* bytes */

/* Asks for what is not known of n addresses. */
void egret_told_names_prepare(struct egret_told_names *told, const uint64_t *vaddrs, size_t n,
			      bool lines);

/* As egret_code_names_symbol and egret_code_names_find, but for names, which are as shown. */
bool egret_told_names_symbol(struct egret_told_names *told, uint64_t vaddr,
			     struct egret_symbol *symbol, enum egret_name_reason *reason);
size_t egret_told_names_lines(struct egret_told_names *told, uint64_t vaddr,
			      struct egret_dwarf_line *lines, size_t max);

#endif
