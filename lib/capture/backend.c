/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/backend.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct egret_backend *const egret_backends[] = {
	&egret_backend_hook,
	&egret_backend_task_work,
	&egret_backend_inline,
	NULL,
};

bool egret_btf_has_func(const struct btf *vmlinux, const char *name)
{
	return btf__find_by_name_kind(vmlinux, name, BTF_KIND_FUNC) > 0;
}

bool egret_btf_has_tracepoint(const struct btf *vmlinux, const char *name)
{
	char type[128];

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf__find_by_name_kind(vmlinux, type, BTF_KIND_TYPEDEF) > 0;
}

/*
 * What libbpf says while it loads. The last line that is neither a part of the verifier's log nor a
 * mere consequence is what a person wants to read.
 */
static __thread char libbpf_said[256];

static int keep_line(enum libbpf_print_level level, const char *format, va_list args)
{
	char line[256];

	if (level != LIBBPF_WARN || libbpf_said[0])
		return 0;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = 0;
	if (strncmp(line, "libbpf: ", 8) || strstr(line, "BEGIN PROG LOAD LOG"))
		return 0;
	snprintf(libbpf_said, sizeof(libbpf_said), "%s", line + 8);
	return 0;
}

/* A program of a tracepoint event: egret_tracepoint0, 1, ... Those that nobody asked for are left
 * out. A program of type tp_btf is loaded for its tracepoint, one of type raw_tp is not. */
static int set_tracepoint(struct bpf_program *prog, const struct egret_backend_setup *setup,
			  struct egret_error *err)
{
	unsigned int n = (unsigned int)(bpf_program__name(prog)[16] - '0');
	bool wanted = n < EGRET_MAX_TRACEPOINTS && setup->config.tracepoint_period[n];

	bpf_program__set_autoload(prog, wanted);
	if (wanted && bpf_program__type(prog) == BPF_PROG_TYPE_TRACING &&
	    bpf_program__set_attach_target(prog, 0, setup->tracepoints[n]))
		return egret_fail(err, ENOENT,
				  "cannot attach to the tracepoint '%s': this kernel has none of "
				  "that name",
				  setup->tracepoints[n]);
	return 0;
}

/* Programs on tracepoints that this kernel does not have are left out. */
static int choose_programs(struct bpf_object *object, const struct egret_backend_setup *setup,
			   const struct btf *vmlinux, struct egret_error *err)
{
	struct bpf_program *prog;
	int ret = 0;

	bpf_object__for_each_program(prog, object)
	{
		const char *section = bpf_program__section_name(prog);

		if (!strncmp(bpf_program__name(prog), "egret_tracepoint", 16))
			ret = set_tracepoint(prog, setup, err);
		else if (!strncmp(bpf_program__name(prog), "egret_target_", 13))
			bpf_program__set_autoload(prog,
						  setup->config.filter == EGRET_FILTER_PROCESS);
		else if (!strncmp(section, "tp_btf/", 7) &&
			 !egret_btf_has_tracepoint(vmlinux, section + 7))
			bpf_program__set_autoload(prog, false);
		if (ret)
			return ret;
	}
	return 0;
}

/*
 * The table of threads, whichever the backend has: a hash table of the kernel's, or slots, twice as
 * many as threads, so that one of a thread's few is free.
 */
static int set_threads(struct bpf_object *object, uint32_t max_threads)
{
	static const char *const slots[] = { "thread_tasks", "thread_states" };
	struct bpf_map *map = bpf_object__find_map_by_name(object, "threads");

	if (map && bpf_map__set_max_entries(map, max_threads))
		return -EINVAL;
	if (max_threads > (UINT32_MAX - EGRET_THREAD_WINDOW) / 2)
		return -E2BIG;
	for (size_t i = 0; i < 2; i++) {
		map = bpf_object__find_map_by_name(object, slots[i]);
		if (map && bpf_map__set_max_entries(map, 2 * max_threads + EGRET_THREAD_WINDOW))
			return -EINVAL;
	}
	return 0;
}

static int set_sizes(struct bpf_object *object, const struct egret_config *config,
		     uint32_t max_threads, int n_cpus)
{
	static const char *const rings[] = { "sample_rings", "capture_rings" };
	struct bpf_map *map;
	void *initial;
	size_t size;

	for (size_t i = 0; i < 2; i++) {
		map = bpf_object__find_map_by_name(object, rings[i]);
		if (!map || bpf_map__set_max_entries(map, (uint32_t)n_cpus))
			return -EINVAL;
	}
	if (set_threads(object, max_threads))
		return -EINVAL;
	map = bpf_object__find_map_by_name(object, ".rodata.egret");
	initial = map ? (void *)bpf_map__initial_value(map, &size) : NULL;
	if (!initial || size != sizeof(*config))
		return -EINVAL;
	memcpy(initial, config, sizeof(*config));
	return 0;
}

static int load_failed(const struct egret_backend *backend, int error, struct egret_error *err)
{
	if (error == -EPERM) /* EACCES is the verifier's */
		return egret_fail(err, EPERM,
				  "not allowed to load BPF programs; run as root, or give egret "
				  "CAP_BPF and CAP_PERFMON");
	return egret_fail(err, ENOTSUP, "this kernel does not take the programs of '%s': %s",
			  backend->name, libbpf_said[0] ? libbpf_said : strerror(-error));
}

int egret_backend_load(const struct egret_backend *backend, const struct egret_backend_setup *setup,
		       const struct btf *vmlinux, struct bpf_object **out, struct egret_error *err)
{
	size_t size = (size_t)((const char *)backend->object_end - (const char *)backend->object);
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "egret");
	int n_cpus = libbpf_num_possible_cpus();
	struct bpf_object *object;
	libbpf_print_fn_t print;
	bool said = false; /* what is wrong, in err */
	int ret;

	libbpf_said[0] = 0;
	print = libbpf_set_print(keep_line);
	object = bpf_object__open_mem(backend->object, size, &opts);
	ret = object ? 0 : -errno;
	if (!ret) {
		ret = choose_programs(object, setup, vmlinux, err);
		said = ret != 0;
	}
	if (!ret)
		ret = set_sizes(object, &setup->config, setup->max_threads, n_cpus);
	if (!ret && backend->prepare) {
		ret = backend->prepare(object, &setup->config, n_cpus, err);
		said = ret != 0;
	}
	if (!ret)
		ret = bpf_object__load(object);
	libbpf_set_print(print);
	if (ret) {
		bpf_object__close(object);
		return said ? ret : load_failed(backend, ret, err);
	}
	*out = object;
	return 0;
}
