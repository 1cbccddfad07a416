/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cache/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <xxhash.h>

#include "base/cleanup.h"
#include "base/write.h"
#include "cache/cache_impl.h"

/* The time of last use is noted within so many seconds: not every use writes to the disk. */
#define USED_WITHIN 3600

int egret_cache_open(const struct egret_cache_opts *opts, struct egret_cache **out,
		     struct egret_error *err)
{
	struct egret_cache *cache = calloc(1, sizeof(*cache));
	int ret;

	if (!cache)
		return egret_fail(err, ENOMEM, "out of memory");
	pthread_mutex_init(&cache->lock, NULL);
	cache->fd = -1;
	cache->max_bytes = opts->max_bytes ? opts->max_bytes : EGRET_CACHE_MAX_BYTES;
	cache->path = strdup(opts->directory);
	ret = cache->path ? egret_cache_directory(cache, false, err)
			  : egret_fail(err, ENOMEM, "out of memory");
	if (ret < 0 && ret != -ENOENT) {
		egret_cache_close(cache);
		return ret;
	}
	*out = cache;
	return 0;
}

void egret_cache_close(struct egret_cache *cache)
{
	if (!cache)
		return;
	if (cache->fd >= 0)
		close(cache->fd);
	pthread_mutex_destroy(&cache->lock);
	free(cache->path);
	free(cache);
}

bool egret_cache_key_of(const struct egret_elf *elf, enum egret_cache_kind kind, uint32_t version,
			struct egret_cache_key *key)
{
	*key = (struct egret_cache_key){ .id = egret_elf_build_id(elf),
					 .kind = kind,
					 .version = version };
	if (!key->id.len || !egret_elf_owner(elf, &key->owner))
		return false;
	/* Our own files are as good as root's: we would only lie to ourselves. */
	if (key->owner == geteuid())
		key->owner = 0;
	return true;
}

struct egret_cache_stats egret_cache_stats(const struct egret_cache *cache)
{
	struct egret_cache_stats stats = { 0 };
	uint64_t *to = (uint64_t *)&stats;
	const uint64_t *from = cache ? (const uint64_t *)&cache->stats : to;

	for (size_t i = 0; i < sizeof(stats) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	return stats;
}

static int directory_of(struct egret_cache *cache, bool make)
{
	int fd;

	pthread_mutex_lock(&cache->lock);
	fd = egret_cache_directory(cache, make, NULL);
	pthread_mutex_unlock(&cache->lock);
	return fd;
}

/* ---- reading ------------------------------------------------------------------------------------
 */

static int rejected(struct egret_cache *cache, enum egret_cache_rejection why)
{
	egret_cache_count(&cache->stats.rejected[why], 1);
	return -EINVAL;
}

static int check_file(struct egret_cache *cache, const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return rejected(cache, EGRET_CACHE_REJECT_TYPE);
	if (st->st_uid != geteuid())
		return rejected(cache, EGRET_CACHE_REJECT_OWNER);
	if (st->st_mode & 022)
		return rejected(cache, EGRET_CACHE_REJECT_MODE);
	if ((uint64_t)st->st_size < sizeof(struct egret_cache_header) ||
	    (uint64_t)st->st_size > cache->max_bytes)
		return rejected(cache, EGRET_CACHE_REJECT_SIZE);
	return 0;
}

static bool is_key(const struct egret_cache_header *header, const struct egret_cache_key *key)
{
	return header->kind == key->kind && header->owner == key->owner &&
	       header->id_len == key->id.len && !memcmp(header->id, key->id.bytes, key->id.len);
}

static int check_content(struct egret_cache *cache, const struct egret_cache_key *key,
			 const struct egret_cache_blob *blob)
{
	const struct egret_cache_header *header = blob->memory;

	if (header->magic != EGRET_CACHE_MAGIC)
		return rejected(cache, EGRET_CACHE_REJECT_MAGIC);
	if (header->version != EGRET_CACHE_VERSION || header->kind_version != key->version)
		return rejected(cache, EGRET_CACHE_REJECT_VERSION);
	if (!is_key(header, key))
		return rejected(cache, EGRET_CACHE_REJECT_KEY);
	if (header->size != blob->size)
		return rejected(cache, EGRET_CACHE_REJECT_SIZE);
	if (header->checksum != XXH3_64bits(blob->bytes, blob->size))
		return rejected(cache, EGRET_CACHE_REJECT_CHECKSUM);
	return 0;
}

static bool read_all(int fd, uint8_t *to, size_t size)
{
	while (size) {
		ssize_t n = read(fd, to, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		size -= (size_t)n;
	}
	return true;
}

static int read_file(struct egret_cache *cache, int fd, size_t size, struct egret_cache_blob *blob)
{
	void *memory;

	if (posix_memalign(&memory, 64, size))
		return -ENOMEM;
	*blob = (struct egret_cache_blob){
		.bytes = (uint8_t *)memory + sizeof(struct egret_cache_header),
		.size = size - sizeof(struct egret_cache_header),
		.memory = memory,
	};
	if (read_all(fd, memory, size))
		return 0;
	egret_cache_blob_deinit(blob);
	return rejected(cache, EGRET_CACHE_REJECT_READ);
}

static void note_use(int fd, const struct stat *st)
{
	time_t now = time(NULL);

	if (st->st_mtime > now || st->st_mtime + USED_WITHIN < now)
		(void)!futimens(fd, NULL);
}

static int get(struct egret_cache *cache, const struct egret_cache_key *key, int fd,
	       struct egret_cache_blob *blob)
{
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return rejected(cache, EGRET_CACHE_REJECT_READ);
	ret = check_file(cache, &st);
	if (!ret)
		ret = read_file(cache, fd, (size_t)st.st_size, blob);
	if (ret)
		return ret;
	ret = check_content(cache, key, blob);
	if (ret) {
		egret_cache_blob_deinit(blob);
		return ret;
	}
	note_use(fd, &st);
	return 0;
}

static int open_file(struct egret_cache *cache, const struct egret_cache_key *key)
{
	char name[EGRET_CACHE_NAME_MAX];
	int directory = directory_of(cache, false), fd;

	if (directory < 0)
		return directory;
	egret_cache_name(key, name);
	/* Nobody makes us wait for the writer of a pipe. */
	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int egret_cache_get(struct egret_cache *cache, const struct egret_cache_key *key,
		    struct egret_cache_blob *blob)
{
	__close_ int fd = -1;
	int ret;

	*blob = (struct egret_cache_blob){ 0 };
	if (!cache)
		return -ENOENT;
	fd = open_file(cache, key);
	if (fd == -ENOENT) {
		egret_cache_count(&cache->stats.misses, 1);
		return -ENOENT;
	}
	if (fd < 0)
		return rejected(cache,
				fd == -ELOOP ? EGRET_CACHE_REJECT_TYPE : EGRET_CACHE_REJECT_READ);
	ret = get(cache, key, fd, blob);
	if (!ret) {
		egret_cache_count(&cache->stats.hits, 1);
		egret_cache_count(&cache->stats.bytes_read,
				  sizeof(struct egret_cache_header) + blob->size);
	}
	return ret;
}

void egret_cache_blob_deinit(struct egret_cache_blob *blob)
{
	free(blob->memory);
	*blob = (struct egret_cache_blob){ 0 };
}

void egret_cache_reject(struct egret_cache *cache, struct egret_cache_blob *blob)
{
	egret_cache_blob_deinit(blob);
	__atomic_fetch_sub(&cache->stats.hits, 1, __ATOMIC_RELAXED);
	rejected(cache, EGRET_CACHE_REJECT_CONTENT);
}

/* ---- writing ------------------------------------------------------------------------------------
 */

static void temporary_name(struct egret_cache *cache, char *to)
{
	uint32_t n = __atomic_add_fetch(&cache->n_temporary, 1, __ATOMIC_RELAXED);
	struct timespec now;

	/* In another PID namespace there may be another egret with our PID. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(to, EGRET_CACHE_NAME_MAX, EGRET_CACHE_TEMPORARY "%d-%u-%lx", (int)getpid(), n,
		 (unsigned long)now.tv_nsec);
}

static int write_file(int fd, const struct egret_cache_key *key, const void *bytes, size_t size)
{
	struct egret_cache_header header = {
		.magic = EGRET_CACHE_MAGIC,
		.version = EGRET_CACHE_VERSION,
		.kind = key->kind,
		.kind_version = key->version,
		.owner = key->owner,
		.id_len = key->id.len,
		.size = size,
		.checksum = XXH3_64bits(bytes, size),
	};
	int ret;

	memcpy(header.id, key->id.bytes, key->id.len);
	ret = egret_write_all(fd, &header, sizeof(header));
	return ret ? ret : egret_write_all(fd, bytes, size);
}

/* Under a name of its own first: nobody sees half of it. */
static int put(struct egret_cache *cache, const struct egret_cache_key *key, const void *bytes,
	       size_t size)
{
	char name[EGRET_CACHE_NAME_MAX], temporary[EGRET_CACHE_NAME_MAX];
	int directory = directory_of(cache, true), ret;
	__close_ int fd = -1;

	if (directory < 0)
		return directory;
	temporary_name(cache, temporary);
	fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	ret = write_file(fd, key, bytes, size);
	egret_cache_name(key, name);
	if (!ret && renameat(directory, temporary, directory, name))
		ret = -errno;
	if (ret) {
		unlinkat(directory, temporary, 0);
		return ret;
	}
	pthread_mutex_lock(&cache->lock);
	egret_cache_added(cache, name, size + sizeof(struct egret_cache_header));
	pthread_mutex_unlock(&cache->lock);
	return 0;
}

int egret_cache_put(struct egret_cache *cache, const struct egret_cache_key *key, const void *bytes,
		    size_t size)
{
	int ret;

	if (!cache)
		return 0;
	ret = size > cache->max_bytes || cache->max_bytes - size < sizeof(struct egret_cache_header)
		      ? -EFBIG
		      : put(cache, key, bytes, size);
	if (ret) {
		egret_cache_count(&cache->stats.not_written, 1);
		return ret;
	}
	egret_cache_count(&cache->stats.written, 1);
	egret_cache_count(&cache->stats.bytes_written, size + sizeof(struct egret_cache_header));
	return 0;
}
