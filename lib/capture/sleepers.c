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

int egret_capture_read_sleepers(struct egret_capture *c, struct egret_error *err)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(c->object, "egret_sleepers");
	struct bpf_link *link;
	__close_ int iterator = -1;
	char nothing[64];
	ssize_t n;

	if (!prog)
		return 0; /* the backend does not defer: nobody waits */
	link = bpf_program__attach_iter(prog, NULL);
	if (!link)
		return egret_fail(err, errno, "cannot look at threads that sleep: %s",
				  strerror(errno));
	iterator = bpf_iter_create(bpf_link__fd(link));
	if (iterator >= 0) {
		do
			n = read(iterator, nothing, sizeof(nothing));
		while (n > 0 || (n < 0 && errno == EAGAIN));
	}
	bpf_link__destroy(link);
	return iterator < 0 ? egret_fail(err, -iterator, "cannot look at threads that sleep: %s",
					 strerror(-iterator))
			    : 0;
}
