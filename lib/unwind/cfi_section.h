/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cfi_section.h - where a file has its CFI: .eh_frame and .debug_frame, as bytes. */
#ifndef EGRET_UNWIND_CFI_SECTION_H
#define EGRET_UNWIND_CFI_SECTION_H

#include "elf/elf_file.h"

/* More CFI than that is not read: nothing real is near it, and a small file could claim it. */
#define EGRET_CFI_SIZE_MAX (1ull << 30)

struct egret_arch;

struct egret_cfi_section {
	const uint8_t *bytes;
	size_t size;
	bool is_eh;	     /* .eh_frame; else .debug_frame */
	bool ends_at_zero;   /* its size is not known: it ends at an entry without length */
	uint64_t vaddr;	     /* where bytes are loaded, for pointers relative to themselves */
	uint64_t text_vaddr; /* what DW_EH_PE_textrel pointers are relative to */
	uint64_t got_vaddr;  /* and DW_EH_PE_datarel ones */
	/* The addresses that can hold code: what is beyond is of no function. */
	uint64_t code_start, code_end;
	uint8_t *owned;		       /* bytes, if they were decompressed here */
	const struct egret_arch *arch; /* NULL: x86-64 */
};

/*
 * Each: 0; -ENOENT: elf has none; -EINVAL: damaged; -ENOMEM. Bytes are those of elf, which outlives
 * the section, or are given back by egret_cfi_section_deinit.
 */
/* The section of that name, else the one that the program header PT_GNU_EH_FRAME leads to. */
int egret_cfi_section_eh_frame(const struct egret_elf *elf, struct egret_cfi_section *out);
/* Also compressed: SHF_COMPRESSED, or named .zdebug_frame. */
int egret_cfi_section_debug_frame(const struct egret_elf *elf, struct egret_cfi_section *out);
/* The addresses that can hold code, of a file with CFI or not. False: there are none. */
bool egret_cfi_code_range(const struct egret_elf *elf, uint64_t *start, uint64_t *end);
void egret_cfi_section_deinit(struct egret_cfi_section *section);

#endif
