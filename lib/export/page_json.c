/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The page's data: what is text as JSON, and what is numbers in columns, where equal things stand
 * beside each other, which deflates well. page/src/data.ts is the reader, and has the meaning of
 * each column.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "bpf/reasons.h"
#include "export/json.h"
#include "export/page_tables.h"

/* Bytes from 0x80 on go through as they are: the page's decoder replaces what is not UTF-8. */
static void add_member(struct egret_json *json, const char *name, const char *text)
{
	if (text)
		egret_json_text(json, name, text);
}

static void add_strings(struct egret_json *json, const struct egret_interned *strings)
{
	egret_json_open_array(json, "strings");
	for (size_t i = 0; i < strings->n; i++)
		egret_json_text(json, NULL, ((const char *const *)strings->items)[i]);
	egret_json_close_array(json);
}

/* Numbers of the accounting go as text: they may be beyond what a double holds. */
static int add_stat(const struct egret_stat *stat, void *arg)
{
	struct egret_json *json = arg;
	char value[24];

	snprintf(value, sizeof(value), "%" PRIu64, stat->value);
	egret_json_open_array(json, NULL);
	egret_json_text(json, NULL, stat->name);
	egret_json_text(json, NULL, stat->text);
	egret_json_text(json, NULL, value);
	egret_json_close_array(json);
	return 0;
}

static void add_ending(struct egret_json *json, const char *name, const char *text, const char *fix)
{
	egret_json_open_array(json, NULL);
	egret_json_text(json, NULL, name);
	egret_json_text(json, NULL, text);
	egret_json_text(json, NULL, fix);
	egret_json_close_array(json);
}

static void add_endings(struct egret_json *json)
{
	egret_json_open_array(json, "capture_ends");
	for (unsigned int i = 0; i < EGRET_CAPTURE_NR; i++)
		add_ending(json, egret_capture_end_name(i), egret_capture_end_text(i),
			   egret_capture_end_fix(i));
	egret_json_close_array(json);
	egret_json_open_array(json, "unwind_ends");
	for (unsigned int i = 0; i < EGRET_UNWIND_NR; i++)
		add_ending(json, egret_unwind_end_name(i), egret_unwind_end_text(i),
			   egret_unwind_end_fix(i));
	egret_json_close_array(json);
}

static void add_meta(struct egret_json *json, const struct egret_profile *profile)
{
	static const char *const keys[] = { "command",	"hostname", "kernel",	  "backend",
					    "unwinder", "version",  "start-time", "duration" };

	egret_json_open_object(json, "meta");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		add_member(json, keys[i], egret_profile__meta(profile, keys[i]));
	egret_json_close_object(json);
}

static void add_event(struct egret_json *json, const struct egret_profile *profile, uint32_t index)
{
	const struct egret_event *event = egret_profile__event(profile, index);

	egret_json_open_object(json, "event");
	if (event) {
		add_member(json, "name", event->name);
		add_member(json, "unit", event->unit);
		egret_json_number(json, "frequency", event->frequency);
		egret_json_number(json, "period", event->period);
	}
	egret_json_close_object(json);
}

static void add_counts(struct egret_json *json, const struct egret_page_tables *t)
{
	egret_json_open_object(json, "counts");
	egret_json_number(json, "frames", t->frames.n);
	egret_json_number(json, "nodes", t->nodes.n);
	egret_json_number(json, "threads", t->threads.n);
	egret_json_number(json, "stacks", t->stacks.n);
	egret_json_close_object(json);
}

/* Of the recording that this one is compared with. */
static void add_base(struct egret_json *json, const struct egret_export_opts *opts)
{
	if (!opts->base)
		return;
	egret_json_open_object(json, "base");
	add_meta(json, opts->base);
	add_event(json, opts->base, opts->base_event);
	egret_json_close_object(json);
}

static void add_document(struct egret_json *json, const struct egret_page_tables *tables,
			 const struct egret_profile *profile, const struct egret_export_opts *opts)
{
	egret_json_open_object(json, NULL);
	add_member(json, "title", opts->title);
	egret_json_number(json, "truncated", egret_profile__truncated(profile));
	egret_json_number(json, "by_thread", opts->by_thread);
	add_member(json, "by_label", opts->by_label);
	add_meta(json, profile);
	add_event(json, profile, opts->event);
	add_base(json, opts);
	add_endings(json);
	egret_json_open_array(json, "stats");
	egret_profile__each_stat(profile, add_stat, json);
	egret_json_close_array(json);
	add_counts(json, tables);
	add_strings(json, &tables->strings);
	egret_json_close_object(json);
}

/* ---- columns: one field of each item -------------------------------------------------------- */

/*
 * A number as it is (of 4 or 8 bytes), or in a way that repeats more: a parent by its distance; by
 * the difference from the item before, or from the largest one so far.
 */
enum field { FIELD_U32, FIELD_U64, FIELD_PARENT, FIELD_DELTA, FIELD_FROM_LARGEST };

struct column {
	size_t offset;
	enum field field;
};

static void add_column(struct egret_buffer *data, const struct egret_interned *table,
		       const struct column *column)
{
	int64_t last = 0;

	for (size_t i = 0; i < table->n; i++) {
		const uint8_t *at = table->items + i * table->item_size + column->offset;
		uint32_t number = *(const uint32_t *)at;

		if (column->field == FIELD_U64)
			egret_buffer_add_uleb(data, *(const uint64_t *)at);
		else if (column->field == FIELD_U32)
			egret_buffer_add_uleb(data, number);
		else if (column->field == FIELD_PARENT)
			egret_buffer_add_uleb(data, i - number);
		else
			egret_buffer_add_sleb(data, (int64_t)number - last);
		if (column->field == FIELD_DELTA || number > last)
			last = number;
	}
}

static void add_columns(struct egret_buffer *data, const struct egret_interned *table,
			const struct column *columns, size_t n)
{
	for (size_t c = 0; c < n; c++)
		add_column(data, table, &columns[c]);
}

#define U32(type, field)                                                                           \
	{                                                                                          \
		offsetof(struct egret_page_##type, field), FIELD_U32                               \
	}
#define U64(type, field)                                                                           \
	{                                                                                          \
		offsetof(struct egret_page_##type, field), FIELD_U64                               \
	}

#define DELTA(type, field)                                                                         \
	{                                                                                          \
		offsetof(struct egret_page_##type, field), FIELD_DELTA                             \
	}

static const struct column frame_columns[] = {
	DELTA(frame, name),   U32(frame, module),   U32(frame, file),
	U32(frame, kind),     U32(frame, flags),    U32(frame, ends),
	U32(frame, line_min), U32(frame, line_max), U32(frame, how),
};
static const struct column node_columns[] = {
	{ offsetof(struct egret_page_node, parent), FIELD_PARENT },
	DELTA(node, frame),
};
static const struct column thread_columns[] = {
	U32(thread, process), U32(thread, comm),  U32(thread, labels),
	DELTA(thread, pid),   DELTA(thread, tid),
};
static const struct column stack_columns[] = {
	{ offsetof(struct egret_page_stack, node), FIELD_FROM_LARGEST },
	U32(stack, thread),
	U32(stack, ends),
	U64(stack, samples),
	U64(stack, value),
	U64(stack, bytes_wanted),
	U64(stack, bytes_got),
	U64(stack, base_samples),
	U64(stack, base_value),
};

#define ADD_COLUMNS(data, table, columns)                                                          \
	add_columns(data, table, columns, sizeof(columns) / sizeof((columns)[0]))

int egret_page_data(const struct egret_page_tables *tables, const struct egret_profile *profile,
		    const struct egret_export_opts *opts, struct egret_buffer *data)
{
	struct egret_buffer text = { 0 };
	struct egret_json json = { .buffer = &text };
	uint32_t length;

	add_document(&json, tables, profile, opts);
	length = htole32((uint32_t)text.len);
	egret_buffer_add(data, &length, sizeof(length));
	egret_buffer_add(data, text.data, text.len);
	data->failed |= text.failed || text.len > UINT32_MAX;
	egret_buffer_deinit(&text);
	ADD_COLUMNS(data, &tables->frames, frame_columns);
	ADD_COLUMNS(data, &tables->nodes, node_columns);
	ADD_COLUMNS(data, &tables->threads, thread_columns);
	ADD_COLUMNS(data, &tables->stacks, stack_columns);
	return data->failed ? -ENOMEM : 0;
}
