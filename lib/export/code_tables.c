/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/code_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Ranges begin at multiples of this, the first one at this. */
#define RANGE_ALIGN (1ull << 20)

static uint32_t kind_of(const struct egret_code_tables *t, uint32_t frame)
{
	uint32_t module = egret_profile_get_frame(t->profile, frame)->module;

	return egret_profile_get_module(t->profile, module)->kind;
}

bool egret_code_has_frame(const struct egret_code_tables *t, uint32_t frame)
{
	return !t->opts->no_kernel || kind_of(t, frame) != EGRET_MODULE_KERNEL;
}

static void mark_stack(struct egret_code_tables *t, uint32_t stack)
{
	while (stack) {
		struct egret_profile_node node = egret_profile_get_stack(t->profile, stack);

		if (egret_code_has_frame(t, node.frame))
			t->used[node.frame] = true;
		stack = node.parent;
	}
}

static bool has_own_addresses(uint32_t kind)
{
	return kind == EGRET_MODULE_KERNEL || kind == EGRET_MODULE_JIT ||
	       kind == EGRET_MODULE_UNMAPPED;
}

/* A return address is that of what follows the call, which may be in another function. */
static uint64_t offset_in_call(const struct egret_profile_frame *f)
{
	return f->offset - (f->flags & EGRET_FRAME_F_RETURN && f->offset);
}

/* The least range with all offsets that are used. */
static void widen(struct egret_code_range *range, uint64_t offset)
{
	if (!range->limit || offset < range->start)
		range->start = offset;
	if (offset >= range->limit)
		range->limit = offset + 1;
}

static void lay_out(struct egret_code_tables *t)
{
	uint64_t next = RANGE_ALIGN;

	for (uint32_t f = 0; f < egret_profile_n_frames(t->profile); f++) {
		const struct egret_profile_frame *frame = egret_profile_get_frame(t->profile, f);

		if (t->used[f])
			widen(&t->ranges[frame->module], offset_in_call(frame));
	}
	for (uint32_t m = 0; m < egret_profile_n_modules(t->profile); m++) {
		struct egret_code_range *range = &t->ranges[m];

		if (!range->limit ||
		    has_own_addresses(egret_profile_get_module(t->profile, m)->kind))
			continue;
		range->start = next;
		range->limit += next;
		next = (range->limit + RANGE_ALIGN) & ~(RANGE_ALIGN - 1);
	}
}

int egret_code_tables_init(struct egret_code_tables *t, const struct egret_profile *profile,
			   const struct egret_export_opts *opts)
{
	*t = (struct egret_code_tables){ .profile = profile, .opts = opts };
	egret_interned_init(&t->strings, sizeof(const char *), sizeof(const char *));
	egret_interned_init(&t->functions, sizeof(struct egret_code_function),
			    sizeof(struct egret_code_function));
	t->used = calloc(egret_profile_n_frames(profile) + 1, sizeof(*t->used));
	t->ranges = calloc(egret_profile_n_modules(profile) + 1, sizeof(*t->ranges));
	if (!t->used || !t->ranges ||
	    egret_interned_put_string(&t->strings, "") == EGRET_INDEX_NONE)
		return -ENOMEM;
	for (uint32_t e = 0; e < egret_profile_n_entries(profile); e++) {
		const struct egret_profile_entry *entry = egret_profile_get_entry(profile, e);

		/* Of two profiles side by side both are shown (egret_profile_join). */
		if (entry->key.event == opts->event || opts->base)
			mark_stack(t, entry->key.stack);
	}
	lay_out(t);
	return 0;
}

void egret_code_tables_deinit(struct egret_code_tables *t)
{
	egret_interned_deinit(&t->strings);
	egret_interned_deinit(&t->functions);
	egret_arena_deinit(&t->texts);
	free(t->used);
	free(t->ranges);
}

uint64_t egret_code_address(const struct egret_code_tables *t, uint32_t frame)
{
	const struct egret_profile_frame *f = egret_profile_get_frame(t->profile, frame);
	uint64_t address = offset_in_call(f);

	if (!has_own_addresses(kind_of(t, frame)))
		address += t->ranges[f->module].start;
	return address;
}

const char *egret_code_build_id(struct egret_code_tables *t, uint32_t module)
{
	const struct egret_build_id *id = &egret_profile_get_module(t->profile, module)->build_id;
	char *text = egret_arena_alloc(&t->texts, 2 * (size_t)id->len + 1);

	for (size_t i = 0; text && i < id->len; i++)
		sprintf(text + 2 * i, "%02x", id->bytes[i]);
	if (text)
		text[2 * id->len] = 0;
	return text;
}

uint32_t egret_code_string(struct egret_code_tables *t, const char *text)
{
	const char *clean = egret_text_clean(&t->texts, text);

	return clean ? egret_interned_put_string(&t->strings, clean) : EGRET_INDEX_NONE;
}

uint32_t egret_code_function(struct egret_code_tables *t, const struct egret_frame *line)
{
	struct egret_code_function function = {
		.name = egret_code_string(t, line->name),
		.file = egret_code_string(t, line->file),
	};

	if (function.name == EGRET_INDEX_NONE || function.file == EGRET_INDEX_NONE)
		return EGRET_INDEX_NONE;
	return egret_interned_put(&t->functions, &function);
}
