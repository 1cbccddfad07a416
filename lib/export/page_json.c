/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The page's data as JSON, in columns: equal things stand beside each other, which deflates to a
 * fifth. lib/export/page/data.js is the reader, and documents the meaning of each column there.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "bpf/reasons.h"
#include "export/page_tables.h"

/* Bytes from 0x80 on go through as they are: the page's decoder replaces what is not UTF-8. */
static void add_text(struct egret_buffer *json, const char *text)
{
	const char *p = text ? text : "";

	egret_buffer_add(json, "\"", 1);
	while (*p) {
		size_t plain = 0;

		while ((unsigned char)p[plain] >= 0x20 && p[plain] != '"' && p[plain] != '\\')
			plain++;
		egret_buffer_add(json, p, plain);
		p += plain;
		if (*p)
			egret_buffer_printf(json, "\\u%04x", (unsigned char)*p++);
	}
	egret_buffer_add(json, "\"", 1);
}

static void add_key(struct egret_buffer *json, const char *name)
{
	if (json->len && json->data[json->len - 1] != '{')
		egret_buffer_add(json, ",", 1);
	add_text(json, name);
	egret_buffer_add(json, ":", 1);
}

static void add_member(struct egret_buffer *json, const char *name, const char *text)
{
	if (!text)
		return;
	add_key(json, name);
	add_text(json, text);
}

/* Most of the page's data is numbers: printf would take half of the export's time. */
static void add_decimal(struct egret_buffer *json, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	egret_buffer_add(json, digits + at, sizeof(digits) - at);
}

static void add_number(struct egret_buffer *json, const char *name, uint64_t number)
{
	add_key(json, name);
	add_decimal(json, number);
}

/* A column holds one field of each item; a parent is told as its distance, which repeats more. */
enum field { FIELD_U32, FIELD_U64, FIELD_PARENT };

static void add_column(struct egret_buffer *json, const char *name,
		       const struct egret_interned *table, size_t offset, enum field field)
{
	add_key(json, name);
	egret_buffer_add(json, "[", 1);
	for (size_t i = 0; i < table->n; i++) {
		const uint8_t *at = table->items + i * table->item_size + offset;
		uint64_t number = field == FIELD_U64 ? *(const uint64_t *)at
						     : *(const uint32_t *)at;

		if (field == FIELD_PARENT)
			number = i - number;
		if (i)
			egret_buffer_add(json, ",", 1);
		add_decimal(json, number);
	}
	egret_buffer_add(json, "]", 1);
}

#define COLUMN(table, type, field, kind)                                                           \
	add_column(json, #field, &t->table, offsetof(struct egret_page_##type, field), kind)

static void add_strings(struct egret_buffer *json, const struct egret_interned *strings)
{
	add_key(json, "strings");
	egret_buffer_add(json, "[", 1);
	for (size_t i = 0; i < strings->n; i++) {
		if (i)
			egret_buffer_add(json, ",", 1);
		add_text(json, ((const char *const *)strings->items)[i]);
	}
	egret_buffer_add(json, "]", 1);
}

static void open_object(struct egret_buffer *json, const char *name)
{
	add_key(json, name);
	egret_buffer_add(json, "{", 1);
}

static void close_object(struct egret_buffer *json)
{
	egret_buffer_add(json, "}", 1);
}

static void add_tables(struct egret_buffer *json, const struct egret_page_tables *t)
{
	add_strings(json, &t->strings);
	open_object(json, "frames");
	COLUMN(frames, frame, name, FIELD_U32);
	COLUMN(frames, frame, module, FIELD_U32);
	COLUMN(frames, frame, file, FIELD_U32);
	COLUMN(frames, frame, kind, FIELD_U32);
	COLUMN(frames, frame, flags, FIELD_U32);
	COLUMN(frames, frame, ends, FIELD_U32);
	COLUMN(frames, frame, line_min, FIELD_U32);
	COLUMN(frames, frame, line_max, FIELD_U32);
	COLUMN(frames, frame, how, FIELD_U32);
	close_object(json);
	open_object(json, "nodes");
	COLUMN(nodes, node, parent, FIELD_PARENT);
	COLUMN(nodes, node, frame, FIELD_U32);
	close_object(json);
	open_object(json, "threads");
	COLUMN(threads, thread, process, FIELD_U32);
	COLUMN(threads, thread, comm, FIELD_U32);
	COLUMN(threads, thread, pid, FIELD_U32);
	COLUMN(threads, thread, tid, FIELD_U32);
	close_object(json);
	open_object(json, "stacks");
	COLUMN(stacks, stack, node, FIELD_U32);
	COLUMN(stacks, stack, thread, FIELD_U32);
	COLUMN(stacks, stack, ends, FIELD_U32);
	COLUMN(stacks, stack, samples, FIELD_U64);
	COLUMN(stacks, stack, value, FIELD_U64);
	COLUMN(stacks, stack, bytes_wanted, FIELD_U64);
	COLUMN(stacks, stack, bytes_got, FIELD_U64);
	close_object(json);
}

/* Numbers of the accounting go as text: they may be beyond what a double holds. */
static int add_stat(const struct egret_stat *stat, void *arg)
{
	struct egret_buffer *json = arg;

	if (json->len && json->data[json->len - 1] != '[')
		egret_buffer_add(json, ",", 1);
	egret_buffer_add(json, "[", 1);
	add_text(json, stat->name);
	egret_buffer_add(json, ",", 1);
	add_text(json, stat->text);
	egret_buffer_printf(json, ",\"%" PRIu64 "\"]", stat->value);
	return 0;
}

static void add_ending(struct egret_buffer *json, unsigned int number, const char *name,
		       const char *text, const char *fix)
{
	egret_buffer_add_string(json, number ? ",[" : "[");
	add_text(json, name);
	egret_buffer_add(json, ",", 1);
	add_text(json, text);
	egret_buffer_add(json, ",", 1);
	add_text(json, fix);
	egret_buffer_add(json, "]", 1);
}

static void add_endings(struct egret_buffer *json)
{
	add_key(json, "capture_ends");
	egret_buffer_add(json, "[", 1);
	for (unsigned int i = 0; i < EGRET_CAPTURE_NR; i++)
		add_ending(json, i, egret_capture_end_name(i), egret_capture_end_text(i),
			   egret_capture_end_fix(i));
	egret_buffer_add(json, "]", 1);
	add_key(json, "unwind_ends");
	egret_buffer_add(json, "[", 1);
	for (unsigned int i = 0; i < EGRET_UNWIND_NR; i++)
		add_ending(json, i, egret_unwind_end_name(i), egret_unwind_end_text(i),
			   egret_unwind_end_fix(i));
	egret_buffer_add(json, "]", 1);
}

static void add_meta(struct egret_buffer *json, const struct egret_profile *profile)
{
	static const char *const keys[] = { "command",	"hostname", "kernel",	  "backend",
					    "unwinder", "version",  "start-time", "duration" };

	open_object(json, "meta");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		add_member(json, keys[i], egret_profile__meta(profile, keys[i]));
	close_object(json);
}

static void add_event(struct egret_buffer *json, const struct egret_profile *profile,
		      uint32_t index)
{
	const struct egret_event *event = egret_profile__event(profile, index);

	open_object(json, "event");
	if (event) {
		add_member(json, "name", event->name);
		add_member(json, "unit", event->unit);
		add_number(json, "frequency", event->frequency);
		add_number(json, "period", event->period);
	}
	close_object(json);
}

int egret_page_json(const struct egret_profile *profile, const struct egret_export_opts *opts,
		    struct egret_buffer *json)
{
	struct egret_page_tables tables = { 0 };
	int err;

	egret_buffer_add(json, "{", 1);
	add_member(json, "title", opts->title);
	add_number(json, "truncated", egret_profile__truncated(profile));
	add_number(json, "by_thread", opts->by_thread);
	add_meta(json, profile);
	add_event(json, profile, opts->event);
	add_endings(json);
	add_key(json, "stats");
	egret_buffer_add(json, "[", 1);
	egret_profile__each_stat(profile, add_stat, json);
	egret_buffer_add(json, "]", 1);
	err = egret_page_tables_fill(&tables, profile, opts);
	if (!err)
		add_tables(json, &tables);
	egret_page_tables_deinit(&tables);
	egret_buffer_add(json, "}", 1);
	return err ? err : json->failed ? -ENOMEM : 0;
}
