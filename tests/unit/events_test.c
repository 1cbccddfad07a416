/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "test.h"

#include <errno.h>
#include <sys/stat.h>

#include "capture/events.h"

static struct egret_event_spec parse(const char *text)
{
	struct egret_event_spec spec;
	struct egret_error err = { "" };
	int ret = egret_event_parse(text, &spec, &err);

	if (ret)
		printf("%s: %s\n", text, err.text);
	CHECK_EQ(ret, 0);
	CHECK_STR(spec.name, text);
	return spec;
}

/* The sentence that a text is refused with, and the error. */
static const char *refused(const char *text, int want)
{
	static struct egret_error err;
	struct egret_event_spec spec;

	err.text[0] = 0;
	CHECK_EQ(egret_event_parse(text, &spec, &err), want);
	return err.text;
}

static void named_events(void)
{
	static const struct {
		const char *name;
		uint32_t type;
		uint64_t config;
		bool clock;
	} cases[] = {
		{ "cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, true },
		{ "task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, true },
		{ "page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, false },
		{ "faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, false },
		{ "minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN, false },
		{ "major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ, false },
		{ "context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, false },
		{ "cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, false },
		{ "migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS, false },
		{ "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false },
		{ "cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false },
		{ "instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, false },
		{ "cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, false },
		{ "branch-instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS,
		  false },
		{ "ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct egret_event_spec spec = parse(cases[i].name);

		CHECK_EQ(spec.source, EGRET_EVENT_PERF);
		CHECK_EQ(spec.attr.type, cases[i].type);
		CHECK_EQ(spec.attr.config, cases[i].config);
		CHECK_EQ(spec.clock, cases[i].clock);
		CHECK(!spec.attr.exclude_user && !spec.attr.exclude_kernel);
		CHECK_EQ(spec.attr.precise_ip, 0);
	}
}

static void modifiers(void)
{
	static const struct {
		const char *text;
		bool no_user, no_kernel, no_hv;
		unsigned int precise;
	} cases[] = {
		{ "cycles:u", false, true, true, 0 },
		{ "cycles:k", true, false, true, 0 },
		{ "cycles:uk", false, false, true, 0 },
		{ "cycles:ku", false, false, true, 0 },
		{ "cycles:p", false, false, false, 1 },
		{ "cycles:pp", false, false, false, 2 },
		{ "cycles:ppp", false, false, false, 3 },
		{ "cycles:pppp", false, false, false, 3 },
		{ "cycles:upp", false, true, true, 2 },
		{ "cycles:P", false, false, false, 1 },
		{ "cycles:", false, false, false, 0 },
		{ "r1c4:k", true, false, true, 0 },
		{ "LLC-load-misses:u", false, true, true, 0 },
		{ "cpu-clock:h", false, false, false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct egret_event_spec spec = parse(cases[i].text);

		CHECK_EQ(spec.source, EGRET_EVENT_PERF);
		CHECK_EQ(spec.attr.exclude_user, cases[i].no_user);
		CHECK_EQ(spec.attr.exclude_kernel, cases[i].no_kernel);
		CHECK_EQ(spec.attr.exclude_hv, cases[i].no_hv);
		CHECK_EQ(spec.attr.precise_ip, cases[i].precise);
	}
}

static void cache_events(void)
{
	static const struct {
		const char *name;
		uint64_t level, op, miss;
	} cases[] = {
		{ "L1-dcache-loads", PERF_COUNT_HW_CACHE_L1D, PERF_COUNT_HW_CACHE_OP_READ, 0 },
		{ "L1-dcache-load-misses", PERF_COUNT_HW_CACHE_L1D, PERF_COUNT_HW_CACHE_OP_READ,
		  1 },
		{ "l1-ICACHE-load-misses", PERF_COUNT_HW_CACHE_L1I, PERF_COUNT_HW_CACHE_OP_READ,
		  1 },
		{ "LLC-stores", PERF_COUNT_HW_CACHE_LL, PERF_COUNT_HW_CACHE_OP_WRITE, 0 },
		{ "LLC-store-misses", PERF_COUNT_HW_CACHE_LL, PERF_COUNT_HW_CACHE_OP_WRITE, 1 },
		{ "dTLB-prefetches", PERF_COUNT_HW_CACHE_DTLB, PERF_COUNT_HW_CACHE_OP_PREFETCH, 0 },
		{ "iTLB-load-misses", PERF_COUNT_HW_CACHE_ITLB, PERF_COUNT_HW_CACHE_OP_READ, 1 },
		{ "branch-load-misses", PERF_COUNT_HW_CACHE_BPU, PERF_COUNT_HW_CACHE_OP_READ, 1 },
		{ "node-prefetch-misses", PERF_COUNT_HW_CACHE_NODE, PERF_COUNT_HW_CACHE_OP_PREFETCH,
		  1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct egret_event_spec spec = parse(cases[i].name);

		CHECK_EQ(spec.attr.type, PERF_TYPE_HW_CACHE);
		CHECK_EQ(spec.attr.config & 0xff, cases[i].level);
		CHECK_EQ(spec.attr.config >> 8 & 0xff, cases[i].op);
		CHECK_EQ(spec.attr.config >> 16, cases[i].miss);
	}
}

static void raw_events(void)
{
	CHECK_EQ(parse("r1").attr.config, 1);
	CHECK_EQ(parse("r01c4").attr.config, 0x1c4);
	CHECK_EQ(parse("rFFFFFFFFFFFFFFFF").attr.config, UINT64_MAX);
	CHECK_EQ(parse("r003c").attr.type, PERF_TYPE_RAW);
	refused("r", -ENOENT);
	refused("rx", -ENOENT);
	refused("r12g", -ENOENT);
	refused("r 12", -ENOENT);
	/* Wider than an event code is. */
	refused("r10000000000000000", -ENOENT);
}

static void tracepoints(void)
{
	struct egret_event_spec spec = parse("sched:sched_switch");

	CHECK_EQ(spec.source, EGRET_EVENT_TRACEPOINT);
	CHECK_STR(spec.tracepoint, "sched_switch");
	CHECK(!spec.clock);
	spec = parse("sched:sched_switch:u");
	CHECK_STR(spec.tracepoint, "sched_switch");
	CHECK_EQ(spec.attr.exclude_kernel, 1);
	/* A name that consists of modifiers' letters is a name where nothing else would be one. */
	CHECK(strstr(refused("sched:", -ENOENT), "sched") != NULL);
	CHECK(strstr(refused(":sched_switch", -EINVAL), "SUBSYSTEM:NAME") != NULL);
	refused("a:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		-EINVAL);
}

static void pmu_events(void)
{
	struct egret_event_spec spec;
	struct stat st;

	CHECK(strstr(refused("nosuchpmu/config=1/", -ENOENT), "no PMU called 'nosuchpmu'") != NULL);
	CHECK(strstr(refused("../../x/config=1/", -ENOENT), "no PMU called") != NULL);
	refused("/config=1/", -ENOENT);
	if (stat("/sys/bus/event_source/devices/software/type", &st))
		SKIP("this kernel names no PMU 'software'");
	spec = parse("software/config=0x10/");
	CHECK_EQ(spec.attr.type, PERF_TYPE_SOFTWARE);
	CHECK_EQ(spec.attr.config, 0x10);
	spec = parse("software/event=0xc4,umask=0x20,config1=7,config2=-1/u");
	CHECK_EQ(spec.attr.config, 0x20c4);
	CHECK_EQ(spec.attr.config1, 7);
	CHECK_EQ(spec.attr.config2, UINT64_MAX);
	CHECK_EQ(spec.attr.exclude_kernel, 1);
	spec = parse("software/config=1/:k");
	CHECK_EQ(spec.attr.exclude_user, 1);
	CHECK(strstr(refused("software/nonsense=1/", -EINVAL), "between the slashes") != NULL);
	CHECK(strstr(refused("software/config=1", -EINVAL), "between the slashes") != NULL);
	refused("software/config=/", -EINVAL);
	refused("software/config/", -EINVAL);
	refused("software/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=1/", -EINVAL);
}

static void suggestions(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "cpu-clok", "did you mean 'cpu-clock'?" },
		{ "cylces", "did you mean 'cycles'?" },
		{ "cycle", "did you mean 'cycles'?" },
		{ "instruction:u", "did you mean 'instructions'?" },
		{ "page-fault", "did you mean 'page-faults'?" },
		{ "cachemisses", "did you mean 'cache-misses'?" },
		{ "context-switch", "did you mean 'context-switches'?" },
		{ "zzzzzzzzzz", "`egret help record` lists the names" },
		{ "L1-dcache", "`egret help record` lists the names" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = refused(cases[i].text, -ENOENT);

		if (!strstr(text, cases[i].want))
			printf("%s: %s\n", cases[i].text, text);
		CHECK(strstr(text, cases[i].want) != NULL);
	}
}

static void refuses(void)
{
	char large[400];

	CHECK(strstr(refused("", -EINVAL), "is not an event") != NULL);
	memset(large, 'c', sizeof(large) - 1);
	large[sizeof(large) - 1] = 0;
	CHECK(strlen(refused(large, -EINVAL)) < 100);
	large[100] = 0;
	refused(large, -ENOENT);
	CHECK(strstr(refused("cycles:x", -EINVAL), "'cycles:x'") != NULL);
	CHECK(strstr(refused("cycles:ux", -EINVAL), "'x'") != NULL);
	CHECK(strstr(refused("r01c4:x", -EINVAL), "'x'") != NULL);
	CHECK(strstr(refused("software/config=1/x", -EINVAL), "'x'") != NULL);
	CHECK(strchr(refused("cyc\nles", -ENOENT), '\n') == NULL);
	/* Without an error to write to. */
	CHECK_EQ(egret_event_parse("nonsense", &(struct egret_event_spec){ 0 }, NULL), -ENOENT);
}

/* Every name that is listed is one that is understood, and listed once. */
static void listed_names(void)
{
	size_t n = 0;

	for (const char *name; (name = egret_event_spec_name(n)); n++) {
		struct egret_event_spec spec = parse(name);

		for (size_t i = 0; i < n; i++) {
			struct egret_event_spec other = parse(egret_event_spec_name(i));

			CHECK(spec.attr.type != other.attr.type ||
			      spec.attr.config != other.attr.config);
		}
	}
	CHECK(n >= 20);
	CHECK_STR(egret_event_spec_name(0), "cpu-clock");
	CHECK(!egret_event_spec_name(n + 1));
}

int main(void)
{
	RUN(named_events);
	RUN(modifiers);
	RUN(cache_events);
	RUN(raw_events);
	RUN(tracepoints);
	RUN(suggestions);
	RUN(refuses);
	RUN(listed_names);
	RUN(pmu_events);
	return DONE();
}
