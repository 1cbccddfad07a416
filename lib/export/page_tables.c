/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Numbers of the profile are mapped to those of the page once each: what is looked up by its text
 * are frames and threads, not the stacks that they are in.
 */
#include "export/page_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "export/json.h"
#include "profile/profile.h"

/* What one profile adds to the tables. */
struct filling {
	struct egret_page_tables *tables;
	const struct egret_profile *profile;
	const struct egret_export_opts *opts;
	bool is_base;
	uint32_t *node_of;   /* by stack of the profile */
	uint32_t *thread_of; /* by thread of the profile */
	uint32_t *labels_of; /* by set of labels of the profile: a string */
	struct egret_buffer
		lists;	   /* uint32_t: page frames of profile frames, the outermost first */
	uint32_t *list_of; /* by frame of the profile: place in lists, of their number */
};

#define NOT_WANTED EGRET_INDEX_NONE
#define WANTED (EGRET_INDEX_NONE - 1)

static void widen_lines(struct egret_page_frame *frame, uint32_t line)
{
	if (!line)
		return;
	if (!frame->line_min || line < frame->line_min)
		frame->line_min = line;
	if (line > frame->line_max)
		frame->line_max = line;
}

static uint32_t put_frame(struct egret_page_tables *t, const struct egret_frame *f)
{
	struct egret_page_frame frame = {
		.name = egret_interned_put_string(&t->strings, f->name),
		.module = egret_interned_put_string(&t->strings, f->module),
		.file = egret_interned_put_string(&t->strings, f->file),
		.kind = f->kind,
		.flags = f->flags & (EGRET_FRAME_F_INLINED | EGRET_FRAME_F_UNNAMED),
		.ends = f->kind == EGRET_FRAME_CUT ? (uint32_t)f->offset & 0xffff : 0,
	};
	uint32_t number;

	if (frame.name == EGRET_INDEX_NONE || frame.module == EGRET_INDEX_NONE ||
	    frame.file == EGRET_INDEX_NONE)
		return EGRET_INDEX_NONE;
	number = egret_interned_put(&t->frames, &frame);
	if (number != EGRET_INDEX_NONE) {
		struct egret_page_frame *item = egret_interned_item(&t->frames, number);

		widen_lines(item, f->line);
		item->how |= f->flags & (EGRET_FRAME_F_FRAME_POINTER | EGRET_FRAME_F_RECOVERED);
	}
	return number;
}

/* The page frames of one frame of the profile, with what was inlined there. */
static int list_frames(struct filling *f, uint32_t frame)
{
	size_t n;
	const struct egret_frame *frames = egret_profile_frames_at(f->profile, frame, &n);
	size_t place = f->lists.len / sizeof(uint32_t);
	uint32_t number = 0;

	if (!frames)
		return -ENOMEM;
	egret_buffer_add(&f->lists, &number, sizeof(number));
	for (size_t i = n; i-- > 0;) {
		if (f->opts->no_kernel && frames[i].kind == EGRET_FRAME_KERNEL)
			continue;
		number = put_frame(f->tables, &frames[i]);
		if (number == EGRET_INDEX_NONE)
			return -ENOMEM;
		egret_buffer_add(&f->lists, &number, sizeof(number));
	}
	if (f->lists.failed)
		return -ENOMEM;
	((uint32_t *)f->lists.data)[place] =
		(uint32_t)(f->lists.len / sizeof(uint32_t) - place - 1);
	f->list_of[frame] = (uint32_t)place;
	return 0;
}

/* The node of a stack, below that of its parent. */
static int put_stack_node(struct filling *f, uint32_t stack)
{
	struct egret_profile_node of_profile = egret_profile_get_stack(f->profile, stack);
	struct egret_page_node node = { .parent = f->node_of[of_profile.parent] };
	const uint32_t *list;

	if (f->list_of[of_profile.frame] == NOT_WANTED && list_frames(f, of_profile.frame))
		return -ENOMEM;
	list = (const uint32_t *)f->lists.data + f->list_of[of_profile.frame];
	for (uint32_t i = 1; i <= list[0]; i++) {
		node.frame = list[i];
		node.parent = egret_interned_put(&f->tables->nodes, &node);
		if (node.parent == EGRET_INDEX_NONE)
			return -ENOMEM;
	}
	f->node_of[stack] = node.parent;
	return 0;
}

static uint32_t event_of(const struct filling *f)
{
	return f->is_base ? f->opts->base_event : f->opts->event;
}

/* Stacks of the event and their parents; a parent has a smaller number than its children. */
static int put_nodes(struct filling *f)
{
	size_t n_stacks = egret_profile_n_stacks(f->profile);

	for (uint32_t e = 0; e < egret_profile_n_entries(f->profile); e++) {
		const struct egret_profile_entry *entry = egret_profile_get_entry(f->profile, e);

		for (uint32_t s = entry->key.stack;
		     entry->key.event == event_of(f) && s && f->node_of[s] == NOT_WANTED;
		     s = egret_profile_get_stack(f->profile, s).parent)
			f->node_of[s] = WANTED;
	}
	f->node_of[0] = 0;
	for (uint32_t s = 1; s < n_stacks; s++)
		if (f->node_of[s] == WANTED && put_stack_node(f, s))
			return -ENOMEM;
	return 0;
}

/* A set of labels as the page wants it. NULL without memory. */
static const char *labels_text(struct filling *f, uint32_t set)
{
	struct egret_buffer text = { 0 };
	struct egret_json json = { .buffer = &text };
	const char *kept;
	size_t n;
	const struct egret_label *labels = egret_profile_labels_at(f->profile, set, &n);

	if (n && !labels)
		return NULL;
	egret_json_open_object(&json, NULL);
	for (size_t i = 0; i < n; i++)
		egret_json_text(&json, labels[i].key, labels[i].value);
	egret_json_close_object(&json);
	kept = text.failed ? NULL
			   : egret_arena_text(&f->tables->texts, (char *)text.data, text.len);
	egret_buffer_deinit(&text);
	return kept;
}

static uint32_t put_labels(struct filling *f, uint32_t thread)
{
	uint32_t set = egret_profile_get_thread_labels(f->profile, thread);
	const char *text;

	if (!set || f->labels_of[set] != NOT_WANTED)
		return set ? f->labels_of[set] : 0;
	text = labels_text(f, set);
	if (!text)
		return EGRET_INDEX_NONE;
	f->labels_of[set] = egret_interned_put_string(&f->tables->strings, text);
	return f->labels_of[set];
}

static uint32_t put_thread(struct filling *f, uint32_t thread)
{
	const struct egret_profile_thread *t = egret_profile_get_thread(f->profile, thread);
	struct egret_interned *strings = &f->tables->strings;
	struct egret_page_thread item = { .pid = t->pid, .tid = t->tid };

	if (f->thread_of[thread] != NOT_WANTED)
		return f->thread_of[thread];
	item.process = egret_interned_put_string(strings,
						 egret_profile_get_string(f->profile, t->process));
	item.comm = egret_interned_put_string(strings,
					      egret_profile_get_string(f->profile, t->comm));
	item.labels = put_labels(f, thread);
	if (item.process == EGRET_INDEX_NONE || item.comm == EGRET_INDEX_NONE ||
	    item.labels == EGRET_INDEX_NONE)
		return EGRET_INDEX_NONE;
	f->thread_of[thread] = egret_interned_put(&f->tables->threads, &item);
	return f->thread_of[thread];
}

static void add_values(const struct filling *f, struct egret_page_stack *sum,
		       const struct egret_profile_values *values)
{
	if (f->is_base) {
		sum->base_samples += values->samples;
		sum->base_value += values->value;
		return;
	}
	sum->samples += values->samples;
	sum->value += values->value;
	sum->bytes_wanted += values->bytes_wanted;
	sum->bytes_got += values->bytes_got;
}

static int put_entry(struct filling *f, uint32_t number)
{
	const struct egret_profile_entry *entry = egret_profile_get_entry(f->profile, number);
	struct egret_page_stack item = { 0 };
	uint32_t stack;

	if (entry->key.event != event_of(f))
		return 0;
	item.node = f->node_of[entry->key.stack];
	item.thread = put_thread(f, entry->key.thread);
	item.ends = (uint32_t)entry->key.capture_end << 8 | entry->key.unwind_end;
	if (item.thread == EGRET_INDEX_NONE)
		return -ENOMEM;
	stack = egret_interned_put(&f->tables->stacks, &item);
	if (stack == EGRET_INDEX_NONE)
		return -ENOMEM;
	add_values(f, egret_interned_item(&f->tables->stacks, stack), &entry->values);
	if (!f->is_base)
		f->tables->stack_of[number] = stack;
	return 0;
}

static uint32_t *numbers(size_t n)
{
	uint32_t *array = malloc((n + 1) * sizeof(*array));

	if (array)
		memset(array, 0xff, (n + 1) * sizeof(*array));
	return array;
}

static int add_profile(struct egret_page_tables *t, const struct egret_profile *profile,
		       const struct egret_export_opts *opts, bool is_base)
{
	size_t n_entries = egret_profile_n_entries(profile);
	__free_ uint32_t *node_of = numbers(egret_profile_n_stacks(profile));
	__free_ uint32_t *thread_of = numbers(egret_profile_n_threads(profile));
	__free_ uint32_t *labels_of = numbers(egret_profile_n_label_sets(profile));
	__free_ uint32_t *list_of = numbers(egret_profile_n_frames(profile));
	struct filling f = { .tables = t,
			     .profile = profile,
			     .opts = opts,
			     .is_base = is_base,
			     .node_of = node_of,
			     .thread_of = thread_of,
			     .labels_of = labels_of,
			     .list_of = list_of };
	int ret = node_of && thread_of && labels_of && list_of ? 0 : -ENOMEM;

	if (!ret)
		ret = put_nodes(&f);
	for (uint32_t e = 0; !ret && e < n_entries; e++)
		ret = put_entry(&f, e);
	egret_buffer_deinit(&f.lists);
	return ret;
}

int egret_page_tables_fill(struct egret_page_tables *t, const struct egret_profile *profile,
			   const struct egret_export_opts *opts)
{
	struct egret_page_node root = { 0, EGRET_INDEX_NONE };
	int ret;

	egret_interned_init(&t->strings, sizeof(const char *), sizeof(const char *));
	egret_interned_init(&t->frames, sizeof(struct egret_page_frame),
			    offsetof(struct egret_page_frame, line_min));
	egret_interned_init(&t->nodes, sizeof(struct egret_page_node),
			    sizeof(struct egret_page_node));
	egret_interned_init(&t->threads, sizeof(struct egret_page_thread),
			    sizeof(struct egret_page_thread));
	egret_interned_init(&t->stacks, sizeof(struct egret_page_stack),
			    offsetof(struct egret_page_stack, samples));
	t->stack_of = numbers(egret_profile_n_entries(profile));
	if (!t->stack_of || egret_interned_put_string(&t->strings, "") == EGRET_INDEX_NONE ||
	    egret_interned_put(&t->nodes, &root) == EGRET_INDEX_NONE)
		return -ENOMEM;
	ret = add_profile(t, profile, opts, false);
	return !ret && opts->base ? add_profile(t, opts->base, opts, true) : ret;
}

void egret_page_tables_deinit(struct egret_page_tables *t)
{
	egret_interned_deinit(&t->strings);
	egret_interned_deinit(&t->frames);
	egret_interned_deinit(&t->nodes);
	egret_interned_deinit(&t->threads);
	egret_interned_deinit(&t->stacks);
	egret_arena_deinit(&t->texts);
	free(t->stack_of);
}
