/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * store.h - a bounded directory of windows, which is also what is still to be sent.
 *
 * Each window is written once, as a recording (egret-data(5)): to FILE.part, brought to the disk,
 * then renamed, so that only whole windows bear a window's name, whenever egret or the machine
 * stops. The oldest go first, before a new one is written: the directory never takes more than its
 * size. Numbers of windows only grow, also over restarts.
 *
 * A thread of the store writes; store_put only encodes, so that a slow disk holds up nobody who
 * samples. All functions may be called by any thread unless they say otherwise.
 */
#ifndef EGRET_CMD_AGENT_STORE_H
#define EGRET_CMD_AGENT_STORE_H

#include "agent/stat.h"
#include "agent/window.h"

#define STORE_DEFAULT_DIR "/var/lib/egret"
#define STORE_DEFAULT_BYTES (1ull << 30)

struct store;

/*
 * Opens the directory, which is made where it is missing, removes what a crash has left, and
 * brings it below max_bytes (0: STORE_DEFAULT_BYTES).
 * Errors: -EBUSY: another agent has it; -EINVAL: less than 64 KiB; those of mkdir(2), open(2).
 */
int store_open(const char *dir, uint64_t max_bytes, struct store **out, struct egret_error *err);

/*
 * Puts a window into the store: what was sampled in [from_ns, to_ns) of CLOCK_REALTIME. The profile
 * stays the caller's, must keep its samples, and gets its times as metadata. It is in the store
 * when the store's thread has written it; store_flush waits for that.
 * Errors: -ENODATA: samples were not kept; -ENOBUFS: the disk has not kept up, the window is lost
 * (counted); -ENOMEM. What goes wrong while it is written is counted and logged.
 */
int store_put(struct store *store, struct egret_profile *profile, uint64_t from_ns, uint64_t to_ns,
	      struct egret_error *err);
void store_flush(struct store *store);

/* Writes what was put, and closes. Nobody may use the store any more. NULL-safe. */
void store_close(struct store *store);

int store_each_stat(struct store *store, agent_stat_fn fn, void *arg);

/* ---- cursors: how far something that is fed from the store has come -------------------------- */

/* Windows up to this one are done with. The file DIR/cursors/NAME. */
struct store_cursor;

/*
 * A cursor that was not there before stands behind the newest window. name: letters, digits, "-",
 * "." and "_". Up to STORE_CURSORS of them; store_close closes those that are open.
 */
#define STORE_CURSORS 16
bool store_cursor_is_name(const char *name);
int store_cursor_open(struct store *store, const char *name, struct store_cursor **out,
		      struct egret_error *err);

/* The place stays in the store. NULL-safe. */
void store_cursor_close(struct store_cursor *cursor);

/*
 * Waits up to timeout_ms for the first window behind the cursor: 1, and *window is it; 0: there is
 * none, or store_set_waiting has ended it. *missed: how many windows between the cursor and this
 * one are no longer there, or in one with some that are done with; the cursor has passed them.
 */
int store_next(struct store_cursor *cursor, struct window *window, uint64_t *missed,
	       int timeout_ms);

/* Makes the numbers up to window->last done with, on the disk. 0 or -errno, logged. */
int store_cursor_pass(struct store_cursor *cursor, const struct window *window);

/* How many windows are behind the cursor. */
uint64_t store_cursor_left(struct store_cursor *cursor);

/* False wakes those who wait in store_next, which does not wait from then on. */
void store_set_waiting(struct store *store, bool waits);

/* The directory, for window_open. */
int store_dirfd(const struct store *store);

#endif
