/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Part of the C program of symbolize_differential.sh: inlined functions, several deep. */
#include "program.h"

#include <stdlib.h>

static inline unsigned int mix(unsigned int x)
{
	x ^= x >> 16;
	x *= 0x7feb352du;
	x ^= x >> 15;
	return x;
}

static inline size_t slot_of(const struct queue *q, unsigned int key)
{
	return mix(key) & (q->capacity - 1);
}

static inline int is_free(const struct queue *q, size_t slot)
{
	return !q->items[slot].used;
}

static inline __attribute__((always_inline)) size_t probe(const struct queue *q, unsigned int key)
{
	size_t slot = slot_of(q, key);

	while (!is_free(q, slot) && q->items[slot].key != key)
		slot = (slot + 1) & (q->capacity - 1);
	return slot;
}

static void grow(struct queue *q);

static inline void put(struct queue *q, unsigned int key, double value)
{
	size_t slot = probe(q, key);

	if (is_free(q, slot))
		q->n++;
	q->items[slot] = (struct item){ key, 1, value };
}

void queue_put(struct queue *q, unsigned int key, double value)
{
	if (__builtin_expect((q->n + 1) * 4 > q->capacity * 3, 0))
		grow(q);
	put(q, key, value);
}

/* Never inlined, and inlines put() and probe(): the chain ends here. */
static __attribute__((noinline)) void grow(struct queue *q)
{
	struct queue bigger = { calloc(q->capacity * 2, sizeof(struct item)), q->capacity * 2, 0 };

	if (!bigger.items)
		die("no memory for", (int)bigger.capacity);
	for (size_t i = 0; i < q->capacity; i++)
		if (!is_free(q, i))
			put(&bigger, q->items[i].key, q->items[i].value);
	free(q->items);
	*q = bigger;
}

double queue_get(const struct queue *q, unsigned int key)
{
	size_t slot = probe(q, key);

	if (is_free(q, slot))
		die("there is no", (int)key);
	return q->items[slot].value;
}

/* A cold path that the compiler moves to .text.unlikely, with an inlined call in it. */
static inline int report(int what, const char *text)
{
	if (what > 3)
		complain(text, what * 3);
	return mix((unsigned int)what) & 1;
}

int queue_check(const struct queue *q)
{
	int odd = 0;

	for (size_t i = 0; i < q->capacity; i++) {
		if (__builtin_expect(q->items[i].used > 1, 0)) {
			complain("used", q->items[i].used);
			odd += report(q->items[i].used, "too often");
			if (odd > 10)
				abort();
		}
		odd += q->items[i].key & 1;
	}
	return odd;
}
