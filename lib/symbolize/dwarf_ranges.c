/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_ranges.h"

#include <dwarf.h>

/* The list that DW_AT_ranges leads to. */
static bool open_list(struct egret_dwarf_ranges *ranges, const struct egret_dwarf_cu *cu,
		      const struct egret_dwarf_value *value)
{
	uint64_t offset = value->u;
	struct egret_bytes r;

	ranges->base = cu->low_pc;
	if (cu->unit->version < 5) {
		ranges->kind = EGRET_DWARF_RANGES_LIST;
		ranges->r = egret_dwarf_section_at(cu->ranges_file, EGRET_DWARF_RANGES,
						   offset + cu->ranges_base);
		return !ranges->r.failed;
	}
	if (value->form == DW_FORM_rnglistx) {
		if (offset > UINT32_MAX || cu->rnglists_base > UINT64_MAX / 2)
			return false;
		r = egret_dwarf_section_at(cu->file, EGRET_DWARF_RNGLISTS,
					   cu->rnglists_base + offset * cu->unit->offset_size);
		offset = cu->rnglists_base + egret_dwarf_offset(&r, cu->unit->offset_size);
		if (r.failed)
			return false;
	}
	ranges->kind = EGRET_DWARF_RANGES_RNGLIST;
	ranges->r = egret_dwarf_section_at(cu->file, EGRET_DWARF_RNGLISTS, offset);
	return !ranges->r.failed;
}

bool egret_dwarf_ranges_init(struct egret_dwarf_ranges *ranges, const struct egret_dwarf_cu *cu,
			     const struct egret_dwarf_value *v)
{
	*ranges = (struct egret_dwarf_ranges){ .cu = cu };
	if (v[EGRET_DWARF_RANGES_AT].form)
		return open_list(ranges, cu, &v[EGRET_DWARF_RANGES_AT]);
	ranges->kind = EGRET_DWARF_RANGES_ONE;
	return egret_dwarf_address(cu, &v[EGRET_DWARF_LOW_PC], &ranges->low) &&
	       egret_dwarf_high_pc(cu, &v[EGRET_DWARF_HIGH_PC], ranges->low, &ranges->high) &&
	       ranges->low < ranges->high;
}

/* A pair of .debug_ranges. False: it ends the list. *start is not below *end: it is no range. */
static bool next_pair(struct egret_dwarf_ranges *ranges, uint64_t *start, uint64_t *end)
{
	uint8_t size = ranges->cu->unit->address_size;
	uint64_t selects_base = size == 8 ? UINT64_MAX : UINT32_MAX;
	uint64_t low = egret_dwarf_fixed(&ranges->r, size);
	uint64_t high = egret_dwarf_fixed(&ranges->r, size);

	*start = *end = 0;
	if (ranges->r.failed || (!low && !high))
		return false;
	if (low == selects_base) {
		ranges->base = high;
		return true;
	}
	*start = ranges->base + low;
	*end = ranges->base + high;
	return true;
}

static uint64_t indexed(struct egret_dwarf_ranges *ranges)
{
	struct egret_dwarf_value value = { .u = egret_bytes_uleb(&ranges->r),
					   .form = DW_FORM_addrx };
	uint64_t address = 0;

	if (!egret_dwarf_address(ranges->cu, &value, &address))
		ranges->r.failed = true;
	return address;
}

/* An entry of .debug_rnglists, likewise. */
static bool next_entry(struct egret_dwarf_ranges *ranges, uint64_t *start, uint64_t *end)
{
	struct egret_bytes *r = &ranges->r;
	uint8_t size = ranges->cu->unit->address_size;

	*start = *end = 0;
	switch (egret_bytes_u8(r)) {
	case DW_RLE_base_addressx:
		ranges->base = indexed(ranges);
		break;
	case DW_RLE_startx_endx:
		*start = indexed(ranges);
		*end = indexed(ranges);
		break;
	case DW_RLE_startx_length:
		*start = indexed(ranges);
		*end = *start + egret_bytes_uleb(r);
		break;
	case DW_RLE_offset_pair:
		*start = ranges->base + egret_bytes_uleb(r);
		*end = ranges->base + egret_bytes_uleb(r);
		break;
	case DW_RLE_base_address:
		ranges->base = egret_dwarf_fixed(r, size);
		break;
	case DW_RLE_start_end:
		*start = egret_dwarf_fixed(r, size);
		*end = egret_dwarf_fixed(r, size);
		break;
	case DW_RLE_start_length:
		*start = egret_dwarf_fixed(r, size);
		*end = *start + egret_bytes_uleb(r);
		break;
	default: /* DW_RLE_end_of_list, and what we do not know the length of */
		return false;
	}
	return !r->failed;
}

bool egret_dwarf_ranges_next(struct egret_dwarf_ranges *ranges, uint64_t *start, uint64_t *end)
{
	if (ranges->kind == EGRET_DWARF_RANGES_ONE) {
		*start = ranges->low;
		*end = ranges->high;
		return !ranges->n_entries++;
	}
	while (ranges->n_entries++ < EGRET_DWARF_RANGES_MAX &&
	       (ranges->kind == EGRET_DWARF_RANGES_LIST ? next_pair(ranges, start, end)
							: next_entry(ranges, start, end)))
		if (*start < *end)
			return true;
	return false;
}
