/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cache/file_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/write.h"

#define DEBUG_SUFFIX ".debug"
#define STEP (1u << 16)

static void cleanup_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define __closedir_ __attribute__((cleanup(cleanup_closedir)))

/* A directory that is ours, and which nobody else may write to. A descriptor, or -errno. */
static int open_own(int at, const char *name, bool make)
{
	__close_ int fd = -1;
	struct stat st;

	if (make && mkdirat(at, name, 0700) && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() || st.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	return steal_fd(fd);
}

/* DIR/files/.build-id, as a descriptor; or -errno. */
static int open_tree(const char *dir, bool make)
{
	__close_ int top = open_own(AT_FDCWD, dir, make);
	__close_ int files = top < 0 ? top : open_own(top, "files", make);

	return files < 0 ? files : open_own(files, ".build-id", make);
}

/* ab/cdef or ab/cdef.debug. */
static void name_of(const struct egret_stored_file *file, char *to, size_t size)
{
	snprintf(to, size, "%.2s/%s%s", file->build_id, file->build_id + 2,
		 file->is_debug ? DEBUG_SUFFIX : "");
}

/* ---- adding ------------------------------------------------------------------------------- */

/* Debug files have the headers of the code, but not its bytes. */
static bool is_debug_file(const struct egret_elf *elf)
{
	struct egret_section section;

	return egret_elf_section(elf, ".text", &section) && !section.data;
}

static int describe(int fd, const char *path, struct egret_stored_file *out,
		    struct egret_error *err)
{
	struct egret_elf *elf;
	struct egret_build_id id;
	int ret = egret_elf_open_fd(fd, path, &elf, err);

	if (ret)
		return ret;
	id = egret_elf_build_id(elf);
	*out = (struct egret_stored_file){ .is_debug = is_debug_file(elf) };
	egret_build_id_hex(&id, out->build_id);
	egret_elf_destroy(elf);
	return id.len < 2 ? egret_fail(err, ENOEXEC, "%s: has no build-id to be found by", path)
			  : 0;
}

static int copy(int from, int to)
{
	char bytes[STEP];
	off_t at = 0;

	for (;;) {
		ssize_t n = pread(from, bytes, sizeof(bytes), at);
		int ret;

		if (n <= 0)
			return n ? -errno : 0;
		ret = egret_write_all(to, bytes, (size_t)n);
		if (ret)
			return ret;
		at += n;
	}
}

/* Under another name first, so that nobody finds a part of it. */
static int add_to(int tree, const struct egret_stored_file *file, int from)
{
	char name[NAME_MAX + 1], directory[3] = { file->build_id[0], file->build_id[1] };
	char temporary[32];
	__close_ int dir = open_own(tree, directory, true);
	__close_ int to = -1;
	int ret;

	if (dir < 0)
		return dir;
	name_of(file, name, sizeof(name));
	if (!faccessat(tree, name, F_OK, AT_SYMLINK_NOFOLLOW))
		return -EEXIST;
	snprintf(temporary, sizeof(temporary), ".new-%d", getpid());
	to = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (to < 0)
		return -errno;
	ret = copy(from, to);
	if (!ret && renameat(dir, temporary, tree, name))
		ret = -errno;
	if (ret)
		unlinkat(dir, temporary, 0);
	return ret;
}

int egret_file_store_add(const char *dir, const char *path, struct egret_error *err)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	__close_ int tree = -1;
	struct egret_stored_file file;
	int ret;

	if (fd < 0)
		return egret_fail(err, errno, "%s: %s", path, strerror(errno));
	ret = describe(fd, path, &file, err);
	if (ret)
		return ret;
	tree = open_tree(dir, true);
	if (tree < 0)
		return egret_fail(err, -tree, "%s: %s", dir,
				  tree == -EPERM ? "is another user's, or others may write to it"
						 : strerror(-tree));
	ret = add_to(tree, &file, fd);
	if (ret == -EEXIST)
		return egret_fail(err, EEXIST, "%s: is there already, as %s", path, file.build_id);
	return ret ? egret_fail(err, -ret, "%s: cannot keep it: %s", path, strerror(-ret)) : 0;
}

/* ---- looking ------------------------------------------------------------------------------ */

static bool is_hex(const char *text, size_t len)
{
	return len && strspn(text, "0123456789abcdef") >= len;
}

/* What a name in the directory ab says. False: not a name of ours. */
static bool parse_name(const char *directory, const char *name, struct egret_stored_file *out)
{
	size_t len = strcspn(name, ".");

	*out = (struct egret_stored_file){ .is_debug = !strcmp(name + len, DEBUG_SUFFIX) };
	if (!is_hex(name, len) || (name[len] && !out->is_debug) || len > sizeof(out->build_id) - 3)
		return false;
	snprintf(out->build_id, sizeof(out->build_id), "%.2s%.*s", directory, (int)len, name);
	return true;
}

static int each_in(int tree, const char *directory, egret_stored_file_fn fn, void *arg)
{
	int fd = open_own(tree, directory, false), ret = 0;
	__closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return fd < 0 ? fd : -ENOMEM;
	}
	while (!ret && (entry = readdir(dir))) {
		struct egret_stored_file file;
		struct stat st;

		if (!parse_name(directory, entry->d_name, &file) ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
			continue;
		file.size = (uint64_t)st.st_size;
		file.modified = st.st_mtim.tv_sec;
		ret = fn(arg, &file);
	}
	return ret;
}

int egret_file_store_each(const char *dir, egret_stored_file_fn fn, void *arg)
{
	int tree = open_tree(dir, false), ret = 0;
	__closedir_ DIR *list = tree < 0 ? NULL : fdopendir(tree);
	const struct dirent *entry;

	if (tree < 0)
		return tree == -ENOENT ? 0 : tree;
	if (!list) {
		close(tree);
		return -ENOMEM;
	}
	while (!ret && (entry = readdir(list)))
		if (strlen(entry->d_name) == 2 && is_hex(entry->d_name, 2))
			ret = each_in(tree, entry->d_name, fn, arg);
	return ret;
}

int egret_file_store_remove(const char *dir, const struct egret_stored_file *file)
{
	__close_ int tree = open_tree(dir, false);
	char name[NAME_MAX + 1];

	if (tree < 0)
		return tree;
	name_of(file, name, sizeof(name));
	return unlinkat(tree, name, 0) ? -errno : 0;
}
