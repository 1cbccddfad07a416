/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * table_file.h - the tables of a module as one block of bytes: what is kept on disk.
 *
 *	struct egret_table_file
 *	struct egret_table_file_chunk[]		of each place in turn, by rising numbers
 *	the tables				each at a multiple of 8 bytes, see table.h
 *
 * A chunk is 64 KiB of addresses, from code_start of its place on. Only those are in it that were
 * compiled. No pointers: it is used where it is mapped or read to.
 */
#ifndef EGRET_UNWIND_TABLE_FILE_H
#define EGRET_UNWIND_TABLE_FILE_H

#include "base/buffer.h"
#include "unwind/table.h"

#define EGRET_TABLE_FILE_MAGIC 0x46464365u /* "eCFF" */
/* Also when the compiler makes other rows of the same CFI: what was kept is made anew then. */
#define EGRET_TABLE_FILE_VERSION 2u
/* More tables of one module are not kept: all of libLLVM has 5 MB. */
#define EGRET_TABLE_FILE_MAX (64u << 20)

#define EGRET_CHUNK_BITS EGRET_TABLE_PAGE_BITS

/* The places where CFI is, in the order in which it is looked for. */
enum egret_cfi_place {
	EGRET_CFI_EH_FRAME,
	EGRET_CFI_DEBUG_FRAME,
	EGRET_CFI_SEPARATE_DEBUG_FRAME,
	NR_EGRET_CFI_PLACES,
};

_Static_assert(sizeof(struct egret_row) == 16 && sizeof(struct egret_full_row) == 264,
	       "rows of another layout are another EGRET_TABLE_FILE_VERSION");

struct egret_table_file_place {
	uint64_t code_start,
		code_end;  /* as in struct egret_cfi_section; 0: nothing of it is here */
	uint32_t first, n; /* chunks, by their place in the list of all */
};

struct egret_table_file_chunk {
	uint32_t number; /* of its place */
	uint32_t at;	 /* of its table, in units of 8 bytes */
};

struct egret_table_file {
	uint32_t magic, version;
	uint64_t size; /* bytes of all */
	uint64_t n_chunks;
	struct egret_table_file_place place[NR_EGRET_CFI_PLACES];
};
_Static_assert(sizeof(struct egret_table_file) == 96, "no padding");

/* How many chunks the addresses have; code_end > code_start. */
static inline uint64_t egret_chunk_count(uint64_t code_start, uint64_t code_end)
{
	return ((code_end - code_start - 1) >> EGRET_CHUNK_BITS) + 1;
}
/* The addresses of a chunk. */
static inline uint64_t egret_chunk_start(uint64_t code_start, uint64_t number)
{
	return code_start + (number << EGRET_CHUNK_BITS);
}
static inline uint64_t egret_chunk_end(uint64_t code_start, uint64_t code_end, uint64_t number)
{
	uint64_t start = egret_chunk_start(code_start, number);

	return code_end - start > 1u << EGRET_CHUNK_BITS ? start + (1u << EGRET_CHUNK_BITS)
							 : code_end;
}

/*
 * Whether bytes from anywhere, at a multiple of 8, are a file that can be used: nothing in it leads
 * out of it, each table is valid and of its chunk's addresses, and places have at most 4 GiB.
 */
bool egret_table_file_is_valid(const void *bytes, size_t size);

/* Chunk i of a place, below its n. Returns its table; *number: which one it is. */
const struct egret_table *egret_table_file_chunk(const struct egret_table_file *file,
						 enum egret_cfi_place place, uint32_t i,
						 uint32_t *number);

/* Makes a file: begin, then for each place its addresses and its tables in order, then end. */
struct egret_table_file_maker {
	struct egret_buffer *out;
	struct egret_table_file head;
	struct egret_table_file_place *place;
	uint32_t n_added;
};
/* out is empty and takes the bytes; n_chunks: at most so many tables follow. */
void egret_table_file_begin(struct egret_table_file_maker *maker, uint64_t n_chunks,
			    struct egret_buffer *out);
void egret_table_file_place(struct egret_table_file_maker *maker, enum egret_cfi_place place,
			    uint64_t code_start, uint64_t code_end);
/* Left out where the file is EGRET_TABLE_FILE_MAX without it. */
void egret_table_file_add(struct egret_table_file_maker *maker, uint32_t number,
			  const struct egret_table *table);
/* False: no memory. */
bool egret_table_file_end(struct egret_table_file_maker *maker);

#endif
