/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * batch_profile.c - a profile as rows: what differs in nothing that is stored is one row.
 *
 * Threads of the same labels are the same, and so are stacks that differ in source lines only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fleet/batch.h"
#include "fleet/labels.h"
#include "fleet/pointer_ids.h"

/* What samples are counted together under; all of it is hashed and compared, so no holes. */
struct row_key {
	struct stack_id stack;
	uint64_t labels;
	uint64_t event;
};

struct row {
	struct row_key key;
	uint64_t samples, value;
	const char *service;
};

struct thread_labels {
	uint64_t id;
	const char *service;
};

struct encoding {
	struct batch *batch;
	const struct batch_window *window;
	struct pointer_ids frames;  /* their ids */
	struct pointer_ids threads; /* numbers in labels, by key_of */
	struct thread_labels *labels;
	size_t n_labels, labels_room;
	uint64_t *ids; /* of the frames of one stack */
	size_t ids_room;
	struct row *rows;
	size_t n_rows, rows_room;
	uint32_t *slots; /* number of a row + 1; 0: free */
	size_t n_slots;
};

static void encoding_deinit(struct encoding *e)
{
	pointer_ids_deinit(&e->frames);
	pointer_ids_deinit(&e->threads);
	free(e->labels);
	free(e->ids);
	free(e->rows);
	free(e->slots);
}

/* Room for one more of items that are n now, in *items. */
static bool make_room(void *items, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *grown;

	if (n < *room)
		return true;
	while (more <= n)
		more *= 2;
	grown = reallocarray(*(void **)items, more, size);
	if (!grown)
		return false;
	*(void **)items = grown;
	*room = more;
	return true;
}

/*
 * A thread is told by its names, which a profile has once each: the struct is only the caller's of
 * each_stack. 64 bits of a hash of their addresses stand for it.
 */
static const void *key_of(const struct egret_thread *thread)
{
	const void *const names[] = { thread->process, thread->comm, thread->cgroup,
				      thread->labels };

	return (const void *)(uintptr_t)(identity_bytes(names, sizeof(names)) | 1);
}

static const struct thread_labels *labels_of(struct encoding *e, const struct egret_thread *thread)
{
	bool added;
	uint64_t *number = pointer_ids_at(&e->threads, key_of(thread), &added);

	if (!number)
		return NULL;
	if (added) {
		struct thread_label_set labels;

		if (!make_room(&e->labels, e->n_labels, &e->labels_room, sizeof(*e->labels)) ||
		    thread_label_set(&labels, thread, e->window->host))
			return NULL;
		*number = e->n_labels++;
		e->labels[*number].id = identity_labels(&labels.set);
		e->labels[*number].service = labels.set.service;
		batch_add_labels(e->batch, e->labels[*number].id, &labels.set);
		thread_label_set_deinit(&labels);
	}
	return &e->labels[*number];
}

static int add_frames(struct encoding *e, const struct egret_stack *stack)
{
	if (!make_room(&e->ids, stack->n_frames, &e->ids_room, sizeof(*e->ids)))
		return -ENOMEM;
	for (size_t i = 0; i < stack->n_frames; i++) {
		bool added;
		uint64_t *id = pointer_ids_at(&e->frames, stack->frames[i], &added);

		if (!id)
			return -ENOMEM;
		if (added) {
			*id = identity_frame(stack->frames[i]);
			batch_add_frame(e->batch, *id, stack->frames[i]);
		}
		e->ids[i] = *id;
	}
	return 0;
}

/* ---- rows ---------------------------------------------------------------------------------- */

static size_t slot_of(const struct encoding *e, const struct row_key *key)
{
	uint64_t hash;
	size_t i;

	memcpy(&hash, key->stack.bytes, sizeof(hash)); /* a hash already */
	hash ^= key->labels + key->event;
	for (i = hash & (e->n_slots - 1); e->slots[i]; i = (i + 1) & (e->n_slots - 1))
		if (!memcmp(&e->rows[e->slots[i] - 1].key, key, sizeof(*key)))
			break;
	return i;
}

static bool grow_slots(struct encoding *e)
{
	size_t n = e->n_slots ? e->n_slots * 2 : 1024;
	uint32_t *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return false;
	free(e->slots);
	e->slots = slots;
	e->n_slots = n;
	for (size_t i = 0; i < e->n_rows; i++)
		slots[slot_of(e, &e->rows[i].key)] = (uint32_t)i + 1;
	return true;
}

static struct row *row_of(struct encoding *e, const struct row_key *key)
{
	size_t slot;

	if (e->n_rows >= e->n_slots / 2 && !grow_slots(e))
		return NULL;
	slot = slot_of(e, key);
	if (!e->slots[slot]) {
		if (e->n_rows == UINT32_MAX - 1 ||
		    !make_room(&e->rows, e->n_rows, &e->rows_room, sizeof(*e->rows)))
			return NULL;
		e->rows[e->n_rows] = (struct row){ .key = *key };
		e->slots[slot] = (uint32_t)++e->n_rows;
	}
	return &e->rows[e->slots[slot] - 1];
}

static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct encoding *e = arg;
	const struct thread_labels *labels = labels_of(e, stack->thread);
	struct row_key key = { .event = stack->event };
	struct row *row;

	if (!labels || add_frames(e, stack))
		return -ENOMEM;
	key.stack = identity_stack(stack->thread->process, e->ids, stack->n_frames);
	key.labels = labels->id;
	batch_add_stack(e->batch, &key.stack, stack->thread->process, e->ids, stack->n_frames);
	row = row_of(e, &key);
	if (!row)
		return -ENOMEM;
	row->samples += stack->samples;
	row->value += stack->value;
	row->service = labels->service;
	return 0;
}

static void write_rows(const struct encoding *e, const struct egret_profile *profile)
{
	for (size_t i = 0; i < e->n_rows; i++) {
		const struct row *row = &e->rows[i];
		const struct batch_sample sample = {
			.event = egret_profile__event(profile, row->key.event)->name,
			.service = row->service,
			.stack = row->key.stack,
			.labels = row->key.labels,
			.samples = row->samples,
			.value = row->value,
		};

		batch_add_sample(e->batch, batch_time(e->window), &sample);
	}
}

static void write_windows(const struct encoding *e, const struct egret_profile *profile)
{
	const struct egret_event none = { .name = "", .unit = "" };
	size_t n = egret_profile__n_events(profile);

	/* The window itself is told also of a machine that was idle. */
	if (!n)
		batch_add_window(e->batch, e->window, &none, 0, 0);
	for (size_t event = 0; event < n; event++) {
		uint64_t samples = 0, value = 0;

		for (size_t i = 0; i < e->n_rows; i++) {
			if (e->rows[i].key.event != event)
				continue;
			samples += e->rows[i].samples;
			value += e->rows[i].value;
		}
		batch_add_window(e->batch, e->window, egret_profile__event(profile, event), samples,
				 value);
	}
}

int batch_add(struct batch *batch, const struct egret_profile *profile,
	      const struct batch_window *window)
{
	struct encoding e = { .batch = batch, .window = window };
	int ret;

	batch_begin(batch, window);
	ret = egret_profile__each_stack(profile, add_stack, &e);
	if (!ret) {
		write_rows(&e, profile);
		write_windows(&e, profile);
	}
	encoding_deinit(&e);
	for (size_t i = 0; i < N_FLEET_TABLES && !ret; i++)
		ret = batch->rows[i].failed ? -ENOMEM : 0;
	return ret;
}
