/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cfi_program.h - runs the program of an FDE (DWARF 5, section 6.4.2), which makes one row after
 * the other of a function.
 */
#ifndef EGRET_UNWIND_CFI_PROGRAM_H
#define EGRET_UNWIND_CFI_PROGRAM_H

#include "unwind/arch.h"
#include "unwind/cfi_entry.h"

/* Compilers nest no deeper than 2. */
#define EGRET_CFI_REMEMBERED_MAX 16
/* Those of real CIEs have 8 bytes: a CIE that every FDE runs again must not be long. */
#define EGRET_CIE_PROGRAM_MAX 1024

/* What of a state does not fit into its simple row: a bit a slot, and the CFA. */
#define EGRET_CFI_ODD_CFA (1ull << EGRET_UNWIND_NR_REGS)

/* All that holds at a place. Expressions are not copied: a rule's offset is that in the section. */
struct egret_cfi_state {
	struct egret_row simple; /* the row, where odd is 0 */
	uint64_t odd;
	/* The slot whose rule is the pc's too: of the CIE's return address; or EGRET_NO_SLOT. */
	uint8_t link;
	bool is_good; /* false: the CFI does not make sense here */
	struct egret_rule cfa;
	struct egret_rule reg[EGRET_UNWIND_NR_REGS];
};

/* state holds from start up to end. False: that is enough, the rest is not wanted. */
typedef bool (*egret_cfi_row_fn)(void *arg, uint64_t start, uint64_t end,
				 const struct egret_cfi_state *state);

/* The state at the start of a function, which the CIE makes. */
struct egret_cfi_initial {
	const struct egret_cfi_section *section;
	struct egret_cie cie;
	struct egret_cfi_state state;
};

void egret_cfi_run_cie(const struct egret_cfi_section *section, const struct egret_cie *cie,
		       struct egret_cfi_initial *out);

/* Tells the rows of fde from `from` up to `to`, in order, without gaps. */
void egret_cfi_run_fde(const struct egret_cfi_initial *initial, const struct egret_fde *fde,
		       uint64_t from, uint64_t to, egret_cfi_row_fn row, void *arg);

/* The outermost frame: the caller's return address is undefined. */
static inline bool egret_cfi_is_root(const struct egret_cfi_state *state)
{
	return state->reg[EGRET_UNWIND_RIP].kind == EGRET_RULE_UNDEFINED;
}

#endif
