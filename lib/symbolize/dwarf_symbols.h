/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* dwarf_symbols.h - names of functions that DWARF does not tell, from the symbol table. */
#ifndef EGRET_DWARF_SYMBOLS_H
#define EGRET_DWARF_SYMBOLS_H

#include "symbolize/dwarf_index.h"
#include "symbolize/dwarf_line.h"
#include "symbolize/dwarf_tree.h"

/*
 * Gives functions of the tree that have no linkage name the symbol's, where it tells more than
 * theirs; and makes functions of the symbols at lines, where the unit has no functions at all.
 * 0 or -ENOMEM.
 */
int egret_dwarf_take_symbols(struct egret_dwarf_tree *tree, const struct egret_dwarf_lines *lines,
			     const struct egret_dwarf_cu *cu,
			     const struct egret_dwarf_symbols *symbols);

#endif
