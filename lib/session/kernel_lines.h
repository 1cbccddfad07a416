/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * kernel_lines.h - lines and inlined functions of the kernel, from a vmlinux with DWARF.
 *
 * The kernel does not run where it was linked (KASLR): how far it was moved is what /proc/kallsyms
 * and the symbol table of vmlinux say differently of one symbol. Modules and BPF programs have no
 * lines.
 */
#ifndef EGRET_SESSION_KERNEL_LINES_H
#define EGRET_SESSION_KERNEL_LINES_H

#include "session/code_names.h"
#include "session/names.h"
#include "symbolize/symbolize.h"

struct egret_kernel_lines {
	struct egret_elf *vmlinux;
	struct egret_code_names *code; /* NULL: there is no vmlinux of this kernel */
	uint64_t moved;		       /* bytes, added to what vmlinux says */
};

/* Leaves *out without code where there is none. cache may be NULL. */
void egret_kernel_lines_open(struct egret_kernel_lines *out, const struct egret_name_source *source,
			     const struct egret_kallsyms *kallsyms, struct egret_cache *cache);
void egret_kernel_lines_close(struct egret_kernel_lines *lines);

/* The build-id of the running kernel; len 0: it does not tell. */
struct egret_build_id egret_kernel_build_id_live(void);

/*
 * The vmlinux of the running kernel, by its build-id: where debug packages and builds put it. For
 * egret_name_source.open_vmlinux; arg is not used. 0 or -errno.
 */
int egret_vmlinux_open_live(void *arg, struct egret_elf **out);

/* The same for a build that may be another. */
int egret_vmlinux_open(const struct egret_build_id *id, struct egret_elf **out);

#endif
