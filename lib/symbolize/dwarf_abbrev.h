/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_abbrev.h - what DIEs look like: one table of .debug_abbrev, made ready for walking.
 *
 * Nine of ten DIEs are of no interest and are only passed over. So beside its attributes each
 * abbreviation has a short list of steps that lead to the end of its DIE: forms of a fixed size
 * that follow each other are one step. DWARF 5: section 7.5.3.
 */
#ifndef EGRET_DWARF_ABBREV_H
#define EGRET_DWARF_ABBREV_H

#include "symbolize/dwarf_file.h"

/* How one goes from the first byte of a DIE's attributes to its last. */
enum egret_dwarf_step_kind {
	EGRET_DWARF_STEP_FIXED, /* n bytes */
	EGRET_DWARF_STEP_LEB,
	EGRET_DWARF_STEP_STRING,
	EGRET_DWARF_STEP_BLOCK,	   /* n bytes say how many follow; n 0: a LEB128 does */
	EGRET_DWARF_STEP_INDIRECT, /* a LEB128 says the form */
	EGRET_DWARF_STEP_SIBLING,  /* a reference of n bytes; n 0: a LEB128. It is noted. */
};

struct egret_dwarf_step {
	uint32_t kind; /* enum egret_dwarf_step_kind */
	uint32_t n;
};

/* The attributes that we look at. Those of functions come first. */
enum egret_dwarf_slot {
	EGRET_DWARF_LOW_PC,
	EGRET_DWARF_HIGH_PC,
	EGRET_DWARF_RANGES_AT,
	EGRET_DWARF_NAME,
	EGRET_DWARF_LINKAGE,
	EGRET_DWARF_ORIGIN,
	EGRET_DWARF_SPECIFICATION,
	EGRET_DWARF_CALL_FILE,
	EGRET_DWARF_CALL_LINE,
	EGRET_DWARF_NR_FUNCTION_SLOTS,
	/* Of unit DIEs only. */
	EGRET_DWARF_COMP_DIR = EGRET_DWARF_NR_FUNCTION_SLOTS,
	EGRET_DWARF_STMT_LIST,
	EGRET_DWARF_LANGUAGE,
	EGRET_DWARF_DWO_NAME,
	EGRET_DWARF_DWO_ID,
	EGRET_DWARF_STR_OFFSETS_BASE,
	EGRET_DWARF_ADDR_BASE,
	EGRET_DWARF_RNGLISTS_BASE,
	EGRET_DWARF_GNU_RANGES_BASE,
	EGRET_DWARF_NR_SLOTS,
	EGRET_DWARF_NO_SLOT = EGRET_DWARF_NR_SLOTS,
};

struct egret_dwarf_attr {
	uint16_t form; /* DW_FORM_* */
	uint8_t slot;  /* enum egret_dwarf_slot */
	struct egret_dwarf_step step;
	int64_t implicit;
};

struct egret_dwarf_abbrev {
	uint64_t code;
	uint16_t tag; /* DW_TAG_* */
	bool has_children;
	bool has_code; /* tells addresses */
	uint16_t n_attrs, n_steps;
	uint32_t first_attr, first_step;
};

struct egret_dwarf_abbrevs {
	/* What the table was made for. */
	uint64_t offset;
	uint8_t version, address_size, offset_size;
	struct egret_dwarf_abbrev *items; /* by code, ascending */
	size_t n;
	bool is_dense; /* items[i].code is i + 1 */
	struct egret_dwarf_attr *attrs;
	struct egret_dwarf_step *steps;
};

/*
 * Reads the table of a unit: all of it, or, where `only` is not 0, the abbreviation of that code
 * alone. 0, -EBADMSG, or -ENOMEM.
 */
int egret_dwarf_abbrevs_create(const struct egret_dwarf_file *file,
			       const struct egret_dwarf_unit *unit, uint64_t only,
			       struct egret_dwarf_abbrevs **out);
void egret_dwarf_abbrevs_destroy(struct egret_dwarf_abbrevs *abbrevs);

/* NULL: there is no such code. */
const struct egret_dwarf_abbrev *egret_dwarf_abbrev_sparse(const struct egret_dwarf_abbrevs *a,
							   uint64_t code);
static inline const struct egret_dwarf_abbrev *
egret_dwarf_abbrev(const struct egret_dwarf_abbrevs *a, uint64_t code)
{
	if (a->is_dense)
		return code - 1 < a->n ? &a->items[code - 1] : NULL;
	return egret_dwarf_abbrev_sparse(a, code);
}

/*
 * Passes over the attributes of a DIE. sibling, where not NULL, gets the offset in the unit that
 * DW_AT_sibling tells, or is left as it is. False where they go beyond the end, or make no sense.
 */
bool egret_dwarf_pass(struct egret_bytes *r, const struct egret_dwarf_abbrevs *abbrevs,
		      const struct egret_dwarf_abbrev *abbrev, uint64_t *sibling);

/* The step over one attribute of that form. False: the form is not known. */
bool egret_dwarf_step_of(const struct egret_dwarf_abbrevs *abbrevs, uint16_t form,
			 struct egret_dwarf_step *out);

#endif
