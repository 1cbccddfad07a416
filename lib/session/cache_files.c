/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cache_files.c - what is in the directory of the cache, for people to look at and to clean. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "cache/cache.h"
#include "cache/file_store.h"

/* A listing under way. */
struct listing {
	const char *dir;
	struct egret_cache *cache;
	egret_cached_fn fn; /* NULL: all is removed */
	void *arg;
	int removed;
};

static int tell(struct listing *l, const char *kind, const char *build_id, uint64_t size,
		int64_t time)
{
	struct egret_cached cached = {
		.kind = kind, .build_id = build_id, .size = size, .time = time
	};

	return l->fn(&cached, l->arg);
}

static int on_entry(void *arg, const struct egret_cache_entry *entry)
{
	char hex[2 * EGRET_BUILD_ID_MAX + 1];
	struct listing *l = arg;
	int ret;

	if (l->fn)
		return tell(l, egret_cache_kind_name(entry->key.kind),
			    egret_build_id_hex(&entry->key.id, hex), entry->size, entry->used);
	ret = egret_cache_remove(l->cache, entry->name);
	l->removed += !ret;
	return ret == -ENOENT ? 0 : ret;
}

static int on_file(void *arg, const struct egret_stored_file *file)
{
	struct listing *l = arg;
	int ret;

	if (l->fn)
		return tell(l, file->is_debug ? "debug-file" : "file", file->build_id, file->size,
			    file->modified);
	ret = egret_file_store_remove(l->dir, file);
	l->removed += !ret;
	return ret == -ENOENT ? 0 : ret;
}

/* 0, what fn returned, or -errno with a sentence. */
static int list(struct listing *l, struct egret_error *err)
{
	struct egret_cache_opts opts = { .directory = l->dir };
	int ret = egret_cache_open(&opts, &l->cache, err);

	if (ret)
		return ret;
	ret = egret_cache_each(l->cache, on_entry, l);
	if (!ret)
		ret = egret_file_store_each(l->dir, on_file, l);
	egret_cache_close(l->cache);
	return ret < 0 ? egret_fail(err, -ret, "%s: %s", l->dir, strerror(-ret)) : ret;
}

int egret_cached__each(const char *dir, egret_cached_fn fn, void *arg, struct egret_error *err)
{
	struct listing l = { .dir = dir, .fn = fn, .arg = arg };

	return list(&l, err);
}

int egret_cached__purge(const char *dir, struct egret_error *err)
{
	struct listing l = { .dir = dir };
	int ret = list(&l, err);

	return ret ? ret : l.removed;
}

int egret_cached__add_file(const char *dir, const char *path, struct egret_error *err)
{
	return egret_file_store_add(dir, path, err);
}
