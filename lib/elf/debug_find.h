/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * debug_find.h - where the separate debug file of a program is, and the program of a build-id.
 *
 * Asked in this order, the first that is of the right build is taken:
 *
 *	1. .build-id/ab/cdef.debug in the directories asked for, then in /usr/lib/debug: that of the
 *	   process's own file system first
 *	2. what .gnu_debuglink names: beside the file, in .debug/ there, below those directories
 *	3. the store of egret cache (egret-cache(1)), which is another .build-id tree
 *	4. what a debuginfod client has fetched before
 *	5. debuginfod itself, only by egret_debug_fetch
 *
 * A file of another build is never taken: build-ids are compared where both files have one, else
 * the CRC of .gnu_debuglink is.
 */
#ifndef EGRET_DEBUG_FIND_H
#define EGRET_DEBUG_FIND_H

#include "elf/elf_file.h"

enum egret_debuginfod_mode {
	EGRET_DEBUGINFOD_CACHE, /* only what is on disk already */
	EGRET_DEBUGINFOD_OFF,
	EGRET_DEBUGINFOD_ON,
};

struct egret_debug_opts {
	const char *const *dirs; /* before /usr/lib/debug; copied */
	size_t n_dirs;
	const char *store; /* directory with a .build-id tree; NULL: none */
	enum egret_debuginfod_mode debuginfod;
	uint32_t timeout_ms; /* of one file from debuginfod; 0: 30 seconds */
	uint64_t max_bytes;  /* of one file from debuginfod; 0: 512 MiB */
	/* Called while a file is fetched; total 0: not known. Non-zero ends it. May be NULL. */
	int (*progress)(void *arg, const char *name, uint64_t got, uint64_t total);
	void *arg;
	struct egret_elf_opener opener; /* of every file; all zero: egret_elf_open_fd */
};

struct egret_debug_finder;
int egret_debug_finder_create(const struct egret_debug_opts *opts, struct egret_debug_finder **out);
void egret_debug_finder_destroy(struct egret_debug_finder *finder);

/* Opens a file as the finder opens those that it finds. finder NULL: by egret_elf_open_fd. */
int egret_debug_open(const struct egret_debug_finder *finder, int fd, const char *name,
		     struct egret_elf **out, struct egret_error *err);

/* What a debug file is wanted for. */
struct egret_debug_want {
	const struct egret_elf *elf;
	const char *path; /* of the file, as its process sees it; NULL: not known */
	int pid;	  /* whose file system is looked at too; 0: ours only */
};

/*
 * The debug file on disk; the caller's. finder NULL: with the defaults, and without debuginfod's
 * files. 0; -ENOENT; -ESTALE: there is one, but of another build; -ENOMEM.
 */
int egret_debug_find(const struct egret_debug_finder *finder, const struct egret_debug_want *want,
		     struct egret_elf **out);

/*
 * The same from debuginfod, over the network: takes up to the time-out. 0; -ENOSYS: not asked for,
 * no such library, or no server named (DEBUGINFOD_URLS); -ENOENT: the servers have none;
 * -ETIMEDOUT; -EFBIG; -ESTALE, or another -errno, with a sentence.
 */
int egret_debug_fetch(struct egret_debug_finder *finder, const struct egret_debug_want *want,
		      struct egret_elf **out, struct egret_error *err);

/* Whether debuginfod has anybody to ask. */
bool egret_debuginfod_has_servers(void);

/* What .gnu_debugaltlink of elf names (dwz): by its path, or in a .build-id tree. 0 or -ENOENT. */
int egret_debug_find_alt(const struct egret_debug_finder *finder,
			 const struct egret_debug_want *want, const char *name,
			 const struct egret_build_id *id, struct egret_elf **out);

/* The file itself, by its build-id: in the directories, the store, debuginfod's cache. */
int egret_debug_find_file(const struct egret_debug_finder *finder, const struct egret_build_id *id,
			  const char *name, struct egret_elf **out);

/*
 * .gnu_debugdata of a stripped file: a small ELF file with symbols, compressed by xz. 0; -ENOENT:
 * there is none; -EBADMSG: damaged; -EFBIG: larger than 256 MiB; -ENOMEM.
 */
int egret_elf_open_debugdata(const struct egret_elf *elf, struct egret_elf **out);

#endif
