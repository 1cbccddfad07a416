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

struct egret_capture {
	const struct egret_backend *backend;
	struct bpf_object *object;
	struct egret_config config;
	struct cpu_rings *cpus;
	size_t n_cpus;
	struct event_fd *events;
	size_t n_events;
	struct bpf_link **links; /* of the tracepoint programs */
	size_t n_links;
	struct bpf_link *tracepoints[EGRET_MAX_TRACEPOINTS]; /* attached while sampling is on */
	char tracepoint_name[EGRET_MAX_TRACEPOINTS][64];
	size_t n_tracepoints;
	int epoll;
	uint32_t rules_generation;
	bool enabled;
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
int egret_tracepoints_attach(struct egret_capture *c, struct egret_error *err);
void egret_tracepoints_detach(struct egret_capture *c);

/* Brings idle_ns of all CPUs up to date. Called when sampling is switched, and before it is looked
 * at. */
void egret_capture_count_idle(struct egret_capture *c, bool enabled_from_now);

int egret_capture_map_fd(const struct egret_capture *c, const char *name);

#endif
