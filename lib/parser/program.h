/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* program.h - where the program is that answers a parser's questions. */
#ifndef EGRET_PARSER_PROGRAM_H
#define EGRET_PARSER_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The path of egret-parser, from where this library is, or the program that it is linked into:
 * beside it, as it was built; in egret/ below, as it was installed; or for a program in bin/, in
 * ../lib/egret/. False: there is none.
 */
bool egret_parser_find_program(char *path, size_t size);

#endif
