/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* disassembly.h - machine code as text. */
#ifndef EGRET_CMD_DISASSEMBLY_H
#define EGRET_CMD_DISASSEMBLY_H

#include <stdbool.h>

#include <egret/egret.h>

struct instruction {
	uint64_t offset; /* as in struct egret_frame */
	uint64_t vaddr;
	uint32_t size;
	char *text;
	uint64_t target; /* where it calls or jumps to, a vaddr; 0: nowhere, or not known */
};

struct disassembly {
	struct instruction *items;
	size_t n, capacity;
};

/*
 * Adds the instructions of a function. Bytes that are none are shown as such. 0, -ENOMEM; -ENOTSUP:
 * code of another architecture; -ENOENT: the disassembler is not installed.
 */
int disassembly_add(struct disassembly *disassembly, const struct egret_function_code *code,
		    bool intel, struct egret_error *err);
void disassembly_deinit(struct disassembly *disassembly);

#endif
