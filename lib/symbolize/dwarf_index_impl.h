/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* dwarf_index_impl.h - the inside of an index, for dwarf_index.c and dwarf_threads.c only. */
#ifndef EGRET_DWARF_INDEX_IMPL_H
#define EGRET_DWARF_INDEX_IMPL_H

#include "symbolize/dwarf_build.h"
#include "symbolize/dwarf_locate.h"
#include "symbolize/dwarf_split.h"

enum egret_dwarf_unit_state {
	EGRET_DWARF_UNIT_UNKNOWN,
	EGRET_DWARF_UNIT_LASTING, /* its blob may be kept */
	EGRET_DWARF_UNIT_PASSING, /* its blob lacks what another time may be there */
};

struct egret_dwarf_index {
	const struct egret_elf *elf; /* that has the DWARF; NULL: none has */
	struct egret_code_ranges code;
	struct egret_dwarf_openers openers;
	const char *why;
	struct egret_dwarf_blob first; /* bytes NULL: there is none */
	/* The ranges and units: the first blob's, or located. */
	const struct egret_dwarf_blob_range *ranges;
	size_t n_ranges, n_units;
	struct egret_dwarf_located located;
	bool is_located;
	/* As ranges, with names for units: of the first blob, or those that were added. */
	const struct egret_dwarf_blob_range *symbols;
	struct egret_dwarf_blob_range *own_symbols;
	size_t n_symbols, symbols_room;
	/* What was built since, by unit. */
	struct egret_dwarf_span *blobs;
	uint8_t *states; /* enum egret_dwarf_unit_state */
	struct egret_dwarf_strings strings;
	/* DWARF, once it was needed. */
	bool is_open, lacks_alt;
	unsigned int threads; /* as prepare was last asked for */
	struct egret_dwarf_file file, alt;
	struct egret_dwarf_split split;
	struct egret_dwarf_builder builder;
	uint64_t n_damaged, n_bytes;
	bool has_grown;
};

/* The unit of .debug_info that a number stands for; NULL: there is none. */
const struct egret_dwarf_unit *egret_dwarf_index_unit(const struct egret_dwarf_index *index,
						      uint32_t number);

/* Keeps what was built. 0 or -ENOMEM. */
int egret_dwarf_index_keep(struct egret_dwarf_index *index, uint32_t number,
			   const struct egret_dwarf_built *built, bool is_lasting);

/* A unit that is to be indexed, and for which addresses; vaddrs NULL: for all that it has. */
struct egret_dwarf_wanted {
	uint32_t unit;
	const uint64_t *vaddrs; /* sorted */
	size_t n;
};

/* Builds units, none of which is a skeleton, by so many threads. 0 or -ENOMEM. */
int egret_dwarf_build_threaded(struct egret_dwarf_index *index,
			       const struct egret_dwarf_wanted *wanted, size_t n,
			       unsigned int threads);

#endif
