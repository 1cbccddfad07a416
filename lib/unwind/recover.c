/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/recover.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Stacks are rarely over 8 MiB; what is farther away is no return address of this frame. */
#define STACK_SIZE_MAX (64ull << 20)
/* The longest call instruction. */
#define CALL_MAX 7
/* Words on the stack that are looked at, and calls whose code is followed, in one search. */
#define SCAN_WORDS 1024
/* Bytes that code made at run time has on the frame of its interpreter. */
#define JIT_FRAME_MAX 1024
#define SCAN_CALLS 16

/* How far back a method begins, in bytes, and which of the beginnings there are looked at. */
#define PROLOGUE_FAR 16384
#define PROLOGUES 4

static const uint8_t saved_reg[NR_SAVED] = EGRET_SAVED_REGS;

/* What the code at a pc says; the least recently found of a set goes. */
#define CACHE_SETS 1024
struct found {
	uint64_t id; /* of struct egret_text; 0: empty */
	uint64_t pc; /* less its bias */
	uint32_t n_exits;
	bool is_bottom;
	bool is_start;
	uint64_t start; /* where the program of the file begins; 0: not known, or looked at */
	struct egret_flow_exit exit[EGRET_FLOW_EXITS];
	enum { NOT_ASKED, NO_ENTRY, HAS_ENTRY } entry_state; /* by its prologue */
	struct egret_flow_entry entry;
};

struct egret_recovery {
	struct egret_flow flow;
	struct found found[CACHE_SETS][2];
	struct egret_recovery_stats stats;
};

int egret_recovery_create(struct egret_recovery **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void egret_recovery_destroy(struct egret_recovery *recovery)
{
	free(recovery);
}

void egret_recovery_begin(struct egret_recovery *recovery)
{
	recovery->flow.budget = EGRET_RECOVERY_INSNS;
}

struct egret_recovery_stats egret_recovery_stats(const struct egret_recovery *recovery)
{
	struct egret_recovery_stats stats = recovery->stats;

	stats.insns = recovery->flow.insns;
	return stats;
}

/* ---- return addresses ------------------------------------------------------------------------ */

enum egret_call_before egret_call_before(const struct egret_recovery_view *view, uint64_t pc,
					 uint64_t *target)
{
	struct egret_text text;
	uint8_t bytes[CALL_MAX];
	bool has_target;
	size_t len = 0;

	/* Backwards: they may lie on two pages. */
	while (len < CALL_MAX) {
		uint64_t at = pc - len - 1;
		size_t part;

		if (!view->read_text || !view->read_text(view->arg, at, &text) || at < text.start ||
		    at >= text.end)
			break;
		part = at - text.start + 1 < CALL_MAX - len ? (size_t)(at - text.start + 1)
							    : CALL_MAX - len;
		memcpy(bytes + CALL_MAX - len - part, text.bytes + (at + 1 - part - text.start),
		       part);
		len += part;
	}
	if (!len)
		return EGRET_CALL_NO_BYTES;
	if (!egret_insn_is_call_before(bytes + CALL_MAX - len, len, pc, &has_target, target))
		return EGRET_CALL_NONE;
	return has_target ? EGRET_CALL_DIRECT : EGRET_CALL_INDIRECT;
}

bool egret_is_goexit(const struct egret_recovery_view *view, uint64_t pc)
{
	/* nop; call runtime.goexit1; nop: runtime/asm_amd64.s. Padded to 32 bytes with int3. */
	static const uint8_t behind[] = { 0x90, 0xcc, 0xcc, 0xcc, 0xcc };
	struct egret_text text;
	const uint8_t *code;

	if (pc % 32 != 1 || !view->read_text || !view->read_text(view->arg, pc - 1, &text) ||
	    pc - 1 < text.start || text.end - (pc - 1) < 6 + sizeof(behind))
		return false;
	code = text.bytes + (pc - 1 - text.start);
	return code[0] == 0x90 && code[1] == 0xe8 && !memcmp(code + 6, behind, sizeof(behind));
}

/* ---- what the code says ---------------------------------------------------------------------- */

static struct found *find(const struct egret_recovery_view *view, uint64_t pc)
{
	struct egret_recovery *r = view->recovery;
	struct egret_text text;
	struct found *set;
	uint64_t hash;

	if (!view->read_text(view->arg, pc, &text) || !text.id)
		return NULL;
	hash = ((pc - text.bias) ^ text.id << 40) * 0x9e3779b97f4a7c15ull;
	set = r->found[hash >> 54];
	for (int i = 0; i < 2; i++)
		if (set[i].id == text.id && set[i].pc == pc - text.bias)
			return &set[i];
	set[1] = set[0];
	set[0] = (struct found){ .id = text.id, .pc = pc - text.bias };
	set[0].n_exits = egret_flow_exits(&r->flow, view->read_text, view->arg, pc);
	set[0].start = text.entry;
	set[0].is_bottom = egret_flow_is_bottom(&r->flow);
	memcpy(set[0].exit, r->flow.exit, sizeof(set[0].exit));
	r->stats.followed++;
	/* Not to be kept: another stack may have more to spend. */
	if (!r->flow.budget)
		set[0].id = 0;
	return &set[0];
}

/*
 * A register that a call need not keep, as it was when its value was known last. The routines that
 * assembly calls are often made to keep it (AES-GCM of OpenSSL has its CFA in rax then). The state
 * has it still; a return address where it leads to is no accident.
 */
static int last_known(const struct egret_step_state *state, uint8_t reg, uint64_t *out)
{
	if (reg >= EGRET_UNWIND_NR_REGS || EGRET_REG_BIT(reg) & (EGRET_KEPT_REGS | state->saved))
		return -ENODATA;
	*out = state->value[reg];
	return 0;
}

/* A value of the code's. 0 or -errno of egret_step_reg. */
static int eval(struct egret_step_state *state, const struct egret_flow_value *value, uint64_t *out)
{
	int ret;

	if (value->kind == EGRET_FLOW_UNKNOWN)
		return -ENODATA;
	ret = egret_step_reg(state, value->reg, out);
	if (ret == -ENODATA)
		ret = last_known(state, value->reg, out);
	if (!ret && value->kind == EGRET_FLOW_AT_REG)
		ret = state->read_stack(state->arg, *out + (uint64_t)(int64_t)value->offset, out);
	*out += (uint64_t)(int64_t)value->add;
	return ret;
}

/* Where an exit leads to. */
struct way_out {
	const struct egret_flow_exit *exit;
	uint64_t slot, pc; /* where the return address is, and what it is */
};

/* Follows the code from what is called to the pc: whether it has left as much on the stack. */
static bool leads_here(const struct egret_recovery_view *view, const struct egret_step_state *state,
		       uint64_t target, uint64_t slot)
{
	struct egret_flow *flow = &view->recovery->flow;

	return egret_flow_to(flow, view->read_text, view->arg, target, egret_step_pc(state)) &&
	       slot - egret_step_sp(state) == flow->at_goal.depth;
}

/* Whether an exit leads to a call's return address. */
static bool is_way_out(const struct egret_recovery_view *view, struct egret_step_state *state,
		       const struct egret_flow_exit *exit, struct way_out *out)
{
	uint64_t sp = egret_step_sp(state), target;
	struct egret_code code;
	bool is_jump = exit->flags & EGRET_FLOW_F_JUMP;

	out->exit = exit;
	if (eval(state, &exit->slot, &out->slot) || out->slot & 7 || out->slot < sp ||
	    out->slot - sp > STACK_SIZE_MAX || state->read_stack(state->arg, out->slot, &out->pc))
		return false;
	if (!out->pc || !view->find_code(view->arg, out->pc - 1, &code))
		return false;
	switch (egret_call_before(view, out->pc, &target)) {
	case EGRET_CALL_DIRECT:
		return !is_jump || leads_here(view, state, target, out->slot);
	case EGRET_CALL_INDIRECT:
		return !is_jump;
	case EGRET_CALL_NO_BYTES:
		return !exit->flags;
	default:
		/* An interpreter that was made at run time returns to where nobody called
		 * (HotSpot). */
		return !is_jump && !code.module;
	}
}

/* The register of the caller that the code keeps at, or as, value. */
static void restore(struct egret_step_state *to, unsigned int reg, struct egret_step_state *from,
		    const struct egret_flow_value *value)
{
	uint32_t bit = EGRET_REG_BIT(reg);
	uint64_t v;

	if (value->kind == EGRET_FLOW_REG && value->reg == reg && !value->add)
		return;
	to->known &= ~bit;
	to->saved &= ~bit;
	if (value->kind == EGRET_FLOW_AT_REG && !value->add &&
	    !egret_step_reg(from, value->reg, &v)) {
		to->value[reg] = v + (uint64_t)(int64_t)value->offset;
		to->known |= bit;
		to->saved |= bit;
	} else if (!eval(from, value, &v)) {
		to->value[reg] = v;
		to->known |= bit;
	}
}

static void leave(struct egret_step_state *state, const struct way_out *out)
{
	struct egret_step_state to = *state;

	for (int i = 0; i < NR_SAVED; i++)
		restore(&to, saved_reg[i], state, &out->exit->saved[i]);
	to.known &= EGRET_KEPT_REGS;
	to.value[EGRET_UNWIND_RIP] = out->pc;
	to.value[EGRET_UNWIND_RSP] = out->slot + 8 + out->exit->popped;
	*state = to;
}

/* Of several that may be wrong, the one whose call is seen to lead here. */
static int choose(const struct egret_recovery_view *view, struct egret_step_state *state,
		  const struct way_out *outs, int n)
{
	int chosen = -1;

	for (int i = 0; i < n; i++) {
		uint64_t target;

		if (egret_call_before(view, outs[i].pc, &target) != EGRET_CALL_DIRECT ||
		    !leads_here(view, state, target, outs[i].slot))
			continue;
		if (chosen >= 0)
			return -1;
		chosen = i;
	}
	return chosen;
}

/*
 * Whether the pc is in the code that a program begins with: jumps alone lead there from its entry
 * point (Go: _rt0_amd64_linux, _rt0_amd64, runtime.rt0_go). Nobody has called it.
 */
static bool is_program_start(const struct egret_recovery_view *view, uint64_t pc,
			     struct found *found)
{
	struct egret_flow *flow = &view->recovery->flow;

	if (found->start) {
		egret_flow_to(flow, view->read_text, view->arg, found->start, pc);
		found->is_start = flow->goal_reached;
		found->start = 0;
	}
	return found->is_start;
}

enum egret_unwind_end egret_recover_by_flow(const struct egret_recovery_view *view,
					    struct egret_step_state *state, bool is_return)
{
	struct way_out outs[EGRET_FLOW_EXITS];
	struct egret_flow_exit exits[EGRET_FLOW_EXITS];
	struct found *found = find(view, egret_step_pc(state));
	int n = 0, chosen = 0;

	if (!found)
		return EGRET_UNWIND_NO_CFI;
	if (is_return && (found->is_bottom || egret_is_goexit(view, egret_step_pc(state))))
		return EGRET_UNWIND_ROOT;
	memcpy(exits, found->exit, sizeof(exits));
	for (uint32_t i = 0; i < found->n_exits; i++)
		n += is_way_out(view, state, &exits[i], &outs[n]);
	if (!n && is_program_start(view, egret_step_pc(state), found))
		return EGRET_UNWIND_ROOT;
	if (n > 1)
		chosen = choose(view, state, outs, n);
	if (!n || chosen < 0)
		return EGRET_UNWIND_NO_CFI;
	leave(state, &outs[chosen]);
	return EGRET_STEP_OK;
}

/* ---- what the code says from its start on ---------------------------------------------------- */

/* The return address is pc, at slot, and the function has done since what entry says. */
static void leave_entry(struct egret_step_state *state, const struct egret_flow_entry *entry,
			uint64_t slot, uint64_t pc)
{
	for (int i = 0; i < NR_SAVED; i++) {
		uint32_t bit = EGRET_REG_BIT(saved_reg[i]);

		if (entry->saved[i] == EGRET_FLOW_SAME)
			continue;
		state->known &= ~bit;
		if (entry->saved[i] == EGRET_FLOW_LOST)
			continue;
		state->value[saved_reg[i]] = slot + (uint64_t)(int64_t)entry->saved[i];
		state->known |= bit;
		state->saved |= bit;
	}
	state->known &= EGRET_KEPT_REGS;
	state->value[EGRET_UNWIND_RIP] = pc;
	state->value[EGRET_UNWIND_RSP] = slot + 8;
}

/* push %rbp; sub $n, %rsp: as HotSpot's compilers begin a method. */
static bool is_prologue(const uint8_t *code, size_t len)
{
	return len >= 4 && code[0] == 0x55 && code[1] == 0x48 &&
	       (code[2] == 0x81 || code[2] == 0x83) && code[3] == 0xec;
}

/* The last prologue before *pc, which is moved there. False: there is none near. */
static bool find_prologue(const struct egret_recovery_view *view, uint64_t *pc, uint64_t lowest)
{
	struct egret_text text = { 0 };

	for (uint64_t at = *pc - 1; at > lowest; at--) {
		if ((at < text.start || at >= text.end) && !view->read_text(view->arg, at, &text))
			return false;
		if (at < text.start || at >= text.end)
			return false;
		if (!is_prologue(text.bytes + (at - text.start), text.end - at))
			continue;
		*pc = at;
		return true;
	}
	return false;
}

/* What the method has done that begins at one of the prologues before the pc. */
static void find_entry(const struct egret_recovery_view *view, uint64_t pc, struct found *found)
{
	struct egret_flow *flow = &view->recovery->flow;
	uint64_t start = pc, lowest = pc < PROLOGUE_FAR ? 0 : pc - PROLOGUE_FAR;

	found->entry_state = NO_ENTRY;
	for (int i = 0; i < PROLOGUES && find_prologue(view, &start, lowest); i++) {
		if (!egret_flow_to(flow, view->read_text, view->arg, start, pc))
			continue;
		found->entry = flow->at_goal;
		found->entry_state = HAS_ENTRY;
		return;
	}
	if (!flow->budget)
		found->id = 0;
}

enum egret_unwind_end egret_recover_by_prologue(const struct egret_recovery_view *view,
						struct egret_step_state *state)
{
	uint64_t at = egret_step_pc(state), slot, pc, target;
	struct egret_code code = { 0 };
	struct found *found;

	view->find_code(view->arg, at, &code);
	found = code.module ? NULL : find(view, at);
	if (!found)
		return EGRET_UNWIND_NO_CFI;
	if (found->entry_state == NOT_ASKED)
		find_entry(view, at, found);
	slot = egret_step_sp(state) + found->entry.depth;
	if (found->entry_state != HAS_ENTRY || state->read_stack(state->arg, slot, &pc) || !pc ||
	    !view->find_code(view->arg, pc - 1, &code) ||
	    (code.module && egret_call_before(view, pc, &target) == EGRET_CALL_NONE))
		return EGRET_UNWIND_NO_CFI;
	leave_entry(state, &found->entry, slot, pc);
	return EGRET_STEP_OK;
}

/* ---- what the stack says --------------------------------------------------------------------- */

/*
 * What the function at target has done when it has led to the pc with the return address at slot:
 * by its code; or as an interpreter, which jumps by a table, and code made at run time is run on
 * its frame, with a little more of its own (LuaJIT: what a trace spills). NULL: it has not led
 * here.
 */
static const struct egret_flow_entry *entry_of(const struct egret_recovery_view *view,
					       const struct egret_step_state *state, bool is_jit,
					       uint64_t target, uint64_t slot)
{
	const struct egret_flow *flow = &view->recovery->flow;
	uint64_t depth = slot - egret_step_sp(state);

	if (leads_here(view, state, target, slot))
		return &flow->at_goal;
	if (flow->goal_found || !is_jit)
		return NULL;
	for (uint32_t i = 0; i < flow->n_jumps; i++) {
		uint64_t more = depth - flow->jump[i].depth;

		if (more <= JIT_FRAME_MAX && !(more & 15))
			return &flow->jump[i];
	}
	return NULL;
}

static const struct egret_flow_entry *candidate(const struct egret_recovery_view *view,
						const struct egret_step_state *state, bool is_jit,
						uint64_t slot, uint64_t pc, uint32_t *calls)
{
	struct egret_code code;
	uint64_t target;

	if (!pc || !view->find_code(view->arg, pc - 1, &code) ||
	    egret_call_before(view, pc, &target) != EGRET_CALL_DIRECT || ++*calls > SCAN_CALLS)
		return NULL;
	return entry_of(view, state, is_jit, target, slot);
}

/* Whether the code at the pc has no way out, but perhaps behind a call that does not return. */
static bool never_returns(const struct egret_recovery_view *view, uint64_t pc)
{
	const struct found *found = find(view, pc);

	for (uint32_t i = 0; found && i < found->n_exits; i++)
		if (found->exit[i].flags != EGRET_FLOW_F_CALL)
			return false;
	return found != NULL;
}

/*
 * Whether the first return address on the stack is that of the call that began the thread: a
 * function that never returns has been called by nobody else. *is_first: none was found yet.
 */
static bool is_bottom(const struct egret_recovery_view *view, uint64_t pc, bool *is_first)
{
	const struct found *found;
	struct egret_code code;
	uint64_t target;

	if (!pc || !view->find_code(view->arg, pc - 1, &code) ||
	    egret_call_before(view, pc, &target) == EGRET_CALL_NONE)
		return false;
	*is_first = false;
	found = find(view, pc);
	return found && found->is_bottom;
}

enum egret_unwind_end egret_recover_by_scan(const struct egret_recovery_view *view,
					    struct egret_step_state *state, uint32_t n)
{
	static const struct egret_flow_entry lost = {
		.saved = { EGRET_FLOW_LOST, EGRET_FLOW_LOST, EGRET_FLOW_LOST, EGRET_FLOW_LOST,
			   EGRET_FLOW_LOST, EGRET_FLOW_LOST }
	};
	uint64_t sp = egret_step_sp(state), slot, pc;
	struct egret_code code = { 0 };
	uint32_t calls = 0;
	bool is_first = never_returns(view, egret_step_pc(state));

	view->recovery->stats.scans += !n;
	view->find_code(view->arg, egret_step_pc(state), &code);
	for (uint32_t i = 0; i < SCAN_WORDS && calls <= SCAN_CALLS; i++) {
		const struct egret_flow_entry *entry;

		slot = sp + 8 * (uint64_t)i;
		if (slot < sp || state->read_stack(state->arg, slot, &pc))
			break;
		if (is_first && is_bottom(view, pc, &is_first)) {
			leave_entry(state, &lost, slot, pc);
			return EGRET_STEP_OK;
		}
		entry = candidate(view, state, !code.module, slot, pc, &calls);
		if (!entry || n--)
			continue;
		leave_entry(state, entry, slot, pc);
		return EGRET_STEP_OK;
	}
	return EGRET_UNWIND_NO_CFI;
}
