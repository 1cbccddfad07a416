/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_CGROUP "process.linux.cgroup"

int thread_label_set(struct thread_label_set *out, const struct egret_thread *thread,
		     const char *host)
{
	*out = (struct thread_label_set){ .set = { .host = host,
						   .service = thread->process,
						   .process = thread->process,
						   .thread = thread->comm } };
	out->keys = calloc(1, sizeof(*out->keys));
	out->values = calloc(1, sizeof(*out->values));
	if (!out->keys || !out->values) {
		thread_label_set_deinit(out);
		return -ENOMEM;
	}
	if (*thread->cgroup) {
		out->keys[0] = KEY_CGROUP;
		out->values[0] = thread->cgroup;
		out->set.n = 1;
	}
	out->set.keys = out->keys;
	out->set.values = out->values;
	return 0;
}

void thread_label_set_deinit(struct thread_label_set *labels)
{
	free(labels->keys);
	free(labels->values);
	*labels = (struct thread_label_set){ 0 };
}
