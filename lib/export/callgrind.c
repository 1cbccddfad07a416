/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Callgrind's profile format (Valgrind's manual, "Callgrind Format Specification"), for
 * KCachegrind, QCachegrind and callgrind_annotate.
 *
 * The format knows functions with the cost of their lines, and calls with what they cost in all. A
 * function that calls itself would be counted several times; so, as callgrind does with
 * --separate-recs, its second occurrence in a stack is a function of its own, "name'2". Calls are
 * not counted by sampling: each stands for the samples that were seen in it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "export/export.h"
#include "export/intern.h"
#include "export/text.h"

#define PROCESS " (process)" /* behind its name: a function that calls the outermost ones */

/* A function, in the n-th occurrence in its stack. */
struct function {
	uint32_t module, file, name; /* strings */
	uint32_t level;		     /* from 1 on */
};

struct cost {
	uint64_t samples, value;
};

/* What a line of a function costs: its own, or that of the calls from it to another function. */
struct line_cost {
	uint32_t function;
	uint32_t line;
	uint32_t callee; /* function; EGRET_INDEX_NONE: own cost */
	uint32_t next;	 /* not part of the key: the next of the function */
	struct cost cost;
};

/* A function of the stack under way. */
struct place {
	uint32_t function;
	uint32_t line;
};

struct callgrind {
	const struct egret_export_opts *opts;
	struct egret_arena texts;
	struct egret_interned strings, functions, costs;
	struct egret_buffer places; /* struct place, root first */
	struct cost all;
	FILE *out;
};

/* ---- what costs what ------------------------------------------------------------------------ */

static uint32_t string(struct callgrind *c, const char *text)
{
	const char *clean = egret_text_clean(&c->texts, text);

	return clean ? egret_interned_put_string(&c->strings, clean) : EGRET_INDEX_NONE;
}

/* callgrind_annotate adds up what has one name and one file, whatever module it is in. */
static bool is_same(const struct callgrind *c, uint32_t a, const struct function *b)
{
	const struct function *function = egret_interned_item(&c->functions, a);

	return function->name == b->name && function->file == b->file;
}

/* The function of a frame, after the places that are there. */
static uint32_t function_of(struct callgrind *c, const struct egret_frame *frame)
{
	const struct place *places = (const struct place *)c->places.data;
	struct function function = {
		.module = string(c, frame->module),
		.file = string(c, frame->file),
		.name = string(c, frame->name),
		.level = 1,
	};

	if (function.module == EGRET_INDEX_NONE || function.file == EGRET_INDEX_NONE ||
	    function.name == EGRET_INDEX_NONE)
		return EGRET_INDEX_NONE;
	for (size_t i = 0; i < c->places.len / sizeof(*places); i++)
		function.level += is_same(c, places[i].function, &function);
	return egret_interned_put(&c->functions, &function);
}

static int add_cost(struct callgrind *c, const struct place *place, uint32_t callee,
		    const struct cost *cost)
{
	struct line_cost key = { .function = place->function,
				 .line = place->line,
				 .callee = callee };
	uint32_t number = egret_interned_put(&c->costs, &key);
	struct line_cost *sum;

	if (number == EGRET_INDEX_NONE)
		return -ENOMEM;
	sum = egret_interned_item(&c->costs, number);
	sum->cost.samples += cost->samples;
	sum->cost.value += cost->value;
	return 0;
}

static int add_place(struct callgrind *c, const struct egret_frame *frame)
{
	struct place place = { .function = function_of(c, frame), .line = frame->line };

	if (place.function == EGRET_INDEX_NONE)
		return -ENOMEM;
	egret_buffer_add(&c->places, &place, sizeof(place));
	return c->places.failed ? -ENOMEM : 0;
}

/* Readers take what the calls of a function cost for its total: the outermost is called, too. */
static int add_process(struct callgrind *c, const struct egret_thread *thread)
{
	struct egret_buffer name = { 0 };
	struct egret_frame frame = { .module = "" };

	egret_buffer_printf(&name, "%s" PROCESS, thread->process);
	egret_buffer_add(&name, "", 1);
	frame.name = name.failed ? NULL
				 : egret_arena_text(&c->texts, (char *)name.data, name.len - 1);
	egret_buffer_deinit(&name);
	return frame.name ? add_place(c, &frame) : -ENOMEM;
}

/* The process and the functions of a stack, root first, into c->places. */
static int find_places(struct callgrind *c, const struct egret_stack *stack)
{
	int ret;

	egret_buffer_clear(&c->places);
	ret = add_process(c, stack->thread);
	for (size_t i = stack->n_frames; i-- && !ret;) {
		const struct egret_frame *frame = stack->frames[i];

		if (!c->opts->no_kernel || frame->kind != EGRET_FRAME_KERNEL)
			ret = add_place(c, frame);
	}
	return ret;
}

static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct callgrind *c = arg;
	struct cost cost = { stack->samples, stack->value };
	const struct place *places;
	size_t n;
	int ret;

	if (stack->event != c->opts->event)
		return 0;
	c->all.samples += cost.samples;
	c->all.value += cost.value;
	ret = find_places(c, stack);
	places = (const struct place *)c->places.data;
	n = c->places.len / sizeof(*places);
	for (size_t i = 0; !ret && i < n; i++)
		ret = add_cost(c, &places[i], i + 1 < n ? places[i + 1].function : EGRET_INDEX_NONE,
			       &cost);
	return ret;
}

/* ---- writing -------------------------------------------------------------------------------- */

static const char *text_of(const struct callgrind *c, uint32_t string)
{
	const char *text = ((const char *const *)c->strings.items)[string];

	return *text ? text : "???"; /* callgrind's own word for what is not known */
}

static void print_function(struct callgrind *c, const char *prefix, uint32_t number)
{
	const struct function *f = egret_interned_item(&c->functions, number);
	bool is_callee = *prefix;

	fprintf(c->out, "%sob=(%u) %s\n", prefix, f->module + 1, text_of(c, f->module));
	fprintf(c->out, "%s=(%u) %s\n", is_callee ? "cfi" : "fl", f->file + 1, text_of(c, f->file));
	fprintf(c->out, "%sfn=(%u) %s", prefix, number + 1, text_of(c, f->name));
	if (f->level > 1)
		fprintf(c->out, "'%u", f->level);
	putc('\n', c->out);
}

static void print_cost(struct callgrind *c, const struct line_cost *cost)
{
	if (cost->callee != EGRET_INDEX_NONE) {
		print_function(c, "c", cost->callee);
		fprintf(c->out, "calls=%" PRIu64 " 0\n", cost->cost.samples);
	}
	fprintf(c->out, "%u %" PRIu64 " %" PRIu64 "\n", cost->line, cost->cost.samples,
		cost->cost.value);
}

/* Links the costs of each function: heads[function] is its first. */
static uint32_t *link_costs(struct callgrind *c)
{
	uint32_t *heads = malloc((c->functions.n + 1) * sizeof(*heads));

	if (!heads)
		return NULL;
	memset(heads, 0xff, (c->functions.n + 1) * sizeof(*heads));
	for (uint32_t i = (uint32_t)c->costs.n; i--;) {
		struct line_cost *cost = egret_interned_item(&c->costs, i);

		cost->next = heads[cost->function];
		heads[cost->function] = i;
	}
	return heads;
}

/* A name of an event is one word. */
static void print_events(struct callgrind *c, const struct egret_event *event)
{
	fprintf(c->out, "events: Samples ");
	for (const char *p = event && *event->name ? event->name : "value"; *p; p++)
		putc(strchr(" \t:+*-/", *p) ? '_' : *p, c->out);
	putc('\n', c->out);
}

static int print_all(struct callgrind *c, const struct egret_profile *profile)
{
	const char *command = egret_text_clean(&c->texts, egret_profile__meta(profile, "command"));
	__free_ uint32_t *heads = link_costs(c);

	if (!heads || !command)
		return -ENOMEM;
	fprintf(c->out, "# callgrind format\nversion: 1\ncreator: egret %s\ncmd: %s\n",
		egret_version(), command);
	fprintf(c->out, "positions: line\n");
	print_events(c, egret_profile__event(profile, c->opts->event));
	fprintf(c->out, "summary: %" PRIu64 " %" PRIu64 "\n", c->all.samples, c->all.value);
	for (uint32_t f = 0; f < c->functions.n; f++) {
		putc('\n', c->out);
		print_function(c, "", f);
		for (uint32_t i = heads[f]; i != EGRET_INDEX_NONE;) {
			const struct line_cost *cost = egret_interned_item(&c->costs, i);

			print_cost(c, cost);
			i = cost->next;
		}
	}
	return 0;
}

static int write_callgrind(const struct egret_profile *profile,
			   const struct egret_export_opts *opts, FILE *out, struct egret_error *err)
{
	struct callgrind c = { .opts = opts, .out = out };
	int ret;

	egret_interned_init(&c.strings, sizeof(const char *), sizeof(const char *));
	egret_interned_init(&c.functions, sizeof(struct function), sizeof(struct function));
	egret_interned_init(&c.costs, sizeof(struct line_cost), offsetof(struct line_cost, next));
	ret = egret_profile__each_stack(profile, add_stack, &c);
	if (!ret)
		ret = print_all(&c, profile);
	egret_interned_deinit(&c.strings);
	egret_interned_deinit(&c.functions);
	egret_interned_deinit(&c.costs);
	egret_buffer_deinit(&c.places);
	egret_arena_deinit(&c.texts);
	return ret ? egret_fail(err, ENOMEM, "not enough memory for the callgrind file") : 0;
}

const struct egret_exporter egret_exporter_callgrind = {
	.name = "callgrind",
	.text = "Callgrind's format, for KCachegrind and callgrind_annotate",
	.write = write_callgrind,
};
