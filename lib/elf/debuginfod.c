/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "elf/debuginfod.h"

#include "elf/debug_find.h"

#include <dlfcn.h>
#include <elfutils/debuginfod.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define LIBRARY "libdebuginfod.so.1"

/* ---- what is on disk, debuginfod_find_debuginfo(3) ---------------------------------------- */

/* The directories in which the client keeps files, by the environment. False: no such one. */
static bool cache_directory(unsigned int i, char *to, size_t size)
{
	const char *path = getenv(DEBUGINFOD_CACHE_PATH_ENV_VAR);
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int len = -1;

	if (i == 0 && path && *path)
		len = snprintf(to, size, "%s", path);
	else if (i == 1 && xdg && *xdg)
		len = snprintf(to, size, "%s/debuginfod_client", xdg);
	else if (i == 2 && home && *home)
		len = snprintf(to, size, "%s/.cache/debuginfod_client", home);
	else if (i == 3 && home && *home)
		len = snprintf(to, size, "%s/.debuginfod_client_cache", home);
	return len > 0 && (size_t)len < size;
}

int egret_debuginfod_cached(const struct egret_build_id *id, const char *kind)
{
	char directory[4096], path[4300], hex[2 * EGRET_BUILD_ID_MAX + 1];

	if (!id->len)
		return -ENOENT;
	egret_build_id_hex(id, hex);
	for (unsigned int i = 0; i < 4; i++) {
		int fd;

		if (!cache_directory(i, directory, sizeof(directory)))
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", directory, hex, kind);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd >= 0)
			return fd;
	}
	return -ENOENT;
}

bool egret_debuginfod_has_servers(void)
{
	const char *urls = getenv(DEBUGINFOD_URLS_ENV_VAR);

	return urls && *urls;
}

/* ---- the library -------------------------------------------------------------------------- */

/* Its functions; handle NULL: it is not there. */
struct library {
	void *handle;
	debuginfod_client *(*begin)(void);
	void (*end)(debuginfod_client *client);
	int (*find)(debuginfod_client *client, const unsigned char *id, int id_len, char **path);
	void (*set_progress)(debuginfod_client *client, debuginfod_progressfn_t fn);
	void (*set_data)(debuginfod_client *client, void *data);
};

static bool load(struct library *l)
{
	l->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!l->handle)
		return false;
	*(void **)&l->begin = dlsym(l->handle, "debuginfod_begin");
	*(void **)&l->end = dlsym(l->handle, "debuginfod_end");
	*(void **)&l->find = dlsym(l->handle, "debuginfod_find_debuginfo");
	*(void **)&l->set_progress = dlsym(l->handle, "debuginfod_set_progressfn");
	*(void **)&l->set_data = dlsym(l->handle, "debuginfod_set_user_data");
	return l->begin && l->end && l->find && l->set_progress && l->set_data;
}

/* One file under way. */
struct transfer {
	const struct egret_debuginfod_limits *limits;
	uint64_t deadline; /* CLOCK_MONOTONIC ns */
	int ended;	   /* -errno of the limit that ended it */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int limit_reached(const struct transfer *t, uint64_t got, uint64_t total)
{
	const struct egret_debuginfod_limits *limits = t->limits;

	if (now_ns() > t->deadline)
		return -ETIMEDOUT;
	if (got > limits->max_bytes || total > limits->max_bytes)
		return -EFBIG;
	if (limits->progress && limits->progress(limits->arg, limits->name, got, total))
		return -ECANCELED;
	return 0;
}

/* What the client was told to keep for us. The library is loaded: its code calls this. */
static struct transfer *transfer_of(debuginfod_client *client)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD);
	void *(*get_data)(debuginfod_client * client) = NULL;

	if (!handle)
		return NULL;
	*(void **)&get_data = dlsym(handle, "debuginfod_get_user_data");
	dlclose(handle);
	return get_data ? get_data(client) : NULL;
}

/*
 * Called at least once a second. Before a server answers, a counts the rounds and b is 0; then they
 * are bytes and the size. Non-zero ends the transfer.
 */
static int on_progress(debuginfod_client *client, long a, long b)
{
	struct transfer *t = transfer_of(client);

	if (!t)
		return 1;
	t->ended = limit_reached(t, b > 0 && a > 0 ? (uint64_t)a : 0, b > 0 ? (uint64_t)b : 0);
	return t->ended != 0;
}

static int explain(const struct transfer *t, int ret, struct egret_error *err)
{
	const char *name = t->limits->name;

	switch (t->ended ? t->ended : ret) {
	case -ETIMEDOUT:
	case -ETIME:
		return egret_fail(err, ETIMEDOUT, "%s: debuginfod took longer than %u ms", name,
				  t->limits->timeout_ms);
	case -EFBIG:
		return egret_fail(err, EFBIG, "%s: its debug file is larger than %llu bytes", name,
				  (unsigned long long)t->limits->max_bytes);
	case -ECANCELED:
		return egret_fail(err, ECANCELED, "%s: debuginfod was interrupted", name);
	case -ENOSYS:
		return egret_fail(err, ENOSYS,
				  "no debuginfod server is named: set DEBUGINFOD_URLS");
	case -ENOENT:
		return egret_fail(err, ENOENT, "%s: debuginfod has no debug file", name);
	default:
		return egret_fail(err, -ret, "%s: debuginfod: %s", name, strerror(-ret));
	}
}

static bool is_too_large(int fd, const struct egret_debuginfod_limits *limits)
{
	struct stat st;

	return !fstat(fd, &st) && (uint64_t)st.st_size > limits->max_bytes;
}

static int fetch_with(const struct library *l, const struct egret_build_id *id,
		      const struct egret_debuginfod_limits *limits, struct egret_error *err)
{
	struct transfer t = { .limits = limits };
	debuginfod_client *client = l->begin();
	int ret;

	if (!client)
		return egret_fail(err, ENOMEM, "no memory for debuginfod");
	t.deadline = now_ns() + limits->timeout_ms * 1000000ull;
	l->set_data(client, &t);
	l->set_progress(client, on_progress);
	ret = l->find(client, id->bytes, id->len, NULL);
	l->end(client);
	/* What came at once came without a question. */
	if (ret >= 0 && is_too_large(ret, limits)) {
		close(ret);
		ret = -EFBIG;
	}
	return ret >= 0 ? ret : explain(&t, ret, err);
}

int egret_debuginfod_fetch(const struct egret_build_id *id,
			   const struct egret_debuginfod_limits *limits, struct egret_error *err)
{
	struct library l = { 0 };
	int ret;

	if (!id->len)
		return egret_fail(err, ENOENT, "%s: debuginfod goes by build-ids, and it has none",
				  limits->name);
	if (load(&l))
		ret = fetch_with(&l, id, limits, err);
	else
		ret = egret_fail(err, ENOSYS,
				 "debuginfod's client library " LIBRARY " is not installed");
	/* Not closed: libcurl keeps handlers of its own in OpenSSL. */
	return ret;
}
