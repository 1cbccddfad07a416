/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * capture.h - samples, captures and what the kernel says of processes, as one stream in time order.
 *
 * Knows perf events, BPF programs and rings; knows nothing of ELF or stacks.
 */
#ifndef EGRET_CAPTURE_H
#define EGRET_CAPTURE_H

#include <linux/perf_event.h>

#include "bpf/abi.h"
#include "capture/events.h"

struct egret_capture;

struct egret_capture_opts {
	const struct egret_event_spec *events;
	size_t n_events; /* 1..EGRET_MAX_EVENTS */
	enum egret_filter filter;
	int cgroup_fd; /* filter CGROUP: a directory of cgroup v2 */
	bool include_idle;
	bool from_exec; /* targets: nothing before their execve */
	enum egret_fault_policy fault;
	const char *backend;  /* NULL: the first that works */
	uint64_t stack_limit; /* bytes; 0: the backend's default */
	uint64_t buffer_size; /* bytes of a capture ring; 0: the default */
	uint32_t max_threads; /* 0: the default */
};

/* What drain hands out. Records are valid during the call. Non-zero ends the draining and is
 * returned. */
struct egret_capture_sink {
	int (*record)(void *arg, const struct egret_rec *record);
	/* A record of the perf rings, with its time: PERF_RECORD_MMAP2, _COMM, _FORK, _EXIT, _LOST.
	 */
	int (*perf)(void *arg, const struct perf_event_header *record, uint64_t time);
	void *arg;
};

/* Loads the programs and opens the events, switched off. */
int egret_capture_open(const struct egret_capture_opts *opts, struct egret_capture **out,
		       struct egret_error *err);
void egret_capture_destroy(struct egret_capture *c);

/* id: a process (filter PROCESS) or thread (filter THREAD), from now on a target. */
int egret_capture_add_target(struct egret_capture *c, int id, struct egret_error *err);

int egret_capture_enable(struct egret_capture *c, struct egret_error *err);
void egret_capture_disable(struct egret_capture *c);

/* The events of the n-th spec from now on at hz. As egret_session__set_frequency. */
int egret_capture_set_frequency(struct egret_capture *c, uint32_t event, bool clock, uint64_t hz,
				struct egret_error *err);

/* From now on only these samples; what is empty is no condition. */
struct egret_capture_rules {
	const pid_t *pids, *not_pids; /* thread groups */
	size_t n_pids, n_not_pids;
	const char *const *comms, *const *not_comms; /* of threads */
	size_t n_comms, n_not_comms;
	bool only_user, only_kernel;
};
/* -E2BIG: more than EGRET_MAX_RULES. After an error the rules before go on. */
int egret_capture_set_rules(struct egret_capture *c, const struct egret_capture_rules *rules,
			    struct egret_error *err);

/* Readable when a ring has filled past its mark. */
int egret_capture_fd(const struct egret_capture *c);

/*
 * Hands out, in the order of their times, what the rings hold with a time up to `until`
 * (CLOCK_MONOTONIC ns). Records later than that stay. Returns how many, or what the sink returned.
 */
long egret_capture_drain(struct egret_capture *c, uint64_t until,
			 const struct egret_capture_sink *sink);

/* Reads the stacks of threads that sleep in the kernel with a capture pending. Their records are in
 * the rings afterwards. */
int egret_capture_read_sleepers(struct egret_capture *c, struct egret_error *err);

/* Sums over all CPUs. */
void egret_capture_counters(const struct egret_capture *c, uint64_t counters[EGRET_COUNT_NR]);

/* Memory that the rings take, of all CPUs. */
uint64_t egret_capture_ring_bytes(const struct egret_capture *c);

/* What the perf events themselves say, whatever the programs did. */
struct egret_witness {
	uint64_t expected; /* interrupts: each event's count over its period, by CPU */
	uint64_t seen;	   /* of them, by the sampling program */
	uint64_t late;	   /* of them, merged into the next by a timer that came late */
	uint64_t idle; /* of them, of timers that did not interrupt an idle CPU, by /proc/stat */
};
void egret_capture_witness(struct egret_capture *c, struct egret_witness *witness);

const char *egret_capture_backend(const struct egret_capture *c);
enum egret_fault_policy egret_capture_fault(const struct egret_capture *c);
bool egret_capture_deferred(const struct egret_capture *c);
uint64_t egret_capture_stack_limit(const struct egret_capture *c);
/* Why the backends before the one in use were not taken, one sentence; "" where the first was. */
const char *egret_capture_notice(const struct egret_capture *c);

#endif
