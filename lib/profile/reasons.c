/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The endings of captures and stacks, by number. */
#include "bpf/reasons.h"

#include <egret/egret.h>

struct reason {
	const char *name;
	const char *text;
	const char *fix;
};

#define REASON(num, id, name, text, fix) [num] = { name, text, fix },
static const struct reason capture_reasons[] = { EGRET_CAPTURE_ENDINGS(REASON) };
static const struct reason unwind_reasons[] = { EGRET_UNWIND_ENDINGS(REASON) };
#undef REASON

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A number without a name is in no version of the list that this library knows. */
static const struct reason *find(const struct reason *reasons, size_t n, unsigned int end)
{
	static const struct reason none;

	return end < n ? &reasons[end] : &none;
}

const char *egret_capture_end_name(unsigned int end)
{
	return find(capture_reasons, COUNT(capture_reasons), end)->name;
}

const char *egret_capture_end_text(unsigned int end)
{
	return find(capture_reasons, COUNT(capture_reasons), end)->text;
}

const char *egret_capture_end_fix(unsigned int end)
{
	return find(capture_reasons, COUNT(capture_reasons), end)->fix;
}

const char *egret_unwind_end_name(unsigned int end)
{
	return find(unwind_reasons, COUNT(unwind_reasons), end)->name;
}

const char *egret_unwind_end_text(unsigned int end)
{
	return find(unwind_reasons, COUNT(unwind_reasons), end)->text;
}

const char *egret_unwind_end_fix(unsigned int end)
{
	return find(unwind_reasons, COUNT(unwind_reasons), end)->fix;
}
