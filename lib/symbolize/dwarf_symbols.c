/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_symbols.h"

#include <dwarf.h>
#include <string.h>

/* Whether symbols of that language are the plain names of functions, at most with a suffix. */
static bool is_plain(uint64_t language)
{
	switch (language) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Go:
		return true;
	default:
		return false;
	}
}

/* "f.cold" and "f.isra.0" are f. */
static bool is_suffixed(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(symbol, name, len) && (!symbol[len] || symbol[len] == '.');
}

static void name_function(struct egret_dwarf_node *node, const struct egret_dwarf_symbols *symbols)
{
	struct egret_symbol symbol;

	if (!symbols->symbol_at(symbols->arg, node->start, &symbol) ||
	    (node->name && is_suffixed(symbol.name, node->name)))
		return;
	node->name = symbol.name;
	node->is_linkage_name = true;
}

/* Symbols of the lines of a sequence. */
static int add_symbols(struct egret_dwarf_tree *tree, const struct egret_dwarf_lines *lines,
		       const struct egret_dwarf_sequence *sequence,
		       const struct egret_dwarf_symbols *symbols)
{
	const struct egret_dwarf_row *rows = lines->rows + sequence->first;
	uint64_t pos = 0;
	int ret = 0;

	for (size_t i = 0; i < sequence->n && !ret; i++) {
		uint64_t end = i + 1 < sequence->n ? rows[i + 1].address : sequence->end;
		struct egret_symbol symbol;

		if (rows[i].address > pos)
			pos = rows[i].address;
		while (!ret && pos < end && pos < sequence->end &&
		       symbols->symbol_at(symbols->arg, pos, &symbol) && symbol.size &&
		       symbol.size <= UINT64_MAX - symbol.start) {
			uint64_t symbol_end = symbol.start + symbol.size;

			if (symbol_end > sequence->end)
				symbol_end = sequence->end;
			if (symbol_end <= pos)
				break;
			ret = egret_dwarf_tree_add(tree, symbol.name, pos, symbol_end);
			pos = symbol_end;
		}
	}
	return ret;
}

int egret_dwarf_take_symbols(struct egret_dwarf_tree *tree, const struct egret_dwarf_lines *lines,
			     const struct egret_dwarf_cu *cu,
			     const struct egret_dwarf_symbols *symbols)
{
	const struct egret_dwarf_value *language = &cu->v[EGRET_DWARF_LANGUAGE];
	int ret = 0;

	if (!symbols->symbol_at)
		return 0;
	if (!tree->n_nodes)
		for (size_t i = 0; i < lines->n_sequences && !ret; i++)
			ret = add_symbols(tree, lines, &lines->sequences[i], symbols);
	if (language->form && is_plain(language->u))
		return ret;
	for (size_t i = 0; i < tree->n_nodes; i++) {
		struct egret_dwarf_node *node = &tree->nodes[i];

		if (node->parent == EGRET_DWARF_NO_NODE && !node->is_linkage_name && node->start &&
		    !node->is_passed)
			name_function(node, symbols);
	}
	return ret;
}
