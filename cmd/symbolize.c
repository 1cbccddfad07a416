/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* symbolize.c - egret symbolize: what there is at addresses, of a file, a process, the kernel. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addresses.h"
#include "cache_dir.h"
#include "command.h"
#include "location.h"
#include "message.h"

struct symbolize_opts {
	const char *file;
	struct opt_pids pids;
	const char *demangle;
	const char *debug_dir;
	bool kernel;
	bool file_offsets;
	bool no_inline;
	bool json;
	struct cache_opts cache;
};

static const char *const demanglings[] = { "full", "short", "no", NULL };

#define MEMBER(name) offsetof(struct symbolize_opts, name)

static const struct opt options[] = {
	{ "exe", 'e', OPT_FILE, MEMBER(file), "FILE", "Addresses of this ELF file", NULL },
	{ "pid", 'p', OPT_PIDS, MEMBER(pids), "PID", "Addresses of this process", NULL },
	{ "kernel", 'k', OPT_FLAG, MEMBER(kernel), NULL, "Addresses of the running kernel", NULL },
	{ "file-offset", 0, OPT_FLAG, MEMBER(file_offsets), NULL,
	  "With -e: they are offsets in the file, as in [module+0xoffset]", NULL },
	{ "no-inline", 0, OPT_FLAG, MEMBER(no_inline), NULL,
	  "Only the function that an address is in, with the line of the address", NULL },
	{ "demangle", 'C', OPT_CHOICE, MEMBER(demangle), "HOW",
	  "Names: full, short (without parameters and template arguments), or no (full)",
	  demanglings },
	{ "debug-dir", 0, OPT_DIRECTORY, MEMBER(debug_dir), "DIR",
	  "Look for debug files in DIR/.build-id first", NULL },
	{ "json", 'j', OPT_FLAG, MEMBER(json), NULL, "A JSON object a line for each address",
	  NULL },
	{ 0 },
};

static const struct opt_group groups[] = {
	{ "Options", options, 0 },
	{ "The cache", cache_options, offsetof(struct symbolize_opts, cache) },
	{ 0 },
};

/* Addresses that are looked up at a time. */
#define BATCH 8192

struct text_output {
	bool with_module;
	struct location_text text;
};

static int print_text(const struct egret_location *location, void *arg)
{
	struct text_output *output = arg;

	return location_print_text(stdout, location, output->with_module, &output->text);
}

static int print_json(const struct egret_location *location, void *arg)
{
	return location_print_json(stdout, location);
}

/* What the answers go through. */
struct printer {
	struct egret_symbolizer *symbolizer;
	egret_location_fn print;
	struct text_output text;
};

static int print(struct printer *printer, const uint64_t *addresses, size_t n)
{
	struct egret_error err = { "out of memory" };
	int ret = egret_symbolizer__find(printer->symbolizer, addresses, n, printer->print,
					 &printer->text, &err);

	location_text_flush(stdout, &printer->text.text);
	return ret ? say_error("%s", err.text) : STATUS_OK;
}

/* All of them are looked at before one is answered: a slip among them leaves no half an answer. */
static int print_operands(struct printer *printer, int argc, char **argv)
{
	uint64_t *addresses = calloc((size_t)argc, sizeof(*addresses));
	struct egret_error err;
	int status = STATUS_OK;

	if (!addresses)
		return say_error("out of memory");
	for (int i = 0; i < argc && !status; i++)
		if (address_parse(argv[i], &addresses[i], &err))
			status = say_usage("symbolize", "%s", err.text);
	if (!status)
		status = print(printer, addresses, (size_t)argc);
	free(addresses);
	return status;
}

static int print_stream(struct printer *printer)
{
	struct addresses *in = calloc(1, sizeof(*in));
	uint64_t addresses[BATCH];
	struct egret_error err;
	int n, status = STATUS_OK;

	if (!in)
		return say_error("out of memory");
	in->fd = STDIN_FILENO;
	while (!status && (n = addresses_read(in, addresses, BATCH, &err))) {
		status = n < 0 ? say_error("%s", err.text) : print(printer, addresses, (size_t)n);
		if (fflush(stdout))
			break; /* whoever reads has gone: finish_stdout says so */
	}
	free(in);
	return status;
}

static int open_symbolizer(const struct symbolize_opts *o, struct egret_symbolizer **out,
			   struct egret_error *err)
{
	char *cache = cache_dir(&o->cache);
	struct egret_symbolizer_opts opts = {
		.size = sizeof(opts),
		.no_inlines = o->no_inline,
		.file_offsets = o->file_offsets,
		.threads = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN),
		.debug_dir = o->debug_dir,
		.cache_dir = cache,
		.cache_size = o->cache.size,
	};
	int ret;

	while (strcmp(o->demangle, demanglings[opts.demangle]))
		opts.demangle++;
	if (o->file)
		ret = egret_symbolizer__open_file(o->file, &opts, out, err);
	else if (o->pids.n)
		ret = egret_symbolizer__open_process(o->pids.items[0], &opts, out, err);
	else
		ret = egret_symbolizer__open_kernel(&opts, out, err);
	free(cache);
	return ret;
}

/* For a process that indexes a file and ends: memory of all threads is one, and none goes back. */
static void tune_memory(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TOP_PAD, 4 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

static int run(void *opts, int argc, char **argv)
{
	const struct symbolize_opts *o = opts;
	struct printer *printer;
	struct egret_error err;
	int status;

	if (!!o->file + o->pids.n + o->kernel != 1)
		return say_usage("symbolize",
				 "wants a file (-e), a process (-p) or the kernel (-k), and one");
	if (o->file_offsets && !o->file)
		return say_usage("symbolize", "--file-offset goes with -e only");
	tune_memory();
	printer = calloc(1, sizeof(*printer));
	if (!printer)
		return say_error("out of memory");
	printer->print = o->json ? print_json : print_text;
	printer->text.with_module = !o->file;
	if (open_symbolizer(o, &printer->symbolizer, &err)) {
		free(printer);
		return say_error("%s", err.text);
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 18);
	status = argc ? print_operands(printer, argc, argv) : print_stream(printer);
	fflush(stdout); /* nobody waits for the cache to be written */
	egret_symbolizer__destroy(printer->symbolizer);
	location_text_deinit(&printer->text.text);
	free(printer);
	return status;
}

static const struct symbolize_opts defaults = { .demangle = "full" };

const struct command command_symbolize = {
	.name = "symbolize",
	.summary = "name the functions and source lines at addresses",
	.usage = "-e FILE | -p PID | -k [OPTIONS] [ADDRESS...]",
	.about =
		"Prints, for each hexadecimal address, the function that it is in, the functions\n"
		"inlined there, innermost first, and their source lines. Addresses are those of\n"
		"the file, as addr2line takes them; of the process; or of the kernel. Without any\n"
		"they are read from standard input, and each is answered when it has come.",
	.examples = "  egret symbolize -e a.out 0x1139 0x1150\n"
		    "  egret symbolize -p 1234 --json < addresses\n"
		    "  nm -D libz.so.1 | cut -d' ' -f1 | egret symbolize -e libz.so.1 -C short\n",
	.groups = groups,
	.defaults = &defaults,
	.opts_size = sizeof(defaults),
	.run = run,
};
