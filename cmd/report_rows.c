/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* report_rows.c - rows as text and as JSON. */
#include "report_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "text.h"

static bool is_shown(const struct rows *rows, size_t i, const struct row_keys *keys, double least,
		     uint64_t limit)
{
	const struct row *row = &rows->rows[i];
	uint64_t value = keys->by_total ? row->total : row->self;

	return (double)value >= least * (double)rows->value && (!limit || i < limit);
}

/* ---- text ----------------------------------------------------------------------------------- */

#define MOST_COLUMNS 48 /* of a key that is not the last */

static int columns_of(const struct rows *rows, size_t n_shown, size_t key, const char *title)
{
	size_t columns = strlen(title);

	for (size_t i = 0; i < n_shown; i++) {
		size_t len = strlen(row_text(&rows->rows[i], key));

		if (len > columns)
			columns = len;
	}
	return columns < MOST_COLUMNS ? (int)columns : MOST_COLUMNS;
}

static const char *title_of(enum row_key key)
{
	static const char *const titles[] = { "Comm",  "Pid",	 "Tid",	     "CPU",
					      "Label", "Module", "Function", "Source" };

	return titles[key];
}

static void print_row(const struct rows *rows, const struct row *row, const struct row_keys *keys,
		      const int *columns, int width, FILE *out)
{
	int at = 31;

	fprintf(out, "%8s  %8s  %9s", text_share(row->self, rows->value).text,
		text_share(row->total, rows->value).text, text_count(row->samples).text);
	for (size_t k = 0; k < keys->n; k++) {
		bool is_last = k + 1 == keys->n;
		int most = is_last ? (width == INT_MAX ? INT_MAX : width - at) : columns[k];
		int printed;

		fputs("  ", out);
		printed = text_print(out, row_text(row, k), most);
		if (!is_last)
			fprintf(out, "%*s", columns[k] - printed, "");
		at += columns[k] + 2;
	}
	fputc('\n', out);
}

void report_rows_print(const struct rows *rows, const struct row_keys *keys, double least,
		       uint64_t limit, int width, FILE *out)
{
	int columns[NR_ROW_KEYS];
	size_t n = 0;

	while (n < rows->n && is_shown(rows, n, keys, least, limit))
		n++;
	fprintf(out, "%8s  %8s  %9s", "Self", "Total", "Samples");
	for (size_t k = 0; k < keys->n; k++) {
		columns[k] = columns_of(rows, n, k, title_of(keys->key[k]));
		fprintf(out, "  %-*s", k + 1 == keys->n ? 0 : columns[k], title_of(keys->key[k]));
	}
	fputc('\n', out);
	for (size_t i = 0; i < n; i++)
		print_row(rows, &rows->rows[i], keys, columns, width, out);
	if (n < rows->n)
		fprintf(out, "%*s(%s more, of a smaller %s)\n", 31, "",
			text_count(rows->n - n).text, keys->by_total ? "total" : "self");
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static json_object *row_json(const struct row *row, const struct row_keys *keys)
{
	json_object *object = json_object_new_object();

	json_object_object_add(object, "self", json_object_new_uint64(row->self));
	json_object_object_add(object, "total", json_object_new_uint64(row->total));
	json_object_object_add(object, "samples", json_object_new_uint64(row->samples));
	for (size_t k = 0; k < keys->n; k++) {
		const char *name = row_key_names[keys->key[k]], *text = row_text(row, k);
		bool is_number = keys->key[k] == KEY_PID || keys->key[k] == KEY_TID ||
				 keys->key[k] == KEY_CPU;

		json_object_object_add(object, name,
				       is_number ? json_object_new_int64(atoll(text))
						 : json_text(text));
	}
	return object;
}

static json_object *event_json(const struct egret_event *event, const struct rows *rows,
			       const struct row_keys *keys, double least, uint64_t limit)
{
	json_object *object = json_object_new_object(), *list = json_object_new_array();

	json_object_object_add(object, "name", json_text(event->name));
	json_object_object_add(object, "unit", json_text(event->unit));
	json_object_object_add(object, "samples", json_object_new_uint64(rows->samples));
	json_object_object_add(object, "value", json_object_new_uint64(rows->value));
	for (size_t i = 0; i < rows->n && is_shown(rows, i, keys, least, limit); i++)
		json_object_array_add(list, row_json(&rows->rows[i], keys));
	json_object_object_add(object, "rows", list);
	return object;
}

static void add_meta(json_object *object, const struct egret_profile *profile)
{
	static const char *const keys[] = { "command",	    "hostname",	  "kernel",
					    "architecture", "version",	  "backend",
					    "unwinder",	    "start-time", "duration" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const char *value = egret_profile__meta(profile, keys[i]);

		if (value)
			json_object_object_add(object, keys[i], json_text(value));
	}
	json_object_object_add(object, "truncated",
			       json_object_new_boolean(egret_profile__truncated(profile)));
}

static int add_stat(const struct egret_stat *stat, void *arg)
{
	json_object_object_add(arg, stat->name, json_object_new_uint64(stat->value));
	return 0;
}

int report_rows_json(const struct egret_profile *profile, size_t first, size_t last,
		     const struct row_keys *keys, double least, uint64_t limit, FILE *out)
{
	json_object *whole = json_object_new_object(), *events = json_object_new_array();
	json_object *stats = json_object_new_object();
	int ret = 0;

	add_meta(whole, profile);
	for (size_t i = first; !ret && i < last; i++) {
		struct rows rows;

		ret = rows_build(&rows, profile, (uint32_t)i, keys);
		if (!ret)
			json_object_array_add(events, event_json(egret_profile__event(profile, i),
								 &rows, keys, least, limit));
		rows_deinit(&rows);
	}
	json_object_object_add(whole, "events", events);
	egret_profile__each_stat(profile, add_stat, stats);
	json_object_object_add(whole, "accounting", stats);
	if (!ret)
		fprintf(out, "%s\n",
			json_object_to_json_string_ext(
				whole, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(whole);
	return ret;
}
