/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>

struct item {
	unsigned int key;
	int used;
	double value;
};

struct queue {
	struct item *items;
	size_t capacity, n;
};

void queue_put(struct queue *q, unsigned int key, double value);
double queue_get(const struct queue *q, unsigned int key);
int queue_check(const struct queue *q);

__attribute__((noreturn, cold)) void die(const char *text, int number);
__attribute__((cold)) void complain(const char *text, int number);
double evaluate(const char *text);

/* In a header, and in every file: the same function of several units. */
static inline double blend(double a, double b, double share)
{
	double rest = 1 - share;

	return a * share + b * rest;
}

#endif
