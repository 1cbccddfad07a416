/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lines.h - a text line by line, and numbers in it. */
#ifndef EGRET_IMPORT_LINES_H
#define EGRET_IMPORT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct egret_lines {
	const char *p, *end;
	size_t number; /* of the line that was taken last, from 1 on */
};

/* The next line, without its end. False: there is none. A last one without an end is none. */
static inline bool egret_lines_next(struct egret_lines *lines, const char **line, size_t *len)
{
	const char *end;

	if (lines->p == lines->end)
		return false;
	end = memchr(lines->p, '\n', (size_t)(lines->end - lines->p));
	if (!end)
		return false;
	*line = lines->p;
	*len = (size_t)(end - lines->p);
	lines->p = end + 1;
	lines->number++;
	return true;
}

/* Digits from the front of a text; how many, 0 where there are none or they are too many. */
static inline size_t egret_digits(const char *text, size_t len, unsigned int base, uint64_t *value)
{
	size_t n = 0;

	*value = 0;
	for (; n < len; n++) {
		unsigned int c = (unsigned char)text[n], digit = 99;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			digit = (c | 32) - 'a' + 10;
		if (digit >= base)
			break;
		if (*value > (UINT64_MAX - digit) / base)
			return 0;
		*value = *value * base + digit;
	}
	return n;
}

#endif
