/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/code_names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/file_names.h"

struct egret_code_names {
	const struct egret_elf *elf, *debug;
	struct egret_dwarf_index *lines;
	struct egret_file_names *names; /* NULL: see names_tried */
	bool names_tried;
};

int egret_code_names_create(const struct egret_elf *elf, const struct egret_elf *debug,
			    struct egret_code_names **out, struct egret_error *err)
{
	struct egret_code_names *code = calloc(1, sizeof(*code));
	int ret;

	if (!code)
		return egret_fail(err, ENOMEM, "%s: no memory for its names", egret_elf_name(elf));
	code->elf = elf;
	code->debug = debug;
	ret = egret_dwarf_index_create(elf, debug, NULL, &code->lines, err);
	if (ret) {
		egret_code_names_destroy(code);
		return ret;
	}
	*out = code;
	return 0;
}

void egret_code_names_destroy(struct egret_code_names *code)
{
	if (!code)
		return;
	egret_dwarf_index_destroy(code->lines);
	egret_file_names_destroy(code->names);
	free(code);
}

static const char *symbol_at(struct egret_code_names *code, uint64_t vaddr,
			     enum egret_name_reason *why)
{
	struct egret_symbol symbol;

	*why = EGRET_NAME_NO_SYMBOL;
	if (!code->names_tried) {
		code->names_tried = true;
		if (egret_file_names_create(code->elf, code->debug, &code->names, NULL))
			code->names = NULL;
	}
	if (!code->names || !egret_file_names_find(code->names, vaddr, &symbol, why))
		return NULL;
	return symbol.name;
}

/*
 * Whether symbol is the name of a function, or that and what a compiler puts behind it when it
 * makes another function of it: .cold, .part.0, .constprop.1.
 */
static bool is_variant(const char *symbol, const char *name)
{
	size_t len = strlen(name);

	return !strncmp(symbol, name, len) && (!symbol[len] || symbol[len] == '.');
}

/*
 * DWARF has linkage names for what is mangled, but not for all of it (members of local classes,
 * Fortran's main program): a plain name that the linker does not know is worse than its own.
 */
static void name_outermost(struct egret_code_names *code, uint64_t vaddr,
			   struct egret_dwarf_line *line, enum egret_name_reason *why)
{
	const char *symbol = line->is_linkage_name ? NULL : symbol_at(code, vaddr, why);

	if (!symbol || (line->function && is_variant(symbol, line->function)))
		return;
	line->function = symbol;
	line->is_linkage_name = true;
}

size_t egret_code_names_find(struct egret_code_names *code, uint64_t vaddr,
			     struct egret_dwarf_line *lines, size_t max,
			     enum egret_name_reason *why)
{
	size_t n = egret_dwarf_index_find(code->lines, vaddr, lines, max);

	if (n) {
		name_outermost(code, vaddr, &lines[n - 1], why);
		return n;
	}
	lines[0] = (struct egret_dwarf_line){ .function = symbol_at(code, vaddr, why),
					      .is_linkage_name = true };
	return lines[0].function ? 1 : 0;
}

const char *egret_code_names_why_no_line(const struct egret_code_names *code)
{
	const char *why = egret_dwarf_index_why(code->lines);

	return why ? why : "its DWARF has no line there";
}
