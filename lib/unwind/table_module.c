/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/table_module.h"

#include <errno.h>
#include <stdlib.h>

/* Addresses of a table: 1 MiB. */
#define CHUNK_BITS 20

/* The CFI of one section. */
struct part {
	bool is_open; /* or there is none */
	struct egret_cfi_section section;
	struct egret_cfi_index index;
	struct egret_table *
		*chunks; /* NULL: not compiled yet; the array is NULL: no such section */
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
		free(part->chunks[i]);
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
	part->chunks = calloc(chunk_count(&part->section), sizeof(struct egret_table *));
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

static const struct egret_table *chunk_at(struct part *part, uint64_t vaddr)
{
	const struct egret_cfi_section *section = &part->section;
	uint64_t number = (vaddr - section->code_start) >> CHUNK_BITS, start, end;

	if (part->chunks[number])
		return part->chunks[number];
	start = section->code_start + (number << CHUNK_BITS);
	end = section->code_end - start > 1u << CHUNK_BITS ? start + (1u << CHUNK_BITS)
							   : section->code_end;
	egret_table_compile(&part->index, start, end, &part->chunks[number]);
	return part->chunks[number];
}

static struct egret_row_ref single_row(struct egret_table_module *module, struct part *part,
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
	const struct egret_table *chunk;
	uint32_t rule;

	if (vaddr < section->code_start || vaddr >= section->code_end)
		return (struct egret_row_ref){ .row = { .kind = EGRET_ROW_NONE } };
	chunk = chunk_at(part, vaddr);
	rule = chunk ? egret_table_find(chunk, vaddr) : EGRET_TABLE_ELSEWHERE;
	if (rule != EGRET_TABLE_ELSEWHERE)
		return egret_table_rule(chunk, rule);
	*is_lasting = false;
	return single_row(module, part, vaddr);
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
	/* Trampolines of Go and musl have no CFI, and what is before them may have some. */
	if (!(ref.row.flags & EGRET_ROW_F_SIGNAL) &&
	    egret_code_row_signal(module->elf, place, &module->signal_frame)) {
		ref.row = (struct egret_row){ .kind = EGRET_ROW_FULL, .flags = EGRET_ROW_F_SIGNAL };
		ref.full = &module->signal_frame;
	}
	return ref;
}
