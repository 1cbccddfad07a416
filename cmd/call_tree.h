/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* call_tree.h - a call tree as text. */
#ifndef EGRET_CMD_CALL_TREE_H
#define EGRET_CMD_CALL_TREE_H

#include <stdio.h>

#include "aggregate.h"

/*
 * Prints the tree, callers first, one line a function with its total and self. Indented only where
 * calls divide. percent_limit: what has a smaller total is left out, and said to be. width:
 * columns.
 */
void call_tree_print(const struct aggregate *aggregate, double percent_limit, int width, FILE *out);

#endif
