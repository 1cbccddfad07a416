/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The records of a perf.data file: found, unpacked, and brought into the order of time. */
#include "import/perf_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/error.h"
#include "import/perf_sample.h"

/* tools/perf/util/event.h: what perf puts among the kernel's records */
enum {
	RECORD_HEADER_ATTR = 64,
	RECORD_TRACING_DATA = 66,
	RECORD_BUILD_ID = 67,
	RECORD_AUXTRACE = 71,
	RECORD_FEATURE = 80,
	RECORD_COMPRESSED = 81,
	RECORD_COMPRESSED2 = 83,
	RECORD_USER = 64, /* and above */
};

/* Of a record's place: it is in `unpacked`. */
#define UNPACKED (1ull << 63)

struct reading {
	struct egret_perf_file *file;
	struct egret_bytes from;
	bool is_unpacked;
	uint64_t time;	 /* of the last record that had one */
	size_t n_sorted; /* identifiers: in a pipe, events are told among the records */
	ZSTD_DStream *zstd;
	struct egret_error *err;
};

static int no_memory(struct reading *r)
{
	return egret_fail(r->err, ENOMEM, "out of memory");
}

static int damaged(struct reading *r, const uint8_t *at)
{
	const uint8_t *begin = r->is_unpacked ? r->file->unpacked.data : r->file->bytes;

	return egret_fail(r->err, EBADMSG, "the record at byte %zu%s is cut or damaged",
			  (size_t)(at - begin), r->is_unpacked ? " of what was compressed" : "");
}

/* ---- compressed records ------------------------------------------------------------------- */

/* All of them are one stream, and what comes out of it is one sequence of records. */
static int unpack(struct reading *r, struct egret_bytes packed)
{
	struct egret_buffer *to = &r->file->unpacked;
	ZSTD_inBuffer in = { packed.p, egret_bytes_left(&packed), 0 };
	const size_t room = ZSTD_DStreamOutSize();
	ZSTD_outBuffer out;

	if (!r->zstd)
		r->zstd = ZSTD_createDStream();
	if (!r->zstd)
		return no_memory(r);
	do {
		size_t left;

		out = (ZSTD_outBuffer){ egret_buffer_reserve(to, room), room, 0 };
		if (!out.dst)
			return no_memory(r);
		left = ZSTD_decompressStream(r->zstd, &out, &in);
		if (ZSTD_isError(left))
			return egret_fail(r->err, EBADMSG, "its compressed records are damaged: %s",
					  ZSTD_getErrorName(left));
		to->len += out.pos;
		if (to->len > EGRET_PERF_MAX_UNPACKED)
			return egret_fail(r->err, EFBIG,
					  "its compressed records are more than %llu GiB",
					  EGRET_PERF_MAX_UNPACKED >> 30);
	} while (in.pos < in.size || out.pos == room);
	return 0;
}

static int on_compressed(struct reading *r, uint32_t type, struct egret_bytes body)
{
	if (type == RECORD_COMPRESSED2) {
		uint64_t len = egret_bytes_u64(&body);

		body = egret_bytes_part(&body, len);
		if (body.failed)
			return damaged(r, body.p);
	}
	return unpack(r, body);
}

/* ---- the list of records ------------------------------------------------------------------ */

static int add_record(struct reading *r, uint64_t time, const uint8_t *at)
{
	struct egret_perf_file *file = r->file;
	uint64_t place = r->is_unpacked ? (uint64_t)(at - file->unpacked.data) | UNPACKED
					: (uint64_t)(at - file->bytes);

	if (file->n_records == file->records_capacity) {
		size_t capacity = file->records_capacity ? file->records_capacity * 2 : 1024;
		struct egret_perf_record *records;

		records = reallocarray(file->records, capacity, sizeof(*records));
		if (!records)
			return no_memory(r);
		file->records = records;
		file->records_capacity = capacity;
	}
	file->records[file->n_records++] = (struct egret_perf_record){ time, place };
	return 0;
}

/* What perf says of the recording where it could not go back to the header: in a pipe. */
static int on_attr(struct reading *r, struct egret_bytes body)
{
	struct egret_bytes attr, size = body;
	uint32_t len;

	egret_bytes_u32(&size);
	len = egret_bytes_u32(&size);
	attr = egret_bytes_part(&body, len ? len : PERF_ATTR_SIZE_VER0);
	if (attr.failed)
		return damaged(r, body.p);
	return egret_perf_add_attr(r->file, attr, body, r->err);
}

static int on_feature(struct reading *r, struct egret_bytes body)
{
	uint64_t feature = egret_bytes_u64(&body);

	if (body.failed || feature > 255)
		return 0;
	return egret_perf_read_feature(r->file, (unsigned int)feature, body, r->err);
}

static int on_user_record(struct reading *r, const struct perf_event_header *header,
			  struct egret_bytes body)
{
	switch (header->type) {
	case RECORD_HEADER_ATTR:
		return on_attr(r, body);
	case RECORD_BUILD_ID:
		return egret_perf_add_build_id(r->file, header->misc, body, r->err);
	case RECORD_FEATURE:
		return on_feature(r, body);
	case RECORD_COMPRESSED:
	case RECORD_COMPRESSED2:
		return r->is_unpacked ? 0 : on_compressed(r, header->type, body);
	case RECORD_TRACING_DATA: /* what it tells of follows it */
		egret_bytes_take(&r->from, (egret_bytes_u32(&body) + 7ull) & ~7ull);
		return r->from.failed ? damaged(r, body.p) : 0;
	case RECORD_AUXTRACE:
		egret_bytes_take(&r->from, egret_bytes_u64(&body));
		return r->from.failed ? damaged(r, body.p) : 0;
	default:
		return 0;
	}
}

static void note_lost(struct egret_perf_file *file, uint32_t type, struct egret_bytes body)
{
	if (type == PERF_RECORD_LOST)
		egret_bytes_u64(&body);
	file->lost += egret_bytes_u64(&body);
}

static int on_record(struct reading *r, const struct perf_event_header *header, const uint8_t *at,
		     struct egret_bytes body)
{
	uint64_t time;

	switch (header->type) {
	case PERF_RECORD_LOST:
	case PERF_RECORD_LOST_SAMPLES:
		note_lost(r->file, header->type, body);
		return 0;
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
	case PERF_RECORD_COMM:
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
	case PERF_RECORD_SAMPLE:
		break;
	default:
		return header->type < RECORD_USER ? 0 : on_user_record(r, header, body);
	}
	if (!r->file->n_events)
		return egret_fail(r->err, EBADMSG, "it does not say which events it has");
	if (r->n_sorted != r->file->n_ids)
		egret_perf_sort_ids(r->file);
	r->n_sorted = r->file->n_ids;
	time = egret_perf_record_time(r->file, header, body);
	/* perf has no time for what it knows itself, of processes that ran before. */
	if (time && time != UINT64_MAX)
		r->time = time;
	else if (time)
		time = r->time;
	return add_record(r, time, at);
}

static int walk(struct reading *r)
{
	int ret = 0;

	while (!ret && r->from.p < r->from.end) {
		const uint8_t *at = r->from.p;
		struct perf_event_header header;
		struct egret_bytes body;

		if (egret_bytes_left(&r->from) < sizeof(header))
			return damaged(r, at);
		memcpy(&header, at, sizeof(header));
		body = egret_bytes_part(&r->from, header.size);
		if (header.size < sizeof(header) || body.failed)
			return damaged(r, at);
		egret_bytes_take(&body, sizeof(header));
		ret = on_record(r, &header, at, body);
	}
	return ret;
}

/* ---- order -------------------------------------------------------------------------------- */

/* At the same time, in the order in which they were written. */
static int compare_records(const void *a, const void *b)
{
	const struct egret_perf_record *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static int compare_paths(const void *a, const void *b)
{
	const struct egret_perf_build_id *x = a, *y = b;

	return strcmp(x->path, y->path);
}

struct egret_bytes egret_perf_record_bytes(const struct egret_perf_file *file, uint64_t at,
					   struct perf_event_header *header)
{
	const uint8_t *p = at & UNPACKED ? file->unpacked.data + (at & ~UNPACKED)
					 : file->bytes + at;

	memcpy(header, p, sizeof(*header));
	return (struct egret_bytes){ p + sizeof(*header), p + header->size, false };
}

int egret_perf_file_init(struct egret_perf_file *file, const void *bytes, size_t size,
			 struct egret_error *err)
{
	struct reading r = { .file = file, .err = err };
	int ret;

	*file = (struct egret_perf_file){ .bytes = bytes, .size = size };
	ret = egret_perf_read_header(file, &r.from, err);
	if (!ret)
		ret = walk(&r);
	ZSTD_freeDStream(r.zstd);
	if (!ret && file->unpacked.len) {
		r.from = (struct egret_bytes){ file->unpacked.data,
					       file->unpacked.data + file->unpacked.len, false };
		r.is_unpacked = true;
		ret = walk(&r);
	}
	if (file->n_records)
		qsort(file->records, file->n_records, sizeof(*file->records), compare_records);
	if (file->n_build_ids)
		qsort(file->build_ids, file->n_build_ids, sizeof(*file->build_ids), compare_paths);
	return ret;
}

void egret_perf_file_deinit(struct egret_perf_file *file)
{
	for (size_t i = 0; i < file->n_events; i++)
		free(file->events[i].name);
	for (size_t i = 0; i < file->n_build_ids; i++)
		free(file->build_ids[i].path);
	for (size_t i = 0; i < EGRET_PERF_NR_TEXTS; i++)
		free(file->texts[i]);
	egret_buffer_deinit(&file->unpacked);
	free(file->events);
	free(file->ids);
	free(file->build_ids);
	free(file->records);
}

struct egret_build_id egret_perf_file_build_id(const struct egret_perf_file *file, const char *path)
{
	const struct egret_perf_build_id key = { .path = (char *)path }, *found = NULL;

	if (file->n_build_ids)
		found = bsearch(&key, file->build_ids, file->n_build_ids, sizeof(key),
				compare_paths);
	return found ? found->id : (struct egret_build_id){ 0 };
}
