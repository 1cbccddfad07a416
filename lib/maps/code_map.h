/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * code_map.h - the executable mappings of a process at one time.
 *
 * Processes that fork share one until either changes; and who unwinds a capture keeps the one of
 * its moment. So a map that somebody else holds is copied before it is changed, and its number
 * changes with every change: what was found by the number is true as long as the number is there.
 * References are counted by one thread; any may look things up.
 */
#ifndef EGRET_MAPS_CODE_MAP_H
#define EGRET_MAPS_CODE_MAP_H

#include "maps/modules.h"

struct egret_mapping {
	uint64_t start, end; /* user addresses */
	uint64_t pgoff;	     /* bytes */
	struct egret_module *module;
	uint64_t bias; /* address - bias is the virtual address in the module's ELF file; 0 for JIT
			  code */
	bool biased;   /* the ELF file has a segment there */
};

struct egret_code_map {
	uint64_t number; /* of this content, for good; never 0 */
	size_t refs;
	struct egret_mapping *mappings; /* sorted, without overlaps */
	size_t n, capacity;
};

/* Another owner of a map, or of NULL: nothing is mapped. */
struct egret_code_map *egret_code_map_get(struct egret_code_map *map);
void egret_code_map_put(struct egret_code_map *map);

/*
 * The mapping that holds addr, or NULL. *last is the caller's, 0 at first: where it was found the
 * last time. Good until the map changes.
 */
const struct egret_mapping *egret_code_map_find(const struct egret_code_map *map, uint64_t addr,
						size_t *last);

/*
 * Changes *map, which is the caller's, or makes one: mapping takes the place of whatever is there.
 * *numbers is the last number that was given to any map. Mapping once more what is mapped is no
 * change. False without memory: then what was there may be gone.
 */
bool egret_code_map_add(struct egret_code_map **map, uint64_t *numbers,
			const struct egret_mapping *mapping);
/* Nothing is mapped at [start, end) any more. */
void egret_code_map_clear(struct egret_code_map **map, uint64_t *numbers, uint64_t start,
			  uint64_t end);

#endif
