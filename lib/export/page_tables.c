/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/page_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void table_init(struct egret_page_table *table, size_t item_size, size_t key_size)
{
	*table = (struct egret_page_table){ .item_size = item_size, .key_size = key_size };
}

static void table_deinit(struct egret_page_table *table)
{
	egret_index_deinit(&table->index);
	free(table->items);
}

static void *table_item(const struct egret_page_table *table, uint32_t number)
{
	return table->items + number * table->item_size;
}

static int table_reach(struct egret_page_table *table, size_t n)
{
	size_t capacity = table->capacity ? table->capacity * 2 : 64;
	uint8_t *items;

	if (n <= table->capacity)
		return 0;
	if (n >= EGRET_INDEX_NONE)
		return -ENOMEM;
	items = realloc(table->items, capacity * table->item_size);
	if (!items)
		return -ENOMEM;
	table->items = items;
	table->capacity = capacity;
	return 0;
}

static bool item_equal(const void *owner, uint32_t value, const void *key)
{
	const struct egret_page_table *table = owner;

	return !memcmp(table_item(table, value), key, table->key_size);
}

static bool string_equal(const void *owner, uint32_t value, const void *key)
{
	const struct egret_page_table *table = owner;

	return !strcmp(*(const char *const *)table_item(table, value), *(const char *const *)key);
}

/* The number of the item, added when it is new, or EGRET_INDEX_NONE without memory. */
static uint32_t put(struct egret_page_table *table, uint64_t hash, const void *item,
		    egret_index_equal_fn equal)
{
	uint32_t number = egret_index_find(&table->index, hash, item, equal, table);

	if (number != EGRET_INDEX_NONE)
		return number;
	if (table_reach(table, table->n + 1))
		return EGRET_INDEX_NONE;
	if (egret_index_add(&table->index, hash, (uint32_t)table->n))
		return EGRET_INDEX_NONE;
	memcpy(table_item(table, (uint32_t)table->n), item, table->item_size);
	return (uint32_t)table->n++;
}

static uint32_t put_item(struct egret_page_table *table, const void *item)
{
	return put(table, egret_hash_bytes(item, table->key_size), item, item_equal);
}

static uint32_t put_string(struct egret_page_tables *t, const char *text)
{
	if (!text)
		text = "";
	return put(&t->strings, egret_hash_bytes(text, strlen(text)), &text, string_equal);
}

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
		.name = put_string(t, f->name),
		.module = put_string(t, f->module),
		.file = put_string(t, f->file),
		.kind = f->kind,
		.flags = f->flags & (EGRET_FRAME_F_INLINED | EGRET_FRAME_F_UNNAMED),
		.ends = f->kind == EGRET_FRAME_CUT ? (uint32_t)f->offset & 0xffff : 0,
	};
	uint32_t number;

	if (frame.name == EGRET_INDEX_NONE || frame.module == EGRET_INDEX_NONE ||
	    frame.file == EGRET_INDEX_NONE)
		return EGRET_INDEX_NONE;
	number = put_item(&t->frames, &frame);
	if (number != EGRET_INDEX_NONE)
		widen_lines(table_item(&t->frames, number), f->line);
	return number;
}

static uint32_t put_thread(struct egret_page_tables *t, const struct egret_thread *thread)
{
	struct egret_page_thread item = {
		.process = put_string(t, thread->process),
		.comm = put_string(t, thread->comm),
		.pid = thread->pid,
		.tid = thread->tid,
	};

	if (item.process == EGRET_INDEX_NONE || item.comm == EGRET_INDEX_NONE)
		return EGRET_INDEX_NONE;
	return put_item(&t->threads, &item);
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
		node.parent = put_item(&t->nodes, &node);
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
	number = put_item(&t->stacks, &item);
	if (number == EGRET_INDEX_NONE)
		return -ENOMEM;
	sum = table_item(&t->stacks, number);
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

	table_init(&t->strings, sizeof(const char *), sizeof(const char *));
	table_init(&t->frames, sizeof(struct egret_page_frame),
		   offsetof(struct egret_page_frame, line_min));
	table_init(&t->nodes, sizeof(struct egret_page_node), sizeof(struct egret_page_node));
	table_init(&t->threads, sizeof(struct egret_page_thread), sizeof(struct egret_page_thread));
	table_init(&t->stacks, sizeof(struct egret_page_stack),
		   offsetof(struct egret_page_stack, samples));
	t->opts = opts;
	if (put_string(t, "") == EGRET_INDEX_NONE || put_item(&t->nodes, &root) == EGRET_INDEX_NONE)
		return -ENOMEM;
	return egret_profile__each_stack(profile, add_stack, t);
}

void egret_page_tables_deinit(struct egret_page_tables *t)
{
	table_deinit(&t->strings);
	table_deinit(&t->frames);
	table_deinit(&t->nodes);
	table_deinit(&t->threads);
	table_deinit(&t->stacks);
}
