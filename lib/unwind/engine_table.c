/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * engine_table.c - CFI compiled to tables, and a cache of the program counters that were seen last.
 *
 * Most frames are left by quick steps: the pc is in the cache, its row finds the CFA by rsp or rbp,
 * and the return address is in the bytes at hand. Such a step looks at half a cache line of the
 * cache and at one word of the stack, and writes down where it has been. Whatever is not like that
 * is left to the walk (walk.h), for which the registers are made up from what was written down.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <egret/egret.h>

#include "base/large_pages.h"
#include "unwind/engines.h"
#include "unwind/pc_cache.h"
#include "unwind/table_module.h"
#include "unwind/walk.h"

/* What a quick step leaves behind: the caller, and where the registers are that were saved. */
struct trail_step {
	uint64_t cfa; /* from the start of a run of bytes */
	struct egret_pc_saved saved;
	uint64_t pc, cookie; /* of the caller */
};

/*
 * Quick steps of one stack that follow each other. They are kept until the next one of what is
 * likely the same thread: most of its return addresses are where they were. Those from the root
 * on are compared, all at once, since none has to wait for the one before it; the steps are taken
 * only up to the first frame that is the same, from where on all others are, too.
 */
#define TRAIL_STEPS 256
#define TRAILS 8
#define TRAIL_SPAN_BITS 20 /* stacks of a thread begin within so much of each other */

/* Of a longer run of bytes, nothing is left quickly. */
#define RUN_MAX (1ull << 30)

struct trail {
	struct trail_step
		step[TRAIL_STEPS]; /* the last ones of it are in use, the outermost last */
	size_t first;
	uint64_t start;	     /* what cfa counts from */
	uint32_t tag;	     /* of the program counters: of the same process, as it was mapped */
	uint32_t generation; /* of the cache */
};

struct egret_unwinder {
	struct egret_pc_cache cache;
	struct trail trails[TRAILS];
	struct trail_step steps[TRAIL_STEPS]; /* of the stack under way */
	void *block;			      /* of memory that this is in */
	struct egret_pc_other at;	      /* what was looked up last */
	uint32_t tag;	  /* of the stack's program counters, but for is_return */
	uint64_t lookups; /* rows that were not in the cache */
};

struct egret_unwind_module {
	struct egret_table_module *tables;
};

static int create(struct egret_unwinder **out, struct egret_error *err)
{
	/* The cache is one large page where there is one: no step waits for translations then. */
	const size_t align = EGRET_LARGE_PAGE;
	/* Of zeros whose pages are there when they are first used. */
	char *block = calloc(1, sizeof(**out) + align);

	if (!block)
		return egret_fail(err, ENOMEM, "no memory for the unwinder");
	*out = (void *)(block + align - (uintptr_t)block % align);
	(*out)->block = block;
	egret_large_pages(*out, sizeof(**out));
	egret_pc_cache_init(&(*out)->cache);
	for (size_t i = 0; i < TRAILS; i++)
		(*out)->trails[i].first = TRAIL_STEPS;
	return 0;
}

static void destroy(struct egret_unwinder *unwinder)
{
	if (unwinder)
		free(unwinder->block);
}

static int module_load(struct egret_unwinder *unwinder, const struct egret_elf *elf,
		       const struct egret_elf *debug, struct egret_unwind_module **out)
{
	struct egret_unwind_module *module = calloc(1, sizeof(*module));
	int ret;

	if (!module)
		return -ENOMEM;
	ret = egret_table_module_create(elf, debug, &module->tables);
	if (ret) {
		free(module);
		return ret;
	}
	*out = module;
	return 0;
}

static void module_unload(struct egret_unwinder *unwinder, struct egret_unwind_module *module)
{
	if (!module)
		return;
	egret_pc_cache_forget(&unwinder->cache);
	egret_table_module_destroy(module->tables);
	free(module);
}

static bool module_import(struct egret_unwind_module *module, const void *bytes, size_t size)
{
	return egret_table_module_import(module->tables, bytes, size);
}

static int module_export(struct egret_unwind_module *module, struct egret_buffer *out)
{
	return egret_table_module_export(module->tables, out);
}

static void module_take(struct egret_unwind_module *module, struct egret_unwind_module *from)
{
	egret_table_module_take(module->tables, from->tables);
}

static size_t module_memory(const struct egret_unwind_module *module)
{
	return sizeof(*module) + egret_table_module_memory(module->tables);
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* Finds what is at pc, for the walk too, and keeps it. NULL: nothing is. */
static const struct egret_pc_entry *look_up(struct egret_unwinder *u,
					    const struct egret_unwind_request *request, uint64_t pc,
					    uint32_t tag)
{
	struct egret_pc_other *at = &u->at;
	bool is_return = tag & 1;
	struct egret_place place;

	*at = (struct egret_pc_other){ .pc = pc, .tag = tag, .is_lasting = true };
	if (!request->find_code(request->arg, pc - is_return, &at->code))
		return NULL;
	if (at->code.module) {
		place = (struct egret_place){ pc - is_return - at->code.bias, is_return };
		u->lookups++;
		at->ref = egret_table_module_row(at->code.module->tables, place, &at->is_lasting);
	}
	return egret_pc_cache_put(&u->cache, at);
}

static __attribute__((noinline)) const struct egret_pc_entry *
find_elsewhere(struct egret_unwinder *u, const struct egret_unwind_request *request, uint64_t pc,
	       uint32_t tag)
{
	const struct egret_pc_entry *entry = egret_pc_cache_dropped(&u->cache, pc, tag);

	return entry ? entry : look_up(u, request, pc, tag);
}

static inline const struct egret_pc_entry *find(struct egret_unwinder *u,
						const struct egret_unwind_request *request,
						uint64_t pc, uint32_t tag)
{
	const struct egret_pc_entry *entry = egret_pc_cache_find(&u->cache, pc, tag);

	return entry ? entry : find_elsewhere(u, request, pc, tag);
}

/* The walk's step. */
static enum egret_unwind_end step(struct egret_unwinder *u, struct egret_unwind_module *module,
				  struct egret_place place, struct egret_step_state *state,
				  struct egret_walk_row *out)
{
	const struct egret_pc_other *other;
	struct egret_row_ref ref;
	bool is_lasting;

	other = egret_pc_cache_other(&u->cache, egret_step_pc(state), u->tag | place.is_return);
	if (other && other->is_lasting && other->code.module == module)
		return egret_walk_step_row(state, &other->ref, out);
	ref = egret_table_module_row(module->tables, place, &is_lasting);
	return egret_walk_step_row(state, &ref, out);
}

/* ---- quick steps ---------------------------------------------------------------------------- */

/* A run of quick steps: where they begin, and how far they got. */
struct quick {
	struct egret_unwinder *u;
	const struct egret_unwind_request *request;
	const struct egret_stack_run *run; /* that rsp is in */
	struct egret_step_state *state;	   /* where they begin; NULL: with request->regs */
	struct egret_unwound_frame *frame; /* of the caller that the first one leads to */
	struct trail_step *step;	   /* the first one */
	uint64_t origin;		   /* what their cfa counts from */
	size_t room, n;			   /* steps that there may be, and that there were */
	struct trail *trail;		   /* of the last stack, up to the first step of this one */
	size_t same;	/* its steps from here on have their return address in this one, too */
	uint64_t limit; /* from the start of the run: no step leads beyond without a look */
	uint64_t cfa;	/* where one would have led */
	size_t kept;	/* steps of this stack that are in the trail */
	const struct egret_pc_entry *at; /* after them: the pc; NULL: nothing is mapped */
	struct egret_pc_entry copy;	 /* of what at was, where the cache may have moved it */
	uint64_t sp;
	uint64_t rbp; /* as it was after rbp_steps steps */
	size_t rbp_steps;
	bool has_rbp;
};

static inline uint64_t word_at(const uint8_t *bytes, uint64_t at)
{
	uint64_t word;

	memcpy(&word, bytes + at, sizeof(word));
	return word;
}

/*
 * Steps by rsp, or by rbp, for as long as they are quick. Returns a pc that has to be looked up
 * before it goes on, or 0. No function is called in the loop, so that it has all registers.
 */
static inline __attribute__((always_inline)) uint64_t steps_by(struct quick *q, bool by_rbp)
{
	const uint64_t start = q->run->start, limit = q->limit;
	const uint8_t *const bytes = q->run->bytes;
	struct egret_pc_cache *const cache = &q->u->cache;
	const uint32_t tag = q->u->tag | 1;
	const struct egret_pc_entry *at = q->at, *caller;
	struct egret_unwound_frame *frame = q->frame + q->n;
	struct trail_step *step = q->step + q->n, *const end = q->step + q->room;
	/* From the start of the run: rsp is in it, so nothing that is let through wraps. */
	uint64_t sp = q->sp - start, rbp = q->rbp - start, offset, pc = 0;

	while (step < end) {
		offset = by_rbp ? rbp + 8ul * at->saved.by_rbp - sp : at->rsp_offset;
		if (by_rbp && (!at->saved.by_rbp || (int64_t)offset < 8l * at->saved.deepest))
			break;
		sp += offset;
		if (sp > limit)
			goto back;
		pc = word_at(bytes, sp - 8);
		step->cfa = sp;
		step->saved = at->saved;
		caller = egret_pc_cache_find(cache, pc, tag);
		if (__builtin_expect(!caller, 0))
			goto unknown;
		if (by_rbp && at->saved.reg[SAVED_RBP])
			rbp = word_at(bytes, sp - 8ul * at->saved.reg[SAVED_RBP]) - start;
		frame->pc = pc;
		frame->cookie = caller->cookie;
		frame->flags = EGRET_FRAME_F_RETURN;
		frame->reserved = 0;
		step->pc = pc;
		step->cookie = caller->cookie;
		at = caller;
		step++;
		frame++;
	}
	pc = 0;
	goto out;
back:
	pc = 0;
	q->cfa = sp;
unknown:
	sp -= offset;
out:
	q->n = (size_t)(step - q->step);
	q->at = at;
	q->sp = sp + start;
	if (by_rbp) {
		q->rbp = rbp + start;
		q->rbp_steps = q->n;
	}
	return pc;
}

static __attribute__((noinline)) uint64_t steps_by_rsp(struct quick *q)
{
	return steps_by(q, false);
}

static __attribute__((noinline)) uint64_t steps_by_rbp(struct quick *q)
{
	return steps_by(q, true);
}

/* Looks up a pc; what q->at points to stays as it is, wherever the cache puts things. */
static const struct egret_pc_entry *find_next(struct quick *q, uint64_t pc)
{
	q->copy = *q->at;
	q->at = &q->copy;
	return find_elsewhere(q->u, q->request, pc, q->u->tag | 1);
}

/* rbp as it was when the steps began. */
static bool first_rbp(struct quick *q)
{
	q->has_rbp = true;
	if (q->state)
		return !egret_step_reg(q->state, EGRET_UNWIND_RBP, &q->rbp);
	q->rbp = q->request->regs.r[EGRET_UNWIND_RBP];
	return true;
}

/* rbp as it is now: where one of the steps last saved it, or what it was before. */
static bool find_rbp(struct quick *q)
{
	size_t i = q->n;

	while (i > q->rbp_steps && !q->step[i - 1].saved.reg[SAVED_RBP])
		i--;
	if (i == q->rbp_steps && !q->has_rbp && !first_rbp(q))
		return false;
	if (i > q->rbp_steps) {
		/* Not below rsp, and below the CFA, both of which are in the run. */
		q->rbp = word_at(q->run->bytes, q->origin - q->run->start + q->step[i - 1].cfa -
							8ul * q->step[i - 1].saved.reg[SAVED_RBP]);
	}
	q->has_rbp = true;
	q->rbp_steps = q->n;
	return true;
}

/* ---- what is the same as in the last stack -------------------------------------------------- */

static struct trail *trail_of(struct egret_unwinder *u, uint32_t tag, uint64_t sp)
{
	return &u->trails[(tag / 2 + (sp >> TRAIL_SPAN_BITS)) % TRAILS];
}

/*
 * Reads a byte of bytes + cfa of each step but the last three at most. Where bytes points need not
 * be anything.
 */
__attribute__((no_sanitize("undefined"))) static inline void
touch(const uint8_t *bytes, const struct trail_step *step, const struct trail_step *end)
{
	uint8_t sum = 0;

	for (; step + 4 <= end; step += 4)
		sum += bytes[step[0].cfa] + bytes[step[1].cfa] + bytes[step[2].cfa] +
		       bytes[step[3].cfa];
	asm volatile("" ::"r"(sum)); /* so that the compiler thinks that it is of use */
}

/* The value that rbp had when a step by it was made. */
static uint64_t rbp_of(const struct quick *q, const struct trail_step *step)
{
	return q->trail->start + step->cfa - 8ul * step->saved.by_rbp;
}

/*
 * From the outermost step on: *rbp is what steps further out go by, or 0. False: what this one
 * saved of it is something else in the stack under way.
 */
static __attribute__((noinline)) bool has_same_rbp(const struct quick *q,
						   const struct trail_step *step, uint64_t *rbp)
{
	uint64_t at = step->cfa - 8ul * step->saved.reg[SAVED_RBP];

	if (*rbp && step->saved.reg[SAVED_RBP]) {
		at += q->trail->start - q->run->start;
		if (at > q->run->len - 8 || word_at(q->run->bytes, at) != *rbp)
			return false;
		*rbp = 0;
	}
	if (step->saved.by_rbp)
		*rbp = rbp_of(q, step);
	return true;
}

/*
 * Finds the steps of the last stack, from `first` on, that are made again once the frame is reached
 * that the first of them leads to: they and all that follow find the same return addresses, and the
 * same rbp where they go by it. From the outermost one on, so that it is known to the end. The
 * places of their return addresses are in the run.
 */
static __attribute__((noinline)) const struct trail_step *first_same(const struct quick *q,
								     const struct trail_step *first)
{
	const uint64_t moved = q->trail->start - q->run->start - 8;
	const uint8_t *const bytes = q->run->bytes;
	const struct trail_step *step = q->trail->step + TRAIL_STEPS;
	uint64_t rbp = 0;

	while (step > first && word_at(bytes, step[-1].cfa + moved) == step[-1].pc) {
		step--;
		if (__builtin_expect(step->saved.by_rbp | rbp, 0) && !has_same_rbp(q, step, &rbp))
			return step + 1;
	}
	return step;
}

/* No step goes beyond the next frame that may be one of the last stack. */
static void set_limit(struct quick *q)
{
	q->limit = q->run->len;
	if (q->same < TRAIL_STEPS)
		q->limit = q->trail->step[q->same].cfa + q->trail->start - q->run->start - 1;
}

/*
 * Looks at where the last stack of this thread had its return addresses. What is not the same is
 * read all the same: most of it is used, and comes from memory all at once. (To prefetch it does
 * nothing: processors forget about it where the page has no translation at hand.)
 */
static void look_ahead(struct quick *q)
{
	const struct trail *trail = q->trail;
	const uint64_t moved = trail->start - q->run->start - 8, len = q->run->len;
	const struct trail_step *step = trail->step + trail->first;
	const struct trail_step *last = trail->step + TRAIL_STEPS, *end = last;

	/* They rise, so those that are not here are the first and the last ones. */
	while (step < end && step->cfa + moved > len - 8)
		step++;
	while (step < end && end[-1].cfa + moved > len - 8)
		end--;
	if (end == last && trail->tag == q->u->tag && trail->generation == q->u->cache.generation) {
		end = first_same(q, step);
		q->same = (size_t)(end - trail->step);
	}
	touch((const uint8_t *)((uintptr_t)q->run->bytes + moved), step, end);
}

/* Whether rbp is what it was in the last stack, where the steps behind that one go by it. */
static bool is_rbp_same(struct quick *q, size_t same)
{
	const uint8_t saved = q->at->saved.reg[SAVED_RBP];
	const struct trail_step *step = q->trail->step + same + 1;
	const struct trail_step *end = q->trail->step + TRAIL_STEPS;

	while (step < end && !step->saved.by_rbp && !step->saved.reg[SAVED_RBP])
		step++;
	if (step == end || !step->saved.by_rbp)
		return true;
	if (saved)
		return word_at(q->run->bytes, q->cfa - 8ul * saved) == rbp_of(q, step);
	return find_rbp(q) && q->rbp == rbp_of(q, step);
}

/* The steps made so far, and the one to q->cfa, are from now on before those of the last stack. */
static void move_steps(struct quick *q, size_t same)
{
	struct trail *trail = q->trail;
	struct trail_step *to = trail->step + same - q->n;

	for (size_t i = 0; i < q->n; i++) {
		to[i] = q->step[i];
		to[i].cfa += q->run->start - trail->start;
	}
	to[q->n].saved = q->at->saved;
	trail->first = same - q->n;
	q->step = to;
	q->origin = trail->start;
	q->room = q->n += TRAIL_STEPS - same;
}

/* Takes the steps of the last stack, from the one on that leads to where the next one would. */
static bool go_on_as_before(struct quick *q, size_t same)
{
	const struct trail_step *step = q->trail->step + same;
	const struct trail_step *end = q->trail->step + TRAIL_STEPS;
	struct egret_unwound_frame *frame = q->frame + q->n;
	const struct egret_pc_entry *at;

	if (q->n > same || TRAIL_STEPS - same > q->room - q->n || !is_rbp_same(q, same))
		return false;
	at = egret_pc_cache_find(&q->u->cache, end[-1].pc, q->u->tag | 1);
	if (!at)
		at = find_next(q, end[-1].pc);
	if (!at)
		return false;
#pragma GCC unroll 4
	for (; step < end; step++, frame++)
		*frame = (struct egret_unwound_frame){ step->pc, step->cookie, EGRET_FRAME_F_RETURN,
						       0 };
	move_steps(q, same);
	q->at = at;
	q->sp = q->origin + end[-1].cfa;
	return true;
}

/* At the limit: goes on as the last stack did, or beyond it. */
static void pass_limit(struct quick *q)
{
	const uint64_t moved = q->trail->start - q->run->start;
	size_t same = q->same;

	while (same < TRAIL_STEPS && q->trail->step[same].cfa + moved < q->cfa)
		same++;
	q->same = TRAIL_STEPS;
	if (same == TRAIL_STEPS || q->trail->step[same].cfa + moved > q->cfa)
		q->same = same;
	else if (!go_on_as_before(q, same))
		q->same = same + 1;
	set_limit(q);
}

/* Keeps the steps for the next stack, the outermost ones where there are too many. */
static void keep_steps(struct quick *q)
{
	struct trail *trail = q->trail;

	if (q->step != q->u->steps)
		return; /* they are there */
	trail->first = TRAIL_STEPS - q->n;
	memcpy(trail->step + trail->first, q->step, q->n * sizeof(*q->step));
	trail->start = q->run->start;
	trail->tag = q->u->tag;
	trail->generation = q->u->cache.generation;
}

/* Leaves frames, from the one that is at q->at on, for as long as it is quick. */
static void quick_steps(struct quick *q)
{
	uint64_t unknown = 0;
	bool goes_on;
	size_t before;

	do {
		before = q->n;
		q->cfa = UINT64_MAX;
		if (q->at->rsp_offset <= EGRET_PC_OFFSET_MAX)
			unknown = steps_by_rsp(q);
		else if (q->at->rsp_offset == EGRET_PC_BY_RBP && find_rbp(q))
			unknown = steps_by_rbp(q);
		if (unknown && !find_next(q, unknown))
			return;
		goes_on = unknown || q->n > before;
		if (!unknown && q->cfa <= q->run->len) {
			pass_limit(q);
			goes_on = true;
		}
	} while (goes_on);
}

/* ---- between quick steps and the walk ------------------------------------------------------- */

static const struct egret_stack_run *run_at(const struct egret_unwind_request *request, uint64_t sp)
{
	for (size_t i = 0; i < request->n_runs; i++) {
		const struct egret_stack_run *run = &request->runs[i];

		if (sp - run->start < run->len && run->len <= RUN_MAX)
			return run;
	}
	return NULL;
}

/*
 * Quick steps from the last of n_frames frames, if the bytes of its stack are at hand. What is kept
 * is the longest run of them.
 */
static void go_quickly(struct quick *q, size_t n_frames)
{
	q->run = run_at(q->request, q->sp);
	q->n = q->rbp_steps = 0;
	q->has_rbp = false;
	if (!q->at || !q->run)
		return;
	if (n_frames == 1 && q->run->len >= 8)
		look_ahead(q);
	set_limit(q);
	q->step = q->u->steps;
	q->origin = q->run->start;
	q->frame = q->request->frames + n_frames;
	q->room = TRAIL_STEPS;
	if (q->room > q->request->max_frames - n_frames)
		q->room = q->request->max_frames - n_frames;
	quick_steps(q);
	/* Where there is something the same, and it was not come to yet, that is kept. */
	if (q->n && q->n >= q->kept && q->same == TRAIL_STEPS) {
		keep_steps(q);
		q->kept = q->n;
	}
}

/* Gives the walk the registers that it would have after the steps, but for rsp and rip. */
static void make_up_registers(const struct quick *q, struct egret_step_state *state)
{
	static const uint8_t saved_reg[NR_SAVED] = EGRET_SAVED_REGS;

	for (unsigned int i = 0; i < NR_SAVED; i++) {
		size_t n = q->n;

		while (n && !q->step[n - 1].saved.reg[i])
			n--;
		if (!n)
			continue;
		state->value[saved_reg[i]] = q->origin + q->step[n - 1].cfa -
					     8ul * q->step[n - 1].saved.reg[i];
		state->known |= EGRET_REG_BIT(saved_reg[i]);
		state->saved |= EGRET_REG_BIT(saved_reg[i]);
	}
	state->known &= EGRET_KEPT_REGS;
}

/* Has the walk where the quick steps have come to. */
static void move_walk(const struct quick *q, struct egret_walk *w)
{
	if (!q->n)
		return;
	make_up_registers(q, &w->state);
	w->state.value[EGRET_UNWIND_RSP] = q->sp;
	w->state.value[EGRET_UNWIND_RIP] = q->at->pc;
	w->n_frames += q->n;
	w->is_return = w->is_mapped = true;
	w->in_chain = false;
}

/* What find_code says of the walk's frame, which is mapped. */
static void set_code(struct egret_unwinder *u, struct egret_walk *w)
{
	const uint64_t pc = egret_step_pc(&w->state);
	const struct egret_pc_other *other;

	other = egret_pc_cache_other(&u->cache, pc, u->tag | w->is_return);
	if (!other) {
		look_up(u, w->request, pc, u->tag | w->is_return);
		other = &u->at;
	}
	w->code = other->code;
}

/* A stack that is not quick all through: q is where it is not, for the first time. */
static struct egret_unwind_result unwind_by_walk(struct quick *q)
{
	const struct egret_code code = { .cookie = q->request->frames[0].cookie };
	enum egret_unwind_end end;
	struct egret_walk w;

	egret_walk_begin(&w, q->request, step, q->u, q->at ? &code : NULL);
	q->state = &w.state;
	do {
		move_walk(q, &w);
		if (q->at && q->at->rsp_offset == EGRET_PC_ROOT)
			return (struct egret_unwind_result){ w.n_frames, EGRET_UNWIND_ROOT };
		if (q->at && (q->n || w.n_frames == 1))
			set_code(q->u, &w);
		end = egret_walk_frame(&w);
		if (end != EGRET_STEP_OK)
			break;
		q->at = find(q->u, q->request, egret_step_pc(&w.state), q->u->tag | w.is_return);
		q->sp = egret_step_sp(&w.state);
		go_quickly(q, w.n_frames);
	} while (true);
	return egret_walk_end(&w, end);
}

static struct egret_unwind_result unwind(struct egret_unwinder *u,
					 const struct egret_unwind_request *request)
{
	struct quick q; /* not all of it is of use yet */
	const uint64_t pc = request->regs.r[EGRET_UNWIND_RIP];

	if (!request->max_frames)
		return (struct egret_unwind_result){ 0, EGRET_UNWIND_FRAME_LIMIT };
	q.u = u;
	q.request = request;
	q.state = NULL;
	q.sp = request->regs.r[EGRET_UNWIND_RSP];
	u->tag = egret_pc_cache_tag(&u->cache, request->code_number);
	q.trail = trail_of(u, u->tag, q.sp);
	q.same = TRAIL_STEPS;
	q.kept = 0;
	q.at = find(u, request, pc, u->tag);
	if (q.at)
		request->frames[0] = (struct egret_unwound_frame){ .pc = pc,
								   .cookie = q.at->cookie };
	go_quickly(&q, 1);
	if (q.at && q.at->rsp_offset == EGRET_PC_ROOT)
		return (struct egret_unwind_result){ 1 + q.n, EGRET_UNWIND_ROOT };
	return unwind_by_walk(&q);
}

uint64_t egret_engine_table_lookups(const struct egret_unwinder *unwinder)
{
	return unwinder->lookups;
}

const struct egret_unwind_engine egret_engine_table = {
	.name = "table",
	.text = "CFI compiled to compact tables (default)",
	.create = create,
	.destroy = destroy,
	.module_load = module_load,
	.module_unload = module_unload,
	.kept_version = EGRET_TABLE_FILE_VERSION,
	.module_import = module_import,
	.module_export = module_export,
	.module_take = module_take,
	.module_memory = module_memory,
	.unwind = unwind,
};
