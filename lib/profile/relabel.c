/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Labels as somebody else wants them, and threads that nobody is to see. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "profile/profile_tables.h"

#define STAT_LEFT_OUT "relabel.left-out"

struct relabelling {
	const struct egret_profile *from;
	struct egret_profile *sets; /* only for its labels: what was asked for */
	uint64_t *samples;	    /* by thread */
	uint32_t *set_of;	    /* by thread */
	bool *left_out;		    /* by thread */
	uint64_t n_left_out;	    /* samples */
};

static int begin(struct relabelling *r)
{
	size_t n = r->from->threads.n + 1;

	r->samples = calloc(n, sizeof(*r->samples));
	r->set_of = calloc(n, sizeof(*r->set_of));
	r->left_out = calloc(n, sizeof(*r->left_out));
	if (!r->samples || !r->set_of || !r->left_out)
		return -ENOMEM;
	for (size_t i = 0; i < r->from->entries.n; i++)
		r->samples[r->from->entries.items[i].key.thread] +=
			r->from->entries.items[i].values.samples;
	return egret_profile_create(&r->sets);
}

static void relabelling_deinit(struct relabelling *r)
{
	egret_profile__destroy(r->sets);
	free(r->samples);
	free(r->set_of);
	free(r->left_out);
}

static int check(const struct egret_label *labels, size_t n, struct egret_error *err)
{
	if (n > EGRET_LABELS_MAX)
		return egret_fail(err, E2BIG, "a process has %d labels at most, not %zu",
				  EGRET_LABELS_MAX, n);
	for (size_t i = 0; i < n; i++) {
		if (!labels[i].key || !*labels[i].key || !labels[i].value)
			return egret_fail(err, EINVAL, "a label without a key or a value");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(labels[i].key, labels[j].key))
				return egret_fail(err, EINVAL, "the label '%s' is there twice",
						  labels[i].key);
	}
	return 0;
}

static int keep_set(struct relabelling *r, uint32_t thread, const struct egret_label *labels,
		    size_t n)
{
	struct egret_profile_label numbers[EGRET_LABELS_MAX];

	for (size_t i = 0; i < n; i++) {
		const char *key = labels[i].key, *value = labels[i].value;

		numbers[i].key = egret_profile_string(r->sets, key, strlen(key), NULL);
		numbers[i].value = egret_profile_string(r->sets, value, strlen(value), NULL);
		if (numbers[i].key == UINT32_MAX || numbers[i].value == UINT32_MAX)
			return -ENOMEM;
	}
	r->set_of[thread] = egret_profile_label_set(r->sets, numbers, n);
	return r->set_of[thread] == UINT32_MAX ? -ENOMEM : 0;
}

static int ask(struct relabelling *r, uint32_t number, egret_relabel_fn fn, void *arg,
	       struct egret_error *err)
{
	struct egret_thread thread;
	const struct egret_label *labels;
	size_t n;
	int ret = egret_profile_thread_at(r->from, number, &thread);

	if (ret)
		return egret_fail(err, ENOMEM, "no memory for labels");
	labels = thread.labels;
	n = thread.n_labels;
	ret = fn(&thread, &labels, &n, arg);
	if (ret < 0)
		return egret_fail(err, -ret, "labels cannot be made anew: %s", strerror(-ret));
	if (ret) {
		r->left_out[number] = true;
		r->n_left_out += r->samples[number];
		return 0;
	}
	ret = check(labels, n, err);
	if (!ret && keep_set(r, number, labels, n))
		ret = egret_fail(err, ENOMEM, "no memory for labels");
	return ret;
}

static int count_left_out(const struct relabelling *r, struct egret_profile *to)
{
	uint64_t before = 0;

	for (size_t i = 0; i < to->stats.n; i++)
		if (!strcmp(to->stats.items[i].name, STAT_LEFT_OUT))
			before = to->stats.items[i].value;
	return egret_profile_set_stat(to, STAT_LEFT_OUT,
				      "samples of threads that were left out by rules",
				      before + r->n_left_out);
}

int egret_profile__relabel(const struct egret_profile *profile, egret_relabel_fn fn, void *arg,
			   struct egret_profile **out, struct egret_error *err)
{
	struct relabelling r = { .from = profile };
	struct egret_profile_choice choice;
	struct egret_profile *to;
	int ret = begin(&r);

	if (ret)
		egret_fail(err, ENOMEM, "no memory for labels");
	for (uint32_t i = 0; !ret && i < profile->threads.n; i++)
		if (r.samples[i])
			ret = ask(&r, i, fn, arg, err);
	choice = (struct egret_profile_choice){ r.left_out, r.sets, r.set_of };
	if (!ret) {
		ret = egret_profile_choose(profile, &choice, &to);
		if (!ret && count_left_out(&r, to)) {
			egret_profile__destroy(to);
			ret = -ENOMEM;
		}
		if (ret)
			egret_fail(err, ENOMEM, "no memory for the profile with other labels");
		else
			*out = to;
	}
	relabelling_deinit(&r);
	return ret;
}
