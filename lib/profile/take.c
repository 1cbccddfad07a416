/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What was counted, taken out of a profile: for a live view, which looks at what has come since it
 * looked last. Only what the samples refer to is copied, so that a look costs what has come, not
 * what there has ever been.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile/profile_tables.h"

/* Numbers in the new profile, plus one; 0: not there yet. */
struct taking {
	struct egret_profile *to;
	const struct egret_profile *from;
	const struct egret_profile_choice *choice; /* NULL: all, with the labels they have */
	uint32_t *modules, *frames, *stacks, *threads;
	uint32_t *path; /* of stacks, from the leaf up to one that is there */
	size_t n_path, capacity;
};

static uint32_t string(struct taking *t, uint32_t number)
{
	const char *text = t->from->strings.items[number];

	return egret_profile_string(t->to, text, strlen(text), NULL);
}

static uint32_t module(struct taking *t, uint32_t number)
{
	struct egret_profile_module copy = t->from->modules.items[number];

	if (!t->modules[number]) {
		copy.path = string(t, copy.path);
		t->modules[number] = egret_profile_module(t->to, &copy, NULL) + 1;
	}
	return t->modules[number] - 1;
}

/* The path of a label; NULL: there is none. */
static const char *labelled_cgroup(const struct egret_profile *p, uint32_t set)
{
	size_t n;
	const struct egret_profile_label *labels = egret_profile_get_label_set(p, set, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(p->strings.items[labels[i].key], "process.linux.cgroup"))
			return p->strings.items[labels[i].value];
	return NULL;
}

/* What a rule has made of it, where it is a label. */
static const char *cgroup_of(const struct taking *t, uint32_t number)
{
	const char *chosen;

	if (!t->choice ||
	    !labelled_cgroup(t->from, egret_profile_get_thread_labels(t->from, number)))
		return t->from->strings.items[egret_profile_get_cgroup(t->from, number)];
	chosen = labelled_cgroup(t->choice->sets, t->choice->set_of[number]);
	return chosen ? chosen : "";
}

static int label_thread(struct taking *t, uint32_t number)
{
	uint32_t to = t->threads[number] - 1;

	return t->choice ? egret_profile_copy_label_set(t->to, to, t->choice->sets,
							t->choice->set_of[number])
			 : egret_profile_copy_thread_labels(t->to, to, t->from, number);
}

static uint32_t thread(struct taking *t, uint32_t number)
{
	struct egret_profile_thread copy = t->from->threads.items[number];
	const char *cgroup = cgroup_of(t, number);

	if (!t->threads[number]) {
		copy.process = string(t, copy.process);
		copy.comm = string(t, copy.comm);
		t->threads[number] = egret_profile_thread(t->to, &copy, NULL) + 1;
		if (t->threads[number] && *cgroup &&
		    egret_profile_set_cgroup(
			    t->to, t->threads[number] - 1,
			    egret_profile_string(t->to, cgroup, strlen(cgroup), NULL)))
			return UINT32_MAX;
		if (t->threads[number] && label_thread(t, number))
			return UINT32_MAX;
	}
	return t->threads[number] - 1;
}

static int copy_lines(struct taking *t, uint32_t number, uint32_t to)
{
	struct egret_profile_line lines[EGRET_PROFILE_MAX_LINES];
	size_t n;
	const struct egret_profile_line *from = egret_profile_get_lines(t->from, number, &n);

	if (!from)
		return egret_profile_set_reason(t->to, to,
						egret_profile_get_reason(t->from, number));
	for (size_t i = 0; i < n; i++) {
		lines[i] = from[i];
		lines[i].name = string(t, from[i].name);
		lines[i].file = string(t, from[i].file);
	}
	return egret_profile_set_lines(t->to, to, lines, n);
}

static uint32_t frame(struct taking *t, uint32_t number)
{
	struct egret_profile_frame copy = t->from->frames.items[number];
	uint32_t added;

	if (!t->frames[number]) {
		copy.module = module(t, copy.module);
		added = egret_profile_frame(t->to, &copy, NULL);
		if (added == UINT32_MAX || copy_lines(t, number, added))
			return UINT32_MAX;
		t->frames[number] = added + 1;
	}
	return t->frames[number] - 1;
}

static int push(struct taking *t, uint32_t stack)
{
	if (t->n_path == t->capacity) {
		size_t more = t->capacity ? t->capacity * 2 : 256;
		uint32_t *larger = realloc(t->path, more * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		t->path = larger;
		t->capacity = more;
	}
	t->path[t->n_path++] = stack;
	return 0;
}

static uint32_t stack(struct taking *t, uint32_t number)
{
	uint32_t at;

	for (t->n_path = 0; number && !t->stacks[number];
	     number = t->from->stacks.items[number].parent)
		if (push(t, number))
			return UINT32_MAX;
	at = number ? t->stacks[number] - 1 : 0;
	while (t->n_path && at != UINT32_MAX) {
		number = t->path[--t->n_path];
		at = egret_profile_stack(t->to, at, frame(t, t->from->stacks.items[number].frame),
					 NULL);
		t->stacks[number] = at + 1;
	}
	return at;
}

static bool is_left_out(const struct taking *t, const struct egret_profile_key *key)
{
	return t->choice && t->choice->left_out[key->thread];
}

static int take_entries(struct taking *t)
{
	for (size_t i = 0; i < t->from->entries.n; i++) {
		const struct egret_profile_entry *entry = &t->from->entries.items[i];
		struct egret_profile_key key = entry->key;

		if (is_left_out(t, &key))
			continue;
		key.thread = thread(t, key.thread);
		key.stack = stack(t, key.stack);
		if (key.thread == UINT32_MAX || key.stack == UINT32_MAX ||
		    egret_profile_add(t->to, &key, &entry->values))
			return -ENOMEM;
	}
	return 0;
}

/* The samples, and by them the entries. */
static int take_samples(struct taking *t)
{
	struct egret_profile_shares shares;
	int ret = egret_profile_shares_init(&shares, t->from);

	egret_profile_keep_samples(t->to);
	for (size_t i = 0; i < t->from->samples.n && !ret; i++) {
		const struct egret_profile_sample *s = &t->from->samples.items[i];
		struct egret_profile_key key = t->from->entries.items[s->entry].key;
		struct egret_profile_values values = egret_profile_share(&shares, s);

		if (is_left_out(t, &key))
			continue;
		key.thread = thread(t, key.thread);
		key.stack = stack(t, key.stack);
		if (key.thread == UINT32_MAX || key.stack == UINT32_MAX ||
		    egret_profile_add_sample(t->to, &key, &values, s->time, s->cpu))
			ret = -ENOMEM;
	}
	egret_profile_shares_deinit(&shares);
	return ret;
}

static int allocate(struct taking *t)
{
	const struct egret_profile *from = t->from;

	t->modules = calloc(from->modules.n + 1, sizeof(uint32_t));
	t->frames = calloc(from->frames.n + 1, sizeof(uint32_t));
	t->stacks = calloc(from->stacks.n + 1, sizeof(uint32_t));
	t->threads = calloc(from->threads.n + 1, sizeof(uint32_t));
	return t->modules && t->frames && t->stacks && t->threads ? 0 : -ENOMEM;
}

static int begin(struct taking *t)
{
	int ret = egret_profile_create(&t->to);

	if (!ret)
		ret = allocate(t);
	return ret ? ret : egret_profile_copy_labels(t->to, t->from);
}

static int end(struct taking *t, int ret, struct egret_profile **out)
{
	free(t->modules);
	free(t->frames);
	free(t->stacks);
	free(t->threads);
	free(t->path);
	if (ret)
		egret_profile__destroy(t->to);
	else
		*out = t->to;
	return ret;
}

int egret_profile_choose(const struct egret_profile *from,
			 const struct egret_profile_choice *choice, struct egret_profile **out)
{
	struct taking t = { .from = from, .choice = choice };
	int ret = begin(&t);

	if (!ret)
		ret = from->keeps_samples ? take_samples(&t) : take_entries(&t);
	if (!ret)
		ret = egret_profile_sort_samples(t.to);
	return end(&t, ret, out);
}

int egret_profile_take(struct egret_profile *from, struct egret_profile **out)
{
	int ret = egret_profile_choose(from, NULL, out);

	if (ret)
		return ret;
	from->entries.n = 0;
	from->samples.n = 0;
	egret_index_deinit(&from->entries.index);
	return 0;
}

int egret_profile_renew(const struct egret_profile *from, struct egret_profile_numbers *numbers,
			struct egret_profile **out)
{
	struct taking t = { .from = from };
	int ret = begin(&t);

	for (size_t i = 0; i < numbers->n_threads && !ret; i++) {
		*numbers->threads[i] = thread(&t, *numbers->threads[i]);
		ret = *numbers->threads[i] == UINT32_MAX ? -ENOMEM : 0;
	}
	for (size_t i = 0; i < numbers->n_stacks && !ret; i++) {
		*numbers->stacks[i] = stack(&t, *numbers->stacks[i]);
		ret = *numbers->stacks[i] == UINT32_MAX ? -ENOMEM : 0;
	}
	if (!ret && from->keeps_samples)
		egret_profile_keep_samples(t.to);
	return end(&t, ret, out);
}
