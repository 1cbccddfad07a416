/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * shown_names.h - symbols as people want to see them: each is demangled once, and each text is kept
 * once.
 */
#ifndef EGRET_SESSION_SHOWN_NAMES_H
#define EGRET_SESSION_SHOWN_NAMES_H

#include <egret/egret.h>

#include "base/index.h"
#include "profile/arena.h"

struct egret_shown_name;

#define EGRET_RECENT_BITS 12

/* Zero-initialise but for demangle. Texts live until deinit. */
struct egret_shown_names {
	enum egret_demangle demangle;
	struct egret_index by_symbol, by_text;
	struct egret_shown_name *names;
	const char **texts;
	size_t n_names, names_capacity;
	size_t n_texts, texts_capacity;
	struct egret_arena arena;
	/* Those asked for lately, by their symbol: nearly all questions. */
	struct egret_recent_name {
		const char *symbol, *shown;
	} recent[1u << EGRET_RECENT_BITS];
};
void egret_shown_names_deinit(struct egret_shown_names *names);
size_t egret_shown_names_memory(const struct egret_shown_names *names);

/*
 * What to show for a symbol. It is known by its pointer, so what is behind it must stay as long as
 * names does. NULL without memory.
 */
const char *egret_shown_name(struct egret_shown_names *names, const char *symbol);

/* The same for a symbol that may go away: by its text. */
const char *egret_shown_name_of_text(struct egret_shown_names *names, const char *symbol);

/* The one copy of a text. NULL without memory. */
const char *egret_shown_text(struct egret_shown_names *names, const char *text);

#endif
