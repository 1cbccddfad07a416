/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/import_sources.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "session/kernel_lines.h"
#include "session/live_names.h"

#define PERF_MAP_MAX_BYTES (256u << 20)

/* ---- files -------------------------------------------------------------------------------- */

static bool is_id(const struct egret_build_id *a, const struct egret_build_id *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

/* ---- the kernel --------------------------------------------------------------------------- */

static bool is_running_kernel(const struct egret_import_sources *sources)
{
	struct egret_build_id id = egret_kernel_build_id_live();
	struct utsname uts;

	if (sources->kernel_id.len)
		return is_id(&id, &sources->kernel_id);
	return sources->kernel_release && !uname(&uts) &&
	       !strcmp(uts.release, sources->kernel_release);
}

/* The vdso of this kernel, which is that of the recording if it has the same build-id. */
static int open_vdso(const struct egret_import_sources *sources, const struct egret_map_info *info,
		     struct egret_elf **out, struct egret_error *err)
{
	int ret = egret_module_source_live.open_elf(NULL, info, out, err);
	struct egret_build_id id;

	if (ret)
		return ret;
	id = egret_elf_build_id(*out);
	if (info->build_id.len ? is_id(&id, &info->build_id) : is_running_kernel(sources))
		return 0;
	egret_elf_destroy(*out);
	*out = NULL;
	return egret_fail(err, ESTALE, "[vdso]: another kernel's than this one");
}

static int open_elf(void *arg, const struct egret_map_info *info, struct egret_elf **out,
		    struct egret_error *err)
{
	const struct egret_import_sources *sources = arg;
	int ret;

	*out = NULL;
	if (!strcmp(info->path, "[vdso]"))
		return open_vdso(sources, info, out, err);
	ret = egret_module_open_path(info->path, info, out, err);
	if (ret && info->build_id.len &&
	    !egret_debug_find_file(sources->finder, &info->build_id, info->path, out))
		return 0;
	return ret;
}

static int open_debug(void *arg, const struct egret_module *module,
		      const struct egret_map_info *info, struct egret_elf **out)
{
	const struct egret_import_sources *sources = arg;
	struct egret_debug_want want = { .elf = module->elf, .path = module->path };

	return egret_debug_find(sources->finder, &want, out);
}

/* ---- processes ---------------------------------------------------------------------------- */

static int no_maps(void *arg, int pid, struct egret_buffer *out)
{
	return -ENOENT;
}

static int no_comm(void *arg, int pid, char *to, size_t size)
{
	return -ENOENT;
}

static int no_code(void *arg, int pid, uint64_t addr, void *to, size_t len)
{
	return -EFAULT;
}

/* ---- names -------------------------------------------------------------------------------- */

/* Whether the kernel is where it was: with another boot it may have been moved. */
static bool is_in_place(const struct egret_import_sources *sources, struct egret_buffer *text)
{
	char wanted[sizeof(sources->kernel_symbol) + 2];
	const char *line;

	if (!sources->kernel_address)
		return true;
	egret_buffer_add(text, "", 1);
	if (text->failed)
		return false;
	text->len--;
	snprintf(wanted, sizeof(wanted), " %s\n", sources->kernel_symbol);
	line = strstr((const char *)text->data, wanted);
	while (line && line > (const char *)text->data && line[-1] != '\n')
		line--;
	return line && strtoull(line, NULL, 16) == sources->kernel_address;
}

static int read_kallsyms(void *arg, struct egret_buffer *out)
{
	const struct egret_import_sources *sources = arg;
	const struct egret_name_source *live = &egret_name_source_live;
	int ret;

	if (!is_running_kernel(sources))
		return -ENOENT;
	ret = live->read_kallsyms(live->arg, out);
	if (ret || is_in_place(sources, out))
		return ret;
	egret_buffer_clear(out);
	return -ENOENT;
}

/* Ours or root's: the number of the process may be another user's by now. */
static int read_perfmap(void *arg, int pid, size_t *size, struct egret_buffer *out)
{
	char path[64];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != 0))
		return -EPERM;
	if (*size)
		return -EALREADY;
	*size = (size_t)st.st_size;
	do {
		void *to = egret_buffer_reserve(out, 1u << 18);

		if (!to)
			return -ENOMEM;
		n = read(fd, to, 1u << 18);
		out->len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && out->len < PERF_MAP_MAX_BYTES);
	return n < 0 ? -errno : 0;
}

static int open_vmlinux(void *arg, struct egret_elf **out)
{
	return is_running_kernel(arg) ? egret_vmlinux_open_live(NULL, out) : -ENOENT;
}

/* ---- life --------------------------------------------------------------------------------- */

int egret_import_sources_init(struct egret_import_sources *s, const char *const *debug_dirs,
			      size_t n_debug_dirs)
{
	struct egret_debug_opts opts = { .dirs = debug_dirs, .n_dirs = n_debug_dirs };

	*s = (struct egret_import_sources){
		.modules = { open_elf, open_debug, NULL, s },
		.processes = { no_maps, no_comm, no_code, s },
		.names = { read_kallsyms, s, { NULL, read_perfmap, NULL, s }, open_vmlinux },
	};
	return egret_debug_finder_create(&opts, &s->finder);
}

void egret_import_sources_deinit(struct egret_import_sources *s)
{
	egret_debug_finder_destroy(s->finder);
}
