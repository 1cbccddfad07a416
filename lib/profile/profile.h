/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * profile.h - stacks of (module, offset), interned, with values and labels.
 *
 * Everything is interned and named by small numbers that only grow: a string, module, frame, stack
 * or thread is stored once, so that memory grows with distinct stacks and not with time. The
 * recording (lib/recording) writes the same numbers. Number 0 of strings is ""; of stacks, the
 * empty stack (the root that all stacks grow from). All other tables start with a usable 0.
 */
#ifndef EGRET_PROFILE_H
#define EGRET_PROFILE_H

#include <egret/egret.h>

#include "base/index.h"
#include "elf/elf_file.h"

enum egret_module_kind {
	EGRET_MODULE_FILE = 0,
	EGRET_MODULE_VDSO = 1,
	EGRET_MODULE_KERNEL = 2,
	EGRET_MODULE_JIT = 3, /* memory of one process, without a file; offset is the address */
	/* pseudo-module of frames of cut stacks; offset is (capture_end << 8 | unwind_end) */
	EGRET_MODULE_CUT = 4,
	EGRET_MODULE_UNMAPPED = 5, /* nothing was known to be mapped there; offset is the address */
};

/* Fixed-width and filled with zeros: equality and hash are over the fields. */
struct egret_profile_module {
	uint32_t path; /* string */
	uint32_t kind; /* enum egret_module_kind */
	uint64_t dev;  /* major << 32 | minor; identity where there is no build-id */
	uint64_t ino;
	int32_t pid; /* JIT only: whose code it is; else 0 */
	struct egret_build_id build_id;
};

struct egret_profile_frame {
	uint32_t module;
	uint32_t flags; /* EGRET_FRAME_F_*: part of the identity (a return address is not a leaf) */
	uint64_t offset;
};

/* A stack is its outermost frames (the parent) and one frame more: root first, shared by prefix. */
struct egret_profile_node {
	uint32_t parent; /* stack; 0: this frame is the root */
	uint32_t frame;
};

struct egret_profile_thread {
	int32_t pid;
	int32_t tid;
	uint64_t start_time; /* CLOCK_BOOTTIME ns; identity: tid, start_time, process, comm */
	uint32_t process;    /* string: name of the process at that time */
	uint32_t comm;	     /* string: name of the thread at that time */
};

/*
 * One line of a frame's symbol: entry 0 is the innermost inlined function, the last is the
 * function itself.
 */
struct egret_profile_line {
	uint32_t name; /* string, demangled */
	uint32_t file; /* string; 0: not known */
	uint32_t line;
	uint32_t flags; /* EGRET_FRAME_F_INLINED, EGRET_FRAME_F_UNNAMED */
};

/* What samples have in common that are counted together. */
struct egret_profile_key {
	uint32_t thread;
	uint32_t stack;
	uint32_t event;
	uint8_t capture_end;
	uint8_t unwind_end;
	uint16_t reserved;
};

struct egret_profile_values {
	uint64_t samples;
	uint64_t value;
	uint64_t bytes_wanted; /* cut stacks only */
	uint64_t bytes_got;
};

/* Longer texts are cut to this many bytes; a text ends at its first NUL. */
#define EGRET_PROFILE_MAX_STRING 65535
/* Frames of a stack. Deeper ones are refused. */
#define EGRET_PROFILE_MAX_DEPTH 65535
/* Lines of a frame. Of more, the outermost inlined ones are left out. */
#define EGRET_PROFILE_MAX_LINES 255
/* Of events, metadata and statistics each. More are refused with -E2BIG. */
#define EGRET_PROFILE_MAX_LABELS 4096

/*
 * The tables. Owners of a profile read the arrays through the accessors below; the struct is
 * defined in profile_tables.h for lib/profile and lib/recording only. Destroyed by
 * egret_profile__destroy.
 */
int egret_profile_create(struct egret_profile **out);

/*
 * Each returns the number of the item, adding it when it is new (*added, may be NULL, says so), or
 * UINT32_MAX without memory, and where the item refers to a number that there is not, or a stack is
 * too deep.
 */
uint32_t egret_profile_string(struct egret_profile *p, const char *text, size_t len, bool *added);
uint32_t egret_profile_module(struct egret_profile *p, const struct egret_profile_module *m,
			      bool *added);
uint32_t egret_profile_frame(struct egret_profile *p, const struct egret_profile_frame *f,
			     bool *added);
uint32_t egret_profile_stack(struct egret_profile *p, uint32_t parent, uint32_t frame, bool *added);
uint32_t egret_profile_thread(struct egret_profile *p, const struct egret_profile_thread *t,
			      bool *added);

/* Samples that are counted together. Numbered like the other tables. */
struct egret_profile_entry {
	struct egret_profile_key key;
	struct egret_profile_values values;
};

/* One sample, where they are kept one by one too. */
struct egret_profile_sample {
	uint64_t time; /* CLOCK_MONOTONIC ns */
	uint64_t value;
	uint32_t entry;
	uint32_t cpu;
};

/* Adds samples to the entry of key. 0, -ENOMEM, or -EINVAL (no such thread or stack). */
int egret_profile_add(struct egret_profile *p, const struct egret_profile_key *key,
		      const struct egret_profile_values *values);
/* From now on egret_profile_add_sample keeps each sample: 24 bytes. */
void egret_profile_keep_samples(struct egret_profile *p);
/* As egret_profile_add, for one sample. */
int egret_profile_add_sample(struct egret_profile *p, const struct egret_profile_key *key,
			     const struct egret_profile_values *values, uint64_t time,
			     uint32_t cpu);
/* Brings the samples that are kept into the order of time; those of one time stay as they are. */
int egret_profile_sort_samples(struct egret_profile *p);

/* Gives a frame its names; lines are copied. A second call replaces. 0, -ENOMEM or -EINVAL. */
int egret_profile_set_lines(struct egret_profile *p, uint32_t frame,
			    const struct egret_profile_line *lines, size_t n);
bool egret_profile_has_lines(const struct egret_profile *p, uint32_t frame);
/* The lines of a frame, innermost first; NULL where it has none yet. */
const struct egret_profile_line *egret_profile_get_lines(const struct egret_profile *p,
							 uint32_t frame, size_t *n);

/*
 * Why a frame has no lines (lib/symbolize/name_reasons.h): 0 until it is set, and of no meaning
 * where there are lines. 0, -ENOMEM or -EINVAL (no such frame).
 */
int egret_profile_set_reason(struct egret_profile *p, uint32_t frame, uint16_t reason);
uint16_t egret_profile_get_reason(const struct egret_profile *p, uint32_t frame);

int egret_profile_set_meta(struct egret_profile *p, const char *key, const char *value);
int egret_profile_add_event(struct egret_profile *p, const struct egret_event *event);
/* name and text are copied. A second call with the same name replaces. */
int egret_profile_set_stat(struct egret_profile *p, const char *name, const char *text,
			   uint64_t value);
void egret_profile_set_truncated(struct egret_profile *p);

/* How many there are, and one of them (NULL where there is no such number); valid until the next
 * addition, but for the texts of strings, which stay. Stack 0 has no frame: UINT32_MAX. */
size_t egret_profile_n_strings(const struct egret_profile *p);
const char *egret_profile_get_string(const struct egret_profile *p, uint32_t string);
size_t egret_profile_n_modules(const struct egret_profile *p);
const struct egret_profile_module *egret_profile_get_module(const struct egret_profile *p,
							    uint32_t m);
size_t egret_profile_n_frames(const struct egret_profile *p);
const struct egret_profile_frame *egret_profile_get_frame(const struct egret_profile *p,
							  uint32_t f);
size_t egret_profile_n_stacks(const struct egret_profile *p);
struct egret_profile_node egret_profile_get_stack(const struct egret_profile *p, uint32_t stack);
size_t egret_profile_n_threads(const struct egret_profile *p);
const struct egret_profile_thread *egret_profile_get_thread(const struct egret_profile *p,
							    uint32_t t);
size_t egret_profile_n_entries(const struct egret_profile *p);
const struct egret_profile_entry *egret_profile_get_entry(const struct egret_profile *p,
							  uint32_t e);
size_t egret_profile_n_samples(const struct egret_profile *p);
const struct egret_profile_sample *egret_profile_get_sample(const struct egret_profile *p,
							    size_t s);

/*
 * The public frames of one frame of the profile, innermost first: at least one; they live as long
 * as the profile, or until its names change. NULL without memory.
 */
const struct egret_frame *egret_profile_frames_at(const struct egret_profile *p, uint32_t frame,
						  size_t *n);

/*
 * A profile of what was counted in p, with only what that refers to; in p nothing is counted any
 * more, while everything else keeps its number. 0 or -ENOMEM.
 */
int egret_profile_take(struct egret_profile *p, struct egret_profile **out);

/* Bytes that its tables take. */
size_t egret_profile_memory(const struct egret_profile *p);

/* Where numbers of threads and of stacks are kept. */
struct egret_profile_numbers {
	uint32_t **threads, **stacks;
	size_t n_threads, n_stacks;
};

/*
 * A profile with what is known of the recording, and of all tables only what these threads and
 * stacks refer to; nothing is counted in it. The numbers become those of the new profile; after an
 * error some are, and none is of use. 0 or -ENOMEM.
 */
int egret_profile_renew(const struct egret_profile *from, struct egret_profile_numbers *numbers,
			struct egret_profile **out);

#define EGRET_LABELS_MAX 64 /* of one process */

/* A label of a process: two strings. */
struct egret_profile_label {
	uint32_t key, value;
};

/*
 * The number of the set of these labels, in any order; keys differ. 0: of none. UINT32_MAX without
 * memory.
 */
uint32_t egret_profile_label_set(struct egret_profile *p, const struct egret_profile_label *labels,
				 size_t n);
size_t egret_profile_n_label_sets(const struct egret_profile *p); /* with the empty one, or 0 */
/* By key, in the order of strcmp(3). */
const struct egret_profile_label *egret_profile_get_label_set(const struct egret_profile *p,
							      uint32_t set, size_t *n);
/* The same as people see them; they live as long as the profile. NULL: none (*n is 0). */
const struct egret_label *egret_profile_labels_at(const struct egret_profile *p, uint32_t set,
						  size_t *n);
/* That of the same labels as a set of another profile has. UINT32_MAX without memory. */
uint32_t egret_profile_same_label_set(struct egret_profile *to, const struct egret_profile *from,
				      uint32_t set);
/* Those of a thread's process; 0: none. 0, -ENOMEM or -EINVAL. */
int egret_profile_set_thread_labels(struct egret_profile *p, uint32_t thread, uint32_t set);
uint32_t egret_profile_get_thread_labels(const struct egret_profile *p, uint32_t thread);
/* Those of a thread of another profile, if this one has none. 0 or -ENOMEM. */
int egret_profile_copy_thread_labels(struct egret_profile *to, uint32_t to_thread,
				     const struct egret_profile *from, uint32_t thread);

/* The cgroup of a thread's process, a string; 0: not known. 0, -ENOMEM or -EINVAL. */
int egret_profile_set_cgroup(struct egret_profile *p, uint32_t thread, uint32_t cgroup);
uint32_t egret_profile_get_cgroup(const struct egret_profile *p, uint32_t thread);

/*
 * Two profiles side by side in one: an event of the first is its event 0, and one of the second its
 * event 1, also where they have the same name; other events are left out. 0 or -ENOMEM.
 */
int egret_profile_join(const struct egret_profile *first, uint32_t first_event,
		       const struct egret_profile *second, uint32_t second_event,
		       struct egret_profile **out);

/* A copy of everything. For snapshots. */
int egret_profile_copy(const struct egret_profile *p, struct egret_profile **out);

#endif
