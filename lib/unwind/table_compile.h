/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * table_compile.h - from CFI to a table. The one place where other people's CFI is read: what comes
 * out of it can be trusted to lead nowhere outside of itself.
 *
 * The FDE that begins last at or before an address decides about it, as in the search table of
 * .eh_frame_hdr: where two overlap, it is the more specific one. Of two that begin at the same
 * address it is the first in the section.
 *
 * Hostile CFI costs a bounded amount: what is over the limits becomes EGRET_TABLE_BAD.
 */
#ifndef EGRET_UNWIND_TABLE_COMPILE_H
#define EGRET_UNWIND_TABLE_COMPILE_H

#include "unwind/cfi_index.h"
#include "unwind/cfi_program.h"
#include "unwind/table.h"

/* Bytes of programs that one table runs. 64 MiB take 0.3 s; all of libLLVM has 4. */
#define EGRET_TABLE_PROGRAMS_MAX (64ull << 20)
/* Bytes of the full rows of one table, and of one full row's expressions. */
#define EGRET_TABLE_FULL_MAX (16u << 20)
#define EGRET_TABLE_EXPR_MAX 4096

/*
 * The rows from start up to end (at most 4 GiB), which are within the section's code. code: the
 * file that holds the code, for signal trampolines whose CFI does not say so; NULL: by the CFI
 * alone. *out is of malloc. 0 or -ENOMEM.
 */
int egret_table_compile(const struct egret_cfi_index *index, const struct egret_elf *code,
			uint64_t start, uint64_t end, struct egret_table **out);

/*
 * Whether the code of a function is a signal trampoline, though its CFI does not say so: Go's. Then
 * *end is behind its last instruction, and full finds the registers.
 */
bool egret_table_is_trampoline(const struct egret_elf *code, const struct egret_cie *cie,
			       const struct egret_fde *fde, uint64_t *end,
			       struct egret_full_row *full);

#endif
