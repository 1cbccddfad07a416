/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile_tables.h"

/* The largest number is UINT32_MAX - 1: UINT32_MAX says that there is none. */
#define MAX_ITEMS ((size_t)UINT32_MAX - 1)

void *egret_table_room(void *items, size_t n, size_t *capacity, size_t item_size)
{
	size_t larger = *capacity + *capacity / 2;
	void *moved;

	if (n < *capacity)
		return items;
	if (n >= MAX_ITEMS)
		return NULL;
	if (larger < 16)
		larger = 16;
	moved = realloc(items, larger * item_size);
	if (moved)
		*capacity = larger;
	return moved;
}

/* Number 0 of strings and of stacks mean "none" and are always there. */
static int add_zeros(struct egret_profile *p)
{
	if (egret_profile_string(p, "", 0, NULL) || !EGRET_TABLE_ROOM(&p->stacks) ||
	    !EGRET_TABLE_ROOM(&p->depths))
		return -ENOMEM;
	p->stacks.items[p->stacks.n++] = (struct egret_profile_node){ 0, UINT32_MAX };
	p->depths.items[p->depths.n++] = 0;
	return 0;
}

int egret_profile_create(struct egret_profile **out)
{
	struct egret_profile *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->view = egret_profile_view_create();
	if (!p->view || add_zeros(p)) {
		egret_profile__destroy(p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void egret_profile__destroy(struct egret_profile *p)
{
	if (!p)
		return;
	egret_profile_view_destroy(p->view);
	EGRET_TABLE_DEINIT(&p->strings);
	EGRET_TABLE_DEINIT(&p->modules);
	EGRET_TABLE_DEINIT(&p->frames);
	EGRET_TABLE_DEINIT(&p->stacks);
	EGRET_TABLE_DEINIT(&p->depths);
	EGRET_TABLE_DEINIT(&p->threads);
	EGRET_TABLE_DEINIT(&p->entries);
	EGRET_TABLE_DEINIT(&p->spans);
	EGRET_TABLE_DEINIT(&p->lines);
	EGRET_TABLE_DEINIT(&p->cgroups);
	EGRET_TABLE_DEINIT(&p->labels);
	EGRET_TABLE_DEINIT(&p->label_sets);
	EGRET_TABLE_DEINIT(&p->thread_labels);
	EGRET_TABLE_DEINIT(&p->reasons);
	EGRET_TABLE_DEINIT(&p->meta);
	EGRET_TABLE_DEINIT(&p->events);
	EGRET_TABLE_DEINIT(&p->stats);
	EGRET_TABLE_DEINIT(&p->samples);
	egret_arena_deinit(&p->texts);
	free(p);
}

/*
 * Puts *item behind the last one and into the index; evaluates to its number, or UINT32_MAX without
 * memory.
 */
#define APPEND(table, hash, item)                                                                  \
	({                                                                                         \
		uint32_t number_ = UINT32_MAX;                                                     \
		if (EGRET_TABLE_ROOM(table) &&                                                     \
		    !egret_index_add(&(table)->index, hash, (uint32_t)(table)->n)) {               \
			number_ = (uint32_t)(table)->n++;                                          \
			(table)->items[number_] = *(item);                                         \
		}                                                                                  \
		number_;                                                                           \
	})

static uint32_t say_added(bool *added, bool is, uint32_t number)
{
	if (added)
		*added = is && number != UINT32_MAX;
	return number;
}

struct text {
	const char *text;
	size_t len;
};

static bool string_equal(const void *owner, uint32_t value, const void *key)
{
	const char *have = ((const struct egret_profile *)owner)->strings.items[value];
	const struct text *want = key;

	return !strncmp(have, want->text, want->len) && !have[want->len];
}

uint32_t egret_profile_string(struct egret_profile *p, const char *text, size_t len, bool *added)
{
	struct text key = {
		text, strnlen(text, len < EGRET_PROFILE_MAX_STRING ? len : EGRET_PROFILE_MAX_STRING)
	};
	uint64_t hash = egret_hash_bytes(key.text, key.len);
	uint32_t found = egret_index_find(&p->strings.index, hash, &key, string_equal, p);
	const char *copy;

	if (found != EGRET_INDEX_NONE)
		return say_added(added, false, found);
	copy = egret_arena_text(&p->texts, key.text, key.len);
	found = copy ? APPEND(&p->strings, hash, &copy) : UINT32_MAX;
	return say_added(added, true, found);
}

static uint64_t module_hash(const struct egret_profile_module *m)
{
	uint64_t hash = egret_hash_bytes(m->build_id.bytes, m->build_id.len);

	hash = egret_hash64(hash ^ m->dev);
	hash = egret_hash64(hash ^ m->ino);
	hash = egret_hash64(hash ^ ((uint64_t)m->path << 32 | m->kind));
	return egret_hash64(hash ^ (uint32_t)m->pid);
}

static bool module_equal(const void *owner, uint32_t value, const void *key)
{
	const struct egret_profile_module *a =
		&((const struct egret_profile *)owner)->modules.items[value];
	const struct egret_profile_module *b = key;

	return a->path == b->path && a->kind == b->kind && a->dev == b->dev && a->ino == b->ino &&
	       a->pid == b->pid && a->build_id.len == b->build_id.len &&
	       !memcmp(a->build_id.bytes, b->build_id.bytes, a->build_id.len);
}

uint32_t egret_profile_module(struct egret_profile *p, const struct egret_profile_module *m,
			      bool *added)
{
	uint64_t hash;
	uint32_t found;

	if (m->path >= p->strings.n || m->build_id.len > EGRET_BUILD_ID_MAX)
		return say_added(added, false, UINT32_MAX);
	hash = module_hash(m);
	found = egret_index_find(&p->modules.index, hash, m, module_equal, p);
	if (found != EGRET_INDEX_NONE)
		return say_added(added, false, found);
	return say_added(added, true, APPEND(&p->modules, hash, m));
}

static bool frame_equal(const void *owner, uint32_t value, const void *key)
{
	const struct egret_profile_frame *a =
		&((const struct egret_profile *)owner)->frames.items[value];
	const struct egret_profile_frame *b = key;

	return a->module == b->module && a->flags == b->flags && a->offset == b->offset;
}

uint32_t egret_profile_frame(struct egret_profile *p, const struct egret_profile_frame *f,
			     bool *added)
{
	uint64_t hash = egret_hash64(egret_hash64(f->offset) ^
				     ((uint64_t)f->module << 32 | f->flags));
	uint32_t found;

	if (f->module >= p->modules.n)
		return say_added(added, false, UINT32_MAX);
	found = egret_index_find(&p->frames.index, hash, f, frame_equal, p);
	if (found != EGRET_INDEX_NONE)
		return say_added(added, false, found);
	return say_added(added, true, APPEND(&p->frames, hash, f));
}

static bool node_equal(const void *owner, uint32_t value, const void *key)
{
	const struct egret_profile_node *a =
		&((const struct egret_profile *)owner)->stacks.items[value];
	const struct egret_profile_node *b = key;

	return a->parent == b->parent && a->frame == b->frame;
}

static uint32_t add_stack(struct egret_profile *p, uint64_t hash,
			  const struct egret_profile_node *node)
{
	uint16_t depth = p->depths.items[node->parent];
	uint32_t number;

	if (depth >= EGRET_PROFILE_MAX_DEPTH || !EGRET_TABLE_ROOM(&p->depths))
		return UINT32_MAX;
	number = APPEND(&p->stacks, hash, node);
	if (number != UINT32_MAX)
		p->depths.items[p->depths.n++] = depth + 1;
	return number;
}

uint32_t egret_profile_stack(struct egret_profile *p, uint32_t parent, uint32_t frame, bool *added)
{
	struct egret_profile_node node = { parent, frame };
	uint64_t hash = egret_hash64((uint64_t)parent << 32 | frame);
	uint32_t found;

	if (parent >= p->stacks.n || frame >= p->frames.n)
		return say_added(added, false, UINT32_MAX);
	found = egret_index_find(&p->stacks.index, hash, &node, node_equal, p);
	if (found != EGRET_INDEX_NONE)
		return say_added(added, false, found);
	return say_added(added, true, add_stack(p, hash, &node));
}

static bool thread_equal(const void *owner, uint32_t value, const void *key)
{
	const struct egret_profile_thread *a =
		&((const struct egret_profile *)owner)->threads.items[value];
	const struct egret_profile_thread *b = key;

	return a->pid == b->pid && a->tid == b->tid && a->start_time == b->start_time &&
	       a->process == b->process && a->comm == b->comm;
}

uint32_t egret_profile_thread(struct egret_profile *p, const struct egret_profile_thread *t,
			      bool *added)
{
	uint64_t hash = egret_hash64((uint64_t)(uint32_t)t->pid << 32 | (uint32_t)t->tid);
	uint32_t found;

	if (t->process >= p->strings.n || t->comm >= p->strings.n)
		return say_added(added, false, UINT32_MAX);
	hash = egret_hash64(hash ^ t->start_time);
	hash = egret_hash64(hash ^ ((uint64_t)t->process << 32 | t->comm));
	found = egret_index_find(&p->threads.index, hash, t, thread_equal, p);
	if (found != EGRET_INDEX_NONE)
		return say_added(added, false, found);
	return say_added(added, true, APPEND(&p->threads, hash, t));
}

static bool entry_equal(const void *owner, uint32_t value, const void *key)
{
	const struct egret_profile_key *a =
		&((const struct egret_profile *)owner)->entries.items[value].key;
	const struct egret_profile_key *b = key;

	return a->thread == b->thread && a->stack == b->stack && a->event == b->event &&
	       a->capture_end == b->capture_end && a->unwind_end == b->unwind_end;
}

/* The entry of key, added when it is new. 0, -ENOMEM or -EINVAL. */
static int entry_of(struct egret_profile *p, const struct egret_profile_key *key, uint32_t *number)
{
	uint64_t hash = egret_hash64((uint64_t)key->thread << 32 | key->stack);

	if (key->thread >= p->threads.n || key->stack >= p->stacks.n)
		return -EINVAL;
	hash = egret_hash64(hash ^ ((uint64_t)key->event << 16 | (uint32_t)key->capture_end << 8 |
				    key->unwind_end));
	*number = egret_index_find(&p->entries.index, hash, key, entry_equal, p);
	if (*number == EGRET_INDEX_NONE) {
		struct egret_profile_entry entry = { .key = *key };

		*number = APPEND(&p->entries, hash, &entry);
	}
	return *number == UINT32_MAX ? -ENOMEM : 0;
}

static void add_values(struct egret_profile_values *sum, const struct egret_profile_values *values)
{
	sum->samples += values->samples;
	sum->value += values->value;
	sum->bytes_wanted += values->bytes_wanted;
	sum->bytes_got += values->bytes_got;
}

int egret_profile_add(struct egret_profile *p, const struct egret_profile_key *key,
		      const struct egret_profile_values *values)
{
	uint32_t number;
	int ret = entry_of(p, key, &number);

	if (!ret)
		add_values(&p->entries.items[number].values, values);
	return ret;
}

int egret_profile_add_sample(struct egret_profile *p, const struct egret_profile_key *key,
			     const struct egret_profile_values *values, uint64_t time, uint32_t cpu)
{
	struct egret_profile_sample sample = { .time = time, .value = values->value, .cpu = cpu };
	int ret;

	if (!p->keeps_samples)
		return egret_profile_add(p, key, values);
	if (!EGRET_TABLE_ROOM(&p->samples))
		return -ENOMEM;
	ret = entry_of(p, key, &sample.entry);
	if (ret)
		return ret;
	p->samples.items[p->samples.n++] = sample;
	add_values(&p->entries.items[sample.entry].values, values);
	return 0;
}

size_t egret_profile_n_strings(const struct egret_profile *p)
{
	return p->strings.n;
}

const char *egret_profile_get_string(const struct egret_profile *p, uint32_t string)
{
	return string < p->strings.n ? p->strings.items[string] : NULL;
}

size_t egret_profile_n_modules(const struct egret_profile *p)
{
	return p->modules.n;
}

const struct egret_profile_module *egret_profile_get_module(const struct egret_profile *p,
							    uint32_t m)
{
	return m < p->modules.n ? &p->modules.items[m] : NULL;
}

size_t egret_profile_n_frames(const struct egret_profile *p)
{
	return p->frames.n;
}

const struct egret_profile_frame *egret_profile_get_frame(const struct egret_profile *p, uint32_t f)
{
	return f < p->frames.n ? &p->frames.items[f] : NULL;
}

size_t egret_profile_n_stacks(const struct egret_profile *p)
{
	return p->stacks.n;
}

struct egret_profile_node egret_profile_get_stack(const struct egret_profile *p, uint32_t stack)
{
	return p->stacks.items[stack < p->stacks.n ? stack : 0];
}

size_t egret_profile_n_threads(const struct egret_profile *p)
{
	return p->threads.n;
}

const struct egret_profile_thread *egret_profile_get_thread(const struct egret_profile *p,
							    uint32_t t)
{
	return t < p->threads.n ? &p->threads.items[t] : NULL;
}
