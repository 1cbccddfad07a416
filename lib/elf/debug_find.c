/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "elf/debug_find.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "elf/debuginfod.h"

#define DEBUG_ROOT "/usr/lib/debug"
#define PATH_ROOM 8192
#define TIMEOUT_MS 30000
#define FETCH_MAX_BYTES (512ull << 20)

struct egret_debug_finder {
	char **dirs; /* DEBUG_ROOT is not among them */
	size_t n_dirs;
	char *store;
	enum egret_debuginfod_mode debuginfod;
	struct egret_debuginfod_limits limits;
	struct egret_elf_opener opener;
};

int egret_debug_finder_create(const struct egret_debug_opts *opts, struct egret_debug_finder **out)
{
	struct egret_debug_finder *f = calloc(1, sizeof(*f));
	bool failed;

	if (!f)
		return -ENOMEM;
	f->debuginfod = opts->debuginfod;
	f->opener = opts->opener;
	f->limits = (struct egret_debuginfod_limits){
		.timeout_ms = opts->timeout_ms ? opts->timeout_ms : TIMEOUT_MS,
		.max_bytes = opts->max_bytes ? opts->max_bytes : FETCH_MAX_BYTES,
		.progress = opts->progress,
		.arg = opts->arg,
	};
	f->dirs = calloc(opts->n_dirs + 1, sizeof(char *));
	f->store = opts->store ? strdup(opts->store) : NULL;
	failed = !f->dirs || (opts->store && !f->store);
	for (size_t i = 0; i < opts->n_dirs && !failed; i++) {
		f->dirs[f->n_dirs++] = strdup(opts->dirs[i]);
		failed = !f->dirs[i];
	}
	if (failed) {
		egret_debug_finder_destroy(f);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

void egret_debug_finder_destroy(struct egret_debug_finder *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n_dirs; i++)
		free(f->dirs[i]);
	free(f->dirs);
	free(f->store);
	free(f);
}

int egret_debug_open(const struct egret_debug_finder *f, int fd, const char *name,
		     struct egret_elf **out, struct egret_error *err)
{
	return egret_elf_open_by(f ? &f->opener : NULL, fd, name, out, err);
}

/* ---- one file ----------------------------------------------------------------------------- */

/* A search under way. */
struct search {
	const struct egret_debug_finder *finder; /* may be NULL */
	const struct egret_debug_want *want;	 /* may be NULL */
	struct egret_build_id id;
	bool by_crc; /* files without a build-id are of the right build when crc says so */
	uint32_t crc;
	const char *name; /* of what is opened, for messages */
	bool other_build; /* one was found */
	char root[32];	  /* "/proc/PID/root", or "" where that is ours, or none is looked at */
	struct egret_elf *found;
};

static bool same_id(const struct egret_build_id *a, const struct egret_build_id *b)
{
	return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static uint32_t crc_of(const struct egret_elf *elf)
{
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uLong crc = crc32(0, NULL, 0);

	for (size_t at = 0; at < size; at += 1u << 30)
		crc = crc32(crc, bytes + at, (uInt)(size - at < 1u << 30 ? size - at : 1u << 30));
	return (uint32_t)crc;
}

static bool is_the_build(const struct search *s, const struct egret_elf *elf)
{
	struct egret_build_id id = egret_elf_build_id(elf);

	if (s->id.len && id.len)
		return same_id(&s->id, &id);
	return s->by_crc && crc_of(elf) == s->crc;
}

/* Takes the file where it is the one. Owns fd. */
static bool try_fd(struct search *s, int fd_taken, bool any)
{
	__close_ int fd = fd_taken;
	struct egret_elf *elf;

	if (fd < 0 || egret_debug_open(s->finder, fd, s->name, &elf, NULL))
		return false;
	/* A .gnu_debuglink may lead back to the stripped file itself. */
	if (is_the_build(s, elf) && (any || egret_elf_has_more(elf))) {
		s->found = elf;
		return true;
	}
	s->other_build |= !is_the_build(s, elf);
	egret_elf_destroy(elf);
	return false;
}

static bool try_path(struct search *s, const char *path, bool any)
{
	return try_fd(s, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), any);
}

/* ROOT DIR/.build-id/ab/cdef and what follows. */
static bool try_tree(struct search *s, const char *root, const char *dir, const char *suffix)
{
	char path[PATH_ROOM], hex[2 * EGRET_BUILD_ID_MAX + 1];

	if (s->id.len < 2)
		return false;
	egret_build_id_hex(&s->id, hex);
	if ((size_t)snprintf(path, sizeof(path), "%s%s/.build-id/%.2s/%s%s", root, dir, hex,
			     hex + 2, suffix) >= sizeof(path))
		return false;
	return try_path(s, path, true);
}

/* All .build-id trees of file systems. */
static bool try_trees(struct search *s, const char *suffix)
{
	for (size_t i = 0; s->finder && i < s->finder->n_dirs; i++)
		if (try_tree(s, "", s->finder->dirs[i], suffix))
			return true;
	return (s->root[0] && try_tree(s, s->root, DEBUG_ROOT, suffix)) ||
	       try_tree(s, "", DEBUG_ROOT, suffix);
}

static bool try_store(struct search *s, const char *suffix)
{
	return s->finder && s->finder->store && try_tree(s, "", s->finder->store, suffix);
}

static bool try_debuginfod_cache(struct search *s, const char *kind)
{
	if (!s->finder || s->finder->debuginfod == EGRET_DEBUGINFOD_OFF)
		return false;
	return try_fd(s, egret_debuginfod_cached(&s->id, kind), true);
}

/* ---- .gnu_debuglink ----------------------------------------------------------------------- */

/* ROOT PREFIX DIRECTORY MIDDLE NAME, where DIRECTORY is that of the file, with its slash. */
static bool try_beside(struct search *s, const char *root, const char *prefix, const char *middle,
		       const char *name)
{
	const char *slash = strrchr(s->want->path, '/');
	char path[PATH_ROOM];
	int len;

	if (!slash)
		return false;
	len = snprintf(path, sizeof(path), "%s%s%.*s%s%s", root, prefix,
		       (int)(slash + 1 - s->want->path), s->want->path, middle, name);
	return (size_t)len < sizeof(path) && try_path(s, path, false);
}

static bool try_link_below(struct search *s, const char *root, const char *name)
{
	return try_beside(s, root, "", "", name) || try_beside(s, root, "", ".debug/", name) ||
	       try_beside(s, root, DEBUG_ROOT, "", name);
}

static bool try_link(struct search *s)
{
	const char *name = s->want->path ? egret_elf_debuglink(s->want->elf, &s->crc) : NULL;
	bool found = false;

	if (!name)
		return false;
	s->by_crc = true;
	for (size_t i = 0; s->finder && i < s->finder->n_dirs && !found; i++)
		found = try_beside(s, "", s->finder->dirs[i], "", name);
	if (!found && s->root[0])
		found = try_link_below(s, s->root, name);
	if (!found)
		found = try_link_below(s, "", name);
	s->by_crc = false;
	return found;
}

/* ---- the searches ------------------------------------------------------------------------- */

/* The file system of the process, where it is another one than ours. */
static void find_root(struct search *s, int pid)
{
	struct stat theirs, ours;

	s->root[0] = 0;
	if (pid <= 0)
		return;
	snprintf(s->root, sizeof(s->root), "/proc/%d/root", pid);
	if (stat(s->root, &theirs) || stat("/", &ours) ||
	    (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino))
		s->root[0] = 0;
}

static int result(const struct search *s, struct egret_elf **out)
{
	*out = s->found;
	return s->found ? 0 : s->other_build ? -ESTALE : -ENOENT;
}

int egret_debug_find(const struct egret_debug_finder *finder, const struct egret_debug_want *want,
		     struct egret_elf **out)
{
	struct search s = { .finder = finder,
			    .want = want,
			    .id = egret_elf_build_id(want->elf),
			    .name = egret_elf_name(want->elf) };

	find_root(&s, want->pid);
	if (!try_trees(&s, ".debug") && !try_link(&s) && !try_store(&s, ".debug"))
		try_debuginfod_cache(&s, "debuginfo");
	return result(&s, out);
}

int egret_debug_find_file(const struct egret_debug_finder *finder, const struct egret_build_id *id,
			  const char *name, struct egret_elf **out)
{
	struct search s = { .finder = finder, .id = *id, .name = name };

	if (!try_trees(&s, "") && !try_store(&s, ""))
		try_debuginfod_cache(&s, "executable");
	return result(&s, out);
}

/* By the path that dwz has written, which is absolute or beside the file, then by build-id. */
int egret_debug_find_alt(const struct egret_debug_finder *finder,
			 const struct egret_debug_want *want, const char *name,
			 const struct egret_build_id *id, struct egret_elf **out)
{
	struct search s = { .finder = finder, .want = want, .id = *id, .name = name };
	char path[PATH_ROOM];

	find_root(&s, want->pid);
	if (name[0] == '/') {
		snprintf(path, sizeof(path), "%s%s", s.root, name);
		if (!try_path(&s, path, true) && s.root[0])
			try_path(&s, name, true);
	} else if (want->path) {
		if (!s.root[0] || !try_beside(&s, s.root, "", "", name))
			try_beside(&s, "", "", "", name);
	}
	if (!s.found && !try_trees(&s, ".debug"))
		try_store(&s, ".debug");
	return result(&s, out);
}

int egret_debug_fetch(struct egret_debug_finder *finder, const struct egret_debug_want *want,
		      struct egret_elf **out, struct egret_error *err)
{
	struct search s = { .finder = finder,
			    .want = want,
			    .id = egret_elf_build_id(want->elf),
			    .name = egret_elf_name(want->elf) };
	struct egret_debuginfod_limits limits;
	int fd;

	*out = NULL;
	if (!finder || finder->debuginfod != EGRET_DEBUGINFOD_ON)
		return egret_fail(err, ENOSYS, "debuginfod was not asked for");
	limits = finder->limits;
	limits.name = s.name;
	fd = egret_debuginfod_fetch(&s.id, &limits, err);
	if (fd < 0)
		return fd;
	if (!try_fd(&s, fd, true))
		return egret_fail(err, ESTALE, "%s: debuginfod's file is of another build", s.name);
	*out = s.found;
	return 0;
}
