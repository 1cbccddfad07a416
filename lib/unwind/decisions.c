/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/decisions.h"

const struct egret_decision *egret_decision_at(const struct egret_decisions *decisions,
					       size_t frame)
{
	for (size_t i = 0; i < decisions->n; i++)
		if (decisions->list[i].frame == frame)
			return &decisions->list[i];
	return NULL;
}

static bool add(struct egret_decisions *decisions, size_t frame, enum egret_decision_kind kind)
{
	if (decisions->n == EGRET_DECISIONS || egret_decision_at(decisions, frame))
		return false;
	decisions->list[decisions->n++] = (struct egret_decision){ frame, kind, 0 };
	return true;
}

/* Whether CFI may be at fault where a stack ends so. */
static bool may_be_bad_cfi(enum egret_unwind_end end)
{
	return end == EGRET_UNWIND_BAD_CFI || end == EGRET_UNWIND_TRUNCATED ||
	       end == EGRET_UNWIND_NO_PROGRESS || end == EGRET_UNWIND_NO_MODULE;
}

static bool drop_scans(struct egret_decisions *decisions)
{
	size_t kept = 0;
	bool any;

	/* What was decided above a scan is about frames that are not there without it. */
	while (kept < decisions->n && decisions->list[kept].kind != EGRET_DECIDE_SCAN)
		kept++;
	any = kept < decisions->n;
	decisions->n = kept;
	decisions->no_scans = true;
	return any;
}

/*
 * The last scan before the frame at which the walk ended takes its next candidate; one at that
 * frame has found none.
 */
static bool try_next(struct egret_decisions *decisions, size_t frame)
{
	for (size_t i = decisions->n; i-- > 0;) {
		struct egret_decision *decision = &decisions->list[i];

		if (decision->kind != EGRET_DECIDE_SCAN || decision->frame >= frame)
			continue;
		decision->n++;
		decisions->n = i + 1;
		return true;
	}
	return drop_scans(decisions);
}

bool egret_decide_again(struct egret_decisions *decisions, size_t frame, bool by_cfi,
			enum egret_unwind_end end)
{
	bool is_over = ++decisions->walks >= EGRET_WALKS;

	if (end == EGRET_UNWIND_ROOT || end == EGRET_UNWIND_FRAME_LIMIT)
		return false;
	if (!is_over && by_cfi && may_be_bad_cfi(end) && add(decisions, frame, EGRET_DECIDE_FLOW))
		return true;
	if (decisions->no_scans)
		return false;
	if (is_over)
		return drop_scans(decisions);
	if ((end == EGRET_UNWIND_NO_CFI || end == EGRET_UNWIND_FRAME_POINTER_END) &&
	    add(decisions, frame, EGRET_DECIDE_SCAN))
		return true;
	return try_next(decisions, frame);
}
