/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The reasons why a frame has no name, by number. */
#include "symbolize/name_reasons.h"

#include <egret/egret.h>

static const struct reason {
	const char *name, *text, *fix;
} reasons[] = {
#define X(number, id, name, text, fix) [number] = { name, text, fix },
	EGRET_NAME_REASONS(X)
#undef X
};

/* A number without a name is in no version of the list that this library knows. */
static const struct reason *find(unsigned int why)
{
	static const struct reason none;

	return why < EGRET_NAME_NR ? &reasons[why] : &none;
}

const char *egret_name_reason_name(unsigned int why)
{
	return find(why)->name;
}

const char *egret_name_reason_text(unsigned int why)
{
	return find(why)->text;
}

const char *egret_name_reason_fix(unsigned int why)
{
	return find(why)->fix;
}
