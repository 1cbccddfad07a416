/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * table.h - the rows of a range of addresses, compact: 4 bytes a row.
 *
 *	struct egret_table
 *	uint32_t first[n_pages + 1]	number of the first row that starts in each 64 KiB page
 *	uint16_t starts[n_rows]		the low 16 bits of where each row starts, rising in a page
 *	uint16_t rules[n_rows]		which rule holds from there up to the next row
 *	struct egret_row rule[n_rules]	each different one once
 *	uint8_t full[full_size]		the full rows of rules of kind EGRET_ROW_FULL
 *
 * One block without pointers: it may be written to a file and mapped anywhere. A look-up costs a
 * cache line of first, about three of starts, one of rules and one of rule.
 */
#ifndef EGRET_UNWIND_TABLE_H
#define EGRET_UNWIND_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "unwind/row.h"

#define EGRET_TABLE_MAGIC 0x54464365u /* "eCFT" */
#define EGRET_TABLE_VERSION 2u

#define EGRET_TABLE_PAGE_BITS 16
#define EGRET_TABLE_PAGE (1u << EGRET_TABLE_PAGE_BITS)

/* Rules that every table has. */
#define EGRET_TABLE_GAP 0u /* EGRET_ROW_NONE */
#define EGRET_TABLE_BAD 1u /* EGRET_ROW_BAD */
#define EGRET_TABLE_NR_FIXED 2u
/* In rules[]: the table had no room for the rule; a table of these addresses alone has. */
#define EGRET_TABLE_ELSEWHERE UINT16_MAX

struct egret_table {
	uint32_t magic;
	uint32_t version;
	uint32_t size; /* bytes of all */
	uint32_t n_pages;
	uint64_t start; /* the first address; a multiple of nothing */
	uint64_t length;
	uint32_t n_rows;
	uint32_t n_rules;
	uint32_t full_size;
	uint32_t reserved;
};
_Static_assert(sizeof(struct egret_table) == 48, "first[] is aligned");

/* Where the parts begin, in bytes. */
struct egret_table_layout {
	uint64_t first, starts, rules, rule, full, size;
};
struct egret_table_layout egret_table_layout(const struct egret_table *table);

/* The rule of vaddr: a number below n_rules, or EGRET_TABLE_ELSEWHERE. */
uint32_t egret_table_find(const struct egret_table *table, uint64_t vaddr);
/* A rule as a row; full leads into the table. */
struct egret_row_ref egret_table_rule(const struct egret_table *table, uint32_t rule);

/* One row after the other. Begin with *row = 0. False: there is no more. */
struct egret_table_range {
	uint64_t start, end;
	uint32_t rule;
};
bool egret_table_next(const struct egret_table *table, uint32_t *row,
		      struct egret_table_range *out);

/* Whether bytes from anywhere are a table that can be used: nothing in it leads out of it. */
bool egret_table_is_valid(const void *bytes, size_t size);

#endif
