/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/shown_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbolize/symbolize.h"

struct egret_shown_name {
	const char *symbol;
	const char *shown;
};

void egret_shown_names_deinit(struct egret_shown_names *names)
{
	egret_index_deinit(&names->by_symbol);
	egret_index_deinit(&names->by_text);
	egret_arena_deinit(&names->arena);
	free(names->names);
	free(names->texts);
}

size_t egret_shown_names_memory(const struct egret_shown_names *names)
{
	return egret_arena_memory(&names->arena) + egret_index_memory(&names->by_symbol) +
	       egret_index_memory(&names->by_text) + names->names_capacity * sizeof(*names->names) +
	       names->texts_capacity * sizeof(*names->texts);
}

/* The array with room for one more item behind n; NULL without memory. */
static void *with_room(void *array, size_t n, size_t *capacity, size_t item_size)
{
	size_t more = *capacity ? *capacity * 2 : 64;
	void *grown;

	if (n < *capacity)
		return array;
	grown = reallocarray(array, more, item_size);
	if (grown)
		*capacity = more;
	return grown;
}

static bool same_text(const void *owner, uint32_t number, const void *key)
{
	const struct egret_shown_names *names = owner;

	return !strcmp(names->texts[number], key);
}

const char *egret_shown_text(struct egret_shown_names *names, const char *text)
{
	size_t len = strlen(text);
	uint64_t hash = egret_hash_bytes(text, len);
	uint32_t known = egret_index_find(&names->by_text, hash, text, same_text, names);
	const char *copy, **texts;

	if (known != EGRET_INDEX_NONE)
		return names->texts[known];
	texts = with_room(names->texts, names->n_texts, &names->texts_capacity, sizeof(*texts));
	if (!texts)
		return NULL;
	names->texts = texts;
	copy = egret_arena_text(&names->arena, text, len);
	if (!copy || egret_index_add(&names->by_text, hash, (uint32_t)names->n_texts))
		return NULL;
	texts[names->n_texts++] = copy;
	return copy;
}

/* NULL: is shown as it is. */
static char *demangle(const struct egret_shown_names *names, const char *symbol)
{
	switch (names->demangle) {
	case EGRET_DEMANGLE_FULL:
		return egret_demangle(symbol);
	case EGRET_DEMANGLE_SHORT:
		return egret_demangle_short(symbol);
	default:
		return NULL;
	}
}

const char *egret_shown_name_of_text(struct egret_shown_names *names, const char *symbol)
{
	__free_ char *demangled = demangle(names, symbol);

	return egret_shown_text(names, demangled ? demangled : symbol);
}

static bool same_symbol(const void *owner, uint32_t number, const void *key)
{
	const struct egret_shown_names *names = owner;

	return names->names[number].symbol == key;
}

static const char *known_name(struct egret_shown_names *names, const char *symbol, uint64_t hash)
{
	uint32_t known = egret_index_find(&names->by_symbol, hash, symbol, same_symbol, names);
	struct egret_shown_name *all;
	const char *shown;

	if (known != EGRET_INDEX_NONE)
		return names->names[known].shown;
	all = with_room(names->names, names->n_names, &names->names_capacity, sizeof(*all));
	if (!all)
		return NULL;
	names->names = all;
	shown = egret_shown_name_of_text(names, symbol);
	if (!shown || egret_index_add(&names->by_symbol, hash, (uint32_t)names->n_names))
		return NULL;
	all[names->n_names++] = (struct egret_shown_name){ symbol, shown };
	return shown;
}

const char *egret_shown_name(struct egret_shown_names *names, const char *symbol)
{
	uint64_t hash = egret_hash64((uintptr_t)symbol);
	struct egret_recent_name *recent = &names->recent[hash >> (64 - EGRET_RECENT_BITS)];
	const char *shown;

	if (recent->symbol == symbol)
		return recent->shown;
	shown = known_name(names, symbol, hash);
	if (shown)
		*recent = (struct egret_recent_name){ symbol, shown };
	return shown;
}
