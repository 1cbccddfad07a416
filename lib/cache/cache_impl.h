/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cache_impl.h - what the files of lib/cache share. */
#ifndef EGRET_CACHE_CACHE_IMPL_H
#define EGRET_CACHE_CACHE_IMPL_H

#include <pthread.h>

#include "cache/cache.h"

#define EGRET_CACHE_MAGIC                                                                          \
	0x6568636163726765ull /* "egrcache"; another byte order is another number */
#define EGRET_CACHE_VERSION 2u

/* How each file begins. */
struct egret_cache_header {
	uint64_t magic;
	uint32_t version; /* of this header */
	uint32_t kind;
	uint32_t kind_version;
	uint32_t owner;
	uint8_t id_len;
	uint8_t id[EGRET_BUILD_ID_MAX];
	uint8_t reserved[3];
	uint64_t size;	   /* bytes of the blob */
	uint64_t checksum; /* of the blob: XXH3, of 64 bits; a blob may be tens of megabytes */
};
_Static_assert(sizeof(struct egret_cache_header) == 64, "the blob is aligned");

struct egret_cache {
	char *path;
	uint64_t max_bytes;
	pthread_mutex_t lock; /* of what follows */
	int fd;		      /* of the directory; -1: there is none yet */
	uint64_t total;	      /* bytes of all files, as far as we know; others write too */
	bool is_counted;      /* total is known */
	uint32_t n_temporary; /* for their names */
	struct egret_cache_stats stats; /* by atomic additions */
};

/* The directory, from now on: a descriptor of cache, or -errno. make: where it is missing. */
int egret_cache_directory(struct egret_cache *cache, bool make, struct egret_error *err);

/* to holds EGRET_CACHE_NAME_MAX bytes. */
void egret_cache_name(const struct egret_cache_key *key, char *to);
/* The key that a name says, without its version. False: not a name that egret_cache_name makes. */
bool egret_cache_parse_name(const char *name, struct egret_cache_key *key);

/*
 * With the lock held, after size more bytes were put under name: where all files are over the
 * limit, removes the oldest but that one, and temporary files that a crash has left.
 */
void egret_cache_added(struct egret_cache *cache, const char *name, uint64_t size);

static inline void egret_cache_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

#define EGRET_CACHE_TEMPORARY ".new-" /* how temporary files' names begin */

#endif
