/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * grant_socket.c - a grant over a unix socket (unix(7), SCM_RIGHTS).
 *
 * A head, the bytes, then the descriptors in messages of up to 253, each with four bytes that say
 * how many they are; and four bytes back, once the other side has the rings mapped, or does not
 * want them. Each read is of a known size: a stream and a socket with packets look the same.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "session/grant.h"
#include "session/session_meta.h"

#define MAX_FDS_A_MESSAGE 253 /* SCM_MAX_FD of the kernel */
#define MAX_BYTES_A_MESSAGE 32768

static const char magic[8] = { 'e', 'g', 'r', 'e', 't', 'f', 'd', 's' };

struct head {
	char magic[8];
	uint32_t n_bytes, n_fds;
};

enum answer { HAVE_IT = 0x6b6f6765, REFUSED = 0x6f6e6765 };

/* Until when; INT64_MAX: without an end. */
struct wire {
	int socket;
	int64_t until; /* CLOCK_MONOTONIC ns */
};

static struct wire wire_of(int socket, int timeout_ms)
{
	int64_t now = egret_clock_ns(CLOCK_MONOTONIC);

	return (struct wire){ socket, timeout_ms < 0 ? INT64_MAX : now + timeout_ms * 1000000ll };
}

static int wait_until_ready(const struct wire *wire, short events)
{
	struct pollfd poll_fd = { .fd = wire->socket, .events = events };

	for (;;) {
		int64_t left = (wire->until - egret_clock_ns(CLOCK_MONOTONIC)) / 1000000;
		int n = poll(&poll_fd, 1, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);

		if (n > 0)
			return poll_fd.revents & POLLNVAL ? -EBADF : 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (left <= 0)
			return -ETIMEDOUT;
	}
}

/* Sends all of it, with descriptors if there are any. 0 or -errno. */
static int put(const struct wire *wire, const void *bytes, size_t len, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS_A_MESSAGE)];
	} control = { .bytes = { 0 } };
	struct iovec part = { (void *)bytes, len };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	if (n) {
		struct cmsghdr *rights;

		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(n * sizeof(int));
		rights = CMSG_FIRSTHDR(&message);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, n * sizeof(int));
	}
	while (part.iov_len) {
		int ret = wait_until_ready(wire, POLLOUT);
		ssize_t sent;

		if (ret)
			return ret;
		sent = sendmsg(wire->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (sent <= 0)
			continue;
		part.iov_base = (char *)part.iov_base + sent;
		part.iov_len -= (size_t)sent;
		message.msg_control = NULL; /* they have gone with the first byte */
		message.msg_controllen = 0;
	}
	return 0;
}

/* Descriptors that came: all that were not asked for are closed by who receives. */
struct received {
	int *fds;
	size_t n, room;
};

/* Keeps those there is room for. False: others came, too, or the kernel has cut them off. */
static bool keep_fds(struct msghdr *message, struct received *to)
{
	bool all = !(message->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (to && to->n < to->room) {
				to->fds[to->n++] = fd;
				continue;
			}
			close(fd);
			all = false;
		}
	}
	return all;
}

/* Receives len bytes, and descriptors where `to` has room. -EMFILE: they were cut off. */
static int get(const struct wire *wire, void *bytes, size_t len, struct received *to)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS_A_MESSAGE)];
	} control;
	char *at = bytes;

	while (len) {
		struct iovec part = { at, len < MAX_BYTES_A_MESSAGE ? len : MAX_BYTES_A_MESSAGE };
		struct msghdr message = { .msg_iov = &part,
					  .msg_iovlen = 1,
					  .msg_control = control.bytes,
					  .msg_controllen = sizeof(control.bytes) };
		int ret = wait_until_ready(wire, POLLIN);
		ssize_t got;

		if (ret)
			return ret;
		got = recvmsg(wire->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (got < 0)
			continue;
		if (!keep_fds(&message, to))
			return message.msg_flags & MSG_CTRUNC ? -EMFILE : -EPROTO;
		if (!got)
			return -ECONNRESET;
		if (message.msg_flags & MSG_TRUNC)
			return -EPROTO;
		at += got;
		len -= (size_t)got;
	}
	return 0;
}

/* ---- sending ------------------------------------------------------------------------------ */

static int put_all(const struct wire *wire, const struct egret_grant *grant)
{
	struct head head = { .n_bytes = (uint32_t)grant->n_bytes, .n_fds = (uint32_t)grant->n_fds };
	int ret;

	memcpy(head.magic, magic, sizeof(magic));
	ret = put(wire, &head, sizeof(head), NULL, 0);
	for (size_t at = 0; at < grant->n_bytes && !ret;) {
		size_t len = grant->n_bytes - at;

		len = len < MAX_BYTES_A_MESSAGE ? len : MAX_BYTES_A_MESSAGE;
		ret = put(wire, (const char *)grant->bytes + at, len, NULL, 0);
		at += len;
	}
	for (size_t at = 0; at < grant->n_fds && !ret;) {
		size_t n = grant->n_fds - at;
		uint32_t count;

		n = n < MAX_FDS_A_MESSAGE ? n : MAX_FDS_A_MESSAGE;
		count = (uint32_t)n;
		ret = put(wire, &count, sizeof(count), grant->fds + at, n);
		at += n;
	}
	return ret;
}

int egret_grant__send(struct egret_grant *grant, int socket, int timeout_ms,
		      struct egret_error *err)
{
	struct wire wire = wire_of(socket, timeout_ms);
	uint32_t answer = 0;
	int ret;

	if (grant->sent || !grant->capture)
		return egret_fail(err, EBUSY,
				  "a grant is for one session, and this one has been %s",
				  grant->sent ? "sent" : "used");
	grant->sent = true; /* from the first descriptor on the other side may have it */
	ret = put_all(&wire, grant);
	if (!ret)
		ret = get(&wire, &answer, sizeof(answer), NULL);
	if (ret == -ETOOMANYREFS)
		return egret_fail(err, ETOOMANYREFS,
				  "%zu descriptors are more than may be on their way: raise "
				  "`ulimit -n`",
				  grant->n_fds);
	if (ret)
		return egret_fail(err, -ret, "cannot send the grant: %s", strerror(-ret));
	if (answer == HAVE_IT)
		return 0;
	grant->sent = false;
	return egret_fail(err, EPROTO, "the other side has refused the grant");
}

/* ---- receiving ---------------------------------------------------------------------------- */

static int get_fds(const struct wire *wire, struct received *to)
{
	while (to->n < to->room) {
		size_t before = to->n;
		uint32_t count;
		int ret = get(wire, &count, sizeof(count), to);

		if (ret)
			return ret;
		if (!count || count != to->n - before)
			return -EPROTO;
	}
	return 0;
}

static int get_failed(int error, struct egret_error *err)
{
	switch (error) {
	case -EPROTO:
		return egret_fail(err, EPROTO, "what came over the socket is no grant of egret's");
	case -EMFILE:
		return egret_fail(err, EMFILE,
				  "not all descriptors of the grant could be taken: raise "
				  "`ulimit -n`");
	case -ENOMEM:
		return egret_fail(err, ENOMEM, "out of memory");
	case -ECONNRESET:
		return egret_fail(err, ECONNRESET,
				  "the other side has gone before all of the grant had come");
	default:
		return egret_fail(err, -error, "cannot receive a grant: %s", strerror(-error));
	}
}

int egret_grant__receive(int socket, int timeout_ms, struct egret_grant **out,
			 struct egret_error *err)
{
	struct wire wire = wire_of(socket, timeout_ms);
	struct egret_grant *grant = NULL;
	struct received received = { 0 };
	struct head head = { .n_bytes = 0 };
	__free_ void *bytes = NULL;
	__free_ int *fds = NULL;
	uint32_t answer;
	int ret = get(&wire, &head, sizeof(head), NULL);

	if (!ret && (memcmp(head.magic, magic, sizeof(magic)) != 0 || !head.n_bytes ||
		     head.n_bytes > EGRET_GRANT_MAX_BYTES || head.n_fds > EGRET_GRANT_MAX_FDS))
		ret = -EPROTO;
	if (!ret) {
		bytes = malloc(head.n_bytes);
		fds = calloc(head.n_fds + 1, sizeof(*fds));
		received = (struct received){ fds, 0, head.n_fds };
		ret = bytes && fds ? get(&wire, bytes, head.n_bytes, NULL) : -ENOMEM;
	}
	if (!ret)
		ret = get_fds(&wire, &received);
	if (ret)
		get_failed(ret, err);
	else
		ret = egret_grant__adopt(bytes, head.n_bytes, fds, received.n, &grant, err);
	answer = ret ? REFUSED : HAVE_IT;
	/* Where nobody listens any more, what came is here all the same. */
	if (ret != -ECONNRESET && ret != -ETIMEDOUT)
		put(&wire, &answer, sizeof(answer), NULL, 0);
	for (size_t i = 0; ret && i < received.n; i++)
		close(fds[i]);
	if (!ret)
		*out = grant;
	return ret;
}
