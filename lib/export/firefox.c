/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The Firefox Profiler's processed format, version 58 (src/types/profile.ts of the profiler; newer
 * profilers bring it up to date): tables in columns, of their own for each thread; strings and
 * source files are shared.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/path.h"
#include "export/by_thread.h"
#include "export/code_tables.h"
#include "export/export.h"
#include "export/json.h"

#define FORMAT_VERSION 58
#define GECKO_VERSION 31 /* of the format that Firefox itself writes, at that time */
#define RESOURCE_LIBRARY 1

/* Places in the list of categories. */
enum category { OTHER, USER, KERNEL, JIT, CUT };

static const struct {
	const char *name, *color;
} categories[] = {
	[OTHER] = { "Other", "grey" },	   [USER] = { "User", "yellow" },
	[KERNEL] = { "Kernel", "orange" }, [JIT] = { "JIT", "green" },
	[CUT] = { "Cut", "red" },
};

struct func {
	uint32_t function; /* of the code tables */
	uint32_t resource;
};

struct frame {
	uint32_t func;
	uint32_t depth; /* of inlining */
	uint32_t category;
	uint32_t line;
};

struct node {
	uint32_t prefix; /* UINT32_MAX: a root */
	uint32_t frame;
};

struct firefox {
	struct egret_code_tables code;
	struct egret_by_thread by_thread;
	struct egret_json json;
	struct egret_interned sources; /* uint32_t: string of the file */
	uint32_t *lib_of;	       /* by module; UINT32_MAX: it is none */
	/* Of the thread under way: */
	struct egret_interned resources; /* uint32_t: module */
	struct egret_interned funcs, frames, nodes;
	uint32_t *node_of; /* by stack; UINT32_MAX: not there yet */
	struct egret_buffer path;
	uint64_t start; /* ns: the zero of all times */
	bool is_time;	/* values are nanoseconds */
	bool failed;	/* no memory */
};

static uint32_t put(struct firefox *x, struct egret_interned *table, const void *item)
{
	uint32_t number = egret_interned_put(table, item);

	x->failed |= number == EGRET_INDEX_NONE;
	return number;
}

/* ---- columns ------------------------------------------------------------------------------ */

typedef void (*cell_fn)(struct firefox *x, uint32_t row);

static void column(struct firefox *x, const char *name, size_t n, cell_fn cell)
{
	egret_json_open_array(&x->json, name);
	for (uint32_t i = 0; i < n; i++)
		cell(x, i);
	egret_json_close_array(&x->json);
}

static void number(struct firefox *x, uint64_t value)
{
	egret_json_number(&x->json, NULL, value);
}

static void number_or_null(struct firefox *x, uint64_t value, bool is_null)
{
	if (is_null)
		egret_json_null(&x->json, NULL);
	else
		number(x, value);
}

static void null_cell(struct firefox *x, uint32_t row)
{
	egret_json_null(&x->json, NULL);
}

static void zero_cell(struct firefox *x, uint32_t row)
{
	number(x, 0);
}

static void false_cell(struct firefox *x, uint32_t row)
{
	egret_json_bool(&x->json, NULL, false);
}

static void minus_one_cell(struct firefox *x, uint32_t row)
{
	egret_json_signed(&x->json, NULL, -1);
}

/* ---- stacks ------------------------------------------------------------------------------- */

static enum category category_of(uint32_t kind)
{
	switch (kind) {
	case EGRET_FRAME_KERNEL:
		return KERNEL;
	case EGRET_FRAME_JIT:
		return JIT;
	case EGRET_FRAME_CUT:
		return CUT;
	default:
		return USER;
	}
}

/* Grows a stack by the functions of a frame, the outermost first. */
static uint32_t push(struct firefox *x, uint32_t prefix, uint32_t number_of_frame)
{
	uint32_t module = egret_profile_get_frame(x->code.profile, number_of_frame)->module;
	struct func func = { .resource = put(x, &x->resources, &module) };
	size_t n;
	const struct egret_frame *lines = egret_profile_frames_at(x->code.profile, number_of_frame,
								  &n);

	x->failed |= !lines;
	for (size_t i = lines ? n : 0; i-- > 0;) {
		struct frame frame = { .depth = (uint32_t)(n - 1 - i),
				       .category = category_of(lines[i].kind),
				       .line = lines[i].line };
		struct node node = { .prefix = prefix };

		func.function = egret_code_function(&x->code, &lines[i]);
		x->failed |= func.function == EGRET_INDEX_NONE;
		frame.func = put(x, &x->funcs, &func);
		node.frame = put(x, &x->frames, &frame);
		prefix = put(x, &x->nodes, &node);
	}
	return prefix;
}

/* The node of a stack in the tables of the thread; UINT32_MAX: it is empty. */
static uint32_t find_node(struct firefox *x, uint32_t stack)
{
	uint32_t at = stack, node = UINT32_MAX;

	egret_buffer_clear(&x->path);
	for (; at && x->node_of[at] == UINT32_MAX;
	     at = egret_profile_get_stack(x->code.profile, at).parent)
		egret_buffer_add(&x->path, &at, sizeof(at));
	x->failed |= x->path.failed;
	if (at)
		node = x->node_of[at];
	for (size_t i = x->path.len / sizeof(at); i-- > 0 && !x->failed;) {
		uint32_t frame;

		at = ((const uint32_t *)x->path.data)[i];
		frame = egret_profile_get_stack(x->code.profile, at).frame;
		if (egret_code_has_frame(&x->code, frame))
			node = push(x, node, frame);
		x->node_of[at] = node;
	}
	return node;
}

static void begin_tables(struct firefox *x)
{
	egret_interned_init(&x->resources, sizeof(uint32_t), sizeof(uint32_t));
	egret_interned_init(&x->funcs, sizeof(struct func), sizeof(struct func));
	egret_interned_init(&x->frames, sizeof(struct frame), sizeof(struct frame));
	egret_interned_init(&x->nodes, sizeof(struct node), sizeof(struct node));
	memset(x->node_of, 0xff, egret_profile_n_stacks(x->code.profile) * sizeof(*x->node_of));
}

static void end_tables(struct firefox *x)
{
	egret_interned_deinit(&x->resources);
	egret_interned_deinit(&x->funcs);
	egret_interned_deinit(&x->frames);
	egret_interned_deinit(&x->nodes);
}

/* ---- the tables of a thread --------------------------------------------------------------- */

static void node_frame(struct firefox *x, uint32_t row)
{
	number(x, ((const struct node *)egret_interned_item(&x->nodes, row))->frame);
}

static void node_prefix(struct firefox *x, uint32_t row)
{
	uint32_t prefix = ((const struct node *)egret_interned_item(&x->nodes, row))->prefix;

	number_or_null(x, prefix, prefix == UINT32_MAX);
}

static const struct frame *frame_at(const struct firefox *x, uint32_t row)
{
	return egret_interned_item(&x->frames, row);
}

static void frame_depth(struct firefox *x, uint32_t row)
{
	number(x, frame_at(x, row)->depth);
}

static void frame_category(struct firefox *x, uint32_t row)
{
	number(x, frame_at(x, row)->category);
}

static void frame_func(struct firefox *x, uint32_t row)
{
	number(x, frame_at(x, row)->func);
}

static void frame_line(struct firefox *x, uint32_t row)
{
	number_or_null(x, frame_at(x, row)->line, !frame_at(x, row)->line);
}

static const struct egret_code_function *function_at(const struct firefox *x, uint32_t row)
{
	const struct func *func = egret_interned_item(&x->funcs, row);

	return egret_interned_item(&x->code.functions, func->function);
}

static void func_name(struct firefox *x, uint32_t row)
{
	number(x, function_at(x, row)->name);
}

static void func_resource(struct firefox *x, uint32_t row)
{
	number(x, ((const struct func *)egret_interned_item(&x->funcs, row))->resource);
}

static void func_source(struct firefox *x, uint32_t row)
{
	uint32_t file = function_at(x, row)->file;

	number_or_null(x, file ? put(x, &x->sources, &file) : 0, !file);
}

static const struct egret_profile_module *module_at(const struct firefox *x, uint32_t row)
{
	return egret_profile_get_module(x->code.profile,
					*(uint32_t *)egret_interned_item(&x->resources, row));
}

static void resource_lib(struct firefox *x, uint32_t row)
{
	uint32_t lib = x->lib_of[*(uint32_t *)egret_interned_item(&x->resources, row)];

	number_or_null(x, lib, lib == UINT32_MAX);
}

static const char *module_name(const struct firefox *x, const struct egret_profile_module *m)
{
	const char *path = egret_profile_get_string(x->code.profile, m->path);

	return m->kind == EGRET_MODULE_CUT ? "[cut]" : *path ? egret_file_name(path) : "[unknown]";
}

static void resource_name(struct firefox *x, uint32_t row)
{
	uint32_t name = egret_code_string(&x->code, module_name(x, module_at(x, row)));

	x->failed |= name == EGRET_INDEX_NONE;
	number(x, name);
}

static void resource_type(struct firefox *x, uint32_t row)
{
	number(x, RESOURCE_LIBRARY);
}

struct table_column {
	const char *name;
	cell_fn cell;
};

static void table(struct firefox *x, const char *name, size_t n, const struct table_column *columns)
{
	egret_json_open_object(&x->json, name);
	for (; columns->name; columns++)
		column(x, columns->name, n, columns->cell);
	egret_json_number(&x->json, "length", n);
	egret_json_close_object(&x->json);
}

static void write_tables(struct firefox *x)
{
	static const struct table_column nodes[] = { { "frame", node_frame },
						     { "prefix", node_prefix },
						     { 0 } };
	static const struct table_column frames[] = {
		{ "address", minus_one_cell },	{ "inlineDepth", frame_depth },
		{ "category", frame_category }, { "subcategory", zero_cell },
		{ "func", frame_func },		{ "nativeSymbol", null_cell },
		{ "innerWindowID", null_cell }, { "line", frame_line },
		{ "column", null_cell },	{ 0 }
	};
	static const struct table_column funcs[] = {
		{ "name", func_name },		 { "isJS", false_cell },
		{ "relevantForJS", false_cell }, { "resource", func_resource },
		{ "source", func_source },	 { "lineNumber", null_cell },
		{ "columnNumber", null_cell },	 { 0 }
	};
	static const struct table_column resources[] = { { "lib", resource_lib },
							 { "name", resource_name },
							 { "host", null_cell },
							 { "type", resource_type },
							 { 0 } };
	static const struct table_column symbols[] = { { "libIndex", null_cell },
						       { "address", null_cell },
						       { "name", null_cell },
						       { "functionSize", null_cell },
						       { 0 } };

	table(x, "stackTable", x->nodes.n, nodes);
	table(x, "frameTable", x->frames.n, frames);
	table(x, "funcTable", x->funcs.n, funcs);
	table(x, "resourceTable", x->resources.n, resources);
	table(x, "nativeSymbols", 0, symbols);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void write_samples(struct firefox *x, uint32_t thread)
{
	size_t n = egret_by_thread_count(&x->by_thread, thread);

	egret_json_open_object(&x->json, "samples");
	egret_json_open_array(&x->json, "stack");
	for (size_t i = 0; i < n && !x->failed; i++) {
		const struct egret_profile_sample *s = egret_by_thread_sample(&x->by_thread, thread,
									      i);
		uint32_t node =
			find_node(x, egret_profile_get_entry(x->code.profile, s->entry)->key.stack);

		number_or_null(x, node, node == UINT32_MAX);
	}
	egret_json_close_array(&x->json);
	egret_json_open_array(&x->json, "time");
	for (size_t i = 0; i < n; i++)
		egret_json_millionths(&x->json, NULL,
				      egret_by_thread_sample(&x->by_thread, thread, i)->time -
					      x->start);
	egret_json_close_array(&x->json);
	if (x->is_time) {
		egret_json_open_array(&x->json, "threadCPUDelta");
		for (size_t i = 0; i < n; i++)
			number(x, egret_by_thread_sample(&x->by_thread, thread, i)->value);
		egret_json_close_array(&x->json);
	}
	egret_json_null(&x->json, "weight");
	egret_json_text(&x->json, "weightType", "samples");
	egret_json_number(&x->json, "length", n);
	egret_json_close_object(&x->json);
}

static void write_markers(struct firefox *x)
{
	static const struct table_column markers[] = { { "data", null_cell },
						       { "name", null_cell },
						       { "startTime", null_cell },
						       { "endTime", null_cell },
						       { "phase", null_cell },
						       { "category", null_cell },
						       { 0 } };

	table(x, "markers", 0, markers);
}

static void clean_text(struct firefox *x, const char *name, const char *text)
{
	const char *good = egret_text_clean(&x->code.texts, text);

	x->failed |= !good;
	egret_json_text(&x->json, name, good ? good : "");
}

static void write_thread(struct firefox *x, uint32_t number_of_thread)
{
	const struct egret_profile_thread *t = egret_profile_get_thread(x->code.profile,
									number_of_thread);
	char pid[16];

	begin_tables(x);
	snprintf(pid, sizeof(pid), "%d", t->pid);
	egret_json_open_object(&x->json, NULL);
	egret_json_text(&x->json, "processType", "default");
	egret_json_number(&x->json, "processStartupTime", 0);
	egret_json_null(&x->json, "processShutdownTime");
	egret_json_number(&x->json, "registerTime", 0);
	egret_json_null(&x->json, "unregisterTime");
	egret_json_open_array(&x->json, "pausedRanges");
	egret_json_close_array(&x->json);
	clean_text(x, "name", egret_profile_get_string(x->code.profile, t->comm));
	clean_text(x, "processName", egret_profile_get_string(x->code.profile, t->process));
	egret_json_bool(&x->json, "isMainThread", t->pid == t->tid);
	egret_json_text(&x->json, "pid", pid);
	egret_json_signed(&x->json, "tid", t->tid);
	write_samples(x, number_of_thread);
	write_markers(x);
	write_tables(x);
	egret_json_close_object(&x->json);
	end_tables(x);
}

static void write_threads(struct firefox *x)
{
	egret_json_open_array(&x->json, "threads");
	for (uint32_t t = 0; t < egret_profile_n_threads(x->code.profile) && !x->failed; t++)
		if (egret_by_thread_count(&x->by_thread, t))
			write_thread(x, t);
	egret_json_close_array(&x->json);
}

/* ---- what is there once ------------------------------------------------------------------- */

static void write_categories(struct firefox *x)
{
	egret_json_open_array(&x->json, "categories");
	for (size_t i = 0; i < sizeof(categories) / sizeof(categories[0]); i++) {
		egret_json_open_object(&x->json, NULL);
		egret_json_text(&x->json, "name", categories[i].name);
		egret_json_text(&x->json, "color", categories[i].color);
		egret_json_open_array(&x->json, "subcategories");
		egret_json_text(&x->json, NULL, "Other");
		egret_json_close_array(&x->json);
		egret_json_close_object(&x->json);
	}
	egret_json_close_array(&x->json);
}

/* Nanoseconds between samples; those of an event without a frequency are not known. */
static uint64_t interval_of(const struct firefox *x, const struct egret_event *event)
{
	if (event && event->frequency)
		return 1000000000 / event->frequency;
	return event && x->is_time && event->period ? event->period : 1000000;
}

static void write_meta(struct firefox *x)
{
	const struct egret_event *event = egret_profile__event(x->code.profile,
							       x->code.opts->event);
	const char *start = egret_profile__meta(x->code.profile, "start-time");
	const char *command = egret_profile__meta(x->code.profile, "command");
	double seconds = start ? strtod(start, NULL) : 0;

	egret_json_open_object(&x->json, "meta");
	egret_json_millionths(&x->json, "interval", interval_of(x, event));
	egret_json_number(&x->json, "startTime",
			  seconds > 0 && seconds < 1e10 ? (uint64_t)(seconds * 1000) : 0);
	egret_json_number(&x->json, "startTimeAsClockMonotonicNanosecondsSinceBoot", x->start);
	egret_json_number(&x->json, "processType", 0);
	write_categories(x);
	clean_text(x, "product",
		   x->code.opts->title ? x->code.opts->title
		   : command	       ? command
				       : "egret");
	egret_json_number(&x->json, "stackwalk", 1);
	egret_json_number(&x->json, "version", GECKO_VERSION);
	egret_json_number(&x->json, "preprocessedProfileVersion", FORMAT_VERSION);
	egret_json_bool(&x->json, "symbolicated", true);
	egret_json_bool(&x->json, "symbolicationNotSupported", true);
	egret_json_text(&x->json, "importedFrom", "egret");
	egret_json_bool(&x->json, "usesOnlyOneStackType", true);
	egret_json_bool(&x->json, "sourceCodeIsNotOnSearchfox", true);
	egret_json_open_array(&x->json, "markerSchema");
	egret_json_close_array(&x->json);
	egret_json_open_object(&x->json, "sampleUnits");
	egret_json_text(&x->json, "time", "ms");
	egret_json_text(&x->json, "eventDelay", "ms");
	egret_json_text(&x->json, "threadCPUDelta", "ns");
	egret_json_close_object(&x->json);
	egret_json_close_object(&x->json);
}

static void write_lib(struct firefox *x, uint32_t module)
{
	const struct egret_profile_module *m = egret_profile_get_module(x->code.profile, module);
	const char *path = egret_profile_get_string(x->code.profile, m->path);
	const char *id = egret_code_build_id(&x->code, module);

	x->failed |= !id;
	egret_json_open_object(&x->json, NULL);
	egret_json_text(&x->json, "arch", "x86_64");
	clean_text(x, "name", egret_file_name(path));
	clean_text(x, "path", path);
	clean_text(x, "debugName", egret_file_name(path));
	clean_text(x, "debugPath", path);
	egret_json_text(&x->json, "breakpadId", "");
	if (id && *id)
		egret_json_text(&x->json, "codeId", id);
	else
		egret_json_null(&x->json, "codeId");
	egret_json_close_object(&x->json);
}

static void write_libs(struct firefox *x)
{
	uint32_t n = 0;

	egret_json_open_array(&x->json, "libs");
	for (uint32_t m = 0; m < egret_profile_n_modules(x->code.profile); m++) {
		const struct egret_profile_module *module;

		module = egret_profile_get_module(x->code.profile, m);
		x->lib_of[m] = UINT32_MAX;
		if (!x->code.ranges[m].limit || module->kind != EGRET_MODULE_FILE)
			continue;
		x->lib_of[m] = n++;
		write_lib(x, m);
	}
	egret_json_close_array(&x->json);
}

static void source_name(struct firefox *x, uint32_t row)
{
	number(x, *(uint32_t *)egret_interned_item(&x->sources, row));
}

/* The last: nobody adds to it any more. */
static void write_shared(struct firefox *x)
{
	static const struct table_column sources[] = { { "uuid", null_cell },
						       { "filename", source_name },
						       { 0 } };
	const char *const *strings = (const char *const *)x->code.strings.items;

	egret_json_open_object(&x->json, "shared");
	table(x, "sources", x->sources.n, sources);
	egret_json_open_array(&x->json, "stringArray");
	for (uint32_t i = 0; i < x->code.strings.n; i++)
		egret_json_text(&x->json, NULL, strings[i]);
	egret_json_close_array(&x->json);
	egret_json_close_object(&x->json);
}

static void write_all(struct firefox *x)
{
	const struct egret_event *event = egret_profile__event(x->code.profile,
							       x->code.opts->event);
	uint64_t end;

	x->is_time = event && !strcmp(event->unit, "nanoseconds");
	egret_profile__times(x->code.profile, &x->start, &end);
	egret_json_open_object(&x->json, NULL);
	write_meta(x);
	write_libs(x);
	write_threads(x);
	write_shared(x);
	egret_json_close_object(&x->json);
}

static int write_firefox(const struct egret_profile *profile, const struct egret_export_opts *opts,
			 FILE *out, struct egret_error *err)
{
	struct firefox x = { .json = { .out = out } };
	int ret = egret_code_tables_init(&x.code, profile, opts);

	egret_interned_init(&x.sources, sizeof(uint32_t), sizeof(uint32_t));
	x.lib_of = calloc(egret_profile_n_modules(profile) + 1, sizeof(*x.lib_of));
	x.node_of = calloc(egret_profile_n_stacks(profile) + 1, sizeof(*x.node_of));
	if (!ret)
		ret = egret_by_thread_init(&x.by_thread, profile, opts->event);
	if (!ret && x.lib_of && x.node_of)
		write_all(&x);
	else
		x.failed = true;
	egret_code_tables_deinit(&x.code);
	egret_by_thread_deinit(&x.by_thread);
	egret_interned_deinit(&x.sources);
	egret_buffer_deinit(&x.path);
	free(x.lib_of);
	free(x.node_of);
	return x.failed ? egret_fail(err, ENOMEM, "not enough memory for the Firefox profile") : 0;
}

const struct egret_exporter egret_exporter_firefox = {
	.name = "firefox",
	.text = "JSON for the Firefox Profiler: threads on a time axis, with categories",
	.needs_samples = true,
	.write = write_firefox,
};
