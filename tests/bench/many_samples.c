/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * many_samples FROM TO [SAMPLES [STACKS [ADDRESSES]]]: a large recording that is like a real one.
 *
 * Its stacks are those of FROM, in which frames are replaced by others of the same function, at
 * other addresses, until there are as many stacks and addresses as asked for (500,000 and about
 * 200,000). Each stack has a sample; the others (of 10,000,000) fall on few of the stacks more
 * often than on many, as those of real recordings do. They are 100 us apart, on four CPUs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "profile/profile.h"

static uint64_t state = 88172645463325252ull;

/* xorshift64: Marsaglia, Journal of Statistical Software 8:14, 2003. */
static uint64_t random_number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void die(const char *what)
{
	fprintf(stderr, "many_samples: %s\n", what);
	exit(1);
}

struct made {
	struct egret_profile *from, *to;
	uint32_t *frames; /* all of `to`, those of one of `from` after the other */
	uint32_t *first;  /* by frame of `from` */
	uint32_t *stacks, *threads;
	size_t n_stacks;
};

static uint32_t string(struct made *m, uint32_t number)
{
	const char *text = egret_profile_get_string(m->from, number);

	return egret_profile_string(m->to, text, strlen(text), NULL);
}

static uint32_t add_frame(struct made *m, uint32_t number, uint64_t variant)
{
	struct egret_profile_frame f = *egret_profile_get_frame(m->from, number);
	struct egret_profile_module module = *egret_profile_get_module(m->from, f.module);
	struct egret_profile_line lines[EGRET_PROFILE_MAX_LINES];
	size_t n;
	const struct egret_profile_line *from = egret_profile_get_lines(m->from, number, &n);
	uint32_t added;

	module.path = string(m, module.path);
	f.module = egret_profile_module(m->to, &module, NULL);
	f.offset += variant;
	added = egret_profile_frame(m->to, &f, NULL);
	for (size_t i = 0; from && i < n; i++) {
		lines[i] = from[i];
		lines[i].name = string(m, from[i].name);
		lines[i].file = string(m, from[i].file);
		lines[i].line += (uint32_t)variant;
	}
	if (from)
		egret_profile_set_lines(m->to, added, lines, n);
	return added;
}

static void make_frames(struct made *m, size_t n)
{
	size_t have = egret_profile_n_frames(m->from), each = n / have + 1, at = 0;

	m->frames = calloc(have * each + 1, sizeof(*m->frames));
	m->first = calloc(have + 1, sizeof(*m->first));
	if (!m->frames || !m->first)
		die("no memory");
	for (uint32_t i = 0; i < have; i++) {
		m->first[i] = (uint32_t)at;
		for (uint64_t v = 0; v < each; v++)
			m->frames[at++] = add_frame(m, i, v);
	}
	m->first[have] = (uint32_t)at;
}

/* The stack of an entry, root first, with some frames replaced. */
static uint32_t add_stack(struct made *m, uint32_t stack, bool *is_new)
{
	uint32_t path[EGRET_PROFILE_MAX_DEPTH], at = 0;
	size_t n = 0;

	while (stack) {
		struct egret_profile_node node = egret_profile_get_stack(m->from, stack);

		path[n++] = node.frame;
		stack = node.parent;
	}
	/* Most stacks of a program differ near their leaves. */
	for (size_t i = n; i--;) {
		uint32_t first = m->first[path[i]], each = m->first[path[i] + 1] - first;
		uint64_t other = random_number() % (i + 2) ? 0 : random_number() % each;

		at = egret_profile_stack(m->to, at, m->frames[first + other], is_new);
	}
	return at;
}

static void make_stacks(struct made *m, size_t n)
{
	size_t entries = egret_profile_n_entries(m->from);

	m->stacks = calloc(n, sizeof(*m->stacks));
	m->threads = calloc(n, sizeof(*m->threads));
	if (!m->stacks || !m->threads || !entries)
		die("no memory, or no samples");
	for (size_t tries = 0; m->n_stacks < n && tries < 100 * n; tries++) {
		const struct egret_profile_key *key =
			&egret_profile_get_entry(m->from, (uint32_t)(tries % entries))->key;
		struct egret_profile_thread t = *egret_profile_get_thread(m->from, key->thread);
		bool is_new = false;

		m->stacks[m->n_stacks] = add_stack(m, key->stack, &is_new);
		t.process = string(m, t.process);
		t.comm = string(m, t.comm);
		m->threads[m->n_stacks] = egret_profile_thread(m->to, &t, NULL);
		m->n_stacks += is_new;
	}
	if (m->n_stacks < n)
		die("the recording has too few different stacks to make so many of");
}

static void make_samples(struct made *m, size_t n)
{
	/* Each stack once, then as the shares are. */
	for (size_t i = 0; i < n; i++) {
		double u = (double)(random_number() >> 11) / (double)(1ull << 53);
		double rank = 1;
		size_t stack = i;

		if (i >= m->n_stacks) {
			for (double room = (double)m->n_stacks; u < 0.5 && rank < room; u *= 2)
				rank *= 4;
			stack = (size_t)(rank * (1 + 3 * u)) % m->n_stacks;
		}
		struct egret_profile_key key = { .thread = m->threads[stack],
						 .stack = m->stacks[stack] };
		struct egret_profile_values values = { .samples = 1, .value = 1001001 };

		if (egret_profile_add_sample(m->to, &key, &values, i * 100000ull, i % 4))
			die("no memory");
	}
}

static void save(const struct made *m, const char *path)
{
	struct egret_error err = { "" };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || egret_profile__save(m->to, fd, &err) || close(fd))
		die(*err.text ? err.text : path);
}

static size_t number(int argc, char **argv, int at, size_t otherwise)
{
	return argc > at ? strtoull(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	const struct egret_event event = { "cpu-clock", "nanoseconds", 999, 0 };
	struct egret_error err = { "" };
	struct made m = { 0 };

	if (argc < 3)
		die("FROM TO [SAMPLES [STACKS [ADDRESSES]]]");
	if (egret_profile__open(argv[1], &m.from, &err))
		die(err.text);
	if (egret_profile_create(&m.to))
		die("no memory");
	egret_profile_keep_samples(m.to);
	egret_profile_add_event(m.to, &event);
	make_frames(&m, number(argc, argv, 5, 200000));
	make_stacks(&m, number(argc, argv, 4, 500000));
	make_samples(&m, number(argc, argv, 3, 10000000));
	save(&m, argv[2]);
	printf("%zu samples, %zu stacks, %zu addresses, %zu strings\n",
	       egret_profile_n_samples(m.to), m.n_stacks, egret_profile_n_frames(m.to),
	       egret_profile_n_strings(m.to));
	return 0;
}
