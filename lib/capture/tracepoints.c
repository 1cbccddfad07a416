/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * tracepoints.c - events of the kind sched:sched_switch.
 *
 * The sampling program is attached as a raw tracepoint, which needs no tracefs. Where tracefs can
 * be had, a perf event that only counts the same tracepoint on each CPU is the witness.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/capture_impl.h"

int egret_tracepoints_configure(struct egret_capture *c, const struct egret_capture_opts *opts,
				struct egret_error *err)
{
	for (uint32_t e = 0; e < opts->n_events; e++) {
		const struct egret_event_spec *spec = &opts->events[e];
		size_t n = c->n_tracepoints;

		if (spec->source != EGRET_EVENT_TRACEPOINT)
			continue;
		if (n == EGRET_MAX_TRACEPOINTS)
			return egret_fail(err, EINVAL,
					  "%d tracepoints at most can be sampled at once",
					  EGRET_MAX_TRACEPOINTS);
		c->config.tracepoint_event[n] = e;
		c->config.tracepoint_period[n] = spec->period > UINT32_MAX ? UINT32_MAX
									   : (uint32_t)spec->period;
		memcpy(c->tracepoints[n].name, spec->tracepoint, sizeof(spec->tracepoint));
		c->n_tracepoints++;
	}
	return 0;
}

/* A tracefs of our own, attached nowhere: it need not be mounted (fsopen(2), Linux 5.2). */
static int open_tracefs(void)
{
	__close_ int fs = -1;
	int fd = open("/sys/kernel/tracing", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !faccessat(fd, "events", F_OK, 0))
		return fd;
	if (fd >= 0)
		close(fd);
	fs = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

/* The number by which perf knows a tracepoint, or -1. path: "sched/sched_switch". */
static long tracepoint_id(const char *subsystem, const char *name)
{
	__close_ int tracefs = open_tracefs(), fd = -1;
	char path[256], text[32] = "";

	if (tracefs < 0)
		return -1;
	snprintf(path, sizeof(path), "events/%s/%s/id", subsystem, name);
	fd = openat(tracefs, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : -1;
	return read(fd, text, sizeof(text) - 1) > 0 ? strtol(text, NULL, 10) : -1;
}

int egret_tracepoint_open(struct egret_capture *c, const struct egret_event_spec *spec,
			  uint32_t event, struct egret_error *err)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .disabled = 1 };
	char subsystem[64];
	long id;

	snprintf(subsystem, sizeof(subsystem), "%.*s", (int)strcspn(spec->name, ":"), spec->name);
	id = tracepoint_id(subsystem, spec->tracepoint);
	if (id == -ENOENT)
		return egret_fail(err, ENOENT,
				  "this kernel has no tracepoint '%s:%s'; see "
				  "/sys/kernel/tracing/available_events",
				  subsystem, spec->tracepoint);
	if (id < 0)
		return 0; /* no witness; whether the tracepoint exists is seen when it is attached
			   */
	attr.config = (uint64_t)id;
	for (size_t i = 0; i < c->n_cpus; i++) {
		int fd = egret_perf_event_open(&attr, -1, c->cpus[i].cpu);

		if (fd >= 0)
			c->events[c->n_events++] = (struct event_fd){
				.fd = fd, .link = -1, .cpu = c->cpus[i].cpu, .event = event
			};
	}
	return 0;
}

/* By the program's own name, as the object has it. */
static void find_program(struct egret_capture *c, size_t n)
{
	struct bpf_program *prog;
	char name[64];

	snprintf(name, sizeof(name), "egret_tracepoint%zu", n);
	prog = bpf_object__find_program_by_name(c->object, name);
	c->tracepoints[n].program = bpf_program__fd(prog);
	c->tracepoints[n].is_btf = bpf_program__type(prog) == BPF_PROG_TYPE_TRACING;
}

void egret_tracepoints_find(struct egret_capture *c)
{
	for (size_t n = 0; n < c->n_tracepoints; n++)
		find_program(c, n);
}

int egret_tracepoints_attach(struct egret_capture *c, struct egret_error *err)
{
	for (size_t n = 0; n < c->n_tracepoints; n++) {
		struct tracepoint_fd *t = &c->tracepoints[n];

		if (t->link >= 0)
			continue;
		t->link = bpf_raw_tracepoint_open(t->is_btf ? NULL : t->name, t->program);
		if (t->link < 0)
			return egret_fail(err, errno, "cannot attach to the tracepoint '%s': %s",
					  t->name,
					  errno == ENOENT ? "this kernel has none of that name"
							  : strerror(errno));
	}
	return 0;
}

void egret_tracepoints_detach(struct egret_capture *c)
{
	for (size_t n = 0; n < c->n_tracepoints; n++) {
		if (c->tracepoints[n].link >= 0)
			close(c->tracepoints[n].link);
		c->tracepoints[n].link = -1;
	}
}
