/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/large_pages.h"

#include <stdint.h>
#include <sys/mman.h>

void egret_large_pages(void *bytes, size_t size)
{
	uintptr_t start = ((uintptr_t)bytes + EGRET_LARGE_PAGE - 1) & ~(EGRET_LARGE_PAGE - 1);
	uintptr_t end = ((uintptr_t)bytes + size) & ~(EGRET_LARGE_PAGE - 1);

	if (start < end)
		(void)madvise((void *)start, end - start, MADV_HUGEPAGE);
}
