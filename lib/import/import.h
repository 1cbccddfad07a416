/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * import.h - what other tools have written, as a profile: one file per format, each ending in one
 * const struct. (perf.data has to be unwound first: perf_file.h, and session/import_perf.c.)
 */
#ifndef EGRET_IMPORT_H
#define EGRET_IMPORT_H

#include "profile/profile.h"

struct egret_importer {
	const char *name; /* "folded", "perf-script", "pprof" */
	/* Whether bytes look like this: asked in the order of egret_importers. */
	bool (*is)(const void *bytes, size_t len);
	/* Into an empty profile that keeps its samples. 0; -EBADMSG with a sentence; -ENOMEM. */
	int (*read)(const void *bytes, size_t len, struct egret_profile *profile,
		    struct egret_error *err);
};

extern const struct egret_importer egret_importer_folded;
extern const struct egret_importer egret_importer_perf_script;
extern const struct egret_importer egret_importer_pprof;

/* All of them; NULL at the end. The last one takes what no other does. */
extern const struct egret_importer *const egret_importers[];

/* By name. NULL where there is no such format. */
const struct egret_importer *egret_importer_find(const char *name);

#endif
