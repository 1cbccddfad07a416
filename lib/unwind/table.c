/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/table.h"

#include <stdalign.h>

static uint64_t align8(uint64_t n)
{
	return (n + 7) & ~7ull;
}

struct egret_table_layout egret_table_layout(const struct egret_table *table)
{
	struct egret_table_layout l = { .first = sizeof(*table) };

	l.starts = l.first + ((uint64_t)table->n_pages + 1) * sizeof(uint32_t);
	l.rules = l.starts + (uint64_t)table->n_rows * sizeof(uint16_t);
	l.rule = align8(l.rules + (uint64_t)table->n_rows * sizeof(uint16_t));
	l.full = l.rule + (uint64_t)table->n_rules * sizeof(struct egret_row);
	l.size = align8(l.full + table->full_size);
	return l;
}

static const uint32_t *first_of(const struct egret_table *table)
{
	return (const uint32_t *)(table + 1);
}

static const uint16_t *starts_of(const struct egret_table *table)
{
	return (const uint16_t *)(first_of(table) + table->n_pages + 1);
}

static const uint16_t *rules_of(const struct egret_table *table)
{
	return starts_of(table) + table->n_rows;
}

static const void *at(const struct egret_table *table, uint64_t offset)
{
	return (const uint8_t *)table + offset;
}

/* How many of the n starts are not beyond low. */
static uint32_t count_not_beyond(const uint16_t *starts, uint32_t n, uint16_t low)
{
	const uint16_t *p = starts;

	if (!n)
		return 0;
	/* The count is in [p - starts, p - starts + n]; the compiler makes conditional moves. */
	while (n > 1) {
		uint32_t half = n / 2;

		p = p[half - 1] <= low ? p + half : p;
		n -= half;
	}
	return (uint32_t)(p - starts) + (*p <= low);
}

uint32_t egret_table_find(const struct egret_table *table, uint64_t vaddr)
{
	const uint32_t *first = first_of(table);
	uint64_t into = vaddr - table->start;
	uint32_t page, row;

	if (into >= table->length)
		return EGRET_TABLE_GAP;
	page = (uint32_t)(into >> EGRET_TABLE_PAGE_BITS);
	row = first[page] + count_not_beyond(starts_of(table) + first[page],
					     first[page + 1] - first[page], (uint16_t)into);
	/* 0: before the first row of all; else the row may have started pages before. */
	return row ? rules_of(table)[row - 1] : EGRET_TABLE_GAP;
}

struct egret_row_ref egret_table_rule(const struct egret_table *table, uint32_t rule)
{
	struct egret_table_layout l = egret_table_layout(table);
	struct egret_row_ref ref = { .row = ((const struct egret_row *)at(table, l.rule))[rule] };

	if (ref.row.kind == EGRET_ROW_FULL)
		ref.full = at(table, l.full + 8 * (uint64_t)(uint32_t)ref.row.cfa_offset);
	return ref;
}

static uint64_t start_of(const struct egret_table *table, uint32_t row)
{
	const uint32_t *first = first_of(table);
	uint32_t low = 0, high = table->n_pages;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (first[middle] <= row)
			low = middle;
		else
			high = middle;
	}
	return table->start + ((uint64_t)low << EGRET_TABLE_PAGE_BITS) + starts_of(table)[row];
}

bool egret_table_next(const struct egret_table *table, uint32_t *row, struct egret_table_range *out)
{
	if (*row >= table->n_rows)
		return false;
	out->start = start_of(table, *row);
	out->rule = rules_of(table)[*row];
	++*row;
	out->end = *row < table->n_rows ? start_of(table, *row) : table->start + table->length;
	return true;
}

/* ---- tables from anywhere ------------------------------------------------------------------- */

static bool are_pages_valid(const struct egret_table *table)
{
	const uint32_t *first = first_of(table);
	const uint16_t *starts = starts_of(table);

	if (first[0] || first[table->n_pages] != table->n_rows)
		return false;
	for (uint32_t page = 0; page < table->n_pages; page++) {
		if (first[page + 1] < first[page] || first[page + 1] > table->n_rows)
			return false;
		for (uint32_t row = first[page] + 1; row < first[page + 1]; row++)
			if (starts[row] <= starts[row - 1])
				return false;
	}
	return true;
}

static bool is_rule_valid(const struct egret_rule *rule, uint64_t expr_size)
{
	if (rule->kind > EGRET_RULE_AT_EXPR || rule->reg >= EGRET_UNWIND_NR_REGS)
		return false;
	if (rule->kind != EGRET_RULE_EXPR && rule->kind != EGRET_RULE_AT_EXPR)
		return true;
	return rule->offset >= 0 && (uint64_t)rule->offset <= expr_size &&
	       rule->len <= expr_size - (uint64_t)rule->offset;
}

static bool is_full_valid(const uint8_t *full, uint64_t size, uint64_t offset)
{
	const struct egret_full_row *row = (const void *)(full + offset);
	uint64_t expr_size;

	if (offset > size || size - offset < sizeof(*row))
		return false;
	expr_size = size - offset - sizeof(*row);
	if (!is_rule_valid(&row->cfa, expr_size))
		return false;
	for (unsigned int reg = 0; reg < EGRET_UNWIND_NR_REGS; reg++)
		if (!is_rule_valid(&row->reg[reg], expr_size))
			return false;
	return true;
}

static bool are_rules_valid(const struct egret_table *table, const struct egret_table_layout *l)
{
	const struct egret_row *rule = at(table, l->rule);
	const uint16_t *rules = rules_of(table);

	for (uint32_t i = 0; i < table->n_rows; i++)
		if (rules[i] >= table->n_rules && rules[i] != EGRET_TABLE_ELSEWHERE)
			return false;
	if (table->n_rules < EGRET_TABLE_NR_FIXED || rule[EGRET_TABLE_GAP].kind != EGRET_ROW_NONE)
		return false;
	for (uint32_t i = 0; i < table->n_rules; i++)
		if (rule[i].kind > EGRET_ROW_LINK || rule[i].cfa_reg >= EGRET_UNWIND_NR_REGS ||
		    (rule[i].kind == EGRET_ROW_FULL &&
		     !is_full_valid(at(table, l->full), table->full_size,
				    8 * (uint64_t)(uint32_t)rule[i].cfa_offset)))
			return false;
	return true;
}

bool egret_table_is_valid(const void *bytes, size_t size)
{
	const struct egret_table *table = bytes;
	struct egret_table_layout l;

	if ((uintptr_t)bytes % alignof(struct egret_table) || size < sizeof(*table) ||
	    table->magic != EGRET_TABLE_MAGIC || table->version != EGRET_TABLE_VERSION)
		return false;
	l = egret_table_layout(table);
	if (l.size != size || table->size != size || table->n_rules > EGRET_TABLE_ELSEWHERE ||
	    table->length > (uint64_t)table->n_pages << EGRET_TABLE_PAGE_BITS)
		return false;
	return are_pages_valid(table) && are_rules_valid(table, &l);
}
