/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cache_test.c - blobs on disk: what comes back, what is refused, and what has to go. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "cache/cache_impl.h"
#include "elf_fixture.h"
#include "test.h"

/* A cache directory of its own for each test. */
static char *new_directory(void)
{
	static int n;
	char name[32];

	snprintf(name, sizeof(name), "cache-%d", n++);
	return fixture_path(name);
}

static struct egret_cache *open_cache(const char *directory, uint64_t max_bytes)
{
	struct egret_cache_opts opts = { .directory = directory, .max_bytes = max_bytes };
	struct egret_error err = { 0 };
	struct egret_cache *cache;

	if (egret_cache_open(&opts, &cache, &err)) {
		printf("%s\n", err.text);
		abort();
	}
	return cache;
}

static struct egret_cache_key key_of(uint8_t first)
{
	return (struct egret_cache_key){
		.id = { .len = 20, .bytes = { first, 0xab, 0xcd } },
		.kind = EGRET_CACHE_CFI,
		.version = 3,
	};
}

static char *path_of(const char *directory, const struct egret_cache_key *key)
{
	char name[EGRET_CACHE_NAME_MAX], *path;

	egret_cache_name(key, name);
	if (asprintf(&path, "%s/%s", directory, name) < 0)
		abort();
	return path;
}

static unsigned int mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : st.st_mode & 07777;
}

static void check_blob(struct egret_cache *cache, const struct egret_cache_key *key,
		       const char *want)
{
	struct egret_cache_blob blob;
	int ret = egret_cache_get(cache, key, &blob);

	CHECK_EQ(ret, 0);
	if (ret)
		return;
	CHECK_EQ(blob.size, strlen(want));
	CHECK_EQ((uintptr_t)blob.bytes % 64, 0);
	CHECK(blob.size == strlen(want) && !memcmp(blob.bytes, want, blob.size));
	egret_cache_blob_deinit(&blob);
	CHECK(!blob.bytes);
}

/* ---- there and back ------------------------------------------------------------------------- */

static void gives_back_what_was_put(void)
{
	char *directory = new_directory();
	struct egret_cache *cache = open_cache(directory, 0);
	struct egret_cache_key a = key_of(1), b = key_of(2);
	struct egret_cache_blob blob;
	char *path = path_of(directory, &a);

	CHECK_EQ(egret_cache_get(cache, &a, &blob), -ENOENT);
	CHECK(access(directory, F_OK)); /* who writes nothing makes nothing */
	CHECK_EQ(egret_cache_put(cache, &a, "first", 5), 0);
	CHECK_EQ(egret_cache_put(cache, &b, "", 0), 0);
	check_blob(cache, &a, "first");
	check_blob(cache, &b, "");
	CHECK_EQ(egret_cache_put(cache, &a, "another", 7), 0);
	egret_cache_close(cache);

	CHECK_EQ(mode_of(directory), 0700);
	CHECK_EQ(mode_of(path), 0600);
	cache = open_cache(directory, 0);
	check_blob(cache, &a, "another");
	CHECK_EQ(egret_cache_stats(cache).hits, 1);
	CHECK_EQ(egret_cache_stats(cache).bytes_read, 64 + 7);
	egret_cache_close(cache);
	free(path);
	free(directory);
}

static void makes_the_directories_above(void)
{
	char *above = new_directory(), *directory;
	struct egret_cache_key key = key_of(1);
	struct egret_cache *cache;

	if (asprintf(&directory, "%s/one/two", above) < 0)
		abort();
	cache = open_cache(directory, 0);
	CHECK_EQ(egret_cache_put(cache, &key, "x", 1), 0);
	CHECK_EQ(mode_of(above), 0700);
	CHECK_EQ(mode_of(directory), 0700);
	egret_cache_close(cache);
	free(directory);
	free(above);
}

static void keeps_kinds_and_owners_apart(void)
{
	char *directory = new_directory();
	struct egret_cache *cache = open_cache(directory, 0);
	struct egret_cache_key key = key_of(1), kind = key, owner = key;

	kind.kind = EGRET_CACHE_SYMBOLS;
	owner.owner = 1000;
	CHECK_EQ(egret_cache_put(cache, &key, "cfi", 3), 0);
	CHECK_EQ(egret_cache_put(cache, &kind, "symbols", 7), 0);
	CHECK_EQ(egret_cache_put(cache, &owner, "theirs", 6), 0);
	check_blob(cache, &key, "cfi");
	check_blob(cache, &kind, "symbols");
	check_blob(cache, &owner, "theirs");
	CHECK_EQ(egret_cache_stats(cache).written, 3);
	egret_cache_close(cache);
	free(directory);
}

static void no_cache_has_nothing(void)
{
	struct egret_cache_key key = key_of(1);
	struct egret_cache_blob blob;

	CHECK_EQ(egret_cache_get(NULL, &key, &blob), -ENOENT);
	CHECK_EQ(egret_cache_put(NULL, &key, "x", 1), 0);
	CHECK_EQ(egret_cache_stats(NULL).misses, 0);
	egret_cache_close(NULL);
}

static void a_key_is_that_of_a_file(void)
{
	struct egret_cache_key key;
	struct egret_elf *elf;
	char *path = fixture_path("own");
	int fd;

	fixture_run("cp /proc/self/exe %s/own && chmod 755 %s/own");
	for (unsigned int mode = 0755; mode; mode = mode == 0755 ? 0757 : 0) {
		if (chmod(path, mode))
			abort();
		fd = open(path, O_RDONLY | O_CLOEXEC);
		CHECK_EQ(egret_elf_open_fd(fd, path, &elf, NULL), 0);
		close(fd);
		if (!egret_elf_build_id(elf).len)
			printf("cp has no build-id here\n");
		else
			CHECK_EQ(egret_cache_key_of(elf, EGRET_CACHE_CFI, 7, &key), mode == 0755);
		egret_elf_destroy(elf);
	}
	CHECK_EQ(key.owner, 0);
	CHECK_EQ(key.version, 7);
	free(path);
}

/* ---- what is not to be trusted -------------------------------------------------------------- */

/* A cache with one blob, "blob", of key_of(1). */
struct one {
	char *directory, *path;
	struct egret_cache *cache;
	struct egret_cache_key key;
};

static struct one one_blob(void)
{
	struct one one = { .directory = new_directory(), .key = key_of(1) };

	one.path = path_of(one.directory, &one.key);
	one.cache = open_cache(one.directory, 4096);
	CHECK_EQ(egret_cache_put(one.cache, &one.key, "blob", 4), 0);
	return one;
}

static void end_one(struct one *one, enum egret_cache_rejection why)
{
	struct egret_cache_blob blob;
	struct egret_cache_stats stats;

	CHECK_EQ(egret_cache_get(one->cache, &one->key, &blob), -EINVAL);
	stats = egret_cache_stats(one->cache);
	CHECK_EQ(stats.hits, 0);
	CHECK_EQ(stats.misses, 0);
	for (int i = 0; i < EGRET_CACHE_NR_REJECTIONS; i++)
		CHECK_EQ(stats.rejected[i], i == (int)why);
	/* It does not stand in the way of a good one. */
	if (why != EGRET_CACHE_REJECT_TYPE) {
		CHECK_EQ(egret_cache_put(one->cache, &one->key, "good", 4), 0);
		check_blob(one->cache, &one->key, "good");
	}
	egret_cache_close(one->cache);
	free(one->path);
	free(one->directory);
}

static void write_at(const char *path, long offset, const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, bytes, len, offset) != (ssize_t)len || close(fd))
		abort();
}

static void refuses_links_and_pipes(void)
{
	struct one one = one_blob();
	char *real = fixture_path("real");

	if (rename(one.path, real) || symlink(real, one.path))
		abort();
	end_one(&one, EGRET_CACHE_REJECT_TYPE);
	one = one_blob();
	if (unlink(one.path) || mkfifo(one.path, 0600))
		abort();
	end_one(&one, EGRET_CACHE_REJECT_TYPE);
	free(real);
}

static void refuses_what_others_own(void)
{
	struct one one = one_blob();

	if (geteuid()) {
		printf("only root can give a file away\n");
		return;
	}
	if (chown(one.path, 1, 1))
		abort();
	end_one(&one, EGRET_CACHE_REJECT_OWNER);
}

static void refuses_what_others_may_write(void)
{
	static const mode_t modes[] = { 0620, 0602, 0666 };

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct one one = one_blob();

		if (chmod(one.path, modes[i]))
			abort();
		end_one(&one, EGRET_CACHE_REJECT_MODE);
	}
}

static void refuses_other_sizes(void)
{
	static const long sizes[] = { 0, 63, 64, 67, 69, 5000 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct one one = one_blob();

		if (truncate(one.path, sizes[i]))
			abort();
		end_one(&one, EGRET_CACHE_REJECT_SIZE);
	}
}

static void refuses_each_damaged_byte(void)
{
	for (long at = 0; at < 68; at++) {
		struct one one = one_blob();
		enum egret_cache_rejection why = at < 8	   ? EGRET_CACHE_REJECT_MAGIC
						 : at < 12 ? EGRET_CACHE_REJECT_VERSION
						 : at < 16 ? EGRET_CACHE_REJECT_KEY
						 : at < 20 ? EGRET_CACHE_REJECT_VERSION
						 : at < 45 ? EGRET_CACHE_REJECT_KEY
						 : at < 56 ? EGRET_CACHE_REJECT_SIZE
							   : EGRET_CACHE_REJECT_CHECKSUM;

		if (at >= 45 && at < 48) {
			egret_cache_close(one.cache); /* reserved: read by nobody */
			free(one.path);
			free(one.directory);
			continue;
		}
		write_at(one.path, at, "\xee", 1);
		end_one(&one, why);
	}
}

static void refuses_a_blob_of_another_name(void)
{
	struct one one = one_blob();
	struct egret_cache_key other = key_of(2);
	char *path = path_of(one.directory, &other);

	if (rename(one.path, path))
		abort();
	one.key = other;
	end_one(&one, EGRET_CACHE_REJECT_KEY);
	free(path);
}

static void refuses_another_version(void)
{
	struct one one = one_blob();

	one.key.version = 4;
	end_one(&one, EGRET_CACHE_REJECT_VERSION);
}

static void counts_what_its_reader_refuses(void)
{
	struct one one = one_blob();
	struct egret_cache_blob blob;

	CHECK_EQ(egret_cache_get(one.cache, &one.key, &blob), 0);
	egret_cache_reject(one.cache, &blob);
	CHECK(!blob.bytes);
	CHECK_EQ(egret_cache_stats(one.cache).hits, 0);
	CHECK_EQ(egret_cache_stats(one.cache).rejected[EGRET_CACHE_REJECT_CONTENT], 1);
	egret_cache_close(one.cache);
	free(one.path);
	free(one.directory);
}

static void refuses_directories_of_others(void)
{
	char *directory = new_directory(), *link = new_directory();
	struct egret_cache_opts opts = { .directory = directory };
	struct egret_error err;
	struct egret_cache *cache;

	if (mkdir(directory, 0700) || chmod(directory, 01777) || symlink(directory, link))
		abort();
	CHECK_EQ(egret_cache_open(&opts, &cache, &err), -EPERM);
	CHECK(strstr(err.text, "others may write to it"));
	if (chmod(directory, 0755))
		abort();
	CHECK_EQ(egret_cache_open(&opts, &cache, &err), 0);
	egret_cache_close(cache);
	if (!geteuid()) {
		if (chown(directory, 1, 1))
			abort();
		CHECK_EQ(egret_cache_open(&opts, &cache, &err), -EPERM);
		CHECK(strstr(err.text, "belongs to user 1"));
	}
	opts.directory = link;
	CHECK_EQ(egret_cache_open(&opts, &cache, &err), -ENOTDIR);
	free(link);
	free(directory);
}

/* Somebody was faster in making the directory, after it was found missing. */
static void refuses_a_directory_made_by_others_since(void)
{
	char *directory = new_directory();
	struct egret_cache *cache = open_cache(directory, 0);
	struct egret_cache_key key = key_of(1);

	if (mkdir(directory, 0700) || chmod(directory, 0777))
		abort();
	CHECK_EQ(egret_cache_put(cache, &key, "x", 1), -EPERM);
	CHECK_EQ(egret_cache_stats(cache).not_written, 1);
	egret_cache_close(cache);
	free(directory);
}

static void a_file_that_shrinks_leaves_what_was_read(void)
{
	struct one one = one_blob();
	struct egret_cache_blob blob;

	CHECK_EQ(egret_cache_get(one.cache, &one.key, &blob), 0);
	if (truncate(one.path, 0))
		abort();
	CHECK(!memcmp(blob.bytes, "blob", 4));
	egret_cache_blob_deinit(&blob);
	egret_cache_close(one.cache);
	free(one.path);
	free(one.directory);
}

/* ---- the limit ------------------------------------------------------------------------------ */

static void set_used(const char *path, int64_t seconds_ago)
{
	struct timespec times[2] = { { .tv_sec = time(NULL) - seconds_ago } };

	times[1] = times[0];
	if (utimensat(AT_FDCWD, path, times, 0))
		abort();
}

static bool is_there(const char *directory, uint8_t first)
{
	struct egret_cache_key key = key_of(first);
	char *path = path_of(directory, &key);
	bool there = !access(path, F_OK);

	free(path);
	return there;
}

/* Puts 1000 bytes with the header, last used so long ago. */
static void put_1000(struct egret_cache *cache, const char *directory, uint8_t first,
		     int64_t seconds_ago)
{
	static const char bytes[1000 - 64];
	struct egret_cache_key key = key_of(first);
	char *path = path_of(directory, &key);

	CHECK_EQ(egret_cache_put(cache, &key, bytes, sizeof(bytes)), 0);
	set_used(path, seconds_ago);
	free(path);
}

static void evicts_what_was_used_longest_ago(void)
{
	char *directory = new_directory();
	struct egret_cache *cache = open_cache(directory, 8000);
	struct egret_cache_key used = key_of(2);
	struct egret_cache_blob blob;

	for (uint8_t i = 1; i <= 8; i++)
		put_1000(cache, directory, i, 10000 * (10 - i));
	CHECK_EQ(egret_cache_stats(cache).evicted, 0);
	CHECK_EQ(egret_cache_get(cache, &used, &blob), 0);
	egret_cache_blob_deinit(&blob);
	put_1000(cache, directory, 9, 0);
	/* To 7/8 of the limit: the first and the third; the second was used since. */
	for (uint8_t i = 1; i <= 9; i++)
		CHECK_EQ(is_there(directory, i), i != 1 && i != 3);
	CHECK_EQ(egret_cache_stats(cache).evicted, 2);
	CHECK_EQ(egret_cache_stats(cache).bytes_evicted, 2000);
	egret_cache_close(cache);
	free(directory);
}

static void counts_what_other_runs_have_put(void)
{
	char *directory = new_directory();
	struct egret_cache *cache = open_cache(directory, 4000), *other;

	for (uint8_t i = 1; i <= 4; i++)
		put_1000(cache, directory, i, 10000 * (10 - i));
	egret_cache_close(cache);
	other = open_cache(directory, 2000);
	put_1000(other, directory, 5, 0);
	CHECK_EQ(egret_cache_stats(other).evicted, 4);
	CHECK(is_there(directory, 5));
	egret_cache_close(other);
	free(directory);
}

static void keeps_nothing_larger_than_all(void)
{
	char *directory = new_directory();
	struct egret_cache *cache = open_cache(directory, 1000);
	struct egret_cache_key key = key_of(1);
	static const char bytes[1000 - 63];

	CHECK_EQ(egret_cache_put(cache, &key, bytes, sizeof(bytes)), -EFBIG);
	CHECK_EQ(egret_cache_put(cache, &key, bytes, SIZE_MAX), -EFBIG);
	CHECK_EQ(egret_cache_stats(cache).not_written, 2);
	CHECK_EQ(egret_cache_put(cache, &key, bytes, sizeof(bytes) - 1), 0);
	egret_cache_close(cache);
	free(directory);
}

static void removes_only_its_own(void)
{
	char *directory = new_directory(), *foreign, *old, *young;
	struct egret_cache *cache = open_cache(directory, 1000);

	if (asprintf(&foreign, "%s/notes.cfi", directory) < 0 ||
	    asprintf(&old, "%s/.new-1-1-1", directory) < 0 ||
	    asprintf(&young, "%s/.new-1-1-2", directory) < 0)
		abort();
	put_1000(cache, directory, 1, 0);
	fixture_write(foreign, "mine", 4);
	fixture_write(old, "half", 4);
	fixture_write(young, "half", 4);
	set_used(foreign, 1000000);
	set_used(old, 10000);
	put_1000(cache, directory, 2, 0);
	CHECK(!is_there(directory, 1) && is_there(directory, 2));
	CHECK(!access(foreign, F_OK));
	CHECK(access(old, F_OK)); /* left by a crash */
	CHECK(!access(young, F_OK));
	CHECK_EQ(egret_cache_remove(cache, "notes.cfi"), -EINVAL);
	CHECK_EQ(egret_cache_remove(cache, "../cache-0/ab.cfi"), -EINVAL);
	CHECK_EQ(egret_cache_remove(cache, "ab.cfi"), -ENOENT);
	egret_cache_close(cache);
	free(young);
	free(old);
	free(foreign);
	free(directory);
}

static int remove_entry(void *arg, const struct egret_cache_entry *entry)
{
	CHECK_EQ(entry->key.id.len, 20);
	CHECK_EQ(entry->key.kind, EGRET_CACHE_CFI);
	CHECK_EQ(entry->size, 1000);
	CHECK(entry->used + 5000 - time(NULL) <= 5);
	return egret_cache_remove(arg, entry->name);
}

static int stop_at_once(void *arg, const struct egret_cache_entry *entry)
{
	++*(int *)arg;
	return 42;
}

static void lists_and_removes(void)
{
	char *directory = new_directory();
	struct egret_cache *cache = open_cache(directory, 0);
	int n = 0;

	CHECK_EQ(egret_cache_each(cache, stop_at_once, &n), 0); /* there is no directory */
	put_1000(cache, directory, 1, 5000);
	put_1000(cache, directory, 2, 5000);
	CHECK_EQ(egret_cache_each(cache, stop_at_once, &n), 42);
	CHECK_EQ(n, 1);
	CHECK_EQ(egret_cache_each(cache, remove_entry, cache), 0);
	CHECK(!is_there(directory, 1) && !is_there(directory, 2));
	egret_cache_close(cache);
	free(directory);
}

static void each_key_has_one_name(void)
{
	struct egret_cache_key key = key_of(1), parsed;
	char name[EGRET_CACHE_NAME_MAX];
	static const char *const bad[] = { "",		 ".cfi",	  "ab",
					   "ab.",	 "ab.xyz",	  "a.cfi",
					   "AB.cfi",	 "ab-u0.cfi",	  "ab-u.cfi",
					   "ab-u01.cfi", "ab-u1.cfi.cfi", "ab.cfi/",
					   "../ab.cfi",	 "ab-u-1.cfi",	  "ab-u4294967296.cfi",
					   ".new-1-1-1" };

	key.owner = 4294967294u;
	egret_cache_name(&key, name);
	CHECK_STR(name, "01abcd0000000000000000000000000000000000-u4294967294.cfi");
	CHECK(egret_cache_parse_name(name, &parsed));
	CHECK(!memcmp(&parsed.id, &key.id, sizeof(key.id)) && parsed.owner == key.owner &&
	      parsed.kind == key.kind);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (egret_cache_parse_name(bad[i], &parsed))
			CHECK_STR(bad[i], "not a name");
}

/* ---- several at once ------------------------------------------------------------------------ */

/* Puts and gets one key over and over: whatever comes back is whole, 60000 times the same byte. */
static int one_of_many(const char *directory, char letter)
{
	static char bytes[60000];
	struct egret_cache_key key = key_of(1);
	struct egret_cache *cache = open_cache(directory, 130000);
	struct egret_cache_stats stats;

	memset(bytes, letter, sizeof(bytes));
	for (int i = 0; i < 300; i++) {
		struct egret_cache_blob blob;
		const char *got;

		if (egret_cache_put(cache, &key, bytes, sizeof(bytes)))
			return 1;
		key.id.bytes[0] = (uint8_t)(i % 3);
		if (egret_cache_get(cache, &key, &blob))
			continue; /* another one has evicted it */
		got = blob.bytes;
		if (blob.size != sizeof(bytes) || memcmp(got, got + 1, sizeof(bytes) - 1))
			return 2;
		egret_cache_blob_deinit(&blob);
	}
	stats = egret_cache_stats(cache);
	for (int i = 0; i < EGRET_CACHE_NR_REJECTIONS; i++)
		if (stats.rejected[i])
			return 3;
	egret_cache_close(cache);
	return stats.hits ? 0 : 4;
}

static int add_size(void *arg, const struct egret_cache_entry *entry)
{
	*(uint64_t *)arg += entry->size;
	return 0;
}

static void several_at_once(void)
{
	char *directory = new_directory();
	struct egret_cache_key key = key_of(9);
	struct egret_cache *cache;
	uint64_t total = 0;

	for (char i = 0; i < 4; i++)
		if (!fork())
			_exit(one_of_many(directory, (char)('a' + i)));
	for (int i = 0; i < 4; i++) {
		int status;

		wait(&status);
		CHECK_EQ(status, 0);
	}
	/* Each minds what it has put itself; together they may be over the limit until the next. */
	cache = open_cache(directory, 130000);
	CHECK_EQ(egret_cache_put(cache, &key, "x", 1), 0);
	CHECK_EQ(egret_cache_each(cache, add_size, &total), 0);
	CHECK(total > 1 && total <= 130000);
	egret_cache_close(cache);
	free(directory);
}

int main(void)
{
	RUN(gives_back_what_was_put);
	RUN(makes_the_directories_above);
	RUN(keeps_kinds_and_owners_apart);
	RUN(no_cache_has_nothing);
	RUN(a_key_is_that_of_a_file);
	RUN(refuses_links_and_pipes);
	RUN(refuses_what_others_own);
	RUN(refuses_what_others_may_write);
	RUN(refuses_other_sizes);
	RUN(refuses_each_damaged_byte);
	RUN(refuses_a_blob_of_another_name);
	RUN(refuses_another_version);
	RUN(counts_what_its_reader_refuses);
	RUN(refuses_directories_of_others);
	RUN(refuses_a_directory_made_by_others_since);
	RUN(a_file_that_shrinks_leaves_what_was_read);
	RUN(evicts_what_was_used_longest_ago);
	RUN(counts_what_other_runs_have_put);
	RUN(keeps_nothing_larger_than_all);
	RUN(removes_only_its_own);
	RUN(lists_and_removes);
	RUN(each_key_has_one_name);
	RUN(several_at_once);
	return DONE();
}
