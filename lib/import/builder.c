/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* builder.c - a profile from stacks of names that come from elsewhere: a database, a network. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "import/named.h"

/* A function and what is inlined into it, by the addresses of their frames, leaf first. */
struct group {
	uint32_t first, n; /* in pointers */
	uint32_t frame;	   /* of the profile */
};

struct egret_builder {
	struct egret_named named;
	struct egret_buffer pointers; /* const struct egret_frame *, of all groups */
	struct egret_buffer groups;   /* struct group */
	struct egret_buffer lines;    /* struct egret_named_line, of the group under way */
	struct egret_index index;     /* of groups */
};

int egret_builder__create(struct egret_builder **out, struct egret_error *err)
{
	struct egret_builder *builder = calloc(1, sizeof(*builder));
	int ret = builder ? egret_profile_create(&builder->named.profile) : -ENOMEM;

	if (ret) {
		free(builder);
		return egret_fail(err, ENOMEM, "out of memory");
	}
	*out = builder;
	return 0;
}

void egret_builder__destroy(struct egret_builder *builder)
{
	if (!builder)
		return;
	egret_profile__destroy(builder->named.profile);
	egret_named_deinit(&builder->named);
	egret_buffer_deinit(&builder->pointers);
	egret_buffer_deinit(&builder->groups);
	egret_buffer_deinit(&builder->lines);
	egret_index_deinit(&builder->index);
	free(builder);
}

int egret_builder__add_event(struct egret_builder *builder, const struct egret_event *event,
			     struct egret_error *err)
{
	int ret = egret_profile_add_event(builder->named.profile, event);

	return ret ? egret_fail(err, -ret, "cannot add the event '%s': %s", event->name,
				ret == -E2BIG ? "there are too many" : strerror(-ret))
		   : 0;
}

/* ---- frames -------------------------------------------------------------------------------- */

struct group_key {
	const struct egret_frame *const *frames;
	size_t n;
};

static bool group_equal(const void *owner, uint32_t value, const void *wanted)
{
	const struct egret_builder *builder = owner;
	const struct group *group = (const struct group *)builder->groups.data + value;
	const struct group_key *key = wanted;

	return group->n == key->n &&
	       !memcmp((const struct egret_frame *const *)builder->pointers.data + group->first,
		       key->frames, key->n * sizeof(*key->frames));
}

static uint32_t module_of(struct egret_builder *builder, const struct egret_frame *frame)
{
	static const enum egret_module_kind kinds[] = {
		[EGRET_FRAME_USER] = EGRET_MODULE_FILE, [EGRET_FRAME_KERNEL] = EGRET_MODULE_KERNEL,
		[EGRET_FRAME_JIT] = EGRET_MODULE_JIT,	[EGRET_FRAME_VDSO] = EGRET_MODULE_VDSO,
		[EGRET_FRAME_CUT] = EGRET_MODULE_FILE, /* unless its name is that of an ending */
	};

	return egret_named_module_of(&builder->named, frame->module, kinds[frame->kind]);
}

/* Frames that are nowhere are told apart by their names. */
static uint32_t make_frame(struct egret_builder *builder, const struct group_key *key)
{
	const uint32_t flags = EGRET_FRAME_F_RECOVERED | EGRET_FRAME_F_RETURN |
			       EGRET_FRAME_F_SIGNAL | EGRET_FRAME_F_FRAME_POINTER;
	const struct egret_frame *function = key->frames[key->n - 1];

	egret_buffer_clear(&builder->lines);
	for (size_t i = 0; i < key->n; i++) {
		const struct egret_frame *frame = key->frames[i];
		const struct egret_named_line line = {
			.name = frame->name,
			.len = strlen(frame->name),
			.file = frame->file,
			.file_len = frame->file ? strlen(frame->file) : 0,
			.line = frame->line,
		};

		egret_buffer_add(&builder->lines, &line, sizeof(line));
	}
	if (builder->lines.failed)
		return UINT32_MAX;
	return egret_named_frame(&builder->named, module_of(builder, function),
				 function->offset ? function->offset : EGRET_NAMED_NOWHERE,
				 function->flags & flags,
				 (const struct egret_named_line *)builder->lines.data, key->n);
}

static uint32_t frame_of(struct egret_builder *builder, const struct group_key *key)
{
	uint64_t hash = egret_hash_bytes(key->frames, key->n * sizeof(*key->frames));
	uint32_t number = egret_index_find(&builder->index, hash, key, group_equal, builder);
	struct group group = { .n = (uint32_t)key->n };

	if (number != EGRET_INDEX_NONE)
		return ((const struct group *)builder->groups.data)[number].frame;
	number = (uint32_t)(builder->groups.len / sizeof(group));
	group.first = (uint32_t)(builder->pointers.len / sizeof(*key->frames));
	group.frame = make_frame(builder, key);
	if (group.frame == UINT32_MAX)
		return UINT32_MAX;
	egret_buffer_add(&builder->pointers, key->frames, key->n * sizeof(*key->frames));
	egret_buffer_add(&builder->groups, &group, sizeof(group));
	if (builder->pointers.failed || builder->groups.failed ||
	    egret_index_add(&builder->index, hash, number))
		return UINT32_MAX;
	return group.frame;
}

/* From the root; a function that others are inlined into comes behind them in frames. */
static uint32_t stack_of(struct egret_builder *builder, const struct egret_stack *stack)
{
	uint32_t number = 0;

	for (size_t end = stack->n_frames; end && number != UINT32_MAX;) {
		size_t first = end - 1;
		struct group_key key;
		uint32_t frame;

		while (first && (stack->frames[first - 1]->flags & EGRET_FRAME_F_INLINED))
			first--;
		key = (struct group_key){ .frames = stack->frames + first, .n = end - first };
		frame = frame_of(builder, &key);
		if (frame == UINT32_MAX)
			return UINT32_MAX;
		number = egret_profile_stack(builder->named.profile, number, frame, NULL);
		end = first;
	}
	return number;
}

/* ---- stacks -------------------------------------------------------------------------------- */

static bool is_sound(const struct egret_builder *builder, const struct egret_stack *stack)
{
	if (stack->event >= egret_profile__n_events(builder->named.profile) ||
	    stack->n_frames > EGRET_PROFILE_MAX_DEPTH)
		return false;
	for (size_t i = 0; i < stack->n_frames; i++)
		if (stack->frames[i]->kind > EGRET_FRAME_CUT)
			return false;
	return true;
}

static int set_cgroup(struct egret_builder *builder, uint32_t number, const struct egret_thread *t)
{
	uint32_t cgroup;

	if (!t->cgroup || !*t->cgroup)
		return 0;
	cgroup = egret_named_string(&builder->named, t->cgroup, strlen(t->cgroup));
	if (cgroup == UINT32_MAX)
		return -ENOMEM;
	return egret_profile_set_cgroup(builder->named.profile, number, cgroup);
}

/* The number of the set of a thread's labels; 0: none. UINT32_MAX: without memory. */
static uint32_t label_set_of(struct egret_builder *builder, const struct egret_thread *t)
{
	__free_ struct egret_profile_label *labels =
		t->n_labels ? reallocarray(NULL, t->n_labels, sizeof(*labels)) : NULL;

	if (t->n_labels && !labels)
		return UINT32_MAX;
	for (size_t i = 0; i < t->n_labels; i++) {
		const char *key = t->labels[i].key, *value = t->labels[i].value;

		labels[i].key = egret_named_string(&builder->named, key, strlen(key));
		labels[i].value = egret_named_string(&builder->named, value, strlen(value));
		if (labels[i].key == UINT32_MAX || labels[i].value == UINT32_MAX)
			return UINT32_MAX;
	}
	return egret_profile_label_set(builder->named.profile, labels, t->n_labels);
}

/* Of another set of labels it is another thread, as if it had been started at another time. */
static uint32_t thread_of(struct egret_builder *builder, const struct egret_thread *t)
{
	struct egret_named *named = &builder->named;
	struct egret_profile_thread thread = {
		.pid = t->pid,
		.tid = t->tid,
		.start_time = label_set_of(builder, t),
		.process = egret_named_string(named, t->process, strlen(t->process)),
		.comm = egret_named_string(named, t->comm, strlen(t->comm)),
	};
	uint32_t number;

	if (thread.start_time == UINT32_MAX || thread.process == UINT32_MAX ||
	    thread.comm == UINT32_MAX)
		return UINT32_MAX;
	number = egret_profile_thread(named->profile, &thread, NULL);
	if (number == UINT32_MAX || set_cgroup(builder, number, t) ||
	    egret_profile_set_thread_labels(named->profile, number, (uint32_t)thread.start_time))
		return UINT32_MAX;
	return number;
}

int egret_builder__add_stack(struct egret_builder *builder, const struct egret_stack *stack,
			     struct egret_error *err)
{
	struct egret_profile_key key = {
		.event = stack->event,
		.capture_end = stack->capture_end,
		.unwind_end = stack->unwind_end,
	};
	const struct egret_profile_values values = {
		.samples = stack->samples,
		.value = stack->value,
		.bytes_wanted = stack->bytes_wanted,
		.bytes_got = stack->bytes_got,
	};

	if (!is_sound(builder, stack))
		return egret_fail(err, EINVAL,
				  "a stack of %zu frames and event %u is none of this profile",
				  stack->n_frames, stack->event);
	if (stack->thread->n_labels > EGRET_LABELS_MAX)
		return egret_fail(err, EINVAL, "a process has at most %d labels, not %zu",
				  EGRET_LABELS_MAX, stack->thread->n_labels);
	key.thread = thread_of(builder, stack->thread);
	key.stack = stack_of(builder, stack);
	if (key.thread == UINT32_MAX || key.stack == UINT32_MAX ||
	    egret_profile_add(builder->named.profile, &key, &values))
		return egret_fail(err, ENOMEM, "out of memory");
	return 0;
}

int egret_builder__finish(struct egret_builder *builder, struct egret_profile **out)
{
	*out = builder->named.profile;
	builder->named.profile = NULL;
	egret_builder__destroy(builder);
	return 0;
}
