/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/events.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Names as perf-list(1) has them; the first of several for one event is the one that is listed. */
static const struct event_name {
	const char *name;
	uint32_t type;
	uint64_t config;
	bool alias;
} event_names[] = {
	{ "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, false },
	{ "task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, false },
	{ "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, false },
	{ "faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, true },
	{ "minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, false },
	{ "major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ, false },
	{ "context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, false },
	{ "cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, true },
	{ "cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, false },
	{ "migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, true },
	{ "alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS, false },
	{ "emulation-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS, false },
	{ "cgroup-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CGROUP_SWITCHES, false },
	{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false },
	{ "cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, true },
	{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, false },
	{ "cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES, false },
	{ "cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, false },
	{ "branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS, false },
	{ "branch-instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS, true },
	{ "branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, false },
	{ "bus-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES, false },
	{ "stalled-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND,
	  false },
	{ "stalled-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND,
	  false },
	{ "ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES, false },
};

#define CACHE_EVENT(cache, op, result) ((cache) | ((op) << 8) | ((result) << 16))

static const struct {
	const char *name;
	unsigned int id;
} cache_levels[] = {
	{ "L1-dcache", PERF_COUNT_HW_CACHE_L1D }, { "L1-icache", PERF_COUNT_HW_CACHE_L1I },
	{ "LLC", PERF_COUNT_HW_CACHE_LL },	  { "dTLB", PERF_COUNT_HW_CACHE_DTLB },
	{ "iTLB", PERF_COUNT_HW_CACHE_ITLB },	  { "branch", PERF_COUNT_HW_CACHE_BPU },
	{ "node", PERF_COUNT_HW_CACHE_NODE },
}, cache_ops[] = {
	{ "-loads", CACHE_EVENT(0, PERF_COUNT_HW_CACHE_OP_READ, 0) },
	{ "-load-misses", CACHE_EVENT(0, PERF_COUNT_HW_CACHE_OP_READ, 1) },
	{ "-stores", CACHE_EVENT(0, PERF_COUNT_HW_CACHE_OP_WRITE, 0) },
	{ "-store-misses", CACHE_EVENT(0, PERF_COUNT_HW_CACHE_OP_WRITE, 1) },
	{ "-prefetches", CACHE_EVENT(0, PERF_COUNT_HW_CACHE_OP_PREFETCH, 0) },
	{ "-prefetch-misses", CACHE_EVENT(0, PERF_COUNT_HW_CACHE_OP_PREFETCH, 1) },
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

const char *egret_event_spec_name(size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++)
		if (!event_names[i].alias && !n--)
			return event_names[i].name;
	return NULL;
}

int egret_perf_event_open(struct perf_event_attr *attr, int pid, int cpu)
{
	int fd;

	attr->size = sizeof(*attr);
	fd = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool egret_event_has_cycles(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.sample_period = 1000000,
		.disabled = 1,
	};
	int fd = egret_perf_event_open(&attr, -1, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* The letters behind the last colon, as perf-list(1) has them. */
static int parse_modifiers(const char *text, const char *letters, struct egret_event_spec *spec,
			   struct egret_error *err)
{
	bool user = strchr(letters, 'u'), kernel = strchr(letters, 'k');
	unsigned int precise = 0;

	for (const char *p = letters; *p; p++) {
		if (*p == 'p' || *p == 'P')
			precise += precise < 3;
		else if (!strchr("ukhGHDSW", *p))
			return egret_fail(err, EINVAL,
					  "event '%s': modifier '%c' is not known; egret takes :u "
					  "(user mode), :k (kernel mode) and :p (precise)",
					  text, *p);
	}
	if (user || kernel) {
		spec->attr.exclude_user = !user;
		spec->attr.exclude_kernel = !kernel;
		spec->attr.exclude_hv = 1;
	}
	spec->attr.precise_ip = precise;
	return 0;
}

static bool parse_cache_event(const char *name, struct perf_event_attr *attr)
{
	for (size_t i = 0; i < ARRAY_SIZE(cache_levels); i++) {
		size_t len = strlen(cache_levels[i].name);

		if (strncasecmp(name, cache_levels[i].name, len))
			continue;
		for (size_t j = 0; j < ARRAY_SIZE(cache_ops); j++) {
			if (strcasecmp(name + len, cache_ops[j].name))
				continue;
			attr->type = PERF_TYPE_HW_CACHE;
			attr->config = cache_levels[i].id | cache_ops[j].id;
			return true;
		}
	}
	return false;
}

/* rNNN: the event code of the CPU's manual, in hexadecimal. */
static bool parse_raw_event(const char *name, struct perf_event_attr *attr)
{
	char *end;

	if (name[0] != 'r' || !isxdigit((unsigned char)name[1]))
		return false;
	attr->type = PERF_TYPE_RAW;
	attr->config = strtoull(name + 1, &end, 16);
	return !*end && end - name <= 1 + 16;
}

/*
 * PMU/config=N,config1=N,config2=N/: a PMU of /sys/bus/event_source/devices by its number.
 * Modifiers may follow the slash without a colon.
 */
static int parse_pmu_event(const char *name, struct perf_event_attr *attr, const char **modifiers,
			   struct egret_error *err)
{
	char pmu[64], path[128], term[32];
	__fclose_ FILE *file = NULL;
	unsigned long long value;
	const char *p = strchr(name, '/');
	int used;

	snprintf(pmu, sizeof(pmu), "%.*s", (int)(p - name), name);
	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", pmu);
	file = strchr(pmu, '.') ? NULL : fopen(path, "re");
	if (!file || fscanf(file, "%u", &attr->type) != 1)
		return egret_fail(err, ENOENT, "event '%s': this kernel has no PMU called '%s'",
				  name, pmu);
	for (p++; *p && *p != '/'; p += used + (p[used] == ',')) {
		used = 0;
		if (sscanf(p, "%31[a-z0-9]=%lli%n", term, (long long *)&value, &used) != 2)
			break;
		if (!strcmp(term, "config") || !strcmp(term, "event"))
			attr->config |= value;
		else if (!strcmp(term, "umask"))
			attr->config |= value << 8;
		else if (!strcmp(term, "config1"))
			attr->config1 = value;
		else if (!strcmp(term, "config2"))
			attr->config2 = value;
		else
			break;
	}
	if (*p != '/')
		return egret_fail(err, EINVAL,
				  "event '%s': egret takes event=, umask=, config=, config1= and "
				  "config2= between the slashes",
				  name);
	if (p[1])
		*modifiers = p + 1;
	return 0;
}

static bool parse_named_event(const char *name, struct egret_event_spec *spec)
{
	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++) {
		if (strcmp(name, event_names[i].name))
			continue;
		spec->attr.type = event_names[i].type;
		spec->attr.config = event_names[i].config;
		spec->clock = spec->attr.type == PERF_TYPE_SOFTWARE &&
			      (spec->attr.config == PERF_COUNT_SW_CPU_CLOCK ||
			       spec->attr.config == PERF_COUNT_SW_TASK_CLOCK);
		return true;
	}
	return false;
}

/* How many single-letter edits lie between two short words. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[64], la = strlen(a), lb = strlen(b);

	if (la >= ARRAY_SIZE(row) || lb >= ARRAY_SIZE(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

static int unknown_event(const char *name, struct egret_error *err)
{
	const char *nearest = NULL;
	size_t best = 4;

	for (size_t i = 0; i < ARRAY_SIZE(event_names); i++) {
		size_t distance = edit_distance(name, event_names[i].name);

		if (distance < best) {
			best = distance;
			nearest = event_names[i].name;
		}
	}
	if (nearest)
		return egret_fail(err, ENOENT, "there is no event '%s'; did you mean '%s'?", name,
				  nearest);
	return egret_fail(
		err, ENOENT,
		"there is no event '%s'; `egret help record` lists the names, rNNN is a raw "
		"code, SUBSYSTEM:NAME a tracepoint",
		name);
}

static int parse_tracepoint(const char *name, const char *colon, struct egret_event_spec *spec,
			    struct egret_error *err)
{
	size_t len = strlen(colon + 1);

	if (!len || len >= sizeof(spec->tracepoint) || colon == name)
		return egret_fail(err, EINVAL, "'%s' is not a tracepoint: write SUBSYSTEM:NAME",
				  name);
	spec->source = EGRET_EVENT_TRACEPOINT;
	memcpy(spec->tracepoint, colon + 1, len + 1);
	return 0;
}

/* An event by a name of its own or the CPU's number for it. */
static bool parse_event(const char *name, struct egret_event_spec *spec)
{
	return parse_named_event(name, spec) || parse_cache_event(name, &spec->attr) ||
	       parse_raw_event(name, &spec->attr);
}

static bool is_event(const char *name, size_t len)
{
	struct egret_event_spec ignored = { 0 };
	char head[sizeof(ignored.name)];

	snprintf(head, sizeof(head), "%.*s", (int)len, name);
	return parse_event(head, &ignored);
}

/* Cuts the modifiers off name and returns them; "" where there are none. */
static const char *split_modifiers(char *name)
{
	char *colon = strrchr(name, ':');

	if (!colon || strspn(colon + 1, "ukhpPGHDSW") != strlen(colon + 1))
		return "";
	*colon = 0;
	return colon + 1;
}

int egret_event_parse(const char *text, struct egret_event_spec *spec, struct egret_error *err)
{
	char name[sizeof(spec->name)];
	const char *modifiers, *colon;
	int ret = 0;

	memset(spec, 0, sizeof(*spec));
	if (!*text || strlen(text) >= sizeof(name))
		return egret_fail(err, EINVAL, "'%.40s' is not an event", text);
	strcpy(name, text);
	strcpy(spec->name, text);
	modifiers = split_modifiers(name);
	colon = strchr(name, ':');
	if (strchr(name, '/'))
		ret = parse_pmu_event(name, &spec->attr, &modifiers, err);
	else if (colon && is_event(name, (size_t)(colon - name)))
		modifiers = colon + 1; /* with a letter that is none */
	else if (colon)
		ret = parse_tracepoint(name, colon, spec, err);
	else if (!parse_event(name, spec))
		ret = unknown_event(name, err);
	return ret ? ret : parse_modifiers(text, modifiers, spec, err);
}
