/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * unwind_live.h - stacks of the test program itself: registers, a copy of the stack, and what is
 * mapped where, to be unwound after the functions have long returned.
 */
#ifndef EGRET_UNWIND_LIVE_H
#define EGRET_UNWIND_LIVE_H

#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <egret/egret.h>

#include "test.h"
#include "unwind/engines.h"
#include "unwind/unwind.h"

#define MAX_LIVE_FRAMES 400

/* ---- what is mapped ------------------------------------------------------------------------- */

struct live_mapping {
	uint64_t start, end, pgoff;
	bool is_code;
	char path[200];
	struct egret_elf *elf; /* NULL: not a file */
	uint64_t bias;
	struct egret_unwind_module *module; /* of the engine that runs */
};

static struct live_mapping live_maps[4096];
static size_t n_live_maps;

static struct egret_elf *live_open(const struct live_mapping *m)
{
	struct egret_elf *elf = NULL;
	int fd;

	if (!strcmp(m->path, "[vdso]")) {
		egret_elf_open_memory((void *)m->start, m->end - m->start, m->path, &elf, NULL);
		return elf;
	}
	fd = m->path[0] == '/' ? open(m->path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		egret_elf_open_fd(fd, m->path, &elf, NULL);
		close(fd);
	}
	return elf;
}

/* Reads /proc/self/maps again; ELF files are opened anew. */
static void live_read_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[600], prot[5];

	for (size_t i = 0; i < n_live_maps; i++)
		egret_elf_destroy(live_maps[i].elf);
	n_live_maps = 0;
	while (f && fgets(line, sizeof(line), f) &&
	       n_live_maps < sizeof(live_maps) / sizeof(*live_maps)) {
		struct live_mapping *m = &live_maps[n_live_maps++];
		uint64_t vaddr;

		*m = (struct live_mapping){ 0 };
		sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %199s", &m->start,
		       &m->end, prot, &m->pgoff, m->path);
		m->is_code = prot[2] == 'x' && strcmp(m->path, "[vsyscall]");
		if (m->is_code)
			m->elf = live_open(m);
		if (m->elf && egret_elf_offset_to_vaddr(m->elf, m->pgoff, &vaddr))
			m->bias = m->start - vaddr;
	}
	if (f)
		fclose(f);
}

static struct live_mapping *live_mapping_at(uint64_t addr)
{
	for (size_t i = 0; i < n_live_maps; i++)
		if (addr >= live_maps[i].start && addr < live_maps[i].end)
			return &live_maps[i];
	return NULL;
}

/* ---- a stack -------------------------------------------------------------------------------- */

struct live_window {
	uint64_t start, len;
	uint8_t *bytes;
};

struct live_stack {
	struct egret_unwind_regs regs;
	struct live_window windows[2];
	size_t n_windows;
	void *oracle[MAX_LIVE_FRAMES]; /* of backtrace(3), beginning in the function that captured
					*/
	int n_oracle;
	uint64_t return_slot; /* where live_capture's return address is */
	uint64_t reads;	      /* how often the unwinder read a word */
};

static void live_copy_window(struct live_stack *s, uint64_t start)
{
	struct live_mapping *m = live_mapping_at(start);
	struct live_window *w = &s->windows[s->n_windows];

	if (!m)
		return;
	s->n_windows++;
	w->start = start;
	w->len = m->end - start;
	w->bytes = malloc(w->len);
	/* Through the kernel: the sanitizers watch over what a program reads of its stack. */
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	if (pread(fd, w->bytes, w->len, (off_t)start) != (ssize_t)w->len)
		printf("cannot read the stack\n");
	close(fd);
}

static void live_take_regs(struct egret_unwind_regs *regs, const ucontext_t *uc)
{
	static const int greg[EGRET_UNWIND_NR_REGS] = { REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI,
							REG_RDI, REG_RBP, REG_RSP, REG_R8,  REG_R9,
							REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
							REG_R15, REG_RIP };

	for (int i = 0; i < EGRET_UNWIND_NR_REGS; i++)
		regs->r[i] = (uint64_t)uc->uc_mcontext.gregs[greg[i]];
}

/* Makes the first frame that of live_capture, and the second the one that it returns to: the
 * sanitizers put a function of theirs between it and backtrace. */
static void live_trim_oracle(struct live_stack *s, const void *caller)
{
	int skip = 0;

	while (skip + 1 < s->n_oracle && s->oracle[skip + 1] != caller)
		skip++;
	s->n_oracle -= skip;
	memmove(s->oracle, s->oracle + skip, (size_t)s->n_oracle * sizeof(s->oracle[0]));
}

/* The stack from here up; other: a second stack to copy from that address on, or 0. */
__attribute__((noinline)) static void live_capture(struct live_stack *s, uint64_t other)
{
	ucontext_t uc;

	s->n_oracle = backtrace(s->oracle, MAX_LIVE_FRAMES);
	live_trim_oracle(s, __builtin_return_address(0));
	s->return_slot = (uint64_t)__builtin_dwarf_cfa() - 8;
	getcontext(&uc);
	live_take_regs(&s->regs, &uc);
	live_read_maps();
	live_copy_window(s, s->regs.r[EGRET_UNWIND_RSP]);
	if (other)
		live_copy_window(s, other);
}

/* The copy of live_capture's return address. */
static uint64_t *live_return_slot(struct live_stack *s)
{
	return (uint64_t *)(s->windows[0].bytes + (s->return_slot - s->windows[0].start));
}

static void live_free(struct live_stack *s)
{
	for (size_t i = 0; i < s->n_windows; i++)
		free(s->windows[i].bytes);
	free(s);
}

static int live_read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	struct live_stack *s = arg;

	s->reads++;
	for (size_t i = 0; i < s->n_windows; i++) {
		const struct live_window *w = &s->windows[i];

		if (addr >= w->start && w->len >= 8 && addr - w->start <= w->len - 8) {
			memcpy(value, w->bytes + (addr - w->start), 8);
			return 0;
		}
	}
	return -EFAULT;
}

static bool live_find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	static struct live_mapping *last;
	struct live_mapping *m = last;

	if (!m || pc < m->start || pc >= m->end)
		m = live_mapping_at(pc);
	if (!m || !m->is_code)
		return false;
	last = m;
	*code = (struct egret_code){ .module = m->module,
				     .bias = m->bias,
				     .cookie = (uint64_t)(m - live_maps) };
	return true;
}

/* ---- unwinding it --------------------------------------------------------------------------- */

struct live_result {
	struct egret_unwound_frame frames[MAX_LIVE_FRAMES];
	size_t n;
	enum egret_unwind_end end;
};

/* What is loaded now, for code_number. */
static uint64_t live_code_number;
/* Whether engines are given the bytes of the stack as such, or only a reader of them. */
static bool live_without_runs;

static void live_load(const struct egret_unwind_engine *engine, struct egret_unwinder *unwinder)
{
	live_code_number++;
	for (size_t i = 0; i < n_live_maps; i++)
		if (live_maps[i].elf)
			CHECK_EQ(engine->module_load(unwinder, live_maps[i].elf, NULL,
						     &live_maps[i].module),
				 0);
}

static void live_unload(const struct egret_unwind_engine *engine, struct egret_unwinder *unwinder)
{
	for (size_t i = 0; i < n_live_maps; i++) {
		engine->module_unload(unwinder, live_maps[i].module);
		live_maps[i].module = NULL;
	}
}

static void live_run(const struct egret_unwind_engine *engine, struct egret_unwinder *unwinder,
		     struct live_stack *s, size_t max_frames, struct live_result *out)
{
	const struct egret_stack_run runs[] = {
		{ s->windows[0].start, s->windows[0].len, s->windows[0].bytes },
		{ s->windows[1].start, s->windows[1].len, s->windows[1].bytes },
	};
	struct egret_unwind_request request = {
		.regs = s->regs,
		.runs = runs,
		.n_runs = live_without_runs ? 0 : s->n_windows,
		.code_number = live_code_number,
		.read_stack = live_read_stack,
		.find_code = live_find_code,
		.arg = s,
		.frames = out->frames,
		.max_frames = max_frames,
	};
	struct egret_unwind_result result = engine->unwind(unwinder, &request);

	out->n = result.n_frames;
	out->end = result.end;
}

/* With an engine of its own for this one stack. */
static void live_unwind(const struct egret_unwind_engine *engine, struct live_stack *s,
			struct live_result *out)
{
	struct egret_unwinder *unwinder;

	CHECK_EQ(engine->create(&unwinder, NULL), 0);
	live_load(engine, unwinder);
	live_run(engine, unwinder, s, MAX_LIVE_FRAMES, out);
	live_unload(engine, unwinder);
	engine->destroy(unwinder);
}

static void live_print(const struct live_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		printf("  #%zu %#" PRIx64 " %s flags %#x\n", i, r->frames[i].pc,
		       live_maps[r->frames[i].cookie].path, r->frames[i].flags);
	printf("  end %d\n", r->end);
}

#endif
