/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* stacks.h - from a capture to a stack of the profile: unwound, and interned root first. */
#ifndef EGRET_SESSION_STACKS_H
#define EGRET_SESSION_STACKS_H

#include "bpf/abi.h"
#include "bpf/reasons.h"
#include "maps/processes.h"
#include "profile/profile.h"
#include "session/jit_names.h"
#include "session/unwinding.h"
#include "unwind/unwind.h"

/* A user stack as it came out of a capture: what all its samples share. */
struct egret_user_stack {
	uint32_t stack;	      /* of the profile; 0: empty */
	uint32_t wanted, got; /* bytes, where the stack is cut; else 0 */
	uint8_t capture_end, unwind_end;
};

/*
 * The last stack of a thread, as it is in the profile: most of the next one's outer frames are the
 * same, and are not looked for there again.
 */
struct egret_kept_stack {
	struct egret_unwound_frame *frames; /* leaf first; room for max_frames; NULL: none yet */
	uint32_t *stacks;		    /* of the profile, up to each frame, root first */
	size_t n_frames;
	size_t n_kept;	      /* frames from the root on that have their stack */
	uint64_t code_number; /* of what was mapped then: frames of another are others; 0: none */
	uint32_t base;	      /* the stack below the outermost frame: empty, or why it is cut */
};
#define EGRET_KEPT_STACKS 8 /* by thread id */

/* The number that a frame has in the profile: most were seen before. */
struct egret_known_frame {
	uint64_t pc, cookie, code_number; /* code_number 0: empty */
	uint32_t flags, number;
};
#define EGRET_KNOWN_FRAMES 8192

struct egret_stacks {
	struct egret_profile *profile; /* of the pipeline */
	struct egret_jit_names *jit;   /* told of captures in code made at run time; may be NULL */
	uint32_t *number_of; /* of modules in the profile, by number of struct egret_module */
	size_t n_number_of;
	struct egret_module *
		*module_of; /* by number of the profile's modules; NULL for pseudo-modules */
	size_t n_module_of;
	struct egret_kept_stack kept[EGRET_KEPT_STACKS];
	struct egret_known_frame *known; /* EGRET_KNOWN_FRAMES, by pc */
	uint32_t max_frames;
	uint64_t frames_unwound;
};

int egret_stacks_init(struct egret_stacks *s, uint32_t max_frames, struct egret_profile *profile);
void egret_stacks_deinit(struct egret_stacks *s);

size_t egret_stacks_memory(const struct egret_stacks *s);

/*
 * The stack of a capture that was unwound. A stack that is cut begins with a frame that says why.
 * *frames, of malloc with room for max_frames, is exchanged for others: the stack's are kept.
 */
struct egret_user_stack egret_stacks_unwound(struct egret_stacks *s,
					     const struct egret_capture_view *view,
					     const struct egret_unwind_result *result,
					     struct egret_unwound_frame **frames);

/*
 * The stack of a chain of user addresses, leaf first, that was found elsewhere: nothing is unwound.
 * process may be NULL.
 */
struct egret_user_stack egret_stacks_chain(struct egret_stacks *s, struct egret_process *process,
					   const uint64_t *chain, size_t n, uint64_t time);

/* The stack of samples that have no user part, or whose capture never came. */
struct egret_user_stack egret_stacks_none(struct egret_stacks *s, uint8_t capture_end);

/* Kernel frames (leaf first) on top of a user stack. UINT32_MAX without memory. */
uint32_t egret_stacks_push_kernel(struct egret_stacks *s, uint32_t stack, const uint64_t *kernel,
				  uint32_t n_kernel);

#endif
