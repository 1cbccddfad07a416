/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* rows.c - a profile by any of its keys. */
#include "rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW_KEY_NAME(id, name) name,
const char *const row_key_names[NR_ROW_KEYS] = { ROW_KEYS(ROW_KEY_NAME) };

/* ---- keys ----------------------------------------------------------------------------------- */

static bool is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(text, word, len);
}

static bool add_key(struct row_keys *keys, const char *text, size_t len)
{
	static const char label[] = "label:";
	size_t prefix = sizeof(label) - 1;

	if (len > prefix && !strncmp(text, label, prefix) && !keys->label) {
		keys->label = text + prefix;
		keys->label_len = len - prefix;
		len = prefix - 1;
	} else if (is_word(text, len, row_key_names[KEY_LABEL])) {
		return false;
	}
	for (size_t i = 0; i < NR_ROW_KEYS; i++) {
		if (!is_word(text, len, row_key_names[i]))
			continue;
		for (size_t k = 0; k < keys->n; k++)
			if (keys->key[k] == i)
				return true;
		keys->key[keys->n++] = (enum row_key)i;
		return true;
	}
	return false;
}

int row_keys_parse(struct row_keys *keys, const char *text, const char **bad, size_t *len)
{
	*keys = (struct row_keys){ 0 };
	for (;; text += *len + 1) {
		*len = strcspn(text, ",");
		*bad = text;
		if (is_word(text, *len, "total"))
			keys->by_total = true;
		else if (!is_word(text, *len, "self") && !add_key(keys, text, *len))
			return -EINVAL;
		if (!text[*len])
			break;
	}
	if (!keys->n) {
		keys->key[keys->n++] = KEY_SYM;
		keys->key[keys->n++] = KEY_DSO;
	}
	return 0;
}

bool row_keys_need_samples(const struct row_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i] == KEY_CPU)
			return true;
	return false;
}

static bool are_of_frames(const struct row_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i] >= KEY_DSO)
			return true;
	return false;
}

const char *row_text(const struct row *row, size_t n)
{
	const char *text = row->texts;

	while (n--)
		text += strlen(text) + 1;
	return text;
}

/* ---- rows ----------------------------------------------------------------------------------- */

struct build {
	struct rows *rows;
	const struct row_keys *keys;
	uint32_t event;
	uint32_t n_samples; /* or stacks: the number of the one under way */
	char *texts;	    /* of the row that is looked for */
	size_t len, capacity;
};

static int append(struct build *b, const char *text)
{
	size_t len = strlen(text) + 1;

	if (b->len + len > b->capacity) {
		size_t larger = (b->len + len) * 2;
		char *texts = realloc(b->texts, larger);

		if (!texts)
			return -ENOMEM;
		b->texts = texts;
		b->capacity = larger;
	}
	memcpy(b->texts + b->len, text, len);
	b->len += len;
	return 0;
}

static int append_number(struct build *b, uint32_t number)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	return append(b, text);
}

static int append_line(struct build *b, const struct egret_frame *frame)
{
	char line[16];
	int ret;

	if (!frame || !frame->file)
		return append(b, "??:0");
	snprintf(line, sizeof(line), ":%u", frame->line);
	ret = append(b, frame->file);
	b->len -= !ret; /* over its NUL */
	return ret ? ret : append(b, line);
}

static int append_label(struct build *b, const struct egret_thread *thread)
{
	for (size_t i = 0; i < thread->n_labels; i++)
		if (is_word(b->keys->label, b->keys->label_len, thread->labels[i].key))
			return append(b, thread->labels[i].value);
	return append(b, "-");
}

static int append_key(struct build *b, enum row_key key, const struct egret_stack *stack,
		      const struct egret_frame *frame, uint32_t cpu)
{
	switch (key) {
	case KEY_COMM:
		return append(b, stack->thread->comm);
	case KEY_PID:
		return append_number(b, (uint32_t)stack->thread->pid);
	case KEY_TID:
		return append_number(b, (uint32_t)stack->thread->tid);
	case KEY_CPU:
		return append_number(b, cpu);
	case KEY_LABEL:
		return append_label(b, stack->thread);
	case KEY_DSO:
		return append(b, frame && *frame->module ? frame->module : "[unknown]");
	case KEY_SYM:
		return append(b, frame ? frame->name : "[unknown]");
	default:
		return append_line(b, frame);
	}
}

/* FNV-1a: https://datatracker.ietf.org/doc/draft-eastlake-fnv/ */
static uint64_t hash_of(const char *bytes, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	while (len--)
		hash = (hash ^ (unsigned char)*bytes++) * 0x100000001b3ull;
	return hash;
}

static int grow(struct rows *rows)
{
	size_t mask = rows->mask ? rows->mask * 2 + 1 : 1023;
	uint32_t *slots;
	struct row *larger;

	if (rows->n * 2 < rows->mask && rows->n < rows->capacity)
		return 0;
	larger = realloc(rows->rows, (mask + 1) / 2 * sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	rows->rows = larger;
	slots = calloc(mask + 1, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	rows->capacity = (mask + 1) / 2;
	for (size_t r = 0; r < rows->n; r++) {
		size_t i = rows->rows[r].hash & mask;

		while (slots[i])
			i = (i + 1) & mask;
		slots[i] = (uint32_t)r + 1;
	}
	free(rows->slots);
	rows->slots = slots;
	rows->mask = mask;
	return 0;
}

/* The row of the texts in b, added when it is new; NULL without memory. */
static struct row *find_row(struct build *b)
{
	struct rows *rows = b->rows;
	struct row row = { .hash = hash_of(b->texts, b->len) };
	size_t i;

	if (grow(rows))
		return NULL;
	for (i = row.hash & rows->mask; rows->slots[i]; i = (i + 1) & rows->mask) {
		struct row *found = &rows->rows[rows->slots[i] - 1];

		if (found->hash == row.hash && !memcmp(found->texts, b->texts, b->len))
			return found;
	}
	row.texts = malloc(b->len);
	if (!row.texts)
		return NULL;
	memcpy(row.texts, b->texts, b->len);
	rows->slots[i] = (uint32_t)rows->n + 1;
	rows->rows[rows->n] = row;
	return &rows->rows[rows->n++];
}

static int count(struct build *b, const struct egret_stack *stack, const struct egret_frame *frame,
		 bool is_leaf, uint32_t cpu, uint64_t value, uint64_t samples)
{
	struct row *row;

	b->len = 0;
	for (size_t i = 0; i < b->keys->n; i++)
		if (append_key(b, b->keys->key[i], stack, frame, cpu))
			return -ENOMEM;
	row = find_row(b);
	if (!row)
		return -ENOMEM;
	if (row->last_sample != b->n_samples) {
		row->last_sample = b->n_samples;
		row->total += value;
	}
	if (is_leaf) {
		row->self += value;
		row->samples += samples;
	}
	return 0;
}

static int add(struct build *b, const struct egret_stack *stack, uint32_t cpu, uint64_t value,
	       uint64_t samples)
{
	bool of_frames = are_of_frames(b->keys);
	int ret = 0;

	/* A counter that was not scheduled may give samples without a period. */
	if (!value)
		value = samples;
	b->n_samples++;
	b->rows->value += value;
	b->rows->samples += samples;
	if (!of_frames || !stack->n_frames)
		return count(b, stack, NULL, true, cpu, value, samples);
	for (size_t i = 0; !ret && i < stack->n_frames; i++)
		ret = count(b, stack, stack->frames[i], !i, cpu, value, samples);
	return ret;
}

static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct build *b = arg;

	return stack->event == b->event ? add(b, stack, 0, stack->value, stack->samples) : 0;
}

static int add_sample(const struct egret_sample *sample, void *arg)
{
	struct build *b = arg;

	return sample->stack->event == b->event
		       ? add(b, sample->stack, sample->cpu, sample->value, 1)
		       : 0;
}

static int compare(const void *x, const void *y, void *arg)
{
	const struct row *a = x, *b = y;
	const struct row_keys *keys = arg;
	uint64_t left = keys->by_total ? a->total : a->self;
	uint64_t right = keys->by_total ? b->total : b->self;

	if (left != right)
		return left < right ? 1 : -1;
	if (a->total != b->total)
		return a->total < b->total ? 1 : -1;
	for (size_t i = 0; i < keys->n; i++) {
		int by_text = strcmp(row_text(a, i), row_text(b, i));

		if (by_text)
			return by_text;
	}
	return 0;
}

int rows_build(struct rows *rows, const struct egret_profile *profile, uint32_t event,
	       const struct row_keys *keys)
{
	struct build b = { .rows = rows, .keys = keys, .event = event };
	int ret;

	*rows = (struct rows){ 0 };
	ret = row_keys_need_samples(keys) ? egret_profile__each_sample(profile, add_sample, &b)
					  : egret_profile__each_stack(profile, add_stack, &b);
	free(b.texts);
	if (!ret)
		qsort_r(rows->rows, rows->n, sizeof(*rows->rows), compare, (void *)keys);
	return ret;
}

void rows_deinit(struct rows *rows)
{
	for (size_t i = 0; i < rows->n; i++)
		free(rows->rows[i].texts);
	free(rows->rows);
	free(rows->slots);
	*rows = (struct rows){ 0 };
}
