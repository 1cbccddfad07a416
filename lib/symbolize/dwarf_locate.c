/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_locate.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "symbolize/dwarf_ranges.h"

#define RANGES_MAX (16u << 20)
#define RANGE_SIZE_MAX 0x40000000ull /* of one entry: larger ones are several */

/* Ranges under way: the node of an interval is what is left of UINT32_MAX by its unit's number, so
 * that of two the first unit's is the larger. */
struct locating {
	const struct egret_dwarf_file *file;
	const struct egret_code_ranges *code;
	struct egret_dwarf_builder *builder;
	struct egret_dwarf_interval *items;
	size_t n, room;
	uint8_t *has_ranges; /* by unit */
};

#define NODE_OF_UNIT(unit) (UINT32_MAX - 1 - (uint32_t)(unit))

static int add_range(struct locating *l, size_t unit, uint64_t start, uint64_t end)
{
	const struct egret_code_range *range = egret_code_range_at(l->code, start);

	if (!range || start >= end || l->n == RANGES_MAX)
		return 0;
	l->has_ranges[unit] = true;
	if (end > range->end)
		end = range->end;
	if (!egret_grow(&l->items, &l->room, l->n, sizeof(*l->items)))
		return -ENOMEM;
	l->items[l->n++] = (struct egret_dwarf_interval){ start, end, NODE_OF_UNIT(unit) };
	return 0;
}

/* ---- by unit DIEs --------------------------------------------------------------------------- */

static int add_unit(struct locating *l, size_t number)
{
	const struct egret_dwarf_unit *unit = &l->file->units[number];
	struct egret_dwarf_ranges ranges;
	struct egret_dwarf_cu cu;
	uint64_t start, end;
	int ret;

	ret = egret_dwarf_cu_peek(&l->builder->reader, l->file, unit, &cu);
	if (ret)
		return ret == -ENOMEM ? ret : 0;
	if (!egret_dwarf_ranges_init(&ranges, &cu, cu.v))
		return 0;
	while (!ret && egret_dwarf_ranges_next(&ranges, &start, &end))
		ret = add_range(l, number, start, end);
	l->builder->reader.work += ranges.n_entries;
	return ret;
}

/* ---- by .debug_aranges ---------------------------------------------------------------------- */

/* The number of the unit at an offset; n_units where there is none. */
static size_t number_of_unit(const struct egret_dwarf_file *file, uint64_t offset)
{
	size_t lo = 0, hi = file->n_units;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (file->units[mid].offset < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < file->n_units && file->units[lo].offset == offset ? lo : file->n_units;
}

static int add_aranges_of_unit(struct locating *l, size_t unit, struct egret_bytes *r,
			       uint8_t address_size)
{
	int ret = 0;

	while (!ret && egret_bytes_left(r) >= 2u * address_size) {
		uint64_t start = egret_dwarf_fixed(r, address_size);
		uint64_t size = egret_dwarf_fixed(r, address_size);

		if (!start && !size)
			break;
		if (size <= UINT64_MAX - start)
			ret = add_range(l, unit, start, start + size);
	}
	return ret;
}

static int add_aranges(struct locating *l)
{
	struct egret_bytes r = egret_dwarf_section_at(l->file, EGRET_DWARF_ARANGES, 0);
	int ret = 0;

	while (!ret && egret_bytes_left(&r) > 8) {
		const uint8_t *set = r.p;
		uint8_t offset_size, address_size;
		uint64_t length = egret_dwarf_length(&r, &offset_size), header;
		struct egret_bytes s = egret_bytes_part(&r, length);
		size_t unit;

		if (s.failed)
			break;
		egret_bytes_u16(&s); /* version */
		unit = number_of_unit(l->file, egret_dwarf_offset(&s, offset_size));
		address_size = egret_bytes_u8(&s);
		egret_bytes_u8(&s); /* size of segment selectors */
		if (s.failed || unit == l->file->n_units ||
		    (address_size != 4 && address_size != 8))
			continue;
		/* Tuples are aligned to their size, from the start of the set on. */
		header = (uint64_t)(s.p - set) % (2u * address_size);
		if (header)
			egret_bytes_take(&s, 2u * address_size - header);
		ret = add_aranges_of_unit(l, unit, &s, address_size);
	}
	return ret;
}

/* ---- by what is in the unit ----------------------------------------------------------------- */

/* Whether the unit is one that has code of its own. */
static bool may_have_code(const struct egret_dwarf_cu *cu)
{
	return cu->tag == DW_TAG_compile_unit || cu->tag == DW_TAG_skeleton_unit;
}

static int add_contents(struct locating *l, size_t number)
{
	struct egret_dwarf_builder *b = l->builder;
	struct egret_dwarf_build_input input;
	struct egret_dwarf_built built = { 0 };
	struct egret_dwarf_cu *cu;
	int ret;

	egret_dwarf_reader_trim(&b->reader);
	ret = egret_dwarf_cu_open(&b->reader, l->file, &l->file->units[number], &cu);
	if (ret)
		return ret == -ENOMEM ? ret : 0;
	if (!may_have_code(cu) || b->reader.work > b->reader.work_max)
		return 0;
	input = (struct egret_dwarf_build_input){
		.cu = cu, .tree_cu = cu, .tree_reader = &b->reader, .code = l->code
	};
	ret = egret_dwarf_build(b, &input, &built);
	/* The last row has no end, since it is the end. */
	for (size_t i = 0; !ret && i + 1 < b->n_rows; i++)
		if (b->rows[i].node || b->rows[i].file)
			ret = add_range(l, number, b->rows[i].address, b->rows[i + 1].address);
	egret_dwarf_built_deinit(&built);
	return ret;
}

/* ---- all ------------------------------------------------------------------------------------ */

static bool is_type_unit(const struct egret_dwarf_unit *unit)
{
	return unit->type == DW_UT_type || unit->type == DW_UT_split_type;
}

/*
 * Where .debug_aranges has a unit it has all of it, as other readers take it too: its DIE, which in
 * DWARF 2 can name one section only, and its abbreviations need not be read for that.
 */
static int collect(struct locating *l)
{
	size_t n = l->file->n_units;
	int ret = add_aranges(l);

	for (size_t i = 0; !ret && i < n; i++)
		if (!l->has_ranges[i] && !is_type_unit(&l->file->units[i]))
			ret = add_unit(l, i);
	for (size_t i = 0; !ret && i < n; i++)
		if (!l->has_ranges[i] && !is_type_unit(&l->file->units[i]))
			ret = add_contents(l, i);
	return ret;
}

static int put_range(struct egret_dwarf_located *out, size_t *room, uint32_t unit, uint64_t start,
		     uint64_t end)
{
	while (start < end) {
		uint64_t size = end - start < RANGE_SIZE_MAX ? end - start : RANGE_SIZE_MAX;

		if (!egret_grow(&out->ranges, room, out->n_ranges, sizeof(*out->ranges)))
			return -ENOMEM;
		out->ranges[out->n_ranges++] =
			(struct egret_dwarf_blob_range){ start, (uint32_t)size, unit };
		start += size;
	}
	return 0;
}

/* Sorts what was collected, and makes it disjoint. */
static int flatten(struct locating *l, struct egret_dwarf_located *out)
{
	struct egret_dwarf_interval *heap = reallocarray(NULL, l->n + 1, sizeof(*heap));
	struct egret_dwarf_run run, next;
	struct egret_dwarf_sweep sweep;
	size_t room = 0;
	int ret = 0;

	if (!heap)
		return -ENOMEM;
	egret_dwarf_sort_intervals(l->items, l->n, heap);
	egret_dwarf_sweep_init(&sweep, l->items, l->n, heap);
	if (egret_dwarf_sweep_next(&sweep, &run)) {
		while (!ret && egret_dwarf_sweep_next(&sweep, &next)) {
			if (next.node == run.node)
				continue;
			if (run.node != EGRET_DWARF_NO_NODE)
				ret = put_range(out, &room, NODE_OF_UNIT(run.node), run.start,
						next.start);
			run = next;
		}
	}
	free(heap);
	return ret;
}

int egret_dwarf_locate(struct egret_dwarf_builder *builder, const struct egret_dwarf_file *file,
		       const struct egret_code_ranges *code, struct egret_dwarf_located *out)
{
	struct locating l = { .file = file, .code = code, .builder = builder };
	int ret;

	*out = (struct egret_dwarf_located){ .n_units = file->n_units };
	l.has_ranges = calloc(file->n_units + 1, 1);
	out->units = reallocarray(NULL, file->n_units + 1, sizeof(*out->units));
	ret = l.has_ranges && out->units ? collect(&l) : -ENOMEM;
	for (size_t i = 0; !ret && i < file->n_units; i++)
		out->units[i] = file->units[i].offset;
	if (!ret)
		ret = flatten(&l, out);
	free(l.has_ranges);
	free(l.items);
	return ret;
}

void egret_dwarf_located_deinit(struct egret_dwarf_located *located)
{
	free(located->ranges);
	free(located->units);
	*located = (struct egret_dwarf_located){ 0 };
}
