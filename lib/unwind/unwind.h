/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * unwind.h - registers and a read-the-stack callback in, frames out.
 *
 * An engine is pure: it opens no file, reads no process, and keeps nothing but caches. The session
 * gives it the ELF bytes of a module once (module_load), and per stack the registers, the captured
 * bytes and a reader of them, and a look-up from program counters to loaded modules.
 */
#ifndef EGRET_UNWIND_H
#define EGRET_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "bpf/reasons.h"
#include "elf/elf_file.h"

/*
 * The registers that unwinding follows, in DWARF's x86-64 numbering (System V ABI, figure 3.36):
 * 0 rax 1 rdx 2 rcx 3 rbx 4 rsi 5 rdi 6 rbp 7 rsp 8..15 r8..r15 16 return address (rip).
 * Other architectures have theirs in the same 32 slots: see arch.h.
 */
#define EGRET_UNWIND_NR_REGS 32
#define EGRET_X86_NR_REGS 17
#define EGRET_UNWIND_RBP 6
#define EGRET_UNWIND_RSP 7
#define EGRET_UNWIND_RIP 16

struct egret_unwind_regs {
	uint64_t r[EGRET_UNWIND_NR_REGS];
};

/* What an engine made of a module's CFI. One per module and engine. */
struct egret_unwind_module;

struct egret_arch;

/* What is at a program counter. Filled by the session's look-up. */
struct egret_code {
	struct egret_unwind_module *module; /* NULL: no CFI can be had (JIT code, file gone) */
	uint64_t bias;	 /* pc - bias is the virtual address in the module's ELF file */
	uint64_t cookie; /* the session's own, handed through to the frame */
};

struct egret_unwound_frame {
	uint64_t pc;
	uint64_t cookie; /* of struct egret_code */
	uint32_t flags;	 /* EGRET_FRAME_F_RETURN, _SIGNAL, _FRAME_POINTER, _RECOVERED */
	uint32_t reserved;
};

/*
 * Reads 8 bytes of user memory at addr. 0; -EFAULT: beyond what was captured; -ENXIO: a hole in
 * it.
 */
typedef int (*egret_read_stack_fn)(void *arg, uint64_t addr, uint64_t *value);
/* What is mapped at pc. False: nothing executable. */
typedef bool (*egret_find_code_fn)(void *arg, uint64_t pc, struct egret_code *code);

/* Code as far as it is known around a pc: the bytes of the addresses from start to end. */
struct egret_text {
	const uint8_t *bytes;
	uint64_t start, end;
	uint64_t id; /* not 0; where it is the same, the same code is at pc - bias */
	uint64_t bias;
	uint64_t entry; /* where the file's program begins; 0: not known */
};
/*
 * The code at pc. False: its bytes cannot be had. *text is good until the next call. Asked only
 * where there is no CFI, or CFI that leads nowhere.
 */
typedef bool (*egret_read_text_fn)(void *arg, uint64_t pc, struct egret_text *text);

struct egret_recovery; /* recover.h */
/* User memory at hand, from start on: read_stack has the same in it. Not all of the addresses. */
struct egret_stack_run {
	uint64_t start;
	uint64_t len; /* bytes */
	const uint8_t *bytes;
};

struct egret_unwind_request {
	struct egret_unwind_regs regs;
	egret_read_stack_fn read_stack;
	egret_find_code_fn find_code;
	egret_read_text_fn read_text;	 /* or NULL */
	void *arg;			 /* of all of them */
	struct egret_recovery *recovery; /* of this thread; NULL: code is not looked at */
	bool *needs_code; /* set, and the stack given up, where it would be; may be NULL */
	/* So that an engine need not call read_stack for each word. May be none. */
	const struct egret_stack_run *runs;
	size_t n_runs;
	/*
	 * Names all that find_code says: requests to one unwinder with the same number have the
	 * same answers, so an engine need not ask again. Numbers are rising, not used again after
	 * something was mapped or unmapped. 0: find_code is asked for every stack anew.
	 */
	uint64_t code_number;
	struct egret_unwound_frame *frames; /* room for max_frames, leaf first */
	size_t max_frames;
	const struct egret_arch *arch; /* of regs, see arch.h; NULL: x86-64 */
};

struct egret_unwind_result {
	size_t n_frames;
	enum egret_unwind_end end;
};

struct egret_unwinder;

/*
 * One engine. Each ends its file in one of these; egret_unwind_engines lists them, default first.
 */
struct egret_unwind_engine {
	const char *name;
	const char *text; /* one line for --help */
	int (*create)(struct egret_unwinder **out, struct egret_error *err);
	void (*destroy)(struct egret_unwinder *unwinder);
	/*
	 * elf: the module's file; debug: its separate debug file, or NULL (for .debug_frame). Both
	 * outlive the module. Lazy: reads nothing before the first frame in it.
	 */
	int (*module_load)(struct egret_unwinder *unwinder, const struct egret_elf *elf,
			   const struct egret_elf *debug, struct egret_unwind_module **out);
	void (*module_unload)(struct egret_unwinder *unwinder, struct egret_unwind_module *module);
	/*
	 * What was made of a module's file, so that it need not be made again; NULL: this engine
	 * has nothing that could be kept. kept_version: of the format, and of how it is made.
	 * module_import: before the first frame in it. bytes are at a multiple of 8, and outlive
	 * the module. False: they are not valid, or of another file, and are not used.
	 * module_export: 1: out has the bytes; 0: there is nothing new; -ENOMEM. Not for where
	 * somebody waits.
	 */
	uint32_t kept_version;
	bool (*module_import)(struct egret_unwind_module *module, const void *bytes, size_t size);
	int (*module_export)(struct egret_unwind_module *module, struct egret_buffer *out);
	/*
	 * Unwinders may run at the same time, each with modules of its own of the same files; NULL:
	 * they may not. Takes over what another one's module of this file has made, so that it is
	 * exported too. `from` has no frames any more, and is unloaded first.
	 */
	void (*module_take)(struct egret_unwind_module *module, struct egret_unwind_module *from);
	/* Bytes that were made of its file; NULL: nothing that grows. */
	size_t (*module_memory)(const struct egret_unwind_module *module);
	/* Fills request->frames; always at least the leaf. No system call once the CFI is read. */
	struct egret_unwind_result (*unwind)(struct egret_unwinder *unwinder,
					     const struct egret_unwind_request *request);
};

extern const struct egret_unwind_engine *const egret_unwind_engines[]; /* NULL at the end */
/* By name; NULL name: the default. NULL where there is no such engine. */
const struct egret_unwind_engine *egret_unwind_engine_find(const char *name);

#endif
