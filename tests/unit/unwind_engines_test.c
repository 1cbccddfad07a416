/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Each engine unwinds real stacks of this program, and glibc's backtrace says what is right. */
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "unwind_live.h"

/*
 * A function in a section of its own, whose bounds the linker tells. The sanitizers would put calls
 * of their own, and fake stacks, into it.
 */
#define FUNCTION(name)                                                                             \
	extern char __start_in_##name[], __stop_in_##name[];                                       \
	__attribute__((noinline, noclone, section("in_" #name),                                    \
		       no_sanitize("address", "undefined")))
#define IS_IN(pc, name) ((pc) > (uint64_t)__start_in_##name && (pc) <= (uint64_t)__stop_in_##name)
#define AFTER_CALL() asm volatile("" ::: "memory") /* so that the call before it is no jump */

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1 /* all functions but those above have frame pointers */
#else
#define SANITIZED 0
#endif

static struct live_stack *captured;

/* The same frames as backtrace found (its first is in live_capture), with both engines, to a root.
 */
static void check_against_backtrace(struct live_stack *s, struct live_result *out)
{
	for (size_t e = 0; egret_unwind_engines[e]; e++) {
		int before = test_failures;
		static struct live_result without;

		live_without_runs = true;
		live_unwind(egret_unwind_engines[e], s, &without);
		live_without_runs = false;
		live_unwind(egret_unwind_engines[e], s, out);
		CHECK_EQ(without.end, out->end);
		CHECK_EQ(without.n, out->n);
		CHECK(!memcmp(without.frames, out->frames, out->n * sizeof(out->frames[0])));
		CHECK_EQ(out->end, EGRET_UNWIND_ROOT);
		CHECK_EQ(out->n, s->n_oracle);
		for (size_t i = 1; i < out->n && i < (size_t)s->n_oracle; i++)
			CHECK_EQ(out->frames[i].pc, (uint64_t)s->oracle[i]);
		CHECK_EQ(out->frames[0].flags, 0);
		if (test_failures != before) {
			printf("%s:\n", egret_unwind_engines[e]->name);
			live_print(out);
		}
	}
}

static struct live_stack *new_stack(void)
{
	captured = calloc(1, sizeof(*captured));
	return captured;
}

/* ---- calls ---------------------------------------------------------------------------------- */

FUNCTION(recurse) static void recurse(int depth)
{
	volatile char buffer[100];

	buffer[0] = (char)depth;
	if (depth)
		recurse(depth - 1);
	else
		live_capture(captured, 0);
	AFTER_CALL();
	(void)buffer[0];
}

static void recursion(void)
{
	static const int depths[] = { 0, 1, 7, 200 };
	static struct live_result r;

	for (size_t i = 0; i < sizeof(depths) / sizeof(*depths); i++) {
		struct live_stack *s = new_stack();

		recurse(depths[i]);
		check_against_backtrace(s, &r);
		for (int k = 0; k <= depths[i]; k++) {
			CHECK(IS_IN(r.frames[1 + k].pc, recurse));
			CHECK_EQ(r.frames[1 + k].flags, EGRET_FRAME_F_RETURN);
		}
		CHECK(!IS_IN(r.frames[2 + depths[i]].pc, recurse));
		live_free(s);
	}
}

FUNCTION(with_alloca) static void with_alloca(size_t n)
{
	volatile char *p = alloca(n);

	p[0] = p[n - 1] = 1;
	recurse(1);
	AFTER_CALL();
}

/* Its CFA is an expression: the stack is aligned to more than the ABI's 16 bytes. */
FUNCTION(with_alignment) static void with_alignment(size_t n)
{
	volatile char wide[64] __attribute__((aligned(64)));
	volatile char *p = alloca(n);

	wide[0] = p[0] = 1;
	(void)wide[0];
	with_alloca(n);
	AFTER_CALL();
}

static void cfa_from_rbp_and_expression(void)
{
	static struct live_result r;

	for (size_t n = 1; n < 5000; n += 1234) {
		struct live_stack *s = new_stack();

		with_alignment(n);
		check_against_backtrace(s, &r);
		CHECK(IS_IN(r.frames[3].pc, with_alloca));
		CHECK(IS_IN(r.frames[4].pc, with_alignment));
		live_free(s);
	}
}

/* Its CFA is rbx + 16, as in the trampolines of the dynamic linker: it is found only by knowing
 * where the functions that it calls have put rbx. */
asm(".pushsection .text\n"
    "cfa_by_rbx: .cfi_startproc\n"
    "	push %rbx\n"
    "	.cfi_adjust_cfa_offset 8\n"
    "	.cfi_rel_offset %rbx, 0\n"
    "	mov %rsp, %rbx\n"
    "	.cfi_def_cfa %rbx, 16\n"
    "	sub $128, %rsp\n"
    "	and $-64, %rsp\n"
    "	call *%rdi\n"
    "after_cfa_by_rbx:\n"
    "	mov %rbx, %rsp\n"
    "	.cfi_def_cfa %rsp, 16\n"
    "	pop %rbx\n"
    "	.cfi_adjust_cfa_offset -8\n"
    "	ret\n"
    "	.cfi_endproc\n"
    ".popsection");
extern void cfa_by_rbx(void (*callee)(void));
extern char after_cfa_by_rbx[];

FUNCTION(clobbers_rbx) static void clobbers_rbx(void)
{
	asm volatile("xor %%ebx, %%ebx" ::: "rbx");
	recurse(2);
	AFTER_CALL();
}

FUNCTION(keeps_rbx) static void keeps_rbx(void)
{
	recurse(0);
	AFTER_CALL();
}

static void cfa_from_rbx(void)
{
	void (*const callee[])(void) = { clobbers_rbx, keeps_rbx };
	static struct live_result r;

	for (int i = 0; i < 2; i++) {
		struct live_stack *s = new_stack();

		cfa_by_rbx(callee[i]);
		check_against_backtrace(s, &r);
		CHECK_EQ(r.frames[i ? 3 : 5].pc, (uint64_t)after_cfa_by_rbx);
		live_free(s);
	}
}

FUNCTION(compare) static int compare(const void *a, const void *b)
{
	if (!captured->n_windows)
		live_capture(captured, 0);
	AFTER_CALL();
	return *(const int *)a - *(const int *)b;
}

static void callback_of_qsort(void)
{
	struct live_stack *s = new_stack();
	static struct live_result r;
	int numbers[] = { 3, 1, 2 };

	qsort(numbers, 3, sizeof(int), compare);
	check_against_backtrace(s, &r);
	CHECK(IS_IN(r.frames[1].pc, compare));
	/* All the callee-saved registers that libc pushed are found again in this function. */
	/* The sanitizers bring a qsort of their own. */
	CHECK(SANITIZED || strstr(live_maps[r.frames[2].cookie].path, "libc"));
	live_free(s);
}

FUNCTION(thread_start) static void *thread_start(void *arg)
{
	recurse(3);
	AFTER_CALL();
	return arg;
}

static void thread(void)
{
	struct live_stack *s = new_stack();
	static struct live_result r;
	pthread_t t;

	pthread_create(&t, NULL, thread_start, NULL);
	pthread_join(t, NULL);
	check_against_backtrace(s, &r);
	CHECK(IS_IN(r.frames[5].pc, thread_start));
	CHECK(r.n >= 8); /* start_thread and clone3 */
	live_free(s);
}

/* ---- signals -------------------------------------------------------------------------------- */

/* Faults at its first byte: one less would be in what is before it. */
asm(".pushsection .text\n"
    "	.p2align 4\n"
    "	nop\n"
    "fault:	.cfi_startproc\n"
    "	ud2\n"
    "	ret\n"
    "	.cfi_endproc\n"
    ".popsection");
extern void fault(void);

FUNCTION(on_signal) static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uint64_t interrupted_sp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
	bool is_elsewhere = interrupted_sp - (uint64_t)__builtin_frame_address(0) > 1 << 20;

	live_capture(captured, is_elsewhere ? interrupted_sp : 0);
	uc->uc_mcontext.gregs[REG_RIP] += 2;
}

FUNCTION(call_fault) static void call_fault(void)
{
	fault();
	AFTER_CALL();
}

static void check_signal_stack(int flags)
{
	struct sigaction act = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags };
	struct live_stack *s = new_stack();
	static struct live_result r;

	sigaction(SIGILL, &act, NULL);
	call_fault();
	signal(SIGILL, SIG_DFL);
	check_against_backtrace(s, &r);
	CHECK(IS_IN(r.frames[1].pc, on_signal));
	CHECK_EQ(r.frames[1].flags, EGRET_FRAME_F_RETURN);
	CHECK_EQ(r.frames[2].flags, EGRET_FRAME_F_SIGNAL);
	CHECK_EQ(r.frames[3].pc, (uint64_t)fault);
	CHECK_EQ(r.frames[3].flags, 0);
	CHECK(IS_IN(r.frames[4].pc, call_fault));
	CHECK_EQ(r.frames[4].flags, EGRET_FRAME_F_RETURN);
	CHECK_EQ(s->n_windows, flags & SA_ONSTACK ? 2 : 1);
	live_free(s);
}

static void signal_handler(void)
{
	check_signal_stack(0);
}

static void signal_handler_on_alternate_stack(void)
{
	stack_t alternate = { .ss_size = 256 << 10 }, old;

	/* Above and below the thread's own stack, as it comes. */
	alternate.ss_sp = mmap(NULL, alternate.ss_size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&alternate, &old);
	check_signal_stack(SA_ONSTACK);
	sigaltstack(&old, NULL);
	munmap(alternate.ss_sp, alternate.ss_size);
}

/* ---- endings -------------------------------------------------------------------------------- */

static void cut_stacks_say_why(void)
{
	struct live_stack *s = new_stack();
	static struct live_result whole, r;
	uint64_t len;

	recurse(5);
	len = s->windows[0].len;
	for (size_t e = 0; egret_unwind_engines[e]; e++) {
		const struct egret_unwind_engine *engine = egret_unwind_engines[e];
		struct egret_unwinder *unwinder;

		live_unwind(engine, s, &whole);
		CHECK_EQ(engine->create(&unwinder, NULL), 0);
		live_load(engine, unwinder);
		live_run(engine, unwinder, s, whole.n, &r);
		CHECK_EQ(r.end, EGRET_UNWIND_ROOT);
		CHECK_EQ(r.n, whole.n);
		live_run(engine, unwinder, s, whole.n - 1, &r);
		CHECK_EQ(r.end, EGRET_UNWIND_FRAME_LIMIT);
		CHECK_EQ(r.n, whole.n - 1);
		live_run(engine, unwinder, s, 1, &r);
		CHECK_EQ(r.end, EGRET_UNWIND_FRAME_LIMIT);
		CHECK_EQ(r.n, 1);
		/* Up to the frame of the third recurse. */
		s->windows[0].len = 0;
		live_run(engine, unwinder, s, MAX_LIVE_FRAMES, &r);
		CHECK_EQ(r.end, EGRET_UNWIND_TRUNCATED);
		CHECK_EQ(r.n, 1);
		for (s->windows[0].len = 8; s->windows[0].len < len; s->windows[0].len += 8) {
			live_run(engine, unwinder, s, MAX_LIVE_FRAMES, &r);
			if (r.end == EGRET_UNWIND_ROOT)
				break;
			CHECK_EQ(r.end, EGRET_UNWIND_TRUNCATED);
			for (size_t i = 0; i < r.n; i++)
				CHECK_EQ(r.frames[i].pc, whole.frames[i].pc);
		}
		s->windows[0].len = len;
		live_unload(engine, unwinder);
		engine->destroy(unwinder);
	}
	live_free(s);
}

static void calls_of_bad_pointers(void)
{
	static const uint64_t bad[] = { 0, 8, 0x1234567890, 0xffff800000000000 };
	static struct live_result whole, r;
	struct live_stack *s = new_stack();
	uint64_t *sp;

	recurse(2);
	sp = live_return_slot(s);
	for (size_t e = 0; egret_unwind_engines[e]; e++) {
		live_unwind(egret_unwind_engines[e], s, &whole);
		/* As if live_capture's caller had called a bad pointer: rsp at the return address.
		 */
		CHECK_EQ(*sp, whole.frames[1].pc);
		for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
			struct egret_unwind_regs regs = s->regs;

			s->regs.r[EGRET_UNWIND_RIP] = bad[i];
			s->regs.r[EGRET_UNWIND_RSP] = s->return_slot;
			live_unwind(egret_unwind_engines[e], s, &r);
			CHECK_EQ(r.frames[0].pc, bad[i]);
			CHECK_EQ(r.frames[0].flags, EGRET_FRAME_F_RECOVERED);
			CHECK_EQ(r.frames[1].pc, whole.frames[1].pc);
			if (!SANITIZED) /* rbp is live_capture's */
				CHECK_EQ(r.frames[2].pc, whole.frames[2].pc);
			*sp ^= 1ull << 62;
			s->regs.r[EGRET_UNWIND_RBP] = 3;
			live_unwind(egret_unwind_engines[e], s, &r);
			CHECK_EQ(r.end, EGRET_UNWIND_NO_MODULE);
			CHECK_EQ(r.n, 1);
			*sp ^= 1ull << 62;
			s->regs = regs;
		}
	}
	live_free(s);
}

static void return_address_outside(void)
{
	static struct live_result whole, r;
	struct live_stack *s = new_stack();
	uint64_t *sp;

	recurse(2);
	sp = live_return_slot(s);
	for (size_t e = 0; egret_unwind_engines[e]; e++) {
		live_unwind(egret_unwind_engines[e], s, &whole);
		CHECK_EQ(*sp, whole.frames[1].pc);
		*sp = (uint64_t)s; /* mapped, and not executable */
		live_unwind(egret_unwind_engines[e], s, &r);
		CHECK_EQ(r.end, EGRET_UNWIND_NO_MODULE);
		CHECK_EQ(r.n, 1);
		*sp = 0;
		live_unwind(egret_unwind_engines[e], s, &r);
		CHECK_EQ(r.end, EGRET_UNWIND_ROOT);
		CHECK_EQ(r.n, 1);
		*sp = whole.frames[1].pc;
	}
	live_free(s);
}

/* ---- PLT ------------------------------------------------------------------------------------ */

/* The CFA of a PLT entry is an expression: rsp + 8, and 8 more once the entry has pushed its
 * number, which is 11 bytes into its 16. */
static void plt_entry(void)
{
	struct live_stack *s = new_stack();
	static struct live_result whole, r;
	struct live_mapping *m;
	struct egret_section plt;

	recurse(2);
	m = live_mapping_at((uint64_t)plt_entry);
	CHECK(egret_elf_section(m->elf, ".plt", &plt) && plt.size >= 48);
	for (size_t e = 0; egret_unwind_engines[e]; e++) {
		struct egret_unwind_regs regs = s->regs;

		live_unwind(egret_unwind_engines[e], s, &whole);
		s->regs.r[EGRET_UNWIND_RIP] = m->bias + plt.shdr.sh_addr + 32;
		s->regs.r[EGRET_UNWIND_RSP] = s->return_slot;
		live_unwind(egret_unwind_engines[e], s, &r);
		CHECK_EQ(r.frames[1].pc, whole.frames[1].pc);
		CHECK_EQ(r.frames[0].flags, 0);
		s->regs.r[EGRET_UNWIND_RIP] += 11;
		s->regs.r[EGRET_UNWIND_RSP] = s->return_slot - 8;
		live_unwind(egret_unwind_engines[e], s, &r);
		CHECK_EQ(r.frames[1].pc, whole.frames[1].pc);
		CHECK_EQ(r.frames[0].flags, 0);
		s->regs = regs;
	}
	live_free(s);
}

/* ---- the cache ------------------------------------------------------------------------------ */

static uint64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void check_lookups(const char *name, uint64_t (*count)(const struct egret_unwinder *))
{
	const struct egret_unwind_engine *engine = egret_unwind_engine_find(name);
	struct live_stack *s = new_stack();
	struct egret_unwinder *unwinder;
	static struct live_result first, r;
	uint64_t lookups, start;

	recurse(100);
	CHECK_EQ(engine->create(&unwinder, NULL), 0);
	live_load(engine, unwinder);
	live_run(engine, unwinder, s, MAX_LIVE_FRAMES, &first);
	lookups = count(unwinder);
	/* 99 of the frames are at one and the same place. */
	CHECK_EQ(lookups, first.n - 99);
	s->reads = 0;
	start = nanoseconds();
	for (int i = 0; i < 1000; i++)
		live_run(engine, unwinder, s, MAX_LIVE_FRAMES, &r);
	printf("%s: %.1f ns a frame, hot\n", name,
	       (double)(nanoseconds() - start) / 1000 / (double)r.n);
	CHECK_EQ(count(unwinder), lookups);
	CHECK_EQ(r.n, first.n);
	CHECK(!memcmp(r.frames, first.frames, r.n * sizeof(r.frames[0])));
	/* The return address, and few saved registers that a CFA needs: but with sanitizers, every
	 * CFA is by rbp. */
	CHECK(s->reads / 1000 <= r.n * (SANITIZED ? 2 : 1) + 10);
	/* A module that is loaded again is another one: its rows are not those of the old. */
	live_unload(engine, unwinder);
	live_load(engine, unwinder);
	live_run(engine, unwinder, s, MAX_LIVE_FRAMES, &r);
	CHECK_EQ(count(unwinder), 2 * lookups);
	CHECK_EQ(r.n, first.n);
	live_unload(engine, unwinder);
	engine->destroy(unwinder);
	live_free(s);
}

static bool find_no_code(void *arg, uint64_t pc, struct egret_code *code)
{
	return false;
}

/* Nothing of one code number is served under another, or where there is none. */
static void code_numbers(void)
{
	const struct egret_unwind_engine *engine = egret_unwind_engine_find("table");
	const uint64_t numbers[] = { 1, 2, 3, 70000, 1ull << 30, (1ull << 30) + 1, UINT64_MAX, 0 };
	struct live_stack *s = new_stack();
	struct egret_unwinder *unwinder;
	static struct live_result whole, r;
	uint64_t lookups;

	recurse(5);
	CHECK_EQ(engine->create(&unwinder, NULL), 0);
	live_load(engine, unwinder);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		struct egret_unwind_request request = {
			.regs = s->regs,
			.read_stack = live_read_stack,
			.find_code = find_no_code,
			.arg = s,
			.code_number = numbers[i],
			.frames = r.frames,
			.max_frames = MAX_LIVE_FRAMES,
		};

		CHECK_EQ(engine->unwind(unwinder, &request).end, EGRET_UNWIND_NO_MODULE);
		live_code_number = numbers[i];
		lookups = egret_engine_table_lookups(unwinder);
		live_run(engine, unwinder, s, MAX_LIVE_FRAMES, &whole);
		CHECK_EQ(whole.end, EGRET_UNWIND_ROOT);
		CHECK(egret_engine_table_lookups(unwinder) > lookups);
		lookups = egret_engine_table_lookups(unwinder);
		live_run(engine, unwinder, s, MAX_LIVE_FRAMES, &r);
		CHECK_EQ(egret_engine_table_lookups(unwinder) > lookups, !numbers[i]);
		CHECK_EQ(r.n, whole.n);
	}
	live_unload(engine, unwinder);
	engine->destroy(unwinder);
	live_free(s);
}

static void rows_are_looked_up_once(void)
{
	check_lookups("table", egret_engine_table_lookups);
	check_lookups("libdw", egret_engine_libdw_lookups);
}

static void libunwind_does_the_work(void)
{
	const struct egret_unwind_engine *engine = egret_unwind_engine_find("libunwind");
	struct live_stack *s = new_stack();
	struct egret_unwinder *unwinder;
	static struct live_result r;

	recurse(10);
	CHECK_EQ(engine->create(&unwinder, NULL), 0);
	live_load(engine, unwinder);
	live_run(engine, unwinder, s, MAX_LIVE_FRAMES, &r);
	CHECK(r.n > 11);
	CHECK_EQ(egret_engine_libunwind_steps(unwinder), r.n - 1); /* all but the root */
	live_unload(engine, unwinder);
	engine->destroy(unwinder);
	live_free(s);
}

static void engines_by_name(void)
{
	CHECK_STR(egret_unwind_engine_find(NULL)->name, "table");
	CHECK_STR(egret_unwind_engine_find("table")->name, "table");
	CHECK_STR(egret_unwind_engine_find("libdw")->name, "libdw");
	CHECK_STR(egret_unwind_engine_find("libunwind")->name, "libunwind");
	CHECK(!egret_unwind_engine_find("libd"));
	CHECK(!egret_unwind_engine_find(""));
}

int main(void)
{
	RUN(engines_by_name);
	RUN(recursion);
	RUN(cfa_from_rbp_and_expression);
	RUN(cfa_from_rbx);
	RUN(callback_of_qsort);
	RUN(thread);
	RUN(signal_handler);
	RUN(signal_handler_on_alternate_stack);
	RUN(cut_stacks_say_why);
	RUN(calls_of_bad_pointers);
	RUN(return_address_outside);
	RUN(plt_entry);
	RUN(code_numbers);
	RUN(rows_are_looked_up_once);
	RUN(libunwind_does_the_work);
	return DONE();
}
