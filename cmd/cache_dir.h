/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cache_dir.h - where a command keeps what it made of files, for the next one. */
#ifndef EGRET_CMD_CACHE_DIR_H
#define EGRET_CMD_CACHE_DIR_H

#include <stdbool.h>

#include "opt.h"

struct cache_opts {
	const char *dir;
	uint64_t size; /* bytes; 0: the library's default */
	bool none;
};

/* The options of these; their offsets are in struct cache_opts. */
extern const struct opt cache_options[];

/*
 * The directory: what was asked for, else $EGRET_CACHE, else /var/cache/egret for root, and for
 * others $XDG_CACHE_HOME/egret or $HOME/.cache/egret. NULL: none. The caller frees it.
 */
char *cache_dir(const struct cache_opts *opts);

#endif
