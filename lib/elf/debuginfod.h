/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * debuginfod.h - files by build-id from debuginfod: from its client's cache on disk, and over the
 * network through its client library, which is loaded when it is first needed: it brings an HTTP
 * client with it, and most recordings never ask.
 */
#ifndef EGRET_ELF_DEBUGINFOD_H
#define EGRET_ELF_DEBUGINFOD_H

#include "elf/elf_file.h"

/* A file "debuginfo" or "executable" that a client has fetched before: a descriptor, or -errno. */
int egret_debuginfod_cached(const struct egret_build_id *id, const char *kind);

struct egret_debuginfod_limits {
	uint32_t timeout_ms;
	uint64_t max_bytes;
	int (*progress)(void *arg, const char *name, uint64_t got, uint64_t total);
	void *arg;
	const char *name; /* for progress */
};

/*
 * Fetches the debug file of a build-id. A descriptor, or -errno with a sentence: -ENOSYS without
 * library or servers, -ETIMEDOUT, -EFBIG, -ECANCELED (progress said so).
 */
int egret_debuginfod_fetch(const struct egret_build_id *id,
			   const struct egret_debuginfod_limits *limits, struct egret_error *err);

#endif
