/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hits.c - which instructions of a function samples hit. */
#include "hits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* A module that has the function, while all of them are collected. */
struct found {
	const char *module;
	uint32_t kind;
	uint64_t place;
	uint64_t total;	     /* value of the stacks that it is in */
	uint64_t last_whole; /* of the search, when it was counted last */
	struct hits hits;
};

struct search {
	const char *function, *module;
	uint32_t event;
	uint64_t whole;
	struct found *found;
	size_t n;
};

static bool is_module(const char *module, const char *wanted)
{
	return !wanted || !strcmp(module, wanted) || !strcmp(text_file_name(module), wanted);
}

static struct found *found_in(struct search *s, const struct egret_frame *frame)
{
	struct found *larger;

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->found[i].module, frame->module))
			return &s->found[i];
	larger = realloc(s->found, (s->n + 1) * sizeof(*larger));
	if (!larger)
		return NULL;
	s->found = larger;
	s->found[s->n] = (struct found){ .module = frame->module,
					 .kind = frame->kind,
					 .place = frame->offset };
	return &s->found[s->n++];
}

static int add_hit(struct hits *hits, uint64_t offset, uint64_t samples, uint64_t value)
{
	if (hits->n == hits->capacity) {
		size_t more = hits->capacity ? hits->capacity * 2 : 64;
		struct hit *larger = realloc(hits->items, more * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		hits->items = larger;
		hits->capacity = more;
	}
	hits->items[hits->n++] = (struct hit){ offset, samples, value };
	return 0;
}

static int look_at(const struct egret_stack *stack, void *arg)
{
	struct search *s = arg;
	uint64_t value = stack->value ? stack->value : stack->samples;
	bool is_leaf = true, counted = false;

	if (stack->event != s->event)
		return 0;
	s->whole += value;
	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct egret_frame *frame = stack->frames[i];

		if (frame->kind != EGRET_FRAME_CUT && is_module(frame->module, s->module) &&
		    !strcmp(frame->name, s->function)) {
			struct found *found = found_in(s, frame);

			if (!found || (is_leaf && !counted &&
				       add_hit(&found->hits, frame->offset, stack->samples, value)))
				return -ENOMEM;
			counted |= is_leaf;
			if (found->last_whole != s->whole)
				found->total += value;
			found->last_whole = s->whole;
		}
		/* The leaf is an instruction: the function there, and what is inlined into it. */
		is_leaf &= (frame->flags & EGRET_FRAME_F_INLINED) != 0;
	}
	return 0;
}

/* Where a function of this name was hit most; where it was hit nowhere, what it called. */
static bool is_better(const struct found *found, const struct found *best)
{
	if (found->hits.value != best->hits.value)
		return found->hits.value > best->hits.value;
	return found->total > best->total;
}

static int compare_hits(const void *x, const void *y)
{
	const struct hit *a = x, *b = y;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

static void join(struct hits *hits)
{
	size_t kept = 0;

	qsort(hits->items, hits->n, sizeof(*hits->items), compare_hits);
	for (size_t i = 0; i < hits->n; i++) {
		struct hit *last = kept ? &hits->items[kept - 1] : NULL;

		hits->samples += hits->items[i].samples;
		hits->value += hits->items[i].value;
		if (last && last->offset == hits->items[i].offset) {
			last->samples += hits->items[i].samples;
			last->value += hits->items[i].value;
		} else {
			hits->items[kept++] = hits->items[i];
		}
	}
	hits->n = kept;
}

int hits_build(struct hits *hits, const struct egret_profile *profile, uint32_t event,
	       const char *function, const char *module)
{
	struct search s = { .function = function, .module = module, .event = event };
	struct found *best = NULL;
	int ret = egret_profile__each_stack(profile, look_at, &s);

	*hits = (struct hits){ 0 };
	for (size_t i = 0; i < s.n; i++) {
		if (s.found[i].hits.n)
			join(&s.found[i].hits);
		if (!best || is_better(&s.found[i], best))
			best = &s.found[i];
	}
	if (best && !ret) {
		*hits = best->hits;
		best->hits.items = NULL;
		hits->module = best->module;
		hits->kind = best->kind;
		hits->place = best->place;
	}
	hits->whole = s.whole;
	for (size_t i = 0; i < s.n; i++)
		free(s.found[i].hits.items);
	free(s.found);
	return ret;
}

void hits_deinit(struct hits *hits)
{
	free(hits->items);
	*hits = (struct hits){ 0 };
}

size_t hits_from(const struct hits *hits, uint64_t offset)
{
	size_t low = 0, high = hits->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (hits->items[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
