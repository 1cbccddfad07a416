/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/accounting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct visit {
	egret_stat_fn fn;
	void *arg;
	int ret;
};

static void tell(struct visit *visit, const char *name, const char *text, uint64_t value)
{
	struct egret_stat stat = { .name = name, .text = text, .value = value };

	if (!visit->ret)
		visit->ret = visit->fn(&stat, visit->arg);
}

static const struct {
	const char *name, *text;
} counter_names[] = {
#define COUNTER_NAME(id, counter, text) { counter, text },
	EGRET_COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
};

static void tell_counters(struct visit *visit, const uint64_t *counters)
{
	for (size_t i = 0; i < EGRET_COUNT_NR; i++)
		if (i != EGRET_COUNT_LATENCY_NS)
			tell(visit, counter_names[i].name, counter_names[i].text, counters[i]);
	if (counters[EGRET_COUNT_CAPTURES_DONE])
		tell(visit, "captures.latency-mean-us",
		     "from the sample to its capture, mean, microseconds",
		     counters[EGRET_COUNT_LATENCY_NS] / counters[EGRET_COUNT_CAPTURES_DONE] / 1000);
}

static void tell_endings(struct visit *visit, const struct egret_pipeline_stats *stats)
{
	char name[64];

	for (unsigned int i = 0; i < EGRET_CAPTURE_NR; i++) {
		snprintf(name, sizeof(name), "capture.%s", egret_capture_end_name(i));
		if (stats->capture_end[i] || i == EGRET_CAPTURE_WHOLE)
			tell(visit, name, egret_capture_end_text(i), stats->capture_end[i]);
	}
	tell(visit, "capture.pending", "samples that still wait for their capture", stats->pending);
	tell(visit, "capture.no-memory", "samples dropped for want of memory", stats->no_memory);
	for (unsigned int i = 0; i < EGRET_UNWIND_NR; i++) {
		snprintf(name, sizeof(name), "unwind.%s", egret_unwind_end_name(i));
		if (stats->unwind_end[i] || i == EGRET_UNWIND_ROOT)
			tell(visit, name, egret_unwind_end_text(i), stats->unwind_end[i]);
	}
	tell(visit, "unwind.pending", "samples that still wait for their capture", stats->pending);
	tell(visit, "unwind.no-memory", "samples dropped for want of memory", stats->no_memory);
}

static void tell_pipeline(struct visit *visit, const struct egret_pipeline_stats *stats)
{
	tell(visit, "captures.unused", "made at exit or exec, and needed by no sample",
	     stats->captures_unused);
	tell(visit, "captures.asleep", "read of threads asleep in the kernel at the end",
	     stats->captures_asleep);
	tell(visit, "captures.filled", "whose pages were fetched from outside (--fault=any)",
	     stats->late_pages);
	tell(visit, "captures.alt-stacks", "of threads on their alternate signal stack",
	     stats->alt_stacks);
	tell(visit, "captures.user-hits", "samples of user mode with a capture", stats->user_hits);
	tell(visit, "captures.user-hits-equal",
	     "of them, whose instruction pointer was the same at the capture",
	     stats->user_hits_equal);
	tell(visit, "frames", "frames unwound", stats->frames);
	tell(visit, "maps.records", "mappings, names, forks and exits told by the kernel",
	     stats->map_records);
	tell(visit, "maps.lost", "of those, lost: processes were read again from /proc",
	     stats->map_records_lost);
	tell(visit, "session.trims", "times that all that was known of files was forgotten",
	     stats->renewals);
	tell(visit, "session.closed", "of these, files that no process had mapped any more",
	     stats->modules_closed);
	tell(visit, "labels.processes", "processes whose labels were read; again after execve",
	     stats->labels.read);
	tell(visit, "labels.gone", "of those, that had gone before their environment was read",
	     stats->labels.gone);
	tell(visit, "labels.refused",
	     "labels that were too long or many, no UTF-8, or not to be decoded",
	     stats->labels.refused);
}

static void tell_cache(struct visit *visit, const struct egret_cache *cache)
{
	struct egret_cache_stats stats = egret_cache_stats(cache);
	char name[64];

	tell(visit, "cache.hits", "unwind tables and names of files that were on disk", stats.hits);
	tell(visit, "cache.misses", "those that were not", stats.misses);
	for (unsigned int i = 0; i < EGRET_CACHE_NR_REJECTIONS; i++) {
		snprintf(name, sizeof(name), "cache.rejected-%s", egret_cache_rejection_name(i));
		if (stats.rejected[i])
			tell(visit, name, egret_cache_rejection_text(i), stats.rejected[i]);
	}
	tell(visit, "cache.written", "those that were put on disk", stats.written);
	tell(visit, "cache.not-written", "that could not be: no space, or not permitted",
	     stats.not_written);
	tell(visit, "cache.evicted", "files that were removed to keep to the limit", stats.evicted);
}

static void tell_capture(struct visit *visit, struct egret_capture *capture)
{
	uint64_t counters[EGRET_COUNT_NR];
	struct egret_witness witness;

	egret_capture_witness(capture, &witness);
	egret_capture_counters(capture, counters);
	tell(visit, "witness.expected", "interrupts by the perf events' own counts",
	     witness.expected);
	tell(visit, "witness.late", "of those, merged into the next because the timer came late",
	     witness.late);
	tell(visit, "witness.idle", "of those, of timers that did not wake an idle CPU",
	     witness.idle);
	tell(visit, "witness.never-ran", "of those, whose program the kernel skipped",
	     witness.expected - witness.seen - witness.late - witness.idle);
	tell_counters(visit, counters);
}

int egret_accounting_each(struct egret_capture *capture, const struct egret_pipeline *pipeline,
			  egret_stat_fn fn, void *arg)
{
	const struct egret_pipeline_stats *stats = egret_pipeline_stats(pipeline);
	struct visit visit = { fn, arg, 0 };

	if (capture)
		tell_capture(&visit, capture);
	tell_endings(&visit, stats);
	tell_pipeline(&visit, stats);
	if (egret_pipeline_cache(pipeline))
		tell_cache(&visit, egret_pipeline_cache(pipeline));
	if (egret_pipeline_parser(pipeline) && !visit.ret)
		visit.ret = egret_parser__each_stat(egret_pipeline_parser(pipeline), fn, arg);
	return visit.ret;
}

static int store(const struct egret_stat *stat, void *arg)
{
	return egret_profile_set_stat(arg, stat->name, stat->text, stat->value);
}

void egret_accounting_store(struct egret_capture *capture, const struct egret_pipeline *pipeline,
			    struct egret_profile *profile)
{
	egret_accounting_each(capture, pipeline, store, profile);
}

/* ---- parts ----------------------------------------------------------------------------------- */

struct part {
	struct egret_accounting_told *told;
	struct egret_profile *profile;
	uint64_t pending; /* samples that wait now */
	uint64_t witness; /* interrupts of this part, whatever came of them */
};

void egret_accounting_told_deinit(struct egret_accounting_told *told)
{
	for (size_t i = 0; i < told->n; i++)
		free((char *)told->items[i].name);
	free(told->items);
	*told = (struct egret_accounting_told){ 0 };
}

/* What was told under a name, to be brought up to date. NULL without memory. */
static uint64_t *told_of(struct egret_accounting_told *told, const char *name)
{
	struct egret_stat *items;

	for (size_t i = 0; i < told->n; i++)
		if (!strcmp(told->items[i].name, name))
			return &told->items[i].value;
	items = reallocarray(told->items, told->n + 1, sizeof(*items));
	if (!items)
		return NULL;
	told->items = items;
	items[told->n] = (struct egret_stat){ .name = strdup(name) };
	return items[told->n].name ? &items[told->n++].value : NULL;
}

static bool ends_in(const char *name, const char *tail)
{
	size_t len = strlen(name), n = strlen(tail);

	return len >= n && !strcmp(name + len - n, tail);
}

/* Of these, what is told of the whole may become less: by how much more than ever before. */
static bool is_estimate(const char *name)
{
	return !strcmp(name, "witness.late") || !strcmp(name, "witness.idle") ||
	       !strcmp(name, "witness.never-ran");
}

static int store_part(const struct egret_stat *stat, void *arg)
{
	struct part *part = arg;
	uint64_t value = stat->value, now = value, *before;

	if (ends_in(stat->name, "-mean-us") || !strcmp(stat->name, "witness.expected"))
		return 0;
	if (ends_in(stat->name, ".pending"))
		return egret_profile_set_stat(part->profile, stat->name, stat->text, 0);
	if (!strcmp(stat->name, "interrupts") || !strcmp(stat->name, "samples.written"))
		now = value -= part->pending;
	before = told_of(part->told, stat->name);
	if (!before)
		return -ENOMEM;
	if (is_estimate(stat->name) && value < *before)
		now = *before;
	value = now - *before;
	*before = now;
	if (is_estimate(stat->name) || !strcmp(stat->name, "interrupts"))
		part->witness += value;
	return egret_profile_set_stat(part->profile, stat->name, stat->text, value);
}

int egret_accounting_store_part(struct egret_capture *capture,
				const struct egret_pipeline *pipeline,
				struct egret_profile *profile, struct egret_accounting_told *told)
{
	struct part part = { .told = told,
			     .profile = profile,
			     .pending = egret_pipeline_stats(pipeline)->pending };
	int ret = egret_accounting_each(capture, pipeline, store_part, &part);

	return ret ? ret
		   : egret_profile_set_stat(profile, "witness.expected",
					    "interrupts by the perf events' own counts",
					    part.witness);
}
