/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Answers of a parser that are kept: of one file they are asked for once, of another one anew. */
#include <sys/stat.h>
#include <time.h>

#include "elf_fixture.h"
#include "session/parsing.h"
#include "session/parsing_kept.h"
#include "unwind/table_file.h"

#define SHELL "/bin/sh"

/* One session after the other has a cache of the same directory. */
struct world {
	struct egret_parser *parser;
	char *directory;
};

static void init(struct world *w)
{
	struct egret_error err = { "" };

	w->directory = fixture_path("cache");
	fixture_run("rm -rf %s/cache");
	CHECK_EQ(egret_parser__start(NULL, &w->parser, &err), 0);
}

static void deinit(struct world *w)
{
	egret_parser__destroy(w->parser);
	free(w->directory);
}

static struct egret_parsing begin(const struct world *w)
{
	struct egret_cache_opts opts = { .directory = w->directory };
	struct egret_parsing parsing = { .parser = w->parser };

	CHECK_EQ(egret_cache_open(&opts, &parsing.cache, NULL), 0);
	return parsing;
}

static int take_asked(const struct egret_stat *stat, void *arg)
{
	if (!strcmp(stat->name, "parser.asked"))
		*(uint64_t *)arg = stat->value;
	return 0;
}

static uint64_t asked(const struct world *w)
{
	uint64_t n = 0;

	egret_parser__each_stat(w->parser, take_asked, &n);
	return n;
}

static struct egret_elf *open_file(struct egret_parsing *parsing, const char *path)
{
	struct egret_error err = { "" };
	struct egret_elf *elf = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK_EQ(egret_parsing_open(parsing, fd, path, &elf, &err), 0);
	CHECK_STR(err.text, "");
	close(fd);
	if (!elf)
		exit(1);
	return elf;
}

/* What a file says of itself is what it is. */
static void check_facts(const struct egret_elf *elf, const char *path)
{
	struct egret_elf *read = fixture_open(path);
	struct egret_build_id a = egret_elf_build_id(elf), b = egret_elf_build_id(read);

	CHECK(a.len == b.len && !memcmp(a.bytes, b.bytes, a.len));
	CHECK_EQ(egret_elf_entry(elf), egret_elf_entry(read));
	for (size_t i = 0;; i++) {
		const struct egret_elf_segment *x = egret_elf_segment(elf, i);
		const struct egret_elf_segment *y = egret_elf_segment(read, i);

		CHECK_EQ(x != NULL, y != NULL);
		if (!x || !y)
			break;
		CHECK_EQ(x->vaddr, y->vaddr);
		CHECK_EQ(x->filesz, y->filesz);
	}
	egret_elf_destroy(read);
}

static void facts_are_asked_for_once(void)
{
	struct world w;

	init(&w);
	for (int i = 0; i < 3; i++) {
		struct egret_parsing parsing = begin(&w);
		struct egret_elf *elf = open_file(&parsing, SHELL);

		check_facts(elf, SHELL);
		CHECK_EQ(asked(&w), 1);
		CHECK_EQ(egret_cache_stats(parsing.cache).hits, i > 0);
		egret_elf_destroy(elf);
		egret_cache_close(parsing.cache);
	}
	deinit(&w);
}

static void tables_are_asked_for_once(void)
{
	struct egret_buffer first = { 0 }, then = { 0 };
	struct world w;

	init(&w);
	for (int i = 0; i < 2; i++) {
		struct egret_parsing parsing = begin(&w);
		struct egret_elf *elf = open_file(&parsing, SHELL);

		CHECK_EQ(egret_parsing_tables(&parsing, elf, NULL, i ? &then : &first), 0);
		CHECK_EQ(asked(&w), 2); /* the facts, too */
		egret_elf_destroy(elf);
		egret_cache_close(parsing.cache);
	}
	CHECK(first.len > 100 && first.len == then.len &&
	      !memcmp(first.data, then.data, first.len));
	egret_buffer_deinit(&first);
	egret_buffer_deinit(&then);
	deinit(&w);
}

/* With a debug file the answer is another one, which is kept beside that without. */
static void the_debug_file_is_a_part_of_the_question(void)
{
	struct world w;
	struct egret_parsing parsing;
	struct egret_buffer tables = { 0 };
	struct egret_elf *elf, *debug;

	init(&w);
	parsing = begin(&w);
	elf = open_file(&parsing, SHELL);
	debug = open_file(&parsing, fixture_libc());
	CHECK_EQ(egret_parsing_tables(&parsing, elf, NULL, &tables), 0);
	egret_buffer_clear(&tables);
	CHECK_EQ(asked(&w), 3);
	egret_parsing_tables(&parsing, elf, debug, &tables);
	egret_buffer_clear(&tables);
	CHECK_EQ(asked(&w), 4);
	CHECK_EQ(egret_parsing_tables(&parsing, elf, NULL, &tables), 0);
	CHECK_EQ(asked(&w), 4);
	egret_buffer_deinit(&tables);
	egret_elf_destroy(debug);
	egret_elf_destroy(elf);
	egret_cache_close(parsing.cache);
	deinit(&w);
}

static void ask_of(struct world *w, const char *path, uint64_t want_asked, uint64_t want_written)
{
	struct egret_parsing parsing = begin(w);
	struct egret_elf *elf = open_file(&parsing, path);

	check_facts(elf, path);
	CHECK_EQ(asked(w), want_asked);
	CHECK_EQ(egret_cache_stats(parsing.cache).written, want_written);
	egret_elf_destroy(elf);
	egret_cache_close(parsing.cache);
}

/* Of a file that was just changed nothing is kept, and a change is seen, whatever its build-id. */
static void who_changes_a_file_has_it_asked_about_again(void)
{
	char *path = fixture_path("program");
	const struct timespec settled = { .tv_sec = 3 };
	struct stat before, after;
	struct timespec times[2];
	struct world w;

	init(&w);
	fixture_run("cp " SHELL " %s/program");
	ask_of(&w, path, 1, 0);
	ask_of(&w, path, 2, 0);
	nanosleep(&settled, NULL);
	ask_of(&w, path, 3, 1);
	ask_of(&w, path, 3, 0);
	/* Of the same size, and with the time of its data set back: that of its change stays. */
	CHECK_EQ(stat(path, &before), 0);
	fixture_run("printf x | dd of=%s/program bs=1 seek=9 conv=notrunc status=none");
	times[0] = before.st_atim;
	times[1] = before.st_mtim;
	CHECK_EQ(utimensat(AT_FDCWD, path, times, 0), 0);
	CHECK_EQ(stat(path, &after), 0);
	CHECK_EQ(after.st_size, before.st_size);
	CHECK_EQ(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	ask_of(&w, path, 4, 0);
	/* Another file at its path. */
	nanosleep(&settled, NULL);
	ask_of(&w, path, 5, 1);
	fixture_run("cp %s/program %s/other && mv %s/other %s/program");
	ask_of(&w, path, 6, 0);
	free(path);
	deinit(&w);
}

/* Puts bytes in the place of an answer. */
static void replace(struct egret_parsing *parsing, const char *path, enum egret_cache_kind kind,
		    uint32_t version, const void *bytes, size_t len)
{
	struct egret_parser_question question = { .files = { open(path, O_RDONLY | O_CLOEXEC),
							     -1 } };
	struct egret_cache_key key;

	CHECK(egret_parsing_kept_key(&question, kind, version, &key));
	CHECK_EQ(egret_cache_put(parsing->cache, &key, bytes, len), 0);
	close(question.files[0]);
}

static void what_is_kept_is_checked(void)
{
	struct egret_elf_facts bad;
	struct egret_buffer tables = { 0 };
	struct egret_parsing parsing;
	struct egret_elf *elf;
	struct world w;

	init(&w);
	parsing = begin(&w);
	memset(&bad, 0xff, sizeof(bad));
	replace(&parsing, SHELL, EGRET_CACHE_FACTS, 1, &bad, sizeof(bad));
	elf = open_file(&parsing, SHELL);
	check_facts(elf, SHELL);
	CHECK_EQ(asked(&w), 1);
	CHECK_EQ(egret_cache_stats(parsing.cache).rejected[EGRET_CACHE_REJECT_CONTENT], 1);
	egret_elf_destroy(elf);
	replace(&parsing, SHELL, EGRET_CACHE_FACTS, 1, &bad, 10);
	elf = open_file(&parsing, SHELL);
	CHECK_EQ(asked(&w), 2);
	CHECK_EQ(egret_cache_stats(parsing.cache).rejected[EGRET_CACHE_REJECT_CONTENT], 2);

	replace(&parsing, SHELL, EGRET_CACHE_TABLES, EGRET_TABLE_FILE_VERSION, &bad, sizeof(bad));
	CHECK_EQ(egret_parsing_tables(&parsing, elf, NULL, &tables), 0);
	CHECK_EQ(asked(&w), 3);
	CHECK_EQ(egret_cache_stats(parsing.cache).rejected[EGRET_CACHE_REJECT_CONTENT], 3);
	egret_buffer_deinit(&tables);
	egret_elf_destroy(elf);
	egret_cache_close(parsing.cache);
	deinit(&w);
}

int main(void)
{
	RUN(facts_are_asked_for_once);
	RUN(tables_are_asked_for_once);
	RUN(the_debug_file_is_a_part_of_the_question);
	RUN(who_changes_a_file_has_it_asked_about_again);
	RUN(what_is_kept_is_checked);
	return DONE();
}
