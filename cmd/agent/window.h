/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * window.h - the windows of a store, by the names of their files.
 *
 * A window is a recording of what was sampled in some seconds. Its name says all that is asked
 * before it is opened: its number, or the numbers of those that were put together in it, and when
 * it begins and ends, in UTC:
 *
 *   0000000123_20261125T030010.000000000Z_20261125T030020.000000000Z.egret
 *   0000000060-0000000119_20261125T025000.000000000Z_20261125T030000.000000000Z.egret
 *
 * A window that lies within the numbers of another is in that one, and no longer counts: it is what
 * a crash has left between putting together and taking away.
 */
#ifndef EGRET_CMD_AGENT_WINDOW_H
#define EGRET_CMD_AGENT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <egret/egret.h>

#define WINDOW_NAME_MAX 128

struct window {
	uint64_t first, last;	 /* numbers; one, where nothing was put together */
	uint64_t from_ns, to_ns; /* CLOCK_REALTIME: first sample or before, and after the last */
	uint64_t bytes;		 /* that its file takes on the disk */
};

struct window_list {
	struct window *items; /* by number */
	size_t n, capacity;
};

/* Returns name. */
const char *window_name(const struct window *window, char name[WINDOW_NAME_MAX]);
/* False: it is not the name of a window. */
bool window_parse_name(const char *name, struct window *window);

/* What a file of that many bytes takes: file systems give out whole blocks. */
uint64_t window_disk_bytes(uint64_t bytes);

int window_list_add(struct window_list *list, const struct window *window);
void window_list_remove(struct window_list *list, size_t first, size_t n);
void window_list_deinit(struct window_list *list);

/* A file that a crash has left: the part of one, or a window that is in another. */
typedef void (*window_leftover_fn)(const char *name, void *arg);

/*
 * The windows in the directory that dirfd is of. leftover (may be NULL) is told the rest that a
 * crash leaves. Other files are none of ours.
 */
int window_list_read(int dirfd, struct window_list *list, window_leftover_fn leftover, void *arg,
		     struct egret_error *err);

/*
 * Opens a window. Errors: those of egret_profile__open_with; -ENOENT: it is gone meanwhile.
 */
int window_open(int dirfd, const struct window *window, bool keep_samples,
		struct egret_profile **out, struct egret_error *err);

/* CLOCK_REALTIME - CLOCK_MONOTONIC of its samples. False: it does not say. */
bool window_clock_offset(const struct egret_profile *profile, int64_t *offset);

/* Gives it an id that no other profile has, by which a receiver knows it again: "profile-id". */
int window_set_id(struct egret_profile *profile, struct egret_error *err);

/* What reports and formats take for its time: from, and how long. */
int window_set_times(struct egret_profile *profile, uint64_t from_ns, uint64_t to_ns,
		     struct egret_error *err);

#endif
