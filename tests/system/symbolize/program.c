/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The C program of symbolize_differential.sh: never run for its result, but it may be. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *text, int number)
{
	fprintf(stderr, "%s %d\n", text, number);
	exit(1);
}

void complain(const char *text, int number)
{
	fprintf(stderr, "%s: %d\n", text, number);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Called with one constant only: a .constprop clone. */
static __attribute__((noinline)) double median(double *values, size_t n, int sorted)
{
	if (!sorted)
		qsort(values, n, sizeof(*values), compare);
	return blend(values[n / 2], values[(n - 1) / 2], 0.5);
}

#define SQUARE(x) ((x) * (x))

static inline double variance(const double *values, size_t n, double around)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += SQUARE(values[i] - around);
	return sum / (double)n;
}

static double classify(double x)
{
	switch ((int)x) {
	case 0:
		return blend(x, 1, 0.25);
	case 1:
		return blend(x, 2, 0.5);
	case 2:
		return variance(&x, 1, 2);
	case 3:
		return -x;
	case 4:
		return x * x * x;
	case 5:
		return 1 / x;
	default:
		return variance(&x, 1, blend(x, 3, 0.125));
	}
}

#line 1000 "generated/table.y"
static const char *names[] = { "one", "two", "three" };

int name_of(const char *text)
{
	for (int i = 0; i < 3; i++)
		if (!strcmp(text, names[i]))
			return i + 1;
	complain(text, 0);
	return -1;
}
#line 75 "program.c"

int main(int argc, char **argv)
{
	struct queue q = { calloc(8, sizeof(struct item)), 8, 0 };
	double values[64], sum = 0;

	for (unsigned int i = 0; i < 64; i++) {
		queue_put(&q, i * 7, i);
		values[i] = queue_get(&q, i * 7) + classify(i % 9);
	}
	for (int i = 1; i < argc; i++)
		sum += name_of(argv[i]) + evaluate(argv[i]);
	sum += median(values, 64, 0);
	printf("%f %f %d\n", sum, variance(values, 64, sum), queue_check(&q));
	free(q.items);
	return 0;
}
