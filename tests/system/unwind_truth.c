/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * unwind_truth PROGRAM [ENGINE [WHICH]]: runs a program one instruction at a time, keeps a shadow
 * stack of its calls and returns, and holds what the engine unwinds against it at each.
 *
 * The program is tests/workloads/every_step.c, from its first instruction in the dynamic linker on:
 * it has what unwinders trip over. WHICH takes the CFI away from some of what is mapped: `program`,
 * or `all`. Prints each place where the two differ, and a last line:
 * steps=N checked=N wrong=N bare=N bare_right=N bare_cut=N bare_wrong=N signals=N deepest=N
 * bare: those with a frame that no CFI covers, of which are: right; cut, that is right up to where
 * the engine says that it does not know; and wrong. wrong: of those that have CFI throughout.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <egret/egret.h>

#include "unwind/engines.h"
#include "unwind/recover.h"
#include "unwind/table_module.h"

#define MAX_DEPTH 512
#define MAX_MAPS 64
#define STACK_MAX (256u << 10)
#define MAX_PLACES 40
#define PROGRAM "every_step"

/* ---- what is mapped ------------------------------------------------------------------------- */

struct map {
	uint64_t start, end, bias, text_bias;
	bool is_program;
	struct egret_elf *elf;
	struct egret_unwind_module *module;
	struct egret_table_module *tables; /* to tell what has no CFI */
};

struct entry {
	uint64_t pc;   /* where this call returns to, or what a signal interrupted */
	uint64_t slot; /* where the return address is */
	bool is_interrupted;
};

struct truth {
	pid_t pid;
	const struct egret_unwind_engine *engine;
	struct egret_unwinder *unwinder;
	struct egret_recovery *recovery;
	enum { BARE_NONE, BARE_PROGRAM, BARE_ALL } bare_files;
	struct map maps[MAX_MAPS];
	size_t n_maps;
	struct entry shadow[MAX_DEPTH];
	size_t depth, deepest;
	struct user_regs_struct regs;
	uint8_t stack[2][STACK_MAX]; /* where rsp is, and what the signal interrupted */
	uint64_t stack_start[2], stack_len[2];
	uint64_t steps, checked, wrong, bare, bare_right, bare_cut, signals;
	uint64_t places[MAX_PLACES]; /* that were told of */
	size_t n_places;
	bool in_program;
};

static size_t read_memory(pid_t pid, uint64_t addr, void *to, size_t len)
{
	struct iovec local = { to, len };
	struct iovec remote = { (void *)addr, len };
	ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	return got < 0 ? 0 : (size_t)got;
}

static struct egret_elf *open_mapped(struct truth *t, const char *path, uint64_t start,
				     uint64_t end)
{
	struct egret_elf *elf = NULL;
	uint8_t *bytes;
	int fd;

	if (!strcmp(path, "[vdso]")) {
		bytes = malloc(end - start);
		if (read_memory(t->pid, start, bytes, end - start) == end - start)
			egret_elf_open_memory(bytes, end - start, path, &elf, NULL);
		free(bytes);
		return elf;
	}
	fd = path[0] == '/' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		egret_elf_open_fd(fd, path, &elf, NULL);
		close(fd);
	}
	return elf;
}

/* The same file without its section headers and the header that leads to .eh_frame. */
static struct egret_elf *without_cfi(struct egret_elf *elf)
{
	struct egret_elf *bare = NULL;
	size_t size;
	const void *bytes = egret_elf_bytes(elf, &size);
	uint8_t *copy = malloc(size);
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)copy;
	Elf64_Phdr *phdr;

	memcpy(copy, bytes, size);
	ehdr->e_shoff = ehdr->e_shnum = ehdr->e_shstrndx = 0;
	phdr = (Elf64_Phdr *)(copy + ehdr->e_phoff);
	for (int i = 0; i < ehdr->e_phnum; i++)
		if (phdr[i].p_type == PT_GNU_EH_FRAME)
			phdr[i].p_type = PT_NULL;
	egret_elf_open_memory(copy, size, "bare", &bare, NULL);
	free(copy);
	return bare;
}

static bool is_bare(const struct truth *t, const struct map *m)
{
	return t->bare_files == BARE_ALL || (t->bare_files == BARE_PROGRAM && m->is_program);
}

static struct map *find_map(struct truth *t, uint64_t pc)
{
	for (size_t i = 0; i < t->n_maps; i++)
		if (pc >= t->maps[i].start && pc < t->maps[i].end)
			return &t->maps[i];
	return NULL;
}

/* Adds what has been mapped since. */
static void read_maps(struct truth *t)
{
	char name[40], line[600], prot[8], path[400];
	uint64_t start, end, pgoff, vaddr;
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/maps", (int)t->pid);
	f = fopen(name, "re");
	while (f && fgets(line, sizeof(line), f) && t->n_maps < MAX_MAPS) {
		struct map *m = &t->maps[t->n_maps];

		path[0] = '\0';
		sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %399s", &start, &end,
		       prot, &pgoff, path);
		if (prot[2] != 'x' || find_map(t, start))
			continue;
		*m = (struct map){ .start = start,
				   .end = end,
				   .elf = open_mapped(t, path, start, end) };
		if (m->elf && egret_elf_offset_to_vaddr(m->elf, pgoff, &vaddr)) {
			m->bias = start - vaddr;
			m->text_bias = start - pgoff;
			m->is_program = strstr(path, PROGRAM);
			if (is_bare(t, m))
				m->elf = without_cfi(m->elf);
			t->engine->module_load(t->unwinder, m->elf, NULL, &m->module);
			egret_table_module_create(m->elf, NULL, &m->tables);
		}
		t->n_maps++;
	}
	if (f)
		fclose(f);
}

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	struct truth *t = arg;
	struct map *m = find_map(t, pc);

	if (!m) {
		read_maps(t);
		m = find_map(t, pc);
	}
	*code = (struct egret_code){ 0 };
	if (!m)
		return false;
	*code = (struct egret_code){ .module = m->module, .bias = m->bias };
	return true;
}

static bool read_text(void *arg, uint64_t pc, struct egret_text *out)
{
	struct truth *t = arg;
	struct map *m = find_map(t, pc);
	const uint8_t *bytes;
	size_t size;

	if (!m || !m->elf)
		return false;
	bytes = egret_elf_bytes(m->elf, &size);
	*out = (struct egret_text){ .bytes = bytes + (m->start - m->text_bias),
				    .start = m->start,
				    .end = m->end,
				    .id = (uint64_t)(m - t->maps) + 1,
				    .bias = m->start };
	if (m->end - m->text_bias > size)
		out->end = m->text_bias + size;
	return pc < out->end;
}

static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	struct truth *t = arg;

	for (int i = 0; i < 2; i++) {
		if (addr < t->stack_start[i] || addr - t->stack_start[i] + 8 > t->stack_len[i])
			continue;
		memcpy(value, t->stack[i] + (addr - t->stack_start[i]), 8);
		return 0;
	}
	return -EFAULT;
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void take_regs(const struct user_regs_struct *u, struct egret_unwind_regs *regs)
{
	*regs = (struct egret_unwind_regs){ { u->rax, u->rdx, u->rcx, u->rbx, u->rsi, u->rdi,
					      u->rbp, u->rsp, u->r8, u->r9, u->r10, u->r11, u->r12,
					      u->r13, u->r14, u->r15, u->rip } };
}

static void copy_stack(struct truth *t, int which, uint64_t start)
{
	size_t got = 0, n;

	/* Page by page: the stack may end before. */
	while (got < STACK_MAX) {
		size_t want = 4096 - ((start + got) & 4095);

		if (want > STACK_MAX - got)
			want = STACK_MAX - got;
		n = read_memory(t->pid, start + got, t->stack[which] + got, want);
		got += n;
		if (n < want)
			break;
	}
	t->stack_start[which] = start;
	t->stack_len[which] = got;
}

static void copy_stacks(struct truth *t)
{
	t->stack_len[1] = 0;
	copy_stack(t, 0, t->regs.rsp);
	for (size_t i = t->depth; i-- > 0;)
		if (t->shadow[i].is_interrupted)
			copy_stack(t, 1, t->shadow[i].slot);
}

/* Or is where a program begins, whose end is told without. */
static bool has_cfi(struct truth *t, uint64_t pc, bool is_return)
{
	struct map *m = find_map(t, pc);
	struct egret_row row;
	bool is_lasting;

	if (!m || !m->tables)
		return false;
	row = egret_table_module_row(m->tables,
				     (struct egret_place){ pc - is_return - m->bias, is_return },
				     &is_lasting)
		      .row;
	return row.kind != EGRET_ROW_NONE || row.flags & EGRET_ROW_F_ENTRY;
}

static bool all_have_cfi(struct truth *t)
{
	if (!has_cfi(t, t->regs.rip, false))
		return false;
	for (size_t i = 0; i < t->depth; i++)
		if (!has_cfi(t, t->shadow[i].pc, !t->shadow[i].is_interrupted))
			return false;
	return true;
}

/* The frame above one that a signal interrupted is that of the kernel: it is no return address. */
static bool is_frame(const struct truth *t, const struct egret_unwound_frame *frame, size_t i)
{
	return frame->pc == t->shadow[t->depth - i].pc &&
	       !(frame->flags & EGRET_FRAME_F_RETURN) ==
		       (t->shadow[t->depth - i].is_interrupted ||
			(t->depth > i && t->shadow[t->depth - i - 1].is_interrupted));
}

/* What there is of the stack is right, and it is said that it is not all. */
static bool is_prefix(const struct truth *t, const struct egret_unwound_frame *frames,
		      const struct egret_unwind_result *r)
{
	bool equal = r->end != EGRET_UNWIND_ROOT && r->n_frames <= t->depth + 1;

	for (size_t i = 1; equal && i < r->n_frames; i++)
		equal = is_frame(t, &frames[i], i);
	return equal;
}

/* Whether this place was not told of before. */
static bool is_new_place(struct truth *t)
{
	for (size_t i = 0; i < t->n_places; i++)
		if (t->places[i] == t->regs.rip)
			return false;
	if (t->n_places == MAX_PLACES)
		return false;
	t->places[t->n_places++] = t->regs.rip;
	return true;
}

static void tell(struct truth *t, const struct egret_unwound_frame *frames,
		 const struct egret_unwind_result *r)
{
	const struct map *m = find_map(t, t->regs.rip);
	bool bare = !all_have_cfi(t), cut = bare && is_prefix(t, frames, r);

	t->bare_cut += cut;
	t->wrong += !bare;
	if (!is_new_place(t))
		return;
	printf("%s: %#" PRIx64 " of %s: %zu frames (%s), not %zu\n",
	       cut    ? "cut"
	       : bare ? "bare and wrong"
		      : "wrong",
	       m ? (uint64_t)t->regs.rip - m->bias : (uint64_t)t->regs.rip,
	       m && m->elf ? egret_elf_name(m->elf) : "?", r->n_frames,
	       egret_unwind_end_name((unsigned int)r->end), t->depth + 1);
	for (size_t i = 1; i < r->n_frames && i <= t->depth; i++)
		if (frames[i].pc != t->shadow[t->depth - i].pc) {
			printf("   frame %zu: %#" PRIx64 ", not %#" PRIx64 "\n", i, frames[i].pc,
			       t->shadow[t->depth - i].pc);
			break;
		}
}

static void check(struct truth *t)
{
	static struct egret_unwound_frame frames[MAX_DEPTH];
	struct egret_stack_run runs[2];
	struct egret_unwind_request request = { .read_stack = read_stack,
						.find_code = find_code,
						.read_text = read_text,
						.arg = t,
						.recovery = t->recovery,
						.runs = runs,
						.n_runs = 2,
						/* Nothing is unmapped. */
						.code_number = t->n_maps + 1,
						.frames = frames,
						.max_frames = MAX_DEPTH };
	struct egret_unwind_result r;
	bool equal;

	take_regs(&t->regs, &request.regs);
	copy_stacks(t);
	for (int i = 0; i < 2; i++)
		runs[i] = (struct egret_stack_run){ t->stack_start[i], t->stack_len[i],
						    t->stack[i] };
	r = t->engine->unwind(t->unwinder, &request);
	t->checked++;
	equal = r.end == EGRET_UNWIND_ROOT && r.n_frames == t->depth + 1;
	for (size_t i = 1; equal && i <= t->depth; i++)
		equal = is_frame(t, &frames[i], i);
	if (!all_have_cfi(t)) {
		t->bare++;
		t->bare_right += equal;
	}
	if (!equal)
		tell(t, frames, &r);
}

/* ---- the shadow stack ----------------------------------------------------------------------- */

static void push(struct truth *t, uint64_t pc, uint64_t slot, bool is_interrupted)
{
	if (t->depth == MAX_DEPTH - 1) {
		printf("the program calls too deep\n");
		exit(1);
	}
	t->shadow[t->depth++] = (struct entry){ pc, slot, is_interrupted };
	if (t->depth > t->deepest)
		t->deepest = t->depth;
}

enum op { OP_OTHER, OP_CALL, OP_RET, OP_SYSCALL };

static enum op decode(const uint8_t *code)
{
	while (*code == 0x3e || *code == 0xf2 || *code == 0xf3 || *code == 0x66 ||
	       (*code & 0xf0) == 0x40)
		code++;
	if (code[0] == 0xe8 || (code[0] == 0xff && (code[1] >> 3 & 7) == 2))
		return OP_CALL;
	if (code[0] == 0xc3 || code[0] == 0xc2)
		return OP_RET;
	if (code[0] == 0x0f && code[1] == 0x05)
		return OP_SYSCALL;
	return OP_OTHER;
}

static uint64_t word_at(struct truth *t, uint64_t addr)
{
	uint64_t word = 0;

	read_memory(t->pid, addr, &word, sizeof(word));
	return word;
}

/* What the instruction did, by what it was and where it led. */
static void follow(struct truth *t, enum op op, const struct user_regs_struct *before)
{
	if (op == OP_CALL && t->regs.rsp == before->rsp - 8) {
		push(t, word_at(t, t->regs.rsp), t->regs.rsp, false);
	} else if (op == OP_RET) {
		if (!t->depth || t->shadow[t->depth - 1].slot != before->rsp) {
			printf("the shadow stack is lost at %#llx\n", before->rip);
			exit(1);
		}
		t->depth--;
	} else if (op == OP_SYSCALL && before->rax == 15 && t->depth) {
		t->depth--;
	} else if (t->depth && t->regs.rip == t->shadow[t->depth - 1].pc &&
		   t->regs.rsp == t->shadow[t->depth - 1].slot + 8) {
		t->depth--; /* pop %rcx; jmp *%rcx */
	}
}

static bool step(struct truth *t)
{
	struct user_regs_struct before = t->regs;
	uint8_t code[16] = { 0 };
	int status, sig = 0;
	enum op op;

	read_memory(t->pid, before.rip, code, sizeof(code));
	op = decode(code);
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, t->pid, NULL, (void *)(intptr_t)sig) ||
		    waitpid(t->pid, &status, 0) < 0 || !WIFSTOPPED(status))
			return false;
		ptrace(PTRACE_GETREGS, t->pid, NULL, &t->regs);
		if (sig) { /* the handler's first instruction, and nothing was run */
			push(t, before.rip, before.rsp, true);
			push(t, word_at(t, t->regs.rsp), t->regs.rsp, false);
			t->signals++;
			return true;
		}
		if (WSTOPSIG(status) == SIGTRAP)
			break;
		/* The instruction was run, and a signal waits. */
		sig = WSTOPSIG(status);
		follow(t, op, &before);
		check(t);
		before = t->regs;
	}
	follow(t, op, &before);
	return true;
}

/* Whether the program proper has begun. */
static bool is_in_program(struct truth *t)
{
	const struct map *m;

	if (t->in_program)
		return true;
	m = find_map(t, t->regs.rip);
	if (!m)
		read_maps(t);
	m = find_map(t, t->regs.rip);
	t->in_program = m && m->is_program;
	return t->in_program;
}

static int run_truth(const char *program, const char *engine, const char *which)
{
	static struct truth t;
	int status;

	t.engine = egret_unwind_engine_find(engine);
	if (!t.engine || t.engine->create(&t.unwinder, NULL) || egret_recovery_create(&t.recovery))
		return 2;
	t.bare_files = !which ? BARE_NONE : strcmp(which, "all") ? BARE_PROGRAM : BARE_ALL;
	t.pid = fork();
	if (!t.pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(program, program, NULL);
		_exit(127);
	}
	if (waitpid(t.pid, &status, 0) < 0 || !WIFSTOPPED(status))
		return 2;
	ptrace(PTRACE_SETOPTIONS, t.pid, NULL, (void *)PTRACE_O_EXITKILL);
	ptrace(PTRACE_GETREGS, t.pid, NULL, &t.regs);
	do {
		/* The dynamic linker is many steps. */
		if (t.bare_files != BARE_ALL || is_in_program(&t))
			check(&t);
		t.steps++;
	} while (step(&t));
	printf("steps=%" PRIu64 " checked=%" PRIu64 " wrong=%" PRIu64 " bare=%" PRIu64
	       " bare_right=%" PRIu64 " bare_cut=%" PRIu64 " bare_wrong=%" PRIu64
	       " signals=%" PRIu64 " deepest=%zu\n",
	       t.steps, t.checked, t.wrong, t.bare, t.bare_right, t.bare_cut,
	       t.bare - t.bare_right - t.bare_cut, t.signals, t.deepest);
	return t.wrong != 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	return run_truth(argv[1], argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
}
