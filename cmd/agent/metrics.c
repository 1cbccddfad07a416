/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* metrics.c - numbers as Prometheus reads them. */
#include "agent/metrics.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int metrics_begin(struct metrics *metrics)
{
	*metrics = (struct metrics){ 0 };
	metrics->out = open_memstream(&metrics->text, &metrics->size);
	return metrics->out ? 0 : -errno;
}

int metrics_add(const struct agent_stat *stat, void *arg)
{
	struct metrics *m = arg;

	if (strcmp(m->family, stat->name)) {
		snprintf(m->family, sizeof(m->family), "%s", stat->name);
		if (stat->help)
			fprintf(m->out, "# HELP %s %s\n", stat->name, stat->help);
		fprintf(m->out, "# TYPE %s %s\n", stat->name, stat->gauge ? "gauge" : "counter");
	}
	fprintf(m->out, stat->labels ? "%s{%s} %.17g\n" : "%s%s %.17g\n", stat->name,
		stat->labels ? stat->labels : "", stat->value);
	return 0;
}

int metrics_end(struct metrics *metrics, int ret)
{
	bool failed = ferror(metrics->out);

	failed |= fclose(metrics->out) != 0;
	if (!ret && failed)
		ret = -ENOMEM;
	if (!ret)
		return 0;
	free(metrics->text);
	metrics->text = NULL;
	return ret;
}

/* ---- the accounting ------------------------------------------------------------------------- */

/* Families of the accounting, by how their names begin. */
static const struct {
	const char *prefix, *family, *label, *help;
} families[] = {
	{ "witness.", "egret_interrupts_witnessed_total", "what",
	  "Interrupts by the perf events' own counts: all that were expected, and those of them "
	  "that were not seen" },
	{ "filtered.", "egret_interrupts_filtered_total", "reason",
	  "Interrupts of what is not sampled" },
	{ "samples.dropped.", "egret_samples_dropped_total", "reason",
	  "Samples lost in the kernel" },
	{ "capture.", "egret_capture_endings_total", "ending",
	  "How the user stacks of samples were read" },
	{ "unwind.", "egret_unwind_endings_total", "ending", "How stacks were unwound" },
	{ "captures.dropped.", "egret_captures_dropped_total", "reason",
	  "Captures lost in the kernel" },
	{ "cache.rejected-", "egret_cache_rejected_total", "reason",
	  "Files of the cache that were not taken" },
};

/* Numbers that may fall. */
static bool is_gauge(const char *name)
{
	static const char *const gauges[] = { "pending", "-mean-us", "memory", "threads.used" };

	for (size_t i = 0; i < sizeof(gauges) / sizeof(*gauges); i++)
		if (strstr(name, gauges[i]))
			return true;
	return false;
}

struct visit {
	agent_stat_fn fn;
	void *arg;
};

static int tell_plain(const struct visit *visit, const struct egret_stat *stat)
{
	struct agent_stat out = { .help = stat->text,
				  .value = (double)stat->value,
				  .gauge = is_gauge(stat->name) };
	char name[128], *microseconds;

	snprintf(name, sizeof(name), "egret_%s%s", stat->name, out.gauge ? "" : "_total");
	microseconds = strstr(name, "-us");
	if (microseconds) { /* Prometheus knows seconds only */
		strcpy(microseconds, "-seconds");
		out.value /= 1e6;
		out.help = "The mean time from a sample to its capture";
	}
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	out.name = name;
	return visit->fn(&out, visit->arg);
}

static int tell(const struct egret_stat *stat, void *arg)
{
	const struct visit *visit = arg;
	char labels[128];

	/* capture.pending is the same as the one; the others are in egret_cpu_seconds_total */
	if (!strcmp(stat->name, "unwind.pending") || !strncmp(stat->name, "cost.", 5) ||
	    !strcmp(stat->name, "parser.cpu-us"))
		return 0;
	for (size_t i = 0; i < sizeof(families) / sizeof(*families) && !is_gauge(stat->name); i++) {
		size_t len = strlen(families[i].prefix);
		struct agent_stat out = { .name = families[i].family,
					  .help = families[i].help,
					  .labels = labels,
					  .value = (double)stat->value };

		if (strncmp(stat->name, families[i].prefix, len))
			continue;
		snprintf(labels, sizeof(labels), "%s=\"%s\"", families[i].label, stat->name + len);
		return visit->fn(&out, visit->arg);
	}
	return tell_plain(visit, stat);
}

int metrics_each_session(const struct egret_session *session, agent_stat_fn fn, void *arg)
{
	struct visit visit = { fn, arg };

	return egret_session__each_stat(session, tell, &visit);
}
