/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * symbolize.h - from (module, address) to names.
 *
 * Four sources, each an object that its owner makes once and asks often: the symbol table of an
 * ELF file, /proc/kallsyms, a JIT's perf map, and the demangler. Nothing here knows of processes.
 */
#ifndef EGRET_SYMBOLIZE_H
#define EGRET_SYMBOLIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "elf/elf_file.h"

/* A symbol that covers the address asked for. The name is owned by the table it came from. */
struct egret_symbol {
	const char *name;   /* as in the file: mangled */
	const char *module; /* kernel only: "[kernel.kallsyms]", "[nf_tables]", "[bpf]" */
	uint64_t start;	    /* address in the table's own space */
	uint64_t size;	    /* bytes; up to the next symbol where the table does not say */
};

/*
 * The function symbols of an ELF file and of its debug file (may be NULL): .symtab of either,
 * .dynsym, PLT entries as "name@plt". Sorted once, then a binary search. Where several symbols
 * cover an address the one that a linker's user would take wins: global before local, without a
 * version before with, shorter before longer. Both files must outlive the table.
 */
struct egret_symtab;
int egret_symtab_create(const struct egret_elf *elf, const struct egret_elf *debug,
			struct egret_symtab **out, struct egret_error *err);
/*
 * One that says of n addresses, of each by itself, what that of all symbols does, and nothing that
 * can be relied on of others. Two passes over the symbols, which are neither sorted nor kept: a
 * tenth of the time and less. Runs may be shorter.
 */
int egret_symtab_create_for(const struct egret_elf *elf, const struct egret_elf *debug,
			    const uint64_t *vaddrs, size_t n, struct egret_symtab **out,
			    struct egret_error *err);
void egret_symtab_destroy(struct egret_symtab *table);
size_t egret_symtab_memory(const struct egret_symtab *table); /* bytes, without the file's */
/* Whether a .symtab was among them: what has only .dynsym was stripped. */
bool egret_symtab_is_full(const struct egret_symtab *table);
/* vaddr: in the ELF file's own address space. */
bool egret_symtab_find(const struct egret_symtab *table, uint64_t vaddr, struct egret_symbol *out);
/*
 * Calls fn for each run of addresses that egret_symtab_find has the same name for, in order. Stops
 * where fn returns non-zero, and returns that; or -ENOMEM.
 */
typedef int (*egret_symbol_run_fn)(void *arg, uint64_t start, uint64_t end, const char *name);
int egret_symtab_each_run(const struct egret_symtab *table, egret_symbol_run_fn fn, void *arg);
/* The addresses around vaddr of which egret_symtab_find says the same. */
struct egret_symbol_run {
	uint64_t start, end; /* the first, and behind the last; 0 and UINT64_MAX at the ends */
	const char *name;    /* as egret_symbol.name; NULL: none has a symbol */
};
void egret_symtab_run(const struct egret_symtab *table, uint64_t vaddr,
		      struct egret_symbol_run *out);
/* The first function of that name, as it is in the file. */
bool egret_symtab_named(const struct egret_symtab *table, const char *name,
			struct egret_symbol *out);

/* The value of the first symbol of that name in .symtab, without a table of all of them. */
bool egret_symbol_value(const struct egret_elf *elf, const char *name, uint64_t *value);

/* /proc/kallsyms, or a saved copy of it. */
struct egret_kallsyms;
int egret_kallsyms_open(const char *path, struct egret_kallsyms **out, struct egret_error *err);
/* text stays the caller's. */
int egret_kallsyms_parse(const char *text, size_t len, struct egret_kallsyms **out,
			 struct egret_error *err);
void egret_kallsyms_destroy(struct egret_kallsyms *table);
/* False also where all addresses are hidden (kptr_restrict): see egret_kallsyms_hidden. */
bool egret_kallsyms_find(const struct egret_kallsyms *table, uint64_t addr,
			 struct egret_symbol *out);
bool egret_kallsyms_hidden(const struct egret_kallsyms *table);
/* The first symbol of that name in the kernel itself. Looks at all of them. */
bool egret_kallsyms_named(const struct egret_kallsyms *table, const char *name,
			  struct egret_symbol *out);

/*
 * A perf map: lines "START SIZE name", hexadecimal (Linux:
 * tools/perf/Documentation/jit-interface.txt).
 */
struct egret_perfmap;
/* text stays the caller's. Later lines win over earlier ones: code is replaced. */
int egret_perfmap_parse(const char *text, size_t len, struct egret_perfmap **out,
			struct egret_error *err);
void egret_perfmap_destroy(struct egret_perfmap *map);
bool egret_perfmap_find(const struct egret_perfmap *map, uint64_t addr, struct egret_symbol *out);

/*
 * Demangles C++, Rust (v0 and legacy) and D; NULL where name is not mangled (the caller uses it as
 * it is). The caller frees the result. Bounded in time and memory for hostile names.
 */
char *egret_demangle(const char *name);
/* The same without parameters and template arguments. */
char *egret_demangle_short(const char *name);
/* Takes parameters and template (generic) arguments out of a demangled name, in place. */
void egret_shorten_name(char *name);

#endif
