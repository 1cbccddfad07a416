/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * late_pages.h - stack pages that somebody else has to bring in: --fault=any.
 *
 * A page of userfaultfd, FUSE or a network file may never come. Waited for in the target's own task
 * work, it would hold up the target, and with it every BPF program on the machine that is to be
 * unloaded (RCU Tasks Trace). So it is asked for from outside, by a child that can be killed, for a
 * bounded time; the frames that lie there are those of callers, and do not change while they wait.
 */
#ifndef EGRET_SESSION_LATE_PAGES_H
#define EGRET_SESSION_LATE_PAGES_H

#include <stdbool.h>

#include "bpf/abi.h"

struct egret_late_pages {
	int hopeless_pid;	 /* the last process that was waited for in vain; 0: none */
	uint64_t hopeless_until; /* CLOCK_MONOTONIC ns */
	uint64_t filled;	 /* captures whose pages came */
};

/*
 * A copy of rec with the holes filled, to be freed by the caller. Where the pages did not come in
 * time (100 ms), one that is as rec but ends with fault-timeout, and the process is not asked again
 * for a while. NULL: there is nothing to fill, or no memory: use rec.
 */
struct egret_rec_capture *egret_late_pages_fill(struct egret_late_pages *late,
						const struct egret_rec_capture *rec,
						uint32_t limit);

#endif
