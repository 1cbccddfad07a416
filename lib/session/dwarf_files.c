/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/dwarf_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "elf/debug_find.h"

static int open_elf(const char *path, struct egret_elf **out)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : egret_elf_open_fd(fd, path, out, NULL);
}

/* "directory of `beside`/name"; "directory/name" where directory is not NULL. */
static int open_in(const char *directory, const char *beside, const char *name,
		   struct egret_elf **out)
{
	const char *slash = beside ? strrchr(beside, '/') : NULL;
	__free_ char *path = NULL;
	int len;

	if (name[0] == '/')
		return open_elf(name, out);
	if (directory)
		len = asprintf(&path, "%s/%s", directory, name);
	else
		len = asprintf(&path, "%.*s%s", slash ? (int)(slash - beside) + 1 : 0, beside,
			       name);
	if (len < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return open_elf(path, out);
}

static int open_alt(void *arg, const char *name, const struct egret_build_id *id,
		    struct egret_elf **out)
{
	const struct egret_dwarf_files *files = arg;
	struct egret_debug_want want = { .elf = files->debug ? files->debug : files->elf };

	want.path = egret_elf_name(want.elf);
	return egret_debug_find_alt(NULL, &want, name, id, out);
}

static int open_package(const char *path, struct egret_elf **out)
{
	__free_ char *package = NULL;

	if (asprintf(&package, "%s.dwp", path) < 0) {
		package = NULL;
		return -ENOMEM;
	}
	return open_elf(package, out);
}

static int open_dwp(void *arg, struct egret_elf **out)
{
	const struct egret_dwarf_files *files = arg;

	if (!open_package(egret_elf_name(files->elf), out))
		return 0;
	return files->debug ? open_package(egret_elf_name(files->debug), out) : -ENOENT;
}

static int open_dwo(void *arg, const char *comp_dir, const char *name, struct egret_elf **out)
{
	const struct egret_dwarf_files *files = arg;
	const char *slash = strrchr(name, '/');
	int ret = open_in(*comp_dir ? comp_dir : NULL, egret_elf_name(files->elf), name, out);

	if (!ret)
		return 0;
	return open_in(NULL, egret_elf_name(files->elf), slash ? slash + 1 : name, out);
}

struct egret_dwarf_openers egret_dwarf_files_openers(struct egret_dwarf_files *files)
{
	return (struct egret_dwarf_openers){ open_alt, open_dwp, open_dwo, files };
}
