/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* filter.h - which of a recording a command looks at: options that all viewing commands have. */
#ifndef EGRET_CMD_FILTER_H
#define EGRET_CMD_FILTER_H

#include "opt.h"

struct filter {
	struct opt_strings comms, dsos, symbols, labels;
	struct opt_pids pids, tids;
	struct opt_cpus cpus;
	const char *time;
	const char *from, *to; /* times of day */
	const char *store;     /* the agent's directory; NULL: the default */
	const char *focus, *ignore;
	bool only_user, only_kernel, no_inline;
};

/* Offsets are in struct filter. */
extern const struct opt filter_options[];
/* Those for what is stored, of a command whose other options are about sampling. */
extern const struct opt filter_stored_options[];

/*
 * Opens a recording ("-": standard input), or, where the filter has times of day and path is the
 * default, what the agent's store has of them, and keeps what the filter says; NULL: all.
 * with_samples: the samples are needed one by one in any case. Returns 0, or an exit status after
 * having said what is wrong. The line that says what takes long (busy.h) stays on: the caller takes
 * it away before it writes anything.
 */
int filter_open(const char *path, const struct filter *filter, bool with_samples,
		struct egret_profile **out);

/*
 * What filter_open has opened, for titles: the path, or the times of day. Valid until the next
 * call.
 */
const char *filter_source(const char *path, const struct filter *filter);

/* Whether it is from the store, whatever path says. */
bool filter_is_from_store(const char *path, const struct filter *filter);

/* Reads the store between two times of day, as FROM,TO; `filter` for what else is wanted of it. */
int filter_open_range(const char *range, const struct filter *filter, bool with_samples,
		      struct egret_profile **out);

/*
 * FROM,TO in seconds ("1.5") or shares ("25%") of the time from first to last (nanoseconds), either
 * of which may be left out. *to 0: without an end. 0 or -EINVAL.
 */
int filter_parse_time(const char *text, uint64_t first, uint64_t last, uint64_t *from,
		      uint64_t *to);

#endif
