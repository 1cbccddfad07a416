/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* options.h - option structs that grow: `size` first, an unknown tail only where it is zero. */
#ifndef EGRET_BASE_OPTIONS_H
#define EGRET_BASE_OPTIONS_H

#include "base/error.h"

/*
 * Copies the caller's options (which begin with a size_t size) to `to`, which is known_size bytes:
 * what an older caller does not have is zero. NULL options: all zero. `to` gets known_size as its
 * size. what: for the sentence, "export options". Errors: -EINVAL (no size set), -E2BIG (set, but
 * unknown).
 */
int egret_options_take(void *to, size_t known_size, const void *options, const char *what,
		       struct egret_error *err);

#endif
