/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int egret_stacks_init(struct egret_stacks *s, uint32_t max_frames, struct egret_profile *profile)
{
	*s = (struct egret_stacks){ .max_frames = max_frames, .profile = profile };
	s->known = calloc(EGRET_KNOWN_FRAMES, sizeof(*s->known));
	return s->known ? 0 : -ENOMEM;
}

void egret_stacks_deinit(struct egret_stacks *s)
{
	for (size_t i = 0; i < EGRET_KEPT_STACKS; i++) {
		free(s->kept[i].frames);
		free(s->kept[i].stacks);
	}
	free(s->number_of);
	free(s->module_of);
	free(s->known);
}

size_t egret_stacks_memory(const struct egret_stacks *s)
{
	size_t bytes = EGRET_KNOWN_FRAMES * sizeof(*s->known) +
		       s->n_number_of * sizeof(*s->number_of) +
		       s->n_module_of * sizeof(*s->module_of);

	for (size_t i = 0; i < EGRET_KEPT_STACKS; i++)
		if (s->kept[i].frames)
			bytes += s->max_frames *
				 (sizeof(*s->kept[i].frames) + sizeof(*s->kept[i].stacks));
	return bytes;
}

/* ---- modules and frames -------------------------------------------------------------------------
 */

/* The place of a module's number in the profile: + 1; 0: not in it yet. NULL without memory. */
static uint32_t *number_of(struct egret_stacks *s, const struct egret_module *module)
{
	size_t n = module->number + 1;

	if (n > s->n_number_of) {
		uint32_t *numbers = reallocarray(s->number_of, n * 2, sizeof(*numbers));

		if (!numbers)
			return NULL;
		memset(numbers + s->n_number_of, 0, (n * 2 - s->n_number_of) * sizeof(*numbers));
		s->number_of = numbers;
		s->n_number_of = n * 2;
	}
	return &s->number_of[module->number];
}

/* Adds a module to the profile, and remembers which struct egret_module it is. */
static uint32_t add_profile_module(struct egret_stacks *s, struct egret_profile_module *m,
				   const char *path, struct egret_module *module)
{
	struct egret_module **module_of;
	uint32_t number;

	m->path = egret_profile_string(s->profile, path, strlen(path), NULL);
	if (m->path == UINT32_MAX)
		return UINT32_MAX;
	number = egret_profile_module(s->profile, m, NULL);
	if (number == UINT32_MAX)
		return number;
	if (number < s->n_module_of) {
		if (!s->module_of[number]) /* known to the profile from before it was renewed */
			s->module_of[number] = module;
		return number;
	}
	module_of = reallocarray(s->module_of, number + 1, sizeof(struct egret_module *));
	if (!module_of)
		return UINT32_MAX;
	s->module_of = module_of;
	for (size_t i = s->n_module_of; i < number; i++)
		module_of[i] = NULL;
	module_of[number] = module;
	s->n_module_of = number + 1;
	return number;
}

static uint32_t profile_module_of(struct egret_stacks *s, struct egret_module *module)
{
	static const uint32_t kinds[] = {
		[EGRET_CODE_FILE] = EGRET_MODULE_FILE,
		[EGRET_CODE_VDSO] = EGRET_MODULE_VDSO,
		[EGRET_CODE_JIT] = EGRET_MODULE_JIT,
	};
	uint32_t *known = number_of(s, module);
	struct egret_profile_module m = {
		.kind = kinds[module->kind],
		.dev = module->dev,
		.ino = module->ino,
		.pid = module->pid,
		.build_id = module->build_id,
	};
	uint32_t number;

	if (!known)
		return UINT32_MAX;
	if (*known)
		return *known - 1;
	if (m.build_id.len)
		m.dev = m.ino = 0; /* the build-id is the identity */
	number = add_profile_module(s, &m, module->path, module);
	if (number != UINT32_MAX)
		*known = number + 1;
	return number;
}

static uint32_t pseudo_module(struct egret_stacks *s, enum egret_module_kind kind, const char *path)
{
	struct egret_profile_module m = { .kind = kind };

	return add_profile_module(s, &m, path, NULL);
}

/* The number of a frame of the profile. UINT32_MAX without memory. */
static uint32_t frame_number(struct egret_stacks *s, uint32_t module, uint64_t offset,
			     uint32_t flags)
{
	struct egret_profile_frame frame = { .module = module, .flags = flags, .offset = offset };

	return module == UINT32_MAX ? UINT32_MAX : egret_profile_frame(s->profile, &frame, NULL);
}

/* Grows a stack by one frame. UINT32_MAX without memory. */
static uint32_t push(struct egret_stacks *s, uint32_t stack, uint32_t module, uint64_t offset,
		     uint32_t flags)
{
	uint32_t number = frame_number(s, module, offset, flags);

	if (stack == UINT32_MAX || number == UINT32_MAX)
		return UINT32_MAX;
	return egret_profile_stack(s->profile, stack, number, NULL);
}

/* Code that was at an address after other code is a module of its own: the address alone would not
 * tell them apart. */
static uint32_t jit_module_of(struct egret_stacks *s, struct egret_module *module, uint64_t pc,
			      uint32_t flags, uint64_t time)
{
	struct egret_profile_module m = { .kind = EGRET_MODULE_JIT, .pid = module->pid };
	uint64_t addr = pc - !!(flags & EGRET_FRAME_F_RETURN);

	m.ino = s->jit ? egret_jit_names_generation(s->jit, module->pid, addr, time) : 0;
	return m.ino ? add_profile_module(s, &m, module->path, module)
		     : profile_module_of(s, module);
}

/* The frame's number where it is one of a file's, or of nothing mapped. */
static uint32_t find_frame(struct egret_stacks *s, const struct egret_unwound_frame *frame)
{
	const struct egret_mapping *m = (const struct egret_mapping *)(uintptr_t)frame->cookie;

	if (!m)
		return frame_number(s, pseudo_module(s, EGRET_MODULE_UNMAPPED, "[unknown]"),
				    frame->pc, frame->flags);
	return frame_number(s, profile_module_of(s, m->module), frame->pc - m->start + m->pgoff,
			    frame->flags);
}

/* The same, of frames that were seen before with the same number of what is mapped; 0: none. */
static uint32_t known_frame(struct egret_stacks *s, const struct egret_unwound_frame *frame,
			    uint64_t code_number)
{
	struct egret_known_frame *known =
		&s->known[egret_hash64(frame->pc ^ code_number << 48) % EGRET_KNOWN_FRAMES];

	if (known->pc == frame->pc && known->code_number == code_number && code_number &&
	    known->cookie == frame->cookie && known->flags == frame->flags)
		return known->number;
	*known = (struct egret_known_frame){ frame->pc, frame->cookie, code_number, frame->flags,
					     find_frame(s, frame) };
	/* What there was no memory for is asked for again. */
	if (known->number == UINT32_MAX)
		known->code_number = 0;
	return known->number;
}

/* What is at an address that code was made at may be other code the next time. */
static bool is_jit_frame(const struct egret_unwound_frame *frame)
{
	const struct egret_mapping *m = (const struct egret_mapping *)(uintptr_t)frame->cookie;

	return m && m->module->kind == EGRET_CODE_JIT;
}

/* Grows a stack by a user frame. code_number: of what is mapped; 0: none. */
static uint32_t push_user_frame(struct egret_stacks *s, uint32_t stack,
				const struct egret_unwound_frame *frame, uint64_t code_number,
				uint64_t time)
{
	const struct egret_mapping *m = (const struct egret_mapping *)(uintptr_t)frame->cookie;
	uint32_t number;

	if (is_jit_frame(frame))
		return push(s, stack, jit_module_of(s, m->module, frame->pc, frame->flags, time),
			    frame->pc, frame->flags);
	number = known_frame(s, frame, code_number);
	if (stack == UINT32_MAX || number == UINT32_MAX)
		return UINT32_MAX;
	return egret_profile_stack(s->profile, stack, number, NULL);
}

/* ---- the last stacks ----------------------------------------------------------------------------
 */

static bool same_frame(const struct egret_unwound_frame *a, const struct egret_unwound_frame *b)
{
	return a->pc == b->pc && a->cookie == b->cookie && a->flags == b->flags;
}

/* How many of n frames, from the root on, have their stack already. */
static size_t count_kept(const struct egret_kept_stack *kept,
			 const struct egret_unwound_frame *frames, size_t n)
{
	size_t max = kept->n_kept < n ? kept->n_kept : n, i = 0;

	while (i < max && same_frame(&frames[n - 1 - i], &kept->frames[kept->n_frames - 1 - i]))
		i++;
	return i;
}

/* What is kept of a thread. NULL without memory. */
static struct egret_kept_stack *kept_of(struct egret_stacks *s, uint32_t tid)
{
	struct egret_kept_stack *kept = &s->kept[tid % EGRET_KEPT_STACKS];

	if (!kept->stacks)
		kept->stacks = calloc(s->max_frames, sizeof(*kept->stacks));
	if (!kept->frames)
		kept->frames = calloc(s->max_frames, sizeof(*kept->frames));
	return kept->stacks && kept->frames ? kept : NULL;
}

static bool has_jit_frames(const struct egret_unwound_frame *frames, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_jit_frame(&frames[i]))
			return true;
	return false;
}

/* The stack of n frames, *room, on top of base; they are what is kept afterwards. */
static uint32_t push_user_frames(struct egret_stacks *s, uint32_t base,
				 struct egret_unwound_frame **room, size_t n,
				 const struct egret_capture_view *view)
{
	const struct egret_rec_capture *rec = view->rec;
	uint64_t code_number = egret_capture_view_code_number(view);
	struct egret_kept_stack *kept = kept_of(s, rec->tid);
	struct egret_unwound_frame *frames = *room;
	uint32_t stack = base;
	size_t done = 0;

	if (!kept)
		return UINT32_MAX;
	if (code_number && kept->code_number == code_number && kept->base == base)
		done = count_kept(kept, frames, n);
	if (done)
		stack = kept->stacks[done - 1];
	if (s->jit && has_jit_frames(frames, n - done))
		egret_jit_names_seen(s->jit, (int)rec->pid, view->code);
	kept->n_kept = done;
	for (size_t i = done; i < n; i++) {
		const struct egret_unwound_frame *frame = &frames[n - 1 - i];

		stack = push_user_frame(s, stack, frame, code_number, rec->rec.time);
		kept->stacks[i] = stack;
		if (kept->n_kept == i && stack != UINT32_MAX && !is_jit_frame(frame))
			kept->n_kept++;
	}
	*room = kept->frames;
	kept->frames = frames;
	kept->n_frames = n;
	kept->code_number = code_number;
	kept->base = base;
	return stack;
}

/* The frame that stands at the root of a stack that is not whole, and says why. */
static uint32_t cut_frame(struct egret_stacks *s, uint8_t capture_end, uint8_t unwind_end)
{
	uint64_t offset = (uint64_t)capture_end << 8 | unwind_end;

	return push(s, 0, pseudo_module(s, EGRET_MODULE_CUT, "[cut]"), offset, 0);
}

static bool without_user_part(uint8_t capture_end)
{
	return capture_end == EGRET_CAPTURE_KERNEL_THREAD ||
	       capture_end == EGRET_CAPTURE_USER_WORKER || capture_end == EGRET_CAPTURE_IDLE ||
	       capture_end == EGRET_CAPTURE_NOT_WANTED;
}

/* A user stack for samples that have none. */
struct egret_user_stack egret_stacks_none(struct egret_stacks *s, uint8_t capture_end)
{
	struct egret_user_stack user = { .capture_end = capture_end };

	if (without_user_part(capture_end)) {
		user.unwind_end = EGRET_UNWIND_NOT_USER;
		return user;
	}
	user.unwind_end = capture_end == EGRET_CAPTURE_COMPAT ? EGRET_UNWIND_COMPAT
							      : EGRET_UNWIND_NO_CAPTURE;
	user.stack = cut_frame(s, capture_end, user.unwind_end);
	return user;
}

struct egret_user_stack egret_stacks_unwound(struct egret_stacks *s,
					     const struct egret_capture_view *view,
					     const struct egret_unwind_result *result,
					     struct egret_unwound_frame **frames)
{
	const struct egret_rec_capture *rec = view->rec;
	struct egret_user_stack user = { .capture_end = rec->ending };

	s->frames_unwound += result->n_frames;
	user.unwind_end = (uint8_t)result->end;
	if (result->end != EGRET_UNWIND_ROOT) {
		user.stack = cut_frame(s, rec->ending, user.unwind_end);
		user.wanted = rec->wanted;
		user.got = rec->got;
	}
	user.stack = push_user_frames(s, user.stack, frames, result->n_frames, view);
	return user;
}

struct egret_user_stack egret_stacks_chain(struct egret_stacks *s, struct egret_process *process,
					   const uint64_t *chain, size_t n, uint64_t time)
{
	struct egret_user_stack user = {
		.capture_end = EGRET_CAPTURE_IMPORTED,
		.unwind_end = n ? EGRET_UNWIND_IMPORTED : EGRET_UNWIND_NOT_USER,
	};

	while (n-- > 0) {
		struct egret_unwound_frame frame = { .pc = chain[n],
						     .flags = n ? EGRET_FRAME_F_RETURN : 0 };

		if (process)
			frame.cookie = (uintptr_t)egret_process_find(process, frame.pc - !!n);
		user.stack = push_user_frame(s, user.stack, &frame, 0, time);
	}
	return user;
}

uint32_t egret_stacks_push_kernel(struct egret_stacks *s, uint32_t stack, const uint64_t *kernel,
				  uint32_t n_kernel)
{
	uint32_t module;

	if (!n_kernel)
		return stack;
	module = pseudo_module(s, EGRET_MODULE_KERNEL, "[kernel.kallsyms]");
	for (uint32_t i = n_kernel; i-- > 0;)
		stack = push(s, stack, module, kernel[i], i ? EGRET_FRAME_F_RETURN : 0);
	return stack;
}
