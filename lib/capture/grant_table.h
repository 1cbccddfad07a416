/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * grant_table.h - what a grant says of its descriptors, as bytes that stand beside them.
 *
 * Pure: bytes in, values out. Who reads them may have been sent anything: what egret_grant_parse
 * has taken is consistent in itself; whether the descriptors are what it says is seen in grant.c.
 */
#ifndef EGRET_CAPTURE_GRANT_TABLE_H
#define EGRET_CAPTURE_GRANT_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/abi.h"

#define EGRET_GRANT_FORMAT 1
#define EGRET_GRANT_MAX_BYTES (8u << 20)
#define EGRET_GRANT_MAX_FDS 65536
#define EGRET_GRANT_MAX_CPUS 8192

/* What a descriptor is. The order is that of the table. */
enum egret_grant_kind {
	EGRET_GRANT_SIDEBAND = 1,   /* of a CPU: perf event with the ring of mappings */
	EGRET_GRANT_SAMPLES = 2,    /* of a CPU: ring */
	EGRET_GRANT_CAPTURES = 3,   /* of a CPU: ring */
	EGRET_GRANT_EVENT = 4,	    /* of a CPU and an event: perf event */
	EGRET_GRANT_EVENT_LINK = 5, /* of a CPU and an event: its program */
	EGRET_GRANT_MAP = 6,	    /* enum egret_capture_map */
	EGRET_GRANT_LINK = 7,	    /* a program that follows processes */
	EGRET_GRANT_TRACEPOINT = 8, /* the program of a tracepoint that is sampled */
	EGRET_GRANT_SLEEPERS = 9,   /* the iterator over tasks */
	EGRET_GRANT_PROCESS = 10,   /* a process asked for: pidfd */
	EGRET_GRANT_KALLSYMS = 11,  /* /proc/kallsyms as who gave it may read it */
	EGRET_GRANT_THREADS = 12,   /* the map of task work, to be held */
	EGRET_GRANT_KIND_END,
};

/* One descriptor. Of one kind they are by CPU, then by index, and no two are the same. */
struct egret_grant_fd {
	uint32_t kind; /* enum egret_grant_kind */
	uint32_t cpu;
	uint32_t index; /* event, map, slot of a tracepoint; else counted */
	uint32_t flags; /* EGRET_GRANT_F_* */
	uint64_t id;	/* the kernel's, of a perf event, map, program or link; a PID */
};

#define EGRET_GRANT_F_BTF 1u /* TRACEPOINT: the program was loaded for it */

/* An event that is sampled. Texts are NUL-terminated, zeros behind. */
struct egret_grant_event {
	char name[128];
	char tracepoint[64]; /* "": a perf event */
	uint64_t frequency, period;
	uint32_t clock; /* 0 or 1 */
	uint32_t reserved;
};

/* Followed by n_events and n_fds of these, and nothing else. */
struct egret_grant_head {
	char magic[8];
	uint32_t format; /* EGRET_GRANT_FORMAT */
	uint32_t size;	 /* bytes, of all */
	char version[16];
	char backend[16];
	uint32_t scope; /* enum egret_filter */
	uint32_t fault; /* enum egret_fault_policy */
	uint32_t stack_limit;
	uint32_t clock_events;
	uint32_t n_events;
	uint32_t n_fds;
};

_Static_assert(sizeof(struct egret_grant_fd) == 24 && sizeof(struct egret_grant_event) == 216 &&
		       sizeof(struct egret_grant_head) == 72,
	       "no padding");

struct egret_grant_table {
	struct egret_grant_head head;
	struct egret_grant_event *events;
	struct egret_grant_fd *fds;
	size_t first[EGRET_GRANT_KIND_END + 1]; /* of each kind, where it begins in fds */
};

/* How many there are of a kind. */
static inline size_t egret_grant_count(const struct egret_grant_table *t, enum egret_grant_kind k)
{
	return t->first[k + 1] - t->first[k];
}

/*
 * n_maps: how many maps there are. Errors: -EBADMSG: these bytes are no grant; -ENOTSUP: it is
 * another version's; -ENOMEM. The table is to be given to egret_grant_table_deinit after success.
 */
int egret_grant_parse(const void *bytes, size_t len, uint32_t n_maps,
		      struct egret_grant_table *table, struct egret_error *err);
void egret_grant_table_deinit(struct egret_grant_table *table);

/* Of a table with all but magic, format, size and version of its head. *bytes is the caller's. */
int egret_grant_write(const struct egret_grant_table *table, void **bytes, size_t *len,
		      struct egret_error *err);

#endif
