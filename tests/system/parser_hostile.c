/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * parser_hostile.c - samples processes with a parser that some files are the end of: what it reads
 * is its own code, but a file whose last bytes name a mischief does that mischief to it, which is
 * what a hole in a reader of ELF would allow.
 *
 *	parser_hostile MS PID... >folded; the statistics of the parser on stderr
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "session/parsing.h"

/* The mischief of a file: a word at its end, behind "EGRET". */
static void read_end(int fd, char *word, size_t size)
{
	struct stat st;
	const char *bytes;

	*word = 0;
	if (fstat(fd, &st) || st.st_size < 32)
		return;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return;
	bytes += st.st_size - 32;
	if (!memcmp(bytes, "EGRET", 5))
		snprintf(word, size, "%.16s", bytes + 6);
}

static int answer(const struct egret_parser_question *question, struct egret_buffer *out)
{
	static const char *volatile nowhere;
	char word[32];
	int ret;

	read_end(question->files[0], word, sizeof(word));
	if (!strcmp(word, "crash") && question->kind) /* not of its facts */
		return *nowhere;
	if (!strcmp(word, "loop") && question->kind)
		for (volatile int i = 0;; i++)
			;
	if (!strcmp(word, "early"))
		return *nowhere;
	ret = egret_parsing_answer(question, out);
	if (!strcmp(word, "lie") && question->kind && out->len)
		memset(out->data, 0xff, out->len);
	return ret;
}

static int print_stack(const struct egret_stack *stack, void *arg)
{
	printf("%s", stack->thread->comm);
	for (size_t i = stack->n_frames; i > 0; i--)
		printf(";%s", stack->frames[i - 1]->name);
	printf(" %llu\n", (unsigned long long)stack->samples);
	return 0;
}

static int print_stat(const struct egret_stat *stat, void *arg)
{
	fprintf(stderr, "%s %llu\n", stat->name, (unsigned long long)stat->value);
	return 0;
}

static int sample(struct egret_session *s, long ms, struct egret_error *err)
{
	struct timespec now;
	struct egret_profile *profile;
	int ret = egret_session__start(s, err);
	long end;

	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
	while (ret >= 0 && now.tv_sec * 1000 + now.tv_nsec / 1000000 < end) {
		ret = egret_session__poll(s, 50, err);
		clock_gettime(CLOCK_MONOTONIC, &now);
	}
	if (ret >= 0)
		ret = egret_session__stop(s, err);
	if (ret >= 0)
		ret = egret_session__profile(s, &profile, err);
	if (ret < 0)
		return ret;
	egret_profile__each_stack(profile, print_stack, NULL);
	egret_profile__destroy(profile);
	return 0;
}

int main(int argc, char **argv)
{
	const struct egret_parser_opts parser_opts = { .size = sizeof(parser_opts),
						       .timeout_ms = 200 };
	struct egret_session_opts opts = { .size = sizeof(opts),
					   .scope = EGRET_SCOPE_PROCESS,
					   .keep_profile = true };
	struct egret_error err = { "" };
	struct egret_session *session = NULL;
	struct egret_parser *parser;
	pid_t pids[16];
	int ret;

	for (int i = 2; i < argc && i < 18; i++)
		pids[opts.n_pids++] = atoi(argv[i]);
	opts.pids = pids;
	ret = egret_parser_create(&parser_opts, answer, &parser, &err);
	opts.parser = parser;
	if (!ret)
		ret = egret_session__open(&opts, &session, &err);
	if (!ret)
		ret = sample(session, atol(argv[1]), &err);
	if (ret)
		fprintf(stderr, "%s\n", err.text);
	egret_session__destroy(session);
	if (!ret)
		egret_parser__each_stat(parser, print_stat, NULL);
	egret_parser__destroy(parser);
	return ret != 0;
}
