/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/file_names.h"

#include <errno.h>
#include <stdlib.h>

#include "elf/debug_find.h"
#include "symbolize/gopclntab.h"

struct egret_file_names {
	struct egret_symtab *symtab;
	struct egret_gopclntab *go;  /* NULL: not a Go program */
	struct egret_elf *debugdata; /* of .gnu_debugdata, where no other file has a .symtab */
};

static bool has_symbols(const struct egret_elf *elf)
{
	struct egret_section section;

	return elf && egret_elf_stored_section(elf, ".symtab", &section);
}

static int create_symtab(struct egret_file_names *names, const struct egret_elf *elf,
			 const struct egret_elf *debug, const uint64_t *vaddrs, size_t n,
			 struct egret_error *err)
{
	if (vaddrs)
		return egret_symtab_create_for(elf, debug, vaddrs, n, &names->symtab, err);
	return egret_symtab_create(elf, debug, &names->symtab, err);
}

int egret_file_names_create_for(const struct egret_elf *elf, const struct egret_elf *debug,
				const uint64_t *vaddrs, size_t n, struct egret_file_names **out,
				struct egret_error *err)
{
	struct egret_file_names *names = calloc(1, sizeof(*names));
	int ret;

	if (!names)
		return egret_fail(err, ENOMEM, "%s: no memory for its names", egret_elf_name(elf));
	/* Made of the .symtab that was stripped: it is asked where there is none. */
	if (!has_symbols(elf) && !has_symbols(debug) &&
	    !egret_elf_open_debugdata(elf, &names->debugdata))
		debug = names->debugdata;
	if (egret_gopclntab_create(elf, &names->go))
		names->go = NULL;
	ret = create_symtab(names, elf, debug, vaddrs, n, err);
	if (ret) {
		egret_file_names_destroy(names);
		return ret;
	}
	*out = names;
	return 0;
}

int egret_file_names_create(const struct egret_elf *elf, const struct egret_elf *debug,
			    struct egret_file_names **out, struct egret_error *err)
{
	return egret_file_names_create_for(elf, debug, NULL, 0, out, err);
}

void egret_file_names_destroy(struct egret_file_names *names)
{
	if (!names)
		return;
	egret_symtab_destroy(names->symtab);
	egret_gopclntab_destroy(names->go);
	egret_elf_destroy(names->debugdata);
	free(names);
}

size_t egret_file_names_memory(const struct egret_file_names *names)
{
	return sizeof(*names) + (names->symtab ? egret_symtab_memory(names->symtab) : 0);
}

/* The function itself, not what is inlined into it. */
static bool find_in_go(const struct egret_file_names *names, uint64_t vaddr,
		       struct egret_symbol *out)
{
	struct egret_dwarf_line lines[EGRET_DWARF_LINES_MAX];
	size_t n = egret_file_names_lines(names, vaddr, lines, EGRET_DWARF_LINES_MAX);

	if (!n || !lines[n - 1].function)
		return false;
	*out = (struct egret_symbol){ .name = lines[n - 1].function, .start = vaddr };
	return true;
}

size_t egret_file_names_lines(const struct egret_file_names *names, uint64_t vaddr,
			      struct egret_dwarf_line *lines, size_t max)
{
	return names->go ? egret_gopclntab_find(names->go, vaddr, lines, max) : 0;
}

bool egret_file_names_find(const struct egret_file_names *names, uint64_t vaddr,
			   struct egret_symbol *out, enum egret_name_reason *why)
{
	if (egret_symtab_find(names->symtab, vaddr, out) || find_in_go(names, vaddr, out))
		return true;
	if (why)
		*why = egret_symtab_is_full(names->symtab) || names->go ? EGRET_NAME_NO_SYMBOL
									: EGRET_NAME_STRIPPED;
	return false;
}

void egret_file_names_run(const struct egret_file_names *names, uint64_t vaddr,
			  struct egret_symbol_run *out, enum egret_name_reason *why)
{
	struct egret_symbol symbol;

	egret_symtab_run(names->symtab, vaddr, out);
	if (out->name)
		return;
	if (egret_file_names_find(names, vaddr, &symbol, why))
		out->name = symbol.name;
	if (names->go) {
		out->start = vaddr;
		out->end = vaddr + 1;
	}
}

int egret_file_names_each_run(const struct egret_file_names *names, egret_symbol_run_fn fn,
			      void *arg)
{
	return egret_symtab_each_run(names->symtab, fn, arg);
}
