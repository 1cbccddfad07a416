/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * collect.h - what a session samples, for several readers at once.
 *
 * A reader (the window under way, a request) wants all that is sampled between two moments. At each
 * such moment what has come is taken from the session, and added to every collection that is open:
 * each sample is in each of them once, whenever others begin and end. A sample belongs to the
 * moment at which its stack had been read; its own time may be a little earlier.
 */
#ifndef EGRET_CMD_AGENT_COLLECT_H
#define EGRET_CMD_AGENT_COLLECT_H

#include "agent/relabel.h"

struct collection {
	struct egret_profile *sum; /* so far; NULL: nothing has been taken */
	uint64_t from;		   /* CLOCK_REALTIME, nanoseconds since 1970 */
	struct collection *next;
};

struct collect {
	struct egret_session *session; /* the caller's */
	struct relabel
		*relabel; /* what slices are made of before anybody has them; NULL: nothing */
	struct collection *open;
	uint64_t slices; /* taken */
	uint64_t failed; /* of those, lost for want of memory */
};

/*
 * Takes what has come now, rather than when a collection ends: the session forgets what it knows
 * too much of when something is taken. Errors: those of egret_session__take; -ENOMEM: what was
 * collected is lost.
 */
int collect_slice(struct collect *collect, struct egret_error *err);

/* From now on. The caller owns the struct, which stays where it is until it is closed. */
int collect_open(struct collect *collect, struct collection *collection, struct egret_error *err);

/*
 * What was collected until now, the caller's, and on from now: collection->from is that moment.
 * Errors: as collect_close; what was collected is lost then.
 */
int collect_turn(struct collect *collect, struct collection *collection, struct egret_profile **out,
		 struct egret_error *err);

/*
 * Until now: *out is the caller's. The collection is closed in any case.
 * Errors: those of egret_session__take; -ENOMEM.
 */
int collect_close(struct collect *collect, struct collection *collection,
		  struct egret_profile **out, struct egret_error *err);

/* Closes it, and throws away what was in it. */
void collect_abandon(struct collect *collect, struct collection *collection);

/* CLOCK_REALTIME, nanoseconds. */
uint64_t collect_now(void);

#endif
