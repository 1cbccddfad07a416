/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * processes.h - which module is mapped at an address of a process.
 *
 * Fed with what the kernel tells, in the order of time; asked at the time of a capture. Processes
 * that ran before are read from /proc when they are first asked for.
 */
#ifndef EGRET_MAPS_PROCESSES_H
#define EGRET_MAPS_PROCESSES_H

#include "base/buffer.h"
#include "maps/code_map.h"
#include "maps/labels.h"

struct egret_process {
	int pid;
	char comm[16];
	bool complete; /* mappings are all there are: exec was seen, or /proc was read */
	bool tried;    /* /proc was asked, in vain */
	bool exited;
	/*
	 * Who made it, whose image and mappings it has until its own execve; 0: nobody is known.
	 * Each image has a number: that of the parent's at that time.
	 */
	int parent;
	uint64_t image, parent_image;
	uint32_t labels; /* the owner's number of its labels; 0: not asked for since its execve */
	uint32_t labels_cgroup;	     /* the id of its cgroup then */
	uint64_t exit_time;	     /* CLOCK_MONOTONIC ns */
	struct egret_code_map *code; /* NULL: nothing executable is mapped */
	size_t last;		     /* index of the mapping that was found last */
};

/* Where the past of a process comes from: /proc, or a recording. 0 or -errno. */
struct egret_process_source {
	int (*read_maps)(void *arg, int pid,
			 struct egret_buffer *out); /* text of proc_pid_maps(5) */
	int (*read_comm)(void *arg, int pid, char *to, size_t size);
	/* len bytes of code at addr, in one page; NULL: it cannot be read. What is not in memory is
	 * not waited for. */
	int (*read_code)(void *arg, int pid, uint64_t addr, void *to, size_t len);
	void *arg;
	/* The path of its cgroup (of version 2, where there are both). id: of that cgroup, by which
	 * it is known when the process has gone; 0: not known. May be NULL. */
	int (*read_cgroup)(void *arg, int pid, uint64_t id, char *to, size_t size);
	/*
	 * What labels pids[0] has, its cgroup's too: those that can be had. Where it has gone the
	 * others are asked, who have its image and environment. -errno: none is there any more. May
	 * be NULL.
	 */
	int (*read_labels)(void *arg, const int *pids, size_t n, uint64_t cgroup_id,
			   struct egret_process_labels *out);
};

extern const struct egret_process_source egret_process_source_live;

struct egret_processes {
	struct egret_process **all; /* NULL where a number is free */
	size_t n;
	uint32_t *free_numbers;
	size_t n_free;
	struct egret_index by_pid;
	struct egret_modules *modules;
	const struct egret_process_source *source;
	uint64_t code_numbers; /* that were given to code maps */
	uint64_t images;       /* the last number that was given to one */
	bool track_all; /* make a process of every pid that is heard of, not only of the known and
			   their children */
};

void egret_processes_init(struct egret_processes *ps, struct egret_modules *modules,
			  const struct egret_process_source *source, bool track_all);
void egret_processes_deinit(struct egret_processes *ps);

/* The process, or NULL where it is not known. */
struct egret_process *egret_processes_find(const struct egret_processes *ps, int pid);
/*
 * The process, made when it is new, with its mappings read when they are not known yet: from its
 * parent, whose image it has. By the time it is asked for it may have gone, or called execve. NULL
 * without memory.
 */
struct egret_process *egret_processes_need(struct egret_processes *ps, int pid);

/* The process that it was forked from, if both have the image of then. NULL: not known. */
struct egret_process *egret_processes_parent(const struct egret_processes *ps,
					     const struct egret_process *process);

/* What was told of a process is not all: its mappings are read when they are needed. */
void egret_processes_reread(struct egret_processes *ps, int pid);
/* All mappings of a process are told anew: those that were known are void. NULL without memory. */
struct egret_process *egret_processes_retell(struct egret_processes *ps, int pid);

/* What the kernel tells. Unknown processes are ignored unless track_all. */
void egret_processes_mmap(struct egret_processes *ps, const struct egret_map_info *info);
void egret_processes_fork(struct egret_processes *ps, int pid, int parent);
void egret_processes_comm(struct egret_processes *ps, int pid, int tid, const char *comm,
			  bool exec);
void egret_processes_exit(struct egret_processes *ps, int pid, uint64_t time);
/* Records were lost: what is known may be wrong, and is read again when it is needed. */
void egret_processes_lost(struct egret_processes *ps);
/* Forgets processes that exited before `time`. */
void egret_processes_forget(struct egret_processes *ps, uint64_t time);

/* Sets in_use, by number, for each module that is mapped in a process. */
void egret_processes_mark(const struct egret_processes *ps, bool *in_use);
/* Bytes that they take. */
size_t egret_processes_memory(const struct egret_processes *ps);

/* The file that it runs: of those mapped the first; NULL: not known. */
const struct egret_module *egret_process_program(const struct egret_process *process);

/* The executable mapping that holds addr, or NULL. Valid until the process changes. */
const struct egret_mapping *egret_process_find(struct egret_process *process, uint64_t addr);

#endif
