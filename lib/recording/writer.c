/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The writer gathers the sections of the block under way, each in a buffer of its own, and puts
 * them together when the block is closed. What a sample refers to is gathered before the sample,
 * so a block never refers to a later one.
 */
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/write.h"
#include "profile/profile_tables.h"
#include "recording/format.h"

/*
 * libdeflate's: a recording of a compiler at work becomes 3 % smaller than with zlib's level 1, in
 * less than half of the time.
 */
#define COMPRESSION_LEVEL 1

/* How many items of each table of the profile the recording has. */
struct written {
	size_t strings, modules, frames, stacks, label_sets, threads, events, meta, stats;
};

struct egret_writer {
	int fd;
	const struct egret_profile *profile;
	struct egret_buffer sections[EGRET_SECTION_NR];
	struct egret_buffer columns[EGRET_COLUMN_NR];
	size_t n_samples; /* in the columns */
	struct egret_buffer payload;
	struct egret_buffer stored;
	struct libdeflate_compressor *compressor;
	struct egret_sample_state samples;
	uint32_t largest_frame; /* for egret_code_number */
	uint64_t last_offset;	/* of the frame written last */
	struct written written;
	const char **meta; /* the values as written: pointers into the profile */
	uint64_t *stats;   /* the values as written */
	uint64_t bytes;
	int failed; /* -errno; what failed once is not tried again */
	struct egret_error why;
	bool finished;
};

static int fail(struct egret_writer *w, struct egret_error *err, int ret, const char *what)
{
	w->failed = egret_fail(&w->why, -ret,
			       "cannot write the recording: %s (%s, after %llu bytes)",
			       strerror(-ret), what, (unsigned long long)w->bytes);
	if (err)
		*err = w->why;
	return w->failed;
}

static int no_memory(struct egret_writer *w, struct egret_error *err)
{
	return fail(w, err, -ENOMEM, "gathering a block");
}

/* A writer that has failed or finished takes nothing more. */
static int check_open(const struct egret_writer *w, struct egret_error *err)
{
	if (w->finished)
		return egret_fail(err, EINVAL, "the recording is already finished");
	if (w->failed && err)
		*err = w->why;
	return w->failed;
}

static int write_bytes(struct egret_writer *w, const void *bytes, size_t len, const char *what,
		       struct egret_error *err)
{
	int ret = egret_write_all(w->fd, bytes, len);

	if (ret)
		return fail(w, err, ret, what);
	w->bytes += len;
	return 0;
}

static int write_file_header(struct egret_writer *w, struct egret_error *err)
{
	uint8_t header[EGRET_FILE_HEADER_SIZE] = { 0 };

	memcpy(header, EGRET_RECORDING_MAGIC, 8);
	egret_put16(header + 8, EGRET_RECORDING_MAJOR);
	egret_put16(header + 10, EGRET_RECORDING_MINOR);
	header[12] = EGRET_RECORDING_LITTLE_ENDIAN;
	egret_put32(header + 20, egret_recording_crc(header, 20));
	return write_bytes(w, header, sizeof(header), "the file header", err);
}

int egret_writer_create(int fd, const struct egret_profile *profile, struct egret_writer **out,
			struct egret_error *err)
{
	struct egret_writer *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return egret_fail(err, ENOMEM, "no memory for a recording");
	w->fd = fd;
	w->profile = profile;
	w->samples.block = 1;
	/* The empty string and the empty stack are known to every reader. */
	w->written.strings = w->written.stacks = 1;
	w->meta = calloc(EGRET_PROFILE_MAX_LABELS, sizeof(*w->meta));
	w->stats = calloc(EGRET_PROFILE_MAX_LABELS, sizeof(*w->stats));
	w->compressor = libdeflate_alloc_compressor(COMPRESSION_LEVEL);
	ret = w->meta && w->stats && w->compressor ? write_file_header(w, err) : no_memory(w, err);
	if (ret) {
		egret_writer_destroy(w);
		return ret;
	}
	*out = w;
	return 0;
}

void egret_writer_destroy(struct egret_writer *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < EGRET_SECTION_NR; i++)
		egret_buffer_deinit(&w->sections[i]);
	for (size_t i = 0; i < EGRET_COLUMN_NR; i++)
		egret_buffer_deinit(&w->columns[i]);
	egret_buffer_deinit(&w->payload);
	egret_buffer_deinit(&w->stored);
	libdeflate_free_compressor(w->compressor);
	egret_sample_state_deinit(&w->samples);
	free(w->meta);
	free(w->stats);
	free(w);
}

/* ---- closing a block ---- */

static void add_section(struct egret_buffer *payload, unsigned int type, const void *bytes,
			size_t len)
{
	egret_buffer_add_uleb(payload, type);
	egret_buffer_add_uleb(payload, len);
	egret_buffer_add(payload, bytes, len);
}

/* The columns become the records of the samples section: each has its length before it. */
static int join_columns(struct egret_writer *w)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_SAMPLES];

	if (!w->n_samples)
		return 0;
	egret_buffer_add_uleb(to, w->n_samples);
	for (size_t i = 0; i < EGRET_COLUMN_NR; i++) {
		if (w->columns[i].failed)
			return -ENOMEM;
		egret_buffer_add_uleb(to, w->columns[i].len);
		egret_buffer_add(to, w->columns[i].data, w->columns[i].len);
		egret_buffer_clear(&w->columns[i]);
	}
	w->n_samples = 0;
	return 0;
}

static int join_sections(struct egret_writer *w, bool last)
{
	egret_buffer_clear(&w->payload);
	if (join_columns(w))
		return -ENOMEM;
	for (unsigned int type = 1; type < EGRET_SECTION_NR; type++) {
		struct egret_buffer *section = &w->sections[type];

		if (section->failed)
			return -ENOMEM;
		if (section->len)
			add_section(&w->payload, type, section->data, section->len);
		egret_buffer_clear(section);
	}
	if (last)
		add_section(&w->payload, EGRET_SECTION_END, NULL, 0);
	return w->payload.failed ? -ENOMEM : 0;
}

/* What is not made smaller is stored as it is. */
static int compress_payload(struct egret_writer *w)
{
	const size_t header = EGRET_BLOCK_HEADER_SIZE;
	size_t len;
	uint8_t *to;

	egret_buffer_clear(&w->stored);
	to = egret_buffer_reserve(&w->stored, header + w->payload.len);
	if (!to)
		return -ENOMEM;
	/* 0: there was no room for it in less. */
	len = libdeflate_zlib_compress(w->compressor, w->payload.data, w->payload.len, to + header,
				       w->payload.len - 1);
	if (!len) {
		len = w->payload.len;
		memcpy(to + header, w->payload.data, len);
	}
	w->stored.len = header + len;
	return 0;
}

static void fill_block_header(struct egret_writer *w)
{
	uint8_t *header = w->stored.data;
	size_t len = w->stored.len - EGRET_BLOCK_HEADER_SIZE;

	egret_put32(header, EGRET_BLOCK_MAGIC);
	egret_put32(header + 4, w->samples.block);
	egret_put32(header + 8, (uint32_t)w->payload.len);
	egret_put32(header + 12, (uint32_t)len);
	egret_put32(header + 16, egret_recording_crc(header + EGRET_BLOCK_HEADER_SIZE, len));
	egret_put32(header + 20, egret_recording_crc(header, 20));
}

static int close_block(struct egret_writer *w, bool last, struct egret_error *err)
{
	int ret;

	if (join_sections(w, last))
		return no_memory(w, err);
	if (!w->payload.len)
		return 0;
	if (w->payload.len > EGRET_BLOCK_MAX)
		return fail(w, err, -E2BIG, "a block larger than the format allows");
	if (compress_payload(w))
		return no_memory(w, err);
	fill_block_header(w);
	/* One write a block: a reader of a pipe or of a growing file sees few parts of blocks. */
	ret = write_bytes(w, w->stored.data, w->stored.len, "a block", err);
	w->samples.block++;
	return ret;
}

static int close_if_grown(struct egret_writer *w, struct egret_error *err)
{
	size_t len = 0;

	for (size_t i = 0; i < EGRET_SECTION_NR; i++)
		len += w->sections[i].len;
	for (size_t i = 0; i < EGRET_COLUMN_NR; i++)
		len += w->columns[i].len;
	return len >= EGRET_BLOCK_TARGET ? close_block(w, false, err) : 0;
}

/* ---- gathering what is new in the tables ---- */

static void add_text(struct egret_buffer *to, const char *text)
{
	size_t len = strlen(text);

	egret_buffer_add_uleb(to, len);
	egret_buffer_add(to, text, len);
}

static void add_module(struct egret_buffer *to, const struct egret_profile_module *m)
{
	egret_buffer_add_uleb(to, m->path);
	egret_buffer_add_uleb(to, m->kind);
	egret_buffer_add_uleb(to, m->dev);
	egret_buffer_add_uleb(to, m->ino);
	egret_buffer_add_sleb(to, m->pid);
	egret_buffer_add_uleb(to, m->build_id.len);
	egret_buffer_add(to, m->build_id.bytes, m->build_id.len);
}

static void add_lines(struct egret_writer *w, uint32_t frame)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_LINES];
	const struct egret_profile_line *lines;
	size_t n;

	lines = egret_profile_get_lines(w->profile, frame, &n);
	if (!lines)
		return;
	egret_buffer_add_uleb(to, frame);
	egret_buffer_add_uleb(to, n);
	for (size_t i = 0; i < n; i++) {
		egret_buffer_add_uleb(to, lines[i].name);
		egret_buffer_add_uleb(to, lines[i].file);
		egret_buffer_add_uleb(to, lines[i].line);
		egret_buffer_add_uleb(to, lines[i].flags);
	}
}

static void add_reason(struct egret_writer *w, uint32_t frame)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_REASONS];

	egret_buffer_add_uleb(to, frame);
	egret_buffer_add_uleb(to, egret_profile_get_reason(w->profile, frame));
}

static void add_frame(struct egret_writer *w, uint32_t number)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_FRAMES];
	const struct egret_profile_frame *f = &w->profile->frames.items[number];

	egret_buffer_add_uleb(to, f->module);
	egret_buffer_add_uleb(to, f->flags);
	egret_buffer_add_sleb(to, (int64_t)(f->offset - w->last_offset));
	w->last_offset = f->offset;
	add_lines(w, number);
	if (egret_profile_get_reason(w->profile, number))
		add_reason(w, number);
}

static void add_stack(struct egret_writer *w, uint32_t number)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_STACKS];
	struct egret_profile_node node = w->profile->stacks.items[number];

	/* A new stack mostly grows from the one before it. */
	egret_buffer_add_uleb(to, number - 1 - node.parent);
	egret_buffer_add_uleb(to, egret_code_number(&w->largest_frame, node.frame));
}

static void add_thread(struct egret_buffer *to, const struct egret_profile_thread *t)
{
	egret_buffer_add_sleb(to, t->pid);
	egret_buffer_add_sleb(to, t->tid);
	egret_buffer_add_uleb(to, t->start_time);
	egret_buffer_add_uleb(to, t->process);
	egret_buffer_add_uleb(to, t->comm);
}

static void add_cgroup(struct egret_writer *w, uint32_t thread)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_CGROUPS];
	uint32_t cgroup = egret_profile_get_cgroup(w->profile, thread);

	if (!cgroup)
		return;
	egret_buffer_add_uleb(to, thread);
	egret_buffer_add_uleb(to, cgroup);
}

static void add_label_set(struct egret_writer *w, uint32_t set)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_LABEL_SETS];
	size_t n;
	const struct egret_profile_label *labels = egret_profile_get_label_set(w->profile, set, &n);

	if (!n)
		return; /* number 0 needs not be told */
	egret_buffer_add_uleb(to, n);
	for (size_t i = 0; i < n; i++) {
		egret_buffer_add_uleb(to, labels[i].key);
		egret_buffer_add_uleb(to, labels[i].value);
	}
}

static void add_thread_labels(struct egret_writer *w, uint32_t thread)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_THREAD_LABELS];

	egret_buffer_add_uleb(to, thread);
	egret_buffer_add_uleb(to, egret_profile_get_thread_labels(w->profile, thread));
}

static void add_event(struct egret_buffer *to, const struct egret_event *event)
{
	add_text(to, event->name);
	add_text(to, event->unit);
	egret_buffer_add_uleb(to, event->frequency);
	egret_buffer_add_uleb(to, event->period);
}

/* For each item of a table that is not written yet; a block that has grown is closed between. */
#define GATHER(w, err, field, table, add)                                                          \
	({                                                                                         \
		int ret_ = 0;                                                                      \
		while (!ret_ && (w)->written.field < (w)->profile->table.n) {                      \
			uint32_t i = (uint32_t)(w)->written.field++;                               \
			add;                                                                       \
			if (!(i & 63))                                                             \
				ret_ = close_if_grown(w, err);                                     \
		}                                                                                  \
		ret_;                                                                              \
	})

static int gather(struct egret_writer *w, struct egret_error *err)
{
	const struct egret_profile *p = w->profile;
	struct egret_buffer *s = w->sections;
	int ret;

	ret = GATHER(w, err, strings, strings,
		     add_text(&s[EGRET_SECTION_STRINGS], p->strings.items[i]));
	if (!ret)
		ret = GATHER(w, err, modules, modules,
			     add_module(&s[EGRET_SECTION_MODULES], &p->modules.items[i]));
	if (!ret)
		ret = GATHER(w, err, frames, frames, add_frame(w, i));
	if (!ret)
		ret = GATHER(w, err, stacks, stacks, add_stack(w, i));
	if (!ret)
		ret = GATHER(w, err, label_sets, label_sets, add_label_set(w, i));
	if (!ret)
		ret = GATHER(w, err, threads, threads,
			     (add_thread(&s[EGRET_SECTION_THREADS], &p->threads.items[i]),
			      add_cgroup(w, i),
			      egret_profile_get_thread_labels(p, i) ? add_thread_labels(w, i)
								    : (void)0));
	if (!ret)
		ret = GATHER(w, err, events, events,
			     add_event(&s[EGRET_SECTION_EVENTS], &p->events.items[i]));
	return ret;
}

/* Metadata and the accounting: what is new, and what has changed since it was written. */
static void gather_labels(struct egret_writer *w)
{
	const struct egret_profile *p = w->profile;

	for (size_t i = 0; i < p->meta.n; i++) {
		const struct egret_profile_meta *meta = &p->meta.items[i];

		if (w->meta[i] == meta->value)
			continue;
		add_text(&w->sections[EGRET_SECTION_META], meta->key);
		add_text(&w->sections[EGRET_SECTION_META], meta->value);
		w->meta[i] = meta->value;
	}
	for (size_t i = 0; i < p->stats.n; i++) {
		const struct egret_stat *stat = &p->stats.items[i];
		bool is_new = i >= w->written.stats;

		if (is_new) {
			add_text(&w->sections[EGRET_SECTION_STAT_NAMES], stat->name);
			add_text(&w->sections[EGRET_SECTION_STAT_NAMES], stat->text);
			w->written.stats = i + 1;
		}
		if (!is_new && w->stats[i] == stat->value)
			continue;
		egret_buffer_add_uleb(&w->sections[EGRET_SECTION_STATS], i);
		egret_buffer_add_uleb(&w->sections[EGRET_SECTION_STATS], stat->value);
		w->stats[i] = stat->value;
	}
}

/* ---- what the session calls ---- */

static int check_row(const struct egret_writer *w, const struct egret_sample_row *row,
		     struct egret_error *err)
{
	const struct egret_profile *p = w->profile;

	if (row->thread < p->threads.n && row->stack < p->stacks.n && row->event < p->events.n &&
	    row->cpu <= EGRET_RECORDING_MAX_CPU)
		return 0;
	return egret_fail(err, EINVAL,
			  "a sample of thread %u, stack %u, event %u on CPU %u cannot be recorded: "
			  "there are %zu threads, %zu stacks and %zu events",
			  row->thread, row->stack, row->event, row->cpu, p->threads.n, p->stacks.n,
			  p->events.n);
}

int egret_writer_sample(struct egret_writer *w, const struct egret_sample_row *row,
			struct egret_error *err)
{
	int ret = check_open(w, err);

	if (!ret)
		ret = check_row(w, row, err);
	if (!ret)
		ret = gather(w, err);
	if (ret)
		return ret;
	if (egret_sample_encode(&w->samples, w->columns, row))
		return no_memory(w, err);
	w->n_samples++;
	return close_if_grown(w, err);
}

int egret_writer_symbol(struct egret_writer *w, uint32_t frame, struct egret_error *err)
{
	int ret = check_open(w, err);

	/* A frame that is not written yet takes its names with it. */
	if (ret || frame >= w->written.frames)
		return ret;
	/* The names may be new strings. */
	ret = gather(w, err);
	if (ret)
		return ret;
	add_lines(w, frame);
	return close_if_grown(w, err);
}

int egret_writer_reason(struct egret_writer *w, uint32_t frame, struct egret_error *err)
{
	int ret = check_open(w, err);

	if (ret || frame >= w->written.frames)
		return ret;
	add_reason(w, frame);
	return close_if_grown(w, err);
}

int egret_writer_labels(struct egret_writer *w, uint32_t thread, struct egret_error *err)
{
	int ret = check_open(w, err);

	if (ret || thread >= w->written.threads)
		return ret;
	/* The set may be new. */
	ret = gather(w, err);
	if (ret)
		return ret;
	add_thread_labels(w, thread);
	return close_if_grown(w, err);
}

int egret_writer_raw(struct egret_writer *w, uint32_t tag, const void *bytes, size_t len,
		     struct egret_error *err)
{
	struct egret_buffer *to = &w->sections[EGRET_SECTION_RAW];
	int ret = check_open(w, err);

	if (ret)
		return ret;
	if (len > EGRET_RECORDING_MAX_RAW)
		return egret_fail(err, E2BIG, "a raw record of %zu bytes is too large: %u at most",
				  len, EGRET_RECORDING_MAX_RAW);
	egret_buffer_add_uleb(to, tag);
	egret_buffer_add_uleb(to, len);
	egret_buffer_add(to, bytes, len);
	return close_if_grown(w, err);
}

int egret_writer_flush(struct egret_writer *w, struct egret_error *err)
{
	int ret = check_open(w, err);

	if (!ret)
		ret = gather(w, err);
	if (ret)
		return ret;
	gather_labels(w);
	return close_block(w, false, err);
}

int egret_writer_finish(struct egret_writer *w, struct egret_error *err)
{
	int ret = check_open(w, err);

	if (!ret)
		ret = gather(w, err);
	if (ret)
		return ret;
	gather_labels(w);
	ret = close_block(w, true, err);
	w->finished = !ret;
	return ret;
}

uint64_t egret_writer_bytes(const struct egret_writer *w)
{
	return w->bytes;
}
