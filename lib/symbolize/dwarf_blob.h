/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_blob.h - what look-ups read: the index of a module, and of one of its units, as bytes.
 *
 *   module blob = head, ranges, units, symbols, strings, unit blobs
 *   unit blob   = head, nodes, files, blocks, rows
 *
 * Both have no pointers, and every read of them is checked: bytes that someone has damaged give
 * wrong names and nothing worse. Numbers are little-endian; tables are aligned as their types are.
 *
 * A *row* of a unit holds from its address up to the next row's: the node (function, or inlined
 * one) and the file and line there. Rows are coded as what differs from the one before, in blocks
 * of EGRET_DWARF_BLOCK_ROWS, which are found by the address of their first row:
 *
 *   row = uleb(address - previous << 3 | 4: line | 2: file | 1: node), and a zigzag LEB128 each of
 *         node, file, line that is told: the difference to the row before; at the start of a block
 *         all were 0
 *
 * Nodes and files of rows count from 1; 0 is none.
 */
#ifndef EGRET_DWARF_BLOB_H
#define EGRET_DWARF_BLOB_H

#include "symbolize/dwarf_file.h"
#include "symbolize/dwarf_index.h"
#include "symbolize/dwarf_strings.h"

#define EGRET_DWARF_BLOB_MAGIC "EGRETDWI"
#define EGRET_DWARF_BLOCK_ROWS 8
#define EGRET_DWARF_NO_UNIT UINT32_MAX

/* ---- unit blobs ------------------------------------------------------------------------------ */

struct egret_dwarf_unit_head {
	uint64_t base; /* what addresses of blocks are relative to */
	uint32_t n_nodes, n_files, n_blocks, rows_size;
	uint32_t is_partial; /* where there is no row, there may be one in the unit */
	uint32_t reserved;
};
_Static_assert(sizeof(struct egret_dwarf_unit_head) == 32, "is a part of files");

#define EGRET_DWARF_LINKAGE_NAME 0x80000000u

/* Names and files are offsets of strings; 0: not known. */
struct egret_dwarf_blob_node {
	uint32_t name;
	uint32_t parent;    /* node it is inlined into, counted from 1; 0: it is a function */
	uint32_t call_file; /* counted from 1; 0: not known */
	uint32_t call_line; /* and EGRET_DWARF_LINKAGE_NAME */
};

_Static_assert(sizeof(struct egret_dwarf_blob_node) == 16, "is a part of files");

struct egret_dwarf_block {
	uint32_t address; /* of its first row */
	uint32_t at;	  /* of its bytes in rows; it ends where the next begins */
};

struct egret_dwarf_blob_row {
	uint64_t address;
	uint32_t node, file, line;
};

/* ---- module blobs --------------------------------------------------------------------------- */

struct egret_dwarf_blob_head {
	char magic[8];
	uint32_t version;
	uint32_t n_units;
	uint64_t size;	   /* of the blob */
	uint64_t identity; /* of the DWARF that it was made of */
	uint64_t ranges_at, units_at, strings_at;
	uint64_t strings_size;
	uint32_t n_ranges;
	uint32_t n_symbols;
	uint64_t symbols_at; /* ranges whose units are names: offsets of strings */
};
_Static_assert(sizeof(struct egret_dwarf_blob_head) == 80, "is a part of files");

/* Sorted, disjoint. */
struct egret_dwarf_blob_range {
	uint64_t start;
	uint32_t size;
	uint32_t unit;
};
_Static_assert(sizeof(struct egret_dwarf_blob_range) == 16, "is a part of files");

struct egret_dwarf_blob_unit {
	uint64_t info; /* offset of the unit in .debug_info */
	uint64_t at;   /* of its blob; 0: not indexed yet */
	uint64_t size; /* of its blob */
};
_Static_assert(sizeof(struct egret_dwarf_blob_unit) == 24, "is a part of files");

/* A module blob whose tables lie within it. */
struct egret_dwarf_blob {
	const uint8_t *bytes;
	struct egret_dwarf_blob_head head;
};

/* False: no blob of this version and identity, or one whose tables do not lie within it. */
bool egret_dwarf_blob_open(struct egret_dwarf_blob *blob, const void *bytes, size_t size,
			   uint64_t identity);
static inline const struct egret_dwarf_blob_range *
egret_dwarf_blob_ranges(const struct egret_dwarf_blob *blob)
{
	return (const void *)(blob->bytes + blob->head.ranges_at);
}
static inline const struct egret_dwarf_blob_unit *
egret_dwarf_blob_units(const struct egret_dwarf_blob *blob)
{
	return (const void *)(blob->bytes + blob->head.units_at);
}
/* The blob of a unit; empty where it is not indexed, or does not lie within. */
struct egret_dwarf_span egret_dwarf_blob_unit(const struct egret_dwarf_blob *blob, uint32_t unit);

/* The unit whose range holds vaddr, or EGRET_DWARF_NO_UNIT. */
uint32_t egret_dwarf_unit_of(const struct egret_dwarf_blob_range *ranges, size_t n, uint64_t vaddr);

/* Whether a unit blob has all that there is in the unit. */
bool egret_dwarf_unit_is_whole(const struct egret_dwarf_span *unit);

/*
 * What a unit blob says of vaddr: see egret_dwarf_index_find. *is_partial: there may be more of it
 * in the unit than in the blob.
 */
size_t egret_dwarf_unit_find(const struct egret_dwarf_span *unit,
			     const struct egret_dwarf_strings *strings, uint64_t vaddr,
			     struct egret_dwarf_line *lines, size_t max, bool *is_partial);

#endif
