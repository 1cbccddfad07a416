/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/write.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

static int wait_writable(int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLOUT };

	return poll(&pollfd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int egret_write_all(int fd, const void *bytes, size_t len)
{
	const char *p = bytes;

	while (len) {
		ssize_t n = write(fd, p, len);
		int ret = 0;

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EAGAIN)
			ret = wait_writable(fd);
		else if (errno != EINTR)
			ret = -errno;
		if (ret)
			return ret;
	}
	return 0;
}
