/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/page_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static uint32_t put_thread(struct egret_page_tables *t, const struct egret_thread *thread)
{
	struct egret_page_thread item = {
		.process = egret_interned_put_string(&t->strings, thread->process),
		.comm = egret_interned_put_string(&t->strings, thread->comm),
		.pid = thread->pid,
		.tid = thread->tid,
	};

	if (item.process == EGRET_INDEX_NONE || item.comm == EGRET_INDEX_NONE)
		return EGRET_INDEX_NONE;
	return egret_interned_put(&t->threads, &item);
}

/* The node of a stack: its frames from the root on, each below the one before. */
static uint32_t put_path(struct egret_page_tables *t, const struct egret_stack *stack)
{
	struct egret_page_node node = { 0 };

	for (size_t i = stack->n_frames; i-- > 0;) {
		const struct egret_frame *frame = stack->frames[i];

		if (t->opts->no_kernel && frame->kind == EGRET_FRAME_KERNEL)
			continue;
		node.frame = put_frame(t, frame);
		if (node.frame == EGRET_INDEX_NONE)
			return EGRET_INDEX_NONE;
		node.parent = egret_interned_put(&t->nodes, &node);
		if (node.parent == EGRET_INDEX_NONE)
			return EGRET_INDEX_NONE;
	}
	return node.parent;
}

static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct egret_page_tables *t = arg;
	struct egret_page_stack item = { 0 }, *sum;
	uint32_t number;

	if (stack->event != t->opts->event)
		return 0;
	item.node = put_path(t, stack);
	item.thread = put_thread(t, stack->thread);
	item.ends = (uint32_t)stack->capture_end << 8 | stack->unwind_end;
	if (item.node == EGRET_INDEX_NONE || item.thread == EGRET_INDEX_NONE)
		return -ENOMEM;
	number = egret_interned_put(&t->stacks, &item);
	if (number == EGRET_INDEX_NONE)
		return -ENOMEM;
	sum = egret_interned_item(&t->stacks, number);
	sum->samples += stack->samples;
	sum->value += stack->value;
	sum->bytes_wanted += stack->bytes_wanted;
	sum->bytes_got += stack->bytes_got;
	return 0;
}

int egret_page_tables_fill(struct egret_page_tables *t, const struct egret_profile *profile,
			   const struct egret_export_opts *opts)
{
	struct egret_page_node root = { 0, EGRET_INDEX_NONE };

	egret_interned_init(&t->strings, sizeof(const char *), sizeof(const char *));
	egret_interned_init(&t->frames, sizeof(struct egret_page_frame),
			    offsetof(struct egret_page_frame, line_min));
	egret_interned_init(&t->nodes, sizeof(struct egret_page_node),
			    sizeof(struct egret_page_node));
	egret_interned_init(&t->threads, sizeof(struct egret_page_thread),
			    sizeof(struct egret_page_thread));
	egret_interned_init(&t->stacks, sizeof(struct egret_page_stack),
			    offsetof(struct egret_page_stack, samples));
	t->opts = opts;
	if (egret_interned_put_string(&t->strings, "") == EGRET_INDEX_NONE ||
	    egret_interned_put(&t->nodes, &root) == EGRET_INDEX_NONE)
		return -ENOMEM;
	return egret_profile__each_stack(profile, add_stack, t);
}

void egret_page_tables_deinit(struct egret_page_tables *t)
{
	egret_interned_deinit(&t->strings);
	egret_interned_deinit(&t->frames);
	egret_interned_deinit(&t->nodes);
	egret_interned_deinit(&t->threads);
	egret_interned_deinit(&t->stacks);
}
