/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * One sample after the other, as perf-script(1) prints them: what FlameGraph's
 * stackcollapse-perf.pl, the Firefox Profiler, speedscope and many scripts read.
 *
 *	comm pid/tid [cpu] seconds.microseconds:     period event:
 *		         address function (file)
 *		         address inlined function (inlined)
 *
 * An empty line ends a sample. The leaf is the first.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "export/export.h"
#include "export/text.h"

#define FIELDS(X)                                                                                  \
	X(COMM, "comm")                                                                            \
	X(PID, "pid")                                                                              \
	X(TID, "tid")                                                                              \
	X(CPU, "cpu")                                                                              \
	X(TIME, "time")                                                                            \
	X(PERIOD, "period")                                                                        \
	X(EVENT, "event")                                                                          \
	X(IP, "ip")                                                                                \
	X(SYM, "sym")                                                                              \
	X(DSO, "dso")                                                                              \
	X(SRCLINE, "srcline")                                                                      \
	X(HOW, "how")

#define FIELD_NUMBER(id, name) NUMBER_##id,
enum field_number { FIELDS(FIELD_NUMBER) NR_FIELDS };
#define FIELD_BIT(id, name) FIELD_##id = 1u << NUMBER_##id,
enum field { FIELDS(FIELD_BIT) };
#define FIELD_NAME(id, name) name,
static const char *const field_names[] = { FIELDS(FIELD_NAME) };

#define DEFAULT_FIELDS ((1u << NR_FIELDS) - 1 - FIELD_SRCLINE - FIELD_HOW)
#define STACK_FIELDS (FIELD_IP | FIELD_SYM | FIELD_DSO | FIELD_SRCLINE)

struct script {
	const struct egret_profile *profile;
	const struct egret_export_opts *opts;
	struct egret_arena texts;
	uint32_t fields; /* FIELD_* */
	FILE *out;
};

/* ---- fields --------------------------------------------------------------------------------- */

static uint32_t field_of(const char *name, size_t len)
{
	for (size_t i = 0; i < NR_FIELDS; i++)
		if (strlen(field_names[i]) == len && !memcmp(field_names[i], name, len))
			return 1u << i;
	return 0;
}

static int unknown_field(const char *name, size_t len, struct egret_error *err)
{
	char names[200] = "";

	for (size_t i = 0, at = 0; i < NR_FIELDS; i++)
		at += (size_t)snprintf(names + at, sizeof(names) - at, "%s%s", i ? ", " : "",
				       field_names[i]);
	return egret_fail(err, EINVAL, "there is no field '%.*s'; there are: %s", (int)len, name,
			  names);
}

/* "comm,sym": these; "+srcline,-cpu": the default with and without. */
static int parse_fields(const char *text, uint32_t *fields, struct egret_error *err)
{
	bool is_change = text && (*text == '+' || *text == '-');

	*fields = !text || is_change ? DEFAULT_FIELDS : 0;
	while (text && *text) {
		char sign = *text == '+' || *text == '-' ? *text++ : '+';
		size_t len = strcspn(text, ",");
		uint32_t field = field_of(text, len);

		if (!field)
			return unknown_field(text, len, err);
		*fields = sign == '-' ? *fields & ~field : *fields | field;
		text += len + (text[len] == ',');
	}
	return 0;
}

/* ---- samples -------------------------------------------------------------------------------- */

static const char *clean(struct script *s, const char *text)
{
	const char *good = egret_text_clean(&s->texts, text);

	return good ? good : "?";
}

static void print_head(struct script *s, const struct egret_sample *sample)
{
	const struct egret_thread *t = sample->stack->thread;
	const struct egret_event *event = egret_profile__event(s->profile, sample->stack->event);

	if (s->fields & FIELD_COMM)
		fprintf(s->out, "%s ", clean(s, *t->comm ? t->comm : ":unknown"));
	if (s->fields & FIELD_PID)
		fprintf(s->out, "%d%s", t->pid, s->fields & FIELD_TID ? "/" : " ");
	if (s->fields & FIELD_TID)
		fprintf(s->out, "%d ", t->tid);
	if (s->fields & FIELD_CPU)
		fprintf(s->out, "[%03u] ", sample->cpu);
	if (s->fields & FIELD_TIME)
		fprintf(s->out, "%5" PRIu64 ".%06" PRIu64 ": ", sample->time / 1000000000,
			sample->time / 1000 % 1000000);
	if (s->fields & FIELD_PERIOD)
		fprintf(s->out, "%10" PRIu64 " ", sample->value);
	if (s->fields & FIELD_EVENT)
		fprintf(s->out, "%s: ", clean(s, event->name));
	putc('\n', s->out);
}

static const char *dso_of(struct script *s, const struct egret_frame *frame)
{
	if (frame->flags & EGRET_FRAME_F_INLINED)
		return "inlined";
	return *frame->module ? clean(s, frame->module) : "[unknown]";
}

/* How its caller was found, where that was not by CFI. */
static const char *how_of(const struct egret_frame *frame)
{
	if (frame->flags & EGRET_FRAME_F_RECOVERED)
		return " [recovered]";
	return frame->flags & EGRET_FRAME_F_FRAME_POINTER ? " [frame-pointer]" : "";
}

static void print_frame(struct script *s, const struct egret_frame *frame)
{
	putc('\t', s->out);
	if (s->fields & FIELD_IP)
		fprintf(s->out, "%16" PRIx64, frame->kind == EGRET_FRAME_CUT ? 0 : frame->offset);
	if (s->fields & FIELD_SYM)
		fprintf(s->out, " %s", clean(s, frame->name));
	if (s->fields & FIELD_DSO)
		fprintf(s->out, " (%s)", dso_of(s, frame));
	if (s->fields & FIELD_HOW)
		fputs(how_of(frame), s->out);
	putc('\n', s->out);
	if (s->fields & FIELD_SRCLINE && frame->file)
		fprintf(s->out, "  %s:%u\n", clean(s, frame->file), frame->line);
}

static int print_sample(const struct egret_sample *sample, void *arg)
{
	struct script *s = arg;

	if (sample->stack->event != s->opts->event)
		return 0;
	print_head(s, sample);
	for (size_t i = 0; s->fields & STACK_FIELDS && i < sample->stack->n_frames; i++) {
		const struct egret_frame *frame = sample->stack->frames[i];

		if (!s->opts->no_kernel || frame->kind != EGRET_FRAME_KERNEL)
			print_frame(s, frame);
	}
	if (s->fields & STACK_FIELDS)
		putc('\n', s->out);
	return ferror(s->out) ? -EIO : 0;
}

static int write_script(const struct egret_profile *profile, const struct egret_export_opts *opts,
			FILE *out, struct egret_error *err)
{
	struct script s = { .profile = profile, .opts = opts, .out = out };
	int ret = parse_fields(opts->fields, &s.fields, err);

	if (ret)
		return ret;
	ret = egret_profile__each_sample(profile, print_sample, &s);
	egret_arena_deinit(&s.texts);
	if (ret == -ENOMEM)
		return egret_fail(err, ENOMEM, "not enough memory for the samples");
	return ret;
}

const struct egret_exporter egret_exporter_perf_script = {
	.name = "perf-script",
	.text = "one sample after the other, as perf script prints them",
	.needs_samples = true,
	.write = write_script,
};
