/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A perf.data file, for perf report, perf script and what else reads such: records of
 * perf_event_open(2), in the order of time.
 *
 * perf looks for names itself, in the files by their build-ids: only addresses are carried. So
 * inlined functions are there only as far as perf finds them. Each file is mapped at a range of
 * addresses of its own (code_tables.h), the same in all processes. The data's size stands before
 * it, and is found by writing it nowhere first.
 */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "export/code_tables.h"
#include "export/export.h"

/* tools/perf/util/header.h */
enum {
	FEATURE_BUILD_ID = 2,
	FEATURE_HOSTNAME = 3,
	FEATURE_RELEASE = 4,
	FEATURE_VERSION = 5,
	FEATURE_ARCH = 6,
	FEATURE_EVENT_DESC = 12,
};

#define HEADER_BYTES 104u
#define EVENT_ID 1
#define TEXT_ALIGN 64u /* of texts in features */
#define MAX_RECORD 65528u
#define BUILD_ID_SIZE (1u << 15) /* of misc: the build-id says its size */
#define KERNEL_PID (-1)

/* A thread of perf, and under which name it was told of. */
struct told_thread {
	int32_t pid, tid; /* the key */
	uint32_t number;  /* of the profile's thread */
};

/* A file that was told to be mapped in a process. */
struct told_mapping {
	int32_t pid;
	uint32_t module;
};

struct perf_data {
	struct egret_code_tables code;
	struct egret_interned threads, mappings;
	struct egret_buffer record, kernel, user;
	struct egret_build_id kernel_id; /* len 0: not known */
	struct egret_buffer features;	 /* what stands behind the data */
	FILE *out;			 /* NULL: only the size is wanted */
	uint64_t size;			 /* of the records so far */
	uint64_t too_deep;		 /* samples whose stacks do not fit into a record */
	bool failed;			 /* no memory */
};

/* ---- records ------------------------------------------------------------------------------ */

static void begin_record(struct perf_data *d, uint32_t type, uint16_t misc)
{
	struct perf_event_header header = { .type = type, .misc = misc };

	egret_buffer_clear(&d->record);
	egret_buffer_add(&d->record, &header, sizeof(header));
}

static void add32(struct egret_buffer *to, uint32_t value)
{
	egret_buffer_add(to, &value, sizeof(value));
}

static void add64(struct egret_buffer *to, uint64_t value)
{
	egret_buffer_add(to, &value, sizeof(value));
}

/* A text with its end, filled up to whole words. */
static void add_text(struct egret_buffer *to, const char *text, size_t most)
{
	static const char zeros[8];
	size_t len = strnlen(text, most);

	egret_buffer_add(to, text, len);
	egret_buffer_add(to, zeros, 8 - len % 8);
}

static void end_record(struct perf_data *d)
{
	struct perf_event_header header;

	d->failed |= d->record.failed;
	if (d->failed)
		return;
	memcpy(&header, d->record.data, sizeof(header));
	header.size = (uint16_t)d->record.len;
	memcpy(d->record.data, &header, sizeof(header));
	d->size += d->record.len;
	if (d->out)
		fwrite(d->record.data, 1, d->record.len, d->out);
}

/* What stands at the end of all records that are no samples: sample_id_all. */
static void add_trailer(struct perf_data *d, const struct egret_profile_thread *t,
			const struct egret_profile_sample *s)
{
	add32(&d->record, (uint32_t)t->pid);
	add32(&d->record, (uint32_t)t->tid);
	add64(&d->record, s->time);
	add32(&d->record, s->cpu);
	add32(&d->record, 0);
}

/* ---- threads and mappings: told before the first sample that needs them -------------------- */

static void tell_thread(struct perf_data *d, uint32_t number, const struct egret_profile_sample *s)
{
	const struct egret_profile_thread *t = egret_profile_get_thread(d->code.profile, number);
	struct told_thread told = { t->pid, t->tid, UINT32_MAX }, *known;
	uint32_t place = egret_interned_put(&d->threads, &told);

	d->failed |= place == EGRET_INDEX_NONE;
	if (d->failed)
		return;
	known = egret_interned_item(&d->threads, place);
	if (known->number == number)
		return;
	known->number = number;
	begin_record(d, PERF_RECORD_COMM, 0);
	add32(&d->record, (uint32_t)t->pid);
	add32(&d->record, (uint32_t)t->tid);
	add_text(&d->record, egret_profile_get_string(d->code.profile, t->comm), 15);
	add_trailer(d, t, s);
	end_record(d);
}

/* Code of a JIT is in memory without a file: perf then looks for its perf map. */
static const char *path_of(const struct perf_data *d, const struct egret_profile_module *m)
{
	if (m->kind == EGRET_MODULE_JIT)
		return "//anon";
	return egret_profile_get_string(d->code.profile, m->path);
}

static void add_build_id(struct egret_buffer *to, const struct egret_build_id *id)
{
	uint8_t bytes[24] = { id->len };

	memcpy(bytes + 4, id->bytes, id->len);
	egret_buffer_add(to, bytes, sizeof(bytes));
}

static bool is_mapped(const struct egret_profile_module *m)
{
	return m->kind == EGRET_MODULE_FILE || m->kind == EGRET_MODULE_VDSO ||
	       m->kind == EGRET_MODULE_JIT;
}

static void tell_mapping(struct perf_data *d, uint32_t module, const struct egret_profile_thread *t,
			 const struct egret_profile_sample *s)
{
	const struct egret_profile_module *m = egret_profile_get_module(d->code.profile, module);
	const struct egret_code_range *range = &d->code.ranges[module];
	struct told_mapping told = { t->pid, module };
	uint64_t end = (range->limit + 4095) & ~4095ull, start = range->start & ~4095ull;
	size_t before = d->mappings.n;

	d->failed |= egret_interned_put(&d->mappings, &told) == EGRET_INDEX_NONE;
	if (!is_mapped(m) || d->mappings.n == before)
		return;
	begin_record(d, PERF_RECORD_MMAP2, PERF_RECORD_MISC_USER | PERF_RECORD_MISC_MMAP_BUILD_ID);
	add32(&d->record, (uint32_t)t->pid);
	add32(&d->record, (uint32_t)t->pid);
	add64(&d->record, start);
	add64(&d->record, end - start);
	add64(&d->record, m->kind == EGRET_MODULE_JIT ? start : 0);
	add_build_id(&d->record, &m->build_id);
	add32(&d->record, 5); /* PROT_READ | PROT_EXEC */
	add32(&d->record, 2); /* MAP_PRIVATE */
	add_text(&d->record, path_of(d, m), 4095);
	add_trailer(d, t, s);
	end_record(d);
}

/* The least address of the kernel that is used, or a symbol's. */
static uint64_t kernel_start(const struct perf_data *d, uint64_t symbol)
{
	for (uint32_t m = 0; m < egret_profile_n_modules(d->code.profile); m++)
		if (egret_profile_get_module(d->code.profile, m)->kind == EGRET_MODULE_KERNEL &&
		    d->code.ranges[m].limit && d->code.ranges[m].start < symbol)
			symbol = d->code.ranges[m].start;
	return symbol & ~4095ull;
}

/*
 * The kernel, by where one of its symbols was: perf moves all of them by what that differs from
 * where it is now. Told first, of no process.
 */
static void tell_kernel(struct perf_data *d)
{
	const char *note = egret_profile__meta(d->code.profile, "kernel-symbol");
	const struct egret_profile_thread nobody = { .pid = KERNEL_PID };
	const struct egret_profile_sample first = { .time = 0 };
	size_t len = note ? strcspn(note, " ") : 0;
	uint64_t symbol = len ? strtoull(note + len, NULL, 16) : 0;
	uint64_t start = kernel_start(d, symbol);
	char path[96];

	if (!symbol)
		return;
	snprintf(path, sizeof(path), "[kernel.kallsyms]%.*s", (int)len, note);
	begin_record(d, PERF_RECORD_MMAP2,
		     PERF_RECORD_MISC_KERNEL |
			     (d->kernel_id.len ? PERF_RECORD_MISC_MMAP_BUILD_ID : 0));
	add32(&d->record, (uint32_t)KERNEL_PID);
	add32(&d->record, 0);
	add64(&d->record, start);
	add64(&d->record, UINT64_MAX - start);
	add64(&d->record, symbol);
	add_build_id(&d->record, &d->kernel_id);
	add32(&d->record, 5);
	add32(&d->record, 2);
	add_text(&d->record, path, sizeof(path));
	add_trailer(d, &nobody, &first);
	end_record(d);
}

/* ---- samples ------------------------------------------------------------------------------ */

/* Leaf first; the frames of cut stacks are no code. */
static void collect(struct perf_data *d, uint32_t stack, const struct egret_profile_thread *t,
		    const struct egret_profile_sample *s)
{
	egret_buffer_clear(&d->kernel);
	egret_buffer_clear(&d->user);
	while (stack) {
		struct egret_profile_node node = egret_profile_get_stack(d->code.profile, stack);
		uint32_t module = egret_profile_get_frame(d->code.profile, node.frame)->module;
		uint32_t kind = egret_profile_get_module(d->code.profile, module)->kind;

		stack = node.parent;
		if (kind == EGRET_MODULE_CUT || !egret_code_has_frame(&d->code, node.frame))
			continue;
		add64(kind == EGRET_MODULE_KERNEL ? &d->kernel : &d->user,
		      egret_code_address(&d->code, node.frame));
		tell_mapping(d, module, t, s);
	}
	d->failed |= d->kernel.failed || d->user.failed;
}

/* As many addresses of the root's side are left out as do not fit into a record. */
static void fit(struct perf_data *d)
{
	size_t fixed = sizeof(struct perf_event_header) + 9 * 8;

	if (fixed + d->kernel.len + d->user.len <= MAX_RECORD)
		return;
	d->too_deep++;
	if (d->kernel.len > MAX_RECORD - fixed)
		d->kernel.len = (MAX_RECORD - fixed) & ~7ul;
	d->user.len = (MAX_RECORD - fixed - d->kernel.len) & ~7ul;
}

static void write_sample(struct perf_data *d, const struct egret_profile_sample *s,
			 const struct egret_profile_key *key)
{
	const struct egret_profile_thread *t = egret_profile_get_thread(d->code.profile,
									key->thread);
	bool is_kernel;
	uint64_t ip = 0;

	tell_thread(d, key->thread, s);
	collect(d, key->stack, t, s);
	fit(d);
	is_kernel = d->kernel.len != 0;
	if (is_kernel || d->user.len)
		memcpy(&ip, is_kernel ? d->kernel.data : d->user.data, sizeof(ip));
	begin_record(d, PERF_RECORD_SAMPLE,
		     is_kernel ? PERF_RECORD_MISC_KERNEL : PERF_RECORD_MISC_USER);
	add64(&d->record, ip);
	add32(&d->record, (uint32_t)t->pid);
	add32(&d->record, (uint32_t)t->tid);
	add64(&d->record, s->time);
	add32(&d->record, s->cpu);
	add32(&d->record, 0);
	add64(&d->record, s->value);
	add64(&d->record, (d->kernel.len + d->user.len) / 8 + !!d->kernel.len + !!d->user.len);
	if (d->kernel.len)
		add64(&d->record, PERF_CONTEXT_KERNEL);
	egret_buffer_add(&d->record, d->kernel.data, d->kernel.len);
	if (d->user.len)
		add64(&d->record, PERF_CONTEXT_USER);
	egret_buffer_add(&d->record, d->user.data, d->user.len);
	end_record(d);
}

/* The records; told anew from the start. */
static void write_records(struct perf_data *d, FILE *out)
{
	d->out = out;
	d->size = 0;
	egret_interned_init(&d->threads, sizeof(struct told_thread), 2 * sizeof(int32_t));
	egret_interned_init(&d->mappings, sizeof(struct told_mapping), sizeof(struct told_mapping));
	tell_kernel(d);
	for (size_t i = 0; i < egret_profile_n_samples(d->code.profile) && !d->failed; i++) {
		const struct egret_profile_sample *s = egret_profile_get_sample(d->code.profile, i);
		const struct egret_profile_entry *entry;

		entry = egret_profile_get_entry(d->code.profile, s->entry);
		if (entry->key.event == d->code.opts->event)
			write_sample(d, s, &entry->key);
	}
	egret_interned_deinit(&d->threads);
	egret_interned_deinit(&d->mappings);
}

/* ---- the event ---------------------------------------------------------------------------- */

static struct perf_event_attr attr_of(const struct egret_event *event)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_type = PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME |
			       PERF_SAMPLE_CALLCHAIN | PERF_SAMPLE_CPU | PERF_SAMPLE_PERIOD,
		.sample_id_all = 1,
		.mmap2 = 1,
		.mmap = 1,
		.comm = 1,
		.build_id = 1,
		.use_clockid = 1,
		.clockid = 1, /* CLOCK_MONOTONIC */
	};

	if (event && strcmp(event->unit, "nanoseconds")) { /* its name says what it is */
		attr.type = PERF_TYPE_RAW;
		attr.config = 0;
	}
	attr.freq = event && event->frequency;
	attr.sample_freq = event ? (event->frequency ? event->frequency : event->period) : 1;
	return attr;
}

/* ---- what stands behind ------------------------------------------------------------------- */

/* A text with its length, filled up. */
static void add_long_text(struct egret_buffer *to, const char *text)
{
	static const char zeros[TEXT_ALIGN];
	size_t len = strlen(text), size = (len + TEXT_ALIGN) / TEXT_ALIGN * TEXT_ALIGN;

	add32(to, (uint32_t)size);
	egret_buffer_add(to, text, len);
	egret_buffer_add(to, zeros, size - len);
}

static void add_meta(struct perf_data *d, struct egret_buffer *to, const char *key)
{
	const char *text = egret_profile__meta(d->code.profile, key);

	add_long_text(to, text ? text : "");
}

static void add_one_build_id(struct egret_buffer *to, const struct egret_build_id *build_id,
			     uint16_t mode, const char *path)
{
	struct perf_event_header header = { .misc = mode | BUILD_ID_SIZE };
	size_t at = to->len;
	uint8_t id[24] = { 0 };

	memcpy(id, build_id->bytes, build_id->len);
	id[20] = build_id->len;
	egret_buffer_add(to, &header, sizeof(header));
	add32(to, (uint32_t)KERNEL_PID);
	egret_buffer_add(to, id, sizeof(id));
	add_text(to, path, 4095);
	add32(to, 0); /* whole words: the pid is half of one */
	header.size = (uint16_t)(to->len - at);
	if (!to->failed)
		memcpy(to->data + at, &header, sizeof(header));
}

static void add_build_ids(struct perf_data *d, struct egret_buffer *to)
{
	if (d->kernel_id.len)
		add_one_build_id(to, &d->kernel_id, PERF_RECORD_MISC_KERNEL, "[kernel.kallsyms]");
	for (uint32_t m = 0; m < egret_profile_n_modules(d->code.profile); m++) {
		const struct egret_profile_module *module;

		module = egret_profile_get_module(d->code.profile, m);
		if (d->code.ranges[m].limit && module->build_id.len)
			add_one_build_id(to, &module->build_id, PERF_RECORD_MISC_USER,
					 path_of(d, module));
	}
}

static void add_event_name(struct perf_data *d, struct egret_buffer *to)
{
	const struct egret_event *event = egret_profile__event(d->code.profile,
							       d->code.opts->event);
	struct perf_event_attr attr = attr_of(event);

	add32(to, 1);
	add32(to, sizeof(attr));
	egret_buffer_add(to, &attr, sizeof(attr));
	add32(to, 1); /* identifiers */
	add_long_text(to, event ? event->name : "cpu-clock");
	add64(to, EVENT_ID);
}

static void add_feature(struct perf_data *d, unsigned int feature, struct egret_buffer *to)
{
	switch (feature) {
	case FEATURE_BUILD_ID:
		add_build_ids(d, to);
		break;
	case FEATURE_HOSTNAME:
		add_meta(d, to, "hostname");
		break;
	case FEATURE_RELEASE:
		add_meta(d, to, "kernel");
		break;
	case FEATURE_VERSION:
		add_meta(d, to, "version");
		break;
	case FEATURE_ARCH:
		add_meta(d, to, "architecture");
		break;
	default:
		add_event_name(d, to);
		break;
	}
}

static const unsigned int features[] = { FEATURE_BUILD_ID, FEATURE_HOSTNAME, FEATURE_RELEASE,
					 FEATURE_VERSION,  FEATURE_ARCH,     FEATURE_EVENT_DESC };
#define N_FEATURES (sizeof(features) / sizeof(features[0]))

/* A table of places and sizes, then what they are of. */
static void write_features(struct perf_data *d, uint64_t at, FILE *out)
{
	struct egret_buffer table = { 0 };

	at += N_FEATURES * 16;
	for (size_t i = 0; i < N_FEATURES; i++) {
		size_t before = d->features.len;

		add_feature(d, features[i], &d->features);
		add64(&table, at + before);
		add64(&table, d->features.len - before);
	}
	fwrite(table.data, 1, table.len, out);
	fwrite(d->features.data, 1, d->features.len, out);
	d->failed |= table.failed || d->features.failed;
	egret_buffer_deinit(&table);
}

/* ---- the file ----------------------------------------------------------------------------- */

static uint64_t write_header(struct perf_data *d, FILE *out)
{
	struct perf_event_attr attr =
		attr_of(egret_profile__event(d->code.profile, d->code.opts->event));
	struct egret_buffer head = { 0 };
	uint64_t bits[4] = { 0 }, attrs = HEADER_BYTES + 8, data = attrs + sizeof(attr) + 16;

	for (size_t i = 0; i < N_FEATURES; i++)
		bits[0] |= 1ull << features[i];
	egret_buffer_add(&head, "PERFILE2", 8);
	add64(&head, HEADER_BYTES);
	add64(&head, sizeof(attr) + 16);
	add64(&head, attrs);
	add64(&head, sizeof(attr) + 16);
	add64(&head, data);
	add64(&head, d->size);
	add64(&head, 0); /* event types: not used any more */
	add64(&head, 0);
	egret_buffer_add(&head, bits, sizeof(bits));
	add64(&head, EVENT_ID);
	egret_buffer_add(&head, &attr, sizeof(attr));
	add64(&head, HEADER_BYTES); /* its identifiers */
	add64(&head, 8);
	fwrite(head.data, 1, head.len, out);
	d->failed |= head.failed;
	egret_buffer_deinit(&head);
	return data;
}

static struct egret_build_id kernel_id_of(const struct egret_profile *profile)
{
	const char *hex = egret_profile__meta(profile, "kernel-build-id");
	struct egret_build_id id = { 0 };

	while (hex && id.len < EGRET_BUILD_ID_MAX && hex[2 * id.len] && hex[2 * id.len + 1]) {
		char byte[3] = { hex[2 * id.len], hex[2 * id.len + 1], 0 };

		id.bytes[id.len++] = (uint8_t)strtoul(byte, NULL, 16);
	}
	return id;
}

static int write_perf_data(const struct egret_profile *profile,
			   const struct egret_export_opts *opts, FILE *out, struct egret_error *err)
{
	struct perf_data d = { .out = NULL };
	int ret = egret_code_tables_init(&d.code, profile, opts);
	uint64_t data;

	if (!ret) {
		d.kernel_id = kernel_id_of(profile);
		write_records(&d, NULL);
		data = write_header(&d, out);
		write_records(&d, out);
		write_features(&d, data + d.size, out);
	}
	egret_code_tables_deinit(&d.code);
	egret_buffer_deinit(&d.record);
	egret_buffer_deinit(&d.kernel);
	egret_buffer_deinit(&d.user);
	egret_buffer_deinit(&d.features);
	return ret || d.failed ? egret_fail(err, ENOMEM, "not enough memory for perf.data") : 0;
}

const struct egret_exporter egret_exporter_perf_data = {
	.name = "perf-data",
	.text = "a perf.data file, for perf report and perf script",
	.is_binary = true,
	.needs_samples = true,
	.write = write_perf_data,
};
