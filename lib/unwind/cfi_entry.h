/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cfi_entry.h - the entries of a CFI section (DWARF 5, section 6.4.1; LSB 5.0 Core, 10.6).
 *
 *	CIE (common information entry)	what many functions share
 *	FDE (frame description entry)	one function: its addresses, its CIE, and its program
 */
#ifndef EGRET_UNWIND_CFI_ENTRY_H
#define EGRET_UNWIND_CFI_ENTRY_H

#include "unwind/cfi_section.h"

struct egret_cie {
	uint64_t offset; /* in the section */
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra;	      /* the column of the return address */
	uint8_t fde_encoding; /* DW_EH_PE_* of an FDE's addresses */
	uint8_t address_size;
	bool has_augmentation_data; /* "z": FDEs say how much of it they have */
	bool is_signal;		    /* "S" */
	const uint8_t *program;
	const uint8_t *program_end;
};

struct egret_fde {
	uint64_t start, end; /* addresses; end > start */
	const uint8_t *program;
	const uint8_t *program_end;
};

/* An entry whose kind is not looked at closer. */
struct egret_cfi_entry {
	uint64_t offset; /* in the section */
	uint64_t next;	 /* offset of the entry after it */
	bool is_cie;
	uint64_t cie;	  /* of an FDE: where its CIE is */
	uint64_t content; /* offset of what is after the CIE's id or the FDE's pointer */
	bool is_64;	  /* DWARF's 64-bit format */
};

/* The entry at offset, or the one after padding there. False at the end, or where nothing makes
 * sense any more. */
bool egret_cfi_entry_at(const struct egret_cfi_section *section, uint64_t offset,
			struct egret_cfi_entry *out);
/* False: damaged, or with an augmentation that nobody knows. */
bool egret_cie_parse(const struct egret_cfi_section *section, const struct egret_cfi_entry *entry,
		     struct egret_cie *out);
/* False: damaged, or of no address at all. */
bool egret_fde_parse(const struct egret_cfi_section *section, const struct egret_cfi_entry *entry,
		     const struct egret_cie *cie, struct egret_fde *out);

/* An encoded pointer (LSB 5.0 Core, 10.5) at *at in the section, which is moved beyond it. False:
 * damaged, or not a pointer to code. */
bool egret_cfi_pointer(const struct egret_cfi_section *section, const struct egret_cie *cie,
		       const uint8_t **at, const uint8_t *end, uint64_t *value);

#endif
