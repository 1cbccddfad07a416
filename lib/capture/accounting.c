/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* accounting.c - the programs' own counters, and the witness that is independent of them. */
#include <bpf/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/capture_impl.h"

void egret_capture_counters(const struct egret_capture *c, uint64_t counters[EGRET_COUNT_NR])
{
	size_t n = (size_t)libbpf_num_possible_cpus();
	__free_ uint64_t *values = calloc(n, sizeof(*values));
	int fd = egret_capture_map_fd(c, "counters");

	memset(counters, 0, EGRET_COUNT_NR * sizeof(*counters));
	for (uint32_t i = 0; values && i < EGRET_COUNT_NR; i++) {
		if (bpf_map_lookup_elem(fd, &i, values))
			continue;
		for (size_t cpu = 0; cpu < n; cpu++)
			counters[i] += values[cpu];
	}
}

/*
 * An event's count is kept by perf core and the PMU or timer, whether or not the program ran. What it
 * counted beyond the periods that the program saw are periods whose interrupt the program missed.
 */
static void witness_event(const struct event_fd *event, const struct egret_event_seen *seen,
			  struct egret_witness *witness)
{
	uint64_t count, mean;

	witness->seen += seen->interrupts;
	witness->expected += seen->interrupts;
	if (!seen->interrupts || read(event->fd, &count, sizeof(count)) != sizeof(count))
		return;
	mean = seen->periods / seen->interrupts;
	if (mean && count > seen->periods)
		witness->expected += (count - seen->periods) / mean;
}

void egret_capture_witness(const struct egret_capture *c, struct egret_witness *witness)
{
	size_t n = (size_t)libbpf_num_possible_cpus();
	__free_ struct egret_event_seen *seen = calloc(n, sizeof(*seen));
	int fd = egret_capture_map_fd(c, "events_seen");

	*witness = (struct egret_witness){ 0 };
	for (size_t i = 0; seen && i < c->n_events; i++) {
		const struct event_fd *event = &c->events[i];

		if (!bpf_map_lookup_elem(fd, &event->event, seen))
			witness_event(event, &seen[event->cpu], witness);
	}
}
