/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * speedscope's own format (its file-format-schema.json): a sampled profile for each thread.
 *
 * Such a profile has no times, only weights in a row. So that its time axis is that of the
 * recording, the time between samples is a sample without frames, which speedscope draws as a gap.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "export/by_thread.h"
#include "export/code_tables.h"
#include "export/export.h"
#include "export/json.h"

#define SCHEMA "https://www.speedscope.app/file-format-schema.json"
#define NO_STACK "[no stack]" /* a sample of which nothing is known is no gap */

/* Of a frame of the profile: its lines as numbers of functions, outermost first. */
struct span {
	uint32_t first;
	uint32_t n;
};

struct speedscope {
	struct egret_code_tables code;
	struct egret_by_thread by_thread;
	struct span *spans;	     /* by frame */
	bool *recovered;	     /* by function: one of its frames was found without CFI */
	struct egret_buffer numbers; /* uint32_t: what spans are of */
	struct egret_json json;
	bool is_time; /* weights are nanoseconds */
	uint64_t start, end;
	uint32_t no_stack; /* number of the function */
};

/* ---- frames --------------------------------------------------------------------------------- */

static int add_span(struct speedscope *s, uint32_t frame)
{
	size_t n;
	const struct egret_frame *lines = egret_profile_frames_at(s->code.profile, frame, &n);

	if (!lines)
		return -ENOMEM;
	s->spans[frame] = (struct span){ (uint32_t)(s->numbers.len / sizeof(uint32_t)),
					 (uint32_t)n };
	while (n--) {
		uint32_t function = egret_code_function(&s->code, &lines[n]);

		if (function == EGRET_INDEX_NONE)
			return -ENOMEM;
		egret_buffer_add(&s->numbers, &function, sizeof(function));
	}
	return s->numbers.failed ? -ENOMEM : 0;
}

/* Marks the functions of frames that were found without CFI. */
static int mark_recovered(struct speedscope *s)
{
	const struct egret_profile *profile = s->code.profile;
	const uint32_t *numbers = (const uint32_t *)s->numbers.data;

	s->recovered = calloc(s->code.functions.n + 1, sizeof(*s->recovered));
	for (uint32_t f = 0; s->recovered && f < egret_profile_n_frames(profile); f++) {
		const struct span *span = &s->spans[f];

		if (!(egret_profile_get_frame(profile, f)->flags & EGRET_FRAME_F_RECOVERED))
			continue;
		for (uint32_t i = 0; i < span->n; i++)
			s->recovered[numbers[span->first + i]] = true;
	}
	return s->recovered ? 0 : -ENOMEM;
}

static int add_spans(struct speedscope *s)
{
	const struct egret_frame no_stack = { .name = NO_STACK };
	size_t n = egret_profile_n_frames(s->code.profile);

	s->spans = calloc(n + 1, sizeof(*s->spans));
	s->no_stack = egret_code_function(&s->code, &no_stack);
	if (!s->spans || s->no_stack == EGRET_INDEX_NONE)
		return -ENOMEM;
	for (uint32_t f = 0; f < n; f++)
		if (s->code.used[f] && add_span(s, f))
			return -ENOMEM;
	return mark_recovered(s);
}

static void write_frames(struct speedscope *s)
{
	const char *const *strings = (const char *const *)s->code.strings.items;

	egret_json_open_object(&s->json, "shared");
	egret_json_open_array(&s->json, "frames");
	for (uint32_t i = 0; i < s->code.functions.n; i++) {
		const struct egret_code_function *f = egret_interned_item(&s->code.functions, i);

		egret_json_open_object(&s->json, NULL);
		egret_json_text(&s->json, "name", strings[f->name]);
		if (f->file)
			egret_json_text(&s->json, "file", strings[f->file]);
		if (s->recovered[i])
			egret_json_bool(&s->json, "recovered", true);
		egret_json_close_object(&s->json);
	}
	egret_json_close_array(&s->json);
	egret_json_close_object(&s->json);
}

/* ---- threads -------------------------------------------------------------------------------- */

/* Root first; stacks are kept leaf first, so that it is from the back of `path`. */
static int write_stack(struct speedscope *s, uint32_t stack, struct egret_buffer *path)
{
	const uint32_t *numbers = (const uint32_t *)s->numbers.data;

	egret_buffer_clear(path);
	for (uint32_t at = stack; at;) {
		struct egret_profile_node node = egret_profile_get_stack(s->code.profile, at);

		if (egret_code_has_frame(&s->code, node.frame))
			egret_buffer_add(path, &s->spans[node.frame], sizeof(struct span));
		at = node.parent;
	}
	if (path->failed)
		return -ENOMEM;
	egret_json_open_array(&s->json, NULL);
	for (size_t i = path->len / sizeof(struct span); i--;) {
		const struct span *span = (const struct span *)path->data + i;

		for (uint32_t n = 0; n < span->n; n++)
			egret_json_number(&s->json, NULL, numbers[span->first + n]);
	}
	if (!path->len)
		egret_json_number(&s->json, NULL, s->no_stack);
	egret_json_close_array(&s->json);
	return 0;
}

/* The gap before a sample whose time is `time` and which stands for `value` before it. */
static uint64_t gap_before(const struct speedscope *s, uint64_t time, uint64_t value, uint64_t at)
{
	return s->is_time && time > value && time - value > at ? time - value - at : 0;
}

typedef int (*sample_fn)(struct speedscope *s, const struct egret_profile_sample *sample,
			 uint64_t gap, struct egret_buffer *path);

static int write_sample(struct speedscope *s, const struct egret_profile_sample *sample,
			uint64_t gap, struct egret_buffer *path)
{
	uint32_t stack = egret_profile_get_entry(s->code.profile, sample->entry)->key.stack;

	if (gap) {
		egret_json_open_array(&s->json, NULL);
		egret_json_close_array(&s->json);
	}
	return write_stack(s, stack, path);
}

static int write_weight(struct speedscope *s, const struct egret_profile_sample *sample,
			uint64_t gap, struct egret_buffer *path)
{
	if (gap)
		egret_json_number(&s->json, NULL, gap);
	egret_json_number(&s->json, NULL, sample->value);
	return 0;
}

/* Calls fn for each sample of a thread; *end: where its last one ends. */
static int each_sample(struct speedscope *s, uint32_t thread, sample_fn fn, uint64_t *end)
{
	struct egret_buffer path = { 0 };
	uint64_t at = s->start;
	int ret = 0;

	for (size_t i = 0; !ret && i < egret_by_thread_count(&s->by_thread, thread); i++) {
		const struct egret_profile_sample *sample = egret_by_thread_sample(&s->by_thread,
										   thread, i);
		uint64_t gap = gap_before(s, sample->time, sample->value, at);

		ret = fn(s, sample, gap, &path);
		at += gap + sample->value;
	}
	egret_buffer_deinit(&path);
	*end = at;
	return ret;
}

static int write_name(struct speedscope *s, uint32_t thread)
{
	const struct egret_profile_thread *t = egret_profile_get_thread(s->code.profile, thread);
	const char *comm = egret_text_clean(&s->code.texts,
					    egret_profile_get_string(s->code.profile, t->comm));
	struct egret_buffer name = { 0 };
	int ret;

	egret_buffer_printf(&name, "%s %d/%d", comm ? comm : "", t->pid, t->tid);
	egret_buffer_add(&name, "", 1);
	ret = !comm || name.failed ? -ENOMEM : 0;
	if (!ret)
		egret_json_text(&s->json, "name", (const char *)name.data);
	egret_buffer_deinit(&name);
	return ret;
}

static int write_thread(struct speedscope *s, uint32_t thread)
{
	uint64_t end;
	int ret;

	egret_json_open_object(&s->json, NULL);
	egret_json_text(&s->json, "type", "sampled");
	ret = write_name(s, thread);
	if (ret)
		return ret;
	egret_json_text(&s->json, "unit", s->is_time ? "nanoseconds" : "none");
	egret_json_open_array(&s->json, "samples");
	ret = each_sample(s, thread, write_sample, &end);
	egret_json_close_array(&s->json);
	egret_json_open_array(&s->json, "weights");
	each_sample(s, thread, write_weight, &end);
	egret_json_close_array(&s->json);
	egret_json_number(&s->json, "startValue", 0);
	egret_json_number(&s->json, "endValue", (end > s->end ? end : s->end) - s->start);
	egret_json_close_object(&s->json);
	return ret;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* The thread to be shown first is the one with the most samples. */
static void write_active(struct speedscope *s)
{
	uint64_t index = 0, active = 0;
	size_t most = 0;

	for (uint32_t t = 0; t < egret_profile_n_threads(s->code.profile); t++) {
		size_t n = egret_by_thread_count(&s->by_thread, t);

		if (n > most) {
			most = n;
			active = index;
		}
		index += n > 0;
	}
	egret_json_number(&s->json, "activeProfileIndex", active);
}

static int write_threads(struct speedscope *s)
{
	int ret = 0;

	egret_json_open_array(&s->json, "profiles");
	for (uint32_t t = 0; !ret && t < egret_profile_n_threads(s->code.profile); t++)
		if (egret_by_thread_count(&s->by_thread, t))
			ret = write_thread(s, t);
	egret_json_close_array(&s->json);
	return ret;
}

/* The period before the first sample belongs to the recording. */
static void find_times(struct speedscope *s)
{
	const struct egret_event *event = egret_profile__event(s->code.profile,
							       s->code.opts->event);
	const struct egret_profile_sample *first = egret_profile_get_sample(s->code.profile, 0);

	s->is_time = event && !strcmp(event->unit, "nanoseconds");
	if (!s->is_time || !egret_profile__times(s->code.profile, &s->start, &s->end))
		s->start = s->end = 0;
	else if (first->value < s->start)
		s->start -= first->value;
}

static int write_all(struct speedscope *s, const char *title)
{
	int ret = add_spans(s);

	if (ret)
		return ret;
	egret_json_open_object(&s->json, NULL);
	egret_json_text(&s->json, "$schema", SCHEMA);
	egret_json_text(&s->json, "exporter", "egret");
	egret_json_text(&s->json, "name", title);
	write_active(s);
	write_frames(s);
	ret = write_threads(s);
	egret_json_close_object(&s->json);
	return ret;
}

static int write_speedscope(const struct egret_profile *profile,
			    const struct egret_export_opts *opts, FILE *out,
			    struct egret_error *err)
{
	struct speedscope s = { .json = { .out = out } };
	const char *title = opts->title ? opts->title : egret_profile__meta(profile, "command");
	int ret = egret_code_tables_init(&s.code, profile, opts);

	if (!ret)
		ret = egret_by_thread_init(&s.by_thread, profile, opts->event);
	if (!ret) {
		find_times(&s);
		title = egret_text_clean(&s.code.texts, title);
		ret = write_all(&s, title ? title : "");
	}
	egret_code_tables_deinit(&s.code);
	egret_by_thread_deinit(&s.by_thread);
	egret_buffer_deinit(&s.numbers);
	free(s.spans);
	free(s.recovered);
	return ret ? egret_fail(err, ENOMEM, "not enough memory for the speedscope file") : 0;
}

const struct egret_exporter egret_exporter_speedscope = {
	.name = "speedscope",
	.text = "JSON for speedscope: a time axis for each thread",
	.needs_samples = true,
	.write = write_speedscope,
};
