/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_file.h"

#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

/* Longer strings count as none: looking for the end of each of them would take too long. */
#define STRING_MAX 65536

static const char *const names[EGRET_DWARF_NR_SECTIONS] = {
	[EGRET_DWARF_INFO] = ".debug_info",
	[EGRET_DWARF_ABBREV] = ".debug_abbrev",
	[EGRET_DWARF_LINE] = ".debug_line",
	[EGRET_DWARF_STR] = ".debug_str",
	[EGRET_DWARF_LINE_STR] = ".debug_line_str",
	[EGRET_DWARF_STR_OFFSETS] = ".debug_str_offsets",
	[EGRET_DWARF_ADDR] = ".debug_addr",
	[EGRET_DWARF_RANGES] = ".debug_ranges",
	[EGRET_DWARF_RNGLISTS] = ".debug_rnglists",
	[EGRET_DWARF_ARANGES] = ".debug_aranges",
	[EGRET_DWARF_CU_INDEX] = ".debug_cu_index",
};

int egret_dwarf_file_init(struct egret_dwarf_file *file, const struct egret_elf *elf, bool dwo,
			  unsigned int threads)
{
	struct egret_packed_section packed[EGRET_DWARF_NR_SECTIONS];
	int ret;

	*file = (struct egret_dwarf_file){ 0 };
	for (int i = 0; i < EGRET_DWARF_NR_SECTIONS; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s", names[i],
			 dwo && i != EGRET_DWARF_CU_INDEX ? ".dwo" : "");
		if (egret_elf_packed_section(elf, name, &packed[i]))
			packed[i] = (struct egret_packed_section){ 0 };
	}
	ret = egret_dwarf_unpack(packed, file->plain, EGRET_DWARF_NR_SECTIONS, threads);
	for (int i = 0; i < EGRET_DWARF_NR_SECTIONS; i++)
		file->sections[i] = (struct egret_dwarf_span){ file->plain[i].bytes,
							       file->plain[i].size };
	return ret;
}

void egret_dwarf_file_deinit(struct egret_dwarf_file *file)
{
	for (int i = 0; i < EGRET_DWARF_NR_SECTIONS; i++)
		egret_plain_section_deinit(&file->plain[i]);
	free(file->units);
	egret_elf_destroy(file->own);
	*file = (struct egret_dwarf_file){ 0 };
}

/* False: of a version or kind that is not known. */
static bool read_header(struct egret_bytes *r, struct egret_dwarf_unit *unit)
{
	unit->version = (uint8_t)egret_bytes_u16(r);
	if (unit->version < 2 || unit->version > 5)
		return false;
	if (unit->version == 5) {
		unit->type = egret_bytes_u8(r);
		unit->address_size = egret_bytes_u8(r);
		unit->abbrevs = egret_dwarf_offset(r, unit->offset_size);
	} else {
		unit->type = DW_UT_compile;
		unit->abbrevs = egret_dwarf_offset(r, unit->offset_size);
		unit->address_size = egret_bytes_u8(r);
	}
	if (unit->type == DW_UT_skeleton || unit->type == DW_UT_split_compile)
		unit->dwo_id = egret_bytes_u64(r);
	if (unit->type == DW_UT_type || unit->type == DW_UT_split_type) {
		egret_bytes_u64(r);
		egret_dwarf_offset(r, unit->offset_size);
	}
	return !r->failed && (unit->address_size == 8 || unit->address_size == 4);
}

int egret_dwarf_file_scan(struct egret_dwarf_file *file)
{
	const uint8_t *start = file->sections[EGRET_DWARF_INFO].bytes;
	struct egret_bytes r = egret_dwarf_section_at(file, EGRET_DWARF_INFO, 0);
	size_t capacity = 0;

	while (egret_bytes_left(&r) > 11) {
		struct egret_dwarf_unit unit = { .offset = (uint64_t)(r.p - start) };
		uint64_t length = egret_dwarf_length(&r, &unit.offset_size);
		struct egret_bytes head = egret_bytes_part(&r, length);

		if (head.failed)
			break;
		unit.end = (uint64_t)(r.p - start);
		if (!read_header(&head, &unit))
			continue;
		unit.first_die = (uint64_t)(head.p - start);
		if (!egret_grow(&file->units, &capacity, file->n_units, sizeof(unit)))
			return -ENOMEM;
		file->units[file->n_units++] = unit;
	}
	return 0;
}

const struct egret_dwarf_unit *egret_dwarf_file_unit_at(const struct egret_dwarf_file *file,
							uint64_t offset)
{
	size_t lo = 0, hi = file->n_units;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (file->units[mid].end <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < file->n_units && file->units[lo].first_die <= offset ? &file->units[lo] : NULL;
}

const char *egret_dwarf_string_at(const struct egret_dwarf_file *file, enum egret_dwarf_section id,
				  uint64_t offset)
{
	const struct egret_dwarf_span *span = &file->sections[id];

	size_t most;

	if (offset >= span->size)
		return NULL;
	most = span->size - offset < STRING_MAX ? span->size - offset : STRING_MAX;
	return memchr(span->bytes + offset, 0, most) ? (const char *)span->bytes + offset : NULL;
}
