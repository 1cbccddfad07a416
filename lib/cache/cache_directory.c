/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cache_directory.c - the directory: whether it may be trusted, what is in it, what has to go. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "cache/cache_impl.h"

/* A temporary file that is older has no writer any more. */
#define TEMPORARY_AGE_MAX 3600

/* ---- the directory ------------------------------------------------------------------------------
 */

/* As mkdir -p, for nobody but us. What is there already is checked when it is opened. */
static int make_directories(const char *path)
{
	__free_ char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(copy, 0700) && errno != EEXIST ? -errno : 0;
}

static int check_directory(int fd, const char *path, struct egret_error *err)
{
	struct stat st;

	if (fstat(fd, &st))
		return egret_fail(err, errno, "%s: %s", path, strerror(errno));
	if (st.st_uid != geteuid())
		return egret_fail(err, EPERM, "%s: belongs to user %u; it is not used as a cache",
				  path, (unsigned int)st.st_uid);
	if (st.st_mode & 022)
		return egret_fail(err, EPERM,
				  "%s: others may write to it; it is not used as a cache "
				  "(chmod go-w)",
				  path);
	return 0;
}

int egret_cache_directory(struct egret_cache *cache, bool make, struct egret_error *err)
{
	__close_ int fd = -1;
	int ret;

	if (cache->fd >= 0)
		return cache->fd;
	ret = make ? make_directories(cache->path) : 0;
	if (ret)
		return egret_fail(err, -ret, "%s: %s", cache->path, strerror(-ret));
	fd = open(cache->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return egret_fail(err, errno, "%s: %s", cache->path, strerror(errno));
	ret = check_directory(fd, cache->path, err);
	if (ret)
		return ret;
	cache->fd = steal_fd(fd);
	return cache->fd;
}

/* ---- what is in it ------------------------------------------------------------------------------
 */

static DIR *open_list(int directory)
{
	int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd >= 0 ? fdopendir(fd) : NULL;

	if (!list && fd >= 0)
		close(fd);
	return list;
}

/* A crash, or kill -9, has left it. */
static void sweep_temporary(int directory, const char *name)
{
	struct stat st;

	if (!fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
	    st.st_mtime < time(NULL) - TEMPORARY_AGE_MAX)
		unlinkat(directory, name, 0);
}

static bool entry_of(int directory, const char *name, struct egret_cache_entry *entry)
{
	struct stat st;

	if (!strncmp(name, EGRET_CACHE_TEMPORARY, strlen(EGRET_CACHE_TEMPORARY)))
		sweep_temporary(directory, name);
	if (!egret_cache_parse_name(name, &entry->key) ||
	    fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW))
		return false;
	memcpy(entry->name, name, strlen(name) + 1);
	entry->size = (uint64_t)st.st_size;
	entry->used = st.st_mtime;
	return true;
}

static int each_in(int directory, egret_cache_entry_fn fn, void *arg)
{
	DIR *list = open_list(directory);
	const struct dirent *found;
	int ret = 0;

	if (!list)
		return -errno;
	while (!ret && (found = readdir(list))) {
		struct egret_cache_entry entry;

		if (entry_of(directory, found->d_name, &entry))
			ret = fn(arg, &entry);
	}
	closedir(list);
	return ret;
}

int egret_cache_each(struct egret_cache *cache, egret_cache_entry_fn fn, void *arg)
{
	int fd;

	pthread_mutex_lock(&cache->lock);
	fd = egret_cache_directory(cache, false, NULL);
	pthread_mutex_unlock(&cache->lock);
	if (fd == -ENOENT)
		return 0;
	return fd < 0 ? fd : each_in(fd, fn, arg);
}

int egret_cache_remove(struct egret_cache *cache, const char *name)
{
	struct egret_cache_key key;
	int fd;

	if (!egret_cache_parse_name(name, &key))
		return -EINVAL;
	pthread_mutex_lock(&cache->lock);
	fd = egret_cache_directory(cache, false, NULL);
	cache->is_counted = false;
	pthread_mutex_unlock(&cache->lock);
	if (fd < 0)
		return fd;
	return unlinkat(fd, name, 0) ? -errno : 0;
}

/* ---- the limit ----------------------------------------------------------------------------------
 */

struct listing {
	struct egret_cache_entry *entries;
	size_t n, capacity;
	uint64_t total;
};

static int list_entry(void *arg, const struct egret_cache_entry *entry)
{
	struct listing *l = arg;

	if (l->n == l->capacity) {
		size_t more = l->capacity ? 2 * l->capacity : 64;
		struct egret_cache_entry *entries = reallocarray(l->entries, more,
								 sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		l->entries = entries;
		l->capacity = more;
	}
	l->entries[l->n++] = *entry;
	l->total += entry->size;
	return 0;
}

static int compare_used(const void *a, const void *b)
{
	const struct egret_cache_entry *left = a, *right = b;

	return (left->used > right->used) - (left->used < right->used);
}

/* Room for an eighth more, so that not every addition lists the directory. */
static void evict(struct egret_cache *cache, struct listing *l, const char *keep)
{
	uint64_t goal = cache->max_bytes - cache->max_bytes / 8;

	qsort(l->entries, l->n, sizeof(*l->entries), compare_used);
	for (size_t i = 0; i < l->n && l->total > goal; i++) {
		if (!strcmp(l->entries[i].name, keep))
			continue;
		/* ENOENT: another egret was faster, and has counted it. */
		if (!unlinkat(cache->fd, l->entries[i].name, 0)) {
			egret_cache_count(&cache->stats.evicted, 1);
			egret_cache_count(&cache->stats.bytes_evicted, l->entries[i].size);
		} else if (errno != ENOENT) {
			continue;
		}
		l->total -= l->entries[i].size;
	}
}

void egret_cache_added(struct egret_cache *cache, const char *name, uint64_t size)
{
	struct listing l = { 0 };

	cache->total += size;
	if (cache->is_counted && cache->total <= cache->max_bytes)
		return;
	if (!each_in(cache->fd, list_entry, &l)) {
		if (l.total > cache->max_bytes)
			evict(cache, &l, name);
		cache->total = l.total;
		cache->is_counted = true;
	}
	free(l.entries);
}
