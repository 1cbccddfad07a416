/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pointer_ids.h - a number for each of many addresses: what was made of a frame, once. */
#ifndef EGRET_CMD_FLEET_POINTER_IDS_H
#define EGRET_CMD_FLEET_POINTER_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pointer_id {
	const void *pointer; /* NULL: free */
	uint64_t id;
};

/* Zero-initialise. */
struct pointer_ids {
	struct pointer_id *slots;
	size_t n_slots, used;
};

void pointer_ids_deinit(struct pointer_ids *ids);

/*
 * The number of a pointer, to be set where *added says that it is new. NULL without memory. Valid
 * until the next call.
 */
uint64_t *pointer_ids_at(struct pointer_ids *ids, const void *pointer, bool *added);

#endif
