/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* live.c - files as the processes of this machine see them, through /proc. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/path.h"
#include "elf/debug_find.h"
#include "maps/cgroup_path.h"
#include "maps/modules.h"
#include "maps/processes.h"

#define ENVIRONMENT_MAX (256u << 10)

/* The vdso is the same for all 64-bit processes of a boot, and in our own memory. */
static int open_vdso(struct egret_elf **out, struct egret_error *err)
{
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	char line[256];
	__fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && (const char *)start == vdso)
			return egret_elf_open_memory(vdso, end - start, "[vdso]", out, err);
	return egret_fail(err, ENOENT, "egret has no vdso of its own to read");
}

/* Whether an open file is the one that was mapped. */
static bool is_the_file(const struct egret_elf *elf, int fd, const struct egret_map_info *info)
{
	struct egret_build_id id = egret_elf_build_id(elf);
	struct stat st;

	if (info->build_id.len)
		return id.len == info->build_id.len &&
		       !memcmp(id.bytes, info->build_id.bytes, id.len);
	return !info->ino || (!fstat(fd, &st) && st.st_ino == info->ino);
}

/*
 * Whether a link of map_files still leads to the path that was told, which for us may be below a
 * container's directory: by now the process may have mapped another file there. For file systems
 * that lie on others, which have one number of an inode for mappings, and another one for stat().
 */
static bool leads_there(const char *link, const struct egret_map_info *info)
{
	char to[4096];
	ssize_t n = readlink(link, to, sizeof(to) - 1);
	size_t path_len = egret_path_undeleted(info->path), len;

	if (n < 0)
		return false;
	to[n] = 0;
	len = egret_path_undeleted(to);
	return path_len && len >= path_len && !memcmp(to + len - path_len, info->path, path_len);
}

/* is_link: path is one of map_files. */
static int try_path(const struct egret_debug_finder *finder, const char *path, bool is_link,
		    const struct egret_map_info *info, struct egret_elf **out,
		    struct egret_error *err)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int ret;

	if (fd < 0)
		return egret_fail(err, errno, "%s: %s", info->path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return egret_fail(err, EINVAL, "%s: not a regular file", info->path);
	ret = egret_debug_open(finder, fd, info->path, out, err);
	if (ret)
		return ret;
	if (is_the_file(*out, fd, info) ||
	    (is_link && !info->build_id.len && leads_there(path, info)))
		return 0;
	egret_elf_destroy(*out);
	*out = NULL;
	return egret_fail(err, ESTALE,
			  "%s: the file was replaced since it was mapped, and no process holds the "
			  "old one any more",
			  info->path);
}

int egret_module_open_path(const char *path, const struct egret_map_info *info,
			   struct egret_elf **out, struct egret_error *err)
{
	return try_path(NULL, path, false, info, out, err);
}

/* What failed says more than another failure: a file that is there, but not the one. */
static bool says_more(int error, int than)
{
	return error != -ENOENT && (than == 0 || than == -ENOENT || error == -ESTALE);
}

/*
 * The mapping itself first (while it is there it leads to the file, deleted or not, in whatever
 * namespace), then the path in the process's root, then in ours; then whatever has the same
 * build-id.
 */
static int open_live(void *arg, const struct egret_map_info *info, struct egret_elf **out,
		     struct egret_error *err)
{
	char paths[4][4200];
	int result = -ENOENT;

	if (!strcmp(info->path, "[vdso]"))
		return open_vdso(out, err);
	snprintf(paths[0], sizeof(paths[0]), "/proc/%d/map_files/%llx-%llx", info->pid,
		 (unsigned long long)info->start, (unsigned long long)info->end);
	snprintf(paths[1], sizeof(paths[1]), "/proc/%d/root%s", info->pid, info->path);
	snprintf(paths[2], sizeof(paths[2]), "%s", info->path);
	snprintf(paths[3], sizeof(paths[3]), "%s", info->outer_path ? info->outer_path : "");
	egret_fail(err, ENOENT, "%s: is not there any more", info->path);
	for (size_t i = 0; i < (info->outer_path ? 4 : 3); i++) {
		struct egret_error why;
		int ret = try_path(arg, paths[i], i == 0, info, out, &why);

		if (!ret)
			return 0;
		if (!says_more(ret, result))
			continue;
		result = ret;
		if (err)
			*err = why;
	}
	return egret_debug_find_file(arg, &info->build_id, info->path, out) ? result : 0;
}

static int open_debug_live(void *arg, const struct egret_module *module,
			   const struct egret_map_info *info, struct egret_elf **out)
{
	struct egret_debug_want want = {
		.elf = module->elf,
		.path = module->path,
		.pid = info->pid,
	};

	return egret_debug_find(arg, &want, out);
}

static int fetch_debug_live(void *arg, const struct egret_module *module, struct egret_elf **out)
{
	struct egret_debug_want want = { .elf = module->elf, .path = module->path };

	return egret_debug_fetch(arg, &want, out, NULL);
}

const struct egret_module_source egret_module_source_live = {
	.open_elf = open_live,
	.open_debug = open_debug_live,
	.fetch_debug = fetch_debug_live,
};

static int read_all(const char *path, struct egret_buffer *out)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		void *to = egret_buffer_reserve(out, 65536);

		if (!to)
			return -ENOMEM;
		n = read(fd, to, 65536);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		out->len += (size_t)n;
	}
}

static int read_maps_live(void *arg, int pid, struct egret_buffer *out)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return read_all(path, out);
}

static int read_comm_live(void *arg, int pid, char *to, size_t size)
{
	char path[64];
	struct egret_buffer text = { 0 };
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	ret = read_all(path, &text);
	if (!ret)
		snprintf(to, size, "%.*s", (int)strcspn((char *)text.data, "\n"),
			 (char *)text.data);
	egret_buffer_deinit(&text);
	return ret;
}

/* cgroups(7): lines of "number:controllers:path"; version 2 has the number 0, and the last line. */
static int read_cgroup_of(int pid, char *to, size_t size)
{
	char path[64];
	struct egret_buffer text = { 0 };
	const char *line;
	int ret;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	ret = read_all(path, &text);
	egret_buffer_add(&text, "", 1);
	if (!ret && text.failed)
		ret = -ENOMEM;
	if (!ret) {
		line = strstr((const char *)text.data, "0::");
		line = strchr(line ? line + 3 : (const char *)text.data, '/');
		if (line)
			snprintf(to, size, "%.*s", (int)strcspn(line, "\n"), line);
		ret = line ? 0 : -ENOENT;
	}
	egret_buffer_deinit(&text);
	return ret;
}

static int read_cgroup_live(void *arg, int pid, uint64_t id, char *to, size_t size)
{
	if (id && !egret_cgroup_path(id, to, size))
		return 0;
	return read_cgroup_of(pid, to, size);
}

/*
 * Only a page that is there: one that is not may be somebody's to deliver (userfaultfd, FUSE), who
 * may take forever. proc(5) of pagemap: bit 63 of a page's entry.
 */
static bool is_present(int pid, uint64_t addr)
{
	char path[64];
	uint64_t entry;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 &&
	       pread(fd, &entry, sizeof(entry), (off_t)(addr / 4096 * 8)) == sizeof(entry) &&
	       entry >> 63;
}

static int read_code_live(void *arg, int pid, uint64_t addr, void *to, size_t len)
{
	struct iovec local = { to, len };
	struct iovec remote = { (void *)(uintptr_t)addr, len };
	ssize_t n;

	if (!is_present(pid, addr))
		return -EFAULT;
	n = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

static void set_label(struct egret_process_labels *labels, const char *key, const char *value)
{
	egret_labels_set(labels, key, strlen(key), value, strlen(value));
}

/* The file that it runs, and which build of it; of a script its interpreter. False: it has gone. */
static bool label_executable(struct egret_process_labels *labels, int pid)
{
	char path[64], name[4096], hex[2 * EGRET_BUILD_ID_MAX + 1], head[4096];
	struct egret_build_id id;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	len = readlink(path, name, sizeof(name) - 1);
	if (len <= 0)
		return false;
	name[len] = 0;
	name[egret_path_undeleted(name)] = 0;
	set_label(labels, "process.executable.name", egret_file_name(name));
	set_label(labels, "process.executable.path", name);
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	len = fd < 0 ? -1 : read(fd, head, sizeof(head));
	if (len <= 0)
		return true;
	id = egret_elf_build_id_of_head(head, (size_t)len);
	if (id.len)
		set_label(labels, "process.executable.build_id.gnu", egret_build_id_hex(&id, hex));
	return true;
}

/* Of a very large environment only the beginning. -errno: it has gone, or is not ours to read. */
static int label_environment(struct egret_process_labels *labels, int pid)
{
	char path[64];
	char *bytes;
	size_t len = 0;
	ssize_t n = 1;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	bytes = malloc(ENVIRONMENT_MAX);
	while (bytes && n > 0 && len < ENVIRONMENT_MAX) {
		n = read(fd, bytes + len, ENVIRONMENT_MAX - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (bytes) {
		egret_labels_of_environment(labels, bytes, len);
		explicit_bzero(bytes, len);
	}
	free(bytes);
	return bytes ? 0 : -ENOMEM;
}

static int read_labels_live(void *arg, const int *pids, size_t n, uint64_t cgroup_id,
			    struct egret_process_labels *out)
{
	char cgroup[4096];
	int ret = -ESRCH;

	/* First the environment: what egret knows itself wins. */
	for (size_t i = 0; i < n && ret; i++)
		ret = label_environment(out, pids[i]);
	if (!read_cgroup_live(NULL, pids[0], cgroup_id, cgroup, sizeof(cgroup)))
		egret_labels_of_cgroup(out, cgroup);
	for (size_t i = 0; i < n; i++)
		if (label_executable(out, pids[i]))
			break;
	return ret;
}

const struct egret_process_source egret_process_source_live = {
	.read_maps = read_maps_live,
	.read_comm = read_comm_live,
	.read_code = read_code_live,
	.read_cgroup = read_cgroup_live,
	.read_labels = read_labels_live,
};
