/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "maps/code_map.h"

#include <stdlib.h>
#include <string.h>

struct egret_code_map *egret_code_map_get(struct egret_code_map *map)
{
	if (map)
		map->refs++;
	return map;
}

void egret_code_map_put(struct egret_code_map *map)
{
	if (!map || --map->refs)
		return;
	free(map->mappings);
	free(map);
}

/* The first mapping that ends above addr. */
static size_t lower_bound(const struct egret_code_map *map, uint64_t addr)
{
	size_t low = 0, high = map->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (map->mappings[mid].end <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct egret_mapping *egret_code_map_find(const struct egret_code_map *map, uint64_t addr,
						size_t *last)
{
	const struct egret_mapping *m;
	size_t i = *last;

	if (!map)
		return NULL;
	if (i < map->n) {
		m = &map->mappings[i];
		if (addr >= m->start && addr < m->end)
			return m;
	}
	i = lower_bound(map, addr);
	if (i >= map->n || map->mappings[i].start > addr)
		return NULL;
	*last = i;
	return &map->mappings[i];
}

/* ---- changes ------------------------------------------------------------------------------------
 */

static struct egret_code_map *copy(const struct egret_code_map *map)
{
	struct egret_code_map *new = calloc(1, sizeof(*new));

	if (!new)
		return NULL;
	new->refs = 1;
	if (!map || !map->n)
		return new;
	new->mappings = calloc(map->n + 1, sizeof(*new->mappings));
	if (!new->mappings) {
		free(new);
		return NULL;
	}
	memcpy(new->mappings, map->mappings, map->n * sizeof(*new->mappings));
	new->n = map->n;
	new->capacity = map->n + 1;
	return new;
}

/* The map, to be changed: nobody else has it, and it has a new number. NULL without memory. */
static struct egret_code_map *changing(struct egret_code_map **map, uint64_t *numbers)
{
	if (!*map || (*map)->refs > 1) {
		struct egret_code_map *new = copy(*map);

		if (!new)
			return NULL;
		egret_code_map_put(*map);
		*map = new;
	}
	(*map)->number = ++*numbers;
	return *map;
}

static bool make_room(struct egret_code_map *map, size_t at, size_t n)
{
	struct egret_mapping *mappings;
	size_t capacity = map->capacity ? map->capacity * 2 : 16;

	if (map->n + n > map->capacity) {
		mappings = reallocarray(map->mappings, capacity + n, sizeof(*mappings));
		if (!mappings)
			return false;
		map->mappings = mappings;
		map->capacity = capacity + n;
	}
	memmove(&map->mappings[at + n], &map->mappings[at], (map->n - at) * sizeof(*map->mappings));
	map->n += n;
	return true;
}

static void cut_front(struct egret_mapping *m, uint64_t start)
{
	m->pgoff += start - m->start;
	m->start = start;
}

/* Takes [start, end) out of the mappings, and returns where a mapping of it belongs. */
static size_t clear_range(struct egret_code_map *map, uint64_t start, uint64_t end)
{
	size_t i = lower_bound(map, start), last;

	if (i == map->n)
		return i;
	if (map->mappings[i].start < start) {
		struct egret_mapping *m = &map->mappings[i];

		if (m->end > end && make_room(map, i, 1)) {
			/* Split in two. */
			m = &map->mappings[i];
			m[0].end = start;
			cut_front(&m[1], end);
			return i + 1;
		}
		m->end = start;
		i++;
	}
	for (last = i; last < map->n && map->mappings[last].end <= end; last++)
		;
	memmove(&map->mappings[i], &map->mappings[last], (map->n - last) * sizeof(*map->mappings));
	map->n -= last - i;
	if (i < map->n && map->mappings[i].start < end)
		cut_front(&map->mappings[i], end);
	return i;
}

/*
 * Whether all of it is mapped just so. A JIT that makes its memory writable and executable in turn
 * has the kernel tell of it each time.
 */
static bool is_mapped_so(const struct egret_code_map *map, const struct egret_mapping *mapping)
{
	size_t last = 0;
	const struct egret_mapping *m = egret_code_map_find(map, mapping->start, &last);

	return m && mapping->end <= m->end && m->module == mapping->module &&
	       m->bias == mapping->bias && m->biased == mapping->biased &&
	       (m->module->kind == EGRET_CODE_JIT ||
		m->start - m->pgoff == mapping->start - mapping->pgoff);
}

bool egret_code_map_add(struct egret_code_map **map, uint64_t *numbers,
			const struct egret_mapping *mapping)
{
	struct egret_code_map *to;
	size_t at;

	if (is_mapped_so(*map, mapping))
		return true;
	to = changing(map, numbers);
	if (!to)
		return false;
	at = clear_range(to, mapping->start, mapping->end);
	if (!make_room(to, at, 1))
		return false;
	to->mappings[at] = *mapping;
	return true;
}

void egret_code_map_clear(struct egret_code_map **map, uint64_t *numbers, uint64_t start,
			  uint64_t end)
{
	size_t i;

	if (!*map)
		return;
	i = lower_bound(*map, start);
	if (i < (*map)->n && (*map)->mappings[i].start < end && changing(map, numbers))
		clear_range(*map, start, end);
}
