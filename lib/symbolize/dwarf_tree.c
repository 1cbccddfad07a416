/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_tree.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>

#include "base/grow.h"
#include "symbolize/dwarf_ranges.h"

#define DEPTH_MAX 65536 /* of DIEs in DIEs */
#define HOPS_MAX 16	/* from a DIE to the one that has its name */
#define INTERVALS_MAX (8u << 20)

void egret_dwarf_tree_deinit(struct egret_dwarf_tree *tree)
{
	free(tree->nodes);
	free(tree->intervals);
	free(tree->scopes);
	free(tree->names);
	egret_index_deinit(&tree->names_index);
	*tree = (struct egret_dwarf_tree){ 0 };
}

/* ---- names ---------------------------------------------------------------------------------- */

/* Reads the DIE at an offset of a file, with the unit that it is in. */
static int read_die_at(struct egret_dwarf_reader *reader, const struct egret_dwarf_file *file,
		       uint64_t offset, struct egret_dwarf_cu **cu,
		       struct egret_dwarf_function *die)
{
	const struct egret_dwarf_unit *unit = egret_dwarf_file_unit_at(file, offset);
	const struct egret_dwarf_abbrev *abbrev;
	struct egret_bytes r;
	int ret;

	if (!unit)
		return -EBADMSG;
	ret = egret_dwarf_cu_open(reader, file, unit, cu);
	if (ret)
		return ret;
	r = egret_dwarf_section_at(file, EGRET_DWARF_INFO, offset);
	r.end = file->sections[EGRET_DWARF_INFO].bytes + unit->end;
	abbrev = egret_dwarf_abbrev((*cu)->abbrevs, egret_bytes_uleb(&r));
	if (r.failed || !abbrev ||
	    !egret_dwarf_die_read(reader, (*cu)->abbrevs, abbrev, &r, die->v,
				  EGRET_DWARF_NR_FUNCTION_SLOTS))
		return -EBADMSG;
	return 0;
}

/*
 * The name of a function is that of the linker where its DIE, or one that it refers to, has it:
 * only that one tells overloaded functions apart.
 */
static int name_of_die(struct egret_dwarf_reader *reader, const struct egret_dwarf_cu *cu,
		       const struct egret_dwarf_function *die, struct egret_dwarf_known_name *out)
{
	struct egret_dwarf_function at = *die;
	const struct egret_dwarf_cu *in = cu;
	const char *plain = NULL;

	for (int i = 0; i < HOPS_MAX; i++) {
		const struct egret_dwarf_value *next = &at.v[EGRET_DWARF_ORIGIN];
		const struct egret_dwarf_file *file;
		struct egret_dwarf_cu *opened;
		uint64_t offset;
		int ret;

		if (!next->form)
			next = &at.v[EGRET_DWARF_SPECIFICATION];
		out->name = egret_dwarf_string(in, &at.v[EGRET_DWARF_LINKAGE]);
		if (out->name) {
			out->is_linkage_name = true;
			return 0;
		}
		if (!plain)
			plain = egret_dwarf_string(in, &at.v[EGRET_DWARF_NAME]);
		if (!egret_dwarf_reference(in, next, &file, &offset))
			break;
		ret = read_die_at(reader, file, offset, &opened, &at);
		if (ret == -ENOMEM)
			return ret;
		if (ret)
			break;
		in = opened;
	}
	out->name = plain;
	return 0;
}

static bool equals_name(const void *owner, uint32_t number, const void *key)
{
	const struct egret_dwarf_tree *tree = owner;
	const struct egret_dwarf_known_name *k = key;

	return tree->names[number].offset == k->offset && tree->names[number].file == k->file;
}

/* The name of what is inlined many times is looked for once. */
static int name_of_origin(struct egret_dwarf_tree *tree, struct egret_dwarf_reader *reader,
			  const struct egret_dwarf_cu *cu, const struct egret_dwarf_function *die,
			  struct egret_dwarf_known_name *out)
{
	uint64_t hash;
	uint32_t number;
	int ret;

	*out = (struct egret_dwarf_known_name){ 0 };
	if (die->v[EGRET_DWARF_LINKAGE].form || die->v[EGRET_DWARF_NAME].form ||
	    !egret_dwarf_reference(cu, &die->v[EGRET_DWARF_ORIGIN], &out->file, &out->offset))
		return name_of_die(reader, cu, die, out);
	hash = egret_hash64(out->offset ^ (uintptr_t)out->file);
	number = egret_index_find(&tree->names_index, hash, out, equals_name, tree);
	if (number != EGRET_INDEX_NONE) {
		*out = tree->names[number];
		return 0;
	}
	ret = name_of_die(reader, cu, die, out);
	if (ret)
		return ret;
	if (!egret_grow(&tree->names, &tree->names_room, tree->n_names, sizeof(*out)))
		return -ENOMEM;
	tree->names[tree->n_names] = *out;
	return egret_index_add(&tree->names_index, hash, (uint32_t)tree->n_names++);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static int add_interval(struct egret_dwarf_tree *tree, uint64_t start, uint64_t end)
{
	if (!egret_grow(&tree->intervals, &tree->intervals_room, tree->n_intervals,
			sizeof(*tree->intervals)))
		return -ENOMEM;
	tree->intervals[tree->n_intervals++] =
		(struct egret_dwarf_interval){ start, end, (uint32_t)tree->n_nodes };
	return 0;
}

/* Those of the node that is to come. *first: the start of the first one; 0: there is none. */
static int add_intervals(struct egret_dwarf_tree *tree, struct egret_dwarf_reader *reader,
			 const struct egret_dwarf_cu *cu, const struct egret_dwarf_function *die,
			 const struct egret_code_ranges *code, uint64_t *first)
{
	struct egret_dwarf_ranges ranges;
	uint64_t start, end;
	int ret = 0;

	*first = 0;
	if (!egret_dwarf_ranges_init(&ranges, cu, die->v))
		return 0;
	while (!ret && egret_dwarf_ranges_next(&ranges, &start, &end)) {
		const struct egret_code_range *range = egret_code_range_at(code, start);

		if (!range)
			continue;
		if (tree->n_intervals == INTERVALS_MAX)
			break;
		if (!*first)
			*first = start;
		ret = add_interval(tree, start, end < range->end ? end : range->end);
	}
	reader->work += ranges.n_entries;
	return ret;
}

static int put_node(struct egret_dwarf_tree *tree, const struct egret_dwarf_node *node)
{
	if (!egret_grow(&tree->nodes, &tree->nodes_room, tree->n_nodes, sizeof(*tree->nodes)))
		return -ENOMEM;
	tree->nodes[tree->n_nodes++] = *node;
	return 0;
}

int egret_dwarf_tree_add(struct egret_dwarf_tree *tree, const char *name, uint64_t start,
			 uint64_t end)
{
	struct egret_dwarf_node node = { .name = name,
					 .is_linkage_name = true,
					 .start = start,
					 .parent = EGRET_DWARF_NO_NODE,
					 .call_file = UINT64_MAX };
	int ret;

	if (tree->n_nodes == INTERVALS_MAX || tree->n_intervals == INTERVALS_MAX)
		return 0;
	ret = add_interval(tree, start, end);
	return ret ? ret : put_node(tree, &node);
}

struct walk {
	struct egret_dwarf_tree *tree;
	struct egret_dwarf_reader *reader;
	const struct egret_dwarf_cu *cu;
	const struct egret_code_ranges *code;
	struct egret_bytes r;
	const uint8_t *unit; /* what siblings are relative to */
	size_t depth;
	const struct egret_dwarf_extent *extent;
};

/* Whether one of the intervals from `first` on, which are a function's, holds a wanted address. */
static bool is_wanted(const struct egret_dwarf_tree *tree, const struct egret_dwarf_extent *extent,
		      size_t first)
{
	if (!extent->wanted)
		return true;
	for (size_t i = first; i < tree->n_intervals; i++) {
		const struct egret_dwarf_interval *interval = &tree->intervals[i];
		size_t lo = 0, hi = extent->n_wanted;

		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (extent->wanted[mid] < interval->start)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo < extent->n_wanted && extent->wanted[lo] < interval->end)
			return true;
	}
	return false;
}

/* A function that is not wanted: only where it is. */
static int put_passed(struct egret_dwarf_tree *tree, uint64_t start)
{
	return put_node(tree, &(struct egret_dwarf_node){ .parent = EGRET_DWARF_NO_NODE,
							  .start = start,
							  .call_file = UINT64_MAX,
							  .is_passed = true });
}

/* Adds a function or an inlined one. *number: EGRET_DWARF_NO_NODE where it has no code. */
static int add_node(struct walk *w, const struct egret_dwarf_function *die, bool is_inlined,
		    uint32_t parent, uint32_t *number)
{
	const struct egret_dwarf_value *call_file, *call_line;
	struct egret_dwarf_tree *tree = w->tree;
	struct egret_dwarf_known_name name;
	size_t first = tree->n_intervals;
	uint64_t start;
	int ret;

	*number = EGRET_DWARF_NO_NODE;
	if (tree->n_nodes == INTERVALS_MAX)
		return 0;
	ret = add_intervals(tree, w->reader, w->cu, die, w->code, &start);
	/* What is inlined into one of no addresses of its own may have some. */
	if (ret || (!start && !(is_inlined && parent != EGRET_DWARF_NO_NODE)))
		return ret;
	*number = (uint32_t)tree->n_nodes;
	if (!is_inlined && !is_wanted(tree, w->extent, first))
		return put_passed(tree, start);
	ret = name_of_origin(tree, w->reader, w->cu, die, &name);
	if (ret)
		return ret;
	call_file = &die->v[EGRET_DWARF_CALL_FILE];
	call_line = &die->v[EGRET_DWARF_CALL_LINE];
	return put_node(tree, &(struct egret_dwarf_node){
				      .name = name.name,
				      .is_linkage_name = name.is_linkage_name,
				      .start = start,
				      .parent = is_inlined ? parent : EGRET_DWARF_NO_NODE,
				      .call_file = call_file->form ? call_file->u : UINT64_MAX,
				      .call_line = call_line->form ? (uint32_t)call_line->u : 0,
			      });
}

/* ---- the walk ------------------------------------------------------------------------------- */

/*
 * Whether there may be functions with code below a DIE of that kind. in_types: functions of a class
 * that is local to a function are below the class.
 */
static bool may_hold_code(uint16_t tag, bool in_types)
{
	switch (tag) {
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_compile_unit:
	case DW_TAG_partial_unit:
		return true;
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_interface_type:
		return in_types;
	default:
		return false;
	}
}

/* Passes over all that is below the DIE that was just read. False: damaged. */
static bool pass_children(struct walk *w, uint64_t sibling)
{
	const struct egret_dwarf_abbrevs *abbrevs = w->cu->abbrevs;
	struct egret_bytes *r = &w->r;
	size_t depth = 1;

	if (sibling > (uint64_t)(r->p - w->unit) && sibling <= (uint64_t)(r->end - w->unit)) {
		r->p = w->unit + sibling;
		return true;
	}
	while (depth) {
		uint64_t code = egret_bytes_uleb(r);
		const struct egret_dwarf_abbrev *abbrev;
		const uint8_t *from;

		w->reader->work++;
		if (!code) {
			depth--;
			if (r->failed)
				return false;
			continue;
		}
		abbrev = egret_dwarf_abbrev(abbrevs, code);
		sibling = 0;
		if (!abbrev || !egret_dwarf_pass(r, abbrevs, abbrev, &sibling))
			return false;
		if (!abbrev->has_children)
			continue;
		from = r->p;
		if (sibling > (uint64_t)(from - w->unit) && sibling <= (uint64_t)(r->end - w->unit))
			r->p = w->unit + sibling;
		else
			depth++;
	}
	return true;
}

static int descend(struct walk *w, uint32_t scope)
{
	struct egret_dwarf_tree *tree = w->tree;

	if (w->depth == DEPTH_MAX) {
		tree->is_damaged = true;
		return 0;
	}
	if (!egret_grow(&tree->scopes, &tree->scopes_room, w->depth, sizeof(*tree->scopes)))
		return -ENOMEM;
	tree->scopes[w->depth++] = scope;
	return 0;
}

/* A declaration, or the abstract form of what is inlined elsewhere. */
static int visit_abstract(struct walk *w, const struct egret_dwarf_abbrev *abbrev)
{
	uint64_t sibling = 0;

	if (!egret_dwarf_pass(&w->r, w->cu->abbrevs, abbrev, &sibling)) {
		w->tree->is_damaged = true;
		return 0;
	}
	if (!abbrev->has_children)
		return 0;
	if (w->extent->in_types)
		return descend(w, EGRET_DWARF_NO_NODE);
	w->tree->is_damaged |= !pass_children(w, sibling);
	return 0;
}

static int visit_function(struct walk *w, const struct egret_dwarf_abbrev *abbrev)
{
	bool is_inlined = abbrev->tag == DW_TAG_inlined_subroutine;
	uint32_t scope = w->tree->scopes[w->depth - 1], number;
	struct egret_bytes attributes = w->r;
	struct egret_dwarf_function die;
	uint64_t sibling = 0;
	int ret;

	if (!egret_dwarf_die_read(w->reader, w->cu->abbrevs, abbrev, &w->r, die.v,
				  EGRET_DWARF_NR_FUNCTION_SLOTS)) {
		w->tree->is_damaged = true;
		return 0;
	}
	ret = add_node(w, &die, is_inlined, scope, &number);
	if (ret || !abbrev->has_children)
		return ret;
	if (number != EGRET_DWARF_NO_NODE) {
		if (!w->tree->nodes[number].is_passed)
			return descend(w, number);
	} else if (w->extent->in_types) {
		return descend(w, EGRET_DWARF_NO_NODE);
	}
	/* A declaration, the abstract form of what is inlined elsewhere, or not wanted. */
	egret_dwarf_pass(&attributes, w->cu->abbrevs, abbrev, &sibling);
	w->tree->is_damaged |= !pass_children(w, sibling);
	return 0;
}

static int visit(struct walk *w, const struct egret_dwarf_abbrev *abbrev)
{
	uint64_t sibling = 0;

	if (abbrev->tag == DW_TAG_subprogram && !abbrev->has_code)
		return visit_abstract(w, abbrev);
	if (abbrev->tag == DW_TAG_subprogram || abbrev->tag == DW_TAG_inlined_subroutine)
		return visit_function(w, abbrev);
	if (!egret_dwarf_pass(&w->r, w->cu->abbrevs, abbrev, &sibling)) {
		w->tree->is_damaged = true;
		return 0;
	}
	if (!abbrev->has_children)
		return 0;
	if (may_hold_code(abbrev->tag, w->extent->in_types))
		return descend(w, w->tree->scopes[w->depth - 1]);
	w->tree->is_damaged |= !pass_children(w, sibling);
	return 0;
}

static int walk_unit(struct walk *w)
{
	int ret = descend(w, EGRET_DWARF_NO_NODE);

	while (!ret && w->depth && w->r.p != w->r.end && !w->tree->is_damaged) {
		uint64_t code = egret_bytes_uleb(&w->r);
		const struct egret_dwarf_abbrev *abbrev;

		w->reader->work++;
		if (!code) {
			w->depth--;
			continue;
		}
		abbrev = egret_dwarf_abbrev(w->cu->abbrevs, code);
		if (abbrev && w->reader->work <= w->reader->work_max)
			ret = visit(w, abbrev);
		else
			w->tree->is_damaged = true;
	}
	return ret;
}

int egret_dwarf_tree_read(struct egret_dwarf_tree *tree, struct egret_dwarf_reader *reader,
			  const struct egret_dwarf_cu *cu, const struct egret_code_ranges *code,
			  const struct egret_dwarf_extent *extent)
{
	const uint8_t *info = cu->file->sections[EGRET_DWARF_INFO].bytes;
	struct walk w = {
		.tree = tree, .reader = reader, .cu = cu, .code = code, .extent = extent
	};

	tree->n_nodes = tree->n_intervals = tree->n_names = 0;
	tree->is_damaged = false;
	egret_index_deinit(&tree->names_index);
	if (!cu->has_children)
		return 0;
	w.unit = info + cu->unit->offset;
	w.r = (struct egret_bytes){ info + cu->first_child, info + cu->unit->end, false };
	return walk_unit(&w);
}
