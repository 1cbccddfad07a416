/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * From the sections of a block into the tables of a profile. Nothing is believed: each number is
 * held against what is there, each length against what is left.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "profile/profile_tables.h"
#include "recording/reader.h"

static int bad(struct egret_error *err, const char *what, uint64_t number)
{
	return egret_fail(err, EBADMSG, "%s %llu makes no sense", what, (unsigned long long)number);
}

/* A number below `limit`; anything else fails the cursor. */
static uint32_t below(struct egret_cursor *c, size_t limit)
{
	uint64_t n = egret_cursor_uleb(c);

	if (n < limit)
		return (uint32_t)n;
	c->failed = true;
	return 0;
}

static int32_t signed32(struct egret_cursor *c)
{
	int64_t n = egret_cursor_sleb(c);

	if (n < INT32_MIN || n > INT32_MAX)
		c->failed = true;
	return (int32_t)n;
}

/* Bytes with their length before them. NULL: not there, too long, or with a NUL in it. */
static const char *text(struct egret_cursor *c, size_t *len)
{
	const char *bytes;

	*len = below(c, EGRET_PROFILE_MAX_STRING + 1);
	bytes = egret_cursor_bytes(c, *len);
	if (bytes && memchr(bytes, 0, *len))
		c->failed = true;
	return c->failed ? NULL : bytes;
}

/* The number that a new item got has to be the one after the last. */
static int take_added(bool added, uint32_t number, size_t want, const char *what,
		      struct egret_error *err)
{
	if (number == UINT32_MAX)
		return egret_fail(err, ENOMEM, "no memory for %s %zu", what, want);
	return added ? 0 : bad(err, what, want);
}

static int read_string(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	size_t n = r->profile->strings.n, len;
	const char *bytes = text(c, &len);
	uint32_t number;
	bool added;

	if (!bytes)
		return bad(err, "string", n);
	number = egret_profile_string(r->profile, bytes, len, &added);
	return take_added(added, number, n, "string", err);
}

static int read_module(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	struct egret_profile *p = r->profile;
	struct egret_profile_module m = { 0 };
	size_t n = p->modules.n;
	const void *build_id;
	uint32_t number;
	bool added;

	m.path = below(c, p->strings.n);
	m.kind = below(c, EGRET_MODULE_UNMAPPED + 1);
	m.dev = egret_cursor_uleb(c);
	m.ino = egret_cursor_uleb(c);
	m.pid = signed32(c);
	m.build_id.len = (uint8_t)below(c, EGRET_BUILD_ID_MAX + 1);
	build_id = egret_cursor_bytes(c, m.build_id.len);
	if (c->failed)
		return bad(err, "module", n);
	memcpy(m.build_id.bytes, build_id, m.build_id.len);
	number = egret_profile_module(p, &m, &added);
	return take_added(added, number, n, "module", err);
}

static int read_frame(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	struct egret_profile *p = r->profile;
	struct egret_profile_frame f;
	size_t n = p->frames.n;
	uint32_t number;
	bool added;

	f.module = below(c, p->modules.n);
	f.flags = below(c, (size_t)UINT32_MAX + 1);
	f.offset = r->last_offset + (uint64_t)egret_cursor_sleb(c);
	if (c->failed)
		return bad(err, "frame", n);
	r->last_offset = f.offset;
	number = egret_profile_frame(p, &f, &added);
	return take_added(added, number, n, "frame", err);
}

static int read_stack(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	struct egret_profile *p = r->profile;
	size_t n = p->stacks.n;
	uint32_t parent = (uint32_t)n - 1 - below(c, n);
	uint64_t frame = egret_decode_number(&r->largest_frame, egret_cursor_uleb(c));
	uint32_t number;
	bool added;

	if (c->failed || frame >= p->frames.n || p->depths.items[parent] >= EGRET_PROFILE_MAX_DEPTH)
		return bad(err, "stack", n);
	number = egret_profile_stack(p, parent, (uint32_t)frame, &added);
	return take_added(added, number, n, "stack", err);
}

static int read_thread(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	struct egret_profile *p = r->profile;
	struct egret_profile_thread t;
	size_t n = p->threads.n;
	uint32_t number;
	bool added;

	t.pid = signed32(c);
	t.tid = signed32(c);
	t.start_time = egret_cursor_uleb(c);
	t.process = below(c, p->strings.n);
	t.comm = below(c, p->strings.n);
	if (c->failed)
		return bad(err, "thread", n);
	number = egret_profile_thread(p, &t, &added);
	return take_added(added, number, n, "thread", err);
}

static int read_lines(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	struct egret_profile_line lines[EGRET_PROFILE_MAX_LINES];
	struct egret_profile *p = r->profile;
	uint32_t frame = below(c, p->frames.n);
	uint32_t n = below(c, EGRET_PROFILE_MAX_LINES + 1);

	for (uint32_t i = 0; i < n; i++) {
		lines[i].name = below(c, p->strings.n);
		lines[i].file = below(c, p->strings.n);
		lines[i].line = below(c, (size_t)UINT32_MAX + 1);
		lines[i].flags = below(c, (size_t)UINT32_MAX + 1);
	}
	if (c->failed || !n)
		return bad(err, "the symbol of frame", frame);
	if (egret_profile_set_lines(p, frame, lines, n))
		return egret_fail(err, ENOMEM, "no memory for the symbol of frame %u", frame);
	return 0;
}

static int read_reason(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	uint32_t frame = below(c, r->profile->frames.n);
	uint32_t reason = below(c, UINT16_MAX + 1);

	if (c->failed)
		return bad(err, "the reason of frame", frame);
	if (egret_profile_set_reason(r->profile, frame, (uint16_t)reason))
		return egret_fail(err, ENOMEM, "no memory for the reason of frame %u", frame);
	return 0;
}

static int read_cgroup(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	uint32_t thread = below(c, r->profile->threads.n);
	uint32_t cgroup = below(c, r->profile->strings.n);

	if (c->failed)
		return bad(err, "the cgroup of thread", thread);
	if (egret_profile_set_cgroup(r->profile, thread, cgroup))
		return egret_fail(err, ENOMEM, "no memory for the cgroup of thread %u", thread);
	return 0;
}

static bool has_a_key_twice(const struct egret_profile_label *labels, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < i; j++)
			if (labels[i].key == labels[j].key)
				return true;
	return false;
}

static int read_label_set(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	struct egret_profile_label labels[EGRET_LABELS_MAX];
	size_t number = egret_profile_n_label_sets(r->profile);
	uint32_t n = below(c, EGRET_LABELS_MAX + 1), set;

	for (uint32_t i = 0; i < n && !c->failed; i++) {
		labels[i].key = below(c, r->profile->strings.n);
		labels[i].value = below(c, r->profile->strings.n);
	}
	if (c->failed || !n || has_a_key_twice(labels, n))
		return bad(err, "the set of labels", number);
	set = egret_profile_label_set(r->profile, labels, n);
	return take_added(set == (number ? number : 1), set, number, "the set of labels", err);
}

static int read_thread_labels(struct egret_reader *r, struct egret_cursor *c,
			      struct egret_error *err)
{
	uint32_t thread = below(c, r->profile->threads.n);
	uint32_t set = below(c, egret_profile_n_label_sets(r->profile));

	if (c->failed)
		return bad(err, "the labels of thread", thread);
	if (egret_profile_set_thread_labels(r->profile, thread, set))
		return egret_fail(err, ENOMEM, "no memory for the labels of thread %u", thread);
	return 0;
}

void egret_reader_deinit(struct egret_reader *r)
{
	egret_sample_state_deinit(&r->samples);
	egret_buffer_deinit(&r->labels[0]);
	egret_buffer_deinit(&r->labels[1]);
}

/* A text of the record, with a NUL behind. NULL: there is none (the cursor failed), or no memory.
 */
static const char *label(struct egret_buffer *to, struct egret_cursor *c)
{
	size_t len;
	const char *bytes = text(c, &len);

	egret_buffer_clear(to);
	if (!bytes)
		return NULL;
	egret_buffer_add(to, bytes, len);
	egret_buffer_add(to, "", 1);
	return to->failed ? NULL : (const char *)to->data;
}

/* Labels are refused (-E2BIG: too many or too long), or there is no memory for them. */
static int label_result(int ret, const char *what, uint64_t number, struct egret_error *err)
{
	if (ret == -E2BIG)
		return bad(err, what, number);
	return ret ? egret_fail(err, -ret, "no memory for %s %llu", what,
				(unsigned long long)number)
		   : 0;
}

/* Two texts are what each of them begins with. */
static int read_labels(struct egret_reader *r, struct egret_cursor *c, const char *texts[2])
{
	for (size_t i = 0; i < 2; i++) {
		texts[i] = label(&r->labels[i], c);
		if (!texts[i])
			return c->failed ? -E2BIG : -ENOMEM;
	}
	return 0;
}

static int read_event(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	size_t n = r->profile->events.n;
	struct egret_event event = { 0 };
	const char *texts[2];
	int ret = read_labels(r, c, texts);

	if (ret)
		return label_result(ret, "event", n, err);
	event.name = texts[0];
	event.unit = texts[1];
	event.frequency = egret_cursor_uleb(c);
	event.period = egret_cursor_uleb(c);
	if (c->failed)
		return bad(err, "event", n);
	return label_result(egret_profile_add_event(r->profile, &event), "event", n, err);
}

static int read_meta(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	size_t n = r->profile->meta.n;
	const char *texts[2];
	int ret = read_labels(r, c, texts);

	if (!ret)
		ret = egret_profile_set_meta(r->profile, texts[0], texts[1]);
	return label_result(ret, "metadata", n, err);
}

static int read_stat_name(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	size_t n = r->profile->stats.n;
	const char *texts[2];
	int ret = read_labels(r, c, texts);

	if (!ret)
		ret = egret_profile_set_stat(r->profile, texts[0], texts[1], 0);
	/* A name that was there before got no number of its own. */
	if (!ret && r->profile->stats.n == n)
		ret = -E2BIG;
	return label_result(ret, "statistic", n, err);
}

static int read_stat(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	uint32_t number = below(c, r->profile->stats.n);
	uint64_t value = egret_cursor_uleb(c);

	if (c->failed)
		return bad(err, "the value of statistic", number);
	r->profile->stats.items[number].value = value;
	return 0;
}

static int take_sample(struct egret_reader *r, const struct egret_sample_row *row,
		       struct egret_error *err)
{
	struct egret_profile *p = r->profile;
	struct egret_profile_key key = {
		.thread = row->thread,
		.stack = row->stack,
		.event = row->event,
		.capture_end = row->capture_end,
		.unwind_end = row->unwind_end,
	};
	struct egret_profile_values values = {
		.samples = 1,
		.value = row->value,
		.bytes_wanted = row->bytes_wanted,
		.bytes_got = row->bytes_got,
	};
	int ret = 0;

	if (row->thread >= p->threads.n || row->stack >= p->stacks.n || row->event >= p->events.n)
		return bad(err, "a sample of stack", row->stack);
	if (egret_profile_add_sample(p, &key, &values, row->time, row->cpu))
		return egret_fail(err, ENOMEM, "no memory for a sample");
	if (r->ops && r->ops->sample)
		ret = r->ops->sample(r->arg, p, row);
	r->stopped = ret != 0;
	return ret;
}

static int read_samples(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	struct egret_cursor columns[EGRET_COLUMN_NR];
	uint64_t n = egret_cursor_uleb(c);
	struct egret_sample_row row;

	for (size_t i = 0; i < EGRET_COLUMN_NR; i++) {
		size_t len = below(c, EGRET_BLOCK_MAX);
		const void *bytes = egret_cursor_bytes(c, len);

		if (!bytes)
			return bad(err, "the length of column", i);
		columns[i] = egret_cursor(bytes, len);
	}
	for (uint64_t i = 0; i < n; i++) {
		int ret = egret_sample_decode(&r->samples, columns, &row);

		if (ret == -ENOMEM)
			return egret_fail(err, ENOMEM, "no memory for a sample");
		if (ret)
			return bad(err, "sample", i);
		ret = take_sample(r, &row, err);
		if (ret)
			return ret;
	}
	for (size_t i = 0; i < EGRET_COLUMN_NR; i++)
		if (columns[i].p != columns[i].end)
			return bad(err, "the length of column", i);
	return 0;
}

static int read_raw(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err)
{
	uint32_t tag = below(c, (size_t)UINT32_MAX + 1);
	size_t len = below(c, EGRET_RECORDING_MAX_RAW + 1);
	const void *bytes = egret_cursor_bytes(c, len);
	int ret = 0;

	if (!bytes)
		return bad(err, "the length of a raw record of tag", tag);
	if (r->ops && r->ops->raw)
		ret = r->ops->raw(r->arg, tag, bytes, len);
	r->stopped = ret != 0;
	return ret;
}

/* Reads one record. */
typedef int (*read_fn)(struct egret_reader *r, struct egret_cursor *c, struct egret_error *err);

static const read_fn readers[EGRET_SECTION_NR] = {
	[EGRET_SECTION_STRINGS] = read_string,
	[EGRET_SECTION_MODULES] = read_module,
	[EGRET_SECTION_FRAMES] = read_frame,
	[EGRET_SECTION_STACKS] = read_stack,
	[EGRET_SECTION_THREADS] = read_thread,
	[EGRET_SECTION_LINES] = read_lines,
	[EGRET_SECTION_EVENTS] = read_event,
	[EGRET_SECTION_META] = read_meta,
	[EGRET_SECTION_STAT_NAMES] = read_stat_name,
	[EGRET_SECTION_STATS] = read_stat,
	[EGRET_SECTION_SAMPLES] = read_samples,
	[EGRET_SECTION_RAW] = read_raw,
	[EGRET_SECTION_REASONS] = read_reason,
	[EGRET_SECTION_CGROUPS] = read_cgroup,
	[EGRET_SECTION_LABEL_SETS] = read_label_set,
	[EGRET_SECTION_THREAD_LABELS] = read_thread_labels,
};

static int read_section(struct egret_reader *r, uint64_t type, struct egret_cursor c,
			struct egret_error *err)
{
	size_t len = (size_t)(c.end - c.p);

	if (type == EGRET_SECTION_END) {
		r->ended = true;
		return len ? bad(err, "an end mark of length", len) : 0;
	}
	/* What a later minor version has added is passed over. */
	if (!type || type >= EGRET_SECTION_NR)
		return 0;
	if (type != EGRET_SECTION_RAW && len > r->budget)
		return egret_fail(err, EBADMSG, "unpacks to far more than a recording does");
	if (type != EGRET_SECTION_RAW)
		r->budget -= len;
	while (c.p < c.end) {
		int ret = readers[type](r, &c, err);

		if (ret)
			return ret;
	}
	return 0;
}

int egret_reader_payload(struct egret_reader *r, const void *bytes, size_t len,
			 struct egret_error *err)
{
	struct egret_cursor c = egret_cursor(bytes, len);

	while (c.p < c.end) {
		uint64_t type = egret_cursor_uleb(&c);
		size_t section_len = below(&c, EGRET_BLOCK_MAX + 1);
		const void *section = egret_cursor_bytes(&c, section_len);
		int ret;

		if (!section || r->ended)
			return bad(err, "a section of type", type);
		ret = read_section(r, type, egret_cursor(section, section_len), err);
		if (ret)
			return ret;
	}
	return 0;
}
