/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/code_names.h"

#include <errno.h>
#include <stdlib.h>

#include "symbolize/file_names.h"

struct egret_code_names {
	const struct egret_elf *elf, *debug;
	struct egret_file_names *names;
	bool names_tried;
};

int egret_code_names_create(const struct egret_elf *elf, const struct egret_elf *debug,
			    struct egret_code_names **out, struct egret_error *err)
{
	struct egret_code_names *code = calloc(1, sizeof(*code));

	if (!code)
		return egret_fail(err, ENOMEM, "%s: no memory for its names", egret_elf_name(elf));
	code->elf = elf;
	code->debug = debug;
	*out = code;
	return 0;
}

void egret_code_names_destroy(struct egret_code_names *code)
{
	if (!code)
		return;
	egret_file_names_destroy(code->names);
	free(code);
}

static const char *symbol_at(struct egret_code_names *code, uint64_t vaddr)
{
	struct egret_symbol symbol;

	if (!code->names_tried) {
		code->names_tried = true;
		if (egret_file_names_create(code->elf, code->debug, &code->names, NULL))
			code->names = NULL;
	}
	return code->names && egret_file_names_find(code->names, vaddr, &symbol, NULL) ? symbol.name
										       : NULL;
}

size_t egret_code_names_find(struct egret_code_names *code, uint64_t vaddr,
			     struct egret_dwarf_line *lines, size_t max)
{
	lines[0] = (struct egret_dwarf_line){ .function = symbol_at(code, vaddr),
					      .is_linkage_name = true };
	return lines[0].function ? 1 : 0;
}

const char *egret_code_names_why(const struct egret_code_names *code, bool has_name)
{
	return has_name ? "the file has no line there" : "no symbol of the file covers it";
}
