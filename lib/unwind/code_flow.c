/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/code_flow.h"

#include <string.h>

#include "unwind/step.h"

#define RBP EGRET_UNWIND_RBP
#define RSP EGRET_UNWIND_RSP
#define NO_REG EGRET_INSN_NO_REG

/* Values of registers that are not those at the pc, such as an aligned stack pointer: they have
 * numbers of their own, from here on. */
#define FRESH 16
#define SECOND_OPINION 512 /* instructions after the first exit */

static const uint8_t saved_reg[NR_SAVED] = EGRET_SAVED_REGS;
/* Those that a call keeps: rbx rbp rsp r12-r15. */
#define KEPT (EGRET_CALLEE_SAVED | EGRET_REG_BIT(RSP))

static const struct egret_flow_value unknown = { .kind = EGRET_FLOW_UNKNOWN };

/* ---- values ---------------------------------------------------------------------------------- */

static struct egret_flow_value reg_value(uint8_t reg)
{
	return (struct egret_flow_value){ .kind = EGRET_FLOW_REG, .reg = reg };
}

static bool same_value(const struct egret_flow_value *a, const struct egret_flow_value *b)
{
	return a->kind == b->kind && a->reg == b->reg && a->offset == b->offset && a->add == b->add;
}

static struct egret_flow_value plus(struct egret_flow_value value, int64_t add)
{
	if (value.kind == EGRET_FLOW_UNKNOWN || __builtin_add_overflow(value.add, add, &value.add))
		return unknown;
	return value;
}

/*
 * rsp has a value that cannot be told, but what is stored relative to it can be loaded again. One
 * number will do: nobody keeps two of them.
 */
static struct egret_flow_value fresh_value(struct egret_flow_state *s)
{
	for (uint32_t i = 0; i < EGRET_FLOW_STORES; i++)
		if (s->store[i].base == FRESH)
			s->store[i].base = NO_REG;
	for (int i = 0; i < 16; i++)
		if (s->reg[i].kind != EGRET_FLOW_UNKNOWN && s->reg[i].reg == FRESH)
			s->reg[i] = unknown;
	return reg_value(FRESH);
}

static void set_reg(struct egret_flow_state *s, uint8_t reg, struct egret_flow_value value)
{
	if (reg >= 16)
		return;
	if (reg == RSP && value.kind == EGRET_FLOW_UNKNOWN)
		value = fresh_value(s);
	s->reg[reg] = value;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Forgets what was stored in len bytes from at on. */
static void forget(struct egret_flow_state *s, const struct egret_flow_value *at, int64_t len)
{
	if (at->kind != EGRET_FLOW_REG)
		return;
	for (uint32_t i = 0; i < EGRET_FLOW_STORES; i++) {
		struct egret_flow_store *store = &s->store[i];

		if (store->base == at->reg && (int64_t)store->offset + 8 > at->add &&
		    store->offset < at->add + len)
			store->value = unknown;
	}
	for (int i = 0; i < NR_SAVED; i++)
		if (at->reg == RSP && (int64_t)s->saved[i] + 8 > at->add &&
		    s->saved[i] < at->add + len)
			s->saved[i] = 0;
}

/* Notes a register of the caller that is stored at, below rsp as it is at the pc. */
static void note_saved(struct egret_flow_state *s, const struct egret_flow_value *at,
		       const struct egret_flow_value *value)
{
	for (int i = 0; i < NR_SAVED; i++) {
		const struct egret_flow_value kept = reg_value(saved_reg[i]);

		if (at->reg == RSP && at->add < 0 && !s->saved[i] && same_value(value, &kept))
			s->saved[i] = at->add;
	}
}

static void store(struct egret_flow_state *s, struct egret_flow_value at,
		  struct egret_flow_value value)
{
	struct egret_flow_store *slot;

	forget(s, &at, 8);
	if (at.kind != EGRET_FLOW_REG)
		return;
	note_saved(s, &at, &value);
	slot = &s->store[s->n_stores++ % EGRET_FLOW_STORES];
	*slot = (struct egret_flow_store){ at.reg, at.add, value };
}

static struct egret_flow_value load(const struct egret_flow_state *s, struct egret_flow_value at)
{
	if (at.kind != EGRET_FLOW_REG)
		return unknown;
	/* The last one first. */
	for (uint32_t n = 1; n <= EGRET_FLOW_STORES && n <= s->n_stores; n++) {
		const struct egret_flow_store *slot;

		slot = &s->store[(s->n_stores - n) % EGRET_FLOW_STORES];
		if (slot->base == at.reg && slot->offset == at.add)
			return slot->value;
	}
	if (at.reg >= FRESH)
		return unknown;
	return (struct egret_flow_value){ .kind = EGRET_FLOW_AT_REG,
					  .reg = at.reg,
					  .offset = at.add };
}

/* ---- instructions ---------------------------------------------------------------------------- */

static struct egret_flow_value mem_at(const struct egret_flow_state *s,
				      const struct egret_insn *insn)
{
	return insn->base < 16 ? plus(s->reg[insn->base], insn->disp) : unknown;
}

static void push(struct egret_flow_state *s, struct egret_flow_value value)
{
	set_reg(s, RSP, plus(s->reg[RSP], -8));
	store(s, s->reg[RSP], value);
}

static struct egret_flow_value pop(struct egret_flow_state *s)
{
	struct egret_flow_value value = load(s, s->reg[RSP]);

	set_reg(s, RSP, plus(s->reg[RSP], 8));
	return value;
}

static void run_push(struct egret_flow_state *s, const struct egret_insn *insn)
{
	if (insn->src < 16)
		push(s, s->reg[insn->src]);
	else
		push(s, load(s, mem_at(s, insn)));
}

static void run_exchange(struct egret_flow_state *s, const struct egret_insn *insn)
{
	struct egret_flow_value dst = s->reg[insn->dst];

	set_reg(s, insn->dst, s->reg[insn->src]);
	set_reg(s, insn->src, dst);
}

static void forget_registers(struct egret_flow_state *s, uint32_t which)
{
	for (uint8_t reg = 0; reg < 16; reg++)
		if (which & EGRET_REG_BIT(reg))
			set_reg(s, reg, unknown);
}

/* What the instruction does to registers and stack; control goes elsewhere. */
static void run_insn(struct egret_flow_state *s, const struct egret_insn *insn)
{
	struct egret_flow_value at = mem_at(s, insn), value = unknown;

	switch ((enum egret_insn_kind)insn->kind) {
	case EGRET_INSN_PUSH:
		return run_push(s, insn);
	case EGRET_INSN_POP:
		value = pop(s);
		return set_reg(s, insn->dst, value);
	case EGRET_INSN_ADD:
		return set_reg(s, insn->dst, plus(s->reg[insn->src], insn->disp));
	case EGRET_INSN_LOAD:
		return set_reg(s, insn->dst, load(s, at));
	case EGRET_INSN_STORE:
		return store(s, at, s->reg[insn->src]);
	case EGRET_INSN_EXCHANGE:
		return run_exchange(s, insn);
	case EGRET_INSN_LEAVE:
		set_reg(s, RSP, s->reg[RBP]);
		return set_reg(s, RBP, pop(s));
	default:
		break;
	}
	if (insn->width)
		forget(s, &at, insn->width);
	forget_registers(s, insn->written);
}

/* ---- ways ------------------------------------------------------------------------------------ */

static bool seen_before(struct egret_flow *flow, uint64_t pc)
{
	size_t mask = sizeof(flow->seen) / sizeof(flow->seen[0]) - 1;
	size_t i = (size_t)(pc * 0x9e3779b97f4a7c15ull >> 32) & mask;

	/* Half of the slots stay free. */
	for (; flow->seen[i].run == flow->run; i = (i + 1) & mask)
		if (flow->seen[i].pc == pc)
			return true;
	flow->seen[i] = (struct egret_flow_seen){ pc, flow->run };
	return false;
}

static bool has_text(struct egret_flow *flow, uint64_t pc)
{
	if (pc >= flow->text.start && pc < flow->text.end)
		return true;
	flow->text = (struct egret_text){ 0 };
	return flow->read_text(flow->arg, pc, &flow->text) && pc >= flow->text.start &&
	       pc < flow->text.end;
}

/* As many of the EGRET_INSN_MAX bytes at pc as there are. */
static size_t fetch(struct egret_flow *flow, uint64_t pc, uint8_t *to)
{
	size_t n = 0;

	while (n < EGRET_INSN_MAX && has_text(flow, pc + n)) {
		uint64_t left = flow->text.end - (pc + n);
		size_t part = EGRET_INSN_MAX - n;

		if (part > left)
			part = (size_t)left;
		memcpy(to + n, flow->text.bytes + (pc + n - flow->text.start), part);
		n += part;
	}
	return n;
}

static bool next_insn(struct egret_flow *flow, uint64_t pc, struct egret_insn *insn)
{
	uint8_t bytes[EGRET_INSN_MAX];
	size_t len = fetch(flow, pc, bytes);

	flow->n_insns++;
	flow->insns++;
	flow->budget--;
	/* What is behind the code of a page: add %al, (%rax). */
	if ((len >= 4 && !bytes[0] && !bytes[1] && !bytes[2] && !bytes[3]) ||
	    !egret_insn_decode(bytes, len, pc, insn)) {
		flow->is_lost = true;
		return false;
	}
	return true;
}

/* Remembers a branch for later. */
static void add_way(struct egret_flow *flow, const struct egret_flow_state *s, uint64_t pc)
{
	if (flow->n_ways == EGRET_FLOW_WAYS) {
		flow->is_lost = true;
		return;
	}
	flow->way[flow->n_ways] = *s;
	flow->way[flow->n_ways++].pc = pc;
}

/*
 * The function returns here. The return address is what rsp points to; where the code has moved it
 * (pop, drop the arguments, push it again), it is where it was.
 */
static void add_exit(struct egret_flow *flow, const struct egret_flow_state *s, int32_t popped)
{
	struct egret_flow_value top = load(s, s->reg[RSP]);
	struct egret_flow_exit exit = { .popped = (uint32_t)popped, .flags = s->flags };

	if (top.kind != EGRET_FLOW_AT_REG || top.add || top.reg >= FRESH) {
		/* A return address by way of a frame that another register leads to. */
		if (s->reg[RSP].kind != EGRET_FLOW_AT_REG)
			return;
		exit.slot = s->reg[RSP];
	} else {
		exit.slot = plus(reg_value(top.reg), top.offset);
	}
	for (int i = 0; i < NR_SAVED; i++) {
		exit.saved[i] = s->reg[saved_reg[i]];
		if (exit.saved[i].reg >= FRESH)
			exit.saved[i] = unknown;
	}
	for (uint32_t i = 0; i < flow->n_exits; i++) {
		struct egret_flow_exit *old = &flow->exit[i];

		if (!same_value(&old->slot, &exit.slot))
			continue;
		/* Another way to the same: the surer one counts. */
		if (exit.flags != old->flags && !(exit.flags & ~old->flags))
			*old = exit;
		return;
	}
	if (flow->n_exits < EGRET_FLOW_EXITS)
		flow->exit[flow->n_exits++] = exit;
}

/* A call: it returns, with what the ABI keeps; or it is a way to get the pc onto the stack. */
static void run_call(struct egret_flow_state *s, const struct egret_insn *insn)
{
	if (insn->has_target && insn->target == s->pc + insn->len) {
		push(s, unknown);
		return;
	}
	forget_registers(s, ~KEPT);
	s->flags |= EGRET_FLOW_F_CALL;
}

/* Where the caller's register i of saved_reg[] is. */
static int32_t saved_at(const struct egret_flow_state *s, int i)
{
	const struct egret_flow_value kept = reg_value(saved_reg[i]);

	if (same_value(&s->reg[saved_reg[i]], &kept))
		return EGRET_FLOW_SAME;
	return s->saved[i] ? s->saved[i] : EGRET_FLOW_LOST;
}

/* False: nobody knows how deep it is. */
static bool note_entry(const struct egret_flow_state *s, struct egret_flow_entry *entry)
{
	const struct egret_flow_value *rsp = &s->reg[RSP];

	if (rsp->kind != EGRET_FLOW_REG || rsp->reg != RSP || rsp->add > 0)
		return false;
	entry->depth = 0u - (uint32_t)rsp->add;
	for (int i = 0; i < NR_SAVED; i++)
		entry->saved[i] = saved_at(s, i);
	return true;
}

static void note_jump(struct egret_flow *flow, const struct egret_flow_state *s)
{
	if (flow->n_jumps < EGRET_FLOW_EXITS)
		flow->n_jumps += note_entry(s, &flow->jump[flow->n_jumps]);
}

/* pop %rcx; jmp *%rcx: a return. */
static bool is_return_by_jump(const struct egret_flow_state *s, const struct egret_insn *insn)
{
	const struct egret_flow_value *rsp = &s->reg[RSP], *to;

	if (insn->src >= 16)
		return false;
	to = &s->reg[insn->src];
	return to->kind == EGRET_FLOW_AT_REG && !to->add && rsp->kind == EGRET_FLOW_REG &&
	       rsp->reg == to->reg && rsp->add == to->offset + 8;
}

/* A jump by a register or memory; at a fixed address there is the address of a function. */
static void lose_way(struct egret_flow *flow, struct egret_flow_state *s,
		     const struct egret_insn *insn)
{
	if (flow->goal) {
		if (insn->by_table)
			note_jump(flow, s);
		return;
	}
	flow->is_lost = true;
	if (is_return_by_jump(s, insn))
		set_reg(s, RSP, plus(s->reg[RSP], -8));
	else if (!insn->by_constant)
		s->flags |= EGRET_FLOW_F_JUMP;
	add_exit(flow, s, 0);
}

/* Whether the way goes on, at s->pc. */
static bool run_transfer(struct egret_flow *flow, struct egret_flow_state *s,
			 const struct egret_insn *insn)
{
	switch ((enum egret_insn_kind)insn->kind) {
	case EGRET_INSN_RET:
		if (!flow->goal)
			add_exit(flow, s, insn->disp);
		return false;
	case EGRET_INSN_STOP:
		flow->is_lost = true;
		return false;
	case EGRET_INSN_HALT:
		flow->has_halted = true;
		return false;
	case EGRET_INSN_JUMP:
		if (insn->has_target) {
			s->pc = insn->target;
			return true;
		}
		lose_way(flow, s, insn);
		return false;
	case EGRET_INSN_BRANCH:
		forget_registers(s, insn->written);
		add_way(flow, s, insn->target);
		break;
	case EGRET_INSN_CALL:
		run_call(s, insn);
		break;
	case EGRET_INSN_SYSCALL:
		s->has_called_kernel = true;
		run_insn(s, insn);
		break;
	default:
		run_insn(s, insn);
		break;
	}
	s->pc += insn->len;
	return true;
}

static bool is_at_goal(struct egret_flow *flow, const struct egret_flow_state *s)
{
	if (!flow->goal || s->pc != flow->goal)
		return false;
	flow->goal_reached = true;
	flow->goal_found = note_entry(s, &flow->at_goal);
	return true;
}

/* Enough is known: an exit that is sure, or several instructions' worth of doubt. */
static bool is_done(const struct egret_flow *flow, uint32_t limit)
{
	for (uint32_t i = 0; i < flow->n_exits; i++)
		if (!flow->exit[i].flags)
			return true;
	return flow->n_insns >= limit;
}

/* Whether one of the exits is no jump, which may lead to a table, or to what ends the function. */
static bool has_ret(const struct egret_flow *flow)
{
	for (uint32_t i = 0; i < flow->n_exits; i++)
		if (!(flow->exit[i].flags & EGRET_FLOW_F_JUMP))
			return true;
	return false;
}

static void follow(struct egret_flow *flow)
{
	uint32_t limit = EGRET_FLOW_INSNS;

	while (flow->n_ways) {
		struct egret_flow_state s = flow->way[--flow->n_ways];
		struct egret_insn insn;
		bool is_loop;

		do {
			if (flow->n_insns >= EGRET_FLOW_INSNS || !flow->budget ||
			    is_at_goal(flow, &s))
				return;
			is_loop = seen_before(flow, s.pc);
			flow->has_halted |= is_loop && s.has_called_kernel && !s.flags;
		} while (!is_loop && next_insn(flow, s.pc, &insn) && run_transfer(flow, &s, &insn));
		if (limit == EGRET_FLOW_INSNS && has_ret(flow))
			limit = flow->n_insns + SECOND_OPINION;
		if (!flow->goal && is_done(flow, limit))
			return;
	}
}

static void begin(struct egret_flow *flow, egret_read_text_fn read_text, void *arg, uint64_t pc)
{
	struct egret_flow_state *s = &flow->way[0];

	flow->read_text = read_text;
	flow->arg = arg;
	flow->text = (struct egret_text){ 0 };
	flow->n_ways = 1;
	flow->n_insns = 0;
	flow->n_exits = 0;
	flow->is_lost = false;
	flow->has_halted = false;
	flow->n_jumps = 0;
	flow->goal = 0;
	flow->goal_found = false;
	flow->goal_reached = false;
	if (!++flow->run) {
		memset(flow->seen, 0, sizeof(flow->seen));
		flow->run = 1;
	}
	*s = (struct egret_flow_state){ .pc = pc };
	for (uint8_t reg = 0; reg < 16; reg++)
		s->reg[reg] = reg_value(reg);
}

/* Such code is a handful of instructions. */
#define BOTTOM_INSNS 16

bool egret_flow_is_bottom(const struct egret_flow *flow)
{
	return !flow->n_exits && flow->has_halted && !flow->is_lost &&
	       flow->n_insns <= BOTTOM_INSNS;
}

/* Keeps the sure one alone. */
static void choose(struct egret_flow *flow)
{
	for (uint32_t i = 0; i < flow->n_exits; i++)
		if (!flow->exit[i].flags) {
			flow->exit[0] = flow->exit[i];
			flow->n_exits = 1;
		}
}

uint32_t egret_flow_exits(struct egret_flow *flow, egret_read_text_fn read_text, void *arg,
			  uint64_t pc)
{
	begin(flow, read_text, arg, pc);
	follow(flow);
	choose(flow);
	return flow->n_exits;
}

bool egret_flow_to(struct egret_flow *flow, egret_read_text_fn read_text, void *arg, uint64_t start,
		   uint64_t goal)
{
	begin(flow, read_text, arg, start);
	flow->goal = goal;
	follow(flow);
	return flow->goal_found;
}
