/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * file_store.h - programs, libraries and debug files that are kept by their build-ids, for
 * recordings of what will not be there any more: a tree DIR/files/.build-id/ab/cdef (a program or
 * library) or ab/cdef.debug (its debug file), as in /usr/lib/debug.
 *
 * DIR is that of the cache (cache.h), and trusted on the same terms: it and the tree are ours, and
 * nobody else may write there. What is in it was put there by hand, and stays until it is removed.
 */
#ifndef EGRET_CACHE_FILE_STORE_H
#define EGRET_CACHE_FILE_STORE_H

#include <sys/types.h>

#include "elf/elf_file.h"

/*
 * Copies the file at path into the store. 0; -EEXIST: it is there; -ENOEXEC: not an ELF file, or
 * one without a build-id; -EPERM: the store is another user's; or another -errno; with a sentence.
 */
int egret_file_store_add(const char *dir, const char *path, struct egret_error *err);

struct egret_stored_file {
	char build_id[2 * EGRET_BUILD_ID_MAX + 1]; /* hexadecimal */
	bool is_debug;
	uint64_t size;	  /* bytes */
	int64_t modified; /* when it was added: seconds since 1970 */
};

/*
 * Calls fn for each file, in no order; it may remove it. fn: 0 to go on; anything else ends it and
 * is returned. 0 or -errno; a store that is not there has none.
 */
typedef int (*egret_stored_file_fn)(void *arg, const struct egret_stored_file *file);
int egret_file_store_each(const char *dir, egret_stored_file_fn fn, void *arg);
int egret_file_store_remove(const char *dir, const struct egret_stored_file *file);

#endif
