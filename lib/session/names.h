/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* names.h - names for the frames of a profile: once per distinct (module, offset). */
#ifndef EGRET_SESSION_NAMES_H
#define EGRET_SESSION_NAMES_H

#include "base/buffer.h"
#include "cache/cache.h"
#include "maps/modules.h"
#include "profile/profile.h"
#include "recording/recording.h"
#include "session/jit_names.h"
#include "symbolize/name_reasons.h"

/* Where names come from that are in no file of a module: the live system, or a recording. */
struct egret_name_source {
	int (*read_kallsyms)(void *arg, struct egret_buffer *out);
	void *arg;
	struct egret_jit_source jit;
	/* The kernel's own file, with DWARF; the caller's. NULL: there is none. 0 or -errno. */
	int (*open_vmlinux)(void *arg, struct egret_elf **out);
};

/* Keeps no file open: see live_names.h. */
extern const struct egret_name_source egret_name_source_live;

struct egret_names;
struct egret_kallsyms;

/*
 * modules: where debug files are fetched from that take long. cache: of what was indexed of debug
 * files; NULL: none.
 */
int egret_names_create(const struct egret_name_source *source,
		       const struct egret_module_source *modules, enum egret_demangle demangle,
		       struct egret_cache *cache, struct egret_names **out);
void egret_names_destroy(struct egret_names *names);
/*
 * Who reads the files that were opened by egret_parsing_open. Lines and inlined functions of them
 * are asked for with EGRET_NAMES_ALL only: nobody knows how long it takes.
 */
void egret_names_set_parser(struct egret_names *names, struct egret_parser *parser);
/* That may read debug files for EGRET_NAMES_ALL; 0 and 1, the default: the caller's own. */
void egret_names_set_threads(struct egret_names *names, unsigned int threads);

/* Lines and inlined functions are not looked for, however deep an update goes. */
void egret_names_leave_lines(struct egret_names *names);

enum egret_names_depth {
	/*
	 * By what takes no time, symbols and perf maps: frames that have not been looked at. Where
	 * a parser reads the files, and nothing is written, their symbols are left to the next
	 * update that is not quick, which has it asked once.
	 */
	EGRET_NAMES_QUICK,
	/* Also those that found no name before; then lines and inlined functions, for which debug
	 * files are read, until 100 ms have passed: captures are waiting. */
	EGRET_NAMES_BOUNDED,
	EGRET_NAMES_ALL, /* however long it takes */
};

/*
 * Gives the frames of profile their names and lines, and those without a name the reason.
 * module_of: the modules by number of the profile, NULL for kernel, JIT and cut frames. Tells
 * writer (may be NULL) of each.
 */
int egret_names_update(struct egret_names *names, struct egret_profile *profile,
		       struct egret_module *const *module_of, enum egret_names_depth depth,
		       struct egret_writer *writer, struct egret_error *err);

/* Bytes that they take, without those of the kernel and of JIT code. */
size_t egret_names_memory(const struct egret_names *names);

/* The first n frames of the profile have their names and lines already. */
void egret_names_have(struct egret_names *names, size_t n_frames);

/* Those of code made at run time. */
struct egret_jit_names *egret_names_jit(struct egret_names *names);

/* What was read of /proc/kallsyms, and when. */
struct egret_kernel_names {
	struct egret_kallsyms *kallsyms; /* NULL: nothing */
	uint64_t read_ns;		 /* CLOCK_MONOTONIC */
};

/*
 * Takes them, the caller's from then on, for names that follow these: reading takes a tenth of a
 * second. None where they are old: the kernel may have other modules since.
 */
struct egret_kernel_names egret_names_take_kernel(struct egret_names *names);
/* Gives them to names that have looked at no frame yet, whose they are then. */
void egret_names_give_kernel(struct egret_names *names, struct egret_kernel_names kernel);

/* Puts what was indexed of debug files into the cache. Not for where somebody waits. */
void egret_names_keep(struct egret_names *names);

/* Whether kernel addresses are hidden (kernel.kptr_restrict); known after the first kernel frame.
 */
bool egret_names_kernel_hidden(const struct egret_names *names);

/* Why nothing is known of a module that has no elf. */
enum egret_name_reason egret_names_why_no_elf(const struct egret_module *module);

#endif
