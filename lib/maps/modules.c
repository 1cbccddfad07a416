/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "maps/modules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/path.h"

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
	free(module->code_read);
	free(module);
}

void egret_modules_deinit(struct egret_modules *modules)
{
	for (size_t i = 0; i < modules->n; i++)
		module_destroy(modules->all[i]);
	for (size_t i = 0; i < modules->n_names; i++)
		free(modules->names[i].path);
	free(modules->all);
	free(modules->names);
	egret_index_deinit(&modules->by_build_id);
	egret_index_deinit(&modules->by_file);
}

/* What is looked for, in either index. */
struct key {
	enum egret_code_kind kind;
	const char *path;
	size_t path_len; /* without " (deleted)" */
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
	return egret_hash64(egret_hash_bytes(key->path, key->path_len) ^ key->dev * 31 ^ key->ino) +
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
	const struct egret_modules *modules = owner;
	const struct egret_module_name *name = &modules->names[number];
	const struct egret_module *m = modules->all[name->module];
	const struct key *key = arg;

	return m->kind == key->kind && m->pid == key->pid && name->dev == key->dev &&
	       name->ino == key->ino && strlen(name->path) == key->path_len &&
	       !memcmp(name->path, key->path, key->path_len);
}

static uint32_t find_build_id(const struct egret_modules *modules, const struct key *key)
{
	return egret_index_find(&modules->by_build_id, hash_build_id(key), key, same_build_id,
				modules);
}

static uint32_t find_file(const struct egret_modules *modules, const struct key *key)
{
	uint32_t name = egret_index_find(&modules->by_file, hash_file(key), key, same_file,
					 modules);

	return name == EGRET_INDEX_NONE ? EGRET_INDEX_NONE : modules->names[name].module;
}

/* Kinds by the names that the kernel gives to mappings, proc_pid_maps(5). */
static enum egret_code_kind kind_of(const char *path, bool has_build_id)
{
	if (!strcmp(path, "[vdso]"))
		return EGRET_CODE_VDSO;
	if (has_build_id && !strncmp(path, "/memfd:", 7))
		return EGRET_CODE_FILE; /* a program put there to be run */
	if (path[0] != '/' || !strncmp(path, "//anon", 6) || !strncmp(path, "/dev/zero", 9) ||
	    !strncmp(path, "/SYSV", 5) || !strncmp(path, "/memfd:", 7) ||
	    !strncmp(path, "/anon_hugepage", 14) || !strncmp(path, "/[aio]", 6))
		return EGRET_CODE_JIT;
	return EGRET_CODE_FILE;
}

static struct egret_module *module_create(const struct key *key)
{
	struct egret_module *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->kind = key->kind;
	m->path = strndup(key->path, key->path_len);
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

/* The module is known by the file of key from now on. Without memory it is not, and opened again.
 */
static void add_name(struct egret_modules *modules, const struct key *key, uint32_t module)
{
	struct egret_module_name name = { .dev = key->dev, .ino = key->ino, .module = module };
	size_t capacity = modules->names_capacity ? modules->names_capacity * 2 : 64;

	if (modules->n_names == modules->names_capacity) {
		struct egret_module_name *names;

		names = reallocarray(modules->names, capacity, sizeof(*names));
		if (!names)
			return;
		modules->names = names;
		modules->names_capacity = capacity;
	}
	name.path = strndup(key->path, key->path_len);
	if (!name.path)
		return;
	modules->names[modules->n_names] = name;
	if (egret_index_add(&modules->by_file, hash_file(key), (uint32_t)modules->n_names))
		free(name.path);
	else
		modules->n_names++;
}

/* The module is known by its build-id from now on, unless another one is. */
static void add_build_id(struct egret_modules *modules, const struct egret_module *m)
{
	struct key key = { .kind = m->kind, .build_id = &m->build_id };

	if (m->build_id.len && find_build_id(modules, &key) == EGRET_INDEX_NONE)
		egret_index_add(&modules->by_build_id, hash_build_id(&key), m->number);
}

/* Reads the file, and its build-id where the kernel did not tell it. */
static void open_file(struct egret_modules *modules, struct egret_module *m,
		      const struct egret_map_info *info, bool is_known)
{
	const struct egret_module_source *source = modules->source;
	struct egret_error err = { "" };
	struct egret_elf *elf;

	free(m->why);
	m->why = NULL;
	m->elf_error = source->open_elf(source->arg, info, &elf, &err);
	if (m->elf_error) {
		m->why = strdup(err.text);
		return;
	}
	if (is_known && modules->before_change)
		modules->before_change(modules->arg);
	m->elf = elf;
	if (!m->build_id.len)
		m->build_id = egret_elf_build_id(m->elf);
	m->debug_error = source->open_debug ? source->open_debug(source->arg, m, info, &m->debug)
					    : -ENOENT;
	if (m->debug_error)
		m->debug = NULL;
}

/* Known: its file may have been gone when it was seen first, and be there in this process. */
static struct egret_module *known_module(struct egret_modules *modules, uint32_t number,
					 const struct egret_map_info *info)
{
	struct egret_module *m = modules->all[number];

	if (!m->elf && m->kind != EGRET_CODE_JIT) {
		open_file(modules, m, info, true);
		add_build_id(modules, m);
	}
	return m;
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
		open_file(modules, m, info, false);
	if (m->build_id.len && !key->build_id) {
		struct key by_id = { .kind = m->kind, .build_id = &m->build_id };

		known = find_build_id(modules, &by_id);
	}
	if (known != EGRET_INDEX_NONE && modules->all[known]->elf) {
		/* Known by another name: this name leads there from now on. */
		module_destroy(m);
		add_name(modules, key, known);
		return modules->all[known];
	}
	if (add(modules, m)) {
		module_destroy(m);
		return NULL;
	}
	add_build_id(modules, m);
	if (!key->build_id)
		add_name(modules, key, m->number);
	return m;
}

struct egret_module *egret_modules_of(struct egret_modules *modules,
				      const struct egret_map_info *info)
{
	struct key key = {
		.kind = kind_of(info->path, info->build_id.len),
		.path = info->path,
		.path_len = egret_path_undeleted(info->path),
		.dev = info->dev,
		.ino = info->ino,
		.build_id = info->build_id.len ? &info->build_id : NULL,
	};
	uint32_t known;

	if (key.kind == EGRET_CODE_JIT) {
		key = (struct key){
			.kind = EGRET_CODE_JIT, .path = "[jit]", .path_len = 5, .pid = info->pid
		};
	} else if (key.kind == EGRET_CODE_VDSO) {
		key.dev = key.ino = 0;
		key.build_id = NULL;
	}
	known = key.build_id ? find_build_id(modules, &key) : find_file(modules, &key);
	return known != EGRET_INDEX_NONE ? known_module(modules, known, info)
					 : new_module(modules, &key, info);
}

/* Names of modules that are gone go, too. numbers: the new ones, EGRET_INDEX_NONE: gone. */
static int keep_names(struct egret_modules *modules, const uint32_t *numbers)
{
	size_t kept = 0;
	int ret = 0;

	egret_index_deinit(&modules->by_file);
	for (size_t i = 0; i < modules->n_names; i++) {
		struct egret_module_name name = modules->names[i];
		const struct egret_module *m;
		struct key key = { .path = name.path, .dev = name.dev, .ino = name.ino };

		if (numbers[name.module] == EGRET_INDEX_NONE) {
			free(name.path);
			continue;
		}
		name.module = numbers[name.module];
		m = modules->all[name.module];
		key.kind = m->kind;
		key.pid = m->pid;
		key.path_len = strlen(name.path);
		modules->names[kept] = name;
		if (egret_index_add(&modules->by_file, hash_file(&key), (uint32_t)kept))
			ret = -ENOMEM;
		kept++;
	}
	modules->n_names = kept;
	return ret;
}

int egret_modules_keep(struct egret_modules *modules, const bool *in_use)
{
	__free_ uint32_t *numbers = calloc(modules->n + 1, sizeof(*numbers));
	size_t kept = 0;

	if (!numbers)
		return -ENOMEM;
	egret_index_deinit(&modules->by_build_id);
	for (size_t i = 0; i < modules->n; i++) {
		struct egret_module *m = modules->all[i];

		numbers[i] = in_use[i] ? (uint32_t)kept : EGRET_INDEX_NONE;
		if (!in_use[i]) {
			module_destroy(m);
			continue;
		}
		m->number = (uint32_t)kept;
		modules->all[kept++] = m;
	}
	modules->n = kept;
	for (size_t i = 0; i < kept; i++)
		add_build_id(modules, modules->all[i]);
	return keep_names(modules, numbers);
}

size_t egret_modules_memory(const struct egret_modules *modules)
{
	size_t bytes = modules->names_capacity * sizeof(*modules->names) +
		       egret_index_memory(&modules->by_build_id) +
		       egret_index_memory(&modules->by_file);

	/* A path each, and what libelf has of a file. */
	return bytes + modules->n * (sizeof(struct egret_module) + 4096) + modules->n_names * 64;
}
