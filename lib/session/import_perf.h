/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* import_perf.h - a perf.data file through the pipeline: its stacks are unwound by egret. */
#ifndef EGRET_SESSION_IMPORT_PERF_H
#define EGRET_SESSION_IMPORT_PERF_H

#include <egret/egret.h>

/* Of bytes of such a file, to a recording in fd. opts is whole. */
int egret_import_perf(const void *bytes, size_t size, int fd, const struct egret_import_opts *opts,
		      struct egret_error *err);

#endif
