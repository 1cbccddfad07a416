/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "why.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Frames of one reason in one file. A frame counts once for each sample that has it. */
struct unnamed {
	uint32_t why;
	const char *module; /* of the profile */
	uint64_t frames;
	uint64_t samples; /* with at least one */
	size_t seen_in;	  /* number of the stack that was counted last */
};

struct counts {
	struct unnamed *items;
	size_t n, capacity;
	size_t stacks; /* so far, from 1 on */
	uint64_t frames, samples;
	uint64_t unnamed_frames, unnamed_samples;
};

static struct unnamed *find(struct counts *counts, const struct egret_frame *frame)
{
	for (size_t i = 0; i < counts->n; i++)
		if (counts->items[i].why == frame->why &&
		    !strcmp(counts->items[i].module, frame->module))
			return &counts->items[i];
	if (counts->n == counts->capacity) {
		size_t capacity = counts->capacity ? counts->capacity * 2 : 16;
		struct unnamed *items;

		items = reallocarray(counts->items, capacity, sizeof(*items));
		if (!items)
			return NULL;
		counts->items = items;
		counts->capacity = capacity;
	}
	counts->items[counts->n] = (struct unnamed){ .why = frame->why, .module = frame->module };
	return &counts->items[counts->n++];
}

static int count_stack(const struct egret_stack *stack, void *arg)
{
	struct counts *counts = arg;
	bool any = false;

	counts->stacks++;
	counts->samples += stack->samples;
	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct egret_frame *frame = stack->frames[i];
		struct unnamed *unnamed;

		if (frame->kind == EGRET_FRAME_CUT)
			continue;
		counts->frames += stack->samples;
		if (!(frame->flags & EGRET_FRAME_F_UNNAMED))
			continue;
		unnamed = find(counts, frame);
		if (!unnamed)
			return -ENOMEM;
		unnamed->frames += stack->samples;
		counts->unnamed_frames += stack->samples;
		if (unnamed->seen_in != counts->stacks)
			unnamed->samples += stack->samples;
		unnamed->seen_in = counts->stacks;
		any = true;
	}
	counts->unnamed_samples += any ? stack->samples : 0;
	return 0;
}

/* The most frames first; of equally many, by reason and file, so that the order is always one. */
static int compare(const void *a, const void *b)
{
	const struct unnamed *x = a, *y = b;

	if (x->frames != y->frames)
		return x->frames > y->frames ? -1 : 1;
	if (x->why != y->why)
		return x->why < y->why ? -1 : 1;
	return strcmp(x->module, y->module);
}

static const char *reason_name(uint32_t why)
{
	const char *name = egret_name_reason_name(why);

	return name ? name : "unknown";
}

static void print_table(const struct counts *counts, FILE *out)
{
	fprintf(out, "\n%12s  %8s  %12s  %8s  %-18s  File\n", "Frames", "Share", "Samples", "Share",
		"Reason");
	for (size_t i = 0; i < counts->n; i++) {
		const struct unnamed *u = &counts->items[i];

		fprintf(out, "%12s  %8s  %12s  %8s  %-18s  ", text_count(u->frames).text,
			text_share(u->frames, counts->frames).text, text_count(u->samples).text,
			text_share(u->samples, counts->samples).text, reason_name(u->why));
		text_print(out, u->module, INT_MAX);
		fputc('\n', out);
	}
}

static bool is_first_of_its_reason(const struct counts *counts, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (counts->items[j].why == counts->items[i].why)
			return false;
	return true;
}

static void print_meanings(const struct counts *counts, FILE *out)
{
	fputc('\n', out);
	for (size_t i = 0; i < counts->n; i++) {
		uint32_t why = counts->items[i].why;
		const char *text = egret_name_reason_text(why);
		const char *fix = egret_name_reason_fix(why);

		if (!is_first_of_its_reason(counts, i))
			continue;
		fprintf(out, "%s: %s\n", reason_name(why),
			text ? text : "a reason that this version does not know");
		if (fix && *fix)
			fprintf(out, "%*s%s\n", 8, "", fix);
	}
}

int why_print(const struct egret_profile *profile, FILE *out)
{
	struct counts counts = { 0 };
	int ret = egret_profile__each_stack(profile, count_stack, &counts);

	if (!ret) {
		fprintf(out, "# frames without a name: %s of %s (%s), in %s of %s samples (%s)\n",
			text_count(counts.unnamed_frames).text, text_count(counts.frames).text,
			text_share(counts.unnamed_frames, counts.frames).text,
			text_count(counts.unnamed_samples).text, text_count(counts.samples).text,
			text_share(counts.unnamed_samples, counts.samples).text);
		if (counts.n) {
			qsort(counts.items, counts.n, sizeof(*counts.items), compare);
			print_table(&counts, out);
			print_meanings(&counts, out);
		}
	}
	free(counts.items);
	return ret;
}
