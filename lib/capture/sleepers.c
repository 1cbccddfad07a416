/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sleepers.c - runs the iterator over tasks that reads the stacks of those that sleep in the
 * kernel. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "capture/capture_impl.h"

/* The scratch record of sleepers holds the limit, and the page that a copy may begin at its end. */
int egret_prepare_sleepers(struct bpf_object *object, const struct egret_config *config, int n_cpus,
			   struct egret_error *err)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, "sleeper_scratch");

	if (!map || bpf_map__set_value_size(map, (uint32_t)sizeof(struct egret_rec_capture) +
							 config->stack_limit + 4096))
		return egret_fail(err, EINVAL, "cannot size the scratch memory of sleepers");
	return 0;
}

int egret_sleepers_prepare(struct egret_capture *c, struct egret_error *err)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(c->object, "egret_sleepers");

	if (!prog)
		return 0; /* the backend does not defer: nobody waits */
	c->sleepers = bpf_link_create(bpf_program__fd(prog), 0, BPF_TRACE_ITER, NULL);
	return c->sleepers < 0 ? egret_fail(err, errno, "cannot look at threads that sleep: %s",
					    strerror(errno))
			       : 0;
}

int egret_capture_read_sleepers(struct egret_capture *c, struct egret_error *err)
{
	__close_ int iterator = -1;
	char nothing[64];
	ssize_t n;

	if (c->sleepers < 0)
		return 0;
	iterator = bpf_iter_create(c->sleepers);
	if (iterator < 0)
		return egret_fail(err, errno, "cannot look at threads that sleep: %s",
				  strerror(errno));
	do
		n = read(iterator, nothing, sizeof(nothing));
	while (n > 0 || (n < 0 && errno == EAGAIN));
	return 0;
}
