/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/recover.h"

/* What the pipeline keeps of a struct egret_module, by its number. */
struct module_state {
	struct egret_unwind_module *unwind;
	struct egret_cache_blob kept; /* what unwind has imported */
	const struct egret_module *module;
	bool unwind_tried;
	uint32_t profile_number; /* + 1; 0: not in the profile yet */
};

int egret_stacks_init(struct egret_stacks *s, const struct egret_unwind_engine *engine,
		      uint32_t max_frames, struct egret_profile *profile, struct egret_cache *cache,
		      struct egret_error *err)
{
	*s = (struct egret_stacks){
		.engine = engine, .max_frames = max_frames, .profile = profile, .cache = cache
	};
	s->frames = calloc(max_frames, sizeof(*s->frames));
	s->known = calloc(EGRET_KNOWN_FRAMES, sizeof(*s->known));
	if (!s->frames || !s->known || egret_recovery_create(&s->recovery))
		return egret_fail(err, ENOMEM, "out of memory");
	return engine->create(&s->unwinder, err);
}

void egret_stacks_deinit(struct egret_stacks *s)
{
	for (size_t i = 0; i < s->n_module_states; i++) {
		if (s->module_states[i].unwind)
			s->engine->module_unload(s->unwinder, s->module_states[i].unwind);
		egret_cache_blob_deinit(&s->module_states[i].kept);
	}
	if (s->unwinder)
		s->engine->destroy(s->unwinder);
	egret_recovery_destroy(s->recovery);
	egret_code_pages_deinit(&s->code_pages);
	for (size_t i = 0; i < EGRET_KEPT_STACKS; i++) {
		free(s->kept[i].frames);
		free(s->kept[i].stacks);
	}
	free(s->module_states);
	free(s->module_of);
	free(s->known);
	free(s->frames);
}

/* ---- modules and frames -------------------------------------------------------------------------
 */

static struct module_state *state_of(struct egret_stacks *s, const struct egret_module *module)
{
	size_t n = module->number + 1;

	if (n > s->n_module_states) {
		struct module_state *states;

		states = reallocarray(s->module_states, n * 2, sizeof(*states));
		if (!states)
			return NULL;
		memset(states + s->n_module_states, 0,
		       (n * 2 - s->n_module_states) * sizeof(*states));
		s->module_states = states;
		s->n_module_states = n * 2;
	}
	return &s->module_states[module->number];
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
	if (number == UINT32_MAX || number < s->n_module_of)
		return number;
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
	struct module_state *state = state_of(s, module);
	struct egret_profile_module m = {
		.kind = kinds[module->kind],
		.dev = module->dev,
		.ino = module->ino,
		.pid = module->pid,
		.build_id = module->build_id,
	};
	uint32_t number;

	if (!state)
		return UINT32_MAX;
	if (state->profile_number)
		return state->profile_number - 1;
	if (m.build_id.len)
		m.dev = m.ino = 0; /* the build-id is the identity */
	number = add_profile_module(s, &m, module->path, module);
	if (number != UINT32_MAX)
		state->profile_number = number + 1;
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

/* A capture while it is unwound: the argument of both callbacks. */
struct capture_view {
	struct egret_stacks *stacks;
	struct egret_process *process;
	const struct egret_rec_capture *rec;
	struct egret_stack_run runs[EGRET_MAX_WINDOWS];
	uint32_t last;
};

/* The number of what is mapped in a process; 0: none. */
static uint64_t code_number_of(const struct egret_process *process)
{
	return process->code ? process->code->number : 0;
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

/* The stack of n frames, s->frames, on top of base; they are what is kept afterwards. */
static uint32_t push_user_frames(struct egret_stacks *s, uint32_t base, size_t n,
				 const struct capture_view *view)
{
	const struct egret_rec_capture *rec = view->rec;
	uint64_t code_number = code_number_of(view->process);
	struct egret_kept_stack *kept = kept_of(s, rec->tid);
	struct egret_unwound_frame *frames = s->frames;
	uint32_t stack = base;
	size_t done = 0;

	if (!kept)
		return UINT32_MAX;
	if (code_number && kept->code_number == code_number && kept->base == base)
		done = count_kept(kept, frames, n);
	if (done)
		stack = kept->stacks[done - 1];
	if (s->jit && has_jit_frames(frames, n - done))
		egret_jit_names_seen(s->jit, view->process);
	kept->n_kept = done;
	for (size_t i = done; i < n; i++) {
		const struct egret_unwound_frame *frame = &frames[n - 1 - i];

		stack = push_user_frame(s, stack, frame, code_number, rec->rec.time);
		kept->stacks[i] = stack;
		if (kept->n_kept == i && stack != UINT32_MAX && !is_jit_frame(frame))
			kept->n_kept++;
	}
	s->frames = kept->frames;
	kept->frames = frames;
	kept->n_frames = n;
	kept->code_number = code_number;
	kept->base = base;
	return stack;
}

/* ---- unwinding ----------------------------------------------------------------------------------
 */

static bool view_capture(struct capture_view *view, const struct egret_rec_capture *rec)
{
	const uint8_t *data = (const uint8_t *)(rec + 1),
		      *end = (const uint8_t *)rec + rec->rec.size;

	view->rec = rec;
	if (rec->n_windows > EGRET_MAX_WINDOWS)
		return false;
	for (size_t i = 0; i < rec->n_windows; i++) {
		const struct egret_window *w = &rec->window[i];

		if (w->len > (size_t)(end - data))
			return false;
		view->runs[i] = (struct egret_stack_run){ w->start, w->len, data };
		data += w->len;
	}
	return true;
}

/* Whether a page that is not there was there in the process: then what lies behind it was read. */
static bool has_holes(const struct egret_rec_capture *rec)
{
	return rec->ending != EGRET_CAPTURE_WHOLE && rec->ending != EGRET_CAPTURE_LIMIT;
}

static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	struct capture_view *view = arg;
	const struct egret_rec_capture *rec = view->rec;

	for (uint32_t n = 0, i = view->last; n < rec->n_windows; n++) {
		const struct egret_stack_run *run = &view->runs[i];

		if (addr >= run->start && addr - run->start < run->len &&
		    run->len - (addr - run->start) >= 8) {
			memcpy(value, run->bytes + (addr - run->start), 8);
			view->last = i;
			return 0;
		}
		i = i + 1 < rec->n_windows ? i + 1 : 0;
	}
	return has_holes(rec) ? -ENXIO : -EFAULT;
}

/* ---- unwind tables on disk ----------------------------------------------------------------------
 */

static bool key_of_module(const struct egret_stacks *s, const struct egret_module *module,
			  struct egret_cache_key *key)
{
	return s->cache && s->engine->module_import && module->elf &&
	       egret_cache_key_of(module->elf, EGRET_CACHE_CFI, s->engine->kept_version, key);
}

static void load_module(struct egret_stacks *s, struct module_state *state,
			const struct egret_module *module)
{
	struct egret_cache_key key;

	state->unwind_tried = true;
	state->module = module;
	if (s->engine->module_load(s->unwinder, module->elf, module->debug, &state->unwind)) {
		state->unwind = NULL;
		return;
	}
	if (key_of_module(s, module, &key) && !egret_cache_get(s->cache, &key, &state->kept) &&
	    !s->engine->module_import(state->unwind, state->kept.bytes, state->kept.size))
		egret_cache_reject(s->cache, &state->kept);
}

void egret_stacks_keep(struct egret_stacks *s)
{
	struct egret_buffer bytes = { 0 };
	struct egret_cache_key key;

	for (size_t i = 0; i < s->n_module_states; i++) {
		struct module_state *state = &s->module_states[i];

		egret_buffer_clear(&bytes);
		/* One that cannot be kept is counted, and hurts nobody. */
		if (state->unwind && key_of_module(s, state->module, &key) &&
		    s->engine->module_export(state->unwind, &bytes) > 0)
			(void)egret_cache_put(s->cache, &key, bytes.data, bytes.len);
	}
	egret_buffer_deinit(&bytes);
}

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	struct capture_view *view = arg;
	struct egret_stacks *s = view->stacks;
	const struct egret_mapping *m = egret_process_find(view->process, pc);
	struct module_state *state;

	*code = (struct egret_code){ 0 };
	if (!m)
		return false;
	code->cookie = (uintptr_t)m;
	if (!m->biased)
		return true;
	code->bias = m->bias;
	state = state_of(s, m->module);
	if (state && !state->unwind_tried)
		load_module(s, state, m->module);
	code->module = state ? state->unwind : NULL;
	return true;
}

static void note_code(struct egret_module *module, size_t size, uint64_t offset)
{
	uint64_t page = offset / EGRET_MODULE_PAGE;

	if (!module->code_read)
		module->code_read = calloc(1, size / EGRET_MODULE_PAGE / 8 + 1);
	if (module->code_read)
		module->code_read[page / 8] |= (uint8_t)(1u << page % 8);
}

/* The code of a file, a page at a time. */
static bool file_text(struct egret_stacks *s, const struct egret_mapping *m, uint64_t pc,
		      struct egret_text *out)
{
	uint64_t offset = pc - m->start + m->pgoff, at = offset - offset % EGRET_MODULE_PAGE;
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(m->module->elf, &size);
	uint64_t entry = egret_elf_entry(m->module->elf);

	if (offset >= size)
		return false;
	if (s->note_code)
		note_code(m->module, size, at);
	*out = (struct egret_text){
		.bytes = bytes + at,
		.start = pc - (offset - at),
		.end = pc - (offset - at) +
		       (size - at < EGRET_MODULE_PAGE ? size - at : EGRET_MODULE_PAGE),
		.id = m->module->number + 1,
		.bias = m->start - m->pgoff,
		.entry = m->biased && entry ? m->bias + entry : 0,
	};
	return true;
}

static bool read_text(void *arg, uint64_t pc, struct egret_text *out)
{
	struct capture_view *view = arg;
	const struct egret_mapping *m = egret_process_find(view->process, pc);

	if (!m)
		return false;
	if (m->module->elf)
		return file_text(view->stacks, m, pc, out);
	return egret_code_pages_text(&view->stacks->code_pages, view->stacks->process_source,
				     view->process->pid, pc, view->rec->rec.time, out);
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

/* The code at pc, as far as it is in the file: at most len bytes. Returns how many. */
static size_t read_code(struct egret_process *process, uint64_t pc, uint8_t *to, size_t len)
{
	const struct egret_mapping *m = egret_process_find(process, pc);
	const uint8_t *bytes;
	uint64_t offset;
	size_t size;

	if (!m || !m->module->elf)
		return 0;
	bytes = egret_elf_bytes(m->module->elf, &size);
	offset = pc - m->start + m->pgoff;
	if (offset >= size)
		return 0;
	len = len < size - offset ? len : size - offset;
	memcpy(to, bytes + offset, len);
	return len;
}

/*
 * Where the branches "test %rax, %rax; jl somewhere; jz target", of which pc is one, lead with
 * rax = 0; 0 where start is not the first of them.
 */
static uint64_t zero_branch(struct egret_process *process, uint64_t start, uint64_t pc)
{
	static const uint8_t test[] = { 0x48, 0x85, 0xc0 };
	uint8_t code[16] = { 0 }, *p = code + sizeof(test);
	int32_t far;

	if (read_code(process, start, code, sizeof(code)) < sizeof(code) ||
	    memcmp(code, test, sizeof(test)))
		return 0;
	if (p[0] == 0x0f && p[1] == 0x8c) /* jl rel32 */
		p += 6;
	else if (p[0] == 0x7c) /* jl rel8 */
		p += 2;
	else
		return 0;
	if (pc > start + (uint64_t)(p - code))
		return 0;
	if (p[0] == 0x74) /* jz rel8 */
		return start + (uint64_t)(p + 2 - code) + (uint64_t)(int8_t)p[1];
	if (p[0] != 0x0f || p[1] != 0x84) /* jz rel32 */
		return 0;
	memcpy(&far, p + 2, sizeof(far));
	return start + (uint64_t)(p + 6 - code) + (uint64_t)(int64_t)far;
}

/*
 * A thread that clone() has made stands behind the syscall instruction at first, where the CFI is
 * that of its creator, who returns; its own stack is empty. It is about to take the branch for a
 * result of 0 (sysdeps/unix/sysv/linux/x86_64/clone3.S), so it is unwound from there, where the CFI
 * says that this is the root. A process that fork() has made has its creator's stack, and its code
 * does not look so.
 */
static void begin_new_thread(struct egret_process *process, struct egret_unwind_regs *regs)
{
	static const uint8_t before_pc[] = { 0, 3, 5,
					     9 }; /* the test, the jl, the jz behind either */
	uint64_t pc = regs->r[EGRET_UNWIND_RIP], target = 0;

	if (regs->r[0])
		return;
	for (size_t i = 0; i < sizeof(before_pc) && !target; i++)
		target = zero_branch(process, pc - before_pc[i], pc);
	if (target)
		regs->r[EGRET_UNWIND_RIP] = target;
}

static struct egret_user_stack unwind_capture(struct egret_stacks *s, struct capture_view *view)
{
	const struct egret_rec_capture *rec = view->rec;
	struct egret_unwind_request request = {
		.read_stack = read_stack,
		.find_code = find_code,
		.read_text = read_text,
		.arg = view,
		.recovery = s->recovery,
		.runs = view->runs,
		.n_runs = rec->n_windows,
		.code_number = code_number_of(view->process),
		.frames = s->frames,
		.max_frames = s->max_frames,
	};
	struct egret_user_stack user = { .capture_end = rec->ending };
	struct egret_unwind_result result;

	memcpy(request.regs.r, rec->regs, sizeof(rec->regs));
	begin_new_thread(view->process, &request.regs);
	result = s->engine->unwind(s->unwinder, &request);
	if ((result.end == EGRET_UNWIND_NO_CFI || result.end == EGRET_UNWIND_FRAME_POINTER_END) &&
	    egret_code_pages_refresh(&s->code_pages, s->process_source, view->process->pid,
				     rec->rec.time))
		result = s->engine->unwind(s->unwinder, &request);
	s->frames_unwound += result.n_frames;
	user.unwind_end = (uint8_t)result.end;
	if (result.end != EGRET_UNWIND_ROOT) {
		user.stack = cut_frame(s, rec->ending, user.unwind_end);
		user.wanted = rec->wanted;
		user.got = rec->got;
	}
	user.stack = push_user_frames(s, user.stack, result.n_frames, view);
	return user;
}

struct egret_user_stack egret_stacks_unwind(struct egret_stacks *s, struct egret_process *process,
					    const struct egret_rec_capture *rec)
{
	struct capture_view view = { .stacks = s, .process = process };

	if (!rec->got || !view_capture(&view, rec))
		return egret_stacks_none(s, rec->ending);
	if (!process)
		return egret_stacks_none(s, EGRET_CAPTURE_LOST);
	return unwind_capture(s, &view);
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
