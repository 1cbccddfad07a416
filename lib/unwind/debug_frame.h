/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* debug_frame.h - the .debug_frame section of a file, for libdw. */
#ifndef EGRET_UNWIND_DEBUG_FRAME_H
#define EGRET_UNWIND_DEBUG_FRAME_H

#include <elfutils/libdw.h>

#include "elf/elf_file.h"

/* All zeros: not open. */
struct egret_debug_frame {
	uint8_t *image; /* an ELF file in memory with this one section */
	Elf *elf;
	Dwarf *dwarf;
	Dwarf_CFI *cfi;
};

/*
 * libdw would read, and decompress, every debug section of a file before it hands out .debug_frame:
 * for a Go program that is tens of megabytes. So it is given a file that has only that one. 0;
 * -ENOENT: elf has no such section; -EINVAL: it is damaged; -ENOMEM.
 */
int egret_debug_frame_open(const struct egret_elf *elf, struct egret_debug_frame *out);
/* Does nothing to one that is all zeros. */
void egret_debug_frame_close(struct egret_debug_frame *frame);

#endif
