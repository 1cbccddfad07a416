/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* session_events.c - which events a session samples, by its options. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "session/session_impl.h"

#define DEFAULT_FREQUENCY 999

static uint64_t max_sample_rate(void)
{
	__fclose_ FILE *file = fopen("/proc/sys/kernel/perf_event_max_sample_rate", "re");
	unsigned long long rate;

	return file && fscanf(file, "%llu", &rate) == 1 ? rate : UINT64_MAX;
}

static int set_rate(struct egret_session *s, struct egret_event_spec *spec,
		    const struct egret_session_opts *opts, struct egret_error *err)
{
	uint64_t most = max_sample_rate();

	if (opts->period) {
		spec->period = opts->period;
		return 0;
	}
	if (spec->source == EGRET_EVENT_TRACEPOINT) {
		spec->period = 1; /* as perf does: every hit */
		if (opts->frequency)
			egret_session_tell(
				s,
				"'%s' is a tracepoint: every hit is sampled, -F does not "
				"apply; -c N samples every Nth",
				spec->name);
		return 0;
	}
	spec->frequency = opts->frequency ? opts->frequency : DEFAULT_FREQUENCY;
	if (spec->frequency > most)
		return egret_fail(err, EINVAL,
				  "%llu Hz is more than this kernel allows (%llu); raise "
				  "kernel.perf_event_max_sample_rate",
				  (unsigned long long)spec->frequency, (unsigned long long)most);
	return 0;
}

static int add_spec(struct egret_session *s, const char *name,
		    const struct egret_session_opts *opts, struct egret_error *err)
{
	struct egret_event_spec *spec = &s->specs[s->n_specs];
	int ret = egret_event_parse(name, spec, err);

	if (ret)
		return ret;
	if (opts->exclude_user)
		spec->attr.exclude_user = 1;
	if (opts->exclude_kernel)
		spec->attr.exclude_kernel = 1;
	if (spec->attr.exclude_user && spec->attr.exclude_kernel)
		return egret_fail(err, EINVAL, "event '%s': neither user nor kernel mode is left",
				  name);
	s->n_specs++;
	return set_rate(s, spec, opts, err);
}

int egret_session_parse_events(struct egret_session *s, const struct egret_session_opts *opts,
			       struct egret_error *err)
{
	size_t n = opts->n_events ? opts->n_events : 1;

	if (n > EGRET_MAX_EVENTS)
		return egret_fail(err, EINVAL, "%zu events are too many: %d at most", n,
				  EGRET_MAX_EVENTS);
	s->specs = calloc(n, sizeof(*s->specs));
	if (!s->specs)
		return egret_fail(err, ENOMEM, "out of memory");
	if (!opts->n_events) {
		bool cycles = egret_event_has_cycles();

		if (!cycles)
			egret_session_tell(s, "this machine has no PMU that perf can use: sampling "
					      "cpu-clock instead of cycles");
		return add_spec(s, cycles ? "cycles" : "cpu-clock", opts, err);
	}
	for (size_t i = 0; i < opts->n_events; i++) {
		int ret = add_spec(s, opts->events[i], opts, err);

		if (ret)
			return ret;
	}
	return 0;
}
