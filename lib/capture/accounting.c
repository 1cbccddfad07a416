/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* accounting.c - the programs' own counters, and the witness that is independent of them. */
#include <bpf/bpf.h>
#include <stdio.h>
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

/* The idle time of each CPU (idle and iowait) of /proc/stat, proc_stat(5), in ns. */
static void read_idle(const struct egret_capture *c, uint64_t *idle)
{
	__fclose_ FILE *file = fopen("/proc/stat", "re");
	unsigned long long ticks, wait;
	char line[512];
	long hz = sysconf(_SC_CLK_TCK);
	int cpu;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "cpu%d %*u %*u %*u %llu %llu", &cpu, &ticks, &wait) != 3)
			continue;
		for (size_t i = 0; i < c->n_cpus; i++)
			if (c->cpus[i].cpu == cpu)
				idle[i] = (ticks + wait) * (1000000000ull / (uint64_t)hz);
	}
}

void egret_capture_count_idle(struct egret_capture *c, bool enabled_from_now)
{
	__free_ uint64_t *idle = calloc(c->n_cpus, sizeof(*idle));

	if (!idle)
		return;
	read_idle(c, idle);
	for (size_t i = 0; i < c->n_cpus; i++) {
		struct cpu_rings *cpu = &c->cpus[i];

		if (c->enabled && idle[i] > cpu->idle_since)
			cpu->idle_ns += idle[i] - cpu->idle_since;
		cpu->idle_since = idle[i];
	}
	c->enabled = enabled_from_now;
}

/* What is known of one event on one CPU. */
struct testimony {
	const struct event_fd *event;
	const struct egret_event_seen *seen;
	uint64_t idle_ns;   /* of the CPU; 0 for events that do not count while it is idle */
	uint64_t idle_seen; /* interrupts of the idle task */
};

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Interrupts that the program did not see since the frequency was changed. */
static uint64_t missed_since(const struct event_fd *event, const struct egret_event_seen *seen,
			     uint64_t count)
{
	uint64_t interrupts = seen->interrupts - event->before.interrupts;
	uint64_t periods = seen->periods - event->before.periods;
	uint64_t mean = interrupts ? periods / interrupts : 0;

	count -= event->before.count;
	return mean && count > periods ? (count - periods) / mean : 0;
}

static bool look_at_event(const struct egret_capture *c, const struct event_fd *event,
			  struct egret_event_seen *seen)
{
	return !bpf_map_lookup_elem(egret_capture_map_fd(c, "events_seen"), &event->event, seen);
}

/* What is counted of the period under way is nobody's: a new one begins. */
void egret_capture_frequency_changes(const struct egret_capture *c, struct event_fd *event)
{
	size_t n = (size_t)libbpf_num_possible_cpus();
	__free_ struct egret_event_seen *seen = calloc(n, sizeof(*seen));
	uint64_t count;

	if (!seen || !look_at_event(c, event, seen) ||
	    read(event->fd, &count, sizeof(count)) != sizeof(count))
		return;
	event->before.missed += missed_since(event, &seen[event->cpu], count);
	event->before.count = count;
	event->before.interrupts = seen[event->cpu].interrupts;
	event->before.periods = seen[event->cpu].periods;
}

/*
 * An event's count is kept by perf core and the PMU or timer, whether or not the program ran. What
 * it counted beyond the periods that the program saw are periods whose interrupt the program
 * missed. Some have a reason of their own: a timer that came late, an idle CPU whose timer did not
 * wake it.
 */
static void witness_event(const struct testimony *t, struct egret_witness *witness)
{
	uint64_t count, mean, missed, idle, late;

	witness->seen += t->seen->interrupts;
	witness->expected += t->seen->interrupts;
	if (!t->seen->interrupts || read(t->event->fd, &count, sizeof(count)) != sizeof(count))
		return;
	mean = t->seen->periods / t->seen->interrupts;
	missed = t->event->before.missed + missed_since(t->event, t->seen, count);
	late = least(missed, t->seen->late);
	idle = mean ? t->idle_ns / mean : 0;
	idle = idle > t->idle_seen ? idle - t->idle_seen : 0;
	witness->expected += missed;
	witness->late += late;
	witness->idle += least(missed - late, idle);
}

static size_t place_of(const struct egret_capture *c, int cpu)
{
	for (size_t i = 0; i < c->n_cpus; i++)
		if (c->cpus[i].cpu == cpu)
			return i;
	return 0;
}

void egret_capture_witness(struct egret_capture *c, struct egret_witness *witness)
{
	size_t n = (size_t)libbpf_num_possible_cpus();
	__free_ struct egret_event_seen *seen = calloc(n, sizeof(*seen));
	__free_ uint64_t *idle_seen = calloc(n, sizeof(*idle_seen));
	uint32_t filtered_idle = EGRET_COUNT_FILTERED_IDLE;

	*witness = (struct egret_witness){ 0 };
	if (!seen || !idle_seen)
		return;
	egret_capture_count_idle(c, c->enabled);
	bpf_map_lookup_elem(egret_capture_map_fd(c, "counters"), &filtered_idle, idle_seen);
	for (size_t i = 0; i < c->n_events; i++) {
		const struct event_fd *event = &c->events[i];
		bool clock = c->config.clock_events >> event->event & 1;

		if (!look_at_event(c, event, seen))
			continue;
		witness_event(
			&(struct testimony){ event, &seen[event->cpu],
					     clock ? c->cpus[place_of(c, event->cpu)].idle_ns : 0,
					     idle_seen[event->cpu] },
			witness);
	}
}
