/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_blob.h"

#include <string.h>

#include "base/bytes.h"

/* ---- module blobs --------------------------------------------------------------------------- */

/* Whether n items of that size lie within the blob, aligned. */
static bool lies_within(const struct egret_dwarf_blob_head *head, uint64_t at, uint64_t n,
			uint64_t size)
{
	return at % 8 == 0 && at >= sizeof(*head) && at <= head->size &&
	       n <= (head->size - at) / size;
}

bool egret_dwarf_blob_open(struct egret_dwarf_blob *blob, const void *bytes, size_t size,
			   uint64_t identity)
{
	struct egret_dwarf_blob_head *head = &blob->head;

	if (size < sizeof(*head) || (uintptr_t)bytes % 8)
		return false;
	memcpy(head, bytes, sizeof(*head));
	blob->bytes = bytes;
	if (memcmp(head->magic, EGRET_DWARF_BLOB_MAGIC, sizeof(head->magic)) ||
	    head->version != EGRET_DWARF_INDEX_VERSION || head->identity != identity ||
	    head->size != size)
		return false;
	if (!lies_within(head, head->ranges_at, head->n_ranges,
			 sizeof(struct egret_dwarf_blob_range)) ||
	    !lies_within(head, head->units_at, head->n_units,
			 sizeof(struct egret_dwarf_blob_unit)) ||
	    !lies_within(head, head->symbols_at, head->n_symbols,
			 sizeof(struct egret_dwarf_blob_range)) ||
	    !lies_within(head, head->strings_at, head->strings_size, 1))
		return false;
	return head->strings_size && head->strings_size <= UINT32_MAX &&
	       !blob->bytes[head->strings_at + head->strings_size - 1];
}

struct egret_dwarf_span egret_dwarf_blob_unit(const struct egret_dwarf_blob *blob, uint32_t unit)
{
	const struct egret_dwarf_blob_unit *u;

	if (unit >= blob->head.n_units)
		return (struct egret_dwarf_span){ 0 };
	u = &egret_dwarf_blob_units(blob)[unit];
	if (!lies_within(&blob->head, u->at, u->size, 1))
		return (struct egret_dwarf_span){ 0 };
	return (struct egret_dwarf_span){ blob->bytes + u->at, u->size };
}

uint32_t egret_dwarf_unit_of(const struct egret_dwarf_blob_range *ranges, size_t n, uint64_t vaddr)
{
	const struct egret_dwarf_blob_range *at = ranges;

	/* Without a branch: which way it goes nobody can guess. */
	for (size_t half; n > 1; n -= half) {
		half = n / 2;
		at = at[half].start <= vaddr ? at + half : at;
	}
	if (!n || vaddr < at->start || vaddr - at->start >= at->size)
		return EGRET_DWARF_NO_UNIT;
	return at->unit;
}

/* ---- unit blobs ----------------------------------------------------------------------------- */

/* A unit blob, its tables found. */
struct unit {
	struct egret_dwarf_unit_head head;
	const struct egret_dwarf_blob_node *nodes;
	const uint32_t *files;
	const struct egret_dwarf_block *blocks;
	const uint8_t *rows;
};

static bool open_unit(struct unit *unit, const struct egret_dwarf_span *span)
{
	struct egret_dwarf_unit_head *head = &unit->head;
	uint64_t size = sizeof(*head);

	if (span->size < size)
		return false;
	memcpy(head, span->bytes, sizeof(*head));
	unit->nodes = (const void *)(span->bytes + size);
	size += (uint64_t)head->n_nodes * sizeof(*unit->nodes);
	unit->files = (const void *)(span->bytes + size);
	size += (uint64_t)head->n_files * sizeof(*unit->files);
	unit->blocks = (const void *)(span->bytes + size);
	size += (uint64_t)head->n_blocks * sizeof(*unit->blocks);
	unit->rows = span->bytes + size;
	return size + head->rows_size <= span->size;
}

bool egret_dwarf_unit_is_whole(const struct egret_dwarf_span *span)
{
	struct egret_dwarf_unit_head head;

	if (span->size < sizeof(head))
		return false;
	memcpy(&head, span->bytes, sizeof(head));
	return !head.is_partial;
}

/* The difference is as egret_buffer_add_sleb writes it. */
static inline uint32_t add_difference(struct egret_bytes *r, uint32_t to)
{
	uint64_t value = egret_bytes_uleb(r);

	return to + ((uint32_t)(value >> 1) ^ -(uint32_t)(value & 1));
}

/* The row that holds address, which the block does: the last that begins no later. */
static bool find_in_block(const struct unit *unit, uint32_t block, uint32_t address,
			  struct egret_dwarf_blob_row *out)
{
	uint32_t at = unit->blocks[block].at;
	uint32_t end = block + 1 < unit->head.n_blocks ? unit->blocks[block + 1].at
						       : unit->head.rows_size;
	struct egret_dwarf_blob_row row = { .address = unit->blocks[block].address };
	struct egret_bytes r;

	if (at > end || end > unit->head.rows_size)
		return false;
	r = (struct egret_bytes){ unit->rows + at, unit->rows + end, false };
	for (int i = 0; i < EGRET_DWARF_BLOCK_ROWS && r.p < r.end; i++) {
		uint64_t told = egret_bytes_uleb(&r);

		row.address += told >> 3;
		if (row.address > address)
			break;
		if (told & 1)
			row.node = add_difference(&r, row.node);
		if (told & 2)
			row.file = add_difference(&r, row.file);
		if (told & 4)
			row.line = add_difference(&r, row.line);
	}
	*out = row;
	return !r.failed;
}

static bool find_row(const struct unit *unit, uint64_t vaddr, struct egret_dwarf_blob_row *out)
{
	uint64_t address = vaddr - unit->head.base;
	const struct egret_dwarf_block *at = unit->blocks;

	if (vaddr < unit->head.base || address > UINT32_MAX || !unit->head.n_blocks)
		return false;
	for (uint32_t n = unit->head.n_blocks, half; n > 1; n -= half) {
		half = n / 2;
		at = at[half].address <= address ? at + half : at;
	}
	return at->address <= address &&
	       find_in_block(unit, (uint32_t)(at - unit->blocks), (uint32_t)address, out);
}

static const char *file_name(const struct unit *unit, const struct egret_dwarf_strings *strings,
			     uint32_t file)
{
	if (!file || file > unit->head.n_files)
		return NULL;
	return egret_dwarf_string_of(strings, unit->files[file - 1]);
}

size_t egret_dwarf_unit_find(const struct egret_dwarf_span *span,
			     const struct egret_dwarf_strings *strings, uint64_t vaddr,
			     struct egret_dwarf_line *lines, size_t max, bool *is_partial)
{
	struct egret_dwarf_blob_row row;
	struct egret_dwarf_line line;
	struct unit unit;
	size_t n = 0;

	*is_partial = false;
	if (!max || !open_unit(&unit, span))
		return 0;
	*is_partial = unit.head.is_partial;
	if (!find_row(&unit, vaddr, &row) || (!row.node && !row.file))
		return 0;
	*is_partial = false;
	line = (struct egret_dwarf_line){ .file = file_name(&unit, strings, row.file),
					  .line = row.line };
	/* A node's parent has a smaller number, so that this ends. */
	for (uint32_t node = row.node; node && node <= unit.head.n_nodes;) {
		const struct egret_dwarf_blob_node *at = &unit.nodes[node - 1];

		line.function = egret_dwarf_string_of(strings, at->name);
		line.is_linkage_name = at->call_line & EGRET_DWARF_LINKAGE_NAME;
		line.is_inlined = at->parent && at->parent < node;
		/* Of too many, the inner ones and the function itself are told. */
		if (n + 1 < max || !line.is_inlined)
			lines[n++] = line;
		if (!line.is_inlined)
			return n;
		line = (struct egret_dwarf_line){
			.file = file_name(&unit, strings, at->call_file),
			.line = at->call_line & ~EGRET_DWARF_LINKAGE_NAME,
		};
		node = at->parent;
	}
	lines[0] = line;
	return 1;
}
