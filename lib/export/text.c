/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What ends a line, or turns the text behind it around: a name could pretend to be another one. */
static bool changes_layout(uint32_t code)
{
	return code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* Bytes of the character at p, which ends with a NUL at the latest; 0: it is none to be shown. */
static size_t character_len(const unsigned char *p)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	uint32_t code = *p & (0xffu >> (len + 1));

	if (len <= 1)
		return len && *p >= 0x20 && *p != 0x7f;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	/* Longer than need be, halves of UTF-16's pairs, beyond Unicode, control characters. */
	if (code < least[len] || code >> 11 == 0x1b || code > 0x10ffff || code < 0xa0 ||
	    changes_layout(code))
		return 0;
	return len;
}

static char *first_bad(const char *text)
{
	size_t len;

	while (*text && (len = character_len((const unsigned char *)text)))
		text += len;
	return *text ? (char *)text : NULL;
}

const char *egret_text_clean(struct egret_arena *arena, const char *text)
{
	char *copy;

	if (!text || !first_bad(text))
		return text ? text : "";
	copy = egret_arena_text(arena, text, strlen(text));
	for (char *bad = copy ? first_bad(copy) : NULL; bad; bad = first_bad(bad))
		*bad = '?';
	return copy;
}
