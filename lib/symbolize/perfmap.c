/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A JIT appends to its map and never takes a line back, so that lines overlap where memory was
 * used again. The lines are turned into disjoint pieces, each of the latest line that covers it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbolize/symbolize.h"

/* A line, in the order of the file until it is sorted. */
struct code {
	uint64_t start, end; /* end: the first address behind it */
	uint32_t name;	     /* offset in names */
	uint32_t line;	     /* number, for who is later */
};

/* A run of addresses, and whose it is. */
struct piece {
	uint64_t start, end;
	uint32_t code; /* index */
};

struct egret_perfmap {
	char *names;
	size_t names_len;
	struct code *codes; /* sorted by start */
	size_t n_codes;
	struct piece *pieces; /* sorted, disjoint */
	size_t n_pieces;
};

/* ---- lines -------------------------------------------------------------------------------- */

/* A hexadecimal number, with or without 0x, and the blanks behind it. */
static bool parse_hex(const char **p, const char *end, uint64_t *value)
{
	const char *start;

	if (end - *p > 2 && (*p)[0] == '0' && ((*p)[1] | 0x20) == 'x')
		*p += 2;
	start = *p;
	for (*value = 0; *p < end; (*p)++) {
		unsigned char c = (unsigned char)**p, digit = c - '0';

		if (digit > 9) {
			digit = (unsigned char)((c | 0x20) - 'a' + 10);
			if (digit < 10 || digit > 15)
				break;
		}
		if (*value >> 60)
			return false;
		*value = *value << 4 | digit;
	}
	if (*p == start || *p == end || (**p != ' ' && **p != '\t'))
		return false;
	while (*p < end && (**p == ' ' || **p == '\t'))
		(*p)++;
	return true;
}

static void parse_line(struct egret_perfmap *map, uint32_t number, const char *p, const char *end)
{
	uint64_t start, size;
	size_t len;

	if (!parse_hex(&p, end, &start) || !parse_hex(&p, end, &size))
		return;
	len = (size_t)(end - p);
	if (!size || size > UINT64_MAX - start || !len)
		return;
	map->codes[map->n_codes++] = (struct code){ start, start + size, (uint32_t)map->names_len,
						    number };
	memcpy(map->names + map->names_len, p, len);
	map->names[map->names_len + len] = '\0';
	map->names_len += len + 1;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 1;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

static void parse_lines(struct egret_perfmap *map, const char *text, size_t len)
{
	const char *end = text + len, *eol;
	uint32_t number = 0;

	for (const char *p = text; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		parse_line(map, number++, p, eol);
	}
}

/* ---- pieces ------------------------------------------------------------------------------- */

/* The codes that begin at or before where the sweep is, the latest line on top. */
struct heap {
	uint32_t *codes;
	size_t n;
};

static bool is_later(const struct egret_perfmap *map, uint32_t a, uint32_t b)
{
	return map->codes[a].line > map->codes[b].line;
}

static void heap_push(const struct egret_perfmap *map, struct heap *heap, uint32_t code)
{
	size_t i = heap->n++;

	for (; i && is_later(map, code, heap->codes[(i - 1) / 2]); i = (i - 1) / 2)
		heap->codes[i] = heap->codes[(i - 1) / 2];
	heap->codes[i] = code;
}

static void heap_pop(const struct egret_perfmap *map, struct heap *heap)
{
	uint32_t code = heap->codes[--heap->n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < heap->n) {
		if (child + 1 < heap->n &&
		    is_later(map, heap->codes[child + 1], heap->codes[child]))
			child++;
		if (!is_later(map, heap->codes[child], code))
			break;
		heap->codes[i] = heap->codes[child];
		i = child;
	}
	heap->codes[i] = code;
}

/*
 * Sweeps over the addresses. Each turn ends where a code begins, which happens once for each, or
 * where the one on top ends, which is then popped: 2 * n_codes pieces at most.
 */
static void make_pieces(struct egret_perfmap *map, struct heap *heap)
{
	const struct code *codes = map->codes;
	uint64_t at = 0;
	uint32_t next = 0;

	while (next < map->n_codes || heap->n) {
		uint64_t end;

		while (heap->n && codes[heap->codes[0]].end <= at)
			heap_pop(map, heap);
		if (!heap->n && next < map->n_codes && codes[next].start > at)
			at = codes[next].start;
		while (next < map->n_codes && codes[next].start <= at)
			heap_push(map, heap, next++);
		if (!heap->n)
			continue;
		end = codes[heap->codes[0]].end;
		if (next < map->n_codes && codes[next].start < end)
			end = codes[next].start;
		if (end <= at)
			continue;
		map->pieces[map->n_pieces++] = (struct piece){ at, end, heap->codes[0] };
		at = end;
	}
}

static int compare_codes(const void *a, const void *b)
{
	const struct code *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

/* ---- the map ------------------------------------------------------------------------------ */

static int build(struct egret_perfmap *map, const char *text, size_t len)
{
	size_t lines = count_lines(text, len);
	struct heap heap = { 0 };
	int ret;

	map->names = malloc(len + 1);
	map->codes = calloc(lines, sizeof(*map->codes));
	if (!map->names || !map->codes)
		return -ENOMEM;
	parse_lines(map, text, len);
	qsort(map->codes, map->n_codes, sizeof(*map->codes), compare_codes);
	map->pieces = calloc(2 * map->n_codes + 1, sizeof(*map->pieces));
	heap.codes = calloc(map->n_codes + 1, sizeof(*heap.codes));
	ret = map->pieces && heap.codes ? 0 : -ENOMEM;
	if (!ret)
		make_pieces(map, &heap);
	free(heap.codes);
	return ret;
}

int egret_perfmap_parse(const char *text, size_t len, struct egret_perfmap **out,
			struct egret_error *err)
{
	struct egret_perfmap *map;
	int ret;

	if (len > UINT32_MAX / 2)
		return egret_fail(err, E2BIG, "a perf map of more than 2 GiB is not taken");
	map = calloc(1, sizeof(*map));
	ret = map ? build(map, text, len) : -ENOMEM;
	if (ret) {
		egret_perfmap_destroy(map);
		return egret_fail(err, -ret, "no memory for a perf map of %zu bytes", len);
	}
	*out = map;
	return 0;
}

void egret_perfmap_destroy(struct egret_perfmap *map)
{
	if (!map)
		return;
	free(map->names);
	free(map->codes);
	free(map->pieces);
	free(map);
}

bool egret_perfmap_find(const struct egret_perfmap *map, uint64_t addr, struct egret_symbol *out)
{
	size_t lo = 0, hi = map->n_pieces;
	const struct code *code;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (map->pieces[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == map->n_pieces || addr < map->pieces[lo].start)
		return false;
	code = &map->codes[map->pieces[lo].code];
	*out = (struct egret_symbol){ .name = map->names + code->name,
				      .start = code->start,
				      .size = code->end - code->start };
	return true;
}
