/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* location.h - what there is at an address, for people and for programs: egret-symbolize(1). */
#ifndef EGRET_CMD_LOCATION_H
#define EGRET_CMD_LOCATION_H

#include <stdbool.h>
#include <stdio.h>

#include <egret/egret.h>

/*
 * A line a frame: address (only in the first), function, file:line and, if wanted, module, with
 * tabs between.
 */
void location_print_text(FILE *out, const struct egret_location *location, bool with_module);

/* One JSON object, in a line. 0 or -ENOMEM. */
int location_print_json(FILE *out, const struct egret_location *location);

#endif
