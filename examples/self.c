/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * self.c - a program that profiles itself, and prints of each function in which share of the
 * samples it ran, and in which it or what it called.
 *
 *   cc -g self.c -o self $(pkg-config --cflags --libs egret)
 *   ./self
 */
#include <egret/egret.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROWS 256

struct row {
	const char *function; /* of the profile */
	uint64_t self, total; /* samples */
};

struct rows {
	struct row row[MAX_ROWS];
	size_t n;
	uint64_t samples;
};

/* ---- what the program is for ---------------------------------------------------------------- */

__attribute__((noinline)) static void busy_for(double seconds)
{
	clock_t end = clock() + (clock_t)(seconds * CLOCKS_PER_SEC);

	while (clock() < end)
		for (volatile int i = 0; i < 10000; i++)
			;
}

__attribute__((noinline)) static void much_work(void)
{
	busy_for(0.3);
	__asm__ volatile(""); /* no tail call: the caller stays in the stack */
}

__attribute__((noinline)) static void little_work(void)
{
	busy_for(0.1);
	__asm__ volatile("");
}

/* ---- and what it says about itself ---------------------------------------------------------- */

static struct row *row_of(struct rows *rows, const char *function)
{
	size_t i = 0;

	while (i < rows->n && strcmp(rows->row[i].function, function) != 0)
		i++;
	if (i == rows->n && rows->n < MAX_ROWS)
		rows->row[rows->n++].function = function;
	return i < MAX_ROWS ? &rows->row[i] : &rows->row[MAX_ROWS - 1];
}

/* One stack of the profile, leaf first; a function that is in it twice counts once. */
static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct rows *rows = arg;

	rows->samples += stack->samples;
	if (stack->n_frames)
		row_of(rows, stack->frames[0]->name)->self += stack->samples;
	for (size_t i = 0; i < stack->n_frames; i++) {
		const char *name = stack->frames[i]->name;
		size_t first = 0;

		while (strcmp(stack->frames[first]->name, name) != 0)
			first++;
		if (first == i)
			row_of(rows, name)->total += stack->samples;
	}
	return 0;
}

static void print(const struct egret_profile *profile)
{
	struct rows rows = { .n = 0 };

	egret_profile__each_stack(profile, add_stack, &rows);
	printf("%llu samples\n self total\n", (unsigned long long)rows.samples);
	for (size_t i = 0; i < rows.n; i++)
		printf("%4.0f%% %4.0f%% %s\n", 100.0 * rows.row[i].self / rows.samples,
		       100.0 * rows.row[i].total / rows.samples, rows.row[i].function);
}

int main(void)
{
	pid_t self = getpid();
	struct egret_session_opts opts = {
		.size = sizeof(opts), .pids = &self, .n_pids = 1, .keep_profile = true
	};
	struct egret_session *session = NULL;
	struct egret_profile *profile = NULL;
	struct egret_error err;
	int ret = egret_session__open(&opts, &session, &err);

	if (!ret)
		ret = egret_session__start(session, &err);
	for (int i = 0; ret >= 0 && i < 3; i++) {
		much_work();
		little_work();
		ret = egret_session__poll(session, 0, &err);
	}
	if (ret >= 0)
		ret = egret_session__stop(session, &err);
	if (ret >= 0)
		ret = egret_session__profile(session, &profile, &err);
	if (ret >= 0)
		print(profile);
	else
		fprintf(stderr, "%s\n", err.text);
	egret_profile__destroy(profile);
	egret_session__destroy(session);
	return ret < 0;
}
