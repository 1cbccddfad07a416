/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * import_sources.h - what a recording of perf is read with: the files of this machine, if they are
 * those that were mapped then.
 *
 * The processes are gone, and their numbers may be others' by now: nothing of /proc/PID is looked
 * at. Files are found by their path and taken by their build-id, or, where none was told, by their
 * inode; the kernel's names are taken if it is the same kernel, where it was then.
 */
#ifndef EGRET_SESSION_IMPORT_SOURCES_H
#define EGRET_SESSION_IMPORT_SOURCES_H

#include "elf/debug_find.h"
#include "session/names.h"

struct egret_import_sources {
	struct egret_module_source modules;
	struct egret_process_source processes;
	struct egret_name_source names;
	struct egret_debug_finder *finder;
	/* Of the kernel that was recorded; what is not set was not told. */
	struct egret_build_id kernel_id;
	const char *kernel_release;
	char kernel_symbol[64];	 /* one of its symbols, and the address that it had */
	uint64_t kernel_address; /* 0: not told */
};

/* sources stays where it is until _deinit. 0 or -ENOMEM. */
int egret_import_sources_init(struct egret_import_sources *sources, const char *const *debug_dirs,
			      size_t n_debug_dirs);
void egret_import_sources_deinit(struct egret_import_sources *sources);

#endif
