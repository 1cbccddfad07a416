/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/table_module.h"

#include <errno.h>
#include <stdlib.h>

#include "unwind/arch.h"
#include "unwind/single_row.h"

/* So many rows of a chunk are looked up one by one: in the time that its table takes. */
#define SINGLE_LOOKUPS 64

struct chunk {
	const struct egret_table *table; /* NULL: not compiled yet */
	uint32_t lookups;
	bool is_imported; /* table is; else of malloc */
};

/* The CFI of one section. */
struct part {
	bool is_known;		       /* what follows is set, or there is no such CFI */
	uint64_t code_start, code_end; /* that are covered by chunks */
	struct chunk *chunks;	       /* NULL: there is no such section */
	bool is_open;		       /* the section was looked for */
	bool has_section;	       /* and found: section and index are good */
	struct egret_cfi_section section;
	struct egret_cfi_index index;
	struct egret_single_cache single;
};

struct egret_table_module {
	const struct egret_arch *arch; /* of elf; NULL: an unknown one, which has no rows */
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
	module->arch = egret_arch_of(elf);
	module->elf = elf;
	module->debug = debug;
	*out = module;
	return 0;
}

/* ---- sections ------------------------------------------------------------------------------- */

static uint64_t chunk_count(const struct part *part)
{
	return part->chunks ? egret_chunk_count(part->code_start, part->code_end) : 0;
}

static void close_part(struct part *part)
{
	for (uint64_t i = 0; i < chunk_count(part); i++)
		if (!part->chunks[i].is_imported)
			free((void *)part->chunks[i].table);
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

/* The file that has the CFI of a place; NULL: none that can be used. */
static const struct egret_elf *file_of(const struct egret_table_module *module,
				       enum egret_cfi_place place)
{
	const struct egret_elf *elf = place == EGRET_CFI_SEPARATE_DEBUG_FRAME ? module->debug
									      : module->elf;

	return module->arch && elf && egret_arch_of(elf) == module->arch ? elf : NULL;
}

static int find_section(const struct egret_table_module *module, enum egret_cfi_place place,
			struct egret_cfi_section *out)
{
	const struct egret_elf *elf = file_of(module, place);

	if (!elf)
		return -ENOENT;
	return place == EGRET_CFI_EH_FRAME ? egret_cfi_section_eh_frame(elf, out)
					   : egret_cfi_section_debug_frame(elf, out);
}

/* The section and its index, read when they are first wanted. False: missing or damaged. */
static bool open_section(const struct egret_table_module *module, struct part *part)
{
	enum egret_cfi_place place = (enum egret_cfi_place)(part - module->parts);

	if (part->is_open)
		return part->has_section;
	part->is_open = true;
	if (find_section(module, place, &part->section))
		return false;
	part->has_section = !egret_cfi_index_init(&part->index, &part->section);
	if (!part->has_section)
		egret_cfi_section_deinit(&part->section);
	return part->has_section;
}

static bool make_chunks(struct part *part, uint64_t code_start, uint64_t code_end)
{
	part->code_start = code_start;
	part->code_end = code_end;
	part->chunks = calloc(egret_chunk_count(code_start, code_end), sizeof(*part->chunks));
	return part->chunks;
}

/* NULL: there is no such CFI, which is some that covers no pc. */
static struct part *part_of(struct egret_table_module *module, enum egret_cfi_place place)
{
	struct part *part = &module->parts[place];

	if (!part->is_known) {
		part->is_known = true;
		if (open_section(module, part))
			make_chunks(part, part->section.code_start, part->section.code_end);
	}
	return part->chunks ? part : NULL;
}

const struct egret_arch *egret_table_module_arch(const struct egret_table_module *module)
{
	return module->arch;
}

const struct egret_cfi_index *egret_table_module_index(struct egret_table_module *module,
						       enum egret_cfi_place place)
{
	struct part *part = &module->parts[place];

	return open_section(module, part) ? &part->index : NULL;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static const struct egret_table *compile(const struct egret_table_module *module, struct part *part,
					 struct chunk *chunk)
{
	uint64_t number = (uint64_t)(chunk - part->chunks);
	struct egret_table *table = NULL;

	if (open_section(module, part))
		egret_table_compile(
			&part->index, module->elf, egret_chunk_start(part->code_start, number),
			egret_chunk_end(part->code_start, part->code_end, number), &table);
	chunk->table = table;
	return table;
}

/* The rule had no room in the table of its chunk: it has one in a table of its own. */
static struct egret_row_ref row_elsewhere(struct egret_table_module *module, struct part *part,
					  uint64_t vaddr)
{
	static const struct egret_row_ref bad = { .row = { .kind = EGRET_ROW_BAD } };
	uint32_t rule;

	free(module->single);
	module->single = NULL;
	if (open_section(module, part))
		egret_table_compile(&part->index, module->elf, vaddr, vaddr + 1, &module->single);
	if (!module->single)
		return bad;
	rule = egret_table_find(module->single, vaddr);
	return rule == EGRET_TABLE_ELSEWHERE ? bad : egret_table_rule(module->single, rule);
}

/* The chunk of an address; NULL: it is not code. */
static struct chunk *chunk_of(const struct part *part, uint64_t vaddr)
{
	if (vaddr < part->code_start || vaddr >= part->code_end)
		return NULL;
	return &part->chunks[(vaddr - part->code_start) >> EGRET_CHUNK_BITS];
}

/* What the section says. kind EGRET_ROW_NONE: nothing. */
static struct egret_row_ref row_of_part(struct egret_table_module *module, struct part *part,
					uint64_t vaddr, bool *is_lasting)
{
	struct egret_row_ref ref = { .row = { .kind = EGRET_ROW_NONE } };
	struct chunk *chunk = chunk_of(part, vaddr);
	const struct egret_table *table;
	uint32_t rule;

	if (!chunk)
		return ref;
	if (!chunk->table && chunk->lookups++ < SINGLE_LOOKUPS && open_section(module, part) &&
	    egret_single_row(&part->index, &part->single, module->elf, vaddr, &ref.row))
		return ref;
	table = chunk->table ? chunk->table : compile(module, part, chunk);
	rule = table ? egret_table_find(table, vaddr) : EGRET_TABLE_ELSEWHERE;
	if (rule != EGRET_TABLE_ELSEWHERE)
		return egret_table_rule(table, rule);
	*is_lasting = false;
	return row_elsewhere(module, part, vaddr);
}

/*
 * Signal trampolines. glibc's have CFI that says what they are, which needs nothing more. Those of
 * Go have CFI that does not, and musl's have none: these are known by their code. Of the first, the
 * compiler of tables makes rows (EGRET_ROW_F_BY_CODE); the code of the second is looked at here.
 *
 * The kernel makes handlers return to the start of a trampoline, so there the row that counts is
 * not that of the byte before, which is another function's.
 */
enum at_pc { AT_PC_NOTHING, AT_PC_CFI, AT_PC_TRAMPOLINE };

static enum at_pc at_pc_by_index(struct egret_table_module *module, struct part *part, uint64_t pc,
				 struct egret_row_ref *ref)
{
	const struct egret_cfi_index *index = &part->index;
	const struct egret_cie *cie;
	struct egret_fde fde;
	uint64_t end;
	size_t i;

	i = open_section(module, part) ? egret_cfi_index_after(index, pc) : 0;
	if (!i || !egret_cfi_index_fde(index, i - 1, &part->single.cies, &cie, &fde) ||
	    pc >= fde.end)
		return AT_PC_NOTHING;
	if (!egret_table_is_trampoline(module->elf, cie, &fde, &end, &module->signal_frame) ||
	    pc >= end)
		return AT_PC_CFI;
	ref->row = (struct egret_row){ .kind = EGRET_ROW_FULL,
				       .flags = EGRET_ROW_F_SIGNAL | EGRET_ROW_F_BY_CODE };
	ref->full = &module->signal_frame;
	return AT_PC_TRAMPOLINE;
}

static enum at_pc at_pc(struct egret_table_module *module, struct part *part, uint64_t pc,
			struct egret_row_ref *ref)
{
	struct chunk *chunk = chunk_of(part, pc);
	struct egret_row_ref at;
	uint32_t rule;

	if (!chunk)
		return AT_PC_NOTHING;
	if (!chunk->table)
		return at_pc_by_index(module, part, pc, ref);
	rule = egret_table_find(chunk->table, pc);
	if (rule == EGRET_TABLE_GAP)
		return AT_PC_NOTHING;
	if (rule == EGRET_TABLE_ELSEWHERE)
		return at_pc_by_index(module, part, pc, ref);
	at = egret_table_rule(chunk->table, rule);
	if (!(at.row.flags & EGRET_ROW_F_BY_CODE))
		return AT_PC_CFI;
	*ref = at;
	return AT_PC_TRAMPOLINE;
}

static void find_by_code(struct egret_table_module *module, struct egret_place place,
			 struct egret_row_ref *ref)
{
	if (!module->arch->signal_row(module->elf, place, &module->signal_frame))
		return;
	ref->row = (struct egret_row){ .kind = EGRET_ROW_FULL,
				       .flags = EGRET_ROW_F_SIGNAL | EGRET_ROW_F_BY_CODE };
	ref->full = &module->signal_frame;
}

/* Puts the row of the trampoline that begins at pc, if one does, in the place of *ref. */
static void find_trampoline(struct egret_table_module *module, struct egret_place place,
			    struct egret_row_ref *ref)
{
	uint64_t pc = place.vaddr + place.is_return;

	for (enum egret_cfi_place i = 0; i < NR_EGRET_CFI_PLACES; i++) {
		struct part *part = part_of(module, i);

		if (part && at_pc(module, part, pc, ref) != AT_PC_NOTHING)
			return;
	}
	find_by_code(module, place, ref);
}

struct egret_row_ref egret_table_module_row(struct egret_table_module *module,
					    struct egret_place place, bool *is_lasting)
{
	struct egret_row_ref ref = { .row = { .kind = EGRET_ROW_NONE } };

	*is_lasting = true;
	if (!module->arch)
		return ref;
	for (enum egret_cfi_place i = 0; i < NR_EGRET_CFI_PLACES && ref.row.kind == EGRET_ROW_NONE;
	     i++) {
		struct part *part = part_of(module, i);

		if (part)
			ref = row_of_part(module, part, place.vaddr, is_lasting);
	}
	if (ref.row.flags & EGRET_ROW_F_SIGNAL) {
		/* aarch64's vdso: its CFI does not lead to what was interrupted, but beyond. */
		if (ref.row.kind == EGRET_ROW_LINK)
			find_by_code(module, place, &ref);
		return ref;
	}
	if (ref.row.kind != EGRET_ROW_NONE && !place.is_return)
		return ref;
	if (ref.row.kind == EGRET_ROW_NONE && module->arch->code_row)
		ref.row = module->arch->code_row(module->elf, place);
	find_trampoline(module, place, &ref);
	return ref;
}

/* ---- tables that are kept ------------------------------------------------------------------- */

static bool is_of_module(const struct egret_table_module *module,
			 const struct egret_table_file *file)
{
	for (enum egret_cfi_place place = 0; place < NR_EGRET_CFI_PLACES; place++) {
		const struct egret_table_file_place *p = &file->place[place];
		const struct egret_elf *elf = file_of(module, place);
		uint64_t start, end;

		/* Without the debug file its tables are as good: they are of the same build. */
		if (p->n && elf &&
		    (!egret_cfi_code_range(elf, &start, &end) || p->code_start != start ||
		     p->code_end != end))
			return false;
	}
	return true;
}

static void import_place(struct part *part, const struct egret_table_file *file,
			 enum egret_cfi_place place)
{
	const struct egret_table_file_place *p = &file->place[place];

	if (!p->n || !make_chunks(part, p->code_start, p->code_end))
		return;
	part->is_known = true;
	for (uint32_t i = 0; i < p->n; i++) {
		uint32_t number;
		const struct egret_table *table = egret_table_file_chunk(file, place, i, &number);

		part->chunks[number] = (struct chunk){ .table = table, .is_imported = true };
	}
}

bool egret_table_module_import(struct egret_table_module *module, const void *bytes, size_t size)
{
	if (!egret_table_file_is_valid(bytes, size) || !is_of_module(module, bytes))
		return false;
	for (enum egret_cfi_place place = 0; place < NR_EGRET_CFI_PLACES; place++)
		import_place(&module->parts[place], bytes, place);
	return true;
}

/* The number of tables; *is_new: of some that were not imported. */
static uint64_t compile_touched(struct egret_table_module *module, bool *is_new)
{
	uint64_t n_tables = 0;

	for (enum egret_cfi_place place = 0; place < NR_EGRET_CFI_PLACES; place++) {
		struct part *part = &module->parts[place];

		for (uint64_t i = 0; i < chunk_count(part); i++) {
			struct chunk *chunk = &part->chunks[i];

			if (chunk->lookups && !chunk->table)
				compile(module, part, chunk);
			n_tables += chunk->table != NULL;
			*is_new |= chunk->table && !chunk->is_imported;
		}
	}
	return n_tables;
}

int egret_table_module_export(struct egret_table_module *module, struct egret_buffer *out)
{
	struct egret_table_file_maker maker;
	bool is_new = false;
	uint64_t n_tables = compile_touched(module, &is_new);

	if (!is_new)
		return 0;
	egret_table_file_begin(&maker, n_tables, out);
	for (enum egret_cfi_place place = 0; place < NR_EGRET_CFI_PLACES; place++) {
		const struct part *part = &module->parts[place];

		if (part->chunks)
			egret_table_file_place(&maker, place, part->code_start, part->code_end);
		for (uint64_t i = 0; i < chunk_count(part); i++)
			if (part->chunks[i].table)
				egret_table_file_add(&maker, (uint32_t)i, part->chunks[i].table);
	}
	return egret_table_file_end(&maker) ? 1 : -ENOMEM;
}

void egret_table_module_touch_all(struct egret_table_module *module)
{
	for (enum egret_cfi_place place = 0; place < NR_EGRET_CFI_PLACES; place++) {
		struct part *part = part_of(module, place);

		for (uint64_t i = 0; part && i < chunk_count(part); i++)
			part->chunks[i].lookups++;
	}
}

static void take_chunk(struct chunk *chunk, struct chunk *from)
{
	chunk->lookups += from->lookups;
	if (chunk->table || !from->table || from->is_imported)
		return;
	chunk->table = from->table;
	from->is_imported = true; /* it is not from's to free any more */
}

void egret_table_module_take(struct egret_table_module *module, struct egret_table_module *from)
{
	for (enum egret_cfi_place place = 0; place < NR_EGRET_CFI_PLACES; place++) {
		struct part *source = &from->parts[place];
		struct part *part = chunk_count(source) ? part_of(module, place) : NULL;

		/* Both are of the same file, and say the same. */
		if (!part || chunk_count(part) != chunk_count(source))
			continue;
		for (uint64_t i = 0; i < chunk_count(part); i++)
			take_chunk(&part->chunks[i], &source->chunks[i]);
	}
}

size_t egret_table_module_memory(const struct egret_table_module *module)
{
	size_t bytes = sizeof(*module);

	for (enum egret_cfi_place place = 0; place < NR_EGRET_CFI_PLACES; place++) {
		const struct part *part = &module->parts[place];

		for (uint64_t i = 0; i < chunk_count(part); i++) {
			bytes += sizeof(part->chunks[i]);
			if (part->chunks[i].table && !part->chunks[i].is_imported)
				bytes += part->chunks[i].table->size;
		}
	}
	return bytes;
}
