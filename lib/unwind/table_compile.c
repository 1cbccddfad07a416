/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/table_compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/index.h"
#include "unwind/code_row.h"

/* A row as it is built: its start from that of the table. */
struct built_row {
	uint32_t start;
	uint32_t rule;
};

/* Numbers of rules by what they are, open addressing; 0 is free, as nobody looks for the gap. */
struct rule_set {
	uint16_t *slots;
	uint32_t mask;
};

struct builder {
	const struct egret_cfi_index *index;
	const struct egret_elf *code; /* or NULL */
	uint64_t start, length;
	struct built_row *rows;
	size_t n_rows, rows_capacity;
	struct egret_row *rules;
	uint32_t *hashes; /* of the rules */
	uint32_t n_rules, rules_capacity;
	struct rule_set set;
	struct egret_buffer full;     /* of all full rows */
	struct egret_buffer one_full; /* of the one that is made */
	struct egret_cie_cache cies;
	struct egret_cfi_initial initial; /* of the CIE that was run last */
	bool has_initial;
	uint64_t programs; /* bytes that were run */
	bool failed;	   /* no memory */
};

/* ---- rules ---------------------------------------------------------------------------------- */

static uint32_t hash_of(const struct builder *b, const struct egret_row *row)
{
	uint64_t half[2];

	if (row->kind == EGRET_ROW_FULL) {
		const struct egret_full_row *full = (const void *)b->one_full.data;

		return (uint32_t)egret_hash_bytes(full, b->one_full.len) + row->flags;
	}
	memcpy(half, row, sizeof(half));
	return (uint32_t)egret_hash64(half[0] ^ (half[1] << 29 | half[1] >> 35));
}

/* Whether the new row (with one_full, if it is full) is rule number n. */
static bool is_rule(const struct builder *b, uint32_t n, const struct egret_row *row)
{
	const struct egret_row *rule = &b->rules[n];
	size_t at;

	if (row->kind != EGRET_ROW_FULL)
		return !memcmp(rule, row, sizeof(*row));
	if (rule->kind != EGRET_ROW_FULL || rule->flags != row->flags)
		return false;
	/* The padding after a full row is zero, so that no two have the same beginning. */
	at = 8 * (size_t)(uint32_t)rule->cfa_offset;
	return b->full.len - at >= b->one_full.len &&
	       !memcmp(b->full.data + at, b->one_full.data, b->one_full.len);
}

static void put_in_set(struct rule_set *set, uint32_t hash, uint32_t rule)
{
	uint32_t slot = hash & set->mask;

	while (set->slots[slot])
		slot = (slot + 1) & set->mask;
	set->slots[slot] = (uint16_t)rule;
}

/* At most half of the slots are taken. */
static bool grow_set(struct builder *b)
{
	uint32_t n = b->set.slots ? 2 * (b->set.mask + 1) : 1024;
	struct rule_set bigger = { calloc(n, sizeof(*bigger.slots)), n - 1 };

	if (!bigger.slots)
		return false;
	for (uint32_t i = EGRET_TABLE_NR_FIXED; i < b->n_rules; i++)
		put_in_set(&bigger, b->hashes[i], i);
	free(b->set.slots);
	b->set = bigger;
	return true;
}

static bool grow_rules(struct builder *b)
{
	uint32_t more = b->rules_capacity ? 2 * b->rules_capacity : 256;
	struct egret_row *rules = reallocarray(b->rules, more, sizeof(*rules));
	uint32_t *hashes;

	if (!rules)
		return false;
	b->rules = rules;
	hashes = reallocarray(b->hashes, more, sizeof(*hashes));
	if (!hashes)
		return false;
	b->hashes = hashes;
	b->rules_capacity = more;
	return true;
}

static bool add_rule(struct builder *b, const struct egret_row *row, uint32_t hash)
{
	if (b->n_rules == b->rules_capacity && !grow_rules(b))
		return false;
	b->rules[b->n_rules] = *row;
	b->hashes[b->n_rules] = hash;
	if (row->kind == EGRET_ROW_FULL) {
		b->rules[b->n_rules].cfa_offset = (int32_t)(b->full.len / 8);
		egret_buffer_add(&b->full, b->one_full.data, b->one_full.len);
		if (b->full.failed)
			return false;
	}
	b->n_rules++;
	return true;
}

/* The number of the row's rule, a new one if need be. */
static uint32_t number_of(struct builder *b, const struct egret_row *row)
{
	uint32_t hash = hash_of(b, row), slot = hash & b->set.mask;

	for (; b->set.slots[slot]; slot = (slot + 1) & b->set.mask)
		if (is_rule(b, b->set.slots[slot], row))
			return b->set.slots[slot];
	if (b->n_rules == EGRET_TABLE_ELSEWHERE ||
	    (row->kind == EGRET_ROW_FULL && b->full.len + b->one_full.len > EGRET_TABLE_FULL_MAX))
		return EGRET_TABLE_ELSEWHERE;
	if (!add_rule(b, row, hash)) {
		b->failed = true;
		return EGRET_TABLE_BAD;
	}
	b->set.slots[slot] = (uint16_t)(b->n_rules - 1);
	if (b->n_rules > b->set.mask / 2 && !grow_set(b))
		b->failed = true;
	return b->n_rules - 1;
}

/* ---- full rows ------------------------------------------------------------------------------ */

static bool copy_expr(struct builder *b, struct egret_rule *rule)
{
	const uint8_t *expr = b->index->section->bytes + (uint32_t)rule->offset;
	size_t at = b->one_full.len - sizeof(struct egret_full_row);

	if (rule->kind != EGRET_RULE_EXPR && rule->kind != EGRET_RULE_AT_EXPR)
		return true;
	if (at + rule->len > EGRET_TABLE_EXPR_MAX)
		return false;
	rule->offset = (int32_t)at;
	egret_buffer_add(&b->one_full, expr, rule->len);
	return true;
}

/* Makes one_full. False: its expressions are too long. */
static bool make_full(struct builder *b, const struct egret_cfi_state *state)
{
	static const uint8_t zeros[8];
	struct egret_full_row row;
	bool fits;

	row.cfa = state->cfa;
	memcpy(row.reg, state->reg, sizeof(row.reg));
	egret_buffer_clear(&b->one_full);
	egret_buffer_add(&b->one_full, &row, sizeof(row));
	fits = copy_expr(b, &row.cfa);
	for (unsigned int reg = 0; fits && reg < EGRET_UNWIND_NR_REGS; reg++)
		fits = copy_expr(b, &row.reg[reg]);
	egret_buffer_add(&b->one_full, zeros, -b->one_full.len & 7);
	if (b->one_full.failed) {
		b->failed = true;
		return false;
	}
	memcpy(b->one_full.data, &row, sizeof(row));
	return fits;
}

/* The rule of a state that is not a simple row. */
static uint32_t odd_rule(struct builder *b, const struct egret_cfi_state *state)
{
	struct egret_row row = { .kind = EGRET_ROW_FULL, .flags = state->simple.flags };

	if (!state->is_good)
		return EGRET_TABLE_BAD;
	if (egret_cfi_is_root(state)) {
		row = (struct egret_row){ .kind = EGRET_ROW_SIMPLE, .flags = EGRET_ROW_F_ROOT };
		return number_of(b, &row);
	}
	if (state->cfa.kind == EGRET_RULE_UNDEFINED || !make_full(b, state))
		return EGRET_TABLE_BAD;
	return number_of(b, &row);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool add_row(struct builder *b, uint64_t vaddr, uint32_t rule)
{
	uint32_t start = (uint32_t)(vaddr - b->start);

	/* The gap after a function that has none. */
	if (b->n_rows && b->rows[b->n_rows - 1].start == start)
		b->n_rows--;
	/* Neighbours with one rule are one row; but elsewhere, each may have its own. */
	if (b->n_rows && b->rows[b->n_rows - 1].rule == rule && rule != EGRET_TABLE_ELSEWHERE)
		return true;
	if (!b->n_rows && rule == EGRET_TABLE_GAP)
		return true;
	if (b->n_rows == b->rows_capacity) {
		size_t more = b->rows_capacity ? 2 * b->rows_capacity : 4096;
		struct built_row *rows = reallocarray(b->rows, more, sizeof(*rows));

		if (!rows) {
			b->failed = true;
			return false;
		}
		b->rows = rows;
		b->rows_capacity = more;
	}
	b->rows[b->n_rows++] = (struct built_row){ start, rule };
	return true;
}

static bool on_row(void *arg, uint64_t start, uint64_t end, const struct egret_cfi_state *state)
{
	struct builder *b = arg;
	uint32_t rule;

	if (state->odd || !state->is_good)
		rule = odd_rule(b, state);
	else
		rule = number_of(b, &state->simple);
	return !b->failed && add_row(b, start, rule);
}

/* ---- functions ------------------------------------------------------------------------------ */

/* Where what FDE number i says of addresses ends: at the next one's start at the latest. */
static uint64_t end_of(const struct builder *b, size_t i, const struct egret_fde *fde)
{
	const struct egret_cfi_index *index = b->index;
	uint64_t end = b->start + b->length;

	if (fde->end < end)
		end = fde->end;
	if (i + 1 < index->n && index->section->code_start + index->fdes[i + 1].start < end)
		end = index->section->code_start + index->fdes[i + 1].start;
	return end;
}

static const struct egret_cfi_initial *initial_of(struct builder *b, const struct egret_cie *cie)
{
	if (!b->has_initial || b->initial.cie.offset != cie->offset) {
		egret_cfi_run_cie(b->index->section, cie, &b->initial);
		b->has_initial = true;
		b->programs += (uint64_t)(cie->program_end - cie->program);
	}
	return &b->initial;
}

/*
 * A trampoline is a function of its own, of two instructions, 9 bytes: longer ones are not looked
 * at, which would bring the pages of all code into memory.
 */
#define TRAMPOLINE_MAX 64

bool egret_table_is_trampoline(const struct egret_elf *code, const struct egret_cie *cie,
			       const struct egret_fde *fde, uint64_t *end,
			       struct egret_full_row *full)
{
	const struct egret_arch *arch = code ? egret_arch_of(code) : NULL;
	uint64_t last = fde->start;

	if (!arch || cie->is_signal || fde->end - fde->start > TRAMPOLINE_MAX ||
	    !arch->signal_row(code, (struct egret_place){ fde->start, false }, full))
		return false;
	/* Its last instruction is the only other one at which it can be interrupted. */
	do
		last++;
	while (last < fde->end &&
	       !arch->signal_row(code, (struct egret_place){ last, false }, full));
	*end = last < fde->end ? last + 1 : fde->end;
	return true;
}

/* Adds the row of a trampoline, if it is one. *from: behind it, where the CFI counts again. */
static void add_trampoline(struct builder *b, const struct egret_cie *cie,
			   const struct egret_fde *fde, uint64_t *from, uint64_t to)
{
	struct egret_cfi_state state = { .is_good = true, .odd = EGRET_CFI_ODD_CFA };
	struct egret_full_row full;
	uint64_t end;

	if (!egret_table_is_trampoline(b->code, cie, fde, &end, &full) || *from >= end)
		return;
	state.simple.flags = EGRET_ROW_F_SIGNAL | EGRET_ROW_F_BY_CODE;
	state.cfa = full.cfa;
	memcpy(state.reg, full.reg, sizeof(state.reg));
	on_row(b, *from, end, &state);
	*from = end < to ? end : to;
}

/* Adds the rows of FDE number i, and the gap after it. */
static void add_fde(struct builder *b, size_t i)
{
	const struct egret_cfi_initial *initial;
	const struct egret_cie *cie;
	struct egret_fde fde;
	uint64_t from, to;

	if (!egret_cfi_index_fde(b->index, i, &b->cies, &cie, &fde))
		return;
	from = fde.start > b->start ? fde.start : b->start;
	to = end_of(b, i, &fde);
	if (from >= to)
		return;
	initial = initial_of(b, cie);
	b->programs += (uint64_t)(fde.program_end - fde.program);
	add_trampoline(b, cie, &fde, &from, to);
	if (b->programs > EGRET_TABLE_PROGRAMS_MAX)
		add_row(b, from, EGRET_TABLE_BAD);
	else
		egret_cfi_run_fde(initial, &fde, from, to, on_row, b);
	if (to < b->start + b->length)
		add_row(b, to, EGRET_TABLE_GAP);
}

static void add_all(struct builder *b)
{
	const struct egret_cfi_index *index = b->index;
	size_t i = egret_cfi_index_after(index, b->start);
	uint64_t end = b->start + b->length - index->section->code_start;

	/* The one before may reach into the table. */
	for (i -= i > 0; i < index->n && index->fdes[i].start < end && !b->failed; i++)
		add_fde(b, i);
}

/* ---- the table ------------------------------------------------------------------------------ */

static void put_rows(const struct builder *b, struct egret_table *table,
		     const struct egret_table_layout *l)
{
	uint32_t *first = (uint32_t *)((uint8_t *)table + l->first);
	uint16_t *starts = (uint16_t *)((uint8_t *)table + l->starts);
	uint16_t *rules = (uint16_t *)((uint8_t *)table + l->rules);
	uint32_t page = 0;

	for (uint32_t row = 0; row < table->n_rows; row++) {
		/* first[0] is 0, as all of it is at first. */
		while (page < b->rows[row].start >> EGRET_TABLE_PAGE_BITS)
			first[++page] = row;
		starts[row] = (uint16_t)b->rows[row].start;
		rules[row] = (uint16_t)b->rows[row].rule;
	}
	while (page < table->n_pages)
		first[++page] = table->n_rows;
}

static struct egret_table *make_table(const struct builder *b)
{
	struct egret_table head = {
		.magic = EGRET_TABLE_MAGIC,
		.version = EGRET_TABLE_VERSION,
		.start = b->start,
		.length = b->length,
		.n_pages = (uint32_t)((b->length + EGRET_TABLE_PAGE - 1) >> EGRET_TABLE_PAGE_BITS),
		.n_rows = (uint32_t)b->n_rows,
		.n_rules = b->n_rules,
		.full_size = (uint32_t)b->full.len,
	};
	struct egret_table_layout l = egret_table_layout(&head);
	struct egret_table *table;

	head.size = (uint32_t)l.size;
	table = l.size > UINT32_MAX ? NULL : calloc(1, l.size);
	if (!table)
		return NULL;
	*table = head;
	put_rows(b, table, &l);
	memcpy((uint8_t *)table + l.rule, b->rules, b->n_rules * sizeof(*b->rules));
	if (b->full.len)
		memcpy((uint8_t *)table + l.full, b->full.data, b->full.len);
	return table;
}

static bool begin(struct builder *b)
{
	static const struct egret_row gap = { .kind = EGRET_ROW_NONE };
	static const struct egret_row bad = { .kind = EGRET_ROW_BAD };

	return grow_rules(b) && add_rule(b, &gap, 0) && add_rule(b, &bad, 0) && grow_set(b);
}

static void deinit(struct builder *b)
{
	free(b->rows);
	free(b->rules);
	free(b->hashes);
	free(b->set.slots);
	egret_buffer_deinit(&b->full);
	egret_buffer_deinit(&b->one_full);
}

int egret_table_compile(const struct egret_cfi_index *index, const struct egret_elf *code,
			uint64_t start, uint64_t end, struct egret_table **out)
{
	struct builder b = { .index = index, .code = code, .start = start, .length = end - start };
	struct egret_table *table = NULL;

	if (begin(&b))
		add_all(&b);
	else
		b.failed = true;
	if (!b.failed)
		table = make_table(&b);
	deinit(&b);
	*out = table;
	return table ? 0 : -ENOMEM;
}
