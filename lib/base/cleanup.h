/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cleanup.h - memory and file descriptors that are given back at the end of their scope. */
#ifndef EGRET_BASE_CLEANUP_H
#define EGRET_BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void egret_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void egret_cleanup_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void egret_cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define __free_ __attribute__((cleanup(egret_cleanup_free)))
#define __close_ __attribute__((cleanup(egret_cleanup_close)))
#define __fclose_ __attribute__((cleanup(egret_cleanup_fclose)))

/* The value of a scoped pointer or descriptor, which the scope does not own any more. */
#define steal_ptr(p)                                                                               \
	({                                                                                         \
		__typeof__(p) stolen_ = (p);                                                       \
		(p) = NULL;                                                                        \
		stolen_;                                                                           \
	})
#define steal_fd(fd)                                                                               \
	({                                                                                         \
		int stolen_ = (fd);                                                                \
		(fd) = -1;                                                                         \
		stolen_;                                                                           \
	})

#endif
