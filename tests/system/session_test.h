/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* session_test.h - what programs that embed a session, for system tests, have in common. */
#ifndef EGRET_TESTS_SESSION_TEST_H
#define EGRET_TESTS_SESSION_TEST_H

#include <egret/egret.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline void die(const struct egret_error *err)
{
	fprintf(stderr, "%s\n", err->text);
	exit(1);
}

/* Of CLOCK_MONOTONIC. */
static inline uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
