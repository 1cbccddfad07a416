/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* doctor.c - what this kernel and these privileges allow, and what to do about the rest. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "maps/cgroup_path.h"
#include "capture/backend.h"
#include "capture/events.h"
#include "parser/program.h"
#include "session/names.h"
#include "symbolize/symbolize.h"

#define MAX_BACKENDS 8

struct doctor {
	egret_check_fn fn;
	void *arg;
	int ret;
	struct btf *vmlinux;
	bool may_load; /* BPF programs, as far as capabilities say */
};

static void report(struct doctor *d, const char *name, enum egret_check_status status,
		   const char *detail, const char *fix)
{
	struct egret_check check = { name, status, detail, fix };

	if (!d->ret)
		d->ret = d->fn(&check, d->arg);
}

static long read_number(const char *path, long otherwise)
{
	__fclose_ FILE *file = fopen(path, "re");
	long number;

	return file && fscanf(file, "%ld", &number) == 1 ? number : otherwise;
}

static bool has_capability(unsigned int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[capability / 32].effective >> (capability % 32) & 1;
}

static void check_kernel(struct doctor *d)
{
	struct utsname names;

	uname(&names);
	report(d, "kernel", EGRET_CHECK_OK, names.release, "");
	if (strcmp(names.machine, "x86_64"))
		report(d, "architecture", EGRET_CHECK_MISSING, names.machine,
		       "egret unwinds x86-64 only, so far");
}

/* capabilities(7): what each is for, and what is lost without it. */
static void check_capabilities(struct doctor *d)
{
	static const struct {
		unsigned int number;
		const char *name, *fix;
		bool needed;
	} capabilities[] = {
		{ CAP_BPF, "CAP_BPF",
		  "run as root, or `setcap cap_bpf,cap_perfmon+ep`: needed to load "
		  "BPF programs",
		  true },
		{ CAP_PERFMON, "CAP_PERFMON",
		  "run as root, or `setcap cap_bpf,cap_perfmon+ep`: needed "
		  "to sample",
		  true },
		{ CAP_SYS_PTRACE, "CAP_SYS_PTRACE",
		  "without it other users' programs in containers, deleted files and "
		  "code made at run time have no names",
		  false },
		{ CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
		  "without it files that only their owner may read, and deleted files, "
		  "have no names",
		  false },
		{ CAP_SYSLOG, "CAP_SYSLOG", "without it kernel functions have no names", false },
		{ CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE",
		  "without it (or CAP_SYS_ADMIN) "
		  "deleted and replaced files have no names",
		  false },
	};
	bool admin = has_capability(CAP_SYS_ADMIN);

	d->may_load = true;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
		bool has = has_capability(capabilities[i].number) ||
			   (admin && capabilities[i].number != CAP_SYS_PTRACE &&
			    capabilities[i].number != CAP_DAC_READ_SEARCH);

		if (!has && capabilities[i].needed)
			d->may_load = false;
		report(d, capabilities[i].name,
		       has			? EGRET_CHECK_OK
		       : capabilities[i].needed ? EGRET_CHECK_MISSING
						: EGRET_CHECK_WARN,
		       has ? "held" : "not held", has ? "" : capabilities[i].fix);
	}
}

static void check_btf(struct doctor *d)
{
	d->vmlinux = btf__load_vmlinux_btf();
	report(d, "BTF", d->vmlinux ? EGRET_CHECK_OK : EGRET_CHECK_MISSING,
	       d->vmlinux ? "/sys/kernel/btf/vmlinux" : "this kernel has none",
	       d->vmlinux ? "" : "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y");
}

static void check_events(struct doctor *d)
{
	bool cycles = egret_event_has_cycles();
	long paranoid = read_number("/proc/sys/kernel/perf_event_paranoid", 2);
	char detail[64];

	report(d, "hardware events", cycles ? EGRET_CHECK_OK : EGRET_CHECK_WARN,
	       cycles ? "cycles can be sampled"
		      : "no PMU that perf can use (common in virtual machines)",
	       cycles ? ""
		      : "cpu-clock is sampled instead: fine for where time goes, blind where "
			"interrupts are off");
	snprintf(detail, sizeof(detail), "kernel.perf_event_paranoid is %ld", paranoid);
	if (d->may_load || paranoid < 0)
		report(d, "perf events", EGRET_CHECK_OK, detail, "");
	else
		report(d, "perf events", EGRET_CHECK_MISSING, detail,
		       "hold CAP_PERFMON, or `sysctl kernel.perf_event_paranoid=-1`");
}

/* Features are found by trying: the programs are loaded, and thrown away. */
static int try_backend(struct doctor *d, const struct egret_backend *backend,
		       struct egret_error *err)
{
	struct egret_backend_setup setup = {
		.config = { .stack_limit = backend->default_stack_limit,
			    .filter = EGRET_FILTER_SYSTEM },
		.max_threads = 1024,
	};
	struct bpf_object *object = NULL;
	int ret;

	if (!d->vmlinux)
		return egret_fail(err, ENOTSUP, "needs BTF");
	ret = backend->probe(d->vmlinux, err);
	if (!ret)
		ret = egret_backend_load(backend, &setup, d->vmlinux, &object, err);
	bpf_object__close(object);
	return ret;
}

/* chosen: the one that `auto` takes, or NULL. */
static void report_backend(struct doctor *d, const struct egret_backend *backend, const char *why,
			   const struct egret_backend *chosen)
{
	char name[64];

	snprintf(name, sizeof(name), "capture backend %s", backend->name);
	if (!why[0])
		report(d, name, EGRET_CHECK_OK,
		       backend == chosen ? "works, and is what `auto` takes" : "works", "");
	else if (chosen && chosen->deferred)
		report(d, name, EGRET_CHECK_OK, why, ""); /* it is not missed */
	else
		report(d, name, EGRET_CHECK_WARN, why,
		       backend->deferred ? "stacks are read in the interrupt instead" : "");
}

static void check_backends(struct doctor *d)
{
	const struct egret_backend *chosen = NULL;
	struct egret_error why[MAX_BACKENDS] = { { "" } };

	for (size_t i = 0; i < MAX_BACKENDS && egret_backends[i]; i++)
		if (!try_backend(d, egret_backends[i], &why[i]) && !chosen)
			chosen = egret_backends[i];
	for (size_t i = 0; i < MAX_BACKENDS && egret_backends[i]; i++)
		report_backend(d, egret_backends[i], why[i].text, chosen);
	if (!chosen)
		report(d, "capturing", EGRET_CHECK_MISSING, "no backend works here",
		       d->may_load ? "a kernel from 6.1 on with BPF and BTF is needed"
				   : "run as root, or with CAP_BPF and CAP_PERFMON");
	if (d->vmlinux && !egret_btf_has_tracepoint(d->vmlinux, "sched_prepare_exec") &&
	    chosen != &egret_backend_hook)
		report(d, "stacks during execve", EGRET_CHECK_WARN,
		       "no tracepoint sched_prepare_exec (Linux 6.10)",
		       "samples taken while a program is replaced end with the reason `exec`");
}

static void check_names(struct doctor *d)
{
	struct egret_kallsyms *kallsyms = NULL;
	bool hidden;

	if (egret_kallsyms_open("/proc/kallsyms", &kallsyms, NULL)) {
		report(d, "kernel symbols", EGRET_CHECK_WARN, "/proc/kallsyms cannot be read",
		       "kernel functions will be addresses");
		return;
	}
	hidden = egret_kallsyms_hidden(kallsyms);
	egret_kallsyms_destroy(kallsyms);
	report(d, "kernel symbols", hidden ? EGRET_CHECK_WARN : EGRET_CHECK_OK,
	       hidden ? "/proc/kallsyms hides its addresses" : "/proc/kallsyms",
	       hidden ? "hold CAP_SYSLOG and `sysctl kernel.kptr_restrict=1`" : "");
}

static void check_cgroup(struct doctor *d)
{
	const char *mount;
	__close_ int fd = egret_cgroup_open_mount(&mount);

	if (fd >= 0) {
		report(d, "cgroups", EGRET_CHECK_OK, mount, "");
		return;
	}
	report(d, "cgroups", EGRET_CHECK_WARN, "no cgroup of version 2 is mounted",
	       "`mount -t cgroup2 none DIR` for --cgroup");
}

/* As egret_parser__start does: the program, or else a copy of this process. */
static void check_parser(struct doctor *d)
{
	char path[PATH_MAX] = "";
	struct egret_parser_opts opts = { .size = sizeof(opts) };
	struct egret_parser *parser = NULL;
	struct egret_error err = {
		"no egret-parser is where egret's library is: a copy of egret does its work"
	};
	const char *fix = "install egret-parser with the library, as `make install` does";
	bool is_there = egret_parser_find_program(path, sizeof(path));

	opts.program = path;
	if (is_there && !egret_parser__start(&opts, &parser, &err)) {
		report(d, "parser of files", EGRET_CHECK_OK, path, "");
	} else {
		struct egret_error none = { "" };

		if (egret_parser__start(NULL, &parser, &none)) {
			err = none;
			fix = "the agent and --parser=process do not start without it";
		}
		report(d, "parser of files", EGRET_CHECK_WARN, err.text, fix);
	}
	egret_parser__destroy(parser);
}

int egret_doctor(egret_check_fn fn, void *arg)
{
	struct doctor d = { .fn = fn, .arg = arg };

	check_kernel(&d);
	check_capabilities(&d);
	check_btf(&d);
	check_events(&d);
	check_backends(&d);
	check_names(&d);
	check_cgroup(&d);
	check_parser(&d);
	btf__free(d.vmlinux);
	return d.ret;
}
