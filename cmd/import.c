/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* import.c - egret import: a recording of another profiler as one of egret's. */
#include <string.h>

#include "accounting.h"
#include "busy.h"
#include "command.h"
#include "input.h"
#include "message.h"
#include "output.h"
#include "text.h"

struct import_opts {
	const char *output;
	const char *format;
	const char *unwinder;
	const char *demangle;
	struct opt_strings debug_dirs;
	uint32_t max_frames;
	uint32_t threads;
};

static const char *const formats[] = { "perf-data", "perf-script", "folded", "pprof", NULL };
static const char *const unwinders[] = { "table", "libdw", "libunwind", NULL };
static const char *const demanglings[] = { "full", "short", "no", NULL };

#define MEMBER(name) offsetof(struct import_opts, name)

static const struct opt options[] = {
	{ "output", 'o', OPT_FILE, MEMBER(output), "FILE",
	  "The recording to write (egret.imported; -: standard output)", NULL },
	{ "format", 'f', OPT_CHOICE, MEMBER(format), "FORMAT",
	  "What the file is: perf-data, perf-script, folded or pprof (what is in it says which)",
	  formats },
	{ 0 },
};

static const struct opt perf_options[] = {
	{ "unwinder", 0, OPT_CHOICE, MEMBER(unwinder), "NAME",
	  "What makes frames of stacks: table, libdw or libunwind (table)", unwinders },
	{ "max-frames", 0, OPT_U32, MEMBER(max_frames), "N", "Frames of a stack at most (2048)",
	  NULL },
	{ "threads", 0, OPT_COUNT, MEMBER(threads), "N",
	  "Unwind on so many threads besides egret's own, at most 64 (0)", NULL },
	{ "demangle", 0, OPT_CHOICE, MEMBER(demangle), "HOW",
	  "Names: full, short (without parameters and template arguments), or no (full)",
	  demanglings },
	{ "debug-dir", 0, OPT_STRINGS, MEMBER(debug_dirs), "DIR",
	  "Look for files and debug files in DIR/.build-id first; may be repeated", NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "Options", options, 0 },
	{ "Of perf.data", perf_options, 0 },
	{ 0 },
};

/* Reads back what was written: the summary says what a reader will find. */
static int say_summary(const char *path)
{
	struct accounting accounting = { 0 };
	struct egret_profile *profile = input_open(path, false);

	if (!profile)
		return STATUS_FAILED;
	if (!egret_profile__each_stat(profile, accounting_add, &accounting))
		say("%s samples %s %s",
		    text_count(accounting_value(&accounting, "samples.written")).text, text_arrow(),
		    path);
	accounting_deinit(&accounting);
	egret_profile__destroy(profile);
	return STATUS_OK;
}

static enum egret_demangle demangle_of(const char *how)
{
	for (int i = 0; demanglings[i]; i++)
		if (!strcmp(demanglings[i], how))
			return (enum egret_demangle)i;
	return EGRET_DEMANGLE_FULL;
}

static int import(const char *path, const struct import_opts *o)
{
	struct egret_import_opts opts = {
		.size = sizeof(opts),
		.format = o->format,
		.unwinder = o->unwinder,
		.max_frames = o->max_frames,
		.threads = o->threads,
		.demangle = demangle_of(o->demangle),
		.debug_dirs = (const char *const *)o->debug_dirs.items,
		.n_debug_dirs = o->debug_dirs.n,
	};
	struct egret_error err = { "" };
	struct output output;
	int ret;

	if (output_open_whole(&output, o->output, true, &err))
		return say_failure(&err);
	busy_begin("reading", path);
	ret = egret_import(path, output.fd, &opts, &err);
	if (!ret)
		ret = output_commit(&output, NULL, true, &err);
	output_discard(&output);
	busy_end();
	if (ret)
		return say_failure(&err);
	return strcmp(o->output, "-") ? say_summary(o->output) : STATUS_OK;
}

static int run(void *opts, int argc, char **argv)
{
	if (argc != 1)
		return say_usage("import", argc ? "one file at a time; egret merge puts recordings "
						  "together"
						: "name the file to import");
	return import(argv[0], opts);
}

static const struct import_opts defaults = { .output = "egret.imported", .demangle = "full" };

const struct command command_import = {
	.name = "import",
	.summary = "make a recording of what perf and others have recorded",
	.usage = "[--format=FORMAT] [-o FILE] FILE",
	.about = "Makes a recording of a perf.data file, of the text of perf script, of folded "
		 "lines "
		 "or of a\n"
		 "pprof profile, for all that egret does with recordings. Stacks that perf record "
		 "--call-graph\n"
		 "dwarf has copied are unwound by egret. Needs no privileges.",
	.examples = "  egret import -o build.egret perf.data && egret report -i build.egret\n"
		    "  perf script | egret import -\n"
		    "  egret import cpu.pb.gz && egret export -i egret.imported -o page.html\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
