/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hits.h - which instructions of a function samples hit. */
#ifndef EGRET_CMD_HITS_H
#define EGRET_CMD_HITS_H

#include <egret/egret.h>

struct hit {
	uint64_t offset; /* in the module, as in struct egret_frame */
	uint64_t samples, value;
};

struct hits {
	const char *module; /* the profile's; NULL: the function is nowhere */
	struct hit *items;  /* in the order of offsets, each once */
	size_t n, capacity;
	uint64_t place;		 /* an offset in the function, where nothing hit it */
	uint64_t samples, value; /* of items */
	uint64_t whole;		 /* value of all of the profile */
	uint32_t kind;		 /* enum egret_frame_kind */
};

/*
 * The hits of a function in one module: the one asked for (path or file name), or (NULL) the one
 * where it was hit most. 0 or -ENOMEM. hits_deinit in either case.
 */
int hits_build(struct hits *hits, const struct egret_profile *profile, uint32_t event,
	       const char *function, const char *module);
void hits_deinit(struct hits *hits);

/* The hit at an offset, or the first one behind it: an index, n where there is none. */
size_t hits_from(const struct hits *hits, uint64_t offset);

#endif
