/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_file.h - the DWARF sections of one file, and its units.
 *
 * A *file* is what the offsets of one set of sections are in: a program or its debug file, the file
 * that dwz has moved common parts to (alt), a .dwo file, one unit's part of a .dwp. A *unit* is one
 * of .debug_info's. DWARF 5: sections 7.5.1 (headers), 7.3.5 (packages).
 */
#ifndef EGRET_DWARF_FILE_H
#define EGRET_DWARF_FILE_H

#include "base/bytes.h"
#include "elf/inflate.h"

enum egret_dwarf_section {
	EGRET_DWARF_INFO,
	EGRET_DWARF_ABBREV,
	EGRET_DWARF_LINE,
	EGRET_DWARF_STR,
	EGRET_DWARF_LINE_STR,
	EGRET_DWARF_STR_OFFSETS,
	EGRET_DWARF_ADDR,
	EGRET_DWARF_RANGES,
	EGRET_DWARF_RNGLISTS,
	EGRET_DWARF_ARANGES,
	EGRET_DWARF_CU_INDEX,
	EGRET_DWARF_NR_SECTIONS,
};

struct egret_dwarf_span {
	const uint8_t *bytes;
	size_t size;
};

/* A unit, by its header. */
struct egret_dwarf_unit {
	uint64_t offset;    /* of its header in .debug_info */
	uint64_t end;	    /* of its DIEs */
	uint64_t first_die; /* offset of the unit DIE */
	uint64_t abbrevs;   /* offset in .debug_abbrev */
	uint64_t dwo_id;    /* version 5 only: of a skeleton and a split unit */
	uint8_t version;    /* 2 to 5 */
	uint8_t type;	    /* DW_UT_* */
	uint8_t address_size;
	uint8_t offset_size; /* 4, or 8 in 64-bit DWARF */
};

struct egret_dwarf_file {
	struct egret_dwarf_span sections[EGRET_DWARF_NR_SECTIONS];
	struct egret_plain_section plain[EGRET_DWARF_NR_SECTIONS]; /* where sections come from */
	struct egret_elf *own;	      /* the file of the sections, where it is this one's */
	struct egret_dwarf_file *alt; /* what DW_FORM_GNU_ref_alt is into; not owned; may be NULL */
	struct egret_dwarf_unit *units; /* sorted, disjoint */
	size_t n_units;
};

/*
 * Finds the sections of elf, which must outlive the file. dwo: those whose names end in .dwo. A
 * section that is missing or damaged is empty. threads: how many may unpack what is compressed; 0
 * and 1: the caller's own. 0, or -ENOMEM. egret_dwarf_file_deinit in any case.
 */
int egret_dwarf_file_init(struct egret_dwarf_file *file, const struct egret_elf *elf, bool dwo,
			  unsigned int threads);
/* Unpacks n sections, the largest of which should come first. See egret_dwarf_file_init. */
int egret_dwarf_unpack(const struct egret_packed_section *packed, struct egret_plain_section *plain,
		       int n, unsigned int threads);
void egret_dwarf_file_deinit(struct egret_dwarf_file *file);

/* Reads the headers of all units; those of versions not known are left out. 0 or -ENOMEM. */
int egret_dwarf_file_scan(struct egret_dwarf_file *file);

/* The unit whose DIEs hold that offset of .debug_info, or NULL. */
const struct egret_dwarf_unit *egret_dwarf_file_unit_at(const struct egret_dwarf_file *file,
							uint64_t offset);

/* The bytes of a section from an offset on; none where it has no such offset. */
static inline struct egret_bytes egret_dwarf_section_at(const struct egret_dwarf_file *file,
							enum egret_dwarf_section id,
							uint64_t offset)
{
	static const uint8_t nothing[1];
	const struct egret_dwarf_span *span = &file->sections[id];
	const uint8_t *start = span->bytes ? span->bytes : nothing;
	const uint8_t *end = start + span->size;

	return (struct egret_bytes){ offset <= span->size ? start + offset : end, end,
				     offset > span->size };
}

/* A length and what it says of the size of offsets (DWARF 5, 7.4): 4 or 8 bytes. */
static inline uint64_t egret_dwarf_length(struct egret_bytes *r, uint8_t *offset_size)
{
	uint32_t length = egret_bytes_u32(r);

	*offset_size = length == UINT32_MAX ? 8 : 4;
	return length == UINT32_MAX ? egret_bytes_u64(r) : length;
}

static inline uint64_t egret_dwarf_offset(struct egret_bytes *r, uint8_t size)
{
	return size == 8 ? egret_bytes_u64(r) : egret_bytes_u32(r);
}

/* An unsigned number of 0 to 8 bytes. */
static inline uint64_t egret_dwarf_fixed(struct egret_bytes *r, unsigned int size)
{
	const uint8_t *p;
	uint64_t value = 0;

	switch (size) {
	case 1:
		return egret_bytes_u8(r);
	case 2:
		return egret_bytes_u16(r);
	case 4:
		return egret_bytes_u32(r);
	case 8:
		return egret_bytes_u64(r);
	}
	p = egret_bytes_take(r, size);
	for (unsigned int i = 0; p && i < size; i++)
		value |= (uint64_t)p[i] << 8 * i;
	return value;
}

/* The NUL-terminated string at an offset of a section, or NULL. */
const char *egret_dwarf_string_at(const struct egret_dwarf_file *file, enum egret_dwarf_section id,
				  uint64_t offset);

#endif
