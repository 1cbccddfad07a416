/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_split.h - split units: DIEs that are in a .dwo file, or in a .dwp file that holds many.
 *
 * The program has a skeleton unit, with the addresses and lines, and the identity of the split one.
 * DWARF 5: sections 7.3.2 and 7.3.5; version 4 as GCC and LLVM have it ("GNU DebugFission").
 */
#ifndef EGRET_DWARF_SPLIT_H
#define EGRET_DWARF_SPLIT_H

#include "symbolize/dwarf_die.h"
#include "symbolize/dwarf_index.h"

struct egret_dwarf_split {
	struct egret_dwarf_openers openers;
	struct egret_dwarf_file package; /* the .dwp; empty where there is none */
	bool package_tried;
	uint64_t n_missing; /* split units that could not be had */
};

void egret_dwarf_split_deinit(struct egret_dwarf_split *split);

/* Whether the unit is a skeleton: its DIEs are elsewhere. */
bool egret_dwarf_is_skeleton(const struct egret_dwarf_cu *cu);

/* A split unit; its file holds nothing else. */
struct egret_dwarf_part {
	struct egret_dwarf_file file;
	const struct egret_dwarf_unit *unit;
};

/*
 * Opens the split unit of a skeleton. reader: what reads its identity. 0, -ENOENT, or -ENOMEM. The
 * part is to be closed after the reader, and all that was read, is done with.
 */
int egret_dwarf_part_open(struct egret_dwarf_split *split, struct egret_dwarf_reader *reader,
			  const struct egret_dwarf_cu *skeleton, struct egret_dwarf_part *out);
void egret_dwarf_part_close(struct egret_dwarf_part *part);

#endif
