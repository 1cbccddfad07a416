/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* filter.h - which of a recording a command looks at: options that all viewing commands have. */
#ifndef EGRET_CMD_FILTER_H
#define EGRET_CMD_FILTER_H

#include "opt.h"

struct filter {
	struct opt_strings comms, dsos, symbols;
	struct opt_pids pids, tids;
	struct opt_cpus cpus;
	const char *time;
	const char *focus, *ignore;
	bool only_user, only_kernel, no_inline;
};

/* Offsets are in struct filter. */
extern const struct opt filter_options[];

/*
 * Opens a recording ("-": standard input) and keeps what the filter says; NULL: all.
 * with_samples: the samples are needed one by one in any case. Returns 0, or an exit status after
 * having said what is wrong. The line that says what takes long (busy.h) stays on: the caller takes
 * it away before it writes anything.
 */
int filter_open(const char *path, const struct filter *filter, bool with_samples,
		struct egret_profile **out);

/*
 * FROM,TO in seconds ("1.5") or shares ("25%") of the time from first to last (nanoseconds), either
 * of which may be left out. *to 0: without an end. 0 or -EINVAL.
 */
int filter_parse_time(const char *text, uint64_t first, uint64_t last, uint64_t *from,
		      uint64_t *to);

#endif
