/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "unwind/table_file.h"

#include <stdalign.h>
#include <string.h>

static const struct egret_table_file_chunk *chunks_of(const struct egret_table_file *file)
{
	return (const struct egret_table_file_chunk *)(file + 1);
}

static const struct egret_table *table_at(const struct egret_table_file *file, uint32_t at)
{
	return (const struct egret_table *)((const uint8_t *)file + 8 * (uint64_t)at);
}

const struct egret_table *egret_table_file_chunk(const struct egret_table_file *file,
						 enum egret_cfi_place place, uint32_t i,
						 uint32_t *number)
{
	const struct egret_table_file_chunk *chunk = &chunks_of(file)[file->place[place].first + i];

	*number = chunk->number;
	return table_at(file, chunk->at);
}

/* *end: of the table before; they do not overlap, so that all are looked at in linear time. */
static bool is_chunk_valid(const struct egret_table_file *file,
			   const struct egret_table_file_place *place,
			   const struct egret_table_file_chunk *chunk, uint64_t *end)
{
	const struct egret_table *table = table_at(file, chunk->at);
	uint64_t at = 8 * (uint64_t)chunk->at;
	uint64_t start = egret_chunk_start(place->code_start, chunk->number);

	if (at < *end || at > file->size || file->size - at < sizeof(*table) ||
	    table->size > file->size - at || !egret_table_is_valid(table, table->size))
		return false;
	*end = at + table->size;
	return table->start == start &&
	       table->length ==
		       egret_chunk_end(place->code_start, place->code_end, chunk->number) - start;
}

static bool is_place_valid(const struct egret_table_file *file,
			   const struct egret_table_file_place *place, uint64_t *end)
{
	uint64_t count, next = 0;

	if (!place->n)
		return true;
	if (place->code_end <= place->code_start ||
	    place->code_end - place->code_start > UINT32_MAX ||
	    (uint64_t)place->first + place->n > file->n_chunks)
		return false;
	count = egret_chunk_count(place->code_start, place->code_end);
	for (uint32_t i = place->first; i < place->first + place->n; i++) {
		const struct egret_table_file_chunk *chunk = &chunks_of(file)[i];

		if (chunk->number < next || chunk->number >= count ||
		    !is_chunk_valid(file, place, chunk, end))
			return false;
		next = (uint64_t)chunk->number + 1;
	}
	return true;
}

bool egret_table_file_is_valid(const void *bytes, size_t size)
{
	const struct egret_table_file *file = bytes;
	uint64_t end = sizeof(*file);

	if ((uintptr_t)bytes % alignof(struct egret_table_file) || size < sizeof(*file) ||
	    file->magic != EGRET_TABLE_FILE_MAGIC || file->version != EGRET_TABLE_FILE_VERSION ||
	    file->size != size ||
	    file->n_chunks > (size - sizeof(*file)) / sizeof(struct egret_table_file_chunk))
		return false;
	end += file->n_chunks * sizeof(struct egret_table_file_chunk);
	for (int place = 0; place < NR_EGRET_CFI_PLACES; place++)
		if (!is_place_valid(file, &file->place[place], &end))
			return false;
	return true;
}

/* ---- making one ----------------------------------------------------------------------------- */

void egret_table_file_begin(struct egret_table_file_maker *maker, uint64_t n_chunks,
			    struct egret_buffer *out)
{
	size_t size = sizeof(struct egret_table_file) +
		      n_chunks * sizeof(struct egret_table_file_chunk);
	void *head = egret_buffer_reserve(out, size);

	*maker = (struct egret_table_file_maker){
		.out = out,
		.head = { .magic = EGRET_TABLE_FILE_MAGIC,
			  .version = EGRET_TABLE_FILE_VERSION,
			  .n_chunks = n_chunks },
	};
	if (!head)
		return;
	memset(head, 0, size);
	out->len += size;
}

void egret_table_file_place(struct egret_table_file_maker *maker, enum egret_cfi_place place,
			    uint64_t code_start, uint64_t code_end)
{
	maker->place = &maker->head.place[place];
	*maker->place = (struct egret_table_file_place){ code_start, code_end, maker->n_added, 0 };
}

void egret_table_file_add(struct egret_table_file_maker *maker, uint32_t number,
			  const struct egret_table *table)
{
	struct egret_buffer *out = maker->out;
	struct egret_table_file_chunk *chunks;

	if (out->len + table->size > EGRET_TABLE_FILE_MAX)
		return;
	egret_buffer_add(out, table, table->size);
	if (out->failed)
		return;
	chunks = (void *)(out->data + sizeof(struct egret_table_file));
	chunks[maker->n_added++] =
		(struct egret_table_file_chunk){ number, (uint32_t)((out->len - table->size) / 8) };
	maker->place->n++;
}

bool egret_table_file_end(struct egret_table_file_maker *maker)
{
	if (maker->out->failed)
		return false;
	maker->head.size = maker->out->len;
	memcpy(maker->out->data, &maker->head, sizeof(maker->head));
	return true;
}
