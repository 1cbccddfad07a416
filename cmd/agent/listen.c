/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* listen.c - where the agent is asked. */
#include "agent/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "opt_value.h"

#define BACKLOG 64

static int fail(struct egret_error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct egret_error *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return -code;
}

/* ---- unix ----------------------------------------------------------------------------------- */

/* A socket that an agent which was killed has left behind refuses connections. */
static void remove_stale(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return;
	if (!lstat(address->sun_path, &st) && S_ISSOCK(st.st_mode) &&
	    connect(fd, (const struct sockaddr *)address, sizeof(*address)) &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
	close(fd);
}

static int check_path(const char *path, struct egret_error *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (*path && strlen(path) <= max)
		return 0;
	return fail(err, EINVAL,
		    "listen wants the path of a unix socket to have 1 to %zu bytes: '%s'", max,
		    path);
}

/* /run/egret is not there where no service manager has made it. Fails in bind, if at all. */
static void make_directory_of(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	strcpy(dir, path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = 0;
	mkdir(dir, 0755);
}

static int open_unix(const char *path, struct listener *out, struct egret_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t before;
	int failed = check_path(path, err);

	if (failed)
		return failed;
	strcpy(address.sun_path, path);
	make_directory_of(path);
	remove_stale(&address);
	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	before = umask(0117);
	failed = out->fd < 0 || bind(out->fd, (struct sockaddr *)&address, sizeof(address)) ||
				 listen(out->fd, BACKLOG)
			 ? errno
			 : 0;
	umask(before);
	if (failed)
		return fail(err, failed, "cannot listen on %s: %s%s", path, strerror(failed),
			    failed == EADDRINUSE ? "; is another agent running?" : "");
	strcpy(out->path, path);
	snprintf(out->text, sizeof(out->text), "unix:%s", path);
	out->is_local = true;
	return 0;
}

/* ---- IP ------------------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *v4 = (const void *)address;
	const struct sockaddr_in6 *v6 = (const void *)address;

	if (address->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static int bind_ip(const struct addrinfo *info, struct listener *out)
{
	const int one = 1;

	out->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (out->fd < 0)
		return errno;
	setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(out->fd, info->ai_addr, info->ai_addrlen) || listen(out->fd, BACKLOG))
		return errno;
	out->is_local = is_loopback(info->ai_addr);
	return 0;
}

static void describe_ip(struct listener *out)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	char host[200] = "?", port[20] = "?";

	if (!getsockname(out->fd, (struct sockaddr *)&address, &size))
		getnameinfo((struct sockaddr *)&address, size, host, sizeof(host), port,
			    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(out->text, sizeof(out->text), strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* HOST:PORT in two. */
static int split(const char *where, char *host, size_t size, const char **port,
		 struct egret_error *err)
{
	const char *colon = strrchr(where, ':'), *from = where;
	size_t len = colon ? (size_t)(colon - where) : 0;
	bool is_v6 = len && *where == '[' && where[len - 1] == ']';
	uint64_t number;

	if (is_v6) {
		from++;
		len -= 2;
	}
	if (!len || len >= size || (!is_v6 && memchr(from, ':', len)) ||
	    opt_number(colon + 1, &number) || number > 65535)
		return fail(err, EINVAL,
			    "listen wants HOST:PORT, [HOST]:PORT for IPv6, or unix:PATH, not '%s'",
			    where);
	memcpy(host, from, len);
	host[len] = 0;
	*port = colon + 1;
	return 0;
}

static int open_ip(const char *where, struct listener *out, struct egret_error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *found;
	char host[256];
	const char *port;
	int ret;

	ret = split(where, host, sizeof(host), &port, err);
	if (ret)
		return ret;
	ret = getaddrinfo(host, port, &hints, &found);
	if (ret)
		return fail(err, EINVAL, "cannot listen on '%s': %s", where, gai_strerror(ret));
	ret = bind_ip(found, out);
	freeaddrinfo(found);
	if (ret)
		return fail(err, ret, "cannot listen on %s: %s", where, strerror(ret));
	describe_ip(out);
	return 0;
}

int listener_check(const char *where, bool *is_open, struct egret_error *err)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct addrinfo *found;
	char host[256];
	const char *port;
	int ret;

	*is_open = false;
	if (!strncmp(where, "unix:", 5))
		return check_path(where + 5, err);
	ret = split(where, host, sizeof(host), &port, err);
	if (!ret && !getaddrinfo(host, port, &hints, &found)) {
		*is_open = !is_loopback(found->ai_addr);
		freeaddrinfo(found);
	}
	return ret;
}

int listener_open(const char *where, struct listener *out, struct egret_error *err)
{
	int ret;

	*out = (struct listener){ .fd = -1 };
	ret = strncmp(where, "unix:", 5) ? open_ip(where, out, err)
					 : open_unix(where + 5, out, err);
	if (ret)
		listener_close(out);
	return ret;
}

void listener_close(struct listener *listener)
{
	if (listener->fd >= 0)
		close(listener->fd);
	if (*listener->path)
		unlink(listener->path);
	*listener = (struct listener){ .fd = -1 };
}
