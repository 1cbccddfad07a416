/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* location.h - what there is at an address, for people and for programs: egret-symbolize(1). */
#ifndef EGRET_CMD_LOCATION_H
#define EGRET_CMD_LOCATION_H

#include <stdbool.h>
#include <stdio.h>

#include <egret/egret.h>

/* What printing as text needs. Zero at first; location_text_deinit gives the memory back. */
struct location_text {
	/* Lengths of names that are plain, by their pointers: see egret_symbolizer__find. */
	struct location_name {
		const char *name;
		size_t len;
	} names[1 << 13];
	char *bytes; /* what is printed next */
	size_t len, capacity;
};
void location_text_deinit(struct location_text *text);

/*
 * A line a frame: address (only in the first), function, file:line and, if wanted, module, with
 * tabs between. Some of it is in text until location_text_flush. 0 or -ENOMEM.
 */
int location_print_text(FILE *out, const struct egret_location *location, bool with_module,
			struct location_text *text);
void location_text_flush(FILE *out, struct location_text *text);

/* One JSON object, in a line. 0 or -ENOMEM. */
int location_print_json(FILE *out, const struct egret_location *location);

#endif
