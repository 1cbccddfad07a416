/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * final_captures.h - captures that were made in case somebody needs them, not unwound yet.
 *
 * A thread's stack is captured when it exits and when it calls execve, since a sample may come
 * after that, when the stack is gone. Hardly any does: where programs are short, of a hundred of
 * these captures one is needed. They are put here as they came, until a sample asks for them or the
 * thread cannot be sampled any more.
 *
 * A ring, in the order of time. An entry is told by its number, of which none comes twice.
 */
#ifndef EGRET_SESSION_FINAL_CAPTURES_H
#define EGRET_SESSION_FINAL_CAPTURES_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi.h"
#include "maps/code_map.h"

struct egret_final_capture {
	struct egret_rec_capture *rec; /* NULL: it was taken */
	struct egret_code_map *code;   /* a reference, of the process at that time */
	uint64_t ended;		       /* when the thread was gone; 0: not yet */
};

struct egret_final_captures {
	struct egret_final_capture *ring;
	uint64_t first, end; /* numbers: first is the oldest one */
	size_t bytes;	     /* of all records */
};

void egret_final_captures_deinit(struct egret_final_captures *f);

size_t egret_final_captures_memory(const struct egret_final_captures *f); /* bytes */

/* Whether there is room for one more. */
bool egret_final_captures_fit(const struct egret_final_captures *f, size_t size);

/* A copy of rec, and a reference to code. Its number, or 0 without memory. There must be room. */
uint64_t egret_final_captures_add(struct egret_final_captures *f,
				  const struct egret_rec_capture *rec, struct egret_code_map *code);

/* It is the caller's now, for egret_final_capture_deinit. rec NULL: there is none such. */
struct egret_final_capture egret_final_captures_take(struct egret_final_captures *f,
						     uint64_t number);
void egret_final_capture_deinit(struct egret_final_capture *capture);

/* A thread is gone, at time; 0: none is. */
void egret_final_captures_ended(struct egret_final_captures *f, uint32_t tid, uint64_t time);

/*
 * The oldest one that is there, NULL: none. Those that were taken, and those whose threads had been
 * gone for long at time, are dropped.
 */
const struct egret_final_capture *egret_final_captures_oldest(struct egret_final_captures *f,
							      uint64_t time, uint64_t *number);

#endif
