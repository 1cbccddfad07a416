/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Samples as columns of small numbers. Each encoder stands beside its decoder.
 *
 * A busy CPU is sampled at an even pace and mostly in the same thread, so a sample is predicted
 * from the one before on its CPU: time as the change of the distance (t[n] - t[n-1]) -
 * (t[n-1] - t[n-2]), thread as a difference.
 */
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/reasons.h"
#include "recording/format.h"

uint32_t egret_recording_crc(const void *bytes, size_t len)
{
	return libdeflate_crc32(0, bytes, len);
}

void egret_sample_state_deinit(struct egret_sample_state *state)
{
	free(state->cpus);
	free(state->values);
	*state = (struct egret_sample_state){ 0 };
}

/* The state of a CPU, as it is at the start of a block where this is its first sample in it. */
static struct egret_cpu_state *cpu_state(struct egret_sample_state *state, uint32_t cpu)
{
	struct egret_cpu_state *found;

	if (cpu >= state->n_cpus) {
		size_t n = cpu + 64;
		struct egret_cpu_state *cpus = realloc(state->cpus, n * sizeof(*cpus));

		if (!cpus)
			return NULL;
		memset(cpus + state->n_cpus, 0, (n - state->n_cpus) * sizeof(*cpus));
		state->cpus = cpus;
		state->n_cpus = n;
	}
	found = &state->cpus[cpu];
	if (found->block != state->block)
		*found = (struct egret_cpu_state){ .block = state->block };
	return found;
}

static uint64_t *last_value(struct egret_sample_state *state, uint32_t event)
{
	if (event >= state->n_values) {
		size_t n = event + 8;
		uint64_t *values = realloc(state->values, n * sizeof(*values));

		if (!values)
			return NULL;
		memset(values + state->n_values, 0, (n - state->n_values) * sizeof(*values));
		state->values = values;
		state->n_values = n;
	}
	return &state->values[event];
}

static bool is_cut(const struct egret_sample_row *row)
{
	return row->capture_end != EGRET_CAPTURE_WHOLE || row->unwind_end != EGRET_UNWIND_ROOT;
}

int egret_sample_encode(struct egret_sample_state *state, struct egret_buffer *columns,
			const struct egret_sample_row *row)
{
	struct egret_cpu_state *cpu = cpu_state(state, row->cpu);
	uint64_t *value = last_value(state, row->event);
	uint8_t endings[2] = { row->capture_end, row->unwind_end };

	if (!cpu || !value)
		return -ENOMEM;
	egret_buffer_add_uleb(&columns[EGRET_COLUMN_CPU], row->cpu);
	egret_buffer_add_sleb(&columns[EGRET_COLUMN_TIME],
			      (int64_t)(row->time - cpu->time - cpu->delta));
	egret_buffer_add_sleb(&columns[EGRET_COLUMN_THREAD],
			      (int64_t)row->thread - (int64_t)cpu->thread);
	egret_buffer_add_uleb(&columns[EGRET_COLUMN_STACK],
			      egret_code_number(&state->largest_stack, row->stack));
	egret_buffer_add_uleb(&columns[EGRET_COLUMN_EVENT], row->event);
	egret_buffer_add_sleb(&columns[EGRET_COLUMN_VALUE], (int64_t)(row->value - *value));
	egret_buffer_add(&columns[EGRET_COLUMN_ENDINGS], endings, 2);
	if (is_cut(row)) {
		egret_buffer_add_uleb(&columns[EGRET_COLUMN_BYTES], row->bytes_wanted);
		egret_buffer_add_uleb(&columns[EGRET_COLUMN_BYTES], row->bytes_got);
	}
	/* The first distance is the time itself: no pace to go by. */
	cpu->delta = cpu->time ? row->time - cpu->time : 0;
	cpu->time = row->time;
	cpu->thread = row->thread;
	*value = row->value;
	return 0;
}

/* An unsigned number that has to fit; UINT32_MAX and a failed cursor where it does not. */
static uint32_t take32(struct egret_cursor *c, uint32_t max)
{
	uint64_t value = egret_cursor_uleb(c);

	if (value <= max)
		return (uint32_t)value;
	c->failed = true;
	return UINT32_MAX;
}

/* The numbers that say which states a sample goes by. */
static int decode_where(struct egret_sample_state *state, struct egret_cursor *columns,
			struct egret_sample_row *row)
{
	struct egret_cursor *stacks = &columns[EGRET_COLUMN_STACK];
	uint64_t stack = egret_decode_number(&state->largest_stack, egret_cursor_uleb(stacks));

	row->cpu = take32(&columns[EGRET_COLUMN_CPU], EGRET_RECORDING_MAX_CPU);
	row->event = take32(&columns[EGRET_COLUMN_EVENT], EGRET_PROFILE_MAX_LABELS - 1);
	row->stack = (uint32_t)stack;
	if (stack > UINT32_MAX || stacks->failed || columns[EGRET_COLUMN_CPU].failed ||
	    columns[EGRET_COLUMN_EVENT].failed)
		return -EBADMSG;
	return 0;
}

static int decode_endings(struct egret_cursor *columns, struct egret_sample_row *row)
{
	struct egret_cursor *bytes = &columns[EGRET_COLUMN_BYTES];
	const uint8_t *endings = egret_cursor_bytes(&columns[EGRET_COLUMN_ENDINGS], 2);

	if (!endings)
		return -EBADMSG;
	row->capture_end = endings[0];
	row->unwind_end = endings[1];
	row->bytes_wanted = row->bytes_got = 0;
	if (!is_cut(row))
		return 0;
	row->bytes_wanted = take32(bytes, UINT32_MAX);
	row->bytes_got = take32(bytes, UINT32_MAX);
	return bytes->failed ? -EBADMSG : 0;
}

int egret_sample_decode(struct egret_sample_state *state, struct egret_cursor *columns,
			struct egret_sample_row *row)
{
	struct egret_cpu_state *cpu;
	uint64_t *value, thread;
	int ret = decode_where(state, columns, row);

	if (!ret)
		ret = decode_endings(columns, row);
	if (ret)
		return ret;
	cpu = cpu_state(state, row->cpu);
	value = last_value(state, row->event);
	if (!cpu || !value)
		return -ENOMEM;
	row->time = cpu->time + cpu->delta +
		    (uint64_t)egret_cursor_sleb(&columns[EGRET_COLUMN_TIME]);
	thread = cpu->thread + (uint64_t)egret_cursor_sleb(&columns[EGRET_COLUMN_THREAD]);
	row->value = *value + (uint64_t)egret_cursor_sleb(&columns[EGRET_COLUMN_VALUE]);
	if (columns[EGRET_COLUMN_TIME].failed || columns[EGRET_COLUMN_THREAD].failed ||
	    columns[EGRET_COLUMN_VALUE].failed || thread > UINT32_MAX)
		return -EBADMSG;
	row->thread = (uint32_t)thread;
	cpu->delta = cpu->time ? row->time - cpu->time : 0;
	cpu->time = row->time;
	cpu->thread = row->thread;
	*value = row->value;
	return 0;
}
