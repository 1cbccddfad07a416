/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cfi_image.h - the CFI sections of a file as an ELF file of their own, in memory, for libdw.
 *
 * What libdw makes of a whole file can be slow:
 *   - for .debug_frame it reads, and decompresses, every debug section: tens of megabytes of a Go
 *     program, and of files that are shared with other readers of the same libelf handle;
 *   - it overlooks an .eh_frame_hdr that comes after .eh_frame, as lld lays files out, and then
 * reads through all of .eh_frame (libLLVM: 30 ms). So it is given a file that has what is needed,
 * in the order that it likes.
 */
#ifndef EGRET_UNWIND_CFI_IMAGE_H
#define EGRET_UNWIND_CFI_IMAGE_H

#include <elfutils/libdw.h>

#include "elf/elf_file.h"

/* All zeros: not open. */
struct egret_cfi_image {
	uint8_t *bytes;
	Elf *elf;
	Dwarf *dwarf; /* .debug_frame only; owns cfi */
	Dwarf_CFI *cfi;
};

/* Each: 0; -ENOENT: elf has no such section; -EINVAL: it is damaged; -ENOMEM. */
int egret_cfi_image_open_debug_frame(const struct egret_elf *elf, struct egret_cfi_image *out);
/* .eh_frame and .eh_frame_hdr. */
int egret_cfi_image_open_eh_frame(const struct egret_elf *elf, struct egret_cfi_image *out);
/* Does nothing to one that is not open. */
void egret_cfi_image_close(struct egret_cfi_image *image);

/* Whether libdw would overlook the search table in .eh_frame_hdr. */
bool egret_cfi_image_is_needed(const struct egret_elf *elf);

#endif
