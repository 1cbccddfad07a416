/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "export/by_label.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "export/intern.h"
#include "profile/profile.h"

void egret_by_label_add(struct egret_buffer *text, const struct egret_thread *thread,
			const char *key)
{
	for (size_t i = 0; i < thread->n_labels; i++)
		if (!strcmp(thread->labels[i].key, key) && *thread->labels[i].value) {
			egret_buffer_add_string(text, thread->labels[i].value);
			return;
		}
	egret_buffer_printf(text, "[no %s]", key);
}

/* Each key of the profile once. 0 or -ENOMEM. */
static int collect_keys(const struct egret_profile *profile, struct egret_interned *keys)
{
	size_t n_sets = egret_profile_n_label_sets(profile), n;

	for (uint32_t set = 0; set < n_sets; set++) {
		const struct egret_profile_label *labels = egret_profile_get_label_set(profile, set,
										       &n);

		for (size_t i = 0; i < n; i++)
			if (egret_interned_put_string(
				    keys, egret_profile_get_string(profile, labels[i].key)) ==
			    EGRET_INDEX_NONE)
				return -ENOMEM;
	}
	return 0;
}

static int fail_unknown(const struct egret_interned *keys, const char *key, struct egret_error *err)
{
	struct egret_buffer known = { 0 };
	int ret;

	for (size_t i = 0; i < keys->n; i++)
		egret_buffer_printf(&known, "%s%s", i ? ", " : "",
				    ((const char *const *)keys->items)[i]);
	egret_buffer_add(&known, "", 1);
	ret = egret_fail(err, EINVAL, "no process here has the label \"%s\"; %s%s", key,
			 keys->n ? "there are: " : "there are none (record with --labels)",
			 keys->n && !known.failed ? (char *)known.data : "");
	egret_buffer_deinit(&known);
	return ret;
}

int egret_by_label_check(const struct egret_profile *profile, const char *key,
			 struct egret_error *err)
{
	struct egret_interned keys;
	bool is_known = false;
	int ret;

	egret_interned_init(&keys, sizeof(const char *), sizeof(const char *));
	ret = collect_keys(profile, &keys);
	for (size_t i = 0; i < keys.n && !is_known; i++)
		is_known = !strcmp(((const char *const *)keys.items)[i], key);
	if (ret)
		egret_fail(err, ENOMEM, "no memory for labels");
	else if (!is_known)
		ret = fail_unknown(&keys, key, err);
	egret_interned_deinit(&keys);
	return ret;
}
