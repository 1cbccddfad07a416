/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_split.h"

#include <dwarf.h>
#include <errno.h>

void egret_dwarf_split_deinit(struct egret_dwarf_split *split)
{
	egret_dwarf_file_deinit(&split->package);
	*split = (struct egret_dwarf_split){ 0 };
}

bool egret_dwarf_is_skeleton(const struct egret_dwarf_cu *cu)
{
	return cu->v[EGRET_DWARF_DWO_NAME].form &&
	       (cu->unit->type == DW_UT_skeleton || cu->v[EGRET_DWARF_DWO_ID].form);
}

static uint64_t id_of(const struct egret_dwarf_cu *cu)
{
	return cu->unit->version >= 5 ? cu->unit->dwo_id : cu->v[EGRET_DWARF_DWO_ID].u;
}

void egret_dwarf_part_close(struct egret_dwarf_part *part)
{
	egret_dwarf_file_deinit(&part->file);
	part->unit = NULL;
}

/* The unit of that identity, of those in the file. */
static int find_unit(struct egret_dwarf_reader *reader, uint64_t id, struct egret_dwarf_part *part)
{
	int ret = egret_dwarf_file_scan(&part->file);

	if (ret)
		return ret;
	for (size_t i = 0; i < part->file.n_units; i++) {
		const struct egret_dwarf_unit *unit = &part->file.units[i];
		struct egret_dwarf_cu *cu;

		if (unit->type != DW_UT_split_compile && unit->type != DW_UT_compile)
			continue;
		ret = egret_dwarf_cu_open(reader, &part->file, unit, &cu);
		if (ret == -ENOMEM)
			return ret;
		if (!ret && (unit->version >= 5 || cu->v[EGRET_DWARF_DWO_ID].form) &&
		    id_of(cu) == id) {
			part->unit = unit;
			return 0;
		}
	}
	return -ENOENT;
}

/* ---- packages ------------------------------------------------------------------------------- */

#define SECTIONS_MAX 16

/* What .debug_cu_index numbers sections by: DW_SECT_*. */
static enum egret_dwarf_section section_of(uint32_t id, uint16_t version)
{
	switch (id) {
	case DW_SECT_INFO:
		return EGRET_DWARF_INFO;
	case DW_SECT_ABBREV:
		return EGRET_DWARF_ABBREV;
	case DW_SECT_LINE:
		return EGRET_DWARF_LINE;
	case DW_SECT_STR_OFFSETS:
		return EGRET_DWARF_STR_OFFSETS;
	case DW_SECT_RNGLISTS: /* another one in version 2 */
		return version == 5 ? EGRET_DWARF_RNGLISTS : EGRET_DWARF_NR_SECTIONS;
	default:
		return EGRET_DWARF_NR_SECTIONS;
	}
}

struct cu_index {
	const struct egret_dwarf_file *package;
	uint16_t version;
	uint32_t n_columns, n_units, n_slots;
	uint64_t hashes, rows, ids, offsets, sizes; /* where each table begins */
};

static uint32_t u32_at(const struct cu_index *index, uint64_t table, uint64_t i)
{
	struct egret_bytes r = egret_dwarf_section_at(index->package, EGRET_DWARF_CU_INDEX,
						      table + 4 * i);

	return egret_bytes_u32(&r);
}

static bool open_index(struct cu_index *index, const struct egret_dwarf_file *package)
{
	struct egret_bytes r = egret_dwarf_section_at(package, EGRET_DWARF_CU_INDEX, 0);

	*index = (struct cu_index){ .package = package };
	index->version = egret_bytes_u16(&r);
	egret_bytes_u16(&r);
	index->n_columns = egret_bytes_u32(&r);
	index->n_units = egret_bytes_u32(&r);
	index->n_slots = egret_bytes_u32(&r);
	index->hashes = 16;
	index->rows = index->hashes + 8ull * index->n_slots;
	index->ids = index->rows + 4ull * index->n_slots;
	index->offsets = index->ids + 4ull * index->n_columns;
	index->sizes = index->offsets + 4ull * index->n_columns * index->n_units;
	return !r.failed && (index->version == 2 || index->version == 5) &&
	       index->n_columns <= SECTIONS_MAX && !(index->n_slots & (index->n_slots - 1)) &&
	       index->n_slots && index->n_slots <= package->sections[EGRET_DWARF_CU_INDEX].size;
}

/* The row of a unit, from 1 on; 0: there is none. */
static uint32_t find_row(const struct cu_index *index, uint64_t id)
{
	uint64_t mask = index->n_slots - 1, slot = id & mask, step = ((id >> 32) & mask) | 1;

	for (uint32_t tries = 0; tries < index->n_slots; tries++) {
		struct egret_bytes r = egret_dwarf_section_at(index->package, EGRET_DWARF_CU_INDEX,
							      index->hashes + 8 * slot);
		uint64_t found = egret_bytes_u64(&r);
		uint32_t row = u32_at(index, index->rows, slot);

		if (!row)
			return 0;
		if (found == id)
			return row <= index->n_units ? row : 0;
		slot = (slot + step) & mask;
	}
	return 0;
}

/* The sections of the package, each cut to what is the unit's. */
static bool cut_sections(const struct cu_index *index, uint32_t row, struct egret_dwarf_file *to)
{
	for (int i = 0; i < EGRET_DWARF_NR_SECTIONS; i++)
		to->sections[i] = index->package->sections[i];
	for (uint32_t column = 0; column < index->n_columns; column++) {
		enum egret_dwarf_section id = section_of(u32_at(index, index->ids, column),
							 index->version);
		uint64_t cell = (uint64_t)(row - 1) * index->n_columns + column;
		uint32_t offset = u32_at(index, index->offsets, cell);
		uint32_t size = u32_at(index, index->sizes, cell);
		struct egret_dwarf_span *span;

		if (id == EGRET_DWARF_NR_SECTIONS)
			continue;
		span = &to->sections[id];
		if (offset > span->size || size > span->size - offset)
			return false;
		*span = (struct egret_dwarf_span){ span->bytes + offset, size };
	}
	return true;
}

static int open_package(struct egret_dwarf_split *split)
{
	struct egret_elf *elf = NULL;
	int ret = 0;

	if (split->package_tried)
		return 0;
	split->package_tried = true;
	if (split->openers.open_dwp && !split->openers.open_dwp(split->openers.arg, &elf)) {
		ret = egret_dwarf_file_init(&split->package, elf, true, 1);
		split->package.own = elf;
	}
	return ret;
}

static int open_from_package(struct egret_dwarf_split *split, struct egret_dwarf_reader *reader,
			     uint64_t id, struct egret_dwarf_part *out)
{
	struct cu_index index;
	uint32_t row;
	int ret = open_package(split);

	if (ret)
		return ret;
	if (!open_index(&index, &split->package))
		return -ENOENT;
	row = find_row(&index, id);
	if (!row || !cut_sections(&index, row, &out->file))
		return -ENOENT;
	return find_unit(reader, id, out);
}

/* ---- .dwo files ----------------------------------------------------------------------------- */

static int open_from_dwo(struct egret_dwarf_split *split, struct egret_dwarf_reader *reader,
			 const struct egret_dwarf_cu *skeleton, struct egret_dwarf_part *out)
{
	const char *name = egret_dwarf_string(skeleton, &skeleton->v[EGRET_DWARF_DWO_NAME]);
	const char *comp_dir = egret_dwarf_string(skeleton, &skeleton->v[EGRET_DWARF_COMP_DIR]);
	struct egret_elf *elf = NULL;
	int ret;

	if (!name || !split->openers.open_dwo ||
	    split->openers.open_dwo(split->openers.arg, comp_dir ? comp_dir : "", name, &elf))
		return -ENOENT;
	ret = egret_dwarf_file_init(&out->file, elf, true, 1);
	out->file.own = elf;
	return ret ? ret : find_unit(reader, id_of(skeleton), out);
}

int egret_dwarf_part_open(struct egret_dwarf_split *split, struct egret_dwarf_reader *reader,
			  const struct egret_dwarf_cu *skeleton, struct egret_dwarf_part *out)
{
	int ret;

	*out = (struct egret_dwarf_part){ 0 };
	ret = open_from_package(split, reader, id_of(skeleton), out);
	if (ret == -ENOENT) {
		egret_dwarf_reader_deinit(reader);
		egret_dwarf_part_close(out);
		ret = open_from_dwo(split, reader, skeleton, out);
	}
	if (ret == -ENOENT)
		split->n_missing++;
	if (ret) {
		egret_dwarf_reader_deinit(reader);
		egret_dwarf_part_close(out);
	}
	return ret;
}
