/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Where the tables of a Go program are: a section by name, and the runtime's own description of the
 * program, struct moduledata, which begins with a pointer to the tables and has no name once the
 * program is stripped. In a position-independent program its pointers may only be in relocations.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/gopclntab.h"

/* Offsets in struct moduledata. */
#define MODULE_FUNCNAMES 8
#define MODULE_TEXT 176
#define MODULE_GOFUNC_1_18 304
#define MODULE_GOFUNC_1_20 320
#define MODULE_SIZE 328

#define HEADER_FUNCNAMES_AT (8 + 3 * 8) /* in struct pcHeader */
#define MAGIC_1_20 0xfffffff1u

struct egret_gopclntab {
	struct egret_gopclntab_bytes bytes;
};

/* R_X86_64_RELATIVE relocations: pointers, and where they are. */
struct relocations {
	const uint8_t *bytes;
	size_t n;
};

struct search {
	const struct egret_elf *elf;
	uint64_t table; /* vaddr */
	uint64_t names; /* vaddr of the names in it */
	struct relocations relocations;
};

static bool read_relocation(const struct relocations *r, size_t i, Elf64_Rela *out)
{
	memcpy(out, r->bytes + i * sizeof(*out), sizeof(*out));
	return ELF64_R_TYPE(out->r_info) == R_X86_64_RELATIVE;
}

/* The bytes of the file at a virtual address; NULL: there are not that many. */
static const uint8_t *at_vaddr(const struct egret_elf *elf, uint64_t vaddr, size_t *len)
{
	const uint8_t *bytes;
	uint64_t offset;
	size_t size;

	bytes = egret_elf_bytes(elf, &size);
	if (!egret_elf_vaddr_to_offset(elf, vaddr, &offset) || offset >= size)
		return NULL;
	*len = size - offset;
	return bytes + offset;
}

/* A pointer at a virtual address. 0 where there is none. */
static uint64_t read_pointer(const struct search *s, uint64_t vaddr)
{
	const uint8_t *bytes;
	uint64_t value = 0;
	Elf64_Rela rela;
	size_t len;

	bytes = at_vaddr(s->elf, vaddr, &len);
	if (bytes && len >= sizeof(value))
		memcpy(&value, bytes, sizeof(value));
	for (size_t i = 0; !value && i < s->relocations.n; i++)
		if (read_relocation(&s->relocations, i, &rela) && rela.r_offset == vaddr)
			value = (uint64_t)rela.r_addend;
	return value;
}

static bool is_module(const struct search *s, uint64_t vaddr)
{
	return read_pointer(s, vaddr) == s->table &&
	       read_pointer(s, vaddr + MODULE_FUNCNAMES) == s->names;
}

/* Where struct moduledata is: vaddr, or 0. */
static uint64_t find_module(const struct search *s)
{
	static const char *const sections[] = { ".noptrdata", ".go.module", ".data",
						".data.rel.ro" };
	struct egret_section section;
	Elf64_Rela rela;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (!egret_elf_section(s->elf, sections[i], &section) || !section.data)
			continue;
		for (size_t at = 0; at + MODULE_SIZE <= section.size; at += 8) {
			uint64_t value;

			memcpy(&value, (const char *)section.data + at, sizeof(value));
			if (value == s->table && is_module(s, section.shdr.sh_addr + at))
				return section.shdr.sh_addr + at;
		}
	}
	for (size_t i = 0; i < s->relocations.n; i++)
		if (read_relocation(&s->relocations, i, &rela) &&
		    (uint64_t)rela.r_addend == s->table && is_module(s, rela.r_offset))
			return rela.r_offset;
	return 0;
}

static void load_relocations(const struct egret_elf *elf, struct relocations *out)
{
	static const char *const sections[] = { ".rela.dyn", ".rela" };
	struct egret_section section;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (!egret_elf_section(elf, sections[i], &section) || !section.data)
			continue;
		*out = (struct relocations){ section.data, section.size / sizeof(Elf64_Rela) };
		return;
	}
}

/*
 * Where text begins, and the data that inline trees are in. Without struct moduledata: what the
 * header says of the one (up to Go 1.25), and no inline trees.
 */
static void find_rest(const struct egret_elf *elf, uint64_t vaddr,
		      struct egret_gopclntab_bytes *bytes)
{
	struct search s = { .elf = elf, .table = vaddr };
	uint64_t names, module;
	uint32_t magic;

	memcpy(&names, bytes->table + HEADER_FUNCNAMES_AT, sizeof(names));
	memcpy(&magic, bytes->table, sizeof(magic));
	s.names = vaddr + names;
	load_relocations(elf, &s.relocations);
	module = find_module(&s);
	if (!module) {
		bytes->text = read_pointer(&s, vaddr + 8 + 2 * 8);
		return;
	}
	bytes->text = read_pointer(&s, module + MODULE_TEXT);
	bytes->gofunc =
		at_vaddr(elf,
			 read_pointer(&s, module + (magic == MAGIC_1_20 ? MODULE_GOFUNC_1_20
									: MODULE_GOFUNC_1_18)),
			 &bytes->gofunc_size);
}

int egret_gopclntab_create(const struct egret_elf *elf, struct egret_gopclntab **out)
{
	struct egret_gopclntab_bytes bytes = { 0 };
	struct egret_gopclntab *table;
	struct egret_section section;

	if ((!egret_elf_section(elf, ".gopclntab", &section) &&
	     !egret_elf_section(elf, ".data.rel.ro.gopclntab", &section)) ||
	    !section.data)
		return -ENOENT;
	bytes.table = section.data;
	bytes.size = section.size;
	if (egret_elf_machine(elf) != EM_X86_64 || !egret_gopclntab_is_known(&bytes))
		return -ENOTSUP;
	find_rest(elf, section.shdr.sh_addr, &bytes);
	table = malloc(sizeof(*table));
	if (!table)
		return -ENOMEM;
	table->bytes = bytes;
	*out = table;
	return 0;
}

void egret_gopclntab_destroy(struct egret_gopclntab *table)
{
	free(table);
}

size_t egret_gopclntab_find(const struct egret_gopclntab *table, uint64_t vaddr,
			    struct egret_dwarf_line *lines, size_t max)
{
	return egret_gopclntab_find_in(&table->bytes, vaddr, lines, max);
}
