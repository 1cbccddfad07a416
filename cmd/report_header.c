/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* report_header.c - what a recording is and how far it is to be trusted. */
#include "report_header.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "accounting.h"
#include "text.h"

#define N_ENDINGS 256 /* endings are numbers of 8 bits */

/* Samples by how their stacks ended. */
struct endings {
	uint64_t samples;
	uint64_t complete;
	uint64_t no_user_part;
	uint64_t imported;		/* found by another profiler, whole or not */
	uint64_t by_capture[N_ENDINGS]; /* cut because of the capture */
	uint64_t by_unwind[N_ENDINGS];	/* the capture was whole, the unwinder stopped */
};

static bool is_named(const char *name, const char *wanted)
{
	return name && !strcmp(name, wanted);
}

static int count_ending(const struct egret_stack *stack, void *arg)
{
	struct endings *endings = arg;
	const char *unwind = egret_unwind_end_name(stack->unwind_end);

	endings->samples += stack->samples;
	if (is_named(unwind, "root"))
		endings->complete += stack->samples;
	else if (is_named(unwind, "not-user"))
		endings->no_user_part += stack->samples;
	else if (is_named(unwind, "imported"))
		endings->imported += stack->samples;
	else if (is_named(egret_capture_end_name(stack->capture_end), "whole"))
		endings->by_unwind[stack->unwind_end] += stack->samples;
	else
		endings->by_capture[stack->capture_end] += stack->samples;
	return 0;
}

static void print_cut(uint64_t samples, const char *name, const char *text, const char *fix,
		      FILE *out)
{
	if (!samples)
		return;
	fprintf(out, "# cut:      %s %s: %s", text_count(samples).text, name ? name : "?",
		text ? text : "an ending that this version does not know");
	if (fix && *fix)
		fprintf(out, "; %s", fix);
	fputc('\n', out);
}

static void print_endings(const struct endings *endings, FILE *out)
{
	uint64_t user_stacks = endings->samples - endings->no_user_part - endings->imported;

	fprintf(out, "# samples:  %s\n", text_count(endings->samples).text);
	if (user_stacks)
		fprintf(out, "# complete: %s of %s user stacks (%s)\n",
			text_count(endings->complete).text, text_count(user_stacks).text,
			text_share(endings->complete, user_stacks).text);
	if (endings->imported)
		fprintf(out, "# imported: %s stacks as another profiler found them\n",
			text_count(endings->imported).text);
	for (unsigned int i = 0; i < N_ENDINGS; i++)
		print_cut(endings->by_capture[i], egret_capture_end_name(i),
			  egret_capture_end_text(i), egret_capture_end_fix(i), out);
	for (unsigned int i = 0; i < N_ENDINGS; i++)
		print_cut(endings->by_unwind[i], egret_unwind_end_name(i), egret_unwind_end_text(i),
			  egret_unwind_end_fix(i), out);
}

/* "# label:   a, b" of the values that the recording has; nothing where it has none. */
static void print_meta(const struct egret_profile *profile, const char *label,
		       const char *const *keys, FILE *out)
{
	bool any = false;

	for (; *keys; keys++) {
		const char *value = egret_profile__meta(profile, *keys);

		if (!value || !*value)
			continue;
		if (any)
			fputs(", ", out);
		else
			fprintf(out, "# %-9s ", label);
		text_print(out, value, INT_MAX);
		any = true;
	}
	if (any)
		fputc('\n', out);
}

static void print_time(const struct egret_profile *profile, FILE *out)
{
	const char *start = egret_profile__meta(profile, "start-time");
	const char *duration = egret_profile__meta(profile, "duration");
	time_t seconds = start ? (time_t)strtoll(start, NULL, 10) : 0;
	char when[64] = "";
	struct tm tm;

	if (seconds && localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	if (!*when && !duration)
		return;
	fprintf(out, "# recorded: %s", when);
	if (duration)
		fprintf(out, "%s%s", *when ? ", for " : "for ",
			text_seconds(strtod(duration, NULL)).text);
	fputc('\n', out);
}

static void print_losses(const struct egret_profile *profile, FILE *out)
{
	struct accounting accounting = { 0 };
	uint64_t lost;

	if (!egret_profile__each_stat(profile, accounting_add, &accounting) && accounting.n) {
		lost = accounting_summary(&accounting).lost;
		fprintf(out, "# lost:     %s%s\n", text_count(lost).text,
			accounting_differences(&accounting)
				? "; the accounting does not add up, see --stats"
				: "");
	}
	accounting_deinit(&accounting);
}

void report_header(const struct egret_profile *profile, FILE *out)
{
	static const char *const command[] = { "command", NULL };
	static const char *const host[] = { "hostname", "kernel", NULL };
	static const char *const how[] = { "backend", "unwinder", NULL };
	struct endings endings = { 0 };

	print_meta(profile, "command:", command, out);
	print_meta(profile, "host:", host, out);
	print_time(profile, out);
	print_meta(profile, "stacks:", how, out);
	egret_profile__each_stack(profile, count_ending, &endings);
	print_endings(&endings, out);
	print_losses(profile, out);
	if (egret_profile__truncated(profile))
		fprintf(out, "# the recording ends in mid-air: this is what there is of it\n");
}

void report_header_event(const struct egret_event *event, const struct aggregate *aggregate,
			 FILE *out)
{
	fprintf(out, "\n# event ");
	text_print(out, event->name, INT_MAX);
	if (event->frequency)
		fprintf(out, " at %" PRIu64 " Hz", event->frequency);
	else if (event->period)
		fprintf(out, " each %s", text_count(event->period).text);
	fprintf(out, ": %s samples, %s ", text_count(aggregate->samples).text,
		text_count(aggregate->value).text);
	text_print(out, event->unit ? event->unit : "", INT_MAX);
	fprintf(out, "\n");
}
