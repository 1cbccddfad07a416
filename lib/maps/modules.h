/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * modules.h - the files (and other code) that are mapped into processes, each once.
 *
 * A module is identified by its build-id where it has one, else by path, device and inode: the same
 * library in two processes is one module, a file that was replaced is another one. The file is
 * opened when it is first seen mapped, while a process that has it still lives.
 */
#ifndef EGRET_MAPS_MODULES_H
#define EGRET_MAPS_MODULES_H

#include "base/index.h"
#include "elf/elf_file.h"

enum egret_code_kind {
	EGRET_CODE_FILE,
	EGRET_CODE_VDSO,
	EGRET_CODE_JIT, /* executable memory of one process, without a file */
};

#define EGRET_MODULE_PAGE 4096u /* bytes of the file for each bit of code_read */

struct egret_module {
	uint32_t number; /* index in the table */
	enum egret_code_kind kind;
	char *path;	   /* as the process sees it, without " (deleted)"; "[vdso]", "[jit]" */
	uint64_t dev, ino; /* 0 where only the build-id is known */
	int pid;	   /* JIT only */
	struct egret_build_id build_id;
	struct egret_elf *elf;	 /* NULL: could not be had, see why */
	struct egret_elf *debug; /* its separate debug file, or NULL */
	char *why;		 /* why there is no elf, one sentence; NULL where there is one */
	/* Likewise as numbers, -errno; 0 where there is one. -ESTALE: only one of another build. */
	int elf_error, debug_error;
	/* A bit for each 4 KiB of the file whose code was looked at; NULL: nobody wants to know, or
	 * none was. */
	uint8_t *code_read;
};

/* What the kernel says of one mapping. */
struct egret_map_info {
	int pid;
	uint64_t start, end;		/* user addresses */
	uint64_t pgoff;			/* bytes */
	uint64_t dev, ino;		/* 0: not said */
	struct egret_build_id build_id; /* len 0: not said */
	const char *path;		/* as the process sees it */
	const char *outer_path;		/* as those see it who have not its root; NULL: the same */
	bool executable;
};

/*
 * Where ELF files come from: the live system, or a recording. Both leave *out NULL and return
 * -errno (with a sentence) when there is none; -ESTALE: only one of another build.
 */
struct egret_module_source {
	int (*open_elf)(void *arg, const struct egret_map_info *info, struct egret_elf **out,
			struct egret_error *err);
	/* info: the mapping that it was seen by */
	int (*open_debug)(void *arg, const struct egret_module *module,
			  const struct egret_map_info *info, struct egret_elf **out);
	/* The same, where it may take long; may be NULL. */
	int (*fetch_debug)(void *arg, const struct egret_module *module, struct egret_elf **out);
	void *arg;
};

/* arg: a struct egret_debug_finder (elf/debug_find.h), or NULL. */
extern const struct egret_module_source egret_module_source_live;

/*
 * The file at a path, if it is the one that was mapped: by build-id, or, where none was told, by
 * inode. -ESTALE: another one.
 */
int egret_module_open_path(const char *path, const struct egret_map_info *info,
			   struct egret_elf **out, struct egret_error *err);

/* A file by which a module became known where no build-id was told; one module may have several. */
struct egret_module_name {
	char *path; /* without " (deleted)" */
	uint64_t dev, ino;
	uint32_t module;
};

struct egret_modules {
	struct egret_module **all;
	size_t n;
	struct egret_module_name *names;
	size_t n_names, names_capacity;
	struct egret_index by_build_id; /* and kind -> module */
	struct egret_index by_file;	/* path, dev, ino, kind, pid -> name */
	const struct egret_module_source *source;
	/* Called before a known module gets the file that it was without; may be NULL. */
	void (*before_change)(void *arg);
	void *arg;
};

void egret_modules_init(struct egret_modules *modules, const struct egret_module_source *source);
void egret_modules_deinit(struct egret_modules *modules);

/*
 * Closes and forgets the modules that are not in use, by number; numbers change. 0; -ENOMEM: some
 * are not found any more, and made anew.
 */
int egret_modules_keep(struct egret_modules *modules, const bool *in_use);
/* Bytes that they take, without what is mapped of files. */
size_t egret_modules_memory(const struct egret_modules *modules);

/*
 * The module of a mapping, made when it is new. A file that could not be opened before is tried
 * again. NULL only without memory.
 */
struct egret_module *egret_modules_of(struct egret_modules *modules,
				      const struct egret_map_info *info);

#endif
