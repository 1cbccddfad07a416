/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * table_module.h - the tables of a file, each compiled when its first row is wanted.
 *
 * A table covers 1 MiB of code, which takes about 0.5 ms to compile: so the first stack through
 * libLLVM waits for the few that it touches (and 2 ms for the list of its functions), and what is
 * never sampled costs nothing.
 */
#ifndef EGRET_UNWIND_TABLE_MODULE_H
#define EGRET_UNWIND_TABLE_MODULE_H

#include "unwind/code_row.h"
#include "unwind/row.h"
#include "unwind/table_compile.h"

struct egret_table_module;

/*
 * Looks in .eh_frame, then .debug_frame of elf, then that of debug (may be NULL). Both outlive the
 * module. Nothing is read before the first row is asked for. 0 or -ENOMEM.
 */
int egret_table_module_create(const struct egret_elf *elf, const struct egret_elf *debug,
			      struct egret_table_module **out);
void egret_table_module_destroy(struct egret_table_module *module);

/*
 * The row at place, of CFI or of the code. Its full row is good as long as the module; where
 * *is_lasting is false, only until the next call.
 */
struct egret_row_ref egret_table_module_row(struct egret_table_module *module,
					    struct egret_place place, bool *is_lasting);

/* The places where CFI is, in the order in which it is looked for. */
enum egret_cfi_place {
	EGRET_CFI_EH_FRAME,
	EGRET_CFI_DEBUG_FRAME,
	EGRET_CFI_SEPARATE_DEBUG_FRAME,
	NR_EGRET_CFI_PLACES,
};
/* The FDEs of one of them; NULL: there is none. */
const struct egret_cfi_index *egret_table_module_index(struct egret_table_module *module,
						       enum egret_cfi_place place);

#endif
