/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "symbolize/dwarf_index_impl.h"

/*
 * What may be done to index a module: its sections, many times over. Files may refer from a
 * thousand places to one large table; where they all do, there is no end to it.
 */
#define WORK_MIN (16u << 20)
#define WORK_PER_BYTE 32

/* ---- lifecycle ------------------------------------------------------------------------------ */

static bool has_dwarf(const struct egret_elf *elf)
{
	struct egret_section section;

	return elf && (egret_elf_stored_section(elf, ".debug_info", &section) ||
		       egret_elf_stored_section(elf, ".zdebug_info", &section));
}

/* A number for the DWARF that an index is of: another build of the same program has another. */
static uint64_t identity_of(const struct egret_elf *elf)
{
	static const char *const names[] = { ".debug_info", ".debug_line", ".debug_abbrev",
					     ".debug_str", ".zdebug_info" };
	uint64_t hash = EGRET_DWARF_INDEX_VERSION;
	struct egret_section section;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (egret_elf_stored_section(elf, names[i], &section))
			hash = egret_hash64(hash ^ (section.size + i));
	return hash;
}

static void choose_file(struct egret_dwarf_index *index, const struct egret_elf *elf,
			const struct egret_elf *debug)
{
	index->elf = has_dwarf(debug) ? debug : has_dwarf(elf) ? elf : NULL;
	if (!index->elf)
		index->why = "it has no DWARF";
}

int egret_dwarf_index_create(const struct egret_elf *elf, const struct egret_elf *debug,
			     const struct egret_dwarf_options *options,
			     struct egret_dwarf_index **out, struct egret_error *err)
{
	struct egret_dwarf_index *index = calloc(1, sizeof(*index));

	if (!index || egret_code_ranges_init(&index->code, elf, debug)) {
		egret_dwarf_index_destroy(index);
		return egret_fail(err, ENOMEM, "%s: no memory to index it", egret_elf_name(elf));
	}
	choose_file(index, elf, debug);
	if (options && options->openers)
		index->openers = *options->openers;
	if (options && options->symbols)
		index->builder.symbols = *options->symbols;
	if (index->elf && options && options->blob &&
	    !egret_dwarf_blob_open(&index->first, options->blob, options->blob_size,
				   identity_of(index->elf)))
		index->first = (struct egret_dwarf_blob){ 0 };
	*out = index;
	return 0;
}

void egret_dwarf_index_destroy(struct egret_dwarf_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; index->blobs && i < index->n_units; i++)
		free((void *)index->blobs[i].bytes);
	free(index->blobs);
	free(index->states);
	free(index->own_symbols);
	egret_dwarf_located_deinit(&index->located);
	egret_dwarf_strings_deinit(&index->strings);
	egret_dwarf_builder_deinit(&index->builder);
	egret_dwarf_split_deinit(&index->split);
	egret_dwarf_file_deinit(&index->alt);
	egret_dwarf_file_deinit(&index->file);
	egret_code_ranges_deinit(&index->code);
	free(index);
}

/* ---- opening DWARF -------------------------------------------------------------------------- */

/* The file that dwz has moved common parts to: a name, and the build-id that it must have. */
static int open_alt(struct egret_dwarf_index *index)
{
	struct egret_section section;
	struct egret_build_id id = { 0 };
	struct egret_elf *elf = NULL;
	const char *name, *end;
	size_t left;
	int ret;

	if (!egret_elf_stored_section(index->elf, ".gnu_debugaltlink", &section) || !section.data)
		return 0;
	index->lacks_alt = true;
	name = section.data;
	end = memchr(name, 0, section.size);
	if (!end || !index->openers.open_alt)
		return 0;
	left = section.size - (size_t)(end - name) - 1;
	id.len = left < EGRET_BUILD_ID_MAX ? (uint8_t)left : EGRET_BUILD_ID_MAX;
	memcpy(id.bytes, end + 1, id.len);
	if (index->openers.open_alt(index->openers.arg, name, &id, &elf))
		return 0;
	index->lacks_alt = false;
	ret = egret_dwarf_file_init(&index->alt, elf, false, index->threads);
	index->alt.own = elf;
	index->file.alt = &index->alt;
	return ret ? ret : egret_dwarf_file_scan(&index->alt);
}

static void limit_work(struct egret_dwarf_index *index)
{
	uint64_t bytes = 0;

	for (int i = 0; i < EGRET_DWARF_NR_SECTIONS; i++)
		bytes += index->file.sections[i].size + index->alt.sections[i].size;
	index->builder.reader.work_max = WORK_MIN + WORK_PER_BYTE * bytes;
}

static int open_dwarf(struct egret_dwarf_index *index)
{
	int ret;

	if (index->is_open)
		return 0;
	index->is_open = true;
	index->split.openers = index->openers;
	ret = egret_dwarf_file_init(&index->file, index->elf, false, index->threads);
	if (!ret)
		ret = egret_dwarf_file_scan(&index->file);
	if (!ret)
		ret = open_alt(index);
	limit_work(index);
	if (index->lacks_alt)
		index->why = "the file that dwz moved parts of its DWARF to was not found";
	else if (!index->file.n_units)
		index->why = "its DWARF is damaged, or of a version that is not known";
	return ret;
}

/* Makes ranges and units known. False: there are none. */
static bool locate(struct egret_dwarf_index *index)
{
	if (index->is_located || !index->elf)
		return index->states;
	index->is_located = true;
	if (index->first.bytes) {
		index->ranges = egret_dwarf_blob_ranges(&index->first);
		index->n_ranges = index->first.head.n_ranges;
		index->n_units = index->first.head.n_units;
		index->symbols = (const void *)(index->first.bytes + index->first.head.symbols_at);
		index->n_symbols = index->first.head.n_symbols;
		index->strings.first = (struct egret_dwarf_span){
			index->first.bytes + index->first.head.strings_at,
			index->first.head.strings_size
		};
	} else {
		if (open_dwarf(index) || egret_dwarf_locate(&index->builder, &index->file,
							    &index->code, &index->located))
			return false;
		index->ranges = index->located.ranges;
		index->n_ranges = index->located.n_ranges;
		index->n_units = index->located.n_units;
		index->has_grown = index->n_ranges;
	}
	index->blobs = calloc(index->n_units + 1, sizeof(*index->blobs));
	index->states = index->blobs ? calloc(index->n_units + 1, 1) : NULL;
	return index->states;
}

const struct egret_dwarf_unit *egret_dwarf_index_unit(const struct egret_dwarf_index *index,
						      uint32_t number)
{
	uint64_t offset = index->first.bytes ? egret_dwarf_blob_units(&index->first)[number].info
					     : index->located.units[number];
	size_t lo = 0, hi = index->file.n_units;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (index->file.units[mid].offset < offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < index->file.n_units && index->file.units[lo].offset == offset
		       ? &index->file.units[lo]
		       : NULL;
}

/* ---- building ------------------------------------------------------------------------------- */

int egret_dwarf_index_keep(struct egret_dwarf_index *index, uint32_t number,
			   const struct egret_dwarf_built *built, bool is_lasting)
{
	struct egret_dwarf_span blob;
	int ret = egret_dwarf_seal(built, &index->strings, &blob);

	if (ret)
		return ret;
	free((void *)index->blobs[number].bytes);
	index->blobs[number] = blob;
	index->states[number] = is_lasting ? EGRET_DWARF_UNIT_LASTING : EGRET_DWARF_UNIT_PASSING;
	index->has_grown |= is_lasting;
	index->n_damaged += built->is_damaged;
	index->n_bytes += blob.size;
	return 0;
}

/* A skeleton's functions are those of the split unit, where it can be had. */
static int build_skeleton(struct egret_dwarf_index *index, const struct egret_dwarf_wanted *wanted,
			  const struct egret_dwarf_build_input *skeleton)
{
	struct egret_dwarf_builder *b = &index->builder;
	struct egret_dwarf_reader reader = { .work_max = b->reader.work_max };
	struct egret_dwarf_build_input input = *skeleton;
	struct egret_dwarf_built built = { 0 };
	struct egret_dwarf_part part;
	struct egret_dwarf_cu *split;
	int ret = egret_dwarf_part_open(&index->split, &reader, input.cu, &part);
	bool is_missing = ret == -ENOENT;

	if (is_missing) {
		index->why = "not all files of its split DWARF (.dwo, .dwp) were found";
		ret = 0;
	} else if (!ret) {
		ret = egret_dwarf_cu_open(&reader, &part.file, part.unit, &split);
		if (!ret) {
			egret_dwarf_cu_join(split, input.cu);
			input.tree_cu = split;
			input.tree_reader = &reader;
		}
	}
	if (!ret)
		ret = egret_dwarf_build(b, &input, &built);
	if (!ret)
		ret = egret_dwarf_index_keep(index, wanted->unit, &built, !is_missing);
	egret_dwarf_built_deinit(&built);
	/* Names stood in the part. */
	egret_dwarf_strings_forget(&index->strings);
	egret_dwarf_reader_deinit(&reader);
	egret_dwarf_part_close(&part);
	b->reader.work += reader.work;
	return ret;
}

static int build(struct egret_dwarf_index *index, const struct egret_dwarf_wanted *wanted)
{
	struct egret_dwarf_builder *b = &index->builder;
	struct egret_dwarf_build_input input = { .tree_reader = &b->reader,
						 .code = &index->code,
						 .wanted = wanted->vaddrs,
						 .n_wanted = wanted->n };
	struct egret_dwarf_built built = { 0 };
	const struct egret_dwarf_unit *unit;
	struct egret_dwarf_cu *cu;
	int ret = open_dwarf(index);

	if (ret)
		return ret;
	/* Whatever comes of it, it is not tried again. */
	if (!index->states[wanted->unit])
		index->states[wanted->unit] = EGRET_DWARF_UNIT_PASSING;
	unit = egret_dwarf_index_unit(index, wanted->unit);
	egret_dwarf_reader_trim(&b->reader);
	if (!unit || b->reader.work > b->reader.work_max ||
	    egret_dwarf_cu_open(&b->reader, &index->file, unit, &cu)) {
		index->n_damaged++;
		return 0;
	}
	input.cu = input.tree_cu = cu;
	if (egret_dwarf_is_skeleton(cu))
		return build_skeleton(index, wanted, &input);
	ret = egret_dwarf_build(b, &input, &built);
	if (!ret)
		ret = egret_dwarf_index_keep(index, wanted->unit, &built, !index->lacks_alt);
	egret_dwarf_built_deinit(&built);
	return ret;
}

/* The blob of a unit that has been indexed, now or before; empty where it has not. */
static struct egret_dwarf_span blob_of(const struct egret_dwarf_index *index, uint32_t number)
{
	if (index->states[number])
		return index->blobs[number];
	return egret_dwarf_blob_unit(&index->first, number);
}

/* ---- asking --------------------------------------------------------------------------------- */

/*
 * Where one address of a unit is asked for, only what is inlined at it is indexed: of all functions
 * that a unit has few are asked for as a rule. The second time that this was not enough all of the
 * unit is.
 */
size_t egret_dwarf_index_find(struct egret_dwarf_index *index, uint64_t vaddr,
			      struct egret_dwarf_line *lines, size_t max)
{
	struct egret_dwarf_wanted wanted = { .vaddrs = &vaddr, .n = 1 };
	struct egret_dwarf_span blob;
	bool is_partial = true;
	size_t n = 0;

	if (!locate(index))
		return 0;
	wanted.unit = egret_dwarf_unit_of(index->ranges, index->n_ranges, vaddr);
	if (wanted.unit >= index->n_units)
		return 0;
	blob = blob_of(index, wanted.unit);
	if (!blob.size && !index->states[wanted.unit])
		build(index, &wanted);
	for (int i = 0; is_partial && i < 2; i++) {
		blob = blob_of(index, wanted.unit);
		n = egret_dwarf_unit_find(&blob, &index->strings, vaddr, lines, max, &is_partial);
		wanted.vaddrs = NULL;
		if (is_partial && !i)
			build(index, &wanted);
	}
	return n;
}

/* ---- many at once --------------------------------------------------------------------------- */

/* An address, and the unit that it is in. */
struct asked {
	uint32_t unit;
	uint64_t vaddr;
};

static int compare_asked(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;

	if (x->unit != y->unit)
		return x->unit < y->unit ? -1 : 1;
	return (x->vaddr > y->vaddr) - (x->vaddr < y->vaddr);
}

/* Whether what is indexed may not be all that there is at an address. */
static bool is_missing(const struct egret_dwarf_index *index, uint32_t unit, uint64_t vaddr)
{
	struct egret_dwarf_span blob = blob_of(index, unit);
	struct egret_dwarf_line lines[1];
	bool is_partial;

	if (!blob.size)
		return !index->states[unit];
	if (egret_dwarf_unit_is_whole(&blob))
		return false;
	egret_dwarf_unit_find(&blob, &index->strings, vaddr, lines, 1, &is_partial);
	return is_partial;
}

/* Those of n addresses for which something must be indexed, by unit. Returns how many. */
static size_t sort_asked(const struct egret_dwarf_index *index, const uint64_t *vaddrs, size_t n,
			 struct asked *asked)
{
	size_t n_asked = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t unit = egret_dwarf_unit_of(index->ranges, index->n_ranges, vaddrs[i]);

		if (unit < index->n_units && is_missing(index, unit, vaddrs[i]))
			asked[n_asked++] = (struct asked){ unit, vaddrs[i] };
	}
	qsort(asked, n_asked, sizeof(*asked), compare_asked);
	return n_asked;
}

#define FEW_ADDRESSES 8 /* of a unit, for which it is not read as a whole */

/* What is wanted of each unit; sorted has room for the addresses. Returns the number of units. */
static size_t gather_wanted(const struct egret_dwarf_index *index, const struct asked *asked,
			    size_t n, uint64_t *sorted, struct egret_dwarf_wanted *wanted)
{
	size_t n_wanted = 0;

	for (size_t i = 0, end; i < n; i = end) {
		bool is_whole = blob_of(index, asked[i].unit).size;

		for (end = i; end < n && asked[end].unit == asked[i].unit; end++)
			sorted[end] = asked[end].vaddr;
		is_whole |= end - i > FEW_ADDRESSES;
		wanted[n_wanted++] = (struct egret_dwarf_wanted){ asked[i].unit,
								  is_whole ? NULL : &sorted[i],
								  is_whole ? 0 : end - i };
	}
	return n_wanted;
}

/* Builds the skeletons among them, whose files come from the caller; leaves the others. */
static int build_skeletons(struct egret_dwarf_index *index, struct egret_dwarf_wanted *wanted,
			   size_t *n)
{
	size_t kept = 0;
	int ret = 0;

	for (size_t i = 0; i < *n && !ret; i++) {
		const struct egret_dwarf_unit *unit = egret_dwarf_index_unit(index, wanted[i].unit);
		struct egret_dwarf_cu cu;

		if (unit && !egret_dwarf_cu_peek(&index->builder.reader, &index->file, unit, &cu) &&
		    egret_dwarf_is_skeleton(&cu))
			ret = build(index, &wanted[i]);
		else
			wanted[kept++] = wanted[i];
	}
	*n = kept;
	return ret;
}

int egret_dwarf_index_prepare(struct egret_dwarf_index *index, const uint64_t *vaddrs, size_t n,
			      unsigned int threads)
{
	__free_ struct egret_dwarf_wanted *wanted = NULL;
	__free_ struct asked *asked = NULL;
	__free_ uint64_t *sorted = NULL;
	size_t n_wanted;
	int ret = 0;

	index->threads = threads;
	if (!locate(index))
		return 0;
	asked = reallocarray(NULL, n + 1, sizeof(*asked));
	wanted = reallocarray(NULL, n + 1, sizeof(*wanted));
	sorted = reallocarray(NULL, n + 1, sizeof(*sorted));
	if (!asked || !wanted || !sorted)
		return -ENOMEM;
	n = sort_asked(index, vaddrs, n, asked);
	n_wanted = gather_wanted(index, asked, n, sorted, wanted);
	if (threads > 1 && n_wanted > 1) {
		ret = open_dwarf(index);
		if (!ret)
			ret = build_skeletons(index, wanted, &n_wanted);
		return ret ? ret : egret_dwarf_build_threaded(index, wanted, n_wanted, threads);
	}
	for (size_t i = 0; i < n_wanted && !ret; i++)
		ret = build(index, &wanted[i]);
	return ret;
}

int egret_dwarf_index_add_symbol(struct egret_dwarf_index *index, uint64_t start, uint64_t end,
				 const char *name)
{
	struct egret_dwarf_blob_range symbol = { .start = start };

	if (!locate(index))
		return -ENODATA;
	symbol.size = end - start < UINT32_MAX ? (uint32_t)(end - start) : UINT32_MAX;
	if (!egret_dwarf_intern(&index->strings, name, &symbol.unit))
		return -ENOMEM;
	if (!egret_grow(&index->own_symbols, &index->symbols_room, index->n_symbols,
			sizeof(*index->own_symbols)))
		return -ENOMEM;
	index->symbols = index->own_symbols;
	index->own_symbols[index->n_symbols++] = symbol;
	index->has_grown = true;
	return 0;
}

bool egret_dwarf_index_has_symbols(const struct egret_dwarf_index *index)
{
	return index->n_symbols;
}

const char *egret_dwarf_index_symbol(struct egret_dwarf_index *index, uint64_t vaddr)
{
	uint32_t name = egret_dwarf_unit_of(index->symbols, index->n_symbols, vaddr);

	return name == EGRET_DWARF_NO_UNIT ? NULL : egret_dwarf_string_of(&index->strings, name);
}

const char *egret_dwarf_index_why(const struct egret_dwarf_index *index)
{
	return index->why;
}

void egret_dwarf_index_stats(const struct egret_dwarf_index *index, struct egret_dwarf_stats *stats)
{
	*stats = (struct egret_dwarf_stats){
		.units_damaged = index->n_damaged,
		.missing_files = index->split.n_missing + index->lacks_alt,
		.bytes = index->n_bytes + index->strings.size,
	};
	for (uint32_t i = 0; index->states && i < index->n_units; i++) {
		stats->units++;
		stats->units_indexed += blob_of(index, i).size != 0;
	}
}

size_t egret_dwarf_index_memory(const struct egret_dwarf_index *index)
{
	return sizeof(*index) + index->n_bytes + index->strings.size +
	       index->n_units * (sizeof(*index->blobs) + 1) +
	       index->symbols_room * sizeof(*index->own_symbols);
}

/* ---- as bytes ------------------------------------------------------------------------------- */

bool egret_dwarf_index_has_blob(const struct egret_dwarf_index *index)
{
	return index->first.bytes;
}

bool egret_dwarf_index_has_grown(const struct egret_dwarf_index *index)
{
	return index->has_grown;
}

static void align(struct egret_buffer *to, size_t start)
{
	static const uint8_t zeros[8];

	egret_buffer_add(to, zeros, (8 - (to->len - start) % 8) % 8);
}

/* The blobs of units, and where they are to units_at. */
static void put_units(const struct egret_dwarf_index *index, struct egret_buffer *to, size_t start,
		      size_t units_at)
{
	for (uint32_t i = 0; i < index->n_units && !to->failed; i++) {
		struct egret_dwarf_blob_unit unit = { 0 };
		struct egret_dwarf_span blob = { 0 };

		unit.info = index->first.bytes ? egret_dwarf_blob_units(&index->first)[i].info
					       : index->located.units[i];
		if (index->states[i] != EGRET_DWARF_UNIT_PASSING)
			blob = blob_of(index, i);
		if (blob.size) {
			align(to, start);
			unit.at = to->len - start;
			unit.size = blob.size;
			egret_buffer_add(to, blob.bytes, blob.size);
		}
		if (!to->failed)
			memcpy(to->data + units_at + i * sizeof(unit), &unit, sizeof(unit));
	}
}

int egret_dwarf_index_blob(const struct egret_dwarf_index *index, struct egret_buffer *to)
{
	struct egret_dwarf_blob_head head = { .version = EGRET_DWARF_INDEX_VERSION };
	struct egret_dwarf_blob_unit none = { 0 };
	size_t start = to->len, units_at;

	if (!index->states)
		return -ENODATA;
	memcpy(head.magic, EGRET_DWARF_BLOB_MAGIC, sizeof(head.magic));
	head.identity = identity_of(index->elf);
	head.n_units = (uint32_t)index->n_units;
	head.n_ranges = (uint32_t)index->n_ranges;
	egret_buffer_add(to, &head, sizeof(head));
	head.ranges_at = to->len - start;
	egret_buffer_add(to, index->ranges, index->n_ranges * sizeof(*index->ranges));
	head.units_at = to->len - start;
	units_at = to->len;
	for (size_t i = 0; i < index->n_units; i++)
		egret_buffer_add(to, &none, sizeof(none));
	head.symbols_at = to->len - start;
	head.n_symbols = (uint32_t)index->n_symbols;
	egret_buffer_add(to, index->symbols, index->n_symbols * sizeof(*index->symbols));
	head.strings_at = to->len - start;
	egret_dwarf_strings_put(&index->strings, to);
	head.strings_size = to->len - start - head.strings_at;
	align(to, start);
	put_units(index, to, start, units_at);
	head.size = to->len - start;
	if (to->failed)
		return -ENOMEM;
	memcpy(to->data + start, &head, sizeof(head));
	return 0;
}
