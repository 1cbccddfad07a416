/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_die.h - debugging information entries, and what their attributes mean.
 *
 * A *value* is an attribute as it is stored: what it stands for depends on its unit (indexes into
 * tables, offsets into sections), which may tell so after the attribute itself. DWARF 5: section
 * 7.5.5 (forms), 2.17 (addresses and ranges), 3.1.2 and 7.3.2 (skeleton and split units).
 */
#ifndef EGRET_DWARF_DIE_H
#define EGRET_DWARF_DIE_H

#include "base/index.h"
#include "symbolize/dwarf_abbrev.h"

struct egret_dwarf_value {
	union {
		uint64_t u;	    /* constant, address, offset, index */
		const char *string; /* DW_FORM_string */
	};
	uint16_t form; /* DW_FORM_*; 0: there is no such attribute */
};

/* Of the DIE of a function or an inlined one; by enum egret_dwarf_slot. */
struct egret_dwarf_function {
	struct egret_dwarf_value v[EGRET_DWARF_NR_FUNCTION_SLOTS];
};

/* A unit whose DIE has been read: what values of its DIEs are to be seen with. */
struct egret_dwarf_cu {
	const struct egret_dwarf_file *file; /* where its DIEs and strings are */
	const struct egret_dwarf_unit *unit;
	const struct egret_dwarf_abbrevs *abbrevs;
	const struct egret_dwarf_file *addr_file;	  /* whose .debug_addr: of a split unit, the
						       skeleton's */
	const struct egret_dwarf_file *ranges_file;	  /* whose .debug_ranges */
	struct egret_dwarf_value v[EGRET_DWARF_NR_SLOTS]; /* of the unit DIE */
	uint16_t tag;					  /* of the unit DIE */
	bool has_children;
	uint64_t first_child; /* offset in .debug_info */
	uint64_t low_pc;      /* what ranges are relative to */
	uint64_t addr_base, str_offsets_base, rnglists_base, ranges_base;
};

/*
 * What one reader has open: abbreviations and units by the units that they are of. One thread at a
 * time; files may be shared by several.
 */
struct egret_dwarf_reader {
	struct egret_dwarf_abbrevs **abbrevs; /* with the file of each */
	const struct egret_dwarf_file **abbrevs_files;
	size_t n_abbrevs;
	struct egret_dwarf_cu **cus;
	size_t n_cus;
	struct egret_index abbrevs_index, cus_index;
	uint64_t work;	   /* DIEs, attributes, ranges and bytes of lines looked at so far */
	uint64_t work_max; /* beyond it, files lie */
};

void egret_dwarf_reader_deinit(struct egret_dwarf_reader *reader);
/* Closes what is open where it has become much. No egret_dwarf_cu is valid afterwards. */
void egret_dwarf_reader_trim(struct egret_dwarf_reader *reader);

/*
 * Opens a unit. *out is the reader's until egret_dwarf_reader_trim. 0, -EBADMSG where it cannot be
 * read, or -ENOMEM.
 */
int egret_dwarf_cu_open(struct egret_dwarf_reader *reader, const struct egret_dwarf_file *file,
			const struct egret_dwarf_unit *unit, struct egret_dwarf_cu **out);

/* Reads the unit DIE alone into *out, which has no abbreviations then. 0, -EBADMSG, or -ENOMEM. */
int egret_dwarf_cu_peek(struct egret_dwarf_reader *reader, const struct egret_dwarf_file *file,
			const struct egret_dwarf_unit *unit, struct egret_dwarf_cu *out);

/* Lets a split unit see what its skeleton tells. Before anything of its DIEs is asked. */
void egret_dwarf_cu_join(struct egret_dwarf_cu *split, const struct egret_dwarf_cu *skeleton);

/*
 * Reads the attributes of the DIE whose abbreviation has just been read: those of the first n slots
 * to v. False: damaged.
 */
bool egret_dwarf_die_read(struct egret_dwarf_reader *reader,
			  const struct egret_dwarf_abbrevs *abbrevs,
			  const struct egret_dwarf_abbrev *abbrev, struct egret_bytes *r,
			  struct egret_dwarf_value *v, unsigned int n);

/* Reads one value. abbrevs: says the sizes. False: damaged, or a form that is not known. */
bool egret_dwarf_value_read(struct egret_bytes *r, const struct egret_dwarf_abbrevs *abbrevs,
			    const struct egret_dwarf_attr *attr, struct egret_dwarf_value *out);

/* What values stand for. False or NULL where there is no such thing. */
bool egret_dwarf_address(const struct egret_dwarf_cu *cu, const struct egret_dwarf_value *value,
			 uint64_t *out);
const char *egret_dwarf_string(const struct egret_dwarf_cu *cu,
			       const struct egret_dwarf_value *value);
/* The file and the offset in its .debug_info that a reference leads to. */
bool egret_dwarf_reference(const struct egret_dwarf_cu *cu, const struct egret_dwarf_value *value,
			   const struct egret_dwarf_file **file, uint64_t *offset);
/* The end that DW_AT_high_pc tells: an address, or a size. */
bool egret_dwarf_high_pc(const struct egret_dwarf_cu *cu, const struct egret_dwarf_value *value,
			 uint64_t low, uint64_t *out);

#endif
