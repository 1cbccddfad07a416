/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * unwind_bench FILE: what each engine costs on the stacks of a recording made with --raw, and what
 * compiling tables costs.
 * unwind_bench FILE ENGINE: one pass by one engine in measured_pass(), for callgrind.
 *
 * cold: the first pass over all samples, with nothing known of any file. warm: the second one, in
 * which the rows are known and the stacks come from memory. hot: one stack again and again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <egret/egret.h>

#include "maps/processes.h"
#include "unwind/engines.h"
#include "unwind/table_module.h"

#define MAX_FRAMES 2048
#define STACK_MAX (256u << 10)
#define MAX_MAPS 24
#define MAX_MODULES 256
#define HOT_ROUNDS 200

/* ---- the samples ---------------------------------------------------------------------------- */

struct code_range {
	uint64_t start, end, bias;
	int module; /* -1: none */
};

struct sample {
	struct egret_unwind_regs regs;
	uint8_t *stack;
	uint64_t len;
	uint64_t code_number;
	struct code_range maps[MAX_MAPS];
	int n_maps, last;
};

static struct sample *samples;
static size_t n_samples;

/* The files, as the replay loads them. */
static struct {
	const struct egret_elf *elf, *debug;
	struct egret_unwind_module *module; /* of the engine that is measured */
} modules[MAX_MODULES];
static int n_modules;

static uint64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	const struct sample *s = arg;
	uint64_t into = addr - s->regs.r[EGRET_UNWIND_RSP];

	if (into > s->len - 8)
		return -EFAULT;
	memcpy(value, s->stack + into, 8);
	return 0;
}

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	struct sample *s = arg;

	for (int n = 0, i = s->last; n < s->n_maps; n++, i = i + 1 < s->n_maps ? i + 1 : 0) {
		const struct code_range *m = &s->maps[i];

		if (pc < m->start || pc >= m->end)
			continue;
		s->last = i;
		*code = (struct egret_code){ .module = m->module < 0 ? NULL
								     : modules[m->module].module,
					     .bias = m->bias };
		return true;
	}
	return false;
}

/* ---- an engine that keeps what it is given -------------------------------------------------- */

struct egret_unwinder {
	char unused;
};
struct egret_unwind_module {
	int number;
};

/* The measured engines' modules are others. */
static struct egret_unwind_module numbers[MAX_MODULES];

static int keep_create(struct egret_unwinder **out, struct egret_error *err)
{
	*out = calloc(1, sizeof(**out));
	return 0;
}

static void keep_destroy(struct egret_unwinder *u)
{
	free(u);
}

static int keep_load(struct egret_unwinder *u, const struct egret_elf *elf,
		     const struct egret_elf *debug, struct egret_unwind_module **out)
{
	if (n_modules == MAX_MODULES)
		return -ENOMEM;
	modules[n_modules].elf = elf;
	modules[n_modules].debug = debug;
	numbers[n_modules].number = n_modules;
	*out = &numbers[n_modules++];
	return 0;
}

static void measure_all(void);
static bool is_measured;

/* The files go when the replay ends, so all is measured before the first of them does. */
static void keep_unload(struct egret_unwinder *u, struct egret_unwind_module *module)
{
	if (!is_measured)
		measure_all();
	is_measured = true;
}

static void keep_code(struct sample *s, const struct egret_code *code)
{
	const struct egret_mapping *m = (const void *)(uintptr_t)code->cookie;

	for (int i = 0; i < s->n_maps; i++)
		if (m->start == s->maps[i].start)
			return;
	if (s->n_maps < MAX_MAPS)
		s->maps[s->n_maps++] = (struct code_range){ m->start, m->end, code->bias,
							    code->module ? code->module->number
									 : -1 };
}

/* Everything that looks like a program counter in the sample, so that all its mappings are kept. */
static struct egret_unwind_result keep(struct egret_unwinder *u,
				       const struct egret_unwind_request *request)
{
	static uint8_t copy[STACK_MAX];
	struct sample *s;
	struct egret_code code;
	uint64_t len = 0, word, sp = request->regs.r[EGRET_UNWIND_RSP];

	while (len < STACK_MAX && !request->read_stack(request->arg, sp + len, &word)) {
		memcpy(copy + len, &word, 8);
		len += 8;
	}
	samples = reallocarray(samples, n_samples + 1, sizeof(*samples));
	s = &samples[n_samples];
	*s = (struct sample){ .regs = request->regs,
			      .code_number = request->code_number,
			      .len = len,
			      .stack = malloc(len + 8) };
	memcpy(s->stack, copy, len);
	for (uint64_t i = 0; i < len; i += 8) {
		memcpy(&word, copy + i, 8);
		if (request->find_code(request->arg, word, &code))
			keep_code(s, &code);
	}
	if (request->find_code(request->arg, request->regs.r[EGRET_UNWIND_RIP], &code))
		keep_code(s, &code);
	n_samples += len >= 64;
	request->frames[0] =
		(struct egret_unwound_frame){ .pc = request->regs.r[EGRET_UNWIND_RIP] };
	return (struct egret_unwind_result){ 1, EGRET_UNWIND_ROOT };
}

static const struct egret_unwind_engine keeper = {
	.name = "keep",
	.text = "",
	.create = keep_create,
	.destroy = keep_destroy,
	.module_load = keep_load,
	.module_unload = keep_unload,
	.unwind = keep,
};
const struct egret_unwind_engine *const egret_unwind_engines[] = { &keeper, NULL };
const struct egret_unwind_engine *egret_unwind_engine_find(const char *name)
{
	return &keeper;
}

/* ---- measuring ------------------------------------------------------------------------------ */

static struct egret_unwound_frame frames[MAX_FRAMES];
static const char *only_engine;

struct totals {
	uint64_t frames, rooted;
};

static void unwind_one(const struct egret_unwind_engine *engine, struct egret_unwinder *u,
		       struct sample *s, struct totals *t)
{
	const struct egret_stack_run run = { s->regs.r[EGRET_UNWIND_RSP], s->len, s->stack };
	struct egret_unwind_request request = { .regs = s->regs,
						.read_stack = read_stack,
						.find_code = find_code,
						.arg = s,
						.runs = &run,
						.n_runs = 1,
						.code_number = s->code_number,
						.frames = frames,
						.max_frames = MAX_FRAMES };
	struct egret_unwind_result r = engine->unwind(u, &request);

	t->frames += r.n_frames;
	t->rooted += r.end == EGRET_UNWIND_ROOT;
}

static void all_samples(const struct egret_unwind_engine *engine, struct egret_unwinder *u,
			struct totals *t)
{
	for (size_t i = 0; i < n_samples; i++)
		unwind_one(engine, u, &samples[i], t);
}

/* What callgrind counts. */
__attribute__((noinline)) void measured_pass(const struct egret_unwind_engine *engine,
					     struct egret_unwinder *u, struct totals *t);
void measured_pass(const struct egret_unwind_engine *engine, struct egret_unwinder *u,
		   struct totals *t)
{
	all_samples(engine, u, t);
}

static void print_pass(const char *what, uint64_t ns, const struct totals *t, uint64_t stacks)
{
	printf("  %-5s %8.1f ns a frame %9.2f us a stack\n", what, (double)ns / (double)t->frames,
	       (double)ns / 1000 / (double)stacks);
}

static void measure(const struct egret_unwind_engine *engine)
{
	struct totals t = { 0 }, all = { 0 };
	struct egret_unwinder *u;
	uint64_t start, first;

	if (engine->create(&u, NULL))
		return;
	for (int i = 0; i < n_modules; i++)
		if (engine->module_load(u, modules[i].elf, modules[i].debug, &modules[i].module))
			modules[i].module = NULL;
	if (only_engine) {
		all_samples(engine, u, &t);
		all_samples(engine, u, &t);
		measured_pass(engine, u, &all);
		printf("%s: %zu stacks, %" PRIu64 " frames\n", engine->name, n_samples, all.frames);
		goto out;
	}
	start = nanoseconds();
	unwind_one(engine, u, &samples[0], &t);
	first = nanoseconds() - start;
	for (size_t i = 1; i < n_samples; i++)
		unwind_one(engine, u, &samples[i], &t);
	printf("%s: %zu stacks, %" PRIu64 " frames, %" PRIu64
	       " to a root, the first after %.2f ms\n",
	       engine->name, n_samples, t.frames, t.rooted, (double)first / 1e6);
	print_pass("cold", nanoseconds() - start, &t, n_samples);
	t = (struct totals){ 0 };
	start = nanoseconds();
	all_samples(engine, u, &t);
	print_pass("warm", nanoseconds() - start, &t, n_samples);
	t = (struct totals){ 0 };
	start = nanoseconds();
	for (int i = 0; i < HOT_ROUNDS; i++)
		unwind_one(engine, u, &samples[n_samples / 2], &t);
	print_pass("hot", nanoseconds() - start, &t, HOT_ROUNDS);
out:
	for (int i = 0; i < n_modules; i++)
		engine->module_unload(u, modules[i].module);
	engine->destroy(u);
}

/* In a process of its own, for which the files' pages are as new as for any other. */
static void measure_apart(const struct egret_unwind_engine *engine)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		measure(engine);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* Compiles all of the largest file's .eh_frame. */
static void measure_compiler(void)
{
	struct egret_cfi_section section, largest = { 0 };
	const char *name = "";
	struct egret_cfi_index index;
	struct egret_table *table;
	uint64_t start, middle, end;

	for (int i = 0; i < n_modules; i++) {
		if (egret_cfi_section_eh_frame(modules[i].elf, &section) ||
		    section.size <= largest.size)
			continue;
		largest = section;
		name = egret_elf_name(modules[i].elf);
	}
	if (!largest.size)
		return;
	start = nanoseconds();
	if (egret_cfi_index_init(&index, &largest))
		return;
	middle = nanoseconds();
	if (!egret_table_compile(&index, NULL, largest.code_start, largest.code_end, &table)) {
		end = nanoseconds();
		printf("compiler: %s: %zu functions listed in %.2f ms, %u rows in %.2f ms, %.1f "
		       "million rows a second, %.2f bytes a row\n",
		       name, index.n, (double)(middle - start) / 1e6, table->n_rows,
		       (double)(end - middle) / 1e6,
		       (double)table->n_rows * 1e3 / (double)(end - middle),
		       (double)table->size / table->n_rows);
		free(table);
	}
	egret_cfi_index_deinit(&index);
}

static void measure_all(void)
{
	static const struct egret_unwind_engine *const engines[] = { &egret_engine_table,
								     &egret_engine_libdw,
								     &egret_engine_libunwind };

	if (!n_samples)
		return;
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++)
		if (only_engine && !strcmp(engines[i]->name, only_engine))
			measure(engines[i]);
		else if (!only_engine)
			measure_apart(engines[i]);
	if (!only_engine)
		measure_compiler();
}

int main(int argc, char **argv)
{
	struct egret_replay_opts opts = { .size = sizeof(opts), .max_frames = MAX_FRAMES };
	struct egret_error err = { "" };
	FILE *nothing = tmpfile();

	if (argc < 2 || !nothing)
		return 2;
	only_engine = argc > 2 ? argv[2] : NULL;
	if (egret_replay(argv[1], fileno(nothing), &opts, &err)) {
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
		return 1;
	}
	return 0;
}
