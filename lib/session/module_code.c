/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* module_code.c - the file that a module of a profile was. */
#include "session/module_code.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "session/kernel_lines.h"

static bool same_build(const struct egret_build_id *a, const struct egret_build_id *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

/* ---- files ---------------------------------------------------------------------------------- */

static int open_path(const char *path, struct egret_elf **out)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	return fd < 0 ? -errno : egret_elf_open_fd(fd, path, out, NULL);
}

/* Whether it is what one of the modules at this path was. Without a build-id nobody can tell. */
static bool is_recorded(const struct egret_profile *p, const char *path,
			const struct egret_elf *elf)
{
	struct egret_build_id id = egret_elf_build_id(elf);

	for (uint32_t i = 0; i < egret_profile_n_modules(p); i++) {
		const struct egret_profile_module *m = egret_profile_get_module(p, i);

		if (m->kind == EGRET_MODULE_FILE && same_build(&m->build_id, &id) &&
		    !strcmp(egret_profile_get_string(p, m->path), path))
			return true;
	}
	return false;
}

static int open_file(const struct egret_profile *p, const struct egret_profile_module *m,
		     const struct egret_debug_finder *finder, struct egret_module_code *out,
		     struct egret_error *err)
{
	const char *path = egret_profile_get_string(p, m->path);
	int ret = open_path(path, &out->elf);

	if (!ret && is_recorded(p, path, out->elf))
		return 0;
	if (!ret) {
		egret_elf_destroy(out->elf);
		ret = -ESTALE;
	}
	if (m->build_id.len && !egret_debug_find_file(finder, &m->build_id, path, &out->elf))
		return 0;
	out->elf = NULL;
	if (ret == -ESTALE)
		return egret_fail(err, ESTALE,
				  "%s: is another file than the one that was sampled: its build-id "
				  "differs; 'egret cache add' keeps files",
				  path);
	return egret_fail(err, -ret, "%s: the file that was sampled cannot be read: %s", path,
			  strerror(-ret));
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static const char *const no_vmlinux =
	"[kernel.kallsyms]: there is no vmlinux of this kernel to read its code from; the package "
	"of its debug symbols has it";

static int open_vmlinux(struct egret_module_code *out, struct egret_error *err)
{
	struct egret_kallsyms *kallsyms = NULL;
	struct egret_kernel_lines lines = { 0 };
	int ret = egret_kallsyms_open("/proc/kallsyms", &kallsyms, err);

	if (ret)
		return ret;
	egret_kernel_lines_open(&lines, &egret_name_source_live, kallsyms, NULL);
	egret_kallsyms_destroy(kallsyms);
	if (!lines.code) {
		egret_kernel_lines_close(&lines);
		return egret_fail(err, ENOENT, "%s", no_vmlinux);
	}
	*out = (struct egret_module_code){ lines.vmlinux, lines.moved, true };
	lines.vmlinux = NULL;
	egret_kernel_lines_close(&lines);
	return 0;
}

static int open_kernel(const struct egret_profile *p, const char *module,
		       struct egret_module_code *out, struct egret_error *err)
{
	const char *recorded = egret_profile__meta(p, "kernel");
	struct utsname uts;

	if (strcmp(module, "[kernel.kallsyms]"))
		return egret_fail(err, ENOTSUP,
				  "%s: code of kernel modules and BPF programs is in no file that "
				  "egret reads",
				  module);
	if (recorded && !uname(&uts) && !strstr(recorded, uts.release))
		return egret_fail(err, ESTALE,
				  "[kernel.kallsyms]: another kernel runs than the one that was "
				  "sampled (%s)",
				  recorded);
	return open_vmlinux(out, err);
}

/* ---- a module ------------------------------------------------------------------------------- */

static const char *name_of(const struct egret_profile *p, const struct egret_profile_module *m)
{
	const char *path = egret_profile_get_string(p, m->path);

	if (*path)
		return path;
	switch (m->kind) {
	case EGRET_MODULE_KERNEL:
		return "[kernel.kallsyms]";
	case EGRET_MODULE_JIT:
		return "[jit]";
	case EGRET_MODULE_VDSO:
		return "[vdso]";
	default:
		return "[unknown]";
	}
}

int egret_module_code_open(const struct egret_profile *p, const char *module,
			   const struct egret_debug_finder *finder, struct egret_module_code *out,
			   struct egret_error *err)
{
	*out = (struct egret_module_code){ 0 };
	for (uint32_t i = 0; i < egret_profile_n_modules(p); i++) {
		const struct egret_profile_module *m = egret_profile_get_module(p, i);

		if (m->kind == EGRET_MODULE_CUT || strcmp(name_of(p, m), module))
			continue;
		if (m->kind == EGRET_MODULE_KERNEL)
			return open_kernel(p, module, out, err);
		if (m->kind == EGRET_MODULE_FILE)
			return open_file(p, m, finder, out, err);
		return egret_fail(err, ENOTSUP,
				  m->kind == EGRET_MODULE_JIT
					  ? "%s: its code was made at run time, and has gone with "
					    "its process"
					  : "%s: its code is in no file",
				  module);
	}
	return egret_fail(err, ENODATA, "%s: is no module of the recording", module);
}
