/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>

#include "bpf/reasons.h"
#include "profile/profile.h"

static uint32_t string(struct egret_profile *p, const char *text)
{
	return egret_profile_string(p, text, strlen(text), NULL);
}

static uint32_t module(struct egret_profile *p, const char *path, uint32_t kind)
{
	struct egret_profile_module m = { .path = string(p, path), .kind = kind };

	return egret_profile_module(p, &m, NULL);
}

static uint32_t frame(struct egret_profile *p, uint32_t mod, uint32_t flags, uint64_t offset)
{
	struct egret_profile_frame f = { .module = mod, .flags = flags, .offset = offset };

	return egret_profile_frame(p, &f, NULL);
}

static uint32_t thread(struct egret_profile *p, const char *process, const char *comm, int pid,
		       int tid)
{
	struct egret_profile_thread t = {
		.pid = pid, .tid = tid, .process = string(p, process), .comm = string(p, comm)
	};

	return egret_profile_thread(p, &t, NULL);
}

static void add(struct egret_profile *p, uint32_t t, uint32_t stack, uint64_t samples)
{
	struct egret_profile_key key = { .thread = t, .stack = stack };
	struct egret_profile_values values = { .samples = samples, .value = samples * 10 };

	CHECK_EQ(egret_profile_add(p, &key, &values), 0);
}

static void interns(void)
{
	struct egret_profile *p;
	struct egret_profile_module m = { .path = 0, .kind = EGRET_MODULE_FILE };
	uint32_t a, b;
	bool added;

	CHECK_EQ(egret_profile_create(&p), 0);
	CHECK_EQ(egret_profile_string(p, "", 0, &added), 0);
	CHECK(!added);
	a = egret_profile_string(p, "abc", 3, &added);
	CHECK(added);
	CHECK_EQ(egret_profile_string(p, "abcd", 3, &added), a);
	CHECK(!added);
	CHECK(egret_profile_string(p, "abcd", 4, NULL) != a);
	CHECK(egret_profile_string(p, "ab", 2, NULL) != a);
	CHECK_EQ(egret_profile_string(p, "abc\0x", 5, NULL), a);
	CHECK_STR(egret_profile_get_string(p, a), "abc");
	CHECK_EQ(egret_profile_n_strings(p), 4);

	/* Modules differ by each of their fields, the build-id's length included. */
	m.path = a;
	a = egret_profile_module(p, &m, NULL);
	CHECK_EQ(egret_profile_module(p, &m, &added), a);
	CHECK(!added);
	m.build_id.len = 20;
	b = egret_profile_module(p, &m, &added);
	CHECK(added && b != a);
	m.build_id.bytes[19] = 1;
	CHECK_EQ(egret_profile_module(p, &m, NULL), b + 1);
	m.pid = 7;
	CHECK_EQ(egret_profile_module(p, &m, NULL), b + 2);
	m.ino = 7;
	CHECK_EQ(egret_profile_module(p, &m, NULL), b + 3);
	m.dev = 7;
	CHECK_EQ(egret_profile_module(p, &m, NULL), b + 4);

	a = frame(p, 0, 0, 0x10);
	CHECK_EQ(frame(p, 0, 0, 0x10), a);
	CHECK(frame(p, 0, EGRET_FRAME_F_RETURN, 0x10) != a);
	CHECK(frame(p, 1, 0, 0x10) != a);
	CHECK_EQ(egret_profile_n_frames(p), 3);

	b = egret_profile_stack(p, 0, a, &added);
	CHECK(added);
	CHECK_EQ(b, 1);
	CHECK_EQ(egret_profile_stack(p, 0, a, &added), b);
	CHECK(!added);
	CHECK_EQ(egret_profile_stack(p, b, a, NULL), 2);
	CHECK_EQ(egret_profile_get_stack(p, 2).parent, b);
	CHECK_EQ(egret_profile_get_stack(p, 2).frame, a);

	a = thread(p, "sh", "sh", 1, 1);
	CHECK_EQ(thread(p, "sh", "sh", 1, 1), a);
	CHECK(thread(p, "sh", "worker", 1, 1) != a);
	egret_profile__destroy(p);
}

static void refuses_what_is_not_there(void)
{
	struct egret_profile *p;
	struct egret_profile_module m = { .path = 99 };
	struct egret_profile_line line = { .name = 99 };
	struct egret_profile_key key = { .thread = 0, .stack = 0 };
	struct egret_profile_values values = { .samples = 1 };

	CHECK_EQ(egret_profile_create(&p), 0);
	CHECK_EQ(egret_profile_module(p, &m, NULL), UINT32_MAX);
	CHECK_EQ(frame(p, 0, 0, 0), UINT32_MAX);
	CHECK_EQ(egret_profile_stack(p, 0, 0, NULL), UINT32_MAX);
	CHECK_EQ(egret_profile_add(p, &key, &values), -EINVAL);
	m.path = 0;
	CHECK_EQ(egret_profile_module(p, &m, NULL), 0);
	CHECK_EQ(frame(p, 0, 0, 0), 0);
	CHECK_EQ(egret_profile_stack(p, 5, 0, NULL), UINT32_MAX);
	CHECK_EQ(egret_profile_set_lines(p, 0, &line, 1), -EINVAL);
	CHECK_EQ(egret_profile_set_lines(p, 1, &line, 1), -EINVAL);
	CHECK(egret_profile_get_string(p, 12345) == NULL);
	CHECK(egret_profile__event(p, 0) == NULL);
	egret_profile__destroy(p);
	egret_profile__destroy(NULL);
}

/* A string that was handed out stays where it is while the tables grow. */
static void strings_do_not_move(void)
{
	struct egret_profile *p;
	const char *first;
	char text[32];
	char *large = malloc(100000);

	CHECK_EQ(egret_profile_create(&p), 0);
	first = egret_profile_get_string(p, string(p, "first"));
	memset(large, 'x', 100000);
	for (int i = 0; i < 200000; i++) {
		snprintf(text, sizeof(text), "string %d", i);
		string(p, text);
		if (i % 10000 == 0) {
			large[i / 10000] = 'y';
			egret_profile_string(p, large, 20000, NULL);
		}
	}
	CHECK_STR(first, "first");
	CHECK(egret_profile_get_string(p, string(p, "first")) == first);
	CHECK_EQ(egret_profile_n_strings(p), 2 + 200000 + 20);
	CHECK_EQ(strlen(egret_profile_get_string(p, egret_profile_string(p, large, 100000, NULL))),
		 EGRET_PROFILE_MAX_STRING);
	free(large);
	egret_profile__destroy(p);
}

static void depth_is_bounded(void)
{
	struct egret_profile *p;
	uint32_t stack = 0;

	CHECK_EQ(egret_profile_create(&p), 0);
	module(p, "a", EGRET_MODULE_FILE);
	frame(p, 0, 0, 0);
	for (int i = 0; i < EGRET_PROFILE_MAX_DEPTH; i++)
		stack = egret_profile_stack(p, stack, 0, NULL);
	CHECK_EQ(stack, EGRET_PROFILE_MAX_DEPTH);
	CHECK_EQ(egret_profile_stack(p, stack, 0, NULL), UINT32_MAX);
	CHECK_EQ(egret_profile_n_stacks(p), EGRET_PROFILE_MAX_DEPTH + 1);
	egret_profile__destroy(p);
}

/* What each_stack told, as one text: "process/comm/pid/tid samples value:name flags,..." */
struct told {
	char text[65536];
	size_t len;
	int n, stop_at;
};

static int tell(const struct egret_stack *stack, void *arg)
{
	struct told *told = arg;

	if (told->stop_at && ++told->n == told->stop_at)
		return 42;
	told->len += (size_t)sprintf(told->text + told->len,
				     "%s/%s/%d/%d %d:", stack->thread->process, stack->thread->comm,
				     stack->thread->pid, stack->thread->tid, (int)stack->samples);
	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct egret_frame *f = stack->frames[i];

		told->len += (size_t)sprintf(told->text + told->len, " %s{%s,%u,%u}", f->name,
					     f->module, f->kind, f->flags);
	}
	told->len += (size_t)sprintf(told->text + told->len, "\n");
	return 0;
}

static void names_by_kind(void)
{
	static const struct {
		const char *path;
		uint32_t kind;
		uint64_t offset;
		const char *want;
	} cases[] = {
		{ "/usr/lib/libc.so.6", EGRET_MODULE_FILE, 0x1234,
		  "[libc.so.6+0x1234]{/usr/lib/libc.so.6,0,32}" },
		{ "plain", EGRET_MODULE_FILE, 0, "[plain+0x0]{plain,0,32}" },
		{ "", EGRET_MODULE_FILE, 1, "[unknown+0x1]{[unknown],0,32}" },
		{ "[vdso]", EGRET_MODULE_VDSO, 0x99, "[vdso+0x99]{[vdso],3,32}" },
		{ "[kernel.kallsyms]", EGRET_MODULE_KERNEL, 0xffffffff81000000,
		  "[kernel+0xffffffff81000000]{[kernel.kallsyms],1,32}" },
		{ "", EGRET_MODULE_JIT, 0x7f0000001000, "[jit+0x7f0000001000]{[jit],2,32}" },
		{ "", EGRET_MODULE_UNMAPPED, 0x10, "[unknown+0x10]{[unknown],0,32}" },
		{ "", EGRET_MODULE_CUT, EGRET_CAPTURE_LIMIT << 8 | EGRET_UNWIND_TRUNCATED,
		  "[cut: stack-limit]{,4,0}" },
		{ "", EGRET_MODULE_CUT, EGRET_UNWIND_NO_CFI, "[cut: no-cfi]{,4,0}" },
		{ "", EGRET_MODULE_CUT, 200 << 8, "[cut: capture ending 200]{,4,0}" },
		{ "", EGRET_MODULE_CUT, 201, "[cut: unwind ending 201]{,4,0}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct egret_profile *p;
		struct told told = { 0 };
		char want[256];

		CHECK_EQ(egret_profile_create(&p), 0);
		frame(p, module(p, cases[i].path, cases[i].kind), 0, cases[i].offset);
		add(p, thread(p, "sh", "w", 3, 4), egret_profile_stack(p, 0, 0, NULL), 1);
		CHECK_EQ(egret_profile__each_stack(p, tell, &told), 0);
		snprintf(want, sizeof(want), "sh/w/3/4 1: %s\n", cases[i].want);
		CHECK_STR(told.text, want);
		egret_profile__destroy(p);
	}
}

/* main calls f, into which g and h are inlined (h innermost); main has no symbol at first. */
static void inlined_lines_are_expanded(void)
{
	struct egret_profile *p;
	struct told told = { 0 };
	struct egret_profile_line lines[3];
	uint32_t leaf, root, stack;

	CHECK_EQ(egret_profile_create(&p), 0);
	module(p, "/bin/x", EGRET_MODULE_FILE);
	root = frame(p, 0, EGRET_FRAME_F_RETURN, 0x10);
	leaf = frame(p, 0, 0, 0x20);
	stack = egret_profile_stack(p, egret_profile_stack(p, 0, root, NULL), leaf, NULL);
	lines[0] = (struct egret_profile_line){ .name = string(p, "h"),
						.file = string(p, "h.c"),
						.line = 7 };
	lines[1] = (struct egret_profile_line){ .name = string(p, "g") };
	lines[2] = (struct egret_profile_line){ .name = string(p, "f") };
	CHECK(!egret_profile_has_lines(p, leaf));
	CHECK_EQ(egret_profile_set_lines(p, leaf, lines, 3), 0);
	CHECK(egret_profile_has_lines(p, leaf));
	CHECK(!egret_profile_has_lines(p, root));
	add(p, thread(p, "x", "x", 1, 1), stack, 5);
	CHECK_EQ(egret_profile__each_stack(p, tell, &told), 0);
	CHECK_STR(told.text, "x/x/1/1 5: h{/bin/x,0,1} g{/bin/x,0,1} f{/bin/x,0,0} "
			     "[x+0x10]{/bin/x,0,36}\n");

	/* New names replace what each_stack has shown before; fewer and more lines than before. */
	CHECK_EQ(egret_profile_set_lines(p, leaf, &lines[1], 1), 0);
	CHECK_EQ(egret_profile_set_lines(p, root, lines, 2), 0);
	told.len = 0;
	CHECK_EQ(egret_profile__each_stack(p, tell, &told), 0);
	CHECK_STR(told.text, "x/x/1/1 5: g{/bin/x,0,0} h{/bin/x,0,5} g{/bin/x,0,4}\n");
	egret_profile__destroy(p);
}

static void too_many_lines_keep_the_function(void)
{
	struct egret_profile *p;
	struct egret_profile_line lines[300];
	const struct egret_profile_line *got;
	size_t n;

	CHECK_EQ(egret_profile_create(&p), 0);
	frame(p, module(p, "x", EGRET_MODULE_FILE), 0, 0);
	for (int i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		lines[i] = (struct egret_profile_line){ .name = string(p, name) };
	}
	CHECK_EQ(egret_profile_set_lines(p, 0, lines, 300), 0);
	got = egret_profile_get_lines(p, 0, &n);
	CHECK_EQ(n, EGRET_PROFILE_MAX_LINES);
	CHECK_STR(egret_profile_get_string(p, got[0].name), "f0");
	CHECK_STR(egret_profile_get_string(p, got[253].name), "f253");
	CHECK_STR(egret_profile_get_string(p, got[254].name), "f299");
	egret_profile__destroy(p);
}

static int keep(const struct egret_stack *stack, void *arg)
{
	*(struct egret_stack *)arg = *stack;
	return 0;
}

static void sums_by_key(void)
{
	struct egret_profile *p;
	struct egret_profile_key key = { .capture_end = EGRET_CAPTURE_LIMIT,
					 .unwind_end = EGRET_UNWIND_TRUNCATED };
	struct egret_profile_values values = {
		.samples = 2, .value = 1u << 31, .bytes_wanted = 3u << 30, .bytes_got = 9
	};
	struct told told = { 0 };
	struct egret_stack got;

	CHECK_EQ(egret_profile_create(&p), 0);
	thread(p, "a", "a", 1, 1);
	thread(p, "b", "b", 2, 2);
	CHECK_EQ(egret_profile_add(p, &key, &values), 0);
	CHECK_EQ(egret_profile_add(p, &key, &values), 0);
	CHECK_EQ(egret_profile__each_stack(p, keep, &got), 0);
	CHECK_EQ(got.samples, 4);
	CHECK_EQ(got.value, 1ull << 32);
	CHECK_EQ(got.bytes_wanted, 6ull << 30);
	CHECK_EQ(got.bytes_got, 18);
	CHECK_EQ(got.capture_end, EGRET_CAPTURE_LIMIT);
	CHECK_EQ(got.unwind_end, EGRET_UNWIND_TRUNCATED);
	CHECK_EQ(got.n_frames, 0);
	key.unwind_end = EGRET_UNWIND_HOLE;
	CHECK_EQ(egret_profile_add(p, &key, &values), 0);
	key.event = 1;
	CHECK_EQ(egret_profile_add(p, &key, &values), 0);
	key.thread = 1;
	CHECK_EQ(egret_profile_add(p, &key, &values), 0);
	CHECK_EQ(egret_profile__each_stack(p, tell, &told), 0);
	CHECK_STR(told.text, "a/a/1/1 4:\na/a/1/1 2:\na/a/1/1 2:\nb/b/2/2 2:\n");
	told = (struct told){ .stop_at = 2 };
	CHECK_EQ(egret_profile__each_stack(p, tell, &told), 42);
	CHECK_STR(told.text, "a/a/1/1 4:\n");
	egret_profile__destroy(p);
}

static int tell_stat(const struct egret_stat *stat, void *arg)
{
	struct told *told = arg;

	told->len += (size_t)sprintf(told->text + told->len, "%s=%d (%s)\n", stat->name,
				     (int)stat->value, stat->text);
	return 0;
}

static void labels(struct egret_profile *p)
{
	struct egret_event event = { .name = "cycles:u", .unit = "count", .frequency = 999 };
	struct told told = { 0 };

	CHECK_STR(egret_profile__meta(p, "hostname"), "heron");
	CHECK_STR(egret_profile__meta(p, "command"), "ls -l");
	CHECK(egret_profile__meta(p, "kernel") == NULL);
	CHECK_EQ(egret_profile__n_events(p), 1);
	CHECK_STR(egret_profile__event(p, 0)->name, event.name);
	CHECK_STR(egret_profile__event(p, 0)->unit, event.unit);
	CHECK_EQ(egret_profile__event(p, 0)->frequency, 999);
	CHECK_EQ(egret_profile__each_stat(p, tell_stat, &told), 0);
	CHECK_STR(told.text, "samples=7 (all)\ninterrupts=9 (seen)\n");
}

static void copies_everything(void)
{
	struct egret_event event = { .name = "cycles:u", .unit = "count", .frequency = 999 };
	struct egret_profile_line line;
	struct egret_profile *p, *copy;
	struct told before = { 0 }, after = { 0 };

	CHECK_EQ(egret_profile_create(&p), 0);
	CHECK_EQ(egret_profile_set_meta(p, "hostname", "stork"), 0);
	CHECK_EQ(egret_profile_set_meta(p, "command", "ls -l"), 0);
	CHECK_EQ(egret_profile_set_meta(p, "hostname", "heron"), 0);
	CHECK_EQ(egret_profile_add_event(p, &event), 0);
	CHECK_EQ(egret_profile_set_stat(p, "samples", "some", 5), 0);
	CHECK_EQ(egret_profile_set_stat(p, "interrupts", "seen", 9), 0);
	CHECK_EQ(egret_profile_set_stat(p, "samples", "all", 7), 0);
	module(p, "/bin/ls", EGRET_MODULE_FILE);
	frame(p, 0, 0, 1);
	frame(p, 0, 0, 2);
	line = (struct egret_profile_line){ .name = string(p, "main") };
	CHECK_EQ(egret_profile_set_lines(p, 1, &line, 1), 0);
	egret_profile_stack(p, 0, 1, NULL);
	egret_profile_stack(p, 1, 0, NULL);
	add(p, thread(p, "ls", "ls", 5, 5), 2, 7);
	egret_profile_set_truncated(p);
	labels(p);
	CHECK_EQ(egret_profile__each_stack(p, tell, &before), 0);

	CHECK_EQ(egret_profile_copy(p, &copy), 0);
	egret_profile__destroy(p);
	labels(copy);
	CHECK(egret_profile__truncated(copy));
	CHECK_EQ(egret_profile__each_stack(copy, tell, &after), 0);
	CHECK_STR(after.text, before.text);
	CHECK_STR(after.text, "ls/ls/5/5 7: [ls+0x1]{/bin/ls,0,32} main{/bin/ls,0,0}\n");
	egret_profile__destroy(copy);
}

static void labels_are_bounded(void)
{
	struct egret_profile *p;
	char key[16];

	CHECK_EQ(egret_profile_create(&p), 0);
	for (int i = 0; i < EGRET_PROFILE_MAX_LABELS; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		CHECK_EQ(egret_profile_set_meta(p, key, "v"), 0);
	}
	CHECK_EQ(egret_profile_set_meta(p, "one more", "v"), -E2BIG);
	CHECK_EQ(egret_profile_set_meta(p, "k7", "w"), 0);
	CHECK_STR(egret_profile__meta(p, "k7"), "w");
	egret_profile__destroy(p);
}

static void endings_have_names(void)
{
	CHECK_STR(egret_capture_end_name(EGRET_CAPTURE_WHOLE), "whole");
	CHECK_STR(egret_capture_end_fix(EGRET_CAPTURE_LIMIT), "raise --stack-limit");
	CHECK_STR(egret_capture_end_name(EGRET_CAPTURE_IDLE), "idle");
	CHECK_STR(egret_unwind_end_name(EGRET_UNWIND_ROOT), "root");
	CHECK_STR(egret_unwind_end_text(EGRET_UNWIND_NO_PROGRESS),
		  "the next frame is not above this one");
	CHECK_STR(egret_unwind_end_fix(EGRET_UNWIND_ROOT), "");
	for (unsigned int i = 0; i < 256; i++) {
		CHECK_EQ(egret_capture_end_name(i) != NULL, i < EGRET_CAPTURE_NR);
		CHECK_EQ(egret_capture_end_text(i) != NULL, i < EGRET_CAPTURE_NR);
		CHECK_EQ(egret_unwind_end_name(i) != NULL, i < EGRET_UNWIND_NR);
		CHECK_EQ(egret_unwind_end_fix(i) != NULL, i < EGRET_UNWIND_NR);
	}
	CHECK(egret_unwind_end_name(UINT32_MAX) == NULL);
}

int main(void)
{
	RUN(interns);
	RUN(refuses_what_is_not_there);
	RUN(strings_do_not_move);
	RUN(depth_is_bounded);
	RUN(names_by_kind);
	RUN(inlined_lines_are_expanded);
	RUN(too_many_lines_keep_the_function);
	RUN(sums_by_key);
	RUN(copies_everything);
	RUN(labels_are_bounded);
	RUN(endings_have_names);
	return DONE();
}
