/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * push_directory.c - a directory of pprof files, one a window, for whatever collects files.
 *
 * The name is that of the window, behind the name of the machine: written twice, it is one file.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/fail.h"
#include "agent/push_impl.h"

struct directory {
	const char *path;
};

static int directory_check(const struct push_target *target, struct egret_error *err)
{
	struct stat st;

	if (stat(target->url, &st))
		return agent_fail(err, errno, "cannot use the directory '%s': %s", target->url,
				  strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return agent_fail(err, ENOTDIR, "'%s' is no directory", target->url);
	return 0;
}

static int directory_open(const struct push_target *target, const atomic_ullong *stop_by,
			  void **state, struct egret_error *err)
{
	struct directory *d = malloc(sizeof(*d));

	if (!d)
		return agent_fail(err, ENOMEM, "out of memory");
	d->path = target->url;
	*state = d;
	return 0;
}

static void directory_close(void *state)
{
	free(state);
}

static void file_name(const struct push_window *window, char name[2 * WINDOW_NAME_MAX])
{
	const char *host = egret_profile__meta(window->profile, "hostname");
	char of_window[WINDOW_NAME_MAX];
	size_t len = 0;

	for (; host && host[len] && len < 100; len++)
		name[len] = (char)(isalnum((unsigned char)host[len]) || host[len] == '-' ||
						   (len && host[len] == '.')
					   ? host[len]
					   : '_');
	window_name(window->window, of_window);
	*strrchr(of_window, '.') = 0;
	snprintf(name + len, 2 * WINDOW_NAME_MAX - len, "%s%s.pb.gz", len ? "_" : "", of_window);
}

static int write_file(int dir, const char *part, const struct push_bytes *bytes)
{
	int fd = openat(dir, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
	size_t at = 0;
	int ret = fd < 0 ? -errno : 0;

	while (!ret && at < bytes->len) {
		ssize_t n = write(fd, bytes->data + at, bytes->len - at);

		if (n < 0 && errno != EINTR)
			ret = -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	if (!ret && fdatasync(fd))
		ret = -errno;
	if (fd >= 0 && close(fd) && !ret)
		ret = -errno;
	return ret;
}

static int put_file(const struct directory *d, const char *name, const struct push_bytes *bytes)
{
	char part[2 * WINDOW_NAME_MAX + 8];
	int dir = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	if (dir < 0)
		return -errno;
	snprintf(part, sizeof(part), ".%s.part", name);
	ret = write_file(dir, part, bytes);
	if (!ret && renameat(dir, part, dir, name))
		ret = -errno;
	if (ret)
		unlinkat(dir, part, 0);
	else
		fsync(dir);
	close(dir);
	return ret;
}

static void directory_send(void *state, struct push_window *window, struct push_result *result)
{
	const struct directory *d = state;
	struct push_bytes bytes = { 0 };
	char name[2 * WINDOW_NAME_MAX];
	int ret;

	if (!push_encode(window->profile, "pprof", &bytes, result)) {
		file_name(window, name);
		ret = put_file(d, name, &bytes);
		window->bytes = bytes.len;
		if (ret)
			push_result_set(result, PUSH_LATER,
					ret == -ENOSPC || ret == -EDQUOT ? "no-space" : "write",
					"cannot write '%s/%s': %s", d->path, name, strerror(-ret));
		else
			push_result_set(result, PUSH_TAKEN, "taken", "%s", "");
	}
	push_bytes_deinit(&bytes);
}

const struct push_backend push_directory = {
	.kind = "directory",
	.check = directory_check,
	.open = directory_open,
	.close = directory_close,
	.send = directory_send,
};
