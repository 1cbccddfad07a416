/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/live_names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "session/kernel_lines.h"
#include "symbolize/jitdump.h"

#define FILE_MAX_BYTES (256u << 20) /* of a perf map, and of what is read of a jitdump at once */
#define STEP (1u << 18)
/* Processes whose files are kept open: those of more are opened when they are read. */
#define KEPT_MAX 256

/* What is known of a process from when it was seen. */
struct jit_files {
	int pid;
	int inner_pid;	   /* in its own PID namespace */
	uid_t uid;	   /* whose it is; its files must be the same user's, or root's */
	bool is_root_ours; /* its file system is */
	int map, dump;	   /* descriptors; -1: none yet */
	struct timespec map_time;
};

struct egret_live_names {
	struct egret_name_source source;
	int kallsyms; /* given; -1: opened when it is read */
	struct jit_files *files;
	size_t n;
};

/* ---- reading ------------------------------------------------------------------------------ */

/* From the descriptor's position on, or from *at. */
static int read_to_end(int fd, uint64_t *at, size_t most, struct egret_buffer *out)
{
	size_t begin = out->len;
	ssize_t n;

	do {
		void *to = egret_buffer_reserve(out, STEP);

		if (!to)
			return -ENOMEM;
		n = at ? pread(fd, to, STEP, (off_t)*at) : read(fd, to, STEP);
		if (n < 0)
			return -errno;
		out->len += (size_t)n;
		if (at)
			*at += (uint64_t)n;
	} while (n && out->len - begin < most);
	return 0;
}

static int read_kallsyms(void *arg, struct egret_buffer *out)
{
	const struct egret_live_names *live = arg;
	__close_ int fd = -1;
	uint64_t start = 0;

	if (live && live->kallsyms >= 0)
		return read_to_end(live->kallsyms, &start, SIZE_MAX, out);
	fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : read_to_end(fd, NULL, SIZE_MAX, out);
}

/* ---- processes ---------------------------------------------------------------------------- */

/*
 * proc_pid_status(5): the user that it acts as, and its number in its innermost PID namespace, the
 * last of NSpid.
 */
static void read_status(struct jit_files *files)
{
	char path[64], line[256];
	__fclose_ FILE *file = NULL;
	unsigned int uid;

	snprintf(path, sizeof(path), "/proc/%d/status", files->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		char *p = line + 6, *rest;

		if (sscanf(line, "Uid: %*u %u", &uid) == 1)
			files->uid = uid;
		if (strncmp(line, "NSpid:", 6))
			continue;
		for (long n = strtol(p, &rest, 10); rest != p; n = strtol(p, &rest, 10)) {
			files->inner_pid = (int)n;
			p = rest;
		}
	}
}

static bool is_root_ours(int pid)
{
	struct stat theirs, ours;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	return !stat(path, &theirs) && !stat("/", &ours) && theirs.st_dev == ours.st_dev &&
	       theirs.st_ino == ours.st_ino;
}

/* Of a process that has gone already: what it was is not known, and its files must be root's. */
static struct jit_files look_at(int pid)
{
	struct jit_files files = { .pid = pid, .inner_pid = pid, .map = -1, .dump = -1 };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	files.is_root_ours = access(path, F_OK) || is_root_ours(pid);
	read_status(&files);
	return files;
}

/* NULL without memory, and where nothing is kept. */
static struct jit_files *files_of(struct egret_live_names *live, int pid)
{
	struct jit_files *grown;

	if (!live)
		return NULL;
	for (size_t i = 0; i < live->n; i++)
		if (live->files[i].pid == pid)
			return &live->files[i];
	if (live->n == KEPT_MAX)
		return NULL;
	grown = reallocarray(live->files, live->n + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	live->files = grown;
	grown[live->n] = look_at(pid);
	return &grown[live->n++];
}

/* ---- opening ------------------------------------------------------------------------------ */

/* A regular file of the process's own user or of root: others may not tell what its code is. */
static bool is_to_be_trusted(const struct jit_files *files, int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	       (st.st_uid == files->uid || st.st_uid == 0);
}

/* A descriptor, or -errno; -EPERM where the file is not to be trusted. */
static int open_trusted(const struct jit_files *files, const char *path, int flags)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);

	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	return is_to_be_trusted(files, fd) ? steal_fd(fd) : -EPERM;
}

static int open_map(const struct jit_files *files)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root/tmp/perf-%d.map", files->pid, files->inner_pid);
	fd = open_trusted(files, path, O_NOFOLLOW);
	if (fd != -ENOENT || !files->is_root_ours)
		return fd;
	/* The process has gone; some write their map when they do. */
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", files->inner_pid);
	return open_trusted(files, path, O_NOFOLLOW);
}

static bool is_dump_of(const struct jit_files *files, int fd)
{
	uint8_t header[EGRET_JITDUMP_HEADER_SIZE];
	uint32_t pid;
	bool clocked;

	return pread(fd, header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
	       egret_jitdump_header(header, sizeof(header), &pid, &clocked) &&
	       ((int)pid == files->inner_pid || (int)pid == files->pid);
}

/* By the mapping itself, by its path in the file system of the process, or in ours. */
static int open_dump(const struct jit_files *files, const struct egret_mapping *mapping)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", files->pid,
		 (unsigned long long)mapping->start, (unsigned long long)mapping->end);
	fd = open_trusted(files, path, 0);
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/%d/root%s", files->pid, mapping->module->path);
		fd = open_trusted(files, path, O_NOFOLLOW);
	}
	if (fd < 0 && files->is_root_ours)
		fd = open_trusted(files, mapping->module->path, O_NOFOLLOW);
	if (fd >= 0 && !is_dump_of(files, fd)) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

static void seen(void *arg, int pid, const struct egret_mapping *dump)
{
	struct jit_files *files = files_of(arg, pid);

	if (!files)
		return;
	if (files->map < 0)
		files->map = open_map(files);
	if (dump && files->dump < 0)
		files->dump = open_dump(files, dump);
}

/* ---- the perf map and the jitdump --------------------------------------------------------- */

/* The file may have been made anew under its name since it was opened. */
static void reopen_map(struct jit_files *files)
{
	int fd = open_map(files);
	struct stat now, before;

	if (fd < 0) {
		if (files->map < 0)
			files->map = fd;
		return;
	}
	if (files->map >= 0 && !fstat(fd, &now) && !fstat(files->map, &before) &&
	    now.st_ino == before.st_ino && now.st_dev == before.st_dev) {
		close(fd);
		return;
	}
	if (files->map >= 0)
		close(files->map);
	files->map = fd;
	files->map_time = (struct timespec){ 0 };
}

static int read_perfmap(void *arg, int pid, size_t *size, struct egret_buffer *out)
{
	struct jit_files unkept = { .map = -1, .dump = -1 }, *files = files_of(arg, pid);
	struct stat st;
	uint64_t at = 0;
	int ret;

	if (!files) {
		unkept = look_at(pid);
		files = &unkept;
	}
	reopen_map(files);
	if (files->map < 0)
		return files->map;
	if (fstat(files->map, &st))
		return -errno;
	if ((size_t)st.st_size == *size && st.st_mtim.tv_sec == files->map_time.tv_sec &&
	    st.st_mtim.tv_nsec == files->map_time.tv_nsec)
		return -EALREADY;
	*size = (size_t)st.st_size;
	files->map_time = st.st_mtim;
	ret = read_to_end(files->map, &at, FILE_MAX_BYTES, out);
	if (files == &unkept)
		close(files->map);
	return ret;
}

static int read_jitdump(void *arg, int pid, uint64_t *at, struct egret_buffer *out)
{
	struct jit_files *files = files_of(arg, pid);

	if (!files)
		return -ENOENT;
	return files->dump < 0 ? files->dump : read_to_end(files->dump, at, FILE_MAX_BYTES, out);
}

/* ---- life --------------------------------------------------------------------------------- */

#define SOURCE(argument)                                                                           \
	{                                                                                          \
		.read_kallsyms = read_kallsyms, .arg = (argument),                                 \
		.jit = { seen, read_perfmap, read_jitdump, (argument) },                           \
		.open_vmlinux = egret_vmlinux_open_live,                                           \
	}

const struct egret_name_source egret_name_source_live = SOURCE(NULL);

int egret_live_names_create(struct egret_live_names **out)
{
	struct egret_live_names *live = calloc(1, sizeof(*live));

	if (!live)
		return -ENOMEM;
	live->source = (struct egret_name_source)SOURCE(live);
	live->kallsyms = -1;
	*out = live;
	return 0;
}

void egret_live_names_forget(struct egret_live_names *live)
{
	for (size_t i = 0; i < live->n; i++) {
		if (live->files[i].map >= 0)
			close(live->files[i].map);
		if (live->files[i].dump >= 0)
			close(live->files[i].dump);
	}
	free(live->files);
	live->files = NULL;
	live->n = 0;
}

void egret_live_names_give_kallsyms(struct egret_live_names *live, int fd)
{
	live->kallsyms = fd;
}

void egret_live_names_destroy(struct egret_live_names *live)
{
	if (!live)
		return;
	egret_live_names_forget(live);
	if (live->kallsyms >= 0)
		close(live->kallsyms);
	free(live);
}

const struct egret_name_source *egret_live_name_source(const struct egret_live_names *live)
{
	return &live->source;
}
