/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * test.h - what a unit test needs: one program a file, one function a behaviour.
 *
 *   static void adds(void) { CHECK_EQ(1 + 1, 2); }
 *   int main(void) { RUN(adds); return DONE(); }
 *
 * A program exits with 0, with 1 when a check failed, with 77 when SKIP was called.
 */
#ifndef EGRET_TEST_H
#define EGRET_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int test_failures;
static const char *test_name = "";

#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			printf("%s:%d: %s: not true: %s\n", __FILE__, __LINE__, test_name, #cond); \
			test_failures++;                                                           \
		}                                                                                  \
	} while (0)

/* Integers; prints both. */
#define CHECK_EQ(got, want)                                                                        \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (got_ != want_) {                                                               \
			printf("%s:%d: %s: %s is %lld (0x%llx), not %lld (0x%llx)\n", __FILE__,    \
			       __LINE__, test_name, #got, got_, got_, want_, want_);               \
			test_failures++;                                                           \
		}                                                                                  \
	} while (0)

/* Strings; NULL equals only NULL. */
#define CHECK_STR(got, want)                                                                       \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		if (!got_ != !want_ || (got_ && strcmp(got_, want_))) {                            \
			printf("%s:%d: %s: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__,        \
			       test_name, #got, got_ ? got_ : "(null)", want_ ? want_ : "(null)"); \
			test_failures++;                                                           \
		}                                                                                  \
	} while (0)

#define RUN(fn)                                                                                    \
	do {                                                                                       \
		int before_ = test_failures;                                                       \
		test_name = #fn;                                                                   \
		fn();                                                                              \
		printf("%s %s\n", test_failures == before_ ? "ok  " : "FAIL", #fn);                \
	} while (0)

#define SKIP(reason)                                                                               \
	do {                                                                                       \
		printf("skipped: %s\n", reason);                                                   \
		exit(77);                                                                          \
	} while (0)

#define DONE() (test_failures ? 1 : 0)

#endif
