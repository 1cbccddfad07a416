/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Labels of processes: sets of keys and values, each kept once; threads refer to them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "profile/profile_tables.h"

struct wanted {
	const struct egret_profile_label *labels;
	size_t n;
};

static uint64_t hash_set(const struct wanted *w)
{
	uint64_t hash = w->n;

	for (size_t i = 0; i < w->n; i++)
		hash = egret_hash64(hash ^ ((uint64_t)w->labels[i].key << 32 | w->labels[i].value));
	return hash;
}

static bool same_set(const void *owner, uint32_t number, const void *key)
{
	const struct egret_profile *p = owner;
	const struct egret_profile_span *span = &p->label_sets.items[number];
	const struct wanted *w = key;

	return span->n == w->n &&
	       !memcmp(&p->labels.items[span->first], w->labels, w->n * sizeof(*w->labels));
}

static int by_key(const void *a, const void *b, void *arg)
{
	const struct egret_profile *p = arg;
	const struct egret_profile_label *x = a, *y = b;

	return strcmp(p->strings.items[x->key], p->strings.items[y->key]);
}

static uint32_t add_set(struct egret_profile *p, const struct wanted *w, uint64_t hash)
{
	struct egret_profile_span span = { (uint32_t)p->labels.n, (uint32_t)w->n };

	if (!p->label_sets.n && !EGRET_TABLE_ROOM(&p->label_sets))
		return UINT32_MAX;
	if (!p->label_sets.n) /* number 0: no labels */
		p->label_sets.items[p->label_sets.n++] = (struct egret_profile_span){ 0 };
	for (size_t i = 0; i < w->n; i++) {
		if (!EGRET_TABLE_ROOM(&p->labels))
			return UINT32_MAX;
		p->labels.items[p->labels.n++] = w->labels[i];
	}
	if (!EGRET_TABLE_ROOM(&p->label_sets) ||
	    egret_index_add(&p->label_sets.index, hash, (uint32_t)p->label_sets.n))
		return UINT32_MAX;
	p->label_sets.items[p->label_sets.n] = span;
	return (uint32_t)p->label_sets.n++;
}

uint32_t egret_profile_label_set(struct egret_profile *p, const struct egret_profile_label *labels,
				 size_t n)
{
	__free_ struct egret_profile_label *sorted = NULL;
	struct wanted w;
	uint64_t hash;
	uint32_t number;

	if (!n)
		return 0;
	sorted = reallocarray(NULL, n, sizeof(*sorted));
	if (!sorted || n > UINT32_MAX - p->labels.n)
		return UINT32_MAX;
	memcpy(sorted, labels, n * sizeof(*sorted));
	qsort_r(sorted, n, sizeof(*sorted), by_key, p);
	w = (struct wanted){ sorted, n };
	hash = hash_set(&w);
	number = egret_index_find(&p->label_sets.index, hash, &w, same_set, p);
	return number != EGRET_INDEX_NONE ? number : add_set(p, &w, hash);
}

size_t egret_profile_n_label_sets(const struct egret_profile *p)
{
	return p->label_sets.n;
}

const struct egret_profile_label *egret_profile_get_label_set(const struct egret_profile *p,
							      uint32_t set, size_t *n)
{
	*n = set < p->label_sets.n ? p->label_sets.items[set].n : 0;
	return *n ? &p->labels.items[p->label_sets.items[set].first] : NULL;
}

int egret_profile_set_thread_labels(struct egret_profile *p, uint32_t thread, uint32_t set)
{
	if (thread >= p->threads.n || (set && set >= p->label_sets.n))
		return -EINVAL;
	while (p->thread_labels.n <= thread) {
		if (!EGRET_TABLE_ROOM(&p->thread_labels))
			return -ENOMEM;
		p->thread_labels.items[p->thread_labels.n++] = 0;
	}
	p->thread_labels.items[thread] = set;
	return 0;
}

uint32_t egret_profile_get_thread_labels(const struct egret_profile *p, uint32_t thread)
{
	return thread < p->thread_labels.n ? p->thread_labels.items[thread] : 0;
}

int egret_profile_copy_thread_labels(struct egret_profile *to, uint32_t to_thread,
				     const struct egret_profile *from, uint32_t thread)
{
	return egret_profile_copy_label_set(to, to_thread, from,
					    egret_profile_get_thread_labels(from, thread));
}

uint32_t egret_profile_same_label_set(struct egret_profile *to, const struct egret_profile *from,
				      uint32_t set)
{
	__free_ struct egret_profile_label *copy = NULL;
	const struct egret_profile_label *labels;
	size_t n;

	labels = egret_profile_get_label_set(from, set, &n);
	if (!n)
		return 0;
	copy = reallocarray(NULL, n, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		const char *key = from->strings.items[labels[i].key];
		const char *value = from->strings.items[labels[i].value];

		copy[i].key = egret_profile_string(to, key, strlen(key), NULL);
		copy[i].value = egret_profile_string(to, value, strlen(value), NULL);
		if (copy[i].key == UINT32_MAX || copy[i].value == UINT32_MAX)
			return UINT32_MAX;
	}
	return copy ? egret_profile_label_set(to, copy, n) : UINT32_MAX;
}

int egret_profile_copy_label_set(struct egret_profile *to, uint32_t to_thread,
				 const struct egret_profile *from, uint32_t set)
{
	if (egret_profile_get_thread_labels(to, to_thread))
		return 0;
	set = egret_profile_same_label_set(to, from, set);
	if (!set)
		return 0;
	return set == UINT32_MAX ? -ENOMEM : egret_profile_set_thread_labels(to, to_thread, set);
}
