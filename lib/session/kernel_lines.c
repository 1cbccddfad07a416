/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/kernel_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"

/* ---- how far it was moved ------------------------------------------------------------------- */

/* Of these one is in every kernel, and once. */
static const char *const anchors[] = { "_stext", "_text", "startup_64", "do_syscall_64",
				       "vfs_read" };
#define NR_ANCHORS (sizeof(anchors) / sizeof(*anchors))

static bool find_anchor(const struct egret_kallsyms *kallsyms, const struct egret_elf *vmlinux,
			uint64_t *moved)
{
	for (size_t i = 0; i < NR_ANCHORS; i++) {
		struct egret_symbol here;
		uint64_t linked;

		if (egret_symbol_value(vmlinux, anchors[i], &linked) &&
		    egret_kallsyms_named(kallsyms, anchors[i], &here)) {
			*moved = here.start - linked;
			return true;
		}
	}
	return false;
}

void egret_kernel_lines_open(struct egret_kernel_lines *out, const struct egret_name_source *source,
			     const struct egret_kallsyms *kallsyms, struct egret_cache *cache)
{
	*out = (struct egret_kernel_lines){ 0 };
	if (!kallsyms || egret_kallsyms_hidden(kallsyms) || !source->open_vmlinux ||
	    source->open_vmlinux(source->arg, &out->vmlinux))
		return;
	if (!find_anchor(kallsyms, out->vmlinux, &out->moved) ||
	    egret_code_names_create(out->vmlinux, NULL, cache, &out->code, NULL))
		out->code = NULL;
}

void egret_kernel_lines_close(struct egret_kernel_lines *lines)
{
	egret_code_names_destroy(lines->code);
	egret_elf_destroy(lines->vmlinux);
	*lines = (struct egret_kernel_lines){ 0 };
}

/* ---- the running kernel's ------------------------------------------------------------------- */

struct egret_build_id egret_kernel_build_id_live(void)
{
	__close_ int fd = open("/sys/kernel/notes", O_RDONLY | O_CLOEXEC);
	uint8_t notes[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, notes, sizeof(notes));

	return egret_build_id_of_notes(notes, n < 0 ? 0 : (size_t)n);
}

/* %s: the release. */
static const char *const places[] = {
	"/usr/lib/debug/boot/vmlinux-%s",
	"/usr/lib/debug/lib/modules/%s/vmlinux",
	"/lib/modules/%s/build/vmlinux",
	"/boot/vmlinux-%s",
	"/usr/lib/debug/lib/modules/%s/vmlinux.debug",
};

/* A vmlinux of another build would tell lines of other code. */
static int open_build(const char *path, const struct egret_build_id *id, struct egret_elf **out)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct egret_build_id found;
	int ret = fd < 0 ? -errno : egret_elf_open_fd(fd, path, out, NULL);

	if (ret)
		return ret;
	found = egret_elf_build_id(*out);
	if (found.len == id->len && !memcmp(found.bytes, id->bytes, id->len))
		return 0;
	egret_elf_destroy(*out);
	*out = NULL;
	return -ESTALE;
}

static int open_by_release(const struct egret_build_id *id, struct egret_elf **out)
{
	struct utsname uts;
	char path[256];

	if (uname(&uts))
		return -errno;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), places[i], uts.release);
		if (!open_build(path, id, out))
			return 0;
	}
	return -ENOENT;
}

int egret_vmlinux_open(const struct egret_build_id *id, struct egret_elf **out)
{
	*out = NULL;
	if (!id->len)
		return -ENOENT;
	return egret_elf_open_debug(id, out, NULL) ? open_by_release(id, out) : 0;
}

int egret_vmlinux_open_live(void *arg, struct egret_elf **out)
{
	struct egret_build_id id = egret_kernel_build_id_live();

	return egret_vmlinux_open(&id, out);
}
