/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/capture.h"

#include <bpf/bpf.h>
#include <cpuid.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/capture_impl.h"

#define SAMPLE_RING_BYTES (2u << 20)
#define SIDEBAND_WAKE_BYTES (128u << 10)
#define WAKE_CAPTURES (4u << 20)
#define CAPTURE_BYTES_OF_ALL_CPUS (128u << 20)
#define DEFAULT_MAX_THREADS 65536
#define NS_A_SECOND 1000000000ull

const char *egret_capture_map_name(enum egret_capture_map map)
{
#define MAP_NAME(id, name) [EGRET_MAP_##id] = (name),
	static const char *const names[] = { EGRET_CAPTURE_MAPS(MAP_NAME) };
#undef MAP_NAME

	return names[map];
}

int egret_capture_map_fd(const struct egret_capture *c, const char *name)
{
	if (c->object)
		return bpf_object__find_map_fd_by_name(c->object, name);
	for (enum egret_capture_map i = 0; i < EGRET_N_MAPS; i++)
		if (!strcmp(name, egret_capture_map_name(i)))
			return c->given_maps[i];
	return -1;
}

/* The CPUs that are online, as the kernel lists them: "0-3,8". */
static int online_cpus(int **out, size_t *n)
{
	__fclose_ FILE *file = fopen("/sys/devices/system/cpu/online", "re");
	__free_ int *cpus = NULL;
	size_t count = 0;
	int from, to;

	if (!file)
		return -errno;
	while (fscanf(file, "%d", &from) == 1) {
		int separator = fgetc(file);

		to = from;
		if (separator == '-' && fscanf(file, "%d", &to) == 1)
			separator = fgetc(file);
		for (; from <= to && from >= 0; from++) {
			int *more = reallocarray(cpus, count + 1, sizeof(*cpus));

			if (!more)
				return -ENOMEM;
			cpus = more;
			cpus[count++] = from;
		}
		if (separator != ',')
			break;
	}
	*out = steal_ptr(cpus);
	*n = count;
	return count ? 0 : -ENODEV;
}

int egret_capture_watch(struct egret_capture *c, int fd)
{
	/* Edge-triggered: a ring that merely holds something does not wake us, one past its mark
	 * does. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = fd };

	return epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int install_ring(struct egret_capture *c, const char *outer, int cpu,
			struct egret_bpf_ring *ring)
{
	int fd = egret_capture_map_fd(c, outer);

	if (bpf_map_update_elem(fd, &cpu, &ring->fd, BPF_ANY))
		return -errno;
	return egret_capture_watch(c, ring->fd);
}

/* Mappings, names, forks and exits of all processes on a CPU, with build-ids where the kernel reads
 * them. */
static int open_sideband(struct cpu_rings *cpu, struct egret_error *err)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
		.sample_id_all = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.build_id = 1,
		.watermark = 1,
		.wakeup_watermark = SIDEBAND_WAKE_BYTES,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};

	cpu->sideband_fd = egret_perf_event_open(&attr, -1, cpu->cpu);
	if (cpu->sideband_fd == -EINVAL) {
		attr.build_id = 0; /* before 5.12 */
		cpu->sideband_fd = egret_perf_event_open(&attr, -1, cpu->cpu);
	}
	if (cpu->sideband_fd < 0)
		return egret_fail(err, -cpu->sideband_fd,
				  "cannot follow the mappings of processes on CPU %d: %s; run as "
				  "root, or give egret CAP_PERFMON",
				  cpu->cpu, strerror(-cpu->sideband_fd));
	return egret_perf_ring_init(&cpu->sideband, cpu->sideband_fd, EGRET_SIDEBAND_PAGES, err);
}

/* From a quarter of the ring on: the rest is for what comes until the reader has woken up. */
static uint32_t wake_captures(uint64_t ring_bytes)
{
	return ring_bytes / 4 < WAKE_CAPTURES ? (uint32_t)(ring_bytes / 4) : WAKE_CAPTURES;
}

static uint64_t capture_ring_bytes(const struct egret_capture *c, uint64_t asked)
{
	uint64_t least = 4ull * (c->config.stack_limit + sizeof(struct egret_rec_capture));
	uint64_t bytes = asked ? asked : CAPTURE_BYTES_OF_ALL_CPUS / c->n_cpus;

	if (!asked && bytes > (32u << 20))
		bytes = 32u << 20;
	return bytes > least ? bytes : least;
}

static int open_rings(struct egret_capture *c, uint64_t capture_bytes, struct egret_error *err)
{
	for (size_t i = 0; i < c->n_cpus; i++) {
		struct cpu_rings *cpu = &c->cpus[i];
		int ret;

		ret = open_sideband(cpu, err);
		if (!ret)
			ret = egret_bpf_ring_init(&cpu->samples, "egret_samples", SAMPLE_RING_BYTES,
						  err);
		if (!ret)
			ret = egret_bpf_ring_init(&cpu->captures, "egret_captures", capture_bytes,
						  err);
		if (ret)
			return ret;
		ret = egret_capture_watch(c, cpu->sideband_fd);
		if (!ret)
			ret = install_ring(c, "sample_rings", cpu->cpu, &cpu->samples);
		if (!ret)
			ret = install_ring(c, "capture_rings", cpu->cpu, &cpu->captures);
		if (ret)
			return egret_fail(err, -ret,
					  "cannot hand the rings to the BPF programs: %s",
					  strerror(-ret));
	}
	return 0;
}

static int event_refused(const struct egret_event_spec *spec, int error, struct egret_error *err)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return egret_fail(err, EPERM,
				  "not allowed to sample '%s' on all CPUs; run as root, give egret "
				  "CAP_PERFMON, or set kernel.perf_event_paranoid to -1",
				  spec->name);
	case -ENOENT:
	case -ENODEV:
	case -EOPNOTSUPP:
		return egret_fail(err, ENOENT,
				  "this machine cannot sample '%s'%s; try -e cpu-clock", spec->name,
				  spec->attr.type == PERF_TYPE_HARDWARE
					  ? " (it has no PMU, or the hypervisor hides it)"
					  : "");
	case -EMFILE:
		return egret_fail(err, EMFILE, "too many open files; raise `ulimit -n`");
	default:
		return egret_fail(err, -error, "cannot open the event '%s': %s", spec->name,
				  strerror(-error));
	}
}

/*
 * One perf event of a spec on one CPU. No user memory may be read by perf core in its interrupt, so
 * sample_type says neither CALLCHAIN nor STACK_USER nor REGS_USER. exclude_idle is left out, and
 * the idle task in the program: with it a clock goes on counting where it does not interrupt, and
 * the witness could not be held against it.
 */
static int open_event(struct egret_capture *c, const struct egret_event_spec *spec, uint32_t index,
		      int cpu, struct egret_error *err)
{
	struct perf_event_attr attr = spec->attr;
	struct event_fd *event = &c->events[c->n_events];
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = index);
	struct bpf_program *prog = bpf_object__find_program_by_name(c->object, "egret_sample");

	attr.disabled = 1;
	if (spec->clock)
		attr.exclude_user = attr.exclude_kernel = 0; /* see configure_clocks() */
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	attr.freq = spec->frequency != 0;
	if (spec->frequency)
		attr.sample_freq = spec->frequency;
	else
		attr.sample_period = spec->period;
	*event = (struct event_fd){ .fd = -1, .link = -1, .cpu = cpu, .event = index };
	event->fd = egret_perf_event_open(&attr, -1, cpu);
	while (event->fd == -EOPNOTSUPP && attr.precise_ip) {
		attr.precise_ip--;
		event->fd = egret_perf_event_open(&attr, -1, cpu);
	}
	if (event->fd < 0)
		return event_refused(spec, event->fd, err);
	c->n_events++;
	event->link = bpf_link_create(bpf_program__fd(prog), event->fd, BPF_PERF_EVENT, &opts);
	if (event->link == -EPROTO && attr.precise_ip)
		return egret_fail(err, ENOTSUP,
				  "event '%s': this kernel takes no kernel stack in BPF with a "
				  "precise event; leave out :p",
				  spec->name);
	if (event->link < 0)
		return egret_fail(err, -event->link,
				  "cannot attach the sampling program to '%s' on CPU %d: %s",
				  spec->name, cpu, strerror(-event->link));
	return 0;
}

static int open_events(struct egret_capture *c, const struct egret_capture_opts *opts,
		       struct egret_error *err)
{
	c->events = calloc(opts->n_events * c->n_cpus, sizeof(*c->events));
	if (!c->events)
		return egret_fail(err, ENOMEM, "out of memory");
	for (uint32_t e = 0; e < opts->n_events; e++) {
		const struct egret_event_spec *spec = &opts->events[e];
		int ret = 0;

		if (spec->source == EGRET_EVENT_TRACEPOINT)
			ret = egret_tracepoint_open(c, spec, e, err);
		for (size_t i = 0; spec->source == EGRET_EVENT_PERF && i < c->n_cpus && !ret; i++)
			ret = open_event(c, spec, e, c->cpus[i].cpu, err);
		if (ret)
			return ret;
	}
	return 0;
}

/* Attaches the programs that follow processes: fork, exit, exec, the end of a task. */
static int attach_tracepoints(struct egret_capture *c, struct egret_error *err)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, c->object)
	{
		const char *section = bpf_program__section_name(prog);
		int *links, link;

		if (strncmp(section, "tp_btf/", 7) || !bpf_program__autoload(prog))
			continue;
		link = bpf_raw_tracepoint_open(NULL, bpf_program__fd(prog));
		if (link < 0)
			return egret_fail(err, errno, "cannot attach to the tracepoint %s: %s",
					  section + 7, strerror(errno));
		links = reallocarray(c->links, c->n_links + 1, sizeof(*links));
		if (!links) {
			close(link);
			return egret_fail(err, ENOMEM, "out of memory");
		}
		c->links = links;
		c->links[c->n_links++] = link;
	}
	return 0;
}

/* Bytes of the XSAVE area that the kernel puts into signal frames: CPUID leaf 0xd, EBX, and the
 * magic. */
static uint32_t xsave_size(void)
{
	unsigned int eax, ebx, ecx, edx;

	if (!__get_cpuid_count(0xd, 0, &eax, &ebx, &ecx, &edx))
		return 512;
	return ebx + 4;
}

static int choose_limit(struct egret_capture *c, const struct egret_backend *backend,
			uint64_t asked, struct egret_error *err)
{
	uint64_t limit = asked ? asked : backend->default_stack_limit;

	if (limit < 4096 || limit > backend->max_stack_limit)
		return egret_fail(
			err, EINVAL,
			"a stack limit of %llu bytes is not possible with '%s': from 4K to "
			"%uK",
			(unsigned long long)limit, backend->name, backend->max_stack_limit >> 10);
	c->config.stack_limit = (uint32_t)((limit + 4095) & ~4095ull);
	return 0;
}

static int try_backend(struct egret_capture *c, const struct egret_backend *backend,
		       const struct egret_capture_opts *opts, const struct btf *vmlinux,
		       struct egret_error *err)
{
	int ret = choose_limit(c, backend, opts->stack_limit, err);
	char tracepoints[EGRET_MAX_TRACEPOINTS][64];
	struct egret_backend_setup setup;

	for (size_t i = 0; i < c->n_tracepoints; i++)
		memcpy(tracepoints[i], c->tracepoints[i].name, sizeof(tracepoints[i]));
	c->config.wake_captures = wake_captures(capture_ring_bytes(c, opts->buffer_size));
	setup = (struct egret_backend_setup){
		.config = c->config,
		.max_threads = opts->max_threads ? opts->max_threads : DEFAULT_MAX_THREADS,
		.tracepoints = (const char(*)[64])tracepoints,
	};

	if (!ret)
		ret = backend->probe(vmlinux, err);
	if (!ret)
		ret = egret_backend_load(backend, &setup, vmlinux, &c->object, err);
	if (!ret)
		c->backend = backend;
	return ret;
}

static int unknown_backend(const char *name, struct egret_error *err)
{
	return egret_fail(err, EINVAL,
			  "there is no capture backend '%s'; there are auto, hook, task-work and "
			  "inline",
			  name);
}

static int load_backend(struct egret_capture *c, const struct egret_capture_opts *opts,
			struct egret_error *err)
{
	const char *wanted = opts->backend && strcmp(opts->backend, "auto") ? opts->backend : NULL;
	struct btf *vmlinux = btf__load_vmlinux_btf();
	struct egret_error why = { "" };
	int ret = -EINVAL;

	if (!vmlinux)
		return egret_fail(err, ENOTSUP,
				  "this kernel has no BTF (/sys/kernel/btf/vmlinux), which the BPF "
				  "programs need: boot one built with CONFIG_DEBUG_INFO_BTF");
	for (size_t i = 0; egret_backends[i]; i++) {
		if (wanted && strcmp(egret_backends[i]->name, wanted))
			continue;
		ret = try_backend(c, egret_backends[i], opts, vmlinux, &why);
		if (!ret || ret == -EPERM)
			break;
		snprintf(c->notice, sizeof(c->notice), "%.400s", why.text);
	}
	btf__free(vmlinux);
	if (ret && wanted && !why.text[0])
		return unknown_backend(wanted, err);
	if (ret)
		egret_fail(err, -ret, "%s", why.text);
	return ret;
}

static int set_up(struct egret_capture *c, const struct egret_capture_opts *opts,
		  struct egret_error *err)
{
	uint64_t ring_bytes;
	uint32_t zero = 0;
	int ret;

	ret = load_backend(c, opts, err);
	if (ret)
		return ret;
	egret_tracepoints_find(c);
	if (opts->filter == EGRET_FILTER_CGROUP &&
	    bpf_map_update_elem(egret_capture_map_fd(c, "cgroups"), &zero, &opts->cgroup_fd,
				BPF_ANY))
		return egret_fail(err, errno,
				  "that directory is not a cgroup of version 2 (cgroup2fs): %s",
				  strerror(errno));
	ring_bytes = capture_ring_bytes(c, opts->buffer_size);
	ret = open_rings(c, ring_bytes, err);
	if (!ret)
		ret = open_events(c, opts, err);
	if (!ret)
		ret = attach_tracepoints(c, err);
	if (!ret)
		ret = egret_sleepers_prepare(c, err);
	return ret;
}

/* What the programs do for clocks, because perf core would go on counting what it leaves out. */
static void configure_clocks(struct egret_config *config, const struct egret_capture_opts *opts)
{
	for (size_t i = 0; i < opts->n_events; i++) {
		const struct egret_event_spec *spec = &opts->events[i];

		if (!spec->clock)
			continue;
		config->clock_events |= 1u << i;
		config->user_only |= (uint32_t)spec->attr.exclude_kernel << i;
		config->kernel_only |= (uint32_t)spec->attr.exclude_user << i;
	}
}

int egret_capture_create(size_t n_cpus, struct egret_capture **out, struct egret_error *err)
{
	struct egret_capture *c = calloc(1, sizeof(*c));

	if (c)
		c->cpus = calloc(n_cpus, sizeof(*c->cpus));
	if (!c || !c->cpus) {
		free(c);
		return egret_fail(err, ENOMEM, "out of memory");
	}
	c->n_cpus = n_cpus;
	for (size_t i = 0; i < n_cpus; i++)
		c->cpus[i] = (struct cpu_rings){ .sideband_fd = -1,
						 .samples.fd = -1,
						 .captures.fd = -1 };
	for (size_t i = 0; i < EGRET_N_MAPS; i++)
		c->given_maps[i] = -1;
	for (size_t i = 0; i < EGRET_MAX_TRACEPOINTS; i++)
		c->tracepoints[i].program = c->tracepoints[i].link = -1;
	c->sleepers = c->given_threads = -1;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0) {
		int ret = egret_fail(err, errno, "cannot make a descriptor to wait on: %s",
				     strerror(errno));

		egret_capture_destroy(c);
		return ret;
	}
	*out = c;
	return 0;
}

int egret_capture_open(const struct egret_capture_opts *opts, struct egret_capture **out,
		       struct egret_error *err)
{
	__free_ int *cpus = NULL;
	struct egret_capture *c;
	size_t n_cpus = 0;
	int ret = online_cpus(&cpus, &n_cpus);

	if (ret)
		return egret_fail(err, -ret, "cannot list the CPUs: %s", strerror(-ret));
	ret = egret_capture_create(n_cpus, &c, err);
	if (ret)
		return ret;
	c->from_exec = opts->from_exec;
	for (size_t i = 0; i < n_cpus; i++)
		c->cpus[i].cpu = cpus[i];
	c->config = (struct egret_config){
		.filter = opts->filter,
		.include_idle = opts->include_idle,
		.fault = opts->fault,
		.xsave_size = xsave_size(),
		.wake_samples = SAMPLE_RING_BYTES / 4,
	};
	configure_clocks(&c->config, opts);
	ret = egret_tracepoints_configure(c, opts, err);
	if (!ret)
		ret = set_up(c, opts, err);
	if (ret) {
		egret_capture_destroy(c);
		return ret;
	}
	*out = c;
	return 0;
}

void egret_capture_destroy(struct egret_capture *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_events; i++) {
		if (c->events[i].link >= 0)
			close(c->events[i].link);
		close(c->events[i].fd);
	}
	for (size_t i = 0; i < c->n_links; i++)
		close(c->links[i]);
	for (size_t i = 0; i < c->n_cpus; i++) {
		egret_perf_ring_deinit(&c->cpus[i].sideband);
		if (c->cpus[i].sideband_fd >= 0)
			close(c->cpus[i].sideband_fd);
		egret_bpf_ring_deinit(&c->cpus[i].samples);
		egret_bpf_ring_deinit(&c->cpus[i].captures);
	}
	egret_tracepoints_detach(c);
	if (c->sleepers >= 0)
		close(c->sleepers);
	if (c->given_threads >= 0)
		close(c->given_threads);
	for (size_t i = 0; !c->object && i < EGRET_N_MAPS; i++)
		if (c->given_maps[i] >= 0)
			close(c->given_maps[i]);
	for (size_t i = 0; !c->object && i < c->n_tracepoints; i++)
		if (c->tracepoints[i].program >= 0)
			close(c->tracepoints[i].program);
	bpf_object__close(c->object);
	if (c->epoll >= 0)
		close(c->epoll);
	free(c->events);
	free(c->links);
	free(c->cpus);
	free(c);
}

int egret_capture_add_target(struct egret_capture *c, int id, struct egret_error *err)
{
	uint64_t value = c->from_exec ? EGRET_TARGET_FROM_EXEC : EGRET_TARGET_ANY;

	if (egret_capture_map_fd(c, "targets") < 0)
		return egret_fail(err, EPERM,
				  "cannot follow process %d: who gave the grant has said which "
				  "processes are sampled",
				  id);
	if (bpf_map_update_elem(egret_capture_map_fd(c, "targets"), &id, &value, BPF_ANY))
		return egret_fail(err, errno, "too many processes to follow: %s", strerror(errno));
	return 0;
}

int egret_capture_enable(struct egret_capture *c, struct egret_error *err)
{
	egret_capture_count_idle(c, true);
	for (size_t i = 0; i < c->n_events; i++)
		if (ioctl(c->events[i].fd, PERF_EVENT_IOC_ENABLE, 0))
			return egret_fail(err, errno, "cannot switch on an event on CPU %d: %s",
					  c->events[i].cpu, strerror(errno));
	return egret_tracepoints_attach(c, err);
}

void egret_capture_disable(struct egret_capture *c)
{
	for (size_t i = 0; i < c->n_events; i++)
		ioctl(c->events[i].fd, PERF_EVENT_IOC_DISABLE, 0);
	egret_tracepoints_detach(c);
	egret_capture_count_idle(c, false);
}

/*
 * A software clock is turned into a period when it is opened, for good (perf_swevent_init_hrtimer()
 * in kernel/events/core.c): of it the ioctl takes nanoseconds.
 */
int egret_capture_set_frequency(struct egret_capture *c, uint32_t event, bool clock, uint64_t hz,
				struct egret_error *err)
{
	uint64_t value = clock ? NS_A_SECOND / hz : hz;

	if (clock &&
	    bpf_map_update_elem(egret_capture_map_fd(c, "clock_periods"), &event, &value, BPF_ANY))
		return egret_fail(err, errno, "cannot tell the sampling program its period: %s",
				  strerror(errno));
	for (size_t i = 0; i < c->n_events; i++) {
		if (c->events[i].event != event || c->events[i].cpu < 0)
			continue;
		egret_capture_frequency_changes(c, &c->events[i]);
		if (ioctl(c->events[i].fd, PERF_EVENT_IOC_PERIOD, &value))
			return egret_fail(err, errno, "cannot sample CPU %d at %llu Hz: %s",
					  c->events[i].cpu, (unsigned long long)hz,
					  strerror(errno));
	}
	return 0;
}

int egret_capture_fd(const struct egret_capture *c)
{
	return c->epoll;
}

uint64_t egret_capture_ring_bytes(const struct egret_capture *c)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < c->n_cpus; i++)
		bytes += c->cpus[i].sideband.map_size + c->cpus[i].samples.mask + 1 +
			 c->cpus[i].captures.mask + 1;
	return bytes;
}

const char *egret_capture_backend(const struct egret_capture *c)
{
	return c->backend->name;
}

enum egret_fault_policy egret_capture_fault(const struct egret_capture *c)
{
	return (enum egret_fault_policy)c->config.fault;
}

bool egret_capture_deferred(const struct egret_capture *c)
{
	return c->backend->deferred;
}

uint64_t egret_capture_stack_limit(const struct egret_capture *c)
{
	return c->config.stack_limit;
}

const char *egret_capture_notice(const struct egret_capture *c)
{
	return c->notice;
}
