/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/batch.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void batch_init(struct batch *batch, size_t known_bytes)
{
	*batch = (struct batch){ 0 };
	for (size_t i = 0; i <= FLEET_LABELS; i++)
		batch->known[i].max_bytes = known_bytes;
}

static void forget_mark(struct batch *batch)
{
	free(batch->mark.event);
	free(batch->mark.service);
	batch->mark = (struct batch_mark){ 0 };
}

void batch_deinit(struct batch *batch)
{
	for (size_t i = 0; i < N_FLEET_TABLES; i++)
		binary_deinit(&batch->rows[i]);
	for (size_t i = 0; i <= FLEET_LABELS; i++)
		known_deinit(&batch->known[i]);
	forget_mark(batch);
}

void batch_clear(struct batch *batch)
{
	for (size_t i = 0; i < N_FLEET_TABLES; i++)
		binary_clear(&batch->rows[i]);
	forget_mark(batch);
}

static void forget_known(struct batch *batch)
{
	for (size_t i = 0; i <= FLEET_LABELS; i++)
		known_clear(&batch->known[i]);
}

void batch_reset(struct batch *batch)
{
	batch_clear(batch);
	forget_known(batch);
}

uint32_t batch_time(const struct batch_window *window)
{
	return (uint32_t)(window->from_ns / 1000000000u);
}

/* The first day of the month, UTC, in days since 1970. */
static uint16_t month_of(uint32_t seconds)
{
	time_t time = (time_t)seconds;
	struct tm tm;

	gmtime_r(&time, &tm);
	return (uint16_t)(seconds / 86400 - (uint32_t)(tm.tm_mday - 1));
}

void batch_begin(struct batch *batch, const struct batch_window *window)
{
	uint16_t month = month_of(batch_time(window));

	forget_mark(batch);
	/* Each month has all that its samples refer to: it is dropped as a whole. */
	if (month != batch->month)
		forget_known(batch);
	batch->month = month;
}

void batch_add_frame(struct batch *batch, uint64_t id, const struct egret_frame *frame)
{
	struct row_buffer *rows = &batch->rows[FLEET_FRAMES];

	if (!known_add(&batch->known[FLEET_FRAMES], id))
		return;
	binary_u64(rows, id);
	binary_text(rows, frame->name);
	binary_text(rows, frame->module);
	binary_u8(rows, (uint8_t)frame->kind);
	binary_u8(rows, (uint8_t)(frame->flags & IDENTITY_FRAME_FLAGS));
	binary_u16(rows, batch->month);
	binary_end(rows);
}

void batch_add_stack(struct batch *batch, const struct stack_id *id, const char *process,
		     const uint64_t *frames, size_t n)
{
	struct row_buffer *rows = &batch->rows[FLEET_STACKS];
	uint64_t known;

	memcpy(&known, id->bytes, sizeof(known));
	if (!known_add(&batch->known[FLEET_STACKS], known))
		return;
	binary_bytes(rows, id->bytes, sizeof(id->bytes));
	binary_text(rows, process);
	binary_length(rows, n);
	for (size_t i = 0; i < n; i++)
		binary_u64(rows, frames[i]);
	binary_u16(rows, batch->month);
	binary_end(rows);
}

static void add_texts(struct row_buffer *rows, const char *const *texts, size_t n)
{
	binary_length(rows, n);
	for (size_t i = 0; i < n; i++)
		binary_text(rows, texts[i]);
}

void batch_add_labels(struct batch *batch, uint64_t id, const struct label_set *set)
{
	struct row_buffer *rows = &batch->rows[FLEET_LABELS];

	if (!known_add(&batch->known[FLEET_LABELS], id))
		return;
	binary_u64(rows, id);
	binary_text(rows, set->host);
	binary_text(rows, set->service);
	binary_text(rows, set->process);
	binary_text(rows, set->thread);
	add_texts(rows, set->keys, set->n);
	add_texts(rows, set->values, set->n);
	binary_u16(rows, batch->month);
	binary_end(rows);
}

static void set_mark(struct batch *batch, const struct batch_sample *sample)
{
	struct batch_mark *mark = &batch->mark;

	mark->event = strdup(sample->event);
	mark->service = strdup(sample->service);
	mark->stack = sample->stack;
	mark->labels = sample->labels;
	mark->is_set = mark->event && mark->service;
	batch->rows[FLEET_SAMPLES].failed |= !mark->is_set;
}

void batch_add_sample(struct batch *batch, uint32_t time, const struct batch_sample *sample)
{
	struct row_buffer *rows = &batch->rows[FLEET_SAMPLES];

	if (!batch->mark.is_set)
		set_mark(batch, sample);
	binary_text(rows, sample->event);
	binary_text(rows, sample->service);
	binary_bytes(rows, sample->stack.bytes, sizeof(sample->stack.bytes));
	binary_u64(rows, sample->labels);
	binary_u32(rows, time);
	binary_u32(rows, sample->samples > UINT32_MAX ? UINT32_MAX : (uint32_t)sample->samples);
	binary_u64(rows, sample->value);
	binary_end(rows);
}

void batch_add_window(struct batch *batch, const struct batch_window *window,
		      const struct egret_event *event, uint64_t samples, uint64_t value)
{
	struct row_buffer *rows = &batch->rows[FLEET_WINDOWS];

	binary_text(rows, window->host);
	binary_u64(rows, window->from_ns);
	binary_u64(rows, window->to_ns);
	binary_u32(rows, batch_time(window));
	binary_text(rows, event->name);
	binary_text(rows, event->unit);
	binary_u64(rows, event->frequency);
	binary_u64(rows, event->period);
	binary_u64(rows, samples);
	binary_u64(rows, value);
	binary_end(rows);
}
