/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * abi.h - the records that the BPF programs hand to user space.
 *
 * Fixed width, explicit padding, asserted sizes: the same header is compiled for BPF and for
 * the host, and the records are kept as they are in recordings made with --raw.
 */
#ifndef EGRET_ABI_H
#define EGRET_ABI_H

#ifndef __VMLINUX_H__
#include <stdint.h>
typedef uint8_t __egret_u8;
typedef uint16_t __egret_u16;
typedef uint32_t __egret_u32;
typedef uint64_t __egret_u64;
#else
typedef __u8 __egret_u8;
typedef __u16 __egret_u16;
typedef __u32 __egret_u32;
typedef __u64 __egret_u64;
#endif

#define EGRET_ABI_VERSION 1

#define EGRET_MAX_KERNEL_FRAMES 127
#define EGRET_COMM_LEN 16

/* Windows of a capture: runs of stack bytes. What lies between two of them was not read. */
#define EGRET_MAX_WINDOWS 8

/* The registers of a capture, in DWARF's x86-64 numbering (System V ABI, figure 3.36). */
#define EGRET_REG_RSP 7
#define EGRET_REG_RIP 16
#define EGRET_NR_REGS 17

enum egret_record_type {
	EGRET_REC_SAMPLE = 1,
	EGRET_REC_CAPTURE = 2,
	EGRET_REC_VMA = 3,
};

/* Every record begins with this. size counts the whole record, a multiple of 8 bytes. */
struct egret_rec {
	__egret_u32 type; /* enum egret_record_type */
	__egret_u32 size; /* bytes */
	__egret_u64 time; /* CLOCK_MONOTONIC, nanoseconds */
};

#define EGRET_SAMPLE_USER_MODE                                                                     \
	1u		       /* the interrupt hit user mode: ip is the leaf of the user stack */
#define EGRET_SAMPLE_SHARED 2u /* the cookie was already asked for by an earlier sample */

/* What the interrupt records. Followed by n_kernel addresses (u64), leaf first. */
struct egret_rec_sample {
	struct egret_rec rec;
	__egret_u64 cookie; /* names the capture that holds the user stack; 0: there will be none */
	__egret_u64 period; /* units of the event that this sample stands for */
	__egret_u64 start_time; /* of the thread, CLOCK_BOOTTIME nanoseconds: (tid, start_time) is
				   unique */
	__egret_u64 ip;		/* where the interrupt hit */
	__egret_u64 sp;
	__egret_u32 pid; /* thread group, as seen from the initial PID namespace */
	__egret_u32 tid;
	__egret_u32 cpu;
	__egret_u16 event; /* index of the event in the session's list */
	__egret_u8 ending; /* enum egret_capture_end, meaningful where cookie is 0 */
	__egret_u8 flags;  /* EGRET_SAMPLE_* */
	char comm[EGRET_COMM_LEN];
	__egret_u32 n_kernel;
	__egret_u32 cgroup; /* id of the process's, of version 2; 0: not known, or beyond 32 bits */
	__egret_u64 kernel[];
};
_Static_assert(sizeof(struct egret_rec_sample) == 16 + 40 + 16 + 24, "sample record");

/*
 * Where a capture begins that has the stack pointer sp: the red zone below it is the thread's, too
 * (System V ABI, 3.2.2), and there is CFI that finds its CFA there (SHA-512 of OpenSSL). Not on
 * another page: that one may have to be brought in, or not be there.
 */
#define EGRET_RED_ZONE 128

static inline __egret_u64 egret_stack_start(__egret_u64 sp)
{
	__egret_u64 in_page = sp & 4095;

	return sp - (in_page < EGRET_RED_ZONE ? in_page : EGRET_RED_ZONE);
}

struct egret_window {
	__egret_u64 start; /* user address */
	__egret_u32 len;   /* bytes; the data of the windows follow each other */
	__egret_u32 pad;
};

#define EGRET_CAPTURE_F_EXIT 1u	     /* read when the thread was about to exit */
#define EGRET_CAPTURE_F_EXEC 2u	     /* read when the thread was about to change its image */
#define EGRET_CAPTURE_F_ASLEEP 4u    /* read from outside, of a thread asleep in the kernel */
#define EGRET_CAPTURE_F_INLINE 8u    /* read in the sampling interrupt */
#define EGRET_CAPTURE_F_ALTSTACK 16u /* the thread was on its alternate signal stack */
#define EGRET_CAPTURE_F_UNTOLD 32u   /* the process's mappings found no room in the ring */

/* User registers and stack. Followed by the bytes of the windows, padded to 8. */
struct egret_rec_capture {
	struct egret_rec rec;
	__egret_u64 cookie;
	__egret_u64 also; /* another cookie that this capture answers; 0: none */
	__egret_u64 start_time;
	__egret_u64
		requested; /* when the capture was asked for; rec.time - requested is the latency */
	__egret_u64 regs[EGRET_NR_REGS];
	__egret_u64 fs_base;
	__egret_u32 pid;
	__egret_u32 tid;
	__egret_u32 wanted;   /* bytes, after clamping to the end of the stack, before the limit */
	__egret_u32 got;      /* bytes, the sum of the windows */
	__egret_u32 pages_in; /* pages brought in by this capture */
	__egret_u16 n_windows;
	__egret_u8 ending; /* enum egret_capture_end */
	__egret_u8 flags;  /* EGRET_CAPTURE_F_* */
	struct egret_window window[EGRET_MAX_WINDOWS];
};
_Static_assert(sizeof(struct egret_rec_capture) ==
		       16 + 32 + 8 * (EGRET_NR_REGS + 1) + 24 + 16 * EGRET_MAX_WINDOWS,
	       "capture record");

#define EGRET_VMA_NAMES 16
#define EGRET_VMA_NAME_LEN 64
#define EGRET_VMA_HEAD_LEN 1024

#define EGRET_VMA_F_FIRST 1u /* the first of its process: what was known before is void */
#define EGRET_VMA_F_PATH 2u  /* names[] lead to a root */
#define EGRET_VMA_F_VDSO 4u

/* One executable mapping of a process, told from its own context at its first capture. */
struct egret_rec_vma {
	struct egret_rec rec;
	__egret_u64 start, end; /* user addresses */
	__egret_u64 pgoff;	/* bytes */
	__egret_u64 ino;	/* 0: no file */
	__egret_u32 major, minor;
	__egret_u32 pid;
	__egret_u32 flags;    /* EGRET_VMA_F_* */
	__egret_u32 head_len; /* bytes in head; 0: not in memory */
	/*
	 * How many of names are the path that the process sees; those behind lead from its root to
	 * that of all. 0: the file is outside of its root.
	 */
	__egret_u32 n_seen;
	/* Of the path, the file's own first, each NUL-terminated; empty ones are to be passed over.
	 */
	char names[EGRET_VMA_NAMES][EGRET_VMA_NAME_LEN];
	__egret_u8 head[EGRET_VMA_HEAD_LEN]; /* of the file: ELF header, and the build-id not far
						behind */
};
_Static_assert(sizeof(struct egret_rec_vma) ==
		       16 + 32 + 24 + EGRET_VMA_NAMES * EGRET_VMA_NAME_LEN + EGRET_VMA_HEAD_LEN,
	       "vma record");

enum egret_filter {
	EGRET_FILTER_PROCESS = 0,
	EGRET_FILTER_THREAD = 1,
	EGRET_FILTER_SYSTEM = 2,
	EGRET_FILTER_CGROUP = 3,
};

/* What the map of targets says of a process or thread, if not when it was started: user space does
 * not know that. */
#define EGRET_TARGET_ANY 0	 /* whenever */
#define EGRET_TARGET_FROM_EXEC 1 /* none before its next execve, and then whenever */

enum egret_fault_policy {
	EGRET_FAULT_NONE = 0, /* read only what is in memory */
	EGRET_FAULT_SAFE = 1, /* bring in swap and local files */
	EGRET_FAULT_ANY = 2,  /* and what a user-space or network file server has to answer for */
};

#define EGRET_MAX_EVENTS 32
#define EGRET_MAX_TRACEPOINTS 4 /* of them: each is a program of its own */

/* What an event has brought on one CPU. */
struct egret_event_seen {
	__egret_u64 interrupts;
	__egret_u64 periods; /* sum, units of the event */
	__egret_u64 late;    /* periods that passed before a late timer's interrupt: one came for
				several */
	__egret_u64 due;     /* when the last interrupt was due, ns; clocks only */
	__egret_u64 period;  /* by which that was said */
};

/* How many slots of the table of threads of `hook` the state of a thread may be in. */
#define EGRET_THREAD_WINDOW 32u

/* Which samples are wanted, changed while the programs run; a rule is an element of a hash map. */
enum egret_sample_rule_kind {
	EGRET_RULE_PID = 0,
	EGRET_RULE_COMM = 1,
	EGRET_RULE_NOT_PID = 2,
	EGRET_RULE_NOT_COMM = 3,
};
#define EGRET_RULES_USER 16u   /* only user mode; else flags are 1 << kind: there are such rules */
#define EGRET_RULES_KERNEL 32u /* only kernel mode */
#define EGRET_MAX_RULES 1024   /* of one generation */

struct egret_rules {
	__egret_u32 generation; /* rules of another one do not count */
	__egret_u32 flags;
};

struct egret_sample_rule {
	__egret_u32 generation;
	__egret_u32 kind;	   /* enum egret_sample_rule_kind */
	__egret_u32 pid;	   /* of a thread group; 0 where a name counts */
	char comm[EGRET_COMM_LEN]; /* of a thread, zeros behind */
};

/* What user space tells the programs before they are loaded: constants to the verifier. */
struct egret_config {
	__egret_u32 filter; /* enum egret_filter */
	__egret_u32 include_idle;
	__egret_u32 fault;	  /* enum egret_fault_policy */
	__egret_u32 stack_limit;  /* bytes, a multiple of the page size */
	__egret_u32 no_kernel;	  /* leave kernel stacks out */
	__egret_u32 xsave_size;	  /* bytes of the XSAVE area in a signal frame, CPUID 0xd */
	__egret_u32 wake_samples; /* bytes in a ring from which on its reader is woken */
	__egret_u32 wake_captures;
	__egret_u32 clock_events; /* a bit for each event whose period is in nanoseconds */
	__egret_u32 user_only, kernel_only; /* a bit for each clock that samples only that mode */
	__egret_u32 tracepoint_event[EGRET_MAX_TRACEPOINTS];  /* index of the event */
	__egret_u32 tracepoint_period[EGRET_MAX_TRACEPOINTS]; /* hits a sample */
	__egret_u32 pad;
};

/*
 * Counters, one per CPU and name. X(IDENTIFIER, "name in the statistics", "what it counts").
 * Not part of a recording's format: recordings keep the names.
 */
#define EGRET_COUNTERS(X)                                                                          \
	X(INTERRUPTS, "interrupts", "runs of the sampling program")                                \
	X(FILTERED_IDLE, "filtered.idle", "the idle task was running")                             \
	X(FILTERED_OTHER, "filtered.not-a-target",                                                 \
	  "another process was running, or the command before its execve")                         \
	X(FILTERED_MODE, "filtered.mode", "the mode that was not asked for (:u, :k)")              \
	X(FILTERED_RULES, "filtered.rules", "left out by egret_session__set_filter")               \
	X(FILTERED_PERIOD, "filtered.period", "a hit of a tracepoint within its period")           \
	X(SAMPLES, "samples.written", "samples that reached their ring")                           \
	X(SAMPLES_RING_FULL, "samples.dropped.ring-full", "the sample ring was full")              \
	X(SAMPLES_INTERNAL, "samples.dropped.internal", "a map of the program was not there")      \
	X(REQUESTS, "captures.requested", "captures asked for, each for one kernel entry")         \
	X(REQUESTS_SHARED, "captures.shared", "samples that share a capture asked for before")     \
	X(CAPTURES_DONE, "captures.done", "captures written, whole or not")                        \
	X(CAPTURES_FINAL, "captures.final",                                                        \
	  "captures made at exit and exec, in case they are needed")                               \
	X(CAPTURES_ENDED, "captures.ended", "captures that ended without reading a stack")         \
	X(CAPTURES_RING_FULL, "captures.dropped.ring-full", "the capture ring was full")           \
	X(CAPTURE_BYTES, "captures.bytes", "bytes of stack read")                                  \
	X(CAPTURE_RETRIES, "captures.retries", "copies repeated after pages were brought in")      \
	X(PAGES_IN, "captures.pages-in", "pages brought in for captures")                          \
	X(LATENCY_NS, "captures.latency-total-ns", "from the request to the capture, summed")      \
	X(VMA_BUSY, "captures.vma-busy",                                                           \
	  "the address space was locked: bounds came from registers")                              \
	X(PROCESSES_TOLD, "processes.told",                                                        \
	  "processes that ran before, whose mappings a capture told")                              \
	X(PROCESSES_BUSY, "processes.busy",                                                        \
	  "of those, address space locked: read from /proc instead")                               \
	X(MAPPINGS_RING_FULL, "mappings.dropped.ring-full",                                        \
	  "of those, mappings that found the capture ring full: read from /proc instead")          \
	X(THREADS_FULL, "threads.table-full", "threads that found no place in the table")          \
	X(COST_NS, "cost.programs-time", "CPU time of the sampling programs, nanoseconds")         \
	X(COST_CAPTURES_NS, "cost.captures-time",                                                  \
	  "CPU time of captures, nanoseconds, without those below")                                \
	X(COST_CAPTURES, "cost.captures", "those captures")                                        \
	X(COST_SWITCHED, "cost.captures-switched",                                                 \
	  "captures that another thread came between: their CPU time is not known")

#define EGRET_COUNTER_ENUM(id, name, text) EGRET_COUNT_##id,
enum egret_counter { EGRET_COUNTERS(EGRET_COUNTER_ENUM) EGRET_COUNT_NR };
#undef EGRET_COUNTER_ENUM

#endif /* EGRET_ABI_H */
