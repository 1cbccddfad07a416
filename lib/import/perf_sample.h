/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* perf_sample.h - what is in a sample of a perf.data file: perf_event_open(2). */
#ifndef EGRET_IMPORT_PERF_SAMPLE_H
#define EGRET_IMPORT_PERF_SAMPLE_H

#include "import/perf_file.h"

/* perf's numbering of registers on x86: arch/x86/include/uapi/asm/perf_regs.h */
#define EGRET_PERF_MAX_REGS 64

enum egret_perf_abi {
	EGRET_PERF_ABI_NONE = 0, /* a thread without a user mode */
	EGRET_PERF_ABI_32 = 1,
	EGRET_PERF_ABI_64 = 2,
};

/* Parts point into the file. */
struct egret_perf_sample {
	uint32_t event;
	uint32_t pid, tid, cpu;
	uint64_t ip, time, period;
	bool is_user;	  /* where the interrupt hit */
	bool has_chain;	  /* of addresses, with PERF_CONTEXT_* between them */
	bool has_regs;	  /* the event asked for them */
	uint64_t n_chain; /* addresses */
	const uint8_t *chain;
	uint64_t abi;			    /* enum egret_perf_abi */
	uint64_t regs[EGRET_PERF_MAX_REGS]; /* by perf's numbers; 0 where not asked for */
	const uint8_t *stack;
	uint64_t stack_asked, stack_len; /* bytes: the window, and what of it could be read */
};

/* The time of a record; 0: it has none. */
uint64_t egret_perf_record_time(const struct egret_perf_file *file,
				const struct perf_event_header *header, struct egret_bytes body);

/* 0; -EBADMSG: it is cut, or of an event that there is not; -ENOTSUP, with a sentence. */
int egret_perf_sample_read(const struct egret_perf_file *file,
			   const struct perf_event_header *header, struct egret_bytes body,
			   struct egret_perf_sample *out, struct egret_error *err);

#endif
