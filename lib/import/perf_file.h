/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * perf_file.h - the bytes of a perf.data file: its events, its records in the order of time.
 *
 * Format: tools/perf/Documentation/perf.data-file-format.txt of Linux; records and samples:
 * perf_event_open(2). Files that perf has written to a pipe, and compressed records, are read;
 * those of a machine of the other byte order are refused. The bytes have to live as long as what is
 * made of them; every length in them is checked.
 */
#ifndef EGRET_IMPORT_PERF_FILE_H
#define EGRET_IMPORT_PERF_FILE_H

#include <linux/perf_event.h>

#include "base/buffer.h"
#include "base/bytes.h"
#include "elf/elf_file.h"

struct egret_perf_event {
	struct perf_event_attr attr;
	char *name; /* as perf has written it; NULL: not told */
	uint64_t samples;
};

/* The build-id of a file that was mapped, as perf noted it at the end. */
struct egret_perf_build_id {
	struct egret_build_id id;
	char *path;
};

/* A record, in the order of time. */
struct egret_perf_record {
	uint64_t time;
	uint64_t at; /* place of its header: see egret_perf_record_bytes */
};

enum egret_perf_text {
	EGRET_PERF_HOSTNAME,
	EGRET_PERF_RELEASE, /* of the kernel */
	EGRET_PERF_VERSION, /* of perf */
	EGRET_PERF_ARCH,
	EGRET_PERF_COMMAND,
	EGRET_PERF_NR_TEXTS,
};

struct egret_perf_id {
	uint64_t id;
	uint32_t event;
};

struct egret_perf_file {
	const uint8_t *bytes;
	size_t size;
	struct egret_perf_event *events;
	size_t n_events;
	struct egret_perf_id *ids; /* sorted */
	size_t n_ids;
	struct egret_perf_build_id *build_ids;
	size_t n_build_ids;		  /* by path, when all is read */
	char *texts[EGRET_PERF_NR_TEXTS]; /* NULL: not told */
	struct egret_buffer unpacked;	  /* records that were compressed */
	struct egret_perf_record *records;
	size_t n_records, records_capacity;
	uint64_t lost; /* records that perf has lost */
};

/* The most that compressed records may unpack to. */
#define EGRET_PERF_MAX_UNPACKED (16ull << 30)

/* Whether bytes begin as such a file does, of either byte order. */
bool egret_perf_is(const void *bytes, size_t len);

/*
 * Reads all but the records' contents. Give back with _deinit in any case. -EBADMSG: damaged or
 * cut; -ENOTSUP: what is not read, see above; -ENOMEM.
 */
int egret_perf_file_init(struct egret_perf_file *file, const void *bytes, size_t size,
			 struct egret_error *err);
void egret_perf_file_deinit(struct egret_perf_file *file);

/* The build-id of a path, len 0 where it was not told. */
struct egret_build_id egret_perf_file_build_id(const struct egret_perf_file *file,
					       const char *path);

/* The header of a record, copied, and its bytes behind that. */
struct egret_bytes egret_perf_record_bytes(const struct egret_perf_file *file, uint64_t at,
					   struct perf_event_header *header);

/* ---- for the parts of this reader ---- */

/* perf_header.c: events, identifiers and what else stands around the records. */
int egret_perf_read_header(struct egret_perf_file *file, struct egret_bytes *records,
			   struct egret_error *err);
int egret_perf_add_attr(struct egret_perf_file *file, struct egret_bytes attr,
			struct egret_bytes ids, struct egret_error *err);
int egret_perf_read_feature(struct egret_perf_file *file, unsigned int feature,
			    struct egret_bytes bytes, struct egret_error *err);
int egret_perf_add_build_id(struct egret_perf_file *file, uint16_t misc, struct egret_bytes bytes,
			    struct egret_error *err);
void egret_perf_sort_ids(struct egret_perf_file *file);
/* The event that an identifier names, or UINT32_MAX. */
uint32_t egret_perf_find_id(const struct egret_perf_file *file, uint64_t id);

#endif
