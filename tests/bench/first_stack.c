/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * first_stack FILE DIR: how long the first stack through a large file waits for its tables.
 *
 * A stack of 50 frames all over the file's code, from opening it to the last row: by its CFI, and
 * by tables that were kept in a cache in DIR; with the files in memory, and read from the disk (but
 * for the pages of code that are on the stack: they run).
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

#include "cache/cache.h"
#include "unwind/table_module.h"

#define N_FRAMES 50
#define ROUNDS 5

static uint64_t return_addresses[N_FRAMES];

static uint64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct egret_elf *open_elf(const char *path)
{
	struct egret_error err = { "" };
	struct egret_elf *elf;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || egret_elf_open_fd(fd, path, &elf, &err))
		die(path);
	close(fd);
	return elf;
}

static void forget(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
		die(path);
	close(fd);
}

/* The code that is on the stack is in memory, for it runs; nothing around it. */
static void touch_code(const char *path)
{
	struct egret_elf *elf = open_elf(path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t offsets[N_FRAMES];
	char byte;

	for (int i = 0; i < N_FRAMES; i++)
		if (!egret_elf_vaddr_to_offset(elf, return_addresses[i], &offsets[i]))
			die(path);
	egret_elf_destroy(elf);
	forget(path);
	if (fd < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM))
		die(path);
	for (int i = 0; i < N_FRAMES; i++)
		if (pread(fd, &byte, 1, (off_t)offsets[i]) != 1)
			die(path);
	close(fd);
}

static int forget_entry(void *arg, const struct egret_cache_entry *entry)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", (const char *)arg, entry->name);
	forget(path);
	return 0;
}

struct bench {
	const char *path, *dir;
	struct egret_cache *cache;
};

/* Within functions all over the file. */
static void choose_frames(const char *path)
{
	struct egret_elf *elf = open_elf(path);
	struct egret_table_module *module;
	const struct egret_cfi_index *index;

	if (egret_table_module_create(elf, NULL, &module))
		die(path);
	index = egret_table_module_index(module, EGRET_CFI_EH_FRAME);
	if (!index || index->n < N_FRAMES)
		die("functions");
	for (size_t i = 0; i < N_FRAMES; i++)
		return_addresses[i] = index->section->code_start +
				      index->fdes[index->n * i / N_FRAMES].start + 1;
	egret_table_module_destroy(module);
	egret_elf_destroy(elf);
}

/* What a session does when it first sees the file, and a stack through it. */
static void first_stack(struct bench *b, bool from_cache, bool keep)
{
	struct egret_table_module *module;
	struct egret_cache_blob blob = { 0 };
	struct egret_cache_key key;
	struct egret_buffer bytes = { 0 };
	struct egret_elf *elf = open_elf(b->path);

	if (egret_table_module_create(elf, NULL, &module) ||
	    !egret_cache_key_of(elf, EGRET_CACHE_CFI, EGRET_TABLE_FILE_VERSION, &key))
		die(b->path);
	if (from_cache && (egret_cache_get(b->cache, &key, &blob) ||
			   !egret_table_module_import(module, blob.bytes, blob.size)))
		die("the cache");
	for (int i = 0; i < N_FRAMES; i++) {
		struct egret_place place = { return_addresses[i] - 1, true };
		bool is_lasting;

		if (egret_table_module_row(module, place, &is_lasting).row.kind == EGRET_ROW_NONE)
			die("a row");
	}
	if (keep && (egret_table_module_export(module, &bytes) != 1 ||
		     egret_cache_put(b->cache, &key, bytes.data, bytes.len)))
		die("the cache");
	egret_buffer_deinit(&bytes);
	egret_table_module_destroy(module);
	egret_cache_blob_deinit(&blob);
	egret_elf_destroy(elf);
}

/* The median: other work on the machine comes and goes. */
static double milliseconds(struct bench *b, bool from_cache, bool from_disk)
{
	uint64_t took[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t start;

		if (from_disk) {
			touch_code(b->path);
			egret_cache_each(b->cache, forget_entry, (void *)b->dir);
		}
		start = nanoseconds();
		first_stack(b, from_cache, false);
		took[i] = nanoseconds() - start;
		for (int j = i; j > 0 && took[j] < took[j - 1]; j--) {
			uint64_t swapped = took[j];

			took[j] = took[j - 1];
			took[j - 1] = swapped;
		}
	}
	return (double)took[ROUNDS / 2] / 1e6;
}

int main(int argc, char **argv)
{
	struct bench b = { .path = argc > 2 ? argv[1] : "", .dir = argc > 2 ? argv[2] : "" };
	struct egret_cache_opts opts = { .directory = b.dir };
	struct stat st;

	if (argc < 3 || stat(b.path, &st) || egret_cache_open(&opts, &b.cache, NULL))
		die(b.path);
	choose_frames(b.path);
	first_stack(&b, false, true);
	printf("first stack: %d frames all over %s, %.0f MB\n", N_FRAMES, b.path,
	       (double)st.st_size / 1e6);
	printf("  by its CFI     %6.2f ms in memory %6.2f ms from the disk\n",
	       milliseconds(&b, false, false), milliseconds(&b, false, true));
	printf("  by the cache   %6.2f ms in memory %6.2f ms from the disk\n",
	       milliseconds(&b, true, false), milliseconds(&b, true, true));
	egret_cache_close(b.cache);
	return 0;
}
