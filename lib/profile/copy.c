/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A snapshot of a profile: everything is added to a new one in the order of its numbers, so that
 * the numbers are the same, and the copy carries none of the slack of the original.
 */
#include <errno.h>
#include <string.h>

#include "profile/profile_tables.h"

static int copy_names(struct egret_profile *to, const struct egret_profile *from)
{
	for (size_t i = 1; i < from->strings.n; i++) {
		const char *text = from->strings.items[i];

		if (egret_profile_string(to, text, strlen(text), NULL) != i)
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->modules.n; i++)
		if (egret_profile_module(to, &from->modules.items[i], NULL) != i)
			return -ENOMEM;
	for (size_t i = 0; i < from->threads.n; i++)
		if (egret_profile_thread(to, &from->threads.items[i], NULL) != i)
			return -ENOMEM;
	for (size_t i = 0; i < from->cgroups.n; i++)
		if (egret_profile_set_cgroup(to, (uint32_t)i, from->cgroups.items[i]))
			return -ENOMEM;
	for (size_t i = 0; i < from->thread_labels.n; i++)
		if (egret_profile_copy_thread_labels(to, (uint32_t)i, from, (uint32_t)i))
			return -ENOMEM;
	return 0;
}

static int copy_frames(struct egret_profile *to, const struct egret_profile *from)
{
	for (size_t i = 0; i < from->frames.n; i++)
		if (egret_profile_frame(to, &from->frames.items[i], NULL) != i)
			return -ENOMEM;
	return 0;
}

static int copy_lines(struct egret_profile *to, const struct egret_profile *from, bool no_inline)
{
	for (size_t i = 0; i < from->spans.n; i++) {
		const struct egret_profile_span *span = &from->spans.items[i];
		uint32_t skip = no_inline && span->n ? span->n - 1 : 0;

		if (span->n &&
		    egret_profile_set_lines(to, (uint32_t)i, &from->lines.items[span->first + skip],
					    span->n - skip))
			return -ENOMEM;
	}
	for (size_t i = 0; i < from->reasons.n; i++)
		if (from->reasons.items[i] &&
		    egret_profile_set_reason(to, (uint32_t)i, from->reasons.items[i]))
			return -ENOMEM;
	return 0;
}

static int copy_stacks(struct egret_profile *to, const struct egret_profile *from)
{
	for (size_t i = 1; i < from->stacks.n; i++) {
		struct egret_profile_node node = from->stacks.items[i];

		if (egret_profile_stack(to, node.parent, node.frame, NULL) != i)
			return -ENOMEM;
	}
	return 0;
}

static int copy_entries(struct egret_profile *to, const struct egret_profile *from)
{
	for (size_t i = 0; i < from->entries.n; i++)
		if (egret_profile_add(to, &from->entries.items[i].key,
				      &from->entries.items[i].values))
			return -ENOMEM;
	to->keeps_samples = from->keeps_samples;
	for (size_t i = 0; i < from->samples.n; i++) {
		if (!EGRET_TABLE_ROOM(&to->samples))
			return -ENOMEM;
		to->samples.items[to->samples.n++] = from->samples.items[i];
	}
	return 0;
}

int egret_profile_copy_labels(struct egret_profile *to, const struct egret_profile *from)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < from->meta.n; i++)
		ret = egret_profile_set_meta(to, from->meta.items[i].key,
					     from->meta.items[i].value);
	for (size_t i = 0; !ret && i < from->events.n; i++)
		ret = egret_profile_add_event(to, &from->events.items[i]);
	for (size_t i = 0; !ret && i < from->stats.n; i++)
		ret = egret_profile_set_stat(to, from->stats.items[i].name,
					     from->stats.items[i].text, from->stats.items[i].value);
	to->truncated = from->truncated;
	return ret;
}

int egret_profile_copy_tables(struct egret_profile *to, const struct egret_profile *from,
			      bool no_inline)
{
	int ret = copy_names(to, from);

	if (!ret)
		ret = copy_frames(to, from);
	if (!ret)
		ret = copy_lines(to, from, no_inline);
	return ret ? ret : egret_profile_copy_labels(to, from);
}

int egret_profile_copy(const struct egret_profile *from, struct egret_profile **out)
{
	struct egret_profile *to;
	int ret = egret_profile_create(&to);

	if (ret)
		return ret;
	ret = egret_profile_copy_tables(to, from, false);
	if (!ret)
		ret = copy_stacks(to, from);
	if (!ret)
		ret = copy_entries(to, from);
	if (ret) {
		egret_profile__destroy(to);
		return ret;
	}
	*out = to;
	return 0;
}
