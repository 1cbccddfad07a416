/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * decisions.h - at which frames of a stack a walk does something else than its CFI says.
 *
 * A walk is made without any. Where it ends before a root, its last frame is looked at again: CFI
 * that led nowhere is not trusted, and where there is none, words on the stack are tried. Then the
 * stack is walked anew from its leaf. Whole stacks pay nothing for it.
 */
#ifndef EGRET_UNWIND_DECISIONS_H
#define EGRET_UNWIND_DECISIONS_H

#include "unwind/step.h"

/* Frames with a decision, and walks of one stack. */
#define EGRET_DECISIONS 8
#define EGRET_WALKS 24

enum egret_decision_kind {
	EGRET_DECIDE_NOTHING,
	EGRET_DECIDE_FLOW, /* the code is followed though there is CFI */
	EGRET_DECIDE_SCAN, /* the n-th candidate on the stack is the return address */
};

struct egret_decision {
	size_t frame; /* that is left */
	enum egret_decision_kind kind;
	uint32_t n;
};

/* Zero-initialise. In the order of the frames. */
struct egret_decisions {
	struct egret_decision list[EGRET_DECISIONS];
	size_t n;
	uint32_t walks;
	bool no_scans; /* they led nowhere: the stack is as it is without them */
};

const struct egret_decision *egret_decision_at(const struct egret_decisions *decisions,
					       size_t frame);

/*
 * A walk ended before a root, at this frame. by_cfi: it was left by CFI. Whether to walk again.
 */
bool egret_decide_again(struct egret_decisions *decisions, size_t frame, bool by_cfi,
			enum egret_unwind_end end);

#endif
