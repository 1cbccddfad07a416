/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* text.h - numbers and names as people read them. */
#ifndef EGRET_CMD_TEXT_H
#define EGRET_CMD_TEXT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Room for any of the numbers below. */
struct text_number {
	char text[40];
};

struct text_number text_count(uint64_t n);	 /* 12,345 */
struct text_number text_bytes(uint64_t n);	 /* 1.2 MB */
struct text_number text_seconds(double seconds); /* 12.3 s */
/* 99.9 %. Rounded down, so that only all of them are "100.0 %"; "0.0 %" of none. */
struct text_number text_share(uint64_t part, uint64_t whole);

/* Whether the locale can show what is not ASCII. */
bool text_is_utf8(void);
const char *text_arrow(void);

/* The last part of a path; all of it where it has none, or ends in a slash. */
const char *text_file_name(const char *path);

/* The width of the terminal at a stream in columns; INT_MAX where it is not one. */
int text_terminal_width(FILE *stream);

/*
 * Prints a name that comes from outside: what could steer a terminal or confuse its reader (control
 * characters, bytes that are not text, changes of direction) becomes '?'. Cut after `max` columns
 * (INT_MAX: never). Returns the columns printed.
 */
int text_print(FILE *out, const char *name, int max);

/* The same into memory of `size` bytes, of which three are enough for the end of a cut name. */
int text_fit(char *to, size_t size, const char *name, int max);

#endif
