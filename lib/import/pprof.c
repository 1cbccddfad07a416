/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * pprof's profile.proto, compressed by gzip or not. Of its values, "samples" are how many there
 * are, and the default one, or the last, is what they stand for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/error.h"
#include "export/pprof.pb-c.h"
#include "import/import.h"
#include "import/named.h"

/* A small file must not be able to ask for all memory: of what it unpacks to, and of what that is
 * as a message. */
#define MAX_UNPACKED (1ull << 30)
#define MAX_MESSAGE (8ull << 30)

typedef Egret__Pprof__Profile pb_profile;

struct pprof {
	struct egret_named named;
	pb_profile *pb;
	size_t count_index, value_index; /* of values; count_index n: none is */
	bool as_values;			 /* too many to be samples one by one */
	uint32_t *frames;		 /* of the profile, by place in pb->location */
	struct egret_buffer lines;	 /* struct egret_named_line */
	struct egret_error *err;
};

static int damaged(struct pprof *p, const char *what)
{
	return egret_fail(p->err, EBADMSG, "its %s is damaged", what);
}

static int no_memory(struct pprof *p)
{
	return egret_fail(p->err, ENOMEM, "out of memory");
}

/* ---- unpacking ---------------------------------------------------------------------------- */

static bool is_gzip(const void *bytes, size_t len)
{
	return len > 2 && !memcmp(bytes, "\x1f\x8b", 2);
}

static int inflate_all(z_stream *z, struct egret_buffer *out, struct egret_error *err)
{
	int ret;

	do {
		void *to = egret_buffer_reserve(out, 1u << 18);

		if (!to)
			return egret_fail(err, ENOMEM, "out of memory");
		z->next_out = to;
		z->avail_out = 1u << 18;
		ret = inflate(z, Z_NO_FLUSH);
		out->len += (1u << 18) - z->avail_out;
		if (out->len > MAX_UNPACKED)
			return egret_fail(err, EFBIG, "it unpacks to more than %llu MiB",
					  MAX_UNPACKED >> 20);
	} while (ret == Z_OK);
	return ret == Z_STREAM_END ? 0
				   : egret_fail(err, EBADMSG, "its gzip stream is cut or damaged");
}

static int unpack(const void *bytes, size_t len, struct egret_buffer *out, struct egret_error *err)
{
	z_stream z = { .next_in = (Bytef *)bytes, .avail_in = (uInt)len };
	int ret;

	if (len > UINT32_MAX)
		return egret_fail(err, EFBIG, "it is larger than 4 GiB");
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return egret_fail(err, ENOMEM, "out of memory");
	ret = inflate_all(&z, out, err);
	inflateEnd(&z);
	return ret;
}

static void *bounded_alloc(void *budget, size_t size)
{
	uint64_t *left = budget;

	if (size > *left)
		return NULL;
	*left -= size;
	return malloc(size);
}

static void bounded_free(void *budget, void *pointer)
{
	free(pointer);
}

/* ---- texts and numbers -------------------------------------------------------------------- */

/* The text of a number, NULL beyond the table. */
static const char *text_of(const struct pprof *p, int64_t number)
{
	return number >= 0 && (uint64_t)number < p->pb->n_string_table ? p->pb->string_table[number]
								       : NULL;
}

static const char *text_or(const struct pprof *p, int64_t number, const char *otherwise)
{
	const char *text = text_of(p, number);

	return text && *text ? text : otherwise;
}

/* Items are numbered by whoever wrote them: sorted here, so that they are found. */
#define SORTED_BY_ID(name, type)                                                                   \
	static int compare_##name(const void *a, const void *b)                                    \
	{                                                                                          \
		uint64_t x = (*(type *const *)a)->id, y = (*(type *const *)b)->id;                 \
                                                                                                   \
		return x < y ? -1 : x > y;                                                         \
	}                                                                                          \
                                                                                                   \
	static size_t find_##name(type *const *items, size_t n, uint64_t id)                       \
	{                                                                                          \
		size_t low = 0, high = n;                                                          \
                                                                                                   \
		while (low < high) {                                                               \
			size_t middle = low + (high - low) / 2;                                    \
                                                                                                   \
			if (items[middle]->id < id)                                                \
				low = middle + 1;                                                  \
			else                                                                       \
				high = middle;                                                     \
		}                                                                                  \
		return low < n && items[low]->id == id ? low : n;                                  \
	}

SORTED_BY_ID(mapping, Egret__Pprof__Mapping)
SORTED_BY_ID(location, Egret__Pprof__Location)
SORTED_BY_ID(function, Egret__Pprof__Function)

static void sort_tables(pb_profile *pb)
{
	if (pb->n_mapping)
		qsort(pb->mapping, pb->n_mapping, sizeof(*pb->mapping), compare_mapping);
	if (pb->n_location)
		qsort(pb->location, pb->n_location, sizeof(*pb->location), compare_location);
	if (pb->n_function)
		qsort(pb->function, pb->n_function, sizeof(*pb->function), compare_function);
}

/* ---- frames ------------------------------------------------------------------------------- */

/* Hexadecimal digits; another text is no build-id of a file. */
static struct egret_build_id build_id_of(const char *hex)
{
	struct egret_build_id id = { 0 };
	size_t len = hex ? strlen(hex) : 0;

	if (len % 2 || len > 2 * EGRET_BUILD_ID_MAX ||
	    strspn(hex ? hex : "", "0123456789abcdefABCDEF") != len)
		return id;
	for (; id.len < len / 2; id.len++) {
		char byte[3] = { hex[2 * id.len], hex[2 * id.len + 1], 0 };

		id.bytes[id.len] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return id;
}

/* The module that a location is in, and its place there. */
static uint32_t place_of(struct pprof *p, const Egret__Pprof__Location *location, uint64_t *offset)
{
	size_t n = find_mapping(p->pb->mapping, p->pb->n_mapping, location->mapping_id);
	const Egret__Pprof__Mapping *mapping = n < p->pb->n_mapping ? p->pb->mapping[n] : NULL;
	struct egret_build_id id;
	const char *path;
	uint32_t module;

	*offset = location->address;
	if (!mapping)
		return egret_named_module(&p->named, "[unknown]", 9, NULL);
	path = text_or(p, mapping->filename, "[unknown]");
	id = build_id_of(text_of(p, mapping->build_id));
	module = egret_named_module(&p->named, path, strlen(path), &id);
	if (module == UINT32_MAX)
		return module;
	if (egret_profile_get_module(p->named.profile, module)->kind == EGRET_MODULE_FILE)
		*offset += mapping->file_offset - mapping->memory_start;
	return module;
}

static int take_location(struct pprof *p, size_t n)
{
	const Egret__Pprof__Location *location = p->pb->location[n];
	uint64_t offset;
	uint32_t module = place_of(p, location, &offset);

	egret_buffer_clear(&p->lines);
	for (size_t i = 0; i < location->n_line; i++) {
		size_t f = find_function(p->pb->function, p->pb->n_function,
					 location->line[i]->function_id);
		struct egret_named_line line = { 0 };

		if (f == p->pb->n_function)
			return damaged(p, "table of functions");
		line.name = text_or(p, p->pb->function[f]->name, "[unknown]");
		line.len = strlen(line.name);
		line.file = text_or(p, p->pb->function[f]->filename, NULL);
		line.file_len = line.file ? strlen(line.file) : 0;
		if (location->line[i]->line > 0 && location->line[i]->line <= UINT32_MAX)
			line.line = (uint32_t)location->line[i]->line;
		egret_buffer_add(&p->lines, &line, sizeof(line));
	}
	if (!location->address)
		offset = EGRET_NAMED_NOWHERE;
	if (!location->address && !location->n_line)
		offset = location->id;
	p->frames[n] = egret_named_frame(&p->named, module, offset, 0,
					 (const struct egret_named_line *)p->lines.data,
					 location->n_line);
	return p->frames[n] == UINT32_MAX || p->lines.failed ? no_memory(p) : 0;
}

static int take_locations(struct pprof *p)
{
	int ret = 0;

	p->frames = calloc(p->pb->n_location + 1, sizeof(*p->frames));
	if (!p->frames)
		return no_memory(p);
	for (size_t i = 0; i < p->pb->n_location && !ret; i++)
		ret = take_location(p, i);
	return ret;
}

/* ---- samples ------------------------------------------------------------------------------ */

static uint32_t thread_of(struct pprof *p, const Egret__Pprof__Sample *sample)
{
	const char *process = NULL, *thread = NULL;
	int64_t pid = 0, tid = 0;

	for (size_t i = 0; i < sample->n_label; i++) {
		const char *key = text_or(p, sample->label[i]->key, "");

		if (!strcmp(key, "process"))
			process = text_of(p, sample->label[i]->str);
		else if (!strcmp(key, "thread"))
			thread = text_of(p, sample->label[i]->str);
		else if (!strcmp(key, "pid"))
			pid = sample->label[i]->num;
		else if (!strcmp(key, "tid"))
			tid = sample->label[i]->num;
	}
	process = process ? process : thread ? thread : "[unknown]";
	thread = thread ? thread : process;
	return egret_named_thread(&p->named, process, strlen(process), thread, strlen(thread),
				  pid == (int32_t)pid ? (int32_t)pid : 0,
				  tid == (int32_t)tid ? (int32_t)tid : 0);
}

/* Locations are leaf first. */
static int stack_of(struct pprof *p, const Egret__Pprof__Sample *sample, uint32_t *stack)
{
	*stack = 0;
	if (sample->n_location_id > EGRET_PROFILE_MAX_DEPTH)
		return egret_fail(p->err, EBADMSG, "a stack of more than %d frames",
				  EGRET_PROFILE_MAX_DEPTH);
	for (size_t i = sample->n_location_id; i-- > 0;) {
		size_t n = find_location(p->pb->location, p->pb->n_location,
					 sample->location_id[i]);

		if (n == p->pb->n_location)
			return damaged(p, "table of locations");
		*stack = egret_profile_stack(p->named.profile, *stack, p->frames[n], NULL);
		if (*stack == UINT32_MAX)
			return no_memory(p);
	}
	return 0;
}

static uint64_t value_of(const Egret__Pprof__Sample *sample, size_t index)
{
	return index < sample->n_value && sample->value[index] > 0 ? (uint64_t)sample->value[index]
								   : 0;
}

static uint64_t count_of(const struct pprof *p, const Egret__Pprof__Sample *sample)
{
	if (p->as_values || p->count_index == p->pb->n_sample_type)
		return value_of(sample, p->value_index) > 0;
	return value_of(sample, p->count_index);
}

static int take_samples(struct pprof *p)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < p->pb->n_sample; i++)
		if (count_of(p, p->pb->sample[i]) > EGRET_NAMED_MAX_SAMPLES - sum)
			p->as_values = true;
		else
			sum += count_of(p, p->pb->sample[i]);
	for (size_t i = 0; i < p->pb->n_sample; i++) {
		const Egret__Pprof__Sample *sample = p->pb->sample[i];
		uint32_t stack;
		int ret = stack_of(p, sample, &stack);

		if (!ret &&
		    egret_named_samples(&p->named, thread_of(p, sample), stack, count_of(p, sample),
					value_of(sample, p->value_index)))
			ret = no_memory(p);
		if (ret)
			return ret;
	}
	return 0;
}

/* ---- what the values are ------------------------------------------------------------------ */

static int take_types(struct pprof *p)
{
	const pb_profile *pb = p->pb;
	const char *name, *unit, *wanted = text_of(p, pb->default_sample_type);
	struct egret_event event = { 0 };

	if (!pb->n_sample_type)
		return damaged(p, "list of values");
	p->count_index = pb->n_sample_type;
	p->value_index = pb->n_sample_type - 1;
	for (size_t i = 0; i < pb->n_sample_type; i++) {
		name = text_or(p, pb->sample_type[i]->type, "");
		if (!strcmp(name, "samples") || !strcmp(name, "sample"))
			p->count_index = i;
		if (wanted && *wanted && !strcmp(name, wanted))
			p->value_index = i;
	}
	name = text_or(p, pb->sample_type[p->value_index]->type, "samples");
	unit = text_or(p, pb->sample_type[p->value_index]->unit, "count");
	event.name = !strcmp(name, "cpu") ? "cpu-clock" : name;
	event.unit = unit;
	event.period = pb->period > 0 ? (uint64_t)pb->period : 0;
	return egret_profile_add_event(p->named.profile, &event) ? no_memory(p) : 0;
}

static int set_meta(struct pprof *p)
{
	const char *command = p->pb->n_comment ? text_of(p, p->pb->comment[0]) : NULL;
	char number[32];
	int ret = 0;

	if (command)
		ret |= egret_profile_set_meta(p->named.profile, "command", command);
	if (p->pb->time_nanos > 0) {
		snprintf(number, sizeof(number), "%.3f", (double)p->pb->time_nanos / 1e9);
		ret |= egret_profile_set_meta(p->named.profile, "start-time", number);
	}
	if (p->pb->duration_nanos > 0) {
		snprintf(number, sizeof(number), "%.6f", (double)p->pb->duration_nanos / 1e9);
		ret |= egret_profile_set_meta(p->named.profile, "duration", number);
	}
	return ret ? no_memory(p) : 0;
}

static int convert(struct pprof *p)
{
	int ret = take_types(p);

	sort_tables(p->pb);
	if (!ret)
		ret = set_meta(p);
	if (!ret)
		ret = take_locations(p);
	if (!ret)
		ret = take_samples(p);
	if (!ret && !egret_profile_n_samples(p->named.profile))
		ret = egret_fail(p->err, EBADMSG, "it has no samples in it");
	if (!ret && egret_named_account(&p->named))
		ret = no_memory(p);
	return ret;
}

static int read_pprof(const void *bytes, size_t len, struct egret_profile *profile,
		      struct egret_error *err)
{
	struct pprof p = { .named = { .profile = profile }, .err = err };
	struct egret_buffer unpacked = { 0 };
	uint64_t budget = MAX_MESSAGE;
	ProtobufCAllocator allocator = { bounded_alloc, bounded_free, &budget };
	int ret = 0;

	if (is_gzip(bytes, len)) {
		ret = unpack(bytes, len, &unpacked, err);
		bytes = unpacked.data;
		len = unpacked.len;
	}
	if (!ret) {
		p.pb = egret__pprof__profile__unpack(&allocator, len, bytes);
		ret = p.pb ? convert(&p)
			   : egret_fail(err, EBADMSG, "it is no profile of pprof, or damaged");
	}
	if (p.pb)
		egret__pprof__profile__free_unpacked(p.pb, &allocator);
	egret_buffer_deinit(&unpacked);
	egret_buffer_deinit(&p.lines);
	egret_named_deinit(&p.named);
	free(p.frames);
	return ret;
}

/* Compressed, or as it begins: a message of the field sample_type. */
static bool is_pprof(const void *bytes, size_t len)
{
	const uint8_t *b = bytes;

	return is_gzip(bytes, len) || (len > 4 && b[0] == 0x0a && b[1] && b[1] < 8 && b[2] == 0x08);
}

const struct egret_importer egret_importer_pprof = { "pprof", is_pprof, read_pprof };
