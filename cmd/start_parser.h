/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* start_parser.h - the process that reads files of others, for the command line. */
#ifndef EGRET_CMD_START_PARSER_H
#define EGRET_CMD_START_PARSER_H

#include <egret/egret.h>

/* As egret_parser__start. As many files may be open then as anybody lets us. */
int start_parser(struct egret_parser **parser, struct egret_error *err);

#endif
