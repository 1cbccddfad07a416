/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* plt.h - what the entries of an x86-64 procedure linkage table lead to. */
#ifndef EGRET_PLT_H
#define EGRET_PLT_H

#include "elf/elf_file.h"

struct egret_plt_entry {
	uint64_t start;	   /* vaddr */
	uint64_t size;	   /* bytes */
	const char *name;  /* in .dynstr, without a version; NULL: see the others */
	uint64_t resolver; /* vaddr of the IFUNC resolver that an IRELATIVE relocation names */
	bool binds;	   /* code that entries share, which leads to the dynamic linker */
};

/*
 * Calls fn for each entry of .plt, .plt.sec and .plt.got that is understood, lowest address first
 * within each, and for what is between those of .plt. Stops when fn returns non-zero, and returns
 * that; -ENOMEM.
 */
typedef int (*egret_plt_fn)(const struct egret_plt_entry *entry, void *arg);
int egret_plt_each(const struct egret_elf *elf, egret_plt_fn fn, void *arg);

/* Whether vaddr is in one of these sections. */
bool egret_plt_holds(const struct egret_elf *elf, uint64_t vaddr);

#endif
