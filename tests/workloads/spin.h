/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* spin.h - what workloads share: functions that keep their frames, and time spent in the caller. */
#ifndef EGRET_WORKLOADS_SPIN_H
#define EGRET_WORKLOADS_SPIN_H

#include <stdint.h>
#include <time.h>

#define FRAME __attribute__((noinline, noclone, used)) /* a frame of its own, with its own name */

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * Busy in the calling function itself, for so much CPU time of the thread, whatever else the
 * machine does. The clock is looked at once in many turns.
 */
static inline __attribute__((always_inline)) void spin_ms(unsigned int ms)
{
	uint64_t end = clock_ns(CLOCK_THREAD_CPUTIME_ID) + ms * 1000000ull;

	do {
		for (volatile unsigned int i = 0; i < 1000000; i++)
			;
	} while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
}

#endif
