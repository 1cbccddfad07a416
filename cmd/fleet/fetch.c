/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * fetch.c - samples of many hosts as a profile.
 *
 * The database adds up the samples of each stack; only for the stacks that are left their frames
 * are asked for, and then the names of these. All come in the order of their ids, so that they are
 * put together as they are read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "busy.h"
#include "fleet/by.h"
#include "fleet/fleet.h"
#include "fleet/identity.h"
#include "fleet/pointer_ids.h"

struct fetching {
	struct server *server;
	const struct selection *selection;
	const char *by;	    /* keys of labels; NULL: none */
	char *keys[BY_MAX]; /* the same, on the heap */
	size_t n_keys;
	struct row_buffer sums;	  /* stack, samples, value, and a text NUL for each key */
	struct row_buffer stacks; /* id, process NUL, frames */
	struct row_buffer names;  /* id, name NUL, module NUL, kind, flags */
	struct egret_frame *frames;
	size_t n_frames;
	struct pointer_ids numbers;	 /* of frames, by id */
	const struct egret_frame **list; /* of one stack */
	size_t list_room;
	uint8_t capture_end, unwind_end;
	struct egret_error err;
};

/* Stands for what the database does not have (any more). */
static const struct egret_frame unknown_frame = {
	.name = "[not in the database]",
	.module = "",
	.kind = EGRET_FRAME_USER,
};

static void fetching_deinit(struct fetching *f)
{
	binary_deinit(&f->sums);
	binary_deinit(&f->stacks);
	binary_deinit(&f->names);
	for (size_t i = 0; i < f->n_keys; i++)
		free(f->keys[i]);
	free(f->frames);
	pointer_ids_deinit(&f->numbers);
	free(f->list);
}

static struct row_reader reader_of(const struct row_buffer *rows)
{
	return (struct row_reader){ .at = rows->bytes, .end = rows->bytes + rows->len };
}

static int out_of_memory(struct fetching *f)
{
	strcpy(f->err.text, "out of memory");
	return -ENOMEM;
}

static int garbled(struct fetching *f)
{
	strcpy(f->err.text, "the ClickHouse server has answered something else than was asked");
	return -EIO;
}

static int nothing(struct fetching *f)
{
	strcpy(f->err.text, f->selection->has_where
				    ? "there is nothing of these labels between these times"
				    : "there is nothing between these times");
	return -ENODATA;
}

static int add_answer(const void *bytes, size_t len, void *arg)
{
	struct row_buffer *rows = arg;

	binary_bytes(rows, bytes, len);
	return rows->failed;
}

/* ---- what is asked ------------------------------------------------------------------------- */

/* The labels' columns come last in a row: they are selected from what the join has. */
static void add_sums_by(const struct fetching *f, struct sql *sql)
{
	const char *database = f->selection->database;

	sql_add(sql, "SELECT stack, sum(n), sum(v), ");
	by_add_names(sql, f->by);
	sql_add(sql, " FROM (SELECT ");
	by_add_columns(sql, f->by, true);
	sql_add(sql,
		"stack, n, v FROM (SELECT stack, labels AS id, sum(samples) AS n, sum(value) AS v "
		"FROM %s.samples WHERE ",
		database);
	selection_add_condition(sql, f->selection);
	sql_add(sql, " GROUP BY stack, labels) ANY LEFT JOIN (");
	by_add_labels(sql, database);
	sql_add(sql, ") USING id) GROUP BY stack, ");
	by_add_names(sql, f->by);
}

static int ask_sums(struct fetching *f)
{
	struct sql sql = { 0 };
	int ret;

	if (f->by)
		add_sums_by(f, &sql);
	else {
		sql_add(&sql, "SELECT stack, sum(samples), sum(value) FROM %s.samples WHERE ",
			f->selection->database);
		selection_add_condition(&sql, f->selection);
		sql_add(&sql, " GROUP BY stack");
	}
	sql_add(&sql, " ORDER BY stack FORMAT RowBinary");
	ret = sql_failed(&sql) ? out_of_memory(f)
			       : server_query(f->server, sql_text(&sql), &f->sums, &f->err);
	sql_deinit(&sql);
	return ret;
}

/* Rows of a table by their ids. */
static int ask_by_id(struct fetching *f, const char *columns, const char *table,
		     const char *structure, const struct row_buffer *ids, struct row_buffer *answer)
{
	const struct server_table ids_table = { .name = "ids",
						.structure = structure,
						.rows = ids };
	struct sql sql = { 0 };
	const struct server_request request = {
		.query = (sql_add(&sql,
				  "SELECT %s FROM %s.%s WHERE id IN ids ORDER BY id "
				  "FORMAT RowBinary",
				  columns, f->selection->database, table),
			  sql_text(&sql)),
		.table = &ids_table,
		.answer = add_answer,
		.arg = answer,
	};
	int ret = sql_failed(&sql) || ids->failed ? out_of_memory(f)
						  : server_request(f->server, &request, &f->err);

	sql_deinit(&sql);
	return ret;
}

/* A row of the sums. Labels are those that are not empty. */
struct sum {
	const void *stack; /* its id */
	uint64_t samples, value;
	struct egret_label labels[BY_MAX];
	size_t n_labels;
};

/* False: there is none, or in->failed. */
static bool take_sum(const struct fetching *f, struct row_reader *in, struct sum *sum)
{
	if (!binary_more(in))
		return false;
	sum->stack = binary_take(in, 16);
	sum->samples = binary_take_u64(in);
	sum->value = binary_take_u64(in);
	sum->n_labels = 0;
	for (size_t i = 0; i < f->n_keys; i++) {
		size_t len;
		const char *value = binary_take_text(in, &len);

		in->failed |= !len || value[len - 1];
		if (!in->failed && *value)
			sum->labels[sum->n_labels++] = (struct egret_label){ .key = f->keys[i],
									     .value = value };
	}
	return !in->failed;
}

static int ask_stacks(struct fetching *f)
{
	struct row_reader in = reader_of(&f->sums);
	struct row_buffer ids = { 0 };
	const void *last = NULL;
	struct sum sum;
	int ret = 0;

	while (take_sum(f, &in, &sum)) {
		if (!last || memcmp(last, sum.stack, 16))
			binary_bytes(&ids, sum.stack, 16);
		last = sum.stack;
	}
	if (in.failed)
		ret = garbled(f);
	if (!ret && ids.len)
		ret = ask_by_id(f, "id, concat(process, '\\0'), frames", "stacks",
				"id FixedString(16)", &ids, &f->stacks);
	binary_deinit(&ids);
	return ret;
}

/* ---- names --------------------------------------------------------------------------------- */

struct stored_stack {
	const unsigned char *id;
	const char *process;
	const unsigned char *frames; /* 8 bytes each */
	size_t n;
};

static bool take_stack(struct row_reader *in, struct stored_stack *stack)
{
	size_t len;

	if (!binary_more(in))
		return false;
	stack->id = binary_take(in, 16);
	stack->process = binary_take_text(in, &len);
	stack->n = binary_take_length(in);
	stack->frames = stack->n > 65535 ? NULL : binary_take(in, stack->n * 8);
	in->failed |= !len || !stack->frames;
	return !in->failed;
}

static uint64_t id_at(const unsigned char *frames, size_t i)
{
	struct row_reader in = { .at = frames + 8 * i, .end = frames + 8 * i + 8 };

	return binary_take_u64(&in);
}

/* Each frame of the stacks once: numbered from 1, 0 is not known. */
static int collect_ids(struct fetching *f, struct row_buffer *ids)
{
	struct row_reader in = reader_of(&f->stacks);
	struct stored_stack stack;

	while (take_stack(&in, &stack)) {
		for (size_t i = 0; i < stack.n; i++) {
			uint64_t id = id_at(stack.frames, i), *number;
			bool added;

			if (!id)
				continue;
			number = pointer_ids_at(&f->numbers, (const void *)(uintptr_t)id, &added);
			if (!number)
				return out_of_memory(f);
			if (!added)
				continue;
			*number = 0;
			f->n_frames++;
			binary_u64(ids, id);
		}
	}
	return in.failed ? garbled(f) : 0;
}

static int read_names(struct fetching *f)
{
	struct row_reader in = reader_of(&f->names);
	size_t n = 0, len;
	bool added;

	f->frames = calloc(f->n_frames + 1, sizeof(*f->frames));
	if (!f->frames)
		return out_of_memory(f);
	while (binary_more(&in)) {
		struct egret_frame frame = { 0 };
		uint64_t id = binary_take_u64(&in), *number;

		frame.name = binary_take_text(&in, &len);
		in.failed |= !len;
		frame.module = binary_take_text(&in, &len);
		frame.kind = binary_take_u8(&in);
		frame.flags = binary_take_u8(&in) & IDENTITY_FRAME_FLAGS;
		if (in.failed || !len || frame.kind > EGRET_FRAME_CUT || !id)
			return garbled(f);
		number = pointer_ids_at(&f->numbers, (const void *)(uintptr_t)id, &added);
		if (!number || added)
			return number ? garbled(f) : out_of_memory(f);
		if (*number) /* once more: not merged yet */
			continue;
		f->frames[n] = frame;
		*number = ++n;
	}
	return in.failed ? garbled(f) : 0;
}

static int ask_names(struct fetching *f)
{
	struct row_buffer ids = { 0 };
	int ret = collect_ids(f, &ids);

	if (!ret && ids.len)
		ret = ask_by_id(f, "id, concat(name, '\\0'), concat(module, '\\0'), kind, flags",
				"frames", "id UInt64", &ids, &f->names);
	binary_deinit(&ids);
	return ret ? ret : read_names(f);
}

/* ---- the profile --------------------------------------------------------------------------- */

static const struct egret_frame *frame_at(struct fetching *f, uint64_t id)
{
	bool added = false;
	uint64_t *number = id ? pointer_ids_at(&f->numbers, (const void *)(uintptr_t)id, &added)
			      : NULL;

	return number && !added && *number ? &f->frames[*number - 1] : &unknown_frame;
}

static int list_frames(struct fetching *f, const struct stored_stack *stored,
		       struct egret_stack *stack)
{
	size_t n = stored ? stored->n : 1;

	if (n > f->list_room) {
		const struct egret_frame **list = reallocarray(f->list, 2 * n, sizeof(*list));

		if (!list)
			return -ENOMEM;
		f->list = list;
		f->list_room = 2 * n;
	}
	for (size_t i = 0; i < n; i++)
		f->list[i] = stored ? frame_at(f, id_at(stored->frames, i)) : &unknown_frame;
	stack->frames = f->list;
	stack->n_frames = n;
	return 0;
}

static int add_stack(struct fetching *f, struct egret_builder *builder, const struct sum *sum,
		     const struct stored_stack *stored)
{
	const char *process = stored ? stored->process : "[not in the database]";
	const struct egret_thread thread = { .process = process,
					     .comm = process,
					     .cgroup = "",
					     .labels = sum->labels,
					     .n_labels = sum->n_labels };
	struct egret_stack stack = {
		.thread = &thread,
		.samples = sum->samples,
		.value = sum->value,
		.capture_end = f->capture_end,
		.unwind_end = f->unwind_end,
	};

	if (list_frames(f, stored, &stack))
		return out_of_memory(f);
	return egret_builder__add_stack(builder, &stack, &f->err);
}

/* Both are in the order of their ids. */
static int add_stacks(struct fetching *f, struct egret_builder *builder)
{
	struct row_reader sums = reader_of(&f->sums), in = reader_of(&f->stacks);
	struct stored_stack stack;
	struct sum sum;
	bool more = take_stack(&in, &stack);
	int ret = 0;

	while (!ret && take_sum(f, &sums, &sum)) {
		bool is_stored;

		while (more && memcmp(stack.id, sum.stack, 16) < 0)
			more = take_stack(&in, &stack);
		is_stored = more && !memcmp(stack.id, sum.stack, 16);
		ret = add_stack(f, builder, &sum, is_stored ? &stack : NULL);
	}
	return ret ? ret : sums.failed || in.failed ? garbled(f) : 0;
}

/* The ending of stacks that come from elsewhere, by its name: "imported". */
static uint8_t imported(const char *(*name)(unsigned int end))
{
	for (unsigned int end = 0; name(end); end++)
		if (!strcmp(name(end), "imported"))
			return (uint8_t)end;
	return 0;
}

static int build(struct fetching *f, const struct fleet_event *event, struct egret_profile **out)
{
	const struct egret_event public_event = { .name = event->name,
						  .unit = event->unit,
						  .frequency = event->frequency,
						  .period = event->period };
	struct egret_builder *builder = NULL;
	int ret;

	f->capture_end = imported(egret_capture_end_name);
	f->unwind_end = imported(egret_unwind_end_name);
	ret = egret_builder__create(&builder, &f->err);
	if (!ret)
		ret = egret_builder__add_event(builder, &public_event, &f->err);
	if (!ret)
		ret = add_stacks(f, builder);
	if (ret)
		egret_builder__destroy(builder);
	else
		egret_builder__finish(builder, out);
	return ret;
}

/* More than BY_MAX are said to be too many by who has read the options. */
static int split_keys(struct fetching *f)
{
	const char *rest = f->by ? f->by : "", *key;
	size_t len;

	while (f->n_keys < BY_MAX && (key = by_next(&rest, &len))) {
		f->keys[f->n_keys] = strndup(key, len);
		if (!f->keys[f->n_keys++])
			return out_of_memory(f);
	}
	return 0;
}

int fleet_fetch(struct server *server, const struct selection *selection,
		const struct fleet_event *event, const char *by, struct egret_profile **out)
{
	struct fetching f = { .server = server, .selection = selection, .by = by };
	int ret;

	busy_begin("asking", "the database");
	ret = split_keys(&f);
	if (!ret)
		ret = ask_sums(&f);
	if (!ret && !f.sums.len)
		ret = nothing(&f);
	if (!ret)
		ret = ask_stacks(&f);
	if (!ret)
		ret = ask_names(&f);
	if (!ret)
		ret = build(&f, event, out);
	busy_end();
	fetching_deinit(&f);
	return ret ? say_failure(&f.err) : STATUS_OK;
}
