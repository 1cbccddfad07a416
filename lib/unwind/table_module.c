/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/table_module.h"

#include <errno.h>
#include <stdlib.h>

#include "unwind/single_row.h"

/* Addresses of a table: 64 KiB. */
#define CHUNK_BITS EGRET_TABLE_PAGE_BITS
/* So many rows of a chunk are looked up one by one: in the time that its table takes. */
#define SINGLE_LOOKUPS 64

struct chunk {
	struct egret_table *table; /* NULL: not compiled yet */
	uint32_t lookups;
};

/* The CFI of one section. */
struct part {
	bool is_open; /* or there is none */
	struct egret_cfi_section section;
	struct egret_cfi_index index;
	struct chunk *chunks; /* NULL: there is no such section */
	struct egret_single_cache single;
};

struct egret_table_module {
	const struct egret_elf *elf;
	const struct egret_elf *debug;
	struct part parts[NR_EGRET_CFI_PLACES];
	struct egret_table *single; /* of the address whose rule had no room in its chunk */
	struct egret_full_row signal_frame;
};

int egret_table_module_create(const struct egret_elf *elf, const struct egret_elf *debug,
			      struct egret_table_module **out)
{
	struct egret_table_module *module = calloc(1, sizeof(*module));

	if (!module)
		return -ENOMEM;
	module->elf = elf;
	module->debug = debug;
	*out = module;
	return 0;
}

/* ---- sections ------------------------------------------------------------------------------- */

static size_t chunk_count(const struct egret_cfi_section *section)
{
	return ((section->code_end - section->code_start - 1) >> CHUNK_BITS) + 1;
}

static void close_part(struct part *part)
{
	for (size_t i = 0; part->chunks && i < chunk_count(&part->section); i++)
		free(part->chunks[i].table);
	free(part->chunks);
	egret_cfi_index_deinit(&part->index);
	egret_cfi_section_deinit(&part->section);
	*part = (struct part){ 0 };
}

void egret_table_module_destroy(struct egret_table_module *module)
{
	if (!module)
		return;
	for (size_t i = 0; i < NR_EGRET_CFI_PLACES; i++)
		close_part(&module->parts[i]);
	free(module->single);
	free(module);
}

static bool is_x86_64(const struct egret_elf *elf)
{
	return elf && egret_elf_machine(elf) == EM_X86_64 && egret_elf_is_64(elf);
}

static int find_section(const struct egret_table_module *module, enum egret_cfi_place place,
			struct egret_cfi_section *out)
{
	const struct egret_elf *elf = place == EGRET_CFI_SEPARATE_DEBUG_FRAME ? module->debug
									      : module->elf;

	if (!is_x86_64(elf))
		return -ENOENT;
	return place == EGRET_CFI_EH_FRAME ? egret_cfi_section_eh_frame(elf, out)
					   : egret_cfi_section_debug_frame(elf, out);
}

static int open_part(const struct egret_table_module *module, enum egret_cfi_place place,
		     struct part *part)
{
	int ret = find_section(module, place, &part->section);

	if (!ret)
		ret = egret_cfi_index_init(&part->index, &part->section);
	if (ret)
		return ret;
	part->chunks = calloc(chunk_count(&part->section), sizeof(*part->chunks));
	return part->chunks ? 0 : -ENOMEM;
}

/* Opened when it is first wanted. NULL: missing or damaged, which is one that covers no pc. */
static struct part *part_of(struct egret_table_module *module, enum egret_cfi_place place)
{
	struct part *part = &module->parts[place];

	if (!part->is_open) {
		if (open_part(module, place, part))
			close_part(part);
		part->is_open = true;
	}
	return part->chunks ? part : NULL;
}

const struct egret_cfi_index *egret_table_module_index(struct egret_table_module *module,
						       enum egret_cfi_place place)
{
	struct part *part = part_of(module, place);

	return part ? &part->index : NULL;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const struct egret_table *compile(struct part *part, struct chunk *chunk)
{
	const struct egret_cfi_section *section = &part->section;
	uint64_t number = (uint64_t)(chunk - part->chunks), start, end;

	start = section->code_start + (number << CHUNK_BITS);
	end = section->code_end - start > 1u << CHUNK_BITS ? start + (1u << CHUNK_BITS)
							   : section->code_end;
	egret_table_compile(&part->index, start, end, &chunk->table);
	return chunk->table;
}

/* The rule had no room in the table of its chunk: it has one in a table of its own. */
static struct egret_row_ref row_elsewhere(struct egret_table_module *module, struct part *part,
					  uint64_t vaddr)
{
	static const struct egret_row_ref bad = { .row = { .kind = EGRET_ROW_BAD } };
	uint32_t rule;

	free(module->single);
	egret_table_compile(&part->index, vaddr, vaddr + 1, &module->single);
	if (!module->single)
		return bad;
	rule = egret_table_find(module->single, vaddr);
	return rule == EGRET_TABLE_ELSEWHERE ? bad : egret_table_rule(module->single, rule);
}

/* What the section says. kind EGRET_ROW_NONE: nothing. */
static struct egret_row_ref row_of_part(struct egret_table_module *module, struct part *part,
					uint64_t vaddr, bool *is_lasting)
{
	const struct egret_cfi_section *section = &part->section;
	const struct egret_table *table;
	struct egret_row_ref ref = { .row = { .kind = EGRET_ROW_NONE } };
	struct chunk *chunk;
	uint32_t rule;

	if (vaddr < section->code_start || vaddr >= section->code_end)
		return ref;
	chunk = &part->chunks[(vaddr - section->code_start) >> CHUNK_BITS];
	if (!chunk->table && chunk->lookups++ < SINGLE_LOOKUPS &&
	    egret_single_row(&part->index, &part->single, vaddr, &ref.row))
		return ref;
	table = chunk->table ? chunk->table : compile(part, chunk);
	rule = table ? egret_table_find(table, vaddr) : EGRET_TABLE_ELSEWHERE;
	if (rule != EGRET_TABLE_ELSEWHERE)
		return egret_table_rule(table, rule);
	*is_lasting = false;
	return row_elsewhere(module, part, vaddr);
}

/*
 * Whether code at pc may be a signal trampoline, which has CFI that does not say so (Go) or none
 * (musl). They are functions of their own, of two instructions; looking at the bytes of all code
 * would bring its pages into memory.
 */
#define TRAMPOLINE_SIZE 9

static bool may_be_trampoline(struct part *part, uint64_t pc)
{
	const struct egret_cfi_index *index = &part->index;
	size_t i = egret_cfi_index_after(index, pc);
	const struct egret_cie *cie;
	struct egret_fde fde;

	if (!i || !egret_cfi_index_fde(index, i - 1, &part->single.cies, &cie, &fde))
		return true;
	return pc - fde.start <= TRAMPOLINE_SIZE || pc >= fde.end;
}

/* As above, by all of the CFI. */
static bool is_trampoline(struct egret_table_module *module, struct egret_place place)
{
	for (enum egret_cfi_place i = 0; i < NR_EGRET_CFI_PLACES; i++) {
		struct part *part = part_of(module, i);

		if (part && !may_be_trampoline(part, place.vaddr + place.is_return))
			return false;
	}
	return egret_code_row_signal(module->elf, place, &module->signal_frame);
}

struct egret_row_ref egret_table_module_row(struct egret_table_module *module,
					    struct egret_place place, bool *is_lasting)
{
	struct egret_row_ref ref = { .row = { .kind = EGRET_ROW_NONE } };

	*is_lasting = true;
	for (enum egret_cfi_place i = 0; i < NR_EGRET_CFI_PLACES && ref.row.kind == EGRET_ROW_NONE;
	     i++) {
		struct part *part = part_of(module, i);

		if (part)
			ref = row_of_part(module, part, place.vaddr, is_lasting);
	}
	if (ref.row.kind == EGRET_ROW_NONE)
		ref.row = egret_code_row(module->elf, place);
	if (!(ref.row.flags & EGRET_ROW_F_SIGNAL) && is_trampoline(module, place)) {
		ref.row = (struct egret_row){ .kind = EGRET_ROW_FULL, .flags = EGRET_ROW_F_SIGNAL };
		ref.full = &module->signal_frame;
	}
	return ref;
}
