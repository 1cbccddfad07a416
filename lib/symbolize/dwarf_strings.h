/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dwarf_strings.h - the strings of a module's index: each once, known by its offset.
 *
 * Those of a first blob come first, those that were added since behind them. The latter are in
 * chunks, which stay where they are: who was given a string keeps it. Offset 0 is no string.
 */
#ifndef EGRET_DWARF_STRINGS_H
#define EGRET_DWARF_STRINGS_H

#include "base/buffer.h"
#include "base/index.h"
#include "symbolize/dwarf_file.h"

#define EGRET_DWARF_CHUNK_BITS 20
#define EGRET_DWARF_CHUNK_SIZE (1u << EGRET_DWARF_CHUNK_BITS)

/* Zero-initialise. */
struct egret_dwarf_strings {
	struct egret_dwarf_span first; /* ends in a NUL, or is empty */
	char **chunks;		       /* filled with NULs */
	size_t n_chunks;
	uint32_t size; /* bytes in chunks, with what is left empty at the end of each */
	struct egret_index index;
	/* Names asked for before, by where they stand. */
	struct egret_dwarf_seen {
		const char *name;
		uint32_t offset;
	} * seen;
};

void egret_dwarf_strings_deinit(struct egret_dwarf_strings *strings);

/* NULL for 0, and where there is no such offset. */
static inline const char *egret_dwarf_string_of(const struct egret_dwarf_strings *strings,
						uint32_t offset)
{
	if (!offset)
		return NULL;
	if (offset < strings->first.size)
		return (const char *)strings->first.bytes + offset;
	offset -= (uint32_t)strings->first.size;
	return offset < strings->size ? strings->chunks[offset >> EGRET_DWARF_CHUNK_BITS] +
						(offset & (EGRET_DWARF_CHUNK_SIZE - 1))
				      : NULL;
}

/* Adds a string that is not there yet, and tells its offset. False without memory. */
bool egret_dwarf_intern(struct egret_dwarf_strings *strings, const char *string, uint32_t *out);
/* The same for a name that stands in a section, where it may be asked for again; NULL: none. */
bool egret_dwarf_intern_name(struct egret_dwarf_strings *strings, const char *name, uint32_t *out);
/* Before a section that names stood in goes away. */
void egret_dwarf_strings_forget(struct egret_dwarf_strings *strings);

/* Appends all as bytes in which offsets are what they are here. */
void egret_dwarf_strings_put(const struct egret_dwarf_strings *strings, struct egret_buffer *to);

#endif
