/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>

#include "capture/backend.h"

extern const char egret_bpf_inline[], egret_bpf_inline_end[];

static int probe(const struct btf *vmlinux, struct egret_error *err)
{
	return 0; /* helpers are not in BTF as such: the load tells */
}

/* The scratch record of each CPU holds the limit, and the page that a copy may begin at its end. */
static int prepare(struct bpf_object *object, const struct egret_config *config, int n_cpus,
		   struct egret_error *err)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, "inline_scratches");

	if (!map || bpf_map__set_max_entries(map, (uint32_t)n_cpus) ||
	    bpf_map__set_value_size(map, (uint32_t)sizeof(struct egret_rec_capture) +
						 config->stack_limit + 4096))
		return egret_fail(err, EINVAL, "cannot size the scratch memory of 'inline'");
	return 0;
}

const struct egret_backend egret_backend_inline = {
	.name = "inline",
	.text = "registers and stack are read in the sampling interrupt, without waiting for pages",
	.default_stack_limit = 64 << 10,
	.max_stack_limit = 1 << 20,
	.deferred = false,
	.object = egret_bpf_inline,
	.object_end = egret_bpf_inline_end,
	.probe = probe,
	.prepare = prepare,
};
