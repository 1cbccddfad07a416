/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_build.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "symbolize/dwarf_sweep.h"
#include "symbolize/dwarf_symbols.h"

#define PATH_MAX_LEN 4096

void egret_dwarf_builder_deinit(struct egret_dwarf_builder *builder)
{
	egret_dwarf_reader_deinit(&builder->reader);
	egret_dwarf_tree_deinit(&builder->tree);
	egret_dwarf_lines_deinit(&builder->lines);
	free(builder->heap);
	free(builder->rows);
	free(builder->numbers);
	free(builder->windows);
	*builder = (struct egret_dwarf_builder){ 0 };
}

void egret_dwarf_built_deinit(struct egret_dwarf_built *built)
{
	free(built->nodes);
	egret_buffer_deinit(&built->paths);
	egret_buffer_deinit(&built->blocks);
	egret_buffer_deinit(&built->rows);
	*built = (struct egret_dwarf_built){ 0 };
}

/* ---- which line ----------------------------------------------------------------------------- */

/* The rows of all sequences, one after the other; what two of them cover is the first one's. */
struct line_walk {
	const struct egret_dwarf_lines *lines;
	size_t sequence, row; /* row: within the sequence */
	uint64_t reached;     /* the end of the sequences so far */
	bool in_gap;	      /* a gap was told behind the last one */
};

/* A place where the line changes. file and line 0: there is none from there on. */
struct line_change {
	uint64_t start;
	uint32_t file, line;
	bool is_gap;
};

static bool next_line(struct line_walk *w, struct line_change *out)
{
	const struct egret_dwarf_lines *lines = w->lines;

	while (w->sequence < lines->n_sequences) {
		const struct egret_dwarf_sequence *s = &lines->sequences[w->sequence];
		const struct egret_dwarf_row *row = &lines->rows[s->first + w->row];
		uint64_t until = w->row + 1 < s->n ? row[1].address : s->end;

		if (w->row < s->n && row->address < s->end) {
			w->row++;
			if (until <= w->reached)
				continue;
			*out = (struct line_change){ row->address, row->file, row->line, false };
			if (out->start < w->reached)
				out->start = w->reached;
			return true;
		}
		w->sequence++;
		w->row = 0;
		if (s->end <= w->reached)
			continue;
		w->reached = s->end;
		*out = (struct line_change){ .start = s->end, .is_gap = true };
		return true;
	}
	return false;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* Keeps a row. Of several at one address the last counts; those that say nothing new are not kept.
 */
static int keep_row(struct egret_dwarf_builder *b, const struct egret_dwarf_blob_row *row)
{
	const struct egret_dwarf_blob_row *last = b->n_rows ? &b->rows[b->n_rows - 1] : NULL;

	if (last && last->address == row->address)
		last = --b->n_rows ? last - 1 : NULL;
	if (last ? last->node == row->node && last->file == row->file && last->line == row->line
		 : !row->node && !row->file)
		return 0;
	if (!egret_grow(&b->rows, &b->rows_room, b->n_rows, sizeof(*b->rows)))
		return -ENOMEM;
	b->rows[b->n_rows++] = *row;
	return 0;
}

/* Whether a run is of a function that was read. */
static bool is_read(const struct egret_dwarf_builder *b, const struct egret_dwarf_run *run)
{
	return run->node != EGRET_DWARF_NO_NODE && !b->tree.nodes[run->node].is_passed;
}

/* Both sorts of changes in one order; nodes and files as DWARF numbers them, and from 1 on. */
static int merge_rows(struct egret_dwarf_builder *b)
{
	struct egret_dwarf_sweep sweep;
	struct line_walk walk = { .lines = &b->lines };
	struct egret_dwarf_blob_row row = { 0 }, none = { 0 };
	struct line_change line;
	struct egret_dwarf_run run;
	bool has_line = next_line(&walk, &line), has_run;
	int ret = 0;

	egret_dwarf_sweep_init(&sweep, b->tree.intervals, b->tree.n_intervals, b->heap);
	has_run = egret_dwarf_sweep_next(&sweep, &run);
	b->n_rows = 0;
	while (!ret && (has_run || has_line)) {
		bool takes_run = has_run && (!has_line || run.start <= line.start);
		bool takes_line = has_line && (!has_run || line.start <= run.start);

		row.address = takes_run ? run.start : line.start;
		if (takes_line) {
			row.file = line.is_gap ? 0 : line.file + 1;
			row.line = line.line;
			has_line = next_line(&walk, &line);
		}
		if (takes_run) {
			row.node = is_read(b, &run) ? run.node + 1 : 0;
			has_run = egret_dwarf_sweep_next(&sweep, &run);
		}
		none.address = row.address;
		ret = keep_row(b, b->n_windows && !row.node ? &none : &row);
	}
	return ret;
}

#define CODED_MAX 32 /* bytes of a row: LEB128s of 35 and three times 33 bits */

static uint8_t *put_uleb(uint8_t *to, uint64_t value)
{
	while (value >= 0x80) {
		*to++ = (uint8_t)value | 0x80;
		value >>= 7;
	}
	*to++ = (uint8_t)value;
	return to;
}

/* As egret_buffer_add_sleb. */
static uint8_t *put_difference(uint8_t *to, uint32_t from, uint32_t value)
{
	int32_t difference = (int32_t)(value - from);

	return put_uleb(to, ((uint32_t)difference << 1) ^ (uint32_t)(difference >> 31));
}

static void code_row(struct egret_buffer *buf, const struct egret_dwarf_blob_row *last,
		     const struct egret_dwarf_blob_row *row)
{
	uint64_t told = (row->address - last->address) << 3 | (row->node != last->node) |
			(uint64_t)(row->file != last->file) << 1 |
			(uint64_t)(row->line != last->line) << 2;
	uint8_t *start = egret_buffer_reserve(buf, CODED_MAX), *to = start;

	if (!to)
		return;
	to = put_uleb(to, told);
	if (told & 1)
		to = put_difference(to, last->node, row->node);
	if (told & 2)
		to = put_difference(to, last->file, row->file);
	if (told & 4)
		to = put_difference(to, last->line, row->line);
	buf->len += (size_t)(to - start);
}

static int code_rows(const struct egret_dwarf_builder *b, struct egret_dwarf_built *out)
{
	struct egret_dwarf_blob_row last = { 0 };

	out->head.base = b->n_rows ? b->rows[0].address : 0;
	for (size_t i = 0; i < b->n_rows; i++) {
		const struct egret_dwarf_blob_row *row = &b->rows[i];
		uint64_t address = row->address - out->head.base;

		if (address > UINT32_MAX || out->rows.len > UINT32_MAX / 2)
			break;
		if (i % EGRET_DWARF_BLOCK_ROWS == 0) {
			struct egret_dwarf_block block = { (uint32_t)address,
							   (uint32_t)out->rows.len };

			egret_buffer_add(&out->blocks, &block, sizeof(block));
			last = (struct egret_dwarf_blob_row){ .address = row->address };
		}
		code_row(&out->rows, &last, row);
		last = *row;
	}
	out->head.n_blocks = (uint32_t)(out->blocks.len / sizeof(struct egret_dwarf_block));
	out->head.rows_size = (uint32_t)out->rows.len;
	return out->rows.failed || out->blocks.failed ? -ENOMEM : 0;
}

/* ---- what of nodes and files is used -------------------------------------------------------- */

/* Marks the nodes of rows, and those that they are inlined into. */
static void mark_nodes(struct egret_dwarf_builder *b, uint32_t *numbers)
{
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].node)
			numbers[b->rows[i].node - 1] = 1;
	for (size_t i = b->tree.n_nodes; i-- > 0;)
		if (numbers[i] && b->tree.nodes[i].parent != EGRET_DWARF_NO_NODE)
			numbers[b->tree.nodes[i].parent] = 1;
}

/* Gives what is marked numbers from 1 on. Returns how many there are. */
static uint32_t number_marked(uint32_t *numbers, size_t n)
{
	uint32_t next = 0;

	for (size_t i = 0; i < n; i++)
		if (numbers[i])
			numbers[i] = ++next;
	return next;
}

static int take_nodes(struct egret_dwarf_builder *b, uint32_t *numbers,
		      struct egret_dwarf_built *out)
{
	mark_nodes(b, numbers);
	out->head.n_nodes = number_marked(numbers, b->tree.n_nodes);
	out->nodes = malloc((out->head.n_nodes + 1) * sizeof(*out->nodes));
	if (!out->nodes)
		return -ENOMEM;
	for (size_t i = 0; i < b->tree.n_nodes; i++) {
		struct egret_dwarf_node node = b->tree.nodes[i];

		if (!numbers[i])
			continue;
		node.parent = node.parent == EGRET_DWARF_NO_NODE ? 0 : numbers[node.parent];
		out->nodes[numbers[i] - 1] = node;
	}
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].node)
			b->rows[i].node = numbers[b->rows[i].node - 1];
	return 0;
}

/* The number that a file has, 0 where it is none of the table's. */
static uint32_t number_of_file(const uint32_t *numbers, size_t n, uint64_t file)
{
	return file < n ? numbers[file] : 0;
}

static int take_files(struct egret_dwarf_builder *b, uint32_t *numbers,
		      struct egret_dwarf_built *out)
{
	size_t n = b->lines.n_files;
	char path[PATH_MAX_LEN];

	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].file && b->rows[i].file <= n)
			numbers[b->rows[i].file - 1] = 1;
	for (size_t i = 0; i < out->head.n_nodes; i++)
		if (out->nodes[i].call_file < n)
			numbers[out->nodes[i].call_file] = 1;
	out->head.n_files = number_marked(numbers, n);
	for (size_t i = 0; i < n; i++) {
		if (!numbers[i])
			continue;
		if (!egret_dwarf_lines_path(&b->lines, i, path, sizeof(path)))
			path[0] = '\0';
		egret_buffer_add(&out->paths, path, strlen(path) + 1);
	}
	for (size_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].file)
			b->rows[i].file = number_of_file(numbers, n, b->rows[i].file - 1);
	for (size_t i = 0; i < out->head.n_nodes; i++)
		out->nodes[i].call_file = number_of_file(numbers, n, out->nodes[i].call_file);
	return out->paths.failed ? -ENOMEM : 0;
}

/* Room for the sweep, and for numbers of all nodes and files, which are zeroed. */
static int make_room(struct egret_dwarf_builder *b)
{
	size_t n_numbers = b->tree.n_nodes + b->lines.n_files + 1;

	if (b->heap_room < b->tree.n_intervals) {
		free(b->heap);
		b->heap_room = b->tree.n_intervals;
		b->heap = reallocarray(NULL, b->heap_room, sizeof(*b->heap));
		if (!b->heap)
			b->heap_room = 0;
	}
	if (b->numbers_room < n_numbers) {
		free(b->numbers);
		b->numbers_room = n_numbers;
		b->numbers = reallocarray(NULL, n_numbers, sizeof(*b->numbers));
		if (!b->numbers)
			b->numbers_room = 0;
	}
	if ((b->tree.n_intervals && !b->heap) || !b->numbers)
		return -ENOMEM;
	memset(b->numbers, 0, n_numbers * sizeof(*b->numbers));
	return 0;
}

static int sort_intervals(struct egret_dwarf_builder *b)
{
	int ret = make_room(b);

	if (!ret)
		egret_dwarf_sort_intervals(b->tree.intervals, b->tree.n_intervals, b->heap);
	return ret;
}

static int sweep_rows(struct egret_dwarf_builder *b, const struct egret_dwarf_cu *cu)
{
	int ret = egret_dwarf_take_symbols(&b->tree, &b->lines, cu, &b->symbols);

	if (!ret)
		ret = sort_intervals(b);
	return ret ? ret : merge_rows(b);
}

#define PADDING_MAX 64 /* between functions */

/* Whether there are lines without a function, of more than padding. */
static bool lacks_functions(const struct egret_dwarf_builder *b)
{
	for (size_t i = 0; i + 1 < b->n_rows; i++)
		if (!b->rows[i].node && b->rows[i].file &&
		    b->rows[i + 1].address - b->rows[i].address > PADDING_MAX)
			return true;
	return false;
}

/*
 * Types are half of a unit's DIEs. In C there is no code below them; so they are passed over,
 * unless it turns out that functions are missing.
 */
static bool is_c(const struct egret_dwarf_cu *cu)
{
	switch (cu->v[EGRET_DWARF_LANGUAGE].form ? cu->v[EGRET_DWARF_LANGUAGE].u : 0) {
	case DW_LANG_C89:
	case DW_LANG_C:
	case DW_LANG_C99:
	case DW_LANG_C11:
		return true;
	default:
		return false;
	}
}

static int read_tree(struct egret_dwarf_builder *b, const struct egret_dwarf_build_input *in,
		     const struct egret_dwarf_extent *extent)
{
	return egret_dwarf_tree_read(&b->tree, in->tree_reader, in->tree_cu, in->code, extent);
}

/* Lines within the windows of b; all of them where it has none. */
static int read_lines(struct egret_dwarf_builder *b, const struct egret_dwarf_build_input *in)
{
	const struct egret_dwarf_value *stmt_list = &in->cu->v[EGRET_DWARF_STMT_LIST];
	struct egret_dwarf_windows windows = { b->windows, b->n_windows };

	b->n_rows = b->lines.n_rows = b->lines.n_sequences = b->lines.n_files = 0;
	if (!stmt_list->form)
		return 0;
	return egret_dwarf_lines_read(&b->lines, &b->reader, in->cu, stmt_list->u, in->code,
				      windows);
}

static int read_unit(struct egret_dwarf_builder *b, const struct egret_dwarf_build_input *in)
{
	struct egret_dwarf_extent extent = { .in_types = !is_c(in->tree_cu) };
	int ret = read_tree(b, in, &extent);

	b->n_windows = 0;
	if (!ret)
		ret = read_lines(b, in);
	if (!ret)
		ret = sweep_rows(b, in->tree_cu);
	if (ret || extent.in_types || !lacks_functions(b))
		return ret;
	extent.in_types = true;
	ret = read_tree(b, in, &extent);
	return ret ? ret : sweep_rows(b, in->tree_cu);
}

/* ---- a few functions of a unit -------------------------------------------------------------- */

static int add_window(struct egret_dwarf_builder *b, uint64_t start, uint64_t end)
{
	struct egret_dwarf_window *last = b->n_windows ? &b->windows[b->n_windows - 1] : NULL;

	if (last && last->end == start) {
		last->end = end;
		return 0;
	}
	if (!egret_grow(&b->windows, &b->windows_room, b->n_windows, sizeof(*b->windows)))
		return -ENOMEM;
	b->windows[b->n_windows++] = (struct egret_dwarf_window){ start, end };
	return 0;
}

/* The windows are where the tree's functions are that are wanted. */
static int find_windows(struct egret_dwarf_builder *b)
{
	struct egret_dwarf_sweep sweep;
	struct egret_dwarf_run run, next;
	int ret = 0;

	b->n_windows = 0;
	egret_dwarf_sweep_init(&sweep, b->tree.intervals, b->tree.n_intervals, b->heap);
	if (!egret_dwarf_sweep_next(&sweep, &run))
		return 0;
	/* The last run is of no node. */
	for (; !ret && egret_dwarf_sweep_next(&sweep, &next); run = next)
		if (is_read(b, &run))
			ret = add_window(b, run.start, next.start);
	return ret;
}

static bool are_in_windows(const struct egret_dwarf_builder *b, const uint64_t *sorted, size_t n)
{
	size_t window = 0;

	for (size_t i = 0; i < n; i++) {
		while (window < b->n_windows && b->windows[window].end <= sorted[i])
			window++;
		if (window == b->n_windows || b->windows[window].start > sorted[i])
			return false;
	}
	return true;
}

/*
 * Reads the functions that wanted addresses are in, with their lines. *is_enough: they are all in
 * one. If not, there may be functions that are only found by looking everywhere, or lines without
 * one.
 */
static int read_wanted(struct egret_dwarf_builder *b, const struct egret_dwarf_build_input *in,
		       bool *is_enough)
{
	struct egret_dwarf_extent extent = { .wanted = in->wanted, .n_wanted = in->n_wanted };
	int ret = read_tree(b, in, &extent);

	b->lines.n_files = 0; /* of the unit before */
	if (!ret)
		ret = sort_intervals(b);
	if (!ret)
		ret = find_windows(b);
	*is_enough = !ret && are_in_windows(b, in->wanted, in->n_wanted);
	if (!*is_enough)
		return ret;
	ret = read_lines(b, in);
	return ret ? ret : sweep_rows(b, in->tree_cu);
}

int egret_dwarf_build(struct egret_dwarf_builder *b, const struct egret_dwarf_build_input *in,
		      struct egret_dwarf_built *out)
{
	bool is_partial = false;
	int ret = 0;

	*out = (struct egret_dwarf_built){ 0 };
	if (in->wanted)
		ret = read_wanted(b, in, &is_partial);
	if (!ret && !is_partial)
		ret = read_unit(b, in);
	if (!ret)
		ret = take_nodes(b, b->numbers, out);
	if (!ret)
		ret = take_files(b, b->numbers + b->tree.n_nodes, out);
	if (!ret)
		ret = code_rows(b, out);
	out->head.is_partial = is_partial;
	out->is_damaged = b->tree.is_damaged;
	return ret;
}

/* ---- sealing -------------------------------------------------------------------------------- */

static bool seal_nodes(const struct egret_dwarf_built *built, struct egret_dwarf_strings *strings,
		       struct egret_dwarf_blob_node *to)
{
	for (uint32_t i = 0; i < built->head.n_nodes; i++) {
		const struct egret_dwarf_node *node = &built->nodes[i];

		to[i] = (struct egret_dwarf_blob_node){
			.parent = node->parent,
			.call_file = (uint32_t)node->call_file,
			.call_line = (node->call_line & ~EGRET_DWARF_LINKAGE_NAME) |
				     (node->is_linkage_name ? EGRET_DWARF_LINKAGE_NAME : 0),
		};
		if (!egret_dwarf_intern_name(strings, node->name, &to[i].name))
			return false;
	}
	return true;
}

static bool seal_files(const struct egret_dwarf_built *built, struct egret_dwarf_strings *strings,
		       uint32_t *to)
{
	const char *path = (const char *)built->paths.data;

	for (uint32_t i = 0; i < built->head.n_files; i++) {
		if (!egret_dwarf_intern(strings, path, &to[i]))
			return false;
		path += strlen(path) + 1;
	}
	return true;
}

int egret_dwarf_seal(const struct egret_dwarf_built *built, struct egret_dwarf_strings *strings,
		     struct egret_dwarf_span *out)
{
	const struct egret_dwarf_unit_head *head = &built->head;
	size_t nodes = sizeof(*head), files, blocks, rows, size;
	uint8_t *bytes;

	files = nodes + head->n_nodes * sizeof(struct egret_dwarf_blob_node);
	blocks = files + head->n_files * sizeof(uint32_t);
	rows = blocks + built->blocks.len;
	size = rows + built->rows.len;
	bytes = malloc(size);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, head, sizeof(*head));
	if (!seal_nodes(built, strings, (void *)(bytes + nodes)) ||
	    !seal_files(built, strings, (void *)(bytes + files))) {
		free(bytes);
		return -ENOMEM;
	}
	if (built->blocks.len)
		memcpy(bytes + blocks, built->blocks.data, built->blocks.len);
	if (built->rows.len)
		memcpy(bytes + rows, built->rows.data, built->rows.len);
	*out = (struct egret_dwarf_span){ bytes, size };
	return 0;
}
