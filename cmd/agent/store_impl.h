/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* store_impl.h - what the files of the store have in common. */
#ifndef EGRET_CMD_AGENT_STORE_IMPL_H
#define EGRET_CMD_AGENT_STORE_IMPL_H

#include <pthread.h>

#include "agent/store.h"

/* Windows that are encoded and wait for the disk. */
#define STORE_QUEUE 8
/* A file in the store: locked by those who read several windows, shared. */
#define STORE_READING "reading"

struct store_job {
	int fd; /* a memfd with the recording */
	uint64_t bytes;
	uint64_t from_ns, to_ns;
};

struct store_cursor {
	struct store *store;
	char name[64];
	uint64_t at; /* number of the last window that is done with */
};

struct store_counts {
	uint64_t written, removed, leftovers, joined, clock_steps;
	uint64_t no_space, too_large, write_failed, queue_full; /* windows that were lost */
};

struct store {
	char *dir;
	int dirfd, cursors_fd, lock_fd, reading_fd;
	uint64_t max_bytes;
	pthread_t thread;
	bool has_thread;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work, idle, newer;
	struct window_list windows;
	uint64_t bytes; /* of windows, and of a part that is being written */
	uint64_t next;	/* number of the next window */
	uint64_t last_to_ns;
	uint64_t joined_to; /* windows up to this one are as they stay */
	struct store_job queue[STORE_QUEUE];
	size_t n_queue;
	bool busy, stop, stop_waiting, failing;
	struct store_cursor *cursors[STORE_CURSORS];
	size_t n_cursors;
	struct store_counts counts;
};

/* Takes the oldest away until `more` bytes fit. False: they never will. With the lock held. */
bool store_make_room(struct store *store, uint64_t more);

/*
 * Writes the bytes of fd, from its beginning, as a window; its number and size are in *window. The
 * room is taken already. 0 or -errno; then nothing is left of it. Without the lock.
 */
int store_write(struct store *store, int fd, const struct window *window);

/* A profile as a recording in memory. Returns a descriptor, or -errno with a sentence. */
int store_encode(const struct egret_profile *profile, uint64_t *bytes, struct egret_error *err);

/* Puts old windows together, those of one stretch at most. By the store's thread only. */
void store_join_old(struct store *store);

#endif
