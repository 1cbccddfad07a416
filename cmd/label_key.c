/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "label_key.h"

#include <stdio.h>
#include <string.h>

#include "message.h"

#define SHOWN_MAX 64

struct looking {
	const char *key;
	size_t len;
	bool is_known;
	bool has_stacks;
	const struct egret_label *last; /* the labels that were looked at last */
	const char *others[SHOWN_MAX];	/* each once */
	size_t n;
};

static void note_other(struct looking *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->others[i], key))
			return;
	if (l->n < SHOWN_MAX)
		l->others[l->n++] = key;
}

static int look_at_stack(const struct egret_stack *stack, void *arg)
{
	struct looking *l = arg;
	const struct egret_thread *thread = stack->thread;

	l->has_stacks = true;
	if (thread->labels == l->last)
		return 0;
	l->last = thread->labels;
	for (size_t i = 0; i < thread->n_labels; i++) {
		const char *key = thread->labels[i].key;

		l->is_known |= strlen(key) == l->len && !memcmp(key, l->key, l->len);
		note_other(l, key);
	}
	return l->is_known; /* or all others are wanted */
}

int label_key_check(const struct egret_profile *profile, const char *key, size_t len)
{
	struct looking l = { .key = key, .len = len };
	char known[2048] = "there are none (record with --labels)";
	size_t at = 0;

	egret_profile__each_stack(profile, look_at_stack, &l);
	if (l.is_known || !l.has_stacks)
		return STATUS_OK;
	for (size_t i = 0; i < l.n && at < sizeof(known); i++)
		at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
				       i ? ", " : "there are: ", l.others[i]);
	return say_error("no process here has the label \"%.*s\"; %s", (int)len, key, known);
}
