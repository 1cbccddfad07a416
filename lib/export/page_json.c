/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The page's data as JSON, in columns: equal things stand beside each other, which deflates to a
 * fifth. lib/export/page/data.js is the reader, and documents the meaning of each column there.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bpf/reasons.h"
#include "export/json.h"
#include "export/page_tables.h"

/* Bytes from 0x80 on go through as they are: the page's decoder replaces what is not UTF-8. */
static void add_member(struct egret_json *json, const char *name, const char *text)
{
	if (text)
		egret_json_text(json, name, text);
}

/* A column holds one field of each item; a parent is told as its distance, which repeats more. */
enum field { FIELD_U32, FIELD_U64, FIELD_PARENT };

static void add_column(struct egret_json *json, const char *name,
		       const struct egret_interned *table, size_t offset, enum field field)
{
	egret_json_open_array(json, name);
	for (size_t i = 0; i < table->n; i++) {
		const uint8_t *at = table->items + i * table->item_size + offset;
		uint64_t number = field == FIELD_U64 ? *(const uint64_t *)at
						     : *(const uint32_t *)at;

		egret_json_number(json, NULL, field == FIELD_PARENT ? i - number : number);
	}
	egret_json_close_array(json);
}

#define COLUMN(table, type, field, kind)                                                           \
	add_column(json, #field, &t->table, offsetof(struct egret_page_##type, field), kind)

static void add_strings(struct egret_json *json, const struct egret_interned *strings)
{
	egret_json_open_array(json, "strings");
	for (size_t i = 0; i < strings->n; i++)
		egret_json_text(json, NULL, ((const char *const *)strings->items)[i]);
	egret_json_close_array(json);
}

static void add_tables(struct egret_json *json, const struct egret_page_tables *t)
{
	add_strings(json, &t->strings);
	egret_json_open_object(json, "frames");
	COLUMN(frames, frame, name, FIELD_U32);
	COLUMN(frames, frame, module, FIELD_U32);
	COLUMN(frames, frame, file, FIELD_U32);
	COLUMN(frames, frame, kind, FIELD_U32);
	COLUMN(frames, frame, flags, FIELD_U32);
	COLUMN(frames, frame, ends, FIELD_U32);
	COLUMN(frames, frame, line_min, FIELD_U32);
	COLUMN(frames, frame, line_max, FIELD_U32);
	COLUMN(frames, frame, how, FIELD_U32);
	egret_json_close_object(json);
	egret_json_open_object(json, "nodes");
	COLUMN(nodes, node, parent, FIELD_PARENT);
	COLUMN(nodes, node, frame, FIELD_U32);
	egret_json_close_object(json);
	egret_json_open_object(json, "threads");
	COLUMN(threads, thread, process, FIELD_U32);
	COLUMN(threads, thread, comm, FIELD_U32);
	COLUMN(threads, thread, pid, FIELD_U32);
	COLUMN(threads, thread, tid, FIELD_U32);
	egret_json_close_object(json);
	egret_json_open_object(json, "stacks");
	COLUMN(stacks, stack, node, FIELD_U32);
	COLUMN(stacks, stack, thread, FIELD_U32);
	COLUMN(stacks, stack, ends, FIELD_U32);
	COLUMN(stacks, stack, samples, FIELD_U64);
	COLUMN(stacks, stack, value, FIELD_U64);
	COLUMN(stacks, stack, bytes_wanted, FIELD_U64);
	COLUMN(stacks, stack, bytes_got, FIELD_U64);
	egret_json_close_object(json);
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

int egret_page_json(const struct egret_profile *profile, const struct egret_export_opts *opts,
		    struct egret_buffer *to)
{
	struct egret_json out = { .buffer = to }, *json = &out;
	struct egret_page_tables tables = { 0 };
	int err;

	egret_json_open_object(json, NULL);
	add_member(json, "title", opts->title);
	egret_json_number(json, "truncated", egret_profile__truncated(profile));
	egret_json_number(json, "by_thread", opts->by_thread);
	add_meta(json, profile);
	add_event(json, profile, opts->event);
	add_endings(json);
	egret_json_open_array(json, "stats");
	egret_profile__each_stat(profile, add_stat, json);
	egret_json_close_array(json);
	err = egret_page_tables_fill(&tables, profile, opts);
	if (!err)
		add_tables(json, &tables);
	egret_page_tables_deinit(&tables);
	egret_json_close_object(json);
	return err ? err : to->failed ? -ENOMEM : 0;
}
