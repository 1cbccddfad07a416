/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * egret.h - the public interface of libegret, a sampling CPU profiler for Linux.
 *
 * Rules that hold for every function unless it says otherwise:
 *   - It returns 0 or a positive result, or -errno; with an error, `err` (may be NULL) holds one
 *     sentence that says what failed, on what, and what to do.
 *   - An object may be used by one thread at a time; different objects are independent.
 *   - The library prints nothing, never exits, installs no signal handler, starts no thread that
 *     an option did not ask for, and keeps no global state.
 *   - An option struct begins with `size`, which the caller sets to sizeof(the struct). A larger
 *     struct than the library knows is refused with -E2BIG unless its unknown tail is zero.
 */
#ifndef EGRET_EGRET_H
#define EGRET_EGRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

#define EGRET_VERSION_MAJOR 0
#define EGRET_VERSION_MINOR 1
#define EGRET_VERSION_PATCH 0

/* The version of the library at run time, "MAJOR.MINOR.PATCH". */
const char *egret_version(void);

/* One sentence on what failed. Owned by the caller; text is NUL-terminated. */
struct egret_error {
	char text[1024];
};

/* ---- profiles: stacks with values -------------------------------------------------------- */

enum egret_frame_kind {
	EGRET_FRAME_USER = 0,	/* code of a file */
	EGRET_FRAME_KERNEL = 1, /* the kernel, its modules, BPF programs */
	EGRET_FRAME_JIT = 2,	/* code that a program made at run time */
	EGRET_FRAME_VDSO = 3,
	EGRET_FRAME_CUT = 4, /* not code: at the root of a stack that is cut, names the reason */
};

#define EGRET_FRAME_F_INLINED 1u	/* inlined into the frame below it (towards the root) */
#define EGRET_FRAME_F_RECOVERED 2u	/* found without CFI, by looking at the code */
#define EGRET_FRAME_F_RETURN 4u		/* offset is a return address: the call is just before it */
#define EGRET_FRAME_F_SIGNAL 8u		/* a signal trampoline */
#define EGRET_FRAME_F_FRAME_POINTER 16u /* its caller was found by frame pointer, not by CFI */
#define EGRET_FRAME_F_UNNAMED 32u	/* name is made of module and offset: no symbol was found */

/* A frame as people see it. Strings are owned by the profile and live as long as it does. */
struct egret_frame {
	const char *name; /* demangled; "[module+0xoffset]" where no symbol is known; never NULL */
	const char *module; /* path, "[kernel.kallsyms]", "[vdso]", "[jit]"; "" for a cut */
	const char *file;   /* source file, or NULL */
	uint64_t offset;    /* in the file; for the kernel and JIT code, the address */
	uint32_t line;	    /* in file; 0: not known */
	uint32_t kind;	    /* enum egret_frame_kind */
	uint32_t flags;	    /* EGRET_FRAME_F_* */
	uint32_t why;	    /* EGRET_FRAME_F_UNNAMED: see egret_name_reason_name; else 0 */
};

/*
 * What a process is labelled with. Keys are OpenTelemetry's: "container.id", "k8s.pod.uid",
 * "systemd.unit", "process.linux.cgroup", "process.executable.name",
 * "process.executable.build_id.gnu", "service.name", and whatever OTEL_RESOURCE_ATTRIBUTES said.
 */
struct egret_label {
	const char *key, *value; /* UTF-8 */
};

/* A thread. Strings and labels are owned by the profile. */
struct egret_thread {
	const char *process; /* comm of its main thread, or the last that is known */
	const char *comm;    /* name of the thread */
	pid_t pid;	     /* thread group */
	pid_t tid;
	const char *cgroup; /* of its process when it was first seen, a path; "": not known */
	const struct egret_label *labels; /* of its process, by key; see process_labels */
	size_t n_labels;
};

/*
 * Samples of one thread that share one stack. frames[0] is the leaf; inlined frames are expanded.
 */
struct egret_stack {
	const struct egret_thread *thread;
	const struct egret_frame *const *frames;
	size_t n_frames;
	uint64_t samples;      /* count */
	uint64_t value;	       /* sum of the periods, in units of the event (see egret_event) */
	uint64_t bytes_wanted; /* of the captures, where the stack is cut; else 0 */
	uint64_t bytes_got;
	uint32_t event;	     /* index for egret_profile__event */
	uint8_t capture_end; /* see egret_capture_end_name */
	uint8_t unwind_end;  /* see egret_unwind_end_name */
	uint8_t reserved[2];
};

struct egret_event {
	const char *name;   /* as it was asked for: "cpu-clock", "cycles:u" */
	const char *unit;   /* of value: "nanoseconds", "count" */
	uint64_t frequency; /* Hz asked for; 0 where a period was */
	uint64_t period;    /* units; 0 where a frequency was asked for */
};

struct egret_profile;

/*
 * Reads a recording (egret-data(5)) into a profile.
 * path: a file; "-" reads standard input. On success *out is the caller's, to be given to
 * egret_profile__destroy. A recording that was cut short (its writer was killed) is read up to its
 * last whole block, and egret_profile__truncated says so.
 * Errors: -ENOENT, -EACCES, ...; -EBADMSG: not a recording, or damaged; -ENOTSUP: another version.
 */
int egret_profile__open(const char *path, struct egret_profile **out, struct egret_error *err);

/* The same, with options. NULL opts: all zero, as egret_profile__open. */
struct egret_open_opts {
	size_t size;
	bool keep_samples; /* one by one, with their times: egret_profile__each_sample, filters by
			      time and CPU. 24 bytes a sample */
	uint8_t reserved[7];
};
int egret_profile__open_with(const char *path, const struct egret_open_opts *opts,
			     struct egret_profile **out, struct egret_error *err);
void egret_profile__destroy(struct egret_profile *profile);

/*
 * A profile with what is in n others, the caller's; they stay as they are. Events of one name are
 * one, the numbers of the accounting are added up, and what is known of the first recording (its
 * command, its host) stands for the whole. Samples are kept one by one where all of them keep them;
 * their times are those of the first one's clock, where "boot-id" and "clock-offset" are known.
 * Errors: -ENOMEM.
 */
int egret_profile__merge(const struct egret_profile *const *profiles, size_t n,
			 struct egret_profile **out, struct egret_error *err);

/*
 * Adds what is in `from`, which stays as it is, to `to`: as egret_profile__merge, without a third
 * profile. After an error `to` is only good to be destroyed.
 * Errors: -ENOMEM; -ENODATA: samples are kept in `to`, but not in `from`.
 */
int egret_profile__add(struct egret_profile *to, const struct egret_profile *from,
		       struct egret_error *err);

/*
 * Writes a profile whose samples are kept as a recording to fd, which stays the caller's.
 * Errors: -ENODATA: samples were not kept; those of write(2).
 */
int egret_profile__save(const struct egret_profile *profile, int fd, struct egret_error *err);

/* Whether the recording ends in mid-air. */
bool egret_profile__truncated(const struct egret_profile *profile);

/* The value recorded for a key: "hostname", "command", "kernel", "backend", "unwinder", "version",
 * "start-time" (seconds since 1970), "duration" (seconds, decimal), "kernel-build-id"
 * (hexadecimal), "kernel-symbol" (where the kernel was: "_text 0xffffffff81000000"),
 * "profile-id" (32 hexadecimal digits; for formats that have one),
 * "clock-offset" (CLOCK_REALTIME - CLOCK_MONOTONIC when it was written, nanoseconds), "boot-id" (of
 * which CLOCK_MONOTONIC is), ...; NULL: not known. */
const char *egret_profile__meta(const struct egret_profile *profile, const char *key);

/*
 * Keeps a value for a key with the profile, in place of the one that is there; both are copied.
 * Errors: -EINVAL: the key is empty; -E2BIG: there are 4,096 keys; -ENOMEM.
 */
int egret_profile__set_meta(struct egret_profile *profile, const char *key, const char *value,
			    struct egret_error *err);

size_t egret_profile__n_events(const struct egret_profile *profile);
const struct egret_event *egret_profile__event(const struct egret_profile *profile, size_t index);

/*
 * Calls fn for each distinct (thread, stack, event, endings). Everything it is given is only valid
 * during the call, except strings. Stops when fn returns non-zero, and returns that.
 */
typedef int (*egret_stack_fn)(const struct egret_stack *stack, void *arg);
int egret_profile__each_stack(const struct egret_profile *profile, egret_stack_fn fn, void *arg);

/* A sample: one of stack->samples, with a value of its own. */
struct egret_sample {
	const struct egret_stack *stack;
	uint64_t time;	/* CLOCK_MONOTONIC, nanoseconds */
	uint64_t value; /* its period, in units of the event */
	uint32_t cpu;
	uint32_t reserved;
};

/*
 * Calls fn for each sample, in the order of time. As egret_profile__each_stack otherwise.
 * Errors: -ENODATA: samples were not kept (struct egret_open_opts).
 */
typedef int (*egret_sample_fn)(const struct egret_sample *sample, void *arg);
int egret_profile__each_sample(const struct egret_profile *profile, egret_sample_fn fn, void *arg);

/* Whether samples were kept one by one. */
bool egret_profile__keeps_samples(const struct egret_profile *profile);

/* The times of the first and the last sample. False: there are none, or they were not kept. */
bool egret_profile__times(const struct egret_profile *profile, uint64_t *first, uint64_t *last);

/*
 * What to keep of a profile; all conditions hold together, and those of one list are alternatives.
 * Patterns are those of the shell (fnmatch(3)), expressions are POSIX extended (regex(7)).
 */
struct egret_filter_opts {
	size_t size;
	const char *const *comms; /* patterns of the name of the thread, or of its process */
	size_t n_comms;
	const pid_t *pids; /* thread groups */
	size_t n_pids;
	const pid_t *tids; /* threads */
	size_t n_tids;
	const uint32_t *cpus;
	size_t n_cpus;
	const char *const *dsos; /* patterns of the leaf's module: its path or its file's name */
	size_t n_dsos;
	const char *const *symbols; /* patterns of the leaf's function, inlined ones too */
	size_t n_symbols;
	const char *focus;  /* expression: only stacks with such a function in them */
	const char *ignore; /* expression: no stack with such a function in it */
	uint64_t time_from; /* CLOCK_MONOTONIC, nanoseconds: from here on */
	uint64_t time_to;   /* and before this; 0: without an end */
	bool only_user;	    /* leave out kernel frames, and samples that have no others */
	bool only_kernel;   /* leave out user frames, and samples that have no others */
	bool no_inline;	    /* leave out inlined functions */
	uint8_t reserved[5];
	/* "KEY=PATTERN": has such a label; "KEY!=PATTERN": has none such. All of them hold. */
	const char *const *labels;
	size_t n_labels;
};

/*
 * A new profile with what the filter keeps, the caller's; the accounting and what is known of the
 * recording are those of the old one, which stays as it is. Where samples were kept they are in the
 * new one too.
 * Errors: -EINVAL: an expression that is none; -ENODATA: a filter by time or CPU, and samples were
 * not kept; -ENOMEM.
 */
int egret_profile__filter(const struct egret_profile *profile, const struct egret_filter_opts *opts,
			  struct egret_profile **out, struct egret_error *err);

/*
 * Says which labels a thread is to have: *labels and *n are what it has, and stay the profile's; fn
 * may set them to others, in any order, one of a key, at most 64. These are copied before fn is
 * called again. Returns 0; 1: samples of this thread are left out; -errno ends it all.
 */
typedef int (*egret_relabel_fn)(const struct egret_thread *thread,
				const struct egret_label **labels, size_t *n, void *arg);

/*
 * A new profile with other labels, the caller's: fn is called once for each thread that has
 * samples. Of threads that are left out nothing stays, no name and no stack; their samples are
 * counted as "relabel.left-out" of the accounting. The old profile stays as it is.
 * Errors: -EINVAL, -E2BIG: fn's labels; -ENOMEM; what fn returned.
 */
int egret_profile__relabel(const struct egret_profile *profile, egret_relabel_fn fn, void *arg,
			   struct egret_profile **out, struct egret_error *err);

/* One number of the accounting, in the order in which --stats prints them. */
struct egret_stat {
	const char *name; /* "interrupts", "capture.whole", "unwind.root", ... */
	const char *text; /* what it counts, one line */
	uint64_t value;
};

/* Calls fn for each number of the accounting. Stops when fn returns non-zero, and returns that. */
typedef int (*egret_stat_fn)(const struct egret_stat *stat, void *arg);
int egret_profile__each_stat(const struct egret_profile *profile, egret_stat_fn fn, void *arg);

/* ---- building: profiles of stacks that come from elsewhere ---------------------------------- */

struct egret_builder;

/*
 * Begins a profile of stacks whose names are known: those of a database, a network, another
 * profiler. Errors: -ENOMEM.
 */
int egret_builder__create(struct egret_builder **out, struct egret_error *err);
void egret_builder__destroy(struct egret_builder *builder);

/* Adds an event, which is copied; the first one has the number 0. Errors: -E2BIG; -ENOMEM. */
int egret_builder__add_event(struct egret_builder *builder, const struct egret_event *event,
			     struct egret_error *err);

/*
 * Adds samples of a stack, as egret_profile__each_stack gives them; equal ones are added up. Names
 * are copied, but a frame is only looked at when its address is first seen: it stays as it is until
 * egret_builder__finish or _destroy. Of frames with an offset of 0 only the names are known.
 * Errors: -EINVAL: there is no such event or kind of frame, or the stack has more than 65,535
 * frames; -ENOMEM. Then the builder is only good to be destroyed.
 */
int egret_builder__add_stack(struct egret_builder *builder, const struct egret_stack *stack,
			     struct egret_error *err);

/* The profile, the caller's; the builder is gone. Returns 0. */
int egret_builder__finish(struct egret_builder *builder, struct egret_profile **out);

struct egret_export_opts {
	size_t size;
	const char *title; /* of a page; NULL: made from the recording's command */
	uint32_t event;	   /* index; the first one by default */
	bool by_thread; /* folded: the first frame is the thread, "comm-pid/tid", not the process */
	bool no_kernel; /* leave kernel frames out */
	bool mark_recovered; /* folded: frames with EGRET_FRAME_F_RECOVERED end in "_[r]" */
	uint8_t reserved;
	const char *fields; /* perf-script: "comm,sym", "+srcline,-cpu"; NULL: the default */
	/* html, flamegraph, pprof: what has changed since this profile; the caller's, NULL: none */
	const struct egret_profile *base;
	uint32_t base_event; /* index of the same event in base */
	uint8_t reserved2[4];
	const char *by_label; /* folded, svg, html: each value of this label is apart; or NULL */
};

/*
 * Writes the profile to fd, which stays the caller's, in a format: "folded", "html", "pprof", ...
 * (egret_format_name). Waits where fd is full, non-blocking or not. With an error some of it may
 * have been written.
 * Errors: -EINVAL: no such format, or an option that does not fit it or the profile; -ENODATA: the
 * format needs samples, which were not kept; those of write(2).
 */
int egret_profile__export(const struct egret_profile *profile, const char *format, int fd,
			  const struct egret_export_opts *opts, struct egret_error *err);

/*
 * Takes all of the next len bytes (1 at least, of any number) and returns 0. Anything else ends the
 * export: -errno where they could not be taken, a positive number where no more are wanted. The
 * bytes are only valid during the call, which is made by the thread that asked for the export.
 */
typedef int (*egret_write_fn)(const void *bytes, size_t len, void *arg);

/*
 * As egret_profile__export, to a function in place of a descriptor: it is called with the bytes in
 * their order, piece by piece, so that an export is never whole in memory. Once it has returned
 * something else than 0 it is not called again, and egret_profile__export_to returns that.
 */
int egret_profile__export_to(const struct egret_profile *profile, const char *format,
			     egret_write_fn fn, void *arg, const struct egret_export_opts *opts,
			     struct egret_error *err);

/* Whether a format is nothing that a terminal could show. */
bool egret_format_is_binary(const char *name);

/*
 * Whether a format has a use for the samples one by one: struct egret_open_opts.keep_samples. Those
 * that cannot do without fail with -ENODATA.
 */
bool egret_format_needs_samples(const char *name);

/* The name of the n-th format that egret_profile__export knows, and what it is; NULL at the end. */
const char *egret_format_name(size_t n);
const char *egret_format_text(size_t n);

/* Names, meanings and remedies of endings (bpf/reasons.h); NULL where there is no such number. */
const char *egret_capture_end_name(unsigned int end);
const char *egret_capture_end_text(unsigned int end);
const char *egret_capture_end_fix(unsigned int end);
const char *egret_unwind_end_name(unsigned int end);
const char *egret_unwind_end_text(unsigned int end);
const char *egret_unwind_end_fix(unsigned int end);

/*
 * Why a frame has no name, what that means, and what to do about it ("": nothing can be done); NULL
 * where there is no such number.
 */
const char *egret_name_reason_name(unsigned int why);
const char *egret_name_reason_text(unsigned int why);
const char *egret_name_reason_fix(unsigned int why);

/* ---- the parser: files of others are read by a process that can do nothing else ----------- */

/*
 * A process that is started for a session, has no privileges, and is confined (seccomp, namespaces
 * where they may be made). For each file that a session wants to know something of, it forks one
 * that reads that file and no other. A file that it does not survive, or that takes too long, has
 * no symbols or no unwind tables; nothing else is lost.
 */
struct egret_parser;

struct egret_parser_opts {
	size_t size;
	uint32_t timeout_ms;   /* CPU time of one question; 0: 2 s; five times that by the clock */
	uint64_t memory_limit; /* bytes for one question, besides the file; 0: 512 MiB */
	const char *program;   /* the path of egret-parser; NULL: the one beside this library, or
				  a copy of this process where none of this version is */
};

/*
 * opts: NULL for the defaults. Errors: -EINVAL; -EPERM, -ENOSYS, -EPROTO: it cannot be confined,
 * and was not started; -ESTALE: another version; -ENOMEM; those of posix_spawn(3), socketpair(2).
 */
int egret_parser__start(const struct egret_parser_opts *opts, struct egret_parser **out,
			struct egret_error *err);
/* After the sessions that use it. NULL: nothing. */
void egret_parser__destroy(struct egret_parser *parser);
/* What was asked and became of it, by name ("parser.crashed"). Any thread. */
int egret_parser__each_stat(const struct egret_parser *parser, egret_stat_fn fn, void *arg);

/* ---- sessions: sampling ------------------------------------------------------------------- */

enum egret_scope {
	EGRET_SCOPE_PROCESS = 0, /* opts.pids, and what they fork */
	EGRET_SCOPE_THREAD = 1,	 /* opts.pids are thread ids; only these threads */
	EGRET_SCOPE_SYSTEM = 2,
	EGRET_SCOPE_CGROUP = 3, /* opts.cgroup, and the cgroups below it */
};

enum egret_demangle {
	EGRET_DEMANGLE_FULL = 0,  /* with parameters and template arguments */
	EGRET_DEMANGLE_SHORT = 1, /* without them */
	EGRET_DEMANGLE_NONE = 2,  /* as linkers see it */
};

/* Whether debug files may come from debuginfod(8). */
enum egret_debuginfod {
	EGRET_DEBUGINFOD_CACHED = 0, /* what is on disk already, from other programs */
	EGRET_DEBUGINFOD_NEVER = 1,
	EGRET_DEBUGINFOD_NETWORK = 2, /* asked when sampling is over, for files without symbols */
};

struct egret_session_opts {
	size_t size;
	enum egret_scope scope;
	const pid_t *pids;
	size_t n_pids;
	const char *cgroup;	   /* path of a cgroup v2 directory, absolute or below the mount */
	const char *const *events; /* "cpu-clock", "cycles:u", "r01c4", "sched:sched_switch", ... */
	size_t n_events;	   /* 0: cycles where there is a PMU, else cpu-clock */
	uint64_t frequency;	   /* Hz; 0 with period 0: 999 */
	uint64_t period;	   /* units of the event; wins over frequency */
	bool exclude_user;	   /* --all-kernel */
	bool exclude_kernel;	   /* --all-user */
	bool include_idle;	   /* sample the idle task too */
	bool keep_profile;	   /* keep the profile in memory for egret_session__profile */
	bool raw;		   /* keep captures in the recording, for egret_replay */
	bool start_disabled;	   /* sample only from egret_session__enable on */
	bool symbols_off;	   /* do not put symbols into the recording */
	bool keep_samples;	   /* of the profile in memory: one by one, with their times, as
				      struct egret_open_opts has it */
	const char *capture;	   /* "auto" (NULL), "hook", "task-work", "inline" */
	const char *unwinder;	   /* NULL: the default, "table"; or "libdw", "libunwind" */
	const char *fault;	   /* "none", "safe" (NULL), "any" */
	uint64_t stack_limit;	   /* bytes; 0: the backend's default (256 KiB, inline 64 KiB) */
	uint64_t buffer_size;	   /* bytes of the capture ring of each CPU; 0: the default */
	uint32_t max_threads;	   /* threads with captures under way; 0: the default */
	uint32_t max_frames;	   /* 0: the default, 2,048 */
	const char *command;	   /* kept in the recording as its command line; may be NULL */
	/*
	 * Where unwind tables are kept for the next session; made where it is missing, and not used
	 * (with a notice) where another user may write to it. NULL: nowhere.
	 */
	const char *cache_dir;
	uint64_t cache_size; /* bytes of all of its files; 0: the default, 512 MiB */
	/* Where debug files are looked for before /usr/lib/debug: egret-symbols(7). */
	const char *const *debug_dirs;
	size_t n_debug_dirs;
	enum egret_debuginfod debuginfod;
	enum egret_demangle demangle;
	uint32_t debuginfod_timeout_ms; /* of one file; 0: 30 seconds */
	/*
	 * Threads that unwind stacks besides the caller's, and in the end read debug information,
	 * at most 64; 0: none, the default. Results are the same, in the same order; what has been
	 * read when a function returns has been unwound. Those that unwind end in
	 * egret_session__destroy, block all signals but their own faults, and are not there in a
	 * child of fork, which must leave the session alone. For the unwinder "table" only: with
	 * others -EINVAL.
	 */
	uint32_t threads;
	uint64_t debuginfod_max_bytes; /* of one file; 0: 512 MiB */
	/* Called at least once a second while egret_session__finish_output or
	 * egret_session__profile wait for a file; total 0: not known. Non-zero gives the file up.
	 * May be NULL. */
	int (*debuginfod_progress)(void *arg, const char *file, uint64_t got, uint64_t total);
	void *debuginfod_arg;
	/*
	 * How long records may wait before egret_session__fd is readable, if rings do not fill up
	 * before: milliseconds, 10,000 at most; 0: 50. What has to be read of a process while it
	 * lives (its cgroup, the names of its JIT code) is read with its first records, so that of
	 * processes that live shorter than this it is not always known.
	 */
	uint32_t latency_ms;
	/*
	 * Frames get the names of symbols alone, not source lines and what is inlined, for which
	 * DWARF is read.
	 */
	bool no_lines;
	uint8_t reserved1[3];
	/* Called with each notice (egret_session__notice) as it arises, in the caller's thread. The
	 * string lives as long as the session. May be NULL. */
	void (*log)(void *arg, const char *notice);
	void *log_arg;
	/*
	 * What the session may keep between two calls of egret_session__take, bytes (see struct
	 * egret_cost): beyond, it forgets what it knows of code, and begins to learn it anew.
	 * 0: the default, 256 MiB; UINT64_MAX: all is kept.
	 */
	uint64_t memory_limit;
	/*
	 * Who reads ELF and DWARF of the files that processes have mapped: the session's process
	 * opens them, and looks at nothing in them but the bytes of code where there are no unwind
	 * tables. NULL: the session's process itself, which is quicker. Lines and inlined functions
	 * are then asked for only when sampling is over. For the unwinder "table", and not with
	 * raw: else -EINVAL. Outlives the session.
	 */
	struct egret_parser *parser;
	/*
	 * Label processes (struct egret_label) when they are first sampled, and after execve. Of
	 * their environment only OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES are kept.
	 */
	bool process_labels;
	bool from_exec; /* of the processes that are added nothing before their next execve */
	uint8_t reserved2[6];
	struct egret_grant *grant; /* <egret/grant.h>: says what is sampled. Only for this call */
};

struct egret_session;

/*
 * Prepares sampling: loads the BPF programs, opens the events. Nothing is sampled before
 * egret_session__start. Needs CAP_BPF and CAP_PERFMON (or root), or a grant.
 * Errors: -EPERM, -ESRCH (a PID that does not exist), -EINVAL (an option), -ENOENT (an event),
 * -ENOTSUP (this kernel lacks what the backend needs).
 */
int egret_session__open(const struct egret_session_opts *opts, struct egret_session **out,
			struct egret_error *err);
/*
 * In whichever state it is; NULL is nothing. A child of fork(2) may call it for its copy, or just
 * exit: the parent's goes on. It may do nothing else with it: rings are shared.
 */
void egret_session__destroy(struct egret_session *session);

/*
 * From now on the session writes its recording to fd (egret-data(5)), in whole blocks, at least
 * once a second while egret_session__poll is called. The descriptor stays the caller's, and must
 * live until egret_session__finish_output. It may be a pipe. A second call (after
 * egret_session__finish_output) starts another recording: that is --switch-output.
 */
int egret_session__set_output(struct egret_session *session, int fd, struct egret_error *err);

/* Ends the recording under way: symbols, accounting, end mark. */
int egret_session__finish_output(struct egret_session *session, struct egret_error *err);

/* Adds a process (and what it will fork) to a session of scope PROCESS. See from_exec. */
int egret_session__add_process(struct egret_session *session, pid_t pid, struct egret_error *err);

int egret_session__start(struct egret_session *session, struct egret_error *err);

/* Sampling off and on, without an effect on anything else. */
int egret_session__disable(struct egret_session *session, struct egret_error *err);
int egret_session__enable(struct egret_session *session, struct egret_error *err);

/*
 * Samples at another frequency (Hz) from now on, without a gap: all events that were opened by
 * frequency, on all CPUs. A sample's value is the period that it stands for, so that sums of values
 * stay what they mean; the frequency that a profile's events tell is the one at the start.
 * Errors: -EINVAL: 0, or events by period only; those of perf_event_open(2) with
 * PERF_EVENT_IOC_PERIOD, where the events before it have the new frequency already: -EINVAL above
 * kernel.perf_event_max_sample_rate.
 */
int egret_session__set_frequency(struct egret_session *session, uint64_t frequency,
				 struct egret_error *err);

/*
 * What of the session's targets is sampled; all conditions hold together, those of one list are
 * alternatives. Names are those of threads, whole: 15 bytes, as the kernel keeps them.
 */
struct egret_session_filter {
	size_t size;
	const pid_t *pids; /* only these thread groups */
	size_t n_pids;
	const pid_t *not_pids;
	size_t n_not_pids;
	const char *const *comms; /* only threads of these names */
	size_t n_comms;
	const char *const *not_comms; /* and not of these */
	size_t n_not_comms;
	bool only_user, only_kernel; /* only what is hit in that mode */
	uint8_t reserved[6];
};

/*
 * Samples only what the filter wants from now on, in place of the one before; NULL: all. What it
 * leaves out costs no stack, and is counted as filtered.rules.
 * Errors: -EINVAL; -E2BIG: more than 1,024 names and processes. The old filter goes on then.
 */
int egret_session__set_filter(struct egret_session *session,
			      const struct egret_session_filter *filter, struct egret_error *err);

/*
 * A descriptor for poll/epoll: readable when egret_session__poll has work, which is when a ring has
 * filled up by a quarter, and each latency_ms of the options. There is no need to call
 * egret_session__poll before. It stays the session's.
 */
int egret_session__fd(const struct egret_session *session);

/*
 * Waits up to timeout_ms (0: not at all, -1: until there is work) and processes what has arrived.
 * Returns 1 while there may be more targets to wait for, 0 when every process asked for has ended
 * (never in the scopes SYSTEM and CGROUP), or -errno.
 */
int egret_session__poll(struct egret_session *session, int timeout_ms, struct egret_error *err);

/*
 * Stops sampling, waits (at most a second) for captures under way, reads the stacks of threads
 * asleep in the kernel, and processes everything. The session can only be asked for its results
 * then.
 */
int egret_session__stop(struct egret_session *session, struct egret_error *err);

/* How far a session is: cheap, may be called at any time. */
struct egret_progress {
	size_t size;
	uint64_t elapsed_ns;
	uint64_t samples;
	uint64_t captures;
	uint64_t dropped;	/* samples and captures, all causes */
	uint64_t bytes_written; /* to the output */
};
int egret_session__progress(const struct egret_session *session, struct egret_progress *progress);

/* As egret_profile__each_stat, of the session so far. */
int egret_session__each_stat(const struct egret_session *session, egret_stat_fn fn, void *arg);

/*
 * What sampling has cost since the session was opened, on the whole machine. The times are those of
 * the session's BPF programs, as they measure it themselves: what the kernel does around them (the
 * interrupt, the exit to user mode) is not in it, nor is what the caller's threads spend in the
 * library. Cheap; by the thread that has the session.
 */
struct egret_cost {
	size_t size;
	uint64_t programs_ns;  /* CPU time in interrupts, and of the programs that follow tasks */
	uint64_t captures_ns;  /* that of captures, in the sampled threads; "inline": 0 */
	uint64_t interrupts;   /* runs of the sampling program */
	uint64_t captures;     /* of captures_ns; pages that had to be read from disk are not */
	uint64_t memory_bytes; /* what the session knows of code and processes */
	uint64_t ring_bytes;   /* rings, in the kernel's memory and mapped here */
	uint64_t files;	       /* that it knows: mapped here or, with a parser, open */
};
int egret_session__cost(const struct egret_session *session, struct egret_cost *cost);

/* The name of the capture backend in use: "task-work", "inline", ... */
const char *egret_session__backend(const struct egret_session *session);

/*
 * What the session saw that its user should know, one line each ("no cycles here, using
 * cpu-clock"). Returns the n-th, or NULL. The string lives as long as the session.
 */
const char *egret_session__notice(const struct egret_session *session, size_t n);

/* The profile so far (needs keep_profile). The caller owns it; it does not change afterwards. */
int egret_session__profile(struct egret_session *session, struct egret_profile **out,
			   struct egret_error *err);

/*
 * What was sampled since the last call, or the start, as a profile of its own, the caller's (needs
 * keep_profile): for live views. Costs what was sampled, not what was sampled ever; but what is
 * known of code (names, stacks) stays in the session, up to memory_limit of the options. Several
 * such profiles are put together by egret_profile__merge; their accounting adds up to the whole.
 * Errors: -EBUSY: the session has an output.
 */
int egret_session__take(struct egret_session *session, struct egret_profile **out,
			struct egret_error *err);

/*
 * Forgets what the session knows of unwind tables and names, and closes the files that no process
 * has mapped any more: what is needed again is read again. For sessions that run for weeks, right
 * after egret_session__take (which does it by itself beyond memory_limit), when the process has
 * grown too much; glibc gives the memory back with malloc_trim(3). No sample is lost: those that
 * wait for their stacks go on waiting.
 * Errors: -EBUSY: the session has an output or `raw`, or something was sampled that has not been
 * taken. After another (-ENOMEM) the session is only good to be destroyed.
 */
int egret_session__trim(struct egret_session *session, struct egret_error *err);

/* ---- replay -------------------------------------------------------------------------------- */

struct egret_replay_opts {
	size_t size;
	const char *unwinder; /* as in egret_session_opts */
	uint32_t max_frames;
	uint32_t threads; /* as in egret_session_opts */
};

/*
 * Runs maps, unwinding, symbols and aggregation again on a recording made with `raw`, and writes
 * the result as a new recording to fd. Needs no privileges.
 * Errors: as egret_profile__open; -ENODATA: the recording was made without `raw`.
 */
int egret_replay(const char *path, int fd, const struct egret_replay_opts *opts,
		 struct egret_error *err);

/* ---- import: recordings of other profilers -------------------------------------------------- */

struct egret_import_opts {
	size_t size;
	/* "perf-data", "perf-script", "folded", "pprof"; NULL: by what is in the file. */
	const char *format;
	/* Of perf.data only: stacks that perf has copied are unwound, and frames are named. */
	const char *unwinder; /* as in egret_session_opts */
	uint32_t max_frames;
	enum egret_demangle demangle;
	const char *const *debug_dirs; /* as in egret_session_opts */
	size_t n_debug_dirs;
	uint32_t threads; /* as in egret_session_opts */
	uint32_t reserved;
};

/*
 * Reads what another profiler has recorded ("-": standard input), and writes it as a recording to
 * fd, which stays the caller's. Files that stacks lead through are looked for on this machine, and
 * taken if they are those that were recorded. Needs no privileges.
 * Errors: -ENOENT, -EACCES, ...; -EBADMSG: damaged, or cut; -ENOTSUP: of a kind that is not read;
 * -EINVAL: an option.
 */
int egret_import(const char *path, int fd, const struct egret_import_opts *opts,
		 struct egret_error *err);

/* The name of the n-th format that egret_import knows; NULL at the end. */
const char *egret_import_format_name(size_t n);

/* ---- symbolizer: from addresses to functions, inlined callers and source lines -------------- */

struct egret_symbolizer_opts {
	size_t size;
	enum egret_demangle demangle;
	bool no_inlines;   /* one frame an address: its function, and the line of the address */
	bool file_offsets; /* of open_file: addresses are offsets in the file */
	uint8_t reserved[2];
	/* Threads that read DWARF when egret_symbolizer__find has many addresses: of several files
	 * at a time, or of several units of one. 0 and 1: the caller's own. */
	uint32_t threads;
	uint32_t reserved1;
	const char *debug_dir; /* searched for debug files before /usr/lib/debug; NULL: none */
	/*
	 * Where what was read of DWARF is kept for the next symbolizer, by build-id; not used where
	 * another user may write to it. NULL: nowhere.
	 */
	const char *cache_dir;
	uint64_t cache_size; /* bytes of all of its files; 0: the default, 512 MiB */
};

struct egret_symbolizer;

/*
 * For the addresses of one ELF file, as addr2line(1) and disassemblers give them: virtual addresses
 * of the file, whatever a process adds to them. What is found depends on the file as it is now: it
 * is kept open, and may be removed or replaced afterwards.
 * Errors: -ENOENT, -EACCES, ...; -ENOEXEC: not an ELF file; -ENOTSUP: one without addresses
 * (relocatable).
 */
int egret_symbolizer__open_file(const char *path, const struct egret_symbolizer_opts *opts,
				struct egret_symbolizer **out, struct egret_error *err);

/*
 * For the addresses of a process, by what is mapped there at this moment; its files are opened when
 * an address first falls into them, its jitdump and perf map likewise. Addresses of the kernel are
 * known too.
 * Errors: -ESRCH: no such process; -EACCES: its mappings may not be read.
 */
int egret_symbolizer__open_process(pid_t pid, const struct egret_symbolizer_opts *opts,
				   struct egret_symbolizer **out, struct egret_error *err);

/*
 * For the addresses of the running kernel, its modules and BPF programs; with inlined functions and
 * lines where the vmlinux of this build is found.
 * Errors: -EPERM: it hides them (kernel.kptr_restrict); -ENOENT: it does not tell them.
 */
int egret_symbolizer__open_kernel(const struct egret_symbolizer_opts *opts,
				  struct egret_symbolizer **out, struct egret_error *err);
/*
 * For the frames of a profile that are in one module (struct egret_frame): addresses are their
 * offsets. The file must still be the one that was sampled (by its build-id), or be found by its
 * build-id; of the kernel there must be a vmlinux.
 * Errors: -ENODATA: no such module in the profile; -ENOENT, -EACCES, ...; -ESTALE: another file is
 * in its place; -ENOTSUP: its code is in no file (JIT, vdso).
 */
int egret_symbolizer__open_module(const struct egret_profile *profile, const char *module,
				  const struct egret_symbolizer_opts *opts,
				  struct egret_symbolizer **out, struct egret_error *err);
/* Writes what is new to the cache first, which takes a moment after many addresses. */
void egret_symbolizer__destroy(struct egret_symbolizer *symbolizer);

/* What there is at one address. */
struct egret_location {
	uint64_t address; /* as it was asked for */
	/*
	 * The innermost function first; each but the last is inlined into the next one
	 * (EGRET_FRAME_F_INLINED), at the next one's line. There is one at least: where nothing is
	 * known it has a name made of module and offset (EGRET_FRAME_F_UNNAMED).
	 */
	const struct egret_frame *frames;
	size_t n_frames;
	const char *why; /* why name or line are not known, one sentence; NULL: they are */
};

/*
 * Calls fn for each of n addresses, in their order. The location and its frames are only valid
 * during the call; strings live as long as the symbolizer, and of a name, a file and a module there
 * is one each: equal pointers are equal strings. Many addresses at once cost less than one by one.
 * Stops when fn returns non-zero, and returns that; -ENOMEM. What is not found is no error.
 */
typedef int (*egret_location_fn)(const struct egret_location *location, void *arg);
int egret_symbolizer__find(struct egret_symbolizer *symbolizer, const uint64_t *addresses, size_t n,
			   egret_location_fn fn, void *arg, struct egret_error *err);

/* The machine code of a function, as it is in its file. Owned by the symbolizer. */
struct egret_function_code {
	const char *symbol;	    /* as linkers see it: "f.cold" is a function of its own */
	uint64_t address;	    /* of the first byte, as addresses of the symbolizer are */
	const unsigned char *bytes; /* of a file that may be cut short while it is mapped */
	size_t n_bytes;		    /* 1 MiB at most */
	uint64_t vaddr;		    /* of the first byte, as disassemblers show it */
	uint32_t machine;	    /* e_machine of elf(5): 62 is x86-64, 3 i386 */
	uint32_t reserved;
};

/*
 * The function that covers an address. Errors: -ENODATA: there is no symbol, or no code of it in
 * the file; -EINVAL: the symbolizer is not of a file.
 */
int egret_symbolizer__code(struct egret_symbolizer *symbolizer, uint64_t address,
			   struct egret_function_code *code, struct egret_error *err);

/* ---- unwind tables ------------------------------------------------------------------------- */

/*
 * Writes the rows by which frames of the ELF file at path are unwound to fd, a line each: see
 * egret-cfi(1). selector: NULL: all; "0x1234": the row of that address; else those of the function
 * of that name in the symbol table.
 * Errors: -ENOENT: no such file or function; -ENOEXEC: not an ELF file; -ENODATA: nothing is said
 * of it.
 */
int egret_cfi_dump(const char *path, const char *selector, int fd, struct egret_error *err);

/* ---- the cache: what is kept of programs, on disk by build-id ------------------------------ */

struct egret_cached {
	const char *kind;     /* "cfi", "symbols", "facts", ...; "file", "debug-file": added */
	const char *build_id; /* hexadecimal; of "facts" and "tables": another number */
	uint64_t size;	      /* bytes */
	int64_t time;	      /* when it was used last, or added: seconds since 1970 */
};

/*
 * Calls fn for each entry of the cache in dir (see egret_session_opts), in no order; strings are
 * valid during the call. Stops when fn returns non-zero, and returns that. -EPERM: the directory is
 * another user's, or others may write to it. One that is not there has no entries.
 */
typedef int (*egret_cached_fn)(const struct egret_cached *cached, void *arg);
int egret_cached__each(const char *dir, egret_cached_fn fn, void *arg, struct egret_error *err);

/*
 * Keeps a copy of an ELF file, so that later sessions find it by its build-id when it is gone or
 * stripped. Errors: -EEXIST: it is there; -ENOEXEC: not an ELF file, or one without a build-id;
 * -EPERM as above.
 */
int egret_cached__add_file(const char *dir, const char *path, struct egret_error *err);

/* Removes all entries. Returns how many. */
int egret_cached__purge(const char *dir, struct egret_error *err);

/* ---- doctor -------------------------------------------------------------------------------- */

enum egret_check_status { EGRET_CHECK_OK, EGRET_CHECK_WARN, EGRET_CHECK_MISSING };

struct egret_check {
	const char *name; /* "capture backend task-work" */
	enum egret_check_status status;
	const char *detail; /* what was found */
	const char *fix;    /* what to do; "" where there is nothing to do */
};

/*
 * Calls fn for each thing that sampling needs of this kernel and these privileges. Stops when fn
 * returns non-zero, and returns that.
 */
typedef int (*egret_check_fn)(const struct egret_check *check, void *arg);
int egret_doctor(egret_check_fn fn, void *arg);

/*
 * The events that this kernel offers by name, for completion and `egret help record`; NULL at the
 * end.
 */
const char *egret_event_name(size_t n);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif /* EGRET_EGRET_H */
