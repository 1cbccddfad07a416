/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cfi_libdw.h - rows made from the CFI of a module, parsed by libdw. */
#ifndef EGRET_UNWIND_CFI_LIBDW_H
#define EGRET_UNWIND_CFI_LIBDW_H

#include "unwind/code_row.h"
#include "unwind/row.h"

/* Bytes that the expressions of one row may have, all together. Signal trampolines have about 70.
 */
#define EGRET_ROW_EXPR_MAX 1024

/* Room for one row as it is made. */
struct egret_row_scratch {
	union {
		struct egret_full_row full;
		uint8_t bytes[sizeof(struct egret_full_row) + EGRET_ROW_EXPR_MAX];
	};
	size_t size; /* of full with its expressions */
};

struct egret_cfi;

/*
 * Looks in .eh_frame, then .debug_frame of elf, then that of debug (may be NULL). Both outlive the
 * result. Nothing is read before the first row is asked for. 0 or -ENOMEM.
 */
int egret_cfi_create(const struct egret_elf *elf, const struct egret_elf *debug,
		     struct egret_cfi **out);
void egret_cfi_destroy(struct egret_cfi *cfi);

/* The row at place, in all its kinds; what it is if FULL is in scratch. */
struct egret_row egret_cfi_row(struct egret_cfi *cfi, struct egret_place place,
			       struct egret_row_scratch *scratch);

/* The addresses from *start up to *end for which the row at vaddr holds, if it is of .eh_frame. */
bool egret_cfi_eh_range(struct egret_cfi *cfi, uint64_t vaddr, uint64_t *start, uint64_t *end);

#endif
