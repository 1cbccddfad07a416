/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * named.h - a profile from stacks that come with their names: what formats bring that were made to
 * be shown, not to be unwound.
 */
#ifndef EGRET_IMPORT_NAMED_H
#define EGRET_IMPORT_NAMED_H

#include "base/buffer.h"
#include "profile/profile.h"

/* A function of a frame. Texts need no end. */
struct egret_named_line {
	const char *name;
	size_t len;
	const char *file; /* NULL: not known */
	size_t file_len;
	uint32_t line;
};

/* Only the names of a frame are known. */
#define EGRET_NAMED_NOWHERE UINT64_MAX

/* The most samples that are kept one by one: of more, a line is one sample of that value. */
#ifndef EGRET_NAMED_MAX_SAMPLES
#define EGRET_NAMED_MAX_SAMPLES 10000000u
#endif

struct egret_named {
	struct egret_profile *profile;
	struct egret_buffer key;
	struct egret_profile_line *lines;
	size_t lines_capacity;
	uint64_t time; /* of the last sample, where the format tells none: each is later */
};

/* Initialise with .profile alone. */
void egret_named_deinit(struct egret_named *named);

/* UINT32_MAX without memory, as all of the following. */
uint32_t egret_named_string(struct egret_named *named, const char *text, size_t len);
/* By what its path looks like: the kernel's, the vdso's, a JIT's, else a file's. */
uint32_t egret_named_module(struct egret_named *named, const char *path, size_t len,
			    const struct egret_build_id *id);
uint32_t egret_named_module_of(struct egret_named *named, const char *path,
			       enum egret_module_kind kind);

/*
 * The frame at an offset of a module; lines: innermost first, the last is the function itself;
 * none: it has no name. "[cut: reason]" is the frame by which egret marks stacks that are cut.
 */
uint32_t egret_named_frame(struct egret_named *named, uint32_t module, uint64_t offset,
			   uint32_t flags, const struct egret_named_line *lines, size_t n);

/* The thread of these names; pid and tid 0: not known. */
uint32_t egret_named_thread(struct egret_named *named, const char *process, size_t process_len,
			    const char *comm, size_t comm_len, int32_t pid, int32_t tid);

/* One sample. 0 or -ENOMEM. */
int egret_named_sample(struct egret_named *named, uint32_t thread, uint32_t stack, uint32_t event,
		       uint64_t value, uint64_t time, uint32_t cpu);
/* `count` samples of that value in all, without times. */
int egret_named_samples(struct egret_named *named, uint32_t thread, uint32_t stack, uint64_t count,
			uint64_t value);

/* Says how many samples there are, by ending, as a recording of egret's does. 0 or -ENOMEM. */
int egret_named_account(struct egret_named *named);

#endif
