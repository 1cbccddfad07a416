/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "maps/modules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

void egret_modules_init(struct egret_modules *modules, const struct egret_module_source *source)
{
	*modules = (struct egret_modules){ .source = source };
}

static void module_destroy(struct egret_module *module)
{
	if (!module)
		return;
	egret_elf_destroy(module->elf);
	egret_elf_destroy(module->debug);
	free(module->path);
	free(module->why);
	free(module);
}

void egret_modules_deinit(struct egret_modules *modules)
{
	for (size_t i = 0; i < modules->n; i++)
		module_destroy(modules->all[i]);
	free(modules->all);
	egret_index_deinit(&modules->by_build_id);
	egret_index_deinit(&modules->by_file);
}

/* What is looked for, in either index. */
struct key {
	enum egret_code_kind kind;
	const char *path;
	uint64_t dev, ino;
	int pid;
	const struct egret_build_id *build_id;
};

static uint64_t hash_build_id(const struct key *key)
{
	return egret_hash_bytes(key->build_id->bytes, key->build_id->len) + key->kind;
}

static uint64_t hash_file(const struct key *key)
{
	return egret_hash64(egret_hash_bytes(key->path, strlen(key->path)) ^ key->dev * 31 ^
			    key->ino) +
	       key->kind + (uint64_t)key->pid;
}

static bool same_build_id(const void *owner, uint32_t number, const void *arg)
{
	const struct egret_module *m = ((const struct egret_modules *)owner)->all[number];
	const struct key *key = arg;

	return m->kind == key->kind && m->build_id.len == key->build_id->len &&
	       !memcmp(m->build_id.bytes, key->build_id->bytes, key->build_id->len);
}

static bool same_file(const void *owner, uint32_t number, const void *arg)
{
	const struct egret_module *m = ((const struct egret_modules *)owner)->all[number];
	const struct key *key = arg;

	return m->kind == key->kind && m->pid == key->pid && m->dev == key->dev &&
	       m->ino == key->ino && !strcmp(m->path, key->path);
}

/* Kinds by the names that the kernel gives to mappings, proc_pid_maps(5). */
static enum egret_code_kind kind_of(const char *path)
{
	if (!strcmp(path, "[vdso]"))
		return EGRET_CODE_VDSO;
	if (path[0] != '/' || !strncmp(path, "//anon", 6) || !strncmp(path, "/dev/zero", 9) ||
	    !strncmp(path, "/SYSV", 5) || !strncmp(path, "/memfd:", 7) ||
	    !strncmp(path, "/anon_hugepage", 14) || !strncmp(path, "/[aio]", 6))
		return EGRET_CODE_JIT;
	return EGRET_CODE_FILE;
}

static struct egret_module *module_create(const struct key *key)
{
	struct egret_module *m = calloc(1, sizeof(*m));
	static const char deleted[] = " (deleted)";
	size_t len = strlen(key->path), tail = sizeof(deleted) - 1;

	if (!m)
		return NULL;
	if (len > tail && !strcmp(key->path + len - tail, deleted))
		len -= tail;
	m->kind = key->kind;
	m->path = strndup(key->path, len);
	m->dev = key->dev;
	m->ino = key->ino;
	m->pid = key->pid;
	if (key->build_id)
		m->build_id = *key->build_id;
	if (!m->path) {
		module_destroy(m);
		return NULL;
	}
	return m;
}

static int add(struct egret_modules *modules, struct egret_module *m)
{
	struct egret_module **all;

	all = reallocarray(modules->all, modules->n + 1, sizeof(struct egret_module *));
	if (!all)
		return -ENOMEM;
	modules->all = all;
	m->number = (uint32_t)modules->n;
	modules->all[modules->n++] = m;
	return 0;
}

/* Reads the file, and its build-id where the kernel did not tell it. */
static void open_file(struct egret_modules *modules, struct egret_module *m,
		      const struct egret_map_info *info)
{
	const struct egret_module_source *source = modules->source;
	struct egret_error err = { "" };

	if (source->open_elf(source->arg, info, &m->elf, &err)) {
		m->elf = NULL;
		m->why = strdup(err.text);
		return;
	}
	if (!m->build_id.len)
		m->build_id = egret_elf_build_id(m->elf);
	if (source->open_debug && source->open_debug(source->arg, m, &m->debug))
		m->debug = NULL;
}

/* A file that is mapped is only a module when it is one: a JIT may map a plain file and write code
 * into it. */
static struct egret_module *new_module(struct egret_modules *modules, const struct key *key,
				       const struct egret_map_info *info)
{
	struct egret_module *m = module_create(key);
	uint32_t known = EGRET_INDEX_NONE;

	if (!m)
		return NULL;
	if (m->kind != EGRET_CODE_JIT)
		open_file(modules, m, info);
	if (m->build_id.len) {
		struct key by_id = { .kind = m->kind, .build_id = &m->build_id };

		known = egret_index_find(&modules->by_build_id, hash_build_id(&by_id), &by_id,
					 same_build_id, modules);
		if (known != EGRET_INDEX_NONE && (modules->all[known]->elf || !m->elf)) {
			/* Known by another name: this name leads there from now on. */
			module_destroy(m);
			egret_index_add(&modules->by_file, hash_file(key), known);
			return modules->all[known];
		}
	}
	if (add(modules, m)) {
		module_destroy(m);
		return NULL;
	}
	if (m->build_id.len && known == EGRET_INDEX_NONE) {
		struct key by_id = { .kind = m->kind, .build_id = &m->build_id };

		egret_index_add(&modules->by_build_id, hash_build_id(&by_id), m->number);
	}
	egret_index_add(&modules->by_file, hash_file(key), m->number);
	return m;
}

struct egret_module *egret_modules_of(struct egret_modules *modules,
				      const struct egret_map_info *info)
{
	struct key key = {
		.kind = kind_of(info->path),
		.path = info->path,
		.dev = info->dev,
		.ino = info->ino,
		.build_id = info->build_id.len ? &info->build_id : NULL,
	};
	uint32_t known;

	if (key.kind == EGRET_CODE_JIT) {
		key = (struct key){ .kind = EGRET_CODE_JIT, .path = "[jit]", .pid = info->pid };
	} else if (key.kind == EGRET_CODE_VDSO) {
		key.dev = key.ino = 0;
		key.build_id = NULL;
	} else if (key.build_id) {
		known = egret_index_find(&modules->by_build_id, hash_build_id(&key), &key,
					 same_build_id, modules);
		if (known != EGRET_INDEX_NONE)
			return modules->all[known];
	}
	known = egret_index_find(&modules->by_file, hash_file(&key), &key, same_file, modules);
	if (known != EGRET_INDEX_NONE && (!key.build_id || modules->all[known]->build_id.len == 0 ||
					  same_build_id(modules, known, &key)))
		return modules->all[known];
	return new_module(modules, &key, info);
}
