/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Frames and stacks as people see them.
 *
 * A frame of the profile becomes one struct egret_frame per line of its symbol, made when it is
 * first asked for and kept: stacks share frames, and the names have to live as long as the profile.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/path.h"
#include "bpf/reasons.h"
#include "profile/profile_tables.h"

/* The public frames of one frame of the profile, innermost first. */
struct expansion {
	struct egret_frame *frames; /* NULL: not made yet */
	size_t n;
};

struct egret_profile_view {
	struct egret_arena arena;
	struct expansion *expansions; /* by frame */
	size_t n;
	struct egret_label **label_sets; /* by set; NULL: not made yet */
	size_t n_label_sets;
};

struct egret_profile_view *egret_profile_view_create(void)
{
	return calloc(1, sizeof(struct egret_profile_view));
}

void egret_profile_view_destroy(struct egret_profile_view *view)
{
	if (!view)
		return;
	free(view->expansions);
	free(view->label_sets);
	egret_arena_deinit(&view->arena);
	free(view);
}

void egret_profile_view_forget(struct egret_profile_view *view, uint32_t frame)
{
	if (frame < view->n)
		view->expansions[frame].frames = NULL;
}

static int view_reach(struct egret_profile_view *view, size_t n)
{
	struct expansion *larger;

	if (n <= view->n)
		return 0;
	larger = realloc(view->expansions, n * sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	memset(larger + view->n, 0, (n - view->n) * sizeof(*larger));
	view->expansions = larger;
	view->n = n;
	return 0;
}

static uint32_t public_kind(uint32_t module_kind)
{
	switch (module_kind) {
	case EGRET_MODULE_KERNEL:
		return EGRET_FRAME_KERNEL;
	case EGRET_MODULE_JIT:
		return EGRET_FRAME_JIT;
	case EGRET_MODULE_VDSO:
		return EGRET_FRAME_VDSO;
	case EGRET_MODULE_CUT:
		return EGRET_FRAME_CUT;
	default:
		return EGRET_FRAME_USER;
	}
}

static const char *public_module(const struct egret_profile *p,
				 const struct egret_profile_module *module)
{
	const char *path = p->strings.items[module->path];

	if (module->kind == EGRET_MODULE_CUT)
		return "";
	if (*path)
		return path;
	switch (module->kind) {
	case EGRET_MODULE_KERNEL:
		return "[kernel.kallsyms]";
	case EGRET_MODULE_JIT:
		return "[jit]";
	case EGRET_MODULE_VDSO:
		return "[vdso]";
	default:
		return "[unknown]";
	}
}

/* "[cut: REASON]". An ending that a newer egret has added shows as its number. */
static int print_cut(char *to, size_t size, uint64_t offset)
{
	unsigned int capture_end = (offset >> 8) & 0xff;
	unsigned int unwind_end = offset & 0xff;
	bool whole = capture_end == EGRET_CAPTURE_WHOLE;
	const char *name = whole ? egret_unwind_end_name(unwind_end)
				 : egret_capture_end_name(capture_end);

	if (name)
		return snprintf(to, size, "[cut: %s]", name);
	return snprintf(to, size, "[cut: %s ending %u]", whole ? "unwind" : "capture",
			whole ? unwind_end : capture_end);
}

static int print_name(char *to, size_t size, const struct egret_profile *p,
		      const struct egret_profile_module *module, uint64_t offset)
{
	const char *name = egret_file_name(public_module(p, module));

	switch (module->kind) {
	case EGRET_MODULE_CUT:
		return print_cut(to, size, offset);
	case EGRET_MODULE_KERNEL:
		name = "kernel";
		break;
	case EGRET_MODULE_JIT:
		name = "jit";
		break;
	case EGRET_MODULE_UNMAPPED:
		name = "unknown";
		break;
	case EGRET_MODULE_VDSO:
		name = "vdso";
		break;
	default:
		if (!strcmp(name, "[unknown]"))
			name = "unknown";
		break;
	}
	return snprintf(to, size, "[%s+0x%" PRIx64 "]", name, offset);
}

/* What a frame is called whose symbol is not known. NULL without memory. */
static const char *made_name(const struct egret_profile *p, struct egret_arena *arena,
			     const struct egret_profile_module *module, uint64_t offset)
{
	int len = print_name(NULL, 0, p, module, offset);
	char *name = len < 0 ? NULL : egret_arena_alloc(arena, (size_t)len + 1);

	if (name)
		print_name(name, (size_t)len + 1, p, module, offset);
	return name;
}

static int expand(const struct egret_profile *p, uint32_t number, struct expansion *to)
{
	const struct egret_profile_frame *f = &p->frames.items[number];
	const struct egret_profile_module *module = &p->modules.items[f->module];
	const struct egret_profile_line *lines;
	struct egret_frame *frames;
	size_t n_lines;

	lines = egret_profile_get_lines(p, number, &n_lines);
	to->n = lines ? n_lines : 1;
	frames = egret_arena_alloc(&p->view->arena, to->n * sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	for (size_t i = 0; i < to->n; i++) {
		struct egret_frame *frame = &frames[i];

		frame->module = public_module(p, module);
		frame->offset = f->offset;
		frame->kind = public_kind(module->kind);
		frame->flags = f->flags & ~(EGRET_FRAME_F_INLINED | EGRET_FRAME_F_UNNAMED);
		if (i + 1 < to->n)
			frame->flags |= EGRET_FRAME_F_INLINED;
		if (lines && lines[i].name) {
			frame->name = p->strings.items[lines[i].name];
			frame->flags |= lines[i].flags & EGRET_FRAME_F_UNNAMED;
			frame->file = lines[i].file ? p->strings.items[lines[i].file] : NULL;
			frame->line = lines[i].line;
			continue;
		}
		frame->name = made_name(p, &p->view->arena, module, f->offset);
		if (!frame->name)
			return -ENOMEM;
		if (frame->kind != EGRET_FRAME_CUT) {
			frame->flags |= EGRET_FRAME_F_UNNAMED;
			frame->why = egret_profile_get_reason(p, number);
		}
	}
	to->frames = frames;
	return 0;
}

const struct egret_frame *egret_profile_frames_at(const struct egret_profile *p, uint32_t frame,
						  size_t *n)
{
	struct expansion *expansion;

	if (view_reach(p->view, p->frames.n))
		return NULL;
	expansion = &p->view->expansions[frame];
	if (!expansion->frames && expand(p, frame, expansion))
		return NULL;
	*n = expansion->n;
	return expansion->frames;
}

/* The frames of the stack under way; grows to the largest one. */
struct frame_list {
	const struct egret_frame **frames;
	size_t n;
	size_t capacity;
};

static int append(struct frame_list *list, const struct expansion *expansion)
{
	if (list->capacity - list->n < expansion->n) {
		size_t larger = list->capacity * 2 + expansion->n + 64;
		const struct egret_frame **frames;

		frames = realloc(list->frames, larger * sizeof(*frames));
		if (!frames)
			return -ENOMEM;
		list->frames = frames;
		list->capacity = larger;
	}
	for (size_t i = 0; i < expansion->n; i++)
		list->frames[list->n++] = &expansion->frames[i];
	return 0;
}

/* From the leaf to the root: parents have smaller numbers, so this ends. */
static int collect(const struct egret_profile *p, uint32_t stack, struct frame_list *list)
{
	list->n = 0;
	while (stack) {
		struct egret_profile_node node = p->stacks.items[stack];
		struct expansion *expansion = &p->view->expansions[node.frame];
		int ret = expansion->frames ? 0 : expand(p, node.frame, expansion);

		if (!ret)
			ret = append(list, expansion);
		if (ret)
			return ret;
		stack = node.parent;
	}
	return 0;
}

static int label_sets_reach(struct egret_profile_view *view, size_t n)
{
	struct egret_label **larger;

	if (n <= view->n_label_sets)
		return 0;
	larger = reallocarray(view->label_sets, n, sizeof(struct egret_label *));
	if (!larger)
		return -ENOMEM;
	memset(larger + view->n_label_sets, 0, (n - view->n_label_sets) * sizeof(*larger));
	view->label_sets = larger;
	view->n_label_sets = n;
	return 0;
}

const struct egret_label *egret_profile_labels_at(const struct egret_profile *p, uint32_t set,
						  size_t *n)
{
	struct egret_profile_view *view = p->view;
	const struct egret_profile_label *labels = egret_profile_get_label_set(p, set, n);
	struct egret_label *made;

	if (!*n || label_sets_reach(view, p->label_sets.n))
		return NULL;
	if (view->label_sets[set])
		return view->label_sets[set];
	made = egret_arena_alloc(&view->arena, *n * sizeof(*made));
	for (size_t i = 0; made && i < *n; i++)
		made[i] = (struct egret_label){ .key = p->strings.items[labels[i].key],
						.value = p->strings.items[labels[i].value] };
	view->label_sets[set] = made;
	return made;
}

int egret_profile_thread_at(const struct egret_profile *p, uint32_t thread,
			    struct egret_thread *out)
{
	const struct egret_profile_thread *t = &p->threads.items[thread];
	size_t n;
	const struct egret_label *labels =
		egret_profile_labels_at(p, egret_profile_get_thread_labels(p, thread), &n);

	*out = (struct egret_thread){
		.process = p->strings.items[t->process],
		.comm = p->strings.items[t->comm],
		.pid = t->pid,
		.tid = t->tid,
		.cgroup = p->strings.items[egret_profile_get_cgroup(p, thread)],
		.labels = labels,
		.n_labels = n,
	};
	return n && !labels ? -ENOMEM : 0;
}

static struct egret_stack public_stack(const struct egret_profile_entry *entry,
				       const struct egret_thread *thread,
				       const struct frame_list *list)
{
	return (struct egret_stack){
		.thread = thread,
		.frames = list->frames,
		.n_frames = list->n,
		.samples = entry->values.samples,
		.value = entry->values.value,
		.bytes_wanted = entry->values.bytes_wanted,
		.bytes_got = entry->values.bytes_got,
		.event = entry->key.event,
		.capture_end = entry->key.capture_end,
		.unwind_end = entry->key.unwind_end,
	};
}

int egret_profile__each_stack(const struct egret_profile *p, egret_stack_fn fn, void *arg)
{
	struct frame_list list = { 0 };
	int ret = view_reach(p->view, p->frames.n);

	for (size_t i = 0; !ret && i < p->entries.n; i++) {
		const struct egret_profile_entry *entry = &p->entries.items[i];
		struct egret_thread thread;
		struct egret_stack stack;

		ret = egret_profile_thread_at(p, entry->key.thread, &thread);
		if (!ret)
			ret = collect(p, entry->key.stack, &list);
		if (ret)
			break;
		stack = public_stack(entry, &thread, &list);
		ret = fn(&stack, arg);
	}
	free(list.frames);
	return ret;
}

int egret_profile__each_sample(const struct egret_profile *p, egret_sample_fn fn, void *arg)
{
	struct frame_list list = { 0 };
	uint32_t last = UINT32_MAX; /* the entry that list, thread and stack are of */
	struct egret_thread thread;
	struct egret_stack stack;
	int ret = p->keeps_samples ? view_reach(p->view, p->frames.n) : -ENODATA;

	for (size_t i = 0; !ret && i < p->samples.n; i++) {
		const struct egret_profile_sample *s = &p->samples.items[i];
		const struct egret_profile_entry *entry = &p->entries.items[s->entry];
		struct egret_sample sample = {
			.stack = &stack, .time = s->time, .value = s->value, .cpu = s->cpu
		};

		if (s->entry != last)
			ret = collect(p, entry->key.stack, &list);
		if (!ret)
			ret = egret_profile_thread_at(p, entry->key.thread, &thread);
		if (ret)
			break;
		last = s->entry;
		stack = public_stack(entry, &thread, &list);
		ret = fn(&sample, arg);
	}
	free(list.frames);
	return ret;
}

bool egret_profile__times(const struct egret_profile *p, uint64_t *first, uint64_t *last)
{
	if (!p->samples.n)
		return false;
	*first = p->samples.items[0].time;
	*last = p->samples.items[p->samples.n - 1].time;
	return true;
}
