/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "fleet/labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KEY_CGROUP "process.linux.cgroup"

static void add(struct thread_label_set *to, const char *key, const char *value)
{
	to->keys[to->set.n] = key;
	to->values[to->set.n] = value;
	to->set.n++;
}

/* Labels are in the order of their keys; the cgroup is one of them where they were read. */
static void add_all(struct thread_label_set *to, const struct egret_thread *thread)
{
	bool has_cgroup = !thread->cgroup || !*thread->cgroup;
	const char *service = NULL, *unit = NULL;

	for (size_t i = 0; i < thread->n_labels; i++) {
		const struct egret_label *label = &thread->labels[i];
		int order = strcmp(label->key, KEY_CGROUP);

		if (!has_cgroup && order > 0)
			add(to, KEY_CGROUP, thread->cgroup);
		has_cgroup |= order >= 0;
		add(to, label->key, label->value);
		if (!strcmp(label->key, "service.name"))
			service = label->value;
		else if (!strcmp(label->key, "systemd.unit"))
			unit = label->value;
	}
	if (!has_cgroup)
		add(to, KEY_CGROUP, thread->cgroup);
	to->set.service = service ? service : unit ? unit : thread->process;
}

int thread_label_set(struct thread_label_set *out, const struct egret_thread *thread,
		     const char *host)
{
	*out = (struct thread_label_set){
		.set = { .host = host, .process = thread->process, .thread = thread->comm },
		.keys = calloc(thread->n_labels + 1, sizeof(*out->keys)),
		.values = calloc(thread->n_labels + 1, sizeof(*out->values)),
	};
	if (!out->keys || !out->values) {
		thread_label_set_deinit(out);
		return -ENOMEM;
	}
	add_all(out, thread);
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
