/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * table_module.h - the tables of a file, each compiled when its first row is wanted.
 *
 * A table covers 64 KiB of code, which takes about 20 us to compile: so the first stack through
 * libLLVM waits for the few that it touches (and 2 ms for the list of its functions), and what is
 * never sampled costs nothing. Tables that were compiled once can be kept (table_file.h): then not
 * even the list of functions is needed.
 */
#ifndef EGRET_UNWIND_TABLE_MODULE_H
#define EGRET_UNWIND_TABLE_MODULE_H

#include "base/buffer.h"
#include "unwind/code_row.h"
#include "unwind/row.h"
#include "unwind/table_compile.h"
#include "unwind/table_file.h"

struct egret_arch;
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

/* The FDEs of a place; NULL: there is none. */
const struct egret_cfi_index *egret_table_module_index(struct egret_table_module *module,
						       enum egret_cfi_place place);

/* Of the file; NULL: nothing is known of it, and no row will be found. */
const struct egret_arch *egret_table_module_arch(const struct egret_table_module *module);

/*
 * Takes tables that were exported from the same file, before the first row is asked for. bytes are
 * at a multiple of 8 and outlive the module. False: they are not valid, or of other code; nothing
 * was taken.
 */
bool egret_table_module_import(struct egret_table_module *module, const void *bytes, size_t size);

/*
 * All tables as one block, those of addresses that were asked for and not compiled yet too: 20 us
 * for each. 1: out has it; 0: there is nothing that was not imported; -ENOMEM.
 */
int egret_table_module_export(struct egret_table_module *module, struct egret_buffer *out);

/* Has all tables of the file exported: 20 us for each 64 KiB of code. */
void egret_table_module_touch_all(struct egret_table_module *module);

/*
 * Takes over the tables that another module of the same file has compiled, which is not asked for
 * rows any more, and is destroyed first.
 */
void egret_table_module_take(struct egret_table_module *module, struct egret_table_module *from);

/* Bytes of the tables that were compiled. */
size_t egret_table_module_memory(const struct egret_table_module *module);

#endif
