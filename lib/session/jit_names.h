/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * jit_names.h - names for code that programs make at run time: by their jitdump, then by their perf
 * map.
 */
#ifndef EGRET_SESSION_JIT_NAMES_H
#define EGRET_SESSION_JIT_NAMES_H

#include "maps/processes.h"
#include "symbolize/dwarf_index.h"
#include "symbolize/name_reasons.h"

/* Where these files come from: the live system, or a recording. */
struct egret_jit_source {
	/*
	 * The process has just run such code: its files are opened now, since it may be gone a
	 * moment later. dump: the mapping by which it tells of its jitdump, or NULL. May be NULL.
	 */
	void (*seen)(void *arg, int pid, const struct egret_mapping *dump);
	/*
	 * The perf map of a process; -EALREADY: is as it was when *size (0 at first) was set;
	 * -EPERM: another user's, or no regular file.
	 */
	int (*read_perfmap)(void *arg, int pid, size_t *size, struct egret_buffer *out);
	/* The jitdump from *at on, which is brought to its end. May be NULL. */
	int (*read_jitdump)(void *arg, int pid, uint64_t *at, struct egret_buffer *out);
	void *arg;
};

struct egret_jit_names;
int egret_jit_names_create(const struct egret_jit_source *source, struct egret_jit_names **out);
void egret_jit_names_destroy(struct egret_jit_names *jits);

/* A process was captured in such code, with these mappings. */
void egret_jit_names_seen(struct egret_jit_names *jits, int pid, const struct egret_code_map *code);

/*
 * Which of the codes that have been at addr, one after the other, it was at a time (ns of
 * CLOCK_MONOTONIC): 0 for the first, and where that is not told.
 */
uint32_t egret_jit_names_generation(struct egret_jit_names *jits, int pid, uint64_t addr,
				    uint64_t time);

/* Reads what the files of a process have had added; of all of them where pid is 0. */
void egret_jit_names_refresh(struct egret_jit_names *jits, int pid);

/* The name of the code, and its line where that is told. False: *why. Valid until a refresh. */
bool egret_jit_names_find(struct egret_jit_names *jits, int pid, uint64_t addr, uint32_t generation,
			  struct egret_dwarf_line *line, enum egret_name_reason *why);

#endif
