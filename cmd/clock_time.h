/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* clock_time.h - times of day, as people write them: --from and --to. */
#ifndef EGRET_CMD_CLOCK_TIME_H
#define EGRET_CMD_CLOCK_TIME_H

#include <stdint.h>

/* CLOCK_REALTIME, nanoseconds. */
uint64_t clock_time_now(void);

/*
 * Reads a time: "10:00", "10:00:30.5" (the last such time before now: today's, or yesterday's; with
 * `from` other than 0 the first one after from), "today 10:00", "yesterday 10:00", "2026-11-25",
 * "2026-11-25 03:00" in local time, RFC 3339 ("2026-11-25T03:00:00Z", "+01:00"), "-5m", "-1h30m"
 * (before now; units s, m, h, d), "now", "@1764000000.5" (seconds since 1970). 0 or -EINVAL.
 */
int clock_time_parse(const char *text, uint64_t now_ns, uint64_t from_ns, uint64_t *ns);

/* Local time, the day only where it is not today: "02:10:30", "2026-11-24 23:10:00". */
struct clock_time_text {
	char text[48];
};
struct clock_time_text clock_time_text(uint64_t ns);

#endif
