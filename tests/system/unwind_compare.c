/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * unwind_compare: unwinds each stack of a recording made with --raw by two engines, and compares.
 *
 *   unwind_compare FILE [ENGINE OTHER]   (table libdw)
 *
 * Prints each different kind of difference, and of an end that is no root, with how often it was
 * met, and a last line:
 * stacks=N frames=N rooted=N other_rooted=N differ=N worse=N
 * differ: stacks that OTHER brought to a root, and ENGINE unwound otherwise; worse: those of them
 * that ENGINE did not bring to a root.
 *
 * This program's own egret_unwind_engine_find is linked in place of the library's, so that the
 * replay unwinds by an engine that is both.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <egret/egret.h>

#include "maps/processes.h"
#include "unwind/engines.h"
#include "unwind/unwind.h"

#define N_ENGINES 2
#define MAX_FRAMES 2048
#define MAX_KINDS 200

static const struct egret_unwind_engine *engines[N_ENGINES];
static const struct egret_unwind_engine both;

const struct egret_unwind_engine *const egret_unwind_engines[] = { &both, NULL };
const struct egret_unwind_engine *egret_unwind_engine_find(const char *name)
{
	return &both;
}

static struct {
	uint64_t stacks, frames, rooted, other_rooted, differ, worse;
} counts;

/* Differences, by the frame before the first that differs, and the endings. */
static struct kind {
	char text[400];
	uint64_t n;
} kinds[MAX_KINDS];
static size_t n_kinds;

struct egret_unwinder {
	struct egret_unwinder *of[N_ENGINES];
	struct egret_unwound_frame frames[N_ENGINES][MAX_FRAMES];
};

struct egret_unwind_module {
	struct egret_unwind_module *of[N_ENGINES];
};

static int create(struct egret_unwinder **out, struct egret_error *err)
{
	int ret = 0;

	*out = calloc(1, sizeof(**out));
	for (int i = 0; i < N_ENGINES; i++)
		ret |= engines[i]->create(&(*out)->of[i], err);
	return ret;
}

static void destroy(struct egret_unwinder *u)
{
	for (int i = 0; i < N_ENGINES; i++)
		engines[i]->destroy(u->of[i]);
	free(u);
}

static int module_load(struct egret_unwinder *u, const struct egret_elf *elf,
		       const struct egret_elf *debug, struct egret_unwind_module **out)
{
	*out = calloc(1, sizeof(**out));
	for (int i = 0; i < N_ENGINES; i++)
		if (engines[i]->module_load(u->of[i], elf, debug, &(*out)->of[i]))
			(*out)->of[i] = NULL;
	return 0;
}

static void module_unload(struct egret_unwinder *u, struct egret_unwind_module *module)
{
	for (int i = 0; i < N_ENGINES; i++)
		engines[i]->module_unload(u->of[i], module->of[i]);
	free(module);
}

/* The session's callbacks, for one of the engines. */
struct view {
	const struct egret_unwind_request *request;
	int engine;
};

static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	const struct view *view = arg;

	return view->request->read_stack(view->request->arg, addr, value);
}

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	const struct view *view = arg;
	bool found = view->request->find_code(view->request->arg, pc, code);

	if (found && code->module)
		code->module = code->module->of[view->engine];
	return found;
}

static bool read_text(void *arg, uint64_t pc, struct egret_text *text)
{
	const struct view *view = arg;

	return view->request->read_text(view->request->arg, pc, text);
}

static void describe(char *to, size_t size, const struct egret_unwound_frame *frame)
{
	const struct egret_mapping *m = (const void *)(uintptr_t)frame->cookie;
	const char *name = m ? strrchr(m->module->path, '/') : NULL;

	snprintf(to, size, "%s+%#" PRIx64 "/%x",
		 name ? name + 1
		 : m  ? m->module->path
		      : "?",
		 m ? frame->pc - m->start + m->pgoff : frame->pc, frame->flags);
}

static void count_kind(const char *text)
{
	size_t i = 0;

	while (i < n_kinds && strcmp(kinds[i].text, text))
		i++;
	if (i == MAX_KINDS)
		return;
	if (i == n_kinds)
		snprintf(kinds[n_kinds++].text, sizeof(kinds[0].text), "%s", text);
	kinds[i].n++;
}

static void compare(const struct egret_unwinder *u, const struct egret_unwind_result *r)
{
	char before[120] = "leaf", frame[N_ENGINES][120] = { "end", "end" }, text[400];
	size_t i = 0;

	while (i < r[0].n_frames && i < r[1].n_frames && u->frames[0][i].pc == u->frames[1][i].pc &&
	       u->frames[0][i].flags == u->frames[1][i].flags)
		i++;
	if (i == r[0].n_frames && i == r[1].n_frames && r[0].end == r[1].end)
		return;
	if (r[1].end == EGRET_UNWIND_ROOT) {
		counts.differ++;
		counts.worse += r[0].end != EGRET_UNWIND_ROOT;
	}
	if (i)
		describe(before, sizeof(before), &u->frames[0][i - 1]);
	for (int e = 0; e < N_ENGINES; e++)
		if (i < r[e].n_frames)
			describe(frame[e], sizeof(frame[e]), &u->frames[e][i]);
	snprintf(text, sizeof(text), "after %s: %s %s (%s) and %s %s (%s)", before,
		 engines[0]->name, frame[0], egret_unwind_end_name((int)r[0].end), engines[1]->name,
		 frame[1], egret_unwind_end_name((int)r[1].end));
	count_kind(text);
}

/* Where ENGINE stops short of a root. */
static void count_end(const struct egret_unwinder *u, const struct egret_unwind_result *r)
{
	char last[120], text[200];

	if (r->end == EGRET_UNWIND_ROOT)
		return;
	describe(last, sizeof(last), &u->frames[0][r->n_frames - 1]);
	snprintf(text, sizeof(text), "end after %s: %s", last, egret_unwind_end_name((int)r->end));
	count_kind(text);
}

static struct egret_unwind_result unwind(struct egret_unwinder *u,
					 const struct egret_unwind_request *request)
{
	struct egret_unwind_result r[N_ENGINES];

	for (int i = 0; i < N_ENGINES; i++) {
		struct view view = { request, i };
		struct egret_unwind_request mine = *request;

		mine.read_stack = read_stack;
		mine.find_code = find_code;
		if (request->read_text)
			mine.read_text = read_text;
		mine.arg = &view;
		mine.frames = u->frames[i];
		r[i] = engines[i]->unwind(u->of[i], &mine);
	}
	counts.stacks++;
	counts.frames += r[0].n_frames;
	counts.rooted += r[0].end == EGRET_UNWIND_ROOT;
	counts.other_rooted += r[1].end == EGRET_UNWIND_ROOT;
	count_end(u, &r[0]);
	compare(u, r);
	memcpy(request->frames, u->frames[0], r[0].n_frames * sizeof(u->frames[0][0]));
	return r[0];
}

static const struct egret_unwind_engine both = {
	.name = "both",
	.text = "",
	.create = create,
	.destroy = destroy,
	.module_load = module_load,
	.module_unload = module_unload,
	.unwind = unwind,
};

static const struct egret_unwind_engine *engine_of(const char *name)
{
	static const struct egret_unwind_engine *const all[] = { &egret_engine_table,
								 &egret_engine_libdw,
								 &egret_engine_libunwind };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	fprintf(stderr, "no engine %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct egret_replay_opts opts = { .size = sizeof(opts), .max_frames = MAX_FRAMES };
	char path[] = "/tmp/unwind_compare.XXXXXX";
	struct egret_error err = { "" };
	int fd, ret;

	engines[0] = engine_of(argc > 3 ? argv[2] : "table");
	engines[1] = engine_of(argc > 3 ? argv[3] : "libdw");
	fd = mkstemp(path);
	if (argc < 2 || fd < 0)
		return 2;
	unlink(path);
	ret = egret_replay(argv[1], fd, &opts, &err);
	if (ret) {
		fprintf(stderr, "%s: %s\n", argv[1], err.text);
		return 1;
	}
	for (size_t i = 0; i < n_kinds; i++)
		printf("%" PRIu64 " %s\n", kinds[i].n, kinds[i].text);
	printf("stacks=%" PRIu64 " frames=%" PRIu64 " rooted=%" PRIu64 " other_rooted=%" PRIu64
	       " differ=%" PRIu64 " worse=%" PRIu64 "\n",
	       counts.stacks, counts.frames, counts.rooted, counts.other_rooted, counts.differ,
	       counts.worse);
	return 0;
}
