/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cache.h - what was made of files, kept on disk for the next run: (build-id, kind) -> a blob.
 *
 * A directory with a file for each blob:
 *
 *	struct egret_cache_header
 *	the blob			as its maker gave it, from byte 64 on
 *
 * It is only ever a cache: whatever is missing, damaged, of another version or not to be trusted is
 * made anew, and counted under its reason.
 *
 * Whom it trusts. The directory and each file must belong to us (the effective user) and nobody
 * else may be able to write them; symbolic links are not followed. And since a build-id is only
 * what a file says of itself, blobs are kept apart by who owns the file that they were made of: a
 * program of another user that claims the build-id of libc has entries of its own.
 *
 * How it stays whole. A file is written under a name of its own in the same directory, then
 * renamed: readers see the old one, the new one, or none, from as many processes as there are.
 * What a crash leaves half-written does not match its checksum.
 *
 * Files are read into memory, not mapped: their checksum takes every byte anyway, a mapping would
 * kill us (SIGBUS) where a file is cut short while it is in use, and what was checked cannot
 * change.
 *
 * Threads: get, put, reject and stats may be called from several at once.
 */
#ifndef EGRET_CACHE_CACHE_H
#define EGRET_CACHE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "elf/elf_file.h"

/* Bytes of all files, where nobody says otherwise: tables of libLLVM are 5 MB. */
#define EGRET_CACHE_MAX_BYTES (512ull << 20)

/* What a blob is of; the name is the ending of its file. Numbers are in files: not used again. */
#define EGRET_CACHE_KINDS(X)                                                                       \
	X(1, CFI, "cfi")	 /* unwind tables */                                               \
	X(2, SYMBOLS, "symbols") /* functions, inlined callers, lines */                           \
	X(3, FACTS, "facts")	 /* of a file that another process parses */                       \
	X(4, TABLES, "tables")	 /* all unwind tables of such a file */

enum egret_cache_kind {
#define X(number, name, text) EGRET_CACHE_##name = (number),
	EGRET_CACHE_KINDS(X)
#undef X
};

/* Why a file that is there was not taken: name, and a sentence for --stats. */
#define EGRET_CACHE_REJECTIONS(X)                                                                  \
	X(TYPE, "type", "not a regular file: a symbolic link, a pipe")                             \
	X(OWNER, "owner", "it belongs to somebody else")                                           \
	X(MODE, "mode", "others may write it")                                                     \
	X(READ, "read", "it could not be opened or read")                                          \
	X(SIZE, "size", "shorter or longer than it says, or larger than the cache may be")         \
	X(MAGIC, "magic", "not a file of a cache of egret")                                        \
	X(VERSION, "version", "of another version of egret")                                       \
	X(KEY, "key", "of another build-id, kind or owner than its name says")                     \
	X(CHECKSUM, "checksum", "damaged")                                                         \
	X(CONTENT, "content", "whole, but not valid, or of another file of the same build-id")

enum egret_cache_rejection {
#define X(id, name, text) EGRET_CACHE_REJECT_##id,
	EGRET_CACHE_REJECTIONS(X)
#undef X
		EGRET_CACHE_NR_REJECTIONS,
};

struct egret_cache_stats {
	uint64_t hits; /* blobs given out, without those rejected as CONTENT */
	uint64_t misses;
	uint64_t rejected[EGRET_CACHE_NR_REJECTIONS];
	uint64_t written;
	uint64_t not_written; /* puts that failed: no space, not permitted, larger than the limit */
	uint64_t evicted;     /* files, for the limit */
	uint64_t bytes_read, bytes_written, bytes_evicted;
};

struct egret_cache_key {
	struct egret_build_id id; /* not empty; of FACTS and TABLES: session/parsing_kept.h */
	uid_t owner; /* of the file that the blob is made of; root's where it is ours */
	enum egret_cache_kind kind;
	uint32_t version; /* of the kind's format: another one is not taken, and written over */
};

struct egret_cache_opts {
	const char *directory; /* made where it is missing, when the first blob is put into it */
	uint64_t max_bytes;    /* of all files; 0: EGRET_CACHE_MAX_BYTES */
};

struct egret_cache;

/*
 * Opens no file yet. 0; -EPERM: the directory is another user's, or others may write to it;
 * -ENOTDIR, -ELOOP (a symbolic link), -EACCES, -ENOMEM.
 */
int egret_cache_open(const struct egret_cache_opts *opts, struct egret_cache **out,
		     struct egret_error *err);
void egret_cache_close(struct egret_cache *cache);

/*
 * The key of what is made of elf. False: nothing of it may be kept. It has no build-id, it is not
 * the image of a file (the vdso), or others than its owner may write it.
 */
bool egret_cache_key_of(const struct egret_elf *elf, enum egret_cache_kind kind, uint32_t version,
			struct egret_cache_key *key);

/* A blob in memory of its own, from egret_cache_get until egret_cache_blob_deinit. */
struct egret_cache_blob {
	const void *bytes; /* at a multiple of 64 */
	size_t size;
	void *memory; /* of malloc: the header, then the bytes */
};
void egret_cache_blob_deinit(struct egret_cache_blob *blob);

/*
 * 0: *blob is filled; -ENOENT: there is none; -EINVAL: there is one, but it is not to be trusted or
 * of no use (see the statistics); -ENOMEM. cache: NULL has none.
 */
int egret_cache_get(struct egret_cache *cache, const struct egret_cache_key *key,
		    struct egret_cache_blob *blob);
/* The blob, from egret_cache_get, is not valid: gives it back and counts it as such. */
void egret_cache_reject(struct egret_cache *cache, struct egret_cache_blob *blob);

/*
 * Keeps the bytes in place of what was there. 0 or -errno: -EFBIG where the cache may not be that
 * large. Then, where all files are over the limit, those that were used longest ago are removed.
 * Takes as long as writing the file does (and a directory listing for the limit): not for where
 * somebody waits. cache: NULL keeps nothing.
 */
int egret_cache_put(struct egret_cache *cache, const struct egret_cache_key *key, const void *bytes,
		    size_t size);

/* Counts up to now. cache: NULL has zeros. */
struct egret_cache_stats egret_cache_stats(const struct egret_cache *cache);

/* ---- what is in it, for people to look at and to clean ------------------------------------------
 */

#define EGRET_CACHE_NAME_MAX 80

struct egret_cache_entry {
	char name[EGRET_CACHE_NAME_MAX];
	struct egret_cache_key key; /* as the name says; version is not known: 0 */
	uint64_t size;		    /* bytes of the file */
	int64_t used;		    /* when it was used last: seconds since 1970, within an hour */
};

/*
 * Calls fn for each file of the cache, in no order; other files in the directory are passed over.
 * fn: 0 to go on; anything else ends it and is returned. It may remove the entry. 0 or -errno; a
 * directory that is not there has none.
 */
typedef int (*egret_cache_entry_fn)(void *arg, const struct egret_cache_entry *entry);
int egret_cache_each(struct egret_cache *cache, egret_cache_entry_fn fn, void *arg);
/* By its name. 0; -ENOENT; -EINVAL: not the name of a file of the cache. */
int egret_cache_remove(struct egret_cache *cache, const char *name);

const char *egret_cache_kind_name(enum egret_cache_kind kind); /* "cfi"; NULL: no such kind */
const char *egret_cache_rejection_name(enum egret_cache_rejection rejection); /* "owner" */
const char *egret_cache_rejection_text(enum egret_cache_rejection rejection);

#endif
