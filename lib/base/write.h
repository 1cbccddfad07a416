/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* write.h - all of the bytes to a descriptor that may take only some at a time. */
#ifndef EGRET_BASE_WRITE_H
#define EGRET_BASE_WRITE_H

#include <stddef.h>

/*
 * Writes all of it, waiting where a non-blocking descriptor is full. 0, or -errno with an unknown
 * part written. A pipe without a reader yields -EPIPE where the caller ignores SIGPIPE.
 */
int egret_write_all(int fd, const void *bytes, size_t len);

#endif
