/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* large_pages.h - memory that is read here and there, in pages that are few (madvise(2)). */
#ifndef EGRET_BASE_LARGE_PAGES_H
#define EGRET_BASE_LARGE_PAGES_H

#include <stddef.h>

#define EGRET_LARGE_PAGE (2ul << 20) /* bytes; of x86-64 and aarch64 */

/*
 * Asks for large pages in [bytes, bytes + size), as far as whole ones are in it, before it is
 * touched. Where there are none, it stays as it is.
 */
void egret_large_pages(void *bytes, size_t size);

#endif
