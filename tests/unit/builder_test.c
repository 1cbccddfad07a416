/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What goes into a builder comes out of its profile. */
#include "test.h"

#include <errno.h>

#include <egret/egret.h>

static const struct egret_frame frames[] = {
	{ .name = "inner",
	  .module = "/a",
	  .flags = EGRET_FRAME_F_INLINED,
	  .file = "a.c",
	  .line = 3 },
	{ .name = "outer", .module = "/a", .file = "a.c", .line = 9 },
	{ .name = "main", .module = "/b", .offset = 0x40 },
	{ .name = "read", .module = "[kernel.kallsyms]", .kind = EGRET_FRAME_KERNEL },
	{ .name = "outer", .module = "/a", .file = "a.c", .line = 10 },
	{ .name = "js", .module = "[jit]", .kind = EGRET_FRAME_JIT },
};

struct seen {
	size_t n;
	uint64_t samples, value;
	char text[1024];
};

static int see(const struct egret_stack *stack, void *arg)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	len += (size_t)snprintf(seen->text + len, sizeof(seen->text) - len,
				"%s/%s/%d/%d%s:", stack->thread->process, stack->thread->comm,
				stack->thread->pid, stack->thread->tid, stack->thread->cgroup);
	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct egret_frame *f = stack->frames[i];

		len += (size_t)snprintf(seen->text + len, sizeof(seen->text) - len, " %s%s@%s:%u%s",
					f->name, f->flags & EGRET_FRAME_F_INLINED ? "(i)" : "",
					f->module, f->line,
					f->kind == EGRET_FRAME_KERNEL ? "k"
					: f->kind == EGRET_FRAME_JIT  ? "j"
								      : "");
	}
	snprintf(seen->text + len, sizeof(seen->text) - len, " %llu\n",
		 (unsigned long long)stack->samples);
	seen->n++;
	seen->samples += stack->samples;
	seen->value += stack->value;
	return 0;
}

static struct egret_builder *begin(void)
{
	const struct egret_event event = { .name = "e", .unit = "u", .period = 5 };
	struct egret_builder *builder = NULL;

	CHECK(!egret_builder__create(&builder, NULL));
	CHECK(!egret_builder__add_event(builder, &event, NULL));
	return builder;
}

static void stacks_come_out(void)
{
	const struct egret_thread thread = {
		.process = "p", .comm = "t", .pid = 1, .tid = 2, .cgroup = "/c"
	};
	const struct egret_frame *const with_inlined[] = { &frames[0], &frames[1], &frames[2] };
	const struct egret_frame *const plain[] = { &frames[3], &frames[5], &frames[4],
						    &frames[2] };
	struct egret_stack stack = {
		.thread = &thread, .frames = with_inlined, .n_frames = 3, .samples = 2, .value = 10
	};
	struct egret_builder *builder = begin();
	struct egret_profile *profile = NULL;
	struct seen seen = { 0 };

	CHECK(!egret_builder__add_stack(builder, &stack, NULL));
	CHECK(!egret_builder__add_stack(builder, &stack, NULL)); /* added up */
	stack.frames = plain;
	stack.n_frames = 4;
	CHECK(!egret_builder__add_stack(builder, &stack, NULL));
	stack.n_frames = 0;
	CHECK(!egret_builder__add_stack(builder, &stack, NULL));
	CHECK(!egret_builder__finish(builder, &profile));
	CHECK(!egret_profile__each_stack(profile, see, &seen));
	CHECK_EQ(seen.n, 3);
	CHECK_EQ(seen.samples, 8);
	CHECK_EQ(seen.value, 40);
	CHECK_STR(seen.text,
		  "p/t/1/2/c: inner(i)@/a:3 outer@/a:9 main@/b:0 4\n"
		  "p/t/1/2/c: read@[kernel.kallsyms]:0k js@[jit]:0j outer@/a:10 main@/b:0 2\n"
		  "p/t/1/2/c: 2\n");
	CHECK_STR(egret_profile__event(profile, 0)->name, "e");
	CHECK_EQ(egret_profile__event(profile, 0)->period, 5);
	egret_profile__destroy(profile);
}

static void nonsense_is_refused(void)
{
	const struct egret_thread thread = { .process = "p", .comm = "t", .cgroup = "" };
	const struct egret_thread labelled = {
		.process = "p", .comm = "t", .cgroup = "", .n_labels = 65
	};
	const struct egret_frame odd = { .name = "n", .module = "m", .kind = 17 };
	const struct egret_frame *const list[] = { &odd };
	struct egret_stack stack = { .thread = &thread, .frames = list, .event = 1 };
	struct egret_builder *builder = begin();
	struct egret_error err = { "" };

	CHECK_EQ(egret_builder__add_stack(builder, &stack, &err), -EINVAL);
	CHECK(strstr(err.text, "event 1"));
	stack.event = 0;
	stack.n_frames = 1;
	CHECK_EQ(egret_builder__add_stack(builder, &stack, &err), -EINVAL);
	stack.n_frames = 65536;
	CHECK_EQ(egret_builder__add_stack(builder, &stack, &err), -EINVAL);
	stack.n_frames = 0;
	stack.thread = &labelled;
	CHECK_EQ(egret_builder__add_stack(builder, &stack, &err), -EINVAL);
	CHECK_STR(err.text, "a process has at most 64 labels, not 65");
	egret_builder__destroy(builder);
	egret_builder__destroy(NULL);
}

static int count_labels(const struct egret_stack *stack, void *arg)
{
	uint64_t *samples = arg;

	for (size_t i = 0; i < stack->thread->n_labels; i++) {
		CHECK_STR(stack->thread->labels[i].key, i ? "zone" : "host");
		samples[stack->thread->labels[i].value[0] - 'a'] += stack->samples;
	}
	samples[25] += !stack->thread->n_labels;
	return 0;
}

/* The same thread of other labels is another one; in another order they are the same. */
static void labels_tell_threads_apart(void)
{
	const struct egret_label first[] = { { "host", "a" }, { "zone", "c" } };
	const struct egret_label second[] = { { "zone", "c" }, { "host", "b" } };
	struct egret_thread thread = { .process = "p", .comm = "t", .cgroup = "" };
	struct egret_stack stack = { .thread = &thread, .samples = 2, .value = 2 };
	struct egret_builder *builder = begin();
	struct egret_profile *profile;
	struct egret_error err = { "" };
	uint64_t samples[26] = { 0 };

	CHECK_EQ(egret_builder__add_stack(builder, &stack, &err), 0);
	thread.n_labels = 2;
	thread.labels = first;
	CHECK_EQ(egret_builder__add_stack(builder, &stack, &err), 0);
	thread.labels = second;
	CHECK_EQ(egret_builder__add_stack(builder, &stack, &err), 0);
	CHECK_EQ(egret_builder__add_stack(builder, &stack, &err), 0);
	egret_builder__finish(builder, &profile);
	egret_profile__each_stack(profile, count_labels, samples);
	CHECK_EQ(samples[0], 2);
	CHECK_EQ(samples[1], 4);
	CHECK_EQ(samples[2], 6);
	CHECK_EQ(samples[25], 1);
	egret_profile__destroy(profile);
}

int main(void)
{
	RUN(stacks_come_out);
	RUN(labels_tell_threads_apart);
	RUN(nonsense_is_refused);
	return DONE();
}
