/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * gopclntab.h - the tables that Go's runtime unwinds and reports by, which strip leaves in place:
 * functions, the calls inlined into them, files and lines.
 *
 * Of Go 1.18 and later (https://go.dev/src/runtime/symtab.go, struct pcHeader, _func, inlinedCall):
 * the layout is told by the magic number, 0xfffffff0 up to 1.19, 0xfffffff1 since.
 */
#ifndef EGRET_GOPCLNTAB_H
#define EGRET_GOPCLNTAB_H

#include "symbolize/dwarf_index.h"

/* What the tables are in: bytes that outlive them, and where they are at run time. */
struct egret_gopclntab_bytes {
	const uint8_t *table; /* from struct pcHeader on */
	size_t size;
	uint64_t text;	       /* vaddr that functions are relative to */
	const uint8_t *gofunc; /* data that inline trees are relative to; NULL: they are not used */
	size_t gofunc_size;
};

struct egret_gopclntab;

/* False: not such a table, or of another version. Looks up go by what is in the bytes. */
bool egret_gopclntab_is_known(const struct egret_gopclntab_bytes *bytes);

/*
 * The table of a Go program. 0; -ENOENT: there is none; -ENOTSUP: of a version that is not known;
 * -ENOMEM. elf must outlive it.
 */
int egret_gopclntab_create(const struct egret_elf *elf, struct egret_gopclntab **out);
void egret_gopclntab_destroy(struct egret_gopclntab *table);

/*
 * The lines at vaddr, as egret_dwarf_index_find gives them: innermost first, at most max. Returns
 * their number; 0: no function of Go is there. Strings are those of the table.
 */
size_t egret_gopclntab_find(const struct egret_gopclntab *table, uint64_t vaddr,
			    struct egret_dwarf_line *lines, size_t max);
/* The same of bytes. */
size_t egret_gopclntab_find_in(const struct egret_gopclntab_bytes *bytes, uint64_t vaddr,
			       struct egret_dwarf_line *lines, size_t max);

#endif
