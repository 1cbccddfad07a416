/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* recorder.h - one recording, from the options to the file: what record and flame have in common.
 */
#ifndef EGRET_CMD_RECORDER_H
#define EGRET_CMD_RECORDER_H

#include <stdbool.h>

#include "sampling.h"

/* When another file is begun. */
enum switch_on { SWITCH_NEVER, SWITCH_SIGNAL, SWITCH_SIZE, SWITCH_TIME };

/* Where the recording goes. */
struct recorder_file {
	const char *path; /* "-": standard output */
	enum switch_on switch_on;
	uint64_t threshold; /* of the switch: bytes, or milliseconds */
	bool say_next;	    /* tell a terminal which commands read the file */
};

struct recorder_result {
	bool recorded;	     /* there is a file, whole, of the name asked for */
	int workload_status; /* as of a shell; 0 without a command */
};

/*
 * Records into a file. argv: the command to run, or argc 0. Returns 0, or an exit status after
 * having said what is wrong.
 */
int recorder_run(const struct sampling_opts *opts, const struct recorder_file *file, int argc,
		 char **argv, struct recorder_result *result);

#endif
