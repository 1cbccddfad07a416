/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* known.h - a bounded set of hashes: what the database has been sent already. */
#ifndef EGRET_CMD_FLEET_KNOWN_H
#define EGRET_CMD_FLEET_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise with max_bytes, a power of two and 4,096 at least. */
struct known {
	uint64_t *slots; /* 0: free */
	size_t n_slots, used;
	size_t max_bytes;
};

void known_deinit(struct known *known);
void known_clear(struct known *known);

/*
 * Whether the hash is new to the set, which has it from now on. A full set forgets everything and
 * begins anew, and without memory everything is new: what is sent once more is only not needed.
 */
bool known_add(struct known *known, uint64_t hash);

#endif
