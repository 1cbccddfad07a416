/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* capture_impl.h - the object behind capture.h, for the files of lib/capture that make it up. */
#ifndef EGRET_CAPTURE_IMPL_H
#define EGRET_CAPTURE_IMPL_H

#include "capture/backend.h"
#include "capture/capture.h"
#include "capture/ring.h"

/* A perf event of one spec on one CPU, or a raw tracepoint (cpu -1). */
struct event_fd {
	int fd;
	int link; /* of the BPF program */
	int cpu;
	uint32_t event;
	uint64_t base; /* its count when it was last enabled for the first time */
	struct {
		uint64_t count, interrupts, periods; /* when its frequency was changed last */
		uint64_t missed;		     /* interrupts until then */
	} before;
};

/* What holds back of one CPU. */
struct cpu_rings {
	int cpu;
	int sideband_fd; /* a dummy event: mappings, names, forks, exits */
	struct egret_perf_ring sideband;
	struct egret_bpf_ring samples;
	struct egret_bpf_ring captures;
	uint64_t idle_ns;    /* spent idle while sampling was on, by /proc/stat */
	uint64_t idle_since; /* the CPU's idle time when sampling was switched on; valid while
				enabled */
};

/* The maps that are read or changed while the programs run. X(IDENTIFIER, name in bpf/) */
#define EGRET_CAPTURE_MAPS(X)                                                                      \
	X(COUNTERS, "counters")                                                                    \
	X(EVENTS_SEEN, "events_seen")                                                              \
	X(CLOCK_PERIODS, "clock_periods")                                                          \
	X(RULES, "rules")                                                                          \
	X(RULES_NOW, "rules_now")

#define EGRET_CAPTURE_MAP_ENUM(id, name) EGRET_MAP_##id,
enum egret_capture_map { EGRET_CAPTURE_MAPS(EGRET_CAPTURE_MAP_ENUM) EGRET_N_MAPS };
#undef EGRET_CAPTURE_MAP_ENUM

/* A program on a tracepoint that is sampled, attached while sampling is on. */
struct tracepoint_fd {
	char name[64];
	int program;
	bool is_btf; /* it was loaded for its tracepoint */
	int link;    /* -1: not attached */
};

struct egret_capture {
	const struct egret_backend *backend;
	struct bpf_object *object; /* NULL: what there is of it was given (grant.h) */
	int given_maps[EGRET_N_MAPS];
	/*
	 * Given, and held: task work is for maps that a process has (map->usercnt in the kernel);
	 * of another one a request says -EBUSY, for ever.
	 */
	int given_threads;
	struct egret_config config;
	struct cpu_rings *cpus;
	size_t n_cpus;
	struct event_fd *events;
	size_t n_events;
	int *links; /* of the programs that follow processes */
	size_t n_links;
	struct tracepoint_fd tracepoints[EGRET_MAX_TRACEPOINTS];
	size_t n_tracepoints;
	int sleepers; /* a link of the iterator over tasks that sleep; -1: the backend has none */
	int epoll;
	uint32_t rules_generation;
	bool enabled;
	bool from_exec; /* see struct egret_capture_opts */
	char notice[512];
};

/* Before the frequency of an event is changed: for the witness. */
void egret_capture_frequency_changes(const struct egret_capture *c, struct event_fd *event);

/* Tracepoints of opts go into the configuration: before the programs are loaded. */
int egret_tracepoints_configure(struct egret_capture *c, const struct egret_capture_opts *opts,
				struct egret_error *err);
/* Opens what counts a tracepoint independently of its program, where this machine allows that. */
int egret_tracepoint_open(struct egret_capture *c, const struct egret_event_spec *spec,
			  uint32_t event, struct egret_error *err);
/* Their programs, once these are loaded. */
void egret_tracepoints_find(struct egret_capture *c);
int egret_tracepoints_attach(struct egret_capture *c, struct egret_error *err);
void egret_tracepoints_detach(struct egret_capture *c);

/* Brings idle_ns of all CPUs up to date. Called when sampling is switched, and before it is looked
 * at. */
void egret_capture_count_idle(struct egret_capture *c, bool enabled_from_now);

#define EGRET_SIDEBAND_PAGES 128 /* of its ring */

/* An empty one for n CPUs, with a descriptor to wait on. */
int egret_capture_create(size_t n_cpus, struct egret_capture **out, struct egret_error *err);
/* Wakes who waits for the capture when fd is readable. */
int egret_capture_watch(struct egret_capture *c, int fd);

/* -1: there is no such map, or it was not given. */
int egret_capture_map_fd(const struct egret_capture *c, const char *name);
const char *egret_capture_map_name(enum egret_capture_map map);

/* The link of the iterator that egret_capture_read_sleepers runs. */
int egret_sleepers_prepare(struct egret_capture *c, struct egret_error *err);

#endif
