/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A PLT entry jumps through a slot of the GOT: `jmp *disp(%rip)`, ff 25 disp32. Which prefix it
 * has, and what else the entry does, differs between linkers and with -z ibtplt. So the jump is
 * looked for, and believed where a relocation fills the slot that it goes through.
 */
#include "symbolize/plt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define JUMP_LEN 6 /* ff 25 disp32 */

static const struct plt_section {
	const char *name;
	size_t stride; /* bytes of an entry, where nobody says */
	bool binds;    /* what jumps through no slot asks the dynamic linker to fill one */
} sections[] = { { ".plt", 16, true }, { ".plt.sec", 16, false }, { ".plt.got", 8, false } };

/* A GOT slot that the dynamic linker fills with the address of a function. */
struct slot {
	uint64_t vaddr;
	uint32_t symbol; /* index in .dynsym; 0: resolver */
	uint64_t resolver;
};

struct slots {
	struct slot *slots;
	size_t n;
};

struct dynamic_names {
	const uint8_t *symbols; /* Elf64_Sym each, at any alignment */
	size_t n_symbols;
	const char *strings;
	size_t strings_size; /* ends behind a NUL */
};

static void load_names(const struct egret_elf *elf, struct dynamic_names *names)
{
	struct egret_section symbols, strings;

	*names = (struct dynamic_names){ 0 };
	if (!egret_elf_section(elf, ".dynsym", &symbols) || !symbols.data ||
	    !egret_elf_section(elf, ".dynstr", &strings) || !strings.data)
		return;
	names->symbols = symbols.data;
	names->n_symbols = symbols.size / sizeof(Elf64_Sym);
	names->strings = strings.data;
	names->strings_size = strings.size;
	while (names->strings_size && names->strings[names->strings_size - 1])
		names->strings_size--;
}

static const char *name_of(const struct dynamic_names *names, uint32_t index)
{
	Elf64_Sym symbol;

	if (index >= names->n_symbols)
		return NULL;
	memcpy(&symbol, names->symbols + index * sizeof(symbol), sizeof(symbol));
	if (symbol.st_name >= names->strings_size || !names->strings[symbol.st_name])
		return NULL;
	return names->strings + symbol.st_name;
}

static bool is_function_slot(const Elf64_Rela *rela)
{
	switch (ELF64_R_TYPE(rela->r_info)) {
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_GLOB_DAT:
		return ELF64_R_SYM(rela->r_info) != 0;
	case R_X86_64_IRELATIVE:
		return true;
	default:
		return false;
	}
}

/* Two passes over the relocations: almost all of a large .rela.dyn are of other types. */
static int add_slots(const struct egret_elf *elf, const char *name, struct slots *slots)
{
	struct egret_section section;
	const uint8_t *bytes;
	struct slot *grown;
	size_t n = 0, count;
	Elf64_Rela rela;

	if (!egret_elf_section(elf, name, &section) || !section.data)
		return 0;
	bytes = section.data;
	count = section.size / sizeof(rela);
	for (size_t i = 0; i < count; i++) {
		memcpy(&rela, bytes + i * sizeof(rela), sizeof(rela));
		n += is_function_slot(&rela);
	}
	if (!n)
		return 0;
	grown = reallocarray(slots->slots, slots->n + n, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	slots->slots = grown;
	for (size_t i = 0; i < count; i++) {
		memcpy(&rela, bytes + i * sizeof(rela), sizeof(rela));
		if (is_function_slot(&rela))
			slots->slots[slots->n++] =
				(struct slot){ rela.r_offset, (uint32_t)ELF64_R_SYM(rela.r_info),
					       (uint64_t)rela.r_addend };
	}
	return 0;
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return (x->vaddr > y->vaddr) - (x->vaddr < y->vaddr);
}

/* The slot that the jump in an entry goes through; NULL where there is no such jump. */
static const struct slot *slot_of(const struct slots *slots, const uint8_t *code, size_t len,
				  uint64_t vaddr)
{
	for (size_t i = 0; i + JUMP_LEN <= len; i++) {
		struct slot key = { 0 }, *found;
		int32_t disp;

		if (code[i] != 0xff || code[i + 1] != 0x25)
			continue;
		memcpy(&disp, code + i + 2, sizeof(disp));
		key.vaddr = vaddr + i + JUMP_LEN + (uint64_t)(int64_t)disp;
		found = bsearch(&key, slots->slots, slots->n, sizeof(key), compare_slots);
		if (found)
			return found;
	}
	return NULL;
}

/*
 * gold says 8 or 16 only where it is true, lld nothing; nor does GNU ld for a static program, whose
 * entries are of 8 bytes: a jump in each.
 */
static size_t stride_of(const struct egret_section *section, size_t default_stride,
			const struct slots *slots)
{
	uint64_t vaddr = section->shdr.sh_addr, said = section->shdr.sh_entsize;
	const uint8_t *code = section->data;

	if (section->size >= 16 && slot_of(slots, code, 8, vaddr) &&
	    slot_of(slots, code + 8, 8, vaddr + 8))
		return 8;
	return said == 8 || said == 16 ? said : default_stride;
}

/* The entry at an address, which jumps through slot. False: nobody says where that leads. */
static bool make_entry(struct egret_plt_entry *entry, uint64_t start, size_t size,
		       const struct slot *slot, const struct dynamic_names *names)
{
	*entry = (struct egret_plt_entry){
		.start = start,
		.size = size,
		.name = slot->symbol ? name_of(names, slot->symbol) : NULL,
		.resolver = slot->resolver,
	};
	return entry->name || !slot->symbol;
}

static int each_of_section(const struct egret_elf *elf, const struct plt_section *kind,
			   const struct slots *slots, const struct dynamic_names *names,
			   egret_plt_fn fn, void *arg)
{
	struct egret_section section;
	struct egret_plt_entry binding = { .binds = true };
	size_t stride;
	int ret = 0;

	if (!egret_elf_section(elf, kind->name, &section) || !section.data)
		return 0;
	stride = stride_of(&section, kind->stride, slots);
	for (size_t at = 0; !ret && section.size - at >= stride; at += stride) {
		uint64_t start = section.shdr.sh_addr + at;
		const uint8_t *code = (const uint8_t *)section.data + at;
		const struct slot *slot = slot_of(slots, code, stride, start);
		struct egret_plt_entry entry;

		if (!slot && kind->binds) {
			binding.start = binding.size ? binding.start : start;
			binding.size += stride;
			continue;
		}
		if (binding.size)
			ret = fn(&binding, arg);
		binding.size = 0;
		if (!ret && slot && make_entry(&entry, start, stride, slot, names))
			ret = fn(&entry, arg);
	}
	return ret || !binding.size ? ret : fn(&binding, arg);
}

bool egret_plt_holds(const struct egret_elf *elf, uint64_t vaddr)
{
	struct egret_section section;

	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
		if (egret_elf_section(elf, sections[i].name, &section) &&
		    vaddr - section.shdr.sh_addr < section.shdr.sh_size)
			return true;
	return false;
}

int egret_plt_each(const struct egret_elf *elf, egret_plt_fn fn, void *arg)
{
	struct slots slots = { 0 };
	struct dynamic_names names;
	int ret;

	if (egret_elf_machine(elf) != EM_X86_64 || !egret_elf_is_64(elf))
		return 0;
	ret = add_slots(elf, ".rela.plt", &slots);
	if (!ret)
		ret = add_slots(elf, ".rela.dyn", &slots);
	if (!ret && slots.n) {
		qsort(slots.slots, slots.n, sizeof(*slots.slots), compare_slots);
		load_names(elf, &names);
		for (size_t i = 0; !ret && i < sizeof(sections) / sizeof(sections[0]); i++)
			ret = each_of_section(elf, &sections[i], &slots, &names, fn, arg);
	}
	free(slots.slots);
	return ret;
}
