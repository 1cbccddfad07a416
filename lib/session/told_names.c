/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/told_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "symbolize/symbolize.h"

/* Places, sorted by where they start. */
struct places {
	struct egret_parsed_place *items;
	size_t n;
};

struct egret_told_names {
	struct egret_parser *parser;
	const struct egret_elf *elf, *debug;
	enum egret_demangle demangle;
	struct places symbols;		    /* by runs of addresses */
	struct places lines;		    /* by single addresses */
	struct egret_parsed_names *answers; /* that strings and lines are in */
	size_t n_answers;
};

int egret_told_names_create(struct egret_parser *parser, const struct egret_elf *elf,
			    const struct egret_elf *debug, enum egret_demangle demangle,
			    struct egret_told_names **out)
{
	struct egret_told_names *told = calloc(1, sizeof(*told));

	if (!told)
		return -ENOMEM;
	told->parser = parser;
	told->elf = elf;
	told->debug = debug;
	told->demangle = demangle;
	*out = told;
	return 0;
}

void egret_told_names_destroy(struct egret_told_names *told)
{
	if (!told)
		return;
	for (size_t i = 0; i < told->n_answers; i++)
		egret_parsed_names_deinit(&told->answers[i]);
	free(told->answers);
	free(told->symbols.items);
	free(told->lines.items);
	free(told);
}

size_t egret_told_names_memory(const struct egret_told_names *told)
{
	size_t bytes = sizeof(*told) + told->n_answers * sizeof(*told->answers) +
		       (told->symbols.n + told->lines.n) * sizeof(struct egret_parsed_place);

	for (size_t i = 0; i < told->n_answers; i++)
		bytes += told->answers[i].answer.len +
			 told->answers[i].n * sizeof(struct egret_parsed_place);
	return bytes;
}

/* ---- what is known ----------------------------------------------------------------------- */

/* The place that holds vaddr; NULL: none. */
static const struct egret_parsed_place *find(const struct places *places, uint64_t vaddr)
{
	size_t low = 0, high = places->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (places->items[mid].start <= vaddr)
			low = mid + 1;
		else
			high = mid;
	}
	return low && vaddr < places->items[low - 1].end ? &places->items[low - 1] : NULL;
}

static int compare_places(const void *a, const void *b)
{
	const struct egret_parsed_place *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* Each run once: an answer has it for each address in it. */
static void sort_places(struct places *places)
{
	size_t kept = 0;

	qsort(places->items, places->n, sizeof(*places->items), compare_places);
	for (size_t i = 0; i < places->n; i++)
		if (!kept || places->items[kept - 1].start != places->items[i].start)
			places->items[kept++] = places->items[i];
	places->n = kept;
}

static bool add_places(struct places *places, const struct egret_parsed_names *names)
{
	struct egret_parsed_place *items;

	items = reallocarray(places->items, places->n + names->n + 1, sizeof(*items));
	if (!items)
		return false;
	memcpy(items + places->n, names->places, names->n * sizeof(*items));
	places->items = items;
	places->n += names->n;
	return true;
}

/* False without memory. */
static bool keep(struct egret_told_names *told, const struct egret_parsed_names *names, bool lines)
{
	struct places *places = lines ? &told->lines : &told->symbols;
	struct egret_parsed_names *answers;
	size_t first = places->n;

	answers = reallocarray(told->answers, told->n_answers + 1, sizeof(*answers));
	if (!answers)
		return false;
	told->answers = answers;
	if (!add_places(places, names))
		return false;
	answers[told->n_answers++] = *names;
	for (size_t i = first; lines && i < places->n; i++) {
		places->items[i].start = places->items[i].vaddr;
		places->items[i].end = places->items[i].vaddr + 1;
	}
	sort_places(places);
	return true;
}

/* ---- asking ------------------------------------------------------------------------------ */

/* Of no use a second time: what is not known now will not be. */
static void note_failure(struct egret_parsed_names *names, const uint64_t *vaddrs, size_t n)
{
	egret_parsed_names_deinit(names);
	names->places = calloc(n, sizeof(*names->places));
	if (!names->places)
		return;
	for (size_t i = 0; i < n; i++)
		names->places[names->n++] =
			(struct egret_parsed_place){ .vaddr = vaddrs[i],
						     .start = vaddrs[i],
						     .end = vaddrs[i] + 1,
						     .reason = EGRET_NAME_NOT_READABLE };
}

static void ask(struct egret_told_names *told, const uint64_t *vaddrs, size_t n, bool lines)
{
	struct egret_parsed_names names;

	if (egret_parsing_names(told->parser, told->elf, told->debug, told->demangle, lines, vaddrs,
				n, &names))
		note_failure(&names, vaddrs, n);
	if (!keep(told, &names, lines))
		egret_parsed_names_deinit(&names);
}

void egret_told_names_prepare(struct egret_told_names *told, const uint64_t *vaddrs, size_t n,
			      bool lines)
{
	__free_ uint64_t *unknown = calloc(n + 1, sizeof(*unknown));
	size_t n_unknown = 0;

	for (size_t i = 0; unknown && i < n; i++)
		if (!find(lines ? &told->lines : &told->symbols, vaddrs[i]))
			unknown[n_unknown++] = vaddrs[i];
	for (size_t i = 0; i < n_unknown; i += EGRET_PARSING_ADDRESSES_MAX) {
		size_t left = n_unknown - i;

		ask(told, unknown + i,
		    left < EGRET_PARSING_ADDRESSES_MAX ? left : EGRET_PARSING_ADDRESSES_MAX, lines);
	}
}

/* Known or asked for. NULL without memory. */
static const struct egret_parsed_place *place_of(struct egret_told_names *told,
						 const struct places *places, uint64_t vaddr)
{
	const struct egret_parsed_place *place = find(places, vaddr);

	if (place)
		return place;
	ask(told, &vaddr, 1, places == &told->lines);
	return find(places, vaddr);
}

bool egret_told_names_symbol(struct egret_told_names *told, uint64_t vaddr,
			     struct egret_symbol *symbol, enum egret_name_reason *reason)
{
	const struct egret_parsed_place *place = place_of(told, &told->symbols, vaddr);

	if (!place || !place->symbol) {
		if (reason)
			*reason = place ? place->reason : EGRET_NAME_NOT_READABLE;
		return false;
	}
	*symbol = (struct egret_symbol){ .name = place->symbol,
					 .start = place->start,
					 .size = place->end - place->start };
	return true;
}

size_t egret_told_names_lines(struct egret_told_names *told, uint64_t vaddr,
			      struct egret_dwarf_line *lines, size_t max)
{
	const struct egret_parsed_place *place = place_of(told, &told->lines, vaddr);
	size_t n = place ? place->n_lines : 0;

	n = n < max ? n : max;
	if (n)
		memcpy(lines, place->lines, n * sizeof(*lines));
	return n;
}
