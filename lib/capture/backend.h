/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * backend.h - one way to defer the capture of user stacks; see bpf/ for the other half of each.
 *
 * A backend is one file here and one in bpf/. All fill the same rings with the same records and the
 * same counters, so that nothing else needs to know which one it is.
 */
#ifndef EGRET_CAPTURE_BACKEND_H
#define EGRET_CAPTURE_BACKEND_H

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "bpf/abi.h"

struct egret_backend {
	const char *name;
	const char *text;	      /* one line for doctor and --help */
	uint32_t default_stack_limit; /* bytes */
	uint32_t max_stack_limit;
	bool deferred;			 /* no user memory is read in the interrupt */
	const void *object, *object_end; /* the BPF programs */
	/* What this kernel lacks for it, by its BTF: -ENOTSUP and a sentence; 0 where nothing is
	 * known to be missing. */
	int (*probe)(const struct btf *vmlinux, struct egret_error *err);
	/* Sizes what depends on the machine, between opening and loading the object. May be NULL.
	 */
	int (*prepare)(struct bpf_object *object, const struct egret_config *config, int n_cpus,
		       struct egret_error *err);
};

/* In the order of preference; NULL at the end. */
extern const struct egret_backend *const egret_backends[];
extern const struct egret_backend egret_backend_hook;
extern const struct egret_backend egret_backend_task_work;
extern const struct egret_backend egret_backend_inline;

/* A prepare() of backends that defer: see sleepers.c. */
int egret_prepare_sleepers(struct bpf_object *object, const struct egret_config *config, int n_cpus,
			   struct egret_error *err);

/* Whether the kernel's BTF has a function, or a type made for a tracepoint. */
bool egret_btf_has_func(const struct btf *vmlinux, const char *name);
bool egret_btf_has_tracepoint(const struct btf *vmlinux, const char *name);

/* What the programs are to do: everything but what the backend decides. */
struct egret_backend_setup {
	struct egret_config config;
	uint32_t max_threads;
	const char (*tracepoints)[64]; /* names, as many as config has periods for */
};

/* Opens and loads a backend's programs. On success *out is the caller's, to be closed with
 * bpf_object__close. */
int egret_backend_load(const struct egret_backend *backend, const struct egret_backend_setup *setup,
		       const struct btf *vmlinux, struct bpf_object **out, struct egret_error *err);

#endif
