/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * export.h - a profile in, text out: one file per format, each ending in one const struct.
 *
 * A new format is a file with its struct egret_exporter, a line below, and one in the table of
 * export.c.
 */
#ifndef EGRET_EXPORT_H
#define EGRET_EXPORT_H

#include <stdio.h>

#include <egret/egret.h>

struct egret_exporter {
	const char *name;   /* what egret_profile__export and --format= take */
	const char *text;   /* what it is, one line for --help */
	bool is_binary;	    /* nothing for a terminal */
	bool needs_samples; /* one by one: struct egret_open_opts.keep_samples */
	bool takes_samples; /* shows more where they were kept, and does without */
	bool takes_base;    /* shows what differs from another profile: opts->base */
	/*
	 * opts is never NULL, of this library's size, and opts->event is an event of the profile
	 * (or 0 in a profile without events). The stream is fully buffered and is flushed and
	 * checked by the caller: writing stops being useful once ferror(out) is set, but need not
	 * be looked at after each line.
	 */
	int (*write)(const struct egret_profile *profile, const struct egret_export_opts *opts,
		     FILE *out, struct egret_error *err);
};

extern const struct egret_exporter egret_exporter_folded;
extern const struct egret_exporter egret_exporter_html;
extern const struct egret_exporter egret_exporter_flamegraph;
extern const struct egret_exporter egret_exporter_svg;
extern const struct egret_exporter egret_exporter_pprof;
extern const struct egret_exporter egret_exporter_perf_script;
extern const struct egret_exporter egret_exporter_perf_data;
extern const struct egret_exporter egret_exporter_speedscope;
extern const struct egret_exporter egret_exporter_callgrind;
extern const struct egret_exporter egret_exporter_firefox;
extern const struct egret_exporter egret_exporter_perfetto;
extern const struct egret_exporter egret_exporter_otlp;

/* All of them, the default first; NULL at the end. */
extern const struct egret_exporter *const egret_exporters[];

/* By name. NULL where there is no such format. */
const struct egret_exporter *egret_exporter_find(const char *name);

#endif
