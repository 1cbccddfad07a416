/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * jitdump.h - what a JIT says of its code, as it makes it: functions, lines, and when (Linux:
 * tools/perf/Documentation/jitdump-specification.txt).
 *
 * The file only grows, and is fed as it does. Code lives from its record on; what is loaded or
 * moved to the same addresses later is another code there, so that an address is told by the time,
 * or by how many codes had it before: its generation.
 */
#ifndef EGRET_JITDUMP_H
#define EGRET_JITDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EGRET_JITDUMP_HEADER_SIZE 40

/* The header: false where the bytes are not one. clocked: its times are CLOCK_MONOTONIC. */
bool egret_jitdump_header(const void *bytes, size_t len, uint32_t *pid, bool *clocked);

struct egret_jitdump;
int egret_jitdump_create(struct egret_jitdump **out);
void egret_jitdump_destroy(struct egret_jitdump *dump);

/*
 * The next bytes of the file, from its header on. A record may end in a later call. 0; -EBADMSG:
 * not a jitdump, or damaged: what was read before stays; -E2BIG: more than 4 million codes;
 * -ENOMEM.
 */
int egret_jitdump_feed(struct egret_jitdump *dump, const void *bytes, size_t len);

/* Strings live as long as the dump. */
struct egret_jit_code {
	const char *name;
	const char *file; /* NULL: not told */
	uint32_t line;	  /* 0: not told */
	uint32_t generation;
};

/* The code at addr at a time (ns of CLOCK_MONOTONIC; UINT64_MAX: now). False: none. */
bool egret_jitdump_at(struct egret_jitdump *dump, uint64_t addr, uint64_t time,
		      struct egret_jit_code *out);
/* The code of a generation at addr; of a larger one than there is, the last. */
bool egret_jitdump_of(struct egret_jitdump *dump, uint64_t addr, uint32_t generation,
		      struct egret_jit_code *out);

#endif
