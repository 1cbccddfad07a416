/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/grant.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/capture_impl.h"

uint32_t egret_grant_n_maps(void)
{
	return EGRET_N_MAPS;
}

/* ---- what the kernel says of a descriptor --------------------------------------------------- */

/* What a descriptor is a link to in /proc/self/fd: a name of the kernel's for what has no file. */
static const struct {
	const char *links[2];
	const char *text;
} kinds[] = {
	[EGRET_GRANT_SIDEBAND] = { { "anon_inode:[perf_event]" }, "the event of mappings" },
	[EGRET_GRANT_SAMPLES] = { { "anon_inode:bpf-map" }, "the ring of samples" },
	[EGRET_GRANT_CAPTURES] = { { "anon_inode:bpf-map" }, "the ring of captures" },
	[EGRET_GRANT_EVENT] = { { "anon_inode:[perf_event]" }, "the event" },
	[EGRET_GRANT_EVENT_LINK] = { { "anon_inode:bpf_link", "anon_inode:bpf-link" },
				     "the link of the sampling program" },
	[EGRET_GRANT_MAP] = { { "anon_inode:bpf-map" }, "the map" },
	[EGRET_GRANT_LINK] = { { "anon_inode:bpf_link", "anon_inode:bpf-link" },
			       "the link of a program" },
	[EGRET_GRANT_TRACEPOINT] = { { "anon_inode:bpf-prog" }, "the program of a tracepoint" },
	[EGRET_GRANT_SLEEPERS] = { { "anon_inode:bpf_link", "anon_inode:bpf-link" },
				   "the iterator over tasks" },
	[EGRET_GRANT_PROCESS] = { { "anon_inode:[pidfd]", "pidfd:" }, "the process" },
	[EGRET_GRANT_KALLSYMS] = { { "/proc/kallsyms" }, "/proc/kallsyms" },
	[EGRET_GRANT_THREADS] = { { "anon_inode:bpf-map" }, "the map of threads" },
};

static bool is_of_kind(int fd, uint32_t kind)
{
	char path[64], link[128] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return false;
	for (size_t i = 0; i < 2 && kinds[kind].links[i]; i++) {
		const char *name = kinds[kind].links[i];
		size_t len = strlen(name);

		/* A pidfd of its own file system has a number behind. */
		if (!strncmp(link, name, len) && (!link[len] || name[len - 1] == ':'))
			return true;
	}
	return false;
}

/* What maps, programs and links begin their information with. */
struct bpf_head {
	uint32_t type, id;
};

static uint64_t bpf_id(int fd, uint32_t *type)
{
	struct bpf_head head = { 0 };
	uint32_t len = sizeof(head);

	if (bpf_obj_get_info_by_fd(fd, &head, &len))
		return 0;
	if (type)
		*type = head.type;
	return head.id;
}

/* Of proc_pid_fdinfo(5): the process, 0 where it is not seen from here, -1 where it has ended. */
static bool is_pidfd_of(int fd, uint64_t pid)
{
	__fclose_ FILE *file = NULL;
	char path[64], line[128];
	int seen;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pid: %d", &seen) == 1)
			return seen <= 0 || (uint64_t)seen == pid;
	return false;
}

/* 0 where there is none. */
static uint64_t id_of(int fd, uint32_t kind)
{
	uint64_t id = 0;

	switch (kind) {
	case EGRET_GRANT_SIDEBAND:
	case EGRET_GRANT_EVENT:
		return ioctl(fd, PERF_EVENT_IOC_ID, &id) ? 0 : id;
	default:
		return bpf_id(fd, NULL);
	}
}

static bool is_ring(int fd)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_MAP_TYPE_RINGBUF &&
	       info.max_entries >= (uint32_t)sysconf(_SC_PAGESIZE) &&
	       !(info.max_entries & (info.max_entries - 1));
}

static bool is_map(int fd, uint32_t index)
{
	static const struct {
		uint32_t type, key, value, entries;
	} layout[] = {
		[EGRET_MAP_COUNTERS] = { BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, EGRET_COUNT_NR },
		[EGRET_MAP_EVENTS_SEEN] = { BPF_MAP_TYPE_PERCPU_ARRAY, 4,
					    sizeof(struct egret_event_seen), EGRET_MAX_EVENTS },
		[EGRET_MAP_CLOCK_PERIODS] = { BPF_MAP_TYPE_ARRAY, 4, 8, EGRET_MAX_EVENTS },
		[EGRET_MAP_RULES] = { BPF_MAP_TYPE_HASH, sizeof(struct egret_sample_rule), 1, 0 },
		[EGRET_MAP_RULES_NOW] = { BPF_MAP_TYPE_ARRAY, 4, sizeof(struct egret_rules), 1 },
	};
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == layout[index].type &&
	       info.key_size == layout[index].key && info.value_size == layout[index].value &&
	       info.max_entries >= layout[index].entries &&
	       !strcmp(info.name, egret_capture_map_name((enum egret_capture_map)index));
}

/* A regular file of proc: one that anybody else has made could be anything, or never end. */
static bool is_of_proc(int fd)
{
	struct statfs fs;
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && !fstatfs(fd, &fs) &&
	       fs.f_type == PROC_SUPER_MAGIC;
}

static bool is_what_it_says(const struct egret_grant_fd *said, int fd)
{
	uint32_t type = 0;

	if (fd < 0 || !is_of_kind(fd, said->kind))
		return false;
	switch (said->kind) {
	case EGRET_GRANT_PROCESS:
		return is_pidfd_of(fd, said->id);
	case EGRET_GRANT_KALLSYMS:
		return is_of_proc(fd);
	case EGRET_GRANT_SAMPLES:
	case EGRET_GRANT_CAPTURES:
		if (!is_ring(fd))
			return false;
		break;
	case EGRET_GRANT_MAP:
		if (!is_map(fd, said->index))
			return false;
		break;
	case EGRET_GRANT_SLEEPERS:
		if (!bpf_id(fd, &type) || type != BPF_LINK_TYPE_ITER)
			return false;
		break;
	default:
		break;
	}
	return said->id && id_of(fd, said->kind) == said->id;
}

static int not_what_it_says(const struct egret_grant_fd *said, size_t i, int fd,
			    struct egret_error *err)
{
	char what[128];

	if (said->kind <= EGRET_GRANT_EVENT_LINK)
		snprintf(what, sizeof(what), "%s of CPU %u", kinds[said->kind].text, said->cpu);
	else if (said->kind == EGRET_GRANT_MAP)
		snprintf(what, sizeof(what), "the map '%s'",
			 egret_capture_map_name((enum egret_capture_map)said->index));
	else if (said->kind == EGRET_GRANT_PROCESS)
		snprintf(what, sizeof(what), "the process %llu", (unsigned long long)said->id);
	else
		snprintf(what, sizeof(what), "%s", kinds[said->kind].text);
	return egret_fail(err, EBADF,
			  "descriptor %zu of the grant (%d) is not %s that the grant speaks of", i,
			  fd, what);
}

int egret_grant_check(const struct egret_grant_table *table, const int *fds, size_t n,
		      struct egret_error *err)
{
	if (n != table->head.n_fds)
		return egret_fail(err, EINVAL, "the grant is of %u descriptors, and %zu came",
				  table->head.n_fds, n);
	for (size_t i = 0; i < n; i++)
		if (!is_what_it_says(&table->fds[i], fds[i]))
			return not_what_it_says(&table->fds[i], i, fds[i], err);
	return 0;
}

/* ---- from a capture ------------------------------------------------------------------------- */

struct entry {
	struct egret_grant_fd said;
	int fd;
};

struct entries {
	struct entry *all;
	size_t n, room;
};

static void add(struct entries *to, enum egret_grant_kind kind, uint32_t cpu, uint32_t index,
		int fd)
{
	if (fd < 0 || to->n == to->room)
		return;
	to->all[to->n++] = (struct entry){
		{ .kind = kind, .cpu = cpu, .index = index, .id = id_of(fd, kind) }, fd
	};
}

static void add_capture(struct entries *to, const struct egret_capture *c)
{
	for (size_t i = 0; i < c->n_cpus; i++) {
		uint32_t cpu = (uint32_t)c->cpus[i].cpu;

		add(to, EGRET_GRANT_SIDEBAND, cpu, 0, c->cpus[i].sideband_fd);
		add(to, EGRET_GRANT_SAMPLES, cpu, 0, c->cpus[i].samples.fd);
		add(to, EGRET_GRANT_CAPTURES, cpu, 0, c->cpus[i].captures.fd);
	}
	for (size_t i = 0; i < c->n_events; i++) {
		const struct event_fd *e = &c->events[i];

		add(to, EGRET_GRANT_EVENT, (uint32_t)e->cpu, e->event, e->fd);
		add(to, EGRET_GRANT_EVENT_LINK, (uint32_t)e->cpu, e->event, e->link);
	}
	for (enum egret_capture_map i = 0; i < EGRET_N_MAPS; i++)
		add(to, EGRET_GRANT_MAP, 0, i, egret_capture_map_fd(c, egret_capture_map_name(i)));
	for (size_t i = 0; i < c->n_links; i++)
		add(to, EGRET_GRANT_LINK, 0, (uint32_t)i, c->links[i]);
	for (size_t i = 0; i < c->n_tracepoints; i++) {
		add(to, EGRET_GRANT_TRACEPOINT, 0, (uint32_t)i, c->tracepoints[i].program);
		to->all[to->n - 1].said.flags = c->tracepoints[i].is_btf ? EGRET_GRANT_F_BTF : 0;
	}
	add(to, EGRET_GRANT_SLEEPERS, 0, 0, c->sleepers);
	add(to, EGRET_GRANT_THREADS, 0, 0,
	    c->object ? egret_capture_map_fd(c, "threads") : c->given_threads);
}

static void add_extras(struct entries *to, const struct egret_grant_extras *extras)
{
	for (size_t i = 0; i < extras->n_pids; i++) {
		add(to, EGRET_GRANT_PROCESS, 0, (uint32_t)i, extras->pidfds[i]);
		if (extras->pidfds[i] >= 0)
			to->all[to->n - 1].said.id = (uint64_t)extras->pids[i];
	}
	add(to, EGRET_GRANT_KALLSYMS, 0, 0, extras->kallsyms);
}

static int by_place(const void *left, const void *right)
{
	const struct egret_grant_fd *a = &((const struct entry *)left)->said;
	const struct egret_grant_fd *b = &((const struct entry *)right)->said;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static void describe_event(const struct egret_event_spec *spec, struct egret_grant_event *to)
{
	memcpy(to->name, spec->name, sizeof(to->name));
	if (spec->source == EGRET_EVENT_TRACEPOINT)
		memcpy(to->tracepoint, spec->tracepoint, sizeof(to->tracepoint));
	to->frequency = spec->frequency;
	to->period = spec->period;
	to->clock = spec->clock;
}

int egret_grant_describe(const struct egret_capture *c, const struct egret_grant_extras *extras,
			 struct egret_grant_table *table, int **fds, struct egret_error *err)
{
	size_t room = 3 * c->n_cpus + 2 * c->n_events + EGRET_N_MAPS + c->n_links +
		      c->n_tracepoints + extras->n_pids + 3;
	__free_ struct entry *all = calloc(room, sizeof(*all));
	struct entries entries = { all, 0, room };

	memset(table, 0, sizeof(*table));
	table->events = calloc(extras->n_specs, sizeof(*table->events));
	table->fds = calloc(room, sizeof(*table->fds));
	*fds = calloc(room, sizeof(**fds));
	if (!all || !table->events || !table->fds || !*fds) {
		egret_grant_table_deinit(table);
		free(steal_ptr(*fds));
		return egret_fail(err, ENOMEM, "out of memory");
	}
	add_capture(&entries, c);
	add_extras(&entries, extras);
	qsort(all, entries.n, sizeof(*all), by_place);
	for (size_t i = 0; i < entries.n; i++) {
		table->fds[i] = all[i].said;
		(*fds)[i] = all[i].fd;
	}
	for (size_t i = 0; i < extras->n_specs; i++)
		describe_event(&extras->specs[i], &table->events[i]);
	strncpy(table->head.backend, c->backend->name, sizeof(table->head.backend) - 1);
	table->head.scope = c->config.filter;
	table->head.fault = c->config.fault;
	table->head.stack_limit = c->config.stack_limit;
	table->head.clock_events = c->config.clock_events;
	table->head.n_events = (uint32_t)extras->n_specs;
	table->head.n_fds = (uint32_t)entries.n;
	return 0;
}

/* ---- to a capture --------------------------------------------------------------------------- */

static int take_backend(struct egret_capture *c, const struct egret_grant_head *head,
			struct egret_error *err)
{
	for (size_t i = 0; egret_backends[i]; i++)
		if (!strcmp(egret_backends[i]->name, head->backend))
			c->backend = egret_backends[i];
	if (!c->backend)
		return egret_fail(err, ENOTSUP,
				  "the grant is of a capture backend '%s', which is "
				  "not known here",
				  head->backend);
	if (head->stack_limit < 4096 || head->stack_limit > c->backend->max_stack_limit)
		return egret_fail(err, EBADMSG, "this is no grant of egret's: stacks of %u bytes",
				  head->stack_limit);
	c->config = (struct egret_config){
		.filter = head->scope,
		.fault = head->fault,
		.stack_limit = head->stack_limit,
		.clock_events = head->clock_events,
	};
	return 0;
}

static int wait_for(struct egret_capture *c, int fd, struct egret_error *err)
{
	int ret = egret_capture_watch(c, fd);

	return ret ? egret_fail(err, -ret, "cannot wait for a ring: %s", strerror(-ret)) : 0;
}

static int map_ring(struct egret_capture *c, struct egret_bpf_ring *ring, int fd,
		    struct egret_error *err)
{
	struct bpf_map_info info = { 0 };
	uint32_t len = sizeof(info);
	int ret;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return egret_fail(err, errno, "cannot ask how large a ring is: %s",
				  strerror(errno));
	ret = egret_bpf_ring_map(ring, fd, info.max_entries, err);
	return ret ? ret : wait_for(c, fd, err);
}

static int take_cpus(struct egret_capture *c, const struct egret_grant_table *t, const int *fds,
		     struct egret_error *err)
{
	const int *sideband = fds + t->first[EGRET_GRANT_SIDEBAND];
	const int *samples = fds + t->first[EGRET_GRANT_SAMPLES];
	const int *captures = fds + t->first[EGRET_GRANT_CAPTURES];
	int n_possible = libbpf_num_possible_cpus(), ret = 0;

	for (size_t i = 0; i < c->n_cpus && !ret; i++) {
		struct cpu_rings *cpu = &c->cpus[i];

		cpu->cpu = (int)t->fds[t->first[EGRET_GRANT_SIDEBAND] + i].cpu;
		if (cpu->cpu >= n_possible)
			return egret_fail(err, EBADMSG,
					  "this is no grant of egret's: there is no CPU %d",
					  cpu->cpu);
		cpu->sideband_fd = sideband[i];
		ret = egret_perf_ring_init(&cpu->sideband, sideband[i], EGRET_SIDEBAND_PAGES, err);
		if (!ret)
			ret = wait_for(c, sideband[i], err);
		if (!ret)
			ret = map_ring(c, &cpu->samples, samples[i], err);
		if (!ret)
			ret = map_ring(c, &cpu->captures, captures[i], err);
	}
	return ret;
}

static int take_events(struct egret_capture *c, const struct egret_grant_table *t, const int *fds,
		       struct egret_error *err)
{
	size_t link = t->first[EGRET_GRANT_EVENT_LINK];

	c->n_events = egret_grant_count(t, EGRET_GRANT_EVENT);
	c->events = calloc(c->n_events + 1, sizeof(*c->events));
	if (!c->events) {
		c->n_events = 0;
		return egret_fail(err, ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < c->n_events; i++) {
		size_t at = t->first[EGRET_GRANT_EVENT] + i;
		const struct egret_grant_fd *said = &t->fds[at];

		c->events[i] = (struct event_fd){
			.fd = fds[at], .link = -1, .cpu = (int)said->cpu, .event = said->index
		};
		/* Both kinds are in the same order; a tracepoint's event has no link. */
		if (!t->events[said->index].tracepoint[0])
			c->events[i].link = fds[link++];
	}
	return 0;
}

static int take_programs(struct egret_capture *c, const struct egret_grant_table *t, const int *fds,
			 struct egret_error *err)
{
	c->links = calloc(egret_grant_count(t, EGRET_GRANT_LINK) + 1, sizeof(*c->links));
	if (!c->links)
		return egret_fail(err, ENOMEM, "out of memory");
	for (size_t i = t->first[EGRET_GRANT_LINK]; i < t->first[EGRET_GRANT_LINK + 1]; i++)
		c->links[c->n_links++] = fds[i];
	for (size_t i = t->first[EGRET_GRANT_MAP]; i < t->first[EGRET_GRANT_MAP + 1]; i++)
		c->given_maps[t->fds[i].index] = fds[i];
	for (uint32_t i = 0; i < t->head.n_events; i++) {
		struct tracepoint_fd *tracepoint = &c->tracepoints[c->n_tracepoints];
		size_t at = t->first[EGRET_GRANT_TRACEPOINT] + c->n_tracepoints;

		if (!t->events[i].tracepoint[0])
			continue;
		memcpy(tracepoint->name, t->events[i].tracepoint, sizeof(tracepoint->name));
		tracepoint->program = fds[at];
		tracepoint->is_btf = t->fds[at].flags & EGRET_GRANT_F_BTF;
		c->n_tracepoints++;
	}
	if (egret_grant_count(t, EGRET_GRANT_SLEEPERS))
		c->sleepers = fds[t->first[EGRET_GRANT_SLEEPERS]];
	if (egret_grant_count(t, EGRET_GRANT_THREADS))
		c->given_threads = fds[t->first[EGRET_GRANT_THREADS]];
	return 0;
}

/* Takes what there is of it apart, but for the descriptors that were given. */
static void give_back(struct egret_capture *c)
{
	for (size_t i = 0; i < c->n_cpus; i++)
		c->cpus[i].sideband_fd = c->cpus[i].samples.fd = c->cpus[i].captures.fd = -1;
	for (size_t i = 0; i < EGRET_N_MAPS; i++)
		c->given_maps[i] = -1;
	c->n_events = c->n_links = c->n_tracepoints = 0;
	c->sleepers = c->given_threads = -1;
	egret_capture_destroy(c);
}

int egret_capture_adopt(const struct egret_grant_table *t, const int *fds,
			struct egret_capture **out, struct egret_error *err)
{
	struct egret_capture *c;
	int ret = egret_capture_create(egret_grant_count(t, EGRET_GRANT_SIDEBAND), &c, err);

	if (ret)
		return ret;
	ret = take_backend(c, &t->head, err);
	if (!ret)
		ret = take_cpus(c, t, fds, err);
	if (!ret)
		ret = take_events(c, t, fds, err);
	if (!ret)
		ret = take_programs(c, t, fds, err);
	if (ret) {
		give_back(c);
		return ret;
	}
	*out = c;
	return 0;
}

/*
 * The rings of perf events are not there in a child (VM_DONTCOPY), and where they were there may be
 * something else. The parent's epoll is shared with it.
 */
int egret_capture_after_fork(struct egret_capture *c, struct egret_error *err)
{
	int ret = 0;

	close(c->epoll);
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < c->n_cpus; i++) {
		free(c->cpus[i].sideband.whole);
		c->cpus[i].sideband = (struct egret_perf_ring){ 0 };
	}
	for (size_t i = 0; i < c->n_cpus && !ret; i++) {
		struct cpu_rings *cpu = &c->cpus[i];

		ret = egret_perf_ring_init(&cpu->sideband, cpu->sideband_fd, EGRET_SIDEBAND_PAGES,
					   err);
		if (!ret)
			ret = wait_for(c, cpu->sideband_fd, err);
		if (!ret)
			ret = wait_for(c, cpu->samples.fd, err);
		if (!ret)
			ret = wait_for(c, cpu->captures.fd, err);
	}
	return ret;
}
