/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "elf_fixture.h"
#include "pipeline_fixture.h"

/* ---- samples and their captures ------------------------------------------------------------- */

static void sample_then_capture(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1, .comm = "main", .ip = A + 0x10 });
	CHECK_EQ(egret_pipeline_stats(w.p)->pending, 1);
	CHECK_STR(shown(&w), "");
	check_sums(&w);
	put_capture(&w, (struct capture){ .pid = 7,
					  .cookie = 1,
					  .pc = A + 0x10,
					  .stack = { A + 0x100, B + 0x200 } });
	CHECK_STR(shown(&w), "seven/main:[b+0x1200];[a+0x1100];[a+0x1010] 1 whole root\n");
	CHECK_EQ(egret_pipeline_stats(w.p)->pending, 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->captures, 1);
	CHECK_EQ(egret_pipeline_stats(w.p)->captures_unused, 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->frames, 3);
	CHECK_EQ(egret_pipeline_stats(w.p)->user_hits, 1);
	CHECK_EQ(egret_pipeline_stats(w.p)->user_hits_equal, 1);
	check_sums(&w);
	CHECK_EQ(modules_loaded, 2);
	deinit(&w);
}

/* Samples of one kernel entry have one capture: those before it and those that come after. */
static void shared_cookies(void)
{
	struct world w;

	init(&w);
	for (int i = 0; i < 3; i++)
		put_sample(&w, (struct sample){ .pid = 7, .cookie = 5 });
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 5, .kernel = { KERNEL + 0x2010 } });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 5, .pc = A });
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 5 });
	CHECK_STR(shown(&w), "seven/thread:[a+0x1000] 4 whole root\n"
			     "seven/thread:[a+0x1000];vfs_read 1 whole root\n");
	check_sums(&w);
	deinit(&w);
}

/* A process that was there before is known by its own name, whichever thread is sampled first. */
static void name_of_a_process_that_was_there(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .tid = 77, .cookie = 1, .comm = "worker" });
	put_capture(&w, (struct capture){ .pid = 7, .tid = 77, .cookie = 1, .pc = A });
	put_sample(&w, (struct sample){ .pid = 7, .tid = 77, .cookie = 2, .comm = "worker" });
	put_capture(&w, (struct capture){ .pid = 7, .tid = 77, .cookie = 2, .pc = A });
	CHECK_STR(shown(&w), "seven/worker:[a+0x1000] 2 whole root\n");
	CHECK_EQ(w.processes[0].reads, 1);
	deinit(&w);
}

/* Threads that wait at the same time do not take each other's captures. */
static void interleaved_threads(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .tid = 71, .cookie = 1, .comm = "one" });
	put_sample(&w, (struct sample){ .pid = 7, .tid = 72, .cookie = 2, .comm = "two" });
	put_sample(&w, (struct sample){ .pid = 7, .tid = 71, .cookie = 1, .comm = "one" });
	put_capture(&w, (struct capture){ .pid = 7, .tid = 72, .cookie = 2, .pc = B });
	put_capture(&w, (struct capture){ .pid = 7, .tid = 71, .cookie = 1, .pc = A });
	CHECK_STR(shown(&w), "seven/two:[b+0x1000] 1 whole root\n"
			     "seven/one:[a+0x1000] 2 whole root\n");
	check_sums(&w);
	deinit(&w);
}

/* A thread that exits or changes its image is captured before; what comes from the interrupt later
 * fits. */
static void capture_before_sample(void)
{
	struct world w;

	init(&w);
	put_capture(
		&w,
		(struct capture){
			.pid = 7, .cookie = 9, .also = 8, .pc = A, .flags = EGRET_CAPTURE_F_EXIT });
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 9 });
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 8 });
	CHECK_STR(shown(&w), "seven/thread:[a+0x1000] 2 whole root\n");
	CHECK_EQ(egret_pipeline_stats(w.p)->pending, 0);
	/* Another thread of that number is another thread. */
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 9, .start_time = 1 });
	CHECK_EQ(egret_pipeline_stats(w.p)->pending, 1);
	CHECK_EQ(egret_pipeline_end(w.p, false, NULL), 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->captures_unused, 0);
	check_sums(&w);
	deinit(&w);
}

static void also_answers_what_waits(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 3, .kernel = { KERNEL + 0x1000 } });
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 3 });
	put_capture(
		&w,
		(struct capture){
			.pid = 7, .cookie = 4, .also = 3, .pc = B, .flags = EGRET_CAPTURE_F_EXEC });
	CHECK_STR(shown(&w), "seven/thread:[b+0x1000];do_syscall 1 whole root\n"
			     "seven/thread:[b+0x1000] 1 whole root\n");
	CHECK_EQ(egret_pipeline_stats(w.p)->captures_unused, 0);
	check_sums(&w);
	deinit(&w);
}

/* Captures that no sample needed are counted, once each, however they are forgotten. */
static void unused_captures(void)
{
	struct world w;

	init(&w);
	for (uint64_t i = 1; i <= 3; i++)
		put_capture(&w, (struct capture){ .pid = 7, .cookie = i, .pc = A, .time = i });
	CHECK_EQ(egret_pipeline_stats(w.p)->captures_unused, 2);
	put_capture(&w, (struct capture){ .pid = 7, .tid = 70, .cookie = 9, .pc = A, .time = 4 });
	CHECK_EQ(egret_pipeline_tidy(w.p, 100000000000ull, NULL), 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->captures_unused, 4);
	CHECK_EQ(egret_pipeline_end(w.p, false, NULL), 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->captures_unused, 4);
	CHECK_STR(shown(&w), "");
	deinit(&w);
}

/* A thread asks for one capture at a time: the request before was lost. */
static void lost_captures(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1, .kernel = { KERNEL + 0x1000 } });
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 2 });
	CHECK_STR(shown(&w), "seven/thread:[cut: lost];do_syscall 1 lost no-capture\n");
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 2, .pc = A });
	CHECK_STR(shown(&w), "seven/thread:[cut: lost];do_syscall 1 lost no-capture\n"
			     "seven/thread:[a+0x1000] 1 whole root\n");
	check_sums(&w);
	deinit(&w);
}

static void pending_at_the_end(void)
{
	for (int asleep = 0; asleep < 2; asleep++) {
		struct world w;

		init(&w);
		put_sample(&w, (struct sample){ .pid = 7, .tid = 70, .cookie = 1 });
		put_sample(&w, (struct sample){ .pid = 7, .tid = 71, .cookie = 2 });
		put_sample(&w, (struct sample){ .pid = 7, .tid = 71, .cookie = 2 });
		CHECK_EQ(egret_pipeline_end(w.p, asleep, NULL), 0);
		CHECK_EQ(egret_pipeline_stats(w.p)->pending, 0);
		CHECK_STR(shown(&w),
			  asleep ? "seven/thread:[cut: asleep-unreadable] 1 asleep-unreadable "
				   "no-capture\n"
				   "seven/thread:[cut: asleep-unreadable] 2 asleep-unreadable "
				   "no-capture\n"
				 : "seven/thread:[cut: stopped] 1 stopped no-capture\n"
				   "seven/thread:[cut: stopped] 2 stopped no-capture\n");
		check_sums(&w);
		deinit(&w);
	}
}

/* What waits is not forgotten, however long it takes. */
static void tidy_keeps_what_waits(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .tid = 70, .cookie = 1, .time = 1 });
	put_sample(&w, (struct sample){ .pid = 7, .tid = 71, .cookie = 2, .time = 1 });
	put_capture(&w, (struct capture){ .pid = 7, .tid = 71, .cookie = 2, .pc = A, .time = 2 });
	CHECK_EQ(egret_pipeline_tidy(w.p, 100000000000ull, NULL), 0);
	put_capture(&w, (struct capture){ .pid = 7, .tid = 70, .cookie = 1, .pc = B });
	CHECK_STR(shown(&w), "seven/thread:[a+0x1000] 1 whole root\n"
			     "seven/thread:[b+0x1000] 1 whole root\n");
	/* Or until the end. */
	put_sample(&w, (struct sample){ .pid = 7, .tid = 70, .cookie = 3, .time = 3 });
	CHECK_EQ(egret_pipeline_tidy(w.p, 100000000000ull, NULL), 0);
	CHECK_EQ(egret_pipeline_end(w.p, false, NULL), 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->pending, 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->capture_end[EGRET_CAPTURE_STOPPED], 1);
	deinit(&w);
}

/* ---- how stacks end ------------------------------------------------------------------------- */

static void samples_without_captures(void)
{
	static const struct {
		uint8_t ending;
		const char *want;
	} cases[] = {
		{ EGRET_CAPTURE_KERNEL_THREAD, "do_syscall 1 kernel-thread not-user" },
		{ EGRET_CAPTURE_USER_WORKER, "do_syscall 1 user-worker not-user" },
		{ EGRET_CAPTURE_IDLE, "do_syscall 1 idle not-user" },
		{ EGRET_CAPTURE_NOT_WANTED, "do_syscall 1 not-wanted not-user" },
		{ EGRET_CAPTURE_COMPAT, "[cut: compat];do_syscall 1 compat compat" },
		{ EGRET_CAPTURE_EXITED, "[cut: exited];do_syscall 1 exited no-capture" },
		{ EGRET_CAPTURE_TABLE_FULL,
		  "[cut: table-full];do_syscall 1 table-full no-capture" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		char want[128];

		init(&w);
		put_sample(&w, (struct sample){ .pid = 7,
						.ending = cases[i].ending,
						.kernel = { KERNEL + 0x1008 } });
		snprintf(want, sizeof(want), "thread/thread:%s\n", cases[i].want);
		CHECK_STR(shown(&w), want);
		check_sums(&w);
		deinit(&w);
	}
}

static void captures_without_stacks(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1 });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 1, .ending = EGRET_CAPTURE_EXEC });
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 2 });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 2, .ending = EGRET_CAPTURE_COMPAT });
	CHECK_STR(shown(&w), "seven/thread:[cut: exec] 1 exec no-capture\n"
			     "seven/thread:[cut: compat] 1 compat compat\n");
	check_sums(&w);
	deinit(&w);
}

/* The frame at the root of a stack that is not whole names why, and the sample bytes wanted and
 * got. */
static int check_bytes(const struct egret_stack *stack, void *arg)
{
	CHECK_EQ(stack->bytes_wanted, 5000);
	CHECK_EQ(stack->bytes_got, 16);
	return 0;
}

static void cut_stacks(void)
{
	static const struct {
		uint8_t ending;
		const char *want;
	} cases[] = {
		{ EGRET_CAPTURE_LIMIT,
		  "[cut: stack-limit];[b+0x1008];[a+0x1010];[a+0x1000];do_syscall"
		  " 1 stack-limit truncated" },
		{ EGRET_CAPTURE_WHOLE,
		  "[cut: truncated];[b+0x1008];[a+0x1010];[a+0x1000];do_syscall"
		  " 1 whole truncated" },
		{ EGRET_CAPTURE_NOT_RESIDENT,
		  "[cut: not-resident];[b+0x1008];[a+0x1010];[a+0x1000];"
		  "do_syscall 1 not-resident hole" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		char want[256];

		init(&w);
		put_sample(&w,
			   (struct sample){ .pid = 7, .cookie = 1, .kernel = { KERNEL + 0x1008 } });
		put_capture(&w, (struct capture){ .pid = 7,
						  .cookie = 1,
						  .ending = cases[i].ending,
						  .pc = A,
						  .stack = { A + 0x10, B + 8 },
						  .n_stack = 2,
						  .wanted = 5000 });
		snprintf(want, sizeof(want), "seven/thread:%s\n", cases[i].want);
		CHECK_STR(shown(&w), want);
		egret_profile__each_stack(egret_pipeline_profile(w.p), check_bytes, NULL);
		deinit(&w);
	}
}

static void code_that_is_not_known(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1 });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 1, .pc = A, .stack = { 0x999000 } });
	CHECK_STR(shown(&w), "seven/thread:[cut: no-module];[unknown+0x999000];[a+0x1000] 1 whole "
			     "no-module\n");
	/* A process of which nothing can be read. */
	put_sample(&w, (struct sample){ .pid = 55, .cookie = 2, .comm = "gone" });
	put_capture(&w, (struct capture){ .pid = 55, .cookie = 2, .pc = A });
	CHECK(strstr(shown(&w),
		     "gone/gone:[cut: no-module];[unknown+0x10000] 1 whole no-module\n") != NULL);
	check_sums(&w);
	deinit(&w);
}

static void too_many_frames(void)
{
	struct world w;
	struct {
		struct egret_rec_capture c;
		uint64_t stack[40];
	} r = { .c = { .rec = { .type = EGRET_REC_CAPTURE, .size = sizeof(r) },
		       .cookie = 1,
		       .pid = 7,
		       .tid = 7,
		       .wanted = 320,
		       .got = 320,
		       .n_windows = 1,
		       .window = { { .start = 0x7000, .len = 320 } } } };

	for (uint64_t i = 0; i < 40; i++)
		r.stack[i] = A + i;
	r.c.regs[EGRET_REG_RIP] = A;
	r.c.regs[EGRET_REG_RSP] = 0x7000;
	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1 });
	CHECK_EQ(egret_pipeline_record(w.p, &r.c.rec, NULL), 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->unwind_end[EGRET_UNWIND_FRAME_LIMIT], 1);
	CHECK_EQ(egret_pipeline_stats(w.p)->frames, 16);
	CHECK(strstr(shown(&w), "thread:[cut: frame-limit];[a+0x100e];") != NULL);
	deinit(&w);
}

/* Two windows: a read that begins in one does not go on into the other. */
static void windows(void)
{
	struct world w;
	struct {
		struct egret_rec_capture c;
		uint64_t stack[4];
	} r = { .c = { .rec = { .type = EGRET_REC_CAPTURE, .size = sizeof(r) },
		       .cookie = 1,
		       .pid = 7,
		       .tid = 7,
		       .wanted = 32,
		       .got = 32,
		       .flags = EGRET_CAPTURE_F_ALTSTACK,
		       .n_windows = 2,
		       .window = { { .start = 0x9010, .len = 16 },
				   { .start = 0x9000, .len = 16 } } },
		.stack = { A + 3, 0, A + 1, B + 2 } };

	r.c.regs[EGRET_REG_RIP] = A;
	r.c.regs[EGRET_REG_RSP] = 0x9000;
	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1 });
	CHECK_EQ(egret_pipeline_record(w.p, &r.c.rec, NULL), 0);
	CHECK_STR(shown(&w),
		  "seven/thread:[a+0x1003];[b+0x1002];[a+0x1001];[a+0x1000] 1 whole root\n");
	CHECK_EQ(egret_pipeline_stats(w.p)->alt_stacks, 1);
	deinit(&w);
}

static void kernel_and_user_are_one_stack(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){
			       .pid = 7,
			       .cookie = 1,
			       .kernel = { KERNEL + 0x2004, KERNEL + 0x2000, KERNEL + 0x1004 } });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 1, .pc = A, .stack = { B } });
	/* The second is a return address: the call is before it, in the function before. */
	CHECK_STR(shown(&w), "seven/thread:[b+0x1000];[a+0x1000];do_syscall;do_syscall;vfs_read 1 "
			     "whole root\n");
	deinit(&w);
}

/* What is known of files is forgotten; the kernel's symbols take long to read, and stay. */
static void kernel_symbols_outlive_a_renewal(void)
{
	struct egret_profile *part = NULL;
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1, .kernel = { KERNEL + 0x1004 } });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 1, .pc = A });
	CHECK_STR(shown(&w), "seven/thread:[a+0x1000];do_syscall 1 whole root\n");
	CHECK_EQ(egret_profile_take(egret_pipeline_profile(w.p), &part), 0);
	egret_profile__destroy(part);
	CHECK_EQ(egret_pipeline_renew(w.p, 1, NULL), 0);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 2, .kernel = { KERNEL + 0x2004 } });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 2, .pc = A });
	CHECK_STR(shown(&w), "seven/thread:[a+0x1000];vfs_read 1 whole root\n");
	CHECK_EQ(w.kallsyms_read, 1);
	deinit(&w);
}

/* JIT code is named by the perf map as it is at the end. */
static void jit_code(void)
{
	struct world w;

	init(&w);
	w.perfmap = "30000 100 early\n";
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1 });
	put_capture(&w,
		    (struct capture){
			    .pid = 7, .cookie = 1, .pc = JIT + 0x10, .stack = { JIT + 0x210 } });
	CHECK_EQ(egret_pipeline_tidy(w.p, 1, NULL), 0);
	CHECK_STR(shown(&w), "seven/thread:[jit+0x30210];early 1 whole root\n");
	w.perfmap = "30000 100 early\n30200 100 late\n";
	CHECK_STR(shown(&w), "seven/thread:late;early 1 whole root\n");
	deinit(&w);
}

/* ---- why frames have no names --------------------------------------------------------------- */

static int show_reasons(const struct egret_stack *stack, void *arg)
{
	struct shown *s = arg;

	for (size_t i = stack->n_frames; i-- > 0;) {
		const struct egret_frame *f = stack->frames[i];
		bool unnamed = f->flags & EGRET_FRAME_F_UNNAMED;

		s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s:%s%s",
					   f->name, unnamed ? egret_name_reason_name(f->why) : "",
					   i ? ";" : "\n");
		CHECK(unnamed || !f->why);
	}
	return 0;
}

static const char *reasons(struct world *w)
{
	static struct shown s;

	s.len = 0;
	s.text[0] = 0;
	CHECK_EQ(egret_profile__each_stack(egret_pipeline_profile(w->p), show_reasons, &s), 0);
	return s.text;
}

static void unnamed_frames_say_why(void)
{
	struct world w;

	init(&w);
	w.files[1].gone = true;
	put_sample(&w, (struct sample){ .pid = 7,
					.cookie = 1,
					.kernel = { KERNEL + 0x1010, KERNEL + 0x9000000 } });
	put_capture(&w, (struct capture){ .pid = 7,
					  .cookie = 1,
					  .pc = JIT + 0x10,
					  .stack = { A + 0x10, B + 0x10 } });
	CHECK_STR(reasons(&w), "[b+0x1010]:not-asked;[a+0x1010]:not-asked;[jit+0x30010]:not-asked;"
			       "[kernel+0xffffffff8a000000]:not-asked;"
			       "[kernel+0xffffffff81001010]:not-asked\n");
	CHECK_EQ(egret_pipeline_name_all(w.p, true, NULL), 0);
	CHECK_STR(reasons(&w), "[b+0x1010]:file-gone;[a+0x1010]:stripped;"
			       "[jit+0x30010]:no-perf-map;"
			       "[kernel+0xffffffff8a000000]:not-in-kallsyms;do_syscall:\n");
	w.perfmap = "30100 100 elsewhere\n";
	CHECK_EQ(egret_pipeline_name_all(w.p, true, NULL), 0);
	CHECK(strstr(reasons(&w), "[jit+0x30010]:not-in-perf-map;"));
	w.perfmap = "30100 100 elsewhere\n30000 100 here\n";
	CHECK_EQ(egret_pipeline_name_all(w.p, true, NULL), 0);
	CHECK(strstr(reasons(&w), ";here:;"));
	deinit(&w);
}

/* ---- lines of the kernel -------------------------------------------------------------------- */

static char *vmlinux;

static int open_vmlinux(void *arg, struct egret_elf **out)
{
	*out = fixture_open(vmlinux);
	return 0;
}

static int show_lines(const struct egret_stack *stack, void *arg)
{
	struct shown *s = arg;

	for (size_t i = stack->n_frames; i-- > 0;) {
		const struct egret_frame *f = stack->frames[i];

		if (f->kind == EGRET_FRAME_KERNEL)
			s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len,
						   "%s:%u%s ", f->name, f->line,
						   f->flags & EGRET_FRAME_F_INLINED ? "i" : "");
	}
	return 0;
}

/* It does not run where it was linked. */
static void lines_of_the_kernel(void)
{
	static const char source[] =
		"asm(\".globl _stext\\n_stext:\");\n"
		"static inline __attribute__((always_inline)) void inlined(void)\n"
		"{\n"
		"	asm volatile(\".skip 0x2000, 0x90\");\n"
		"}\n"
		"void do_syscall(void)\n"
		"{\n"
		"	inlined();\n"
		"}\n";
	struct shown s = { .len = 0 };
	struct world w;

	vmlinux = fixture_compile("vmlinux.c", source,
				  "-O2 -g -nostdlib -static -Wl,-e,_stext -Wl,-Ttext=0x500000");
	init(&w);
	w.name_source.open_vmlinux = open_vmlinux;
	put_sample(&w, (struct sample){ .pid = 7,
					.cookie = 1,
					.kernel = { KERNEL + 0x1010, KERNEL + 0x9000000 } });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 1, .pc = A + 0x10 });
	CHECK_EQ(egret_pipeline_name_all(w.p, true, NULL), 0);
	CHECK_EQ(egret_profile__each_stack(egret_pipeline_profile(w.p), show_lines, &s), 0);
	CHECK_STR(s.text, "[kernel+0xffffffff8a000000]:0 do_syscall:8 inlined:4i ");
	deinit(&w);
	free(vmlinux);
}

static void an_address_without_a_mapping(void)
{
	struct world w;

	init(&w);
	put_sample(&w, (struct sample){ .pid = 7, .cookie = 1 });
	put_capture(&w, (struct capture){ .pid = 7, .cookie = 1, .pc = 0x99999 });
	CHECK_EQ(egret_pipeline_name_all(w.p, true, NULL), 0);
	CHECK_STR(reasons(&w), "[cut: no-module]:;[unknown+0x99999]:no-mapping\n");
	deinit(&w);
}

/* ---- names of threads and processes, and where they come from -------------------------------- */

static void thread_and_process_names(void)
{
	struct world w;

	init(&w);
	put_comm(&w, 8, 8, "prog", true);
	put_mmap(&w, 8, A, "/a", 0xa, 0);
	put_sample(&w, (struct sample){ .pid = 8, .tid = 8, .cookie = 1, .comm = "prog" });
	put_capture(&w, (struct capture){ .pid = 8, .tid = 8, .cookie = 1, .pc = A });
	put_comm(&w, 8, 81, "worker", false);
	put_sample(&w, (struct sample){ .pid = 8, .tid = 81, .cookie = 2, .comm = "worker" });
	put_capture(&w, (struct capture){ .pid = 8, .tid = 81, .cookie = 2, .pc = A });
	put_comm(&w, 8, 8, "renamed", false);
	put_sample(&w, (struct sample){ .pid = 8, .tid = 81, .cookie = 3, .comm = "worker" });
	put_capture(&w, (struct capture){ .pid = 8, .tid = 81, .cookie = 3, .pc = A });
	/* All 16 bytes are used, and none is a zero. */
	put_sample(&w,
		   (struct sample){ .pid = 8, .tid = 82, .cookie = 4, .comm = "0123456789abcdef" });
	put_capture(&w, (struct capture){ .pid = 8, .tid = 82, .cookie = 4, .pc = A });
	CHECK_STR(shown(&w), "prog/prog:[a+0x1000] 1 whole root\n"
			     "prog/worker:[a+0x1000] 1 whole root\n"
			     "renamed/worker:[a+0x1000] 1 whole root\n"
			     "renamed/0123456789abcdef:[a+0x1000] 1 whole root\n");
	deinit(&w);
}

/* The image that a capture was made of counts, not the one of the time of reading. */
static void exec_between_captures(void)
{
	struct world w;

	init(&w);
	put_comm(&w, 8, 8, "first", true);
	put_mmap(&w, 8, A, "/a", 0xa, 0);
	put_sample(&w, (struct sample){ .pid = 8, .cookie = 1, .comm = "first" });
	put_capture(&w, (struct capture){ .pid = 8, .cookie = 1, .pc = A });
	put_comm(&w, 8, 8, "second", true);
	put_mmap(&w, 8, A, "/b", 0xb, 0);
	put_mmap(&w, 8, A, "[kernel.kallsyms]_text", 0xa, PERF_RECORD_MISC_KERNEL);
	put_sample(&w, (struct sample){ .pid = 8, .cookie = 2, .comm = "second" });
	put_capture(&w, (struct capture){ .pid = 8, .cookie = 2, .pc = A });
	CHECK_STR(shown(&w), "first/first:[a+0x1000] 1 whole root\n"
			     "second/second:[b+0x1000] 1 whole root\n");
	CHECK_EQ(egret_pipeline_stats(w.p)->map_records, 5);
	deinit(&w);
}

/* Something is mapped: an engine may keep what it is told only until then. */
static void mapping_between_captures(void)
{
	struct world w;

	init(&w);
	put_comm(&w, 8, 8, "it", true);
	put_mmap(&w, 8, B, "/b", 0xb, 0);
	put_sample(&w, (struct sample){ .pid = 8, .cookie = 1, .comm = "it" });
	put_capture(&w, (struct capture){ .pid = 8, .cookie = 1, .pc = B });
	put_mmap(&w, 8, A, "/a", 0xa, 0);
	put_sample(&w, (struct sample){ .pid = 8, .cookie = 2, .comm = "it" });
	put_capture(&w, (struct capture){ .pid = 8, .cookie = 2, .pc = B });
	put_mmap(&w, 8, B, "/a", 0xa, 0);
	put_sample(&w, (struct sample){ .pid = 8, .cookie = 3, .comm = "it" });
	put_capture(&w, (struct capture){ .pid = 8, .cookie = 3, .pc = B });
	CHECK_STR(shown(&w), "it/it:[b+0x1000] 2 whole root\n"
			     "it/it:[a+0x1000] 1 whole root\n");
	deinit(&w);
}

static void fork_and_exit(void)
{
	struct world w;
	uint64_t lost[] = { 1, 17 };

	init(&w);
	put_comm(&w, 8, 8, "parent", true);
	put_mmap(&w, 8, A, "/a", 0xa, 0);
	put_task(&w, PERF_RECORD_FORK, 9, 8, 9, 1);
	put_task(&w, PERF_RECORD_EXIT, 9, 8, 99, 1); /* one of its threads */
	CHECK(!egret_processes_find(egret_pipeline_processes(w.p), 9)->exited);
	put_task(&w, PERF_RECORD_EXIT, 9, 8, 9, 2);
	put_sample(&w, (struct sample){ .pid = 9, .cookie = 1, .comm = "parent" });
	put_capture(&w, (struct capture){ .pid = 9, .cookie = 1, .pc = A });
	CHECK_STR(shown(&w), "parent/parent:[a+0x1000] 1 whole root\n");
	CHECK_EQ(egret_pipeline_tidy(w.p, 3000000001ull, NULL), 0);
	CHECK(egret_processes_find(egret_pipeline_processes(w.p), 9) != NULL);
	CHECK_EQ(egret_pipeline_tidy(w.p, 3000000003ull, NULL), 0);
	CHECK(egret_processes_find(egret_pipeline_processes(w.p), 9) == NULL);
	put_perf(&w, PERF_RECORD_LOST, 0, lost, sizeof(lost), "", 3);
	CHECK_EQ(egret_pipeline_stats(w.p)->map_records_lost, 17);
	CHECK(!egret_processes_find(egret_pipeline_processes(w.p), 8)->complete);
	deinit(&w);
}

/* ---- records that lie ------------------------------------------------------------------------ */

/* Windows that reach beyond the record, in number and in length, and endings that there are not. */
static void lying_captures(void)
{
	struct world w;
	struct {
		struct egret_rec_capture c;
		uint64_t stack[2];
	} r;

	init(&w);
	for (int i = 0; i < 7; i++) {
		memset(&r, 0, sizeof(r));
		r.c.rec = (struct egret_rec){ .type = EGRET_REC_CAPTURE, .size = sizeof(r) };
		r.c.pid = r.c.tid = 7;
		r.c.cookie = (uint64_t)i + 1;
		r.c.got = 16;
		r.c.n_windows = 1;
		r.c.regs[EGRET_REG_RIP] = A;
		r.c.regs[EGRET_REG_RSP] = 0x7000;
		r.c.window[0] = (struct egret_window){ .start = 0x7000, .len = 16 };
		switch (i) {
		case 0:
			r.c.n_windows = EGRET_MAX_WINDOWS + 1; /* the ninth is in the stack */
			break;
		case 1:
			r.c.window[0].len = 0xffffffff;
			break;
		case 2:
			r.c.n_windows = 2;
			r.c.window[1] = (struct egret_window){ .start = 0x8000, .len = 1 };
			break;
		case 3:
			r.c.window[0].start = UINT64_MAX - 7;
			r.c.regs[EGRET_REG_RSP] = UINT64_MAX - 3;
			break;
		case 4:
			r.c.ending = 200;
			break;
		case 5:
			r.c.n_windows = 0xffff;
			break;
		case 6: /* a value that is in the window with its first half only */
			r.stack[0] = A;
			r.c.window[0].len = 12;
			break;
		}
		put_sample(&w, (struct sample){ .pid = 7, .cookie = (uint64_t)i + 1 });
		CHECK_EQ(egret_pipeline_record(w.p, &r.c.rec, NULL), 0);
	}
	CHECK_EQ(egret_pipeline_stats(w.p)->samples, 7);
	CHECK_EQ(egret_pipeline_stats(w.p)->pending, 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->unwind_end[EGRET_UNWIND_NO_CAPTURE], 4);
	CHECK_EQ(egret_pipeline_stats(w.p)->unwind_end[EGRET_UNWIND_TRUNCATED], 1);
	CHECK_EQ(egret_pipeline_stats(w.p)->unwind_end[EGRET_UNWIND_ROOT], 2);
	check_sums(&w);
	deinit(&w);
}

/* Any cookies, threads and endings in any order: every sample ends exactly once. */
static void random_records(void)
{
	struct world w;
	uint64_t random = 0x9e3779b97f4a7c15ull, samples = 0;

	init(&w);
	for (int i = 0; i < 20000; i++) {
		uint32_t pid, tid;
		uint64_t cookie, also;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		pid = 6 + random % 3;
		tid = 70 + (random >> 8) % 4;
		cookie = (random >> 16) % 6;
		also = (random >> 20) % 6;
		if (random >> 63) {
			put_sample(&w, (struct sample){ .pid = pid,
							.tid = tid,
							.cookie = cookie,
							.ending = (uint8_t)(random >> 32),
							.start_time = (random >> 40) % 2,
							.time = (uint64_t)i });
			samples++;
		} else {
			put_capture(&w, (struct capture){ .pid = pid,
							  .tid = tid,
							  .cookie = cookie,
							  .also = also,
							  .ending = (uint8_t)(random >> 32),
							  .pc = random >> 62 ? A : 0,
							  .start_time = (random >> 40) % 2,
							  .time = (uint64_t)i });
		}
		check_sums(&w);
		if (i % 1000 == 0)
			CHECK_EQ(egret_pipeline_tidy(w.p, 3000000000ull + (uint64_t)i, NULL), 0);
	}
	CHECK_EQ(egret_pipeline_end(w.p, false, NULL), 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->samples, samples);
	CHECK_EQ(egret_pipeline_stats(w.p)->pending, 0);
	check_sums(&w);
	deinit(&w);
}

/* Samples, captures through files and code made at run time, and processes that change. */
static void put_any(struct world *w, uint64_t random, int i)
{
	static const uint64_t pcs[] = {
		A, A + 0x100, A + 0x2000, B, B + 0x40, JIT, JIT + 8, 0x90000
	};
	uint32_t pid = 6 + random % 3, tid = 70 + (random >> 8) % 4;
	uint64_t cookie = (random >> 16) % 6, time = (uint64_t)i;

	switch ((random >> 52) % 16) {
	case 0:
		put_mmap(w, pid, random >> 60 ? A : B, random >> 62 ? "/a" : "/b",
			 random >> 62 ? 0xa : 0xb, 0);
		break;
	case 1:
		put_comm(w, pid, pid, random >> 63 ? "one" : "two", random >> 60 == 15);
		break;
	case 2:
		put_task(w, PERF_RECORD_FORK, pid, 6 + (random >> 4) % 3, pid, time);
		break;
	case 3:
		put_task(w, PERF_RECORD_EXIT, pid, pid, random >> 61 ? tid : pid, time);
		break;
	case 4 ... 9:
		put_sample(w, (struct sample){ .pid = pid,
					       .tid = tid,
					       .cookie = cookie,
					       .kernel = { random >> 61 ? KERNEL : 0 },
					       .comm = random >> 63 ? "x" : "y",
					       .time = time });
		break;
	default:
		put_capture(w, (struct capture){
				       .pid = pid,
				       .tid = tid,
				       .cookie = cookie,
				       .ending = (uint8_t)(random >> 62),
				       .pc = pcs[random >> 20 & 7],
				       .stack = { pcs[random >> 23 & 7],
						  random >> 32 & 1 ? pcs[random >> 26 & 7] : 0 },
				       .time = time });
	}
}

/* The recording of 20,000 records, to free. */
static void *record_with(uint32_t threads, size_t *size)
{
	uint64_t random = 0x9e3779b97f4a7c15ull;
	struct egret_event event = { .name = "cpu-clock", .unit = "nanoseconds", .frequency = 999 };
	struct egret_writer *writer = NULL;
	struct world w;
	FILE *file = tmpfile();
	char *bytes;

	init_threads(&w, threads);
	CHECK_EQ(egret_profile_add_event(egret_pipeline_profile(w.p), &event), 0);
	CHECK_EQ(egret_writer_create(fileno(file), egret_pipeline_profile(w.p), &writer, NULL), 0);
	egret_pipeline_set_writer(w.p, writer, false);
	for (int i = 0; i < 20000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		put_any(&w, random, i);
		if (i % 3000 == 0)
			CHECK_EQ(egret_pipeline_tidy(w.p, 3000000000ull + (uint64_t)i, NULL), 0);
	}
	CHECK_EQ(egret_pipeline_end(w.p, false, NULL), 0);
	check_sums(&w);
	CHECK(egret_pipeline_stats(w.p)->unwind_end[EGRET_UNWIND_ROOT] > 500);
	egret_pipeline_keep(w.p);
	CHECK_EQ(egret_pipeline_name_all(w.p, true, NULL), 0);
	CHECK_EQ(egret_writer_finish(writer, NULL), 0);
	egret_pipeline_set_writer(w.p, NULL, false);
	egret_writer_destroy(writer);
	deinit(&w);
	*size = (size_t)lseek(fileno(file), 0, SEEK_END);
	bytes = malloc(*size);
	CHECK_EQ(pread(fileno(file), bytes, *size, 0), (long long)*size);
	fclose(file);
	return bytes;
}

/* What is recorded does not depend on who unwinds it. */
static void threads_record_the_same(void)
{
	size_t size, other_size;
	void *alone = record_with(0, &size);

	CHECK(size > 20000);
	for (uint32_t threads = 1; threads <= 4; threads++) {
		void *others = record_with(threads, &other_size);

		CHECK_EQ(other_size, size);
		CHECK(other_size == size && !memcmp(alone, others, size));
		free(others);
	}
	free(alone);
}

static void unknown_records(void)
{
	struct world w;
	struct egret_rec rec = { .type = 99, .size = sizeof(rec) };

	init(&w);
	CHECK_EQ(egret_pipeline_record(w.p, &rec, NULL), 0);
	put_perf(&w, 99, 0, "", 0, "", 0);
	CHECK_EQ(egret_pipeline_stats(w.p)->samples, 0);
	deinit(&w);
}

int main(void)
{
	RUN(sample_then_capture);
	RUN(shared_cookies);
	RUN(name_of_a_process_that_was_there);
	RUN(interleaved_threads);
	RUN(capture_before_sample);
	RUN(also_answers_what_waits);
	RUN(unused_captures);
	RUN(lost_captures);
	RUN(pending_at_the_end);
	RUN(tidy_keeps_what_waits);
	RUN(samples_without_captures);
	RUN(captures_without_stacks);
	RUN(cut_stacks);
	RUN(code_that_is_not_known);
	RUN(too_many_frames);
	RUN(windows);
	RUN(kernel_and_user_are_one_stack);
	RUN(kernel_symbols_outlive_a_renewal);
	RUN(jit_code);
	RUN(unnamed_frames_say_why);
	RUN(lines_of_the_kernel);
	RUN(an_address_without_a_mapping);
	RUN(thread_and_process_names);
	RUN(exec_between_captures);
	RUN(mapping_between_captures);
	RUN(fork_and_exit);
	RUN(lying_captures);
	RUN(random_records);
	RUN(threads_record_the_same);
	RUN(unknown_records);
	return DONE();
}
