/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What stands before and behind the records of a perf.data file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "import/perf_file.h"

#define MAX_EVENTS 4096u
#define N_FEATURES 256u

/* tools/perf/util/header.h */
enum {
	FEATURE_BUILD_ID = 2,
	FEATURE_HOSTNAME = 3,
	FEATURE_RELEASE = 4,
	FEATURE_VERSION = 5,
	FEATURE_ARCH = 6,
	FEATURE_COMMAND = 11,
	FEATURE_EVENT_DESC = 12,
};

static int damaged(struct egret_error *err, const char *what)
{
	return egret_fail(err, EBADMSG, "its %s does not fit into the file: it is cut or damaged",
			  what);
}

static int no_memory(struct egret_error *err)
{
	return egret_fail(err, ENOMEM, "out of memory");
}

/* A part of the file by the offset and size that stand in it. */
static bool section_at(const struct egret_perf_file *file, struct egret_bytes *from,
		       struct egret_bytes *out)
{
	uint64_t offset = egret_bytes_u64(from), size = egret_bytes_u64(from);

	if (from->failed || offset > file->size || size > file->size - offset)
		return false;
	*out = (struct egret_bytes){ file->bytes + offset, file->bytes + offset + size, false };
	return true;
}

/* ---- events ------------------------------------------------------------------------------- */

static int add_ids(struct egret_perf_file *file, struct egret_bytes ids, uint32_t event,
		   struct egret_error *err)
{
	size_t n = egret_bytes_left(&ids) / 8;
	struct egret_perf_id *grown;

	grown = reallocarray(file->ids, file->n_ids + n + 1, sizeof(*grown));
	if (!grown)
		return no_memory(err);
	file->ids = grown;
	while (n--)
		grown[file->n_ids++] = (struct egret_perf_id){ egret_bytes_u64(&ids), event };
	return 0;
}

int egret_perf_add_attr(struct egret_perf_file *file, struct egret_bytes attr,
			struct egret_bytes ids, struct egret_error *err)
{
	struct egret_perf_event *events;
	struct perf_event_attr *to;
	size_t len = egret_bytes_left(&attr);

	if (len < PERF_ATTR_SIZE_VER0)
		return damaged(err, "description of an event");
	if (file->n_events == MAX_EVENTS)
		return egret_fail(err, E2BIG, "it has more than %u events", MAX_EVENTS);
	events = reallocarray(file->events, file->n_events + 1, sizeof(*events));
	if (!events)
		return no_memory(err);
	file->events = events;
	events[file->n_events] = (struct egret_perf_event){ .samples = 0 };
	to = &events[file->n_events].attr;
	memcpy(to, attr.p, len < sizeof(*to) ? len : sizeof(*to));
	return add_ids(file, ids, (uint32_t)file->n_events++, err);
}

static int compare_ids(const void *a, const void *b)
{
	const struct egret_perf_id *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->event < y->event ? -1 : x->event > y->event;
}

void egret_perf_sort_ids(struct egret_perf_file *file)
{
	if (file->n_ids)
		qsort(file->ids, file->n_ids, sizeof(*file->ids), compare_ids);
}

uint32_t egret_perf_find_id(const struct egret_perf_file *file, uint64_t id)
{
	size_t low = 0, high = file->n_ids;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (file->ids[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < file->n_ids && file->ids[low].id == id ? file->ids[low].event : UINT32_MAX;
}

static int read_attrs(struct egret_perf_file *file, struct egret_bytes attrs, uint64_t attr_size,
		      struct egret_error *err)
{
	int ret = 0;

	if (attr_size < PERF_ATTR_SIZE_VER0 + 16 || attr_size > 4096)
		return damaged(err, "list of events");
	while (!ret && egret_bytes_left(&attrs) >= attr_size) {
		struct egret_bytes attr = egret_bytes_part(&attrs, attr_size - 16), ids;

		if (!section_at(file, &attrs, &ids))
			return damaged(err, "list of identifiers");
		ret = egret_perf_add_attr(file, attr, ids, err);
	}
	return ret;
}

/* ---- features ----------------------------------------------------------------------------- */

/* A text as perf writes it: its length with padding, then its bytes. NULL where it is none. */
static char *take_text(struct egret_bytes *from)
{
	uint32_t len = egret_bytes_u32(from);
	const char *text = (const char *)egret_bytes_take(from, len);

	return text ? strndup(text, len) : NULL;
}

static int set_text(struct egret_perf_file *file, enum egret_perf_text which, char *text)
{
	free(file->texts[which]);
	file->texts[which] = text;
	return 0;
}

/* Words of the command line, with a blank between them. */
static int read_command(struct egret_perf_file *file, struct egret_bytes bytes)
{
	uint32_t n = egret_bytes_u32(&bytes);
	struct egret_buffer line = { 0 };

	while (n-- && !bytes.failed) {
		char *word = take_text(&bytes);

		if (line.len)
			egret_buffer_add(&line, " ", 1);
		egret_buffer_add_string(&line, word ? word : "");
		free(word);
	}
	egret_buffer_add(&line, "", 1);
	if (!line.failed)
		set_text(file, EGRET_PERF_COMMAND, strdup((const char *)line.data));
	egret_buffer_deinit(&line);
	return 0;
}

/* The names of the events, in the order of the events. */
static int read_event_names(struct egret_perf_file *file, struct egret_bytes bytes)
{
	uint32_t n = egret_bytes_u32(&bytes), attr_size = egret_bytes_u32(&bytes);

	for (uint32_t i = 0; i < n && i < file->n_events && !bytes.failed; i++) {
		uint32_t n_ids;

		egret_bytes_take(&bytes, attr_size);
		n_ids = egret_bytes_u32(&bytes);
		free(file->events[i].name);
		file->events[i].name = take_text(&bytes);
		egret_bytes_take(&bytes, (uint64_t)n_ids * 8);
	}
	return 0;
}

/*
 * struct perf_record_header_build_id, behind its header: pid, 20 bytes, of which the next says how
 * many are used where misc has that bit; the path.
 */
int egret_perf_add_build_id(struct egret_perf_file *file, uint16_t misc, struct egret_bytes bytes,
			    struct egret_error *err)
{
	struct egret_perf_build_id *grown, entry = { .id = { .len = EGRET_BUILD_ID_MAX } };
	const uint8_t *id;

	egret_bytes_u32(&bytes);
	id = egret_bytes_take(&bytes, 24);
	if (!id)
		return damaged(err, "list of build-ids");
	if (misc & (1u << 15) && id[20] <= EGRET_BUILD_ID_MAX)
		entry.id.len = id[20];
	memcpy(entry.id.bytes, id, entry.id.len);
	entry.path = strndup((const char *)bytes.p, egret_bytes_left(&bytes));
	grown = reallocarray(file->build_ids, file->n_build_ids + 1, sizeof(*grown));
	if (!entry.path || !grown) {
		free(entry.path);
		file->build_ids = grown ? grown : file->build_ids;
		return no_memory(err);
	}
	file->build_ids = grown;
	grown[file->n_build_ids++] = entry;
	return 0;
}

static int read_build_ids(struct egret_perf_file *file, struct egret_bytes bytes,
			  struct egret_error *err)
{
	struct perf_event_header header;
	int ret = 0;

	while (!ret && egret_bytes_left(&bytes) >= sizeof(header)) {
		struct egret_bytes entry;

		memcpy(&header, bytes.p, sizeof(header));
		if (header.size < sizeof(header))
			return damaged(err, "list of build-ids");
		entry = egret_bytes_part(&bytes, header.size);
		egret_bytes_take(&entry, sizeof(header));
		if (entry.failed)
			return damaged(err, "list of build-ids");
		ret = egret_perf_add_build_id(file, header.misc, entry, err);
	}
	return ret;
}

int egret_perf_read_feature(struct egret_perf_file *file, unsigned int feature,
			    struct egret_bytes bytes, struct egret_error *err)
{
	switch (feature) {
	case FEATURE_BUILD_ID:
		return read_build_ids(file, bytes, err);
	case FEATURE_HOSTNAME:
		return set_text(file, EGRET_PERF_HOSTNAME, take_text(&bytes));
	case FEATURE_RELEASE:
		return set_text(file, EGRET_PERF_RELEASE, take_text(&bytes));
	case FEATURE_VERSION:
		return set_text(file, EGRET_PERF_VERSION, take_text(&bytes));
	case FEATURE_ARCH:
		return set_text(file, EGRET_PERF_ARCH, take_text(&bytes));
	case FEATURE_COMMAND:
		return read_command(file, bytes);
	case FEATURE_EVENT_DESC:
		return read_event_names(file, bytes);
	default:
		return 0;
	}
}

/* The table of features stands behind the records: an offset and size for each bit that is set. */
static int read_features(struct egret_perf_file *file, const uint64_t *bits,
			 struct egret_bytes table, struct egret_error *err)
{
	int ret = 0;

	for (unsigned int f = 0; f < N_FEATURES && !ret; f++) {
		struct egret_bytes bytes;

		if (!(bits[f / 64] >> f % 64 & 1))
			continue;
		if (!section_at(file, &table, &bytes))
			return damaged(err, "list of features");
		ret = egret_perf_read_feature(file, f, bytes, err);
	}
	return ret;
}

/* ---- the header --------------------------------------------------------------------------- */

static const char magic[8] = "PERFILE2", swapped[8] = "2ELIFREP";

bool egret_perf_is(const void *bytes, size_t len)
{
	return len >= 16 && (!memcmp(bytes, magic, 8) || !memcmp(bytes, swapped, 8) ||
			     !memcmp(bytes, "PERFFILE", 8));
}

int egret_perf_read_header(struct egret_perf_file *file, struct egret_bytes *records,
			   struct egret_error *err)
{
	struct egret_bytes from = { file->bytes, file->bytes + file->size, false }, attrs, types;
	const uint8_t *head = egret_bytes_take(&from, 8);
	uint64_t size = egret_bytes_u64(&from), attr_size, bits[N_FEATURES / 64];
	int ret;

	if (!head || from.failed)
		return damaged(err, "header");
	if (!memcmp(head, swapped, 8))
		return egret_fail(err, ENOTSUP,
				  "it comes from a machine of the other byte order, which is not "
				  "read");
	if (memcmp(head, magic, 8))
		return egret_fail(err, ENOTSUP, "it is no perf.data file of version 2");
	if (size == 16) { /* written to a pipe: all that is said of it stands among the records */
		*records = from;
		return 0;
	}
	attr_size = egret_bytes_u64(&from);
	if (!section_at(file, &from, &attrs) || !section_at(file, &from, records))
		return damaged(err, "list of records");
	section_at(file, &from, &types); /* not used by perf any more */
	for (size_t i = 0; i < N_FEATURES / 64; i++)
		bits[i] = egret_bytes_u64(&from);
	if (from.failed)
		return damaged(err, "header");
	if (records->p == records->end)
		return egret_fail(err, EBADMSG,
				  "it holds no records: perf record was killed, or recorded "
				  "nothing");
	ret = read_attrs(file, attrs, attr_size, err);
	from = (struct egret_bytes){ records->end, file->bytes + file->size, false };
	return ret ? ret : read_features(file, bits, from, err);
}
