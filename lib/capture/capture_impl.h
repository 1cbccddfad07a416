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
};

/* What holds back of one CPU. */
struct cpu_rings {
	int cpu;
	int sideband_fd; /* a dummy event: mappings, names, forks, exits */
	struct egret_perf_ring sideband;
	struct egret_bpf_ring samples;
	struct egret_bpf_ring captures;
	uint64_t idle_ns; /* spent idle while sampling was on, by /proc/stat */
	uint64_t idle_since; /* the CPU's idle time when sampling was switched on; valid while enabled */
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
	int epoll;
	bool enabled;
	char notice[512];
};

/* Brings idle_ns of all CPUs up to date. Called when sampling is switched, and before it is looked at. */
void egret_capture_count_idle(struct egret_capture *c, bool enabled_from_now);

int egret_capture_map_fd(const struct egret_capture *c, const char *name);

#endif
