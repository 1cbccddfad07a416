/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * session_forget.c - a session that lives long beside programs that do not: takes every 100 ms, and
 * says how much it has grown.
 *
 * session_forget PID MS LIMIT [parser]: of a process and what it starts, whose files are read in a
 * process of their own with `parser`; a line at half time and at the end,
 * "anonymous KIB, files N, descriptors N, maps N, memory BYTES, trims N"; then "taken N, written N,
 * interrupts N, left N, named N of N, labelled N, mislabelled N": what all parts together say, how
 * the last half is named, and how many stacks of what is called "program..." have its label, or
 * another's.
 */
#include <dirent.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "session_test.h"

struct sum {
	uint64_t taken, written, interrupts, filtered, ended, named, stacks, trims, labelled,
		mislabelled;
};

/* Lines of a file of /proc/self that have a text in them, or the number behind it. */
static unsigned long look(const char *name, const char *text, bool count)
{
	FILE *file = fopen(name, "re");
	unsigned long n = 0;
	char line[4096];

	while (file && fgets(line, sizeof(line), file)) {
		if (count)
			n += strstr(line, text) != NULL;
		else if (!strncmp(line, text, strlen(text)))
			n = strtoul(line + strlen(text), NULL, 10);
	}
	if (file)
		fclose(file);
	return n;
}

/* Elements of a hash table; 0 of other maps. */
static unsigned long elements_of(int fd)
{
	struct bpf_map_info info = { 0 };
	union bpf_attr attr = { .info = { .bpf_fd = (uint32_t)fd,
					  .info_len = sizeof(info),
					  .info = (uintptr_t)&info } };
	char key[64], next[64];
	unsigned long n = 0;

	if (syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr.info)) ||
	    info.type != BPF_MAP_TYPE_HASH || info.key_size > sizeof(key))
		return 0;
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.next_key = (uintptr_t)next;
	while (!syscall(SYS_bpf, BPF_MAP_GET_NEXT_KEY, &attr, sizeof(attr))) {
		memcpy(key, next, sizeof(key));
		attr.key = (uintptr_t)key;
		n++;
	}
	return n;
}

static unsigned long descriptors(unsigned long *elements)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned long n = 0;

	*elements = 0;
	for (struct dirent *entry; dir && (entry = readdir(dir)); n++) {
		char path[64], target[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%.20s", entry->d_name);
		if (readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "bpf-map"))
			*elements += elements_of(atoi(entry->d_name));
	}
	if (dir)
		closedir(dir);
	return n;
}

/* What it says of a program, where it says which it is: one that has ended cannot be asked. */
static void note_label(struct sum *sum, const struct egret_thread *thread)
{
	for (size_t i = 0; i < thread->n_labels; i++) {
		const struct egret_label *label = &thread->labels[i];

		if (strcmp(label->key, "process.executable.name"))
			continue;
		sum->labelled += !strcmp(label->value, thread->process);
		sum->mislabelled += strcmp(label->value, thread->process) != 0;
	}
}

static int add_stack(const struct egret_stack *stack, void *arg)
{
	struct sum *sum = arg;

	if (!strncmp(stack->thread->process, "program", 7))
		note_label(sum, stack->thread);
	sum->taken += stack->samples;
	sum->stacks++;
	for (size_t i = 0; i < stack->n_frames; i++)
		if (stack->frames[i]->kind == EGRET_FRAME_USER &&
		    stack->frames[i]->flags & EGRET_FRAME_F_UNNAMED)
			return 0;
	sum->named++;
	return 0;
}

static int add_stat(const struct egret_stat *stat, void *arg)
{
	struct sum *sum = arg;

	if (!strcmp(stat->name, "samples.written"))
		sum->written += stat->value;
	if (!strcmp(stat->name, "interrupts"))
		sum->interrupts += stat->value;
	if (!strncmp(stat->name, "filtered.", 9) || !strncmp(stat->name, "samples.dropped.", 16))
		sum->filtered += stat->value;
	if (!strncmp(stat->name, "capture.", 8))
		sum->ended += stat->value;
	if (!strcmp(stat->name, "session.trims"))
		sum->trims += stat->value;
	return 0;
}

static void take(struct egret_session *session, struct sum *sum)
{
	struct egret_error err = { "" };
	struct egret_profile *part;

	if (egret_session__take(session, &part, &err))
		die(&err);
	egret_profile__each_stack(part, add_stack, sum);
	egret_profile__each_stat(part, add_stat, sum);
	egret_profile__destroy(part);
}

static void run(struct egret_session *session, uint64_t ms, struct sum *sum)
{
	struct egret_cost cost = { .size = sizeof(cost) };
	uint64_t end = now_ms() + ms, next = now_ms();
	struct egret_error err = { "" };
	unsigned long elements, n;

	sum->stacks = sum->named = 0;
	while (now_ms() < end) {
		if (egret_session__poll(session, 50, &err) < 0)
			die(&err);
		if (now_ms() < next)
			continue;
		next = now_ms() + 100;
		take(session, sum);
	}
	egret_session__cost(session, &cost);
	n = descriptors(&elements);
	printf("anonymous %lu, files %lu, descriptors %lu, maps %lu, memory %llu, trims %llu\n",
	       look("/proc/self/status", "RssAnon:", false),
	       look("/proc/self/maps", "egret-test", true), n, elements,
	       (unsigned long long)cost.memory_bytes, (unsigned long long)sum->trims);
}

int main(int argc, char **argv)
{
	const char *events[] = { "cpu-clock" };
	pid_t pid = argc > 3 ? atoi(argv[1]) : 0;
	struct egret_session_opts opts = { .size = sizeof(opts),
					   .pids = &pid,
					   .n_pids = 1,
					   .events = events,
					   .n_events = 1,
					   .frequency = 999,
					   .keep_profile = true,
					   .process_labels = true,
					   .memory_limit = strtoull(argv[3], NULL, 10) };
	struct egret_parser *parser = NULL;
	struct egret_session *session;
	struct egret_error err = { "" };
	struct sum sum = { 0 };
	uint64_t ms = strtoull(argv[2], NULL, 10);

	if (argc > 4 && egret_parser__start(NULL, &parser, &err))
		die(&err);
	opts.parser = parser;
	if (egret_session__open(&opts, &session, &err) || egret_session__start(session, &err))
		die(&err);
	run(session, ms / 2, &sum);
	run(session, ms / 2, &sum);
	if (egret_session__stop(session, &err))
		die(&err);
	take(session, &sum);
	printf("taken %llu, written %llu, ended %llu, interrupts %llu, of which %llu, "
	       "named %llu of %llu, labelled %llu, mislabelled %llu\n",
	       (unsigned long long)sum.taken, (unsigned long long)sum.written,
	       (unsigned long long)sum.ended, (unsigned long long)sum.interrupts,
	       (unsigned long long)(sum.filtered + sum.written), (unsigned long long)sum.named,
	       (unsigned long long)sum.stacks, (unsigned long long)sum.labelled,
	       (unsigned long long)sum.mislabelled);
	egret_session__destroy(session);
	egret_parser__destroy(parser);
	return 0;
}
