/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Profiles put together: one of several recordings, and one of two that are to be compared.
 *
 * What is in the other profile under its numbers is looked up, or added, once for each item; then
 * its samples are added with the new numbers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "profile/profile_tables.h"

#define NO_EVENT UINT32_MAX /* its samples are left out */

/* The numbers that the items of one profile have in the other. */
struct merging {
	struct egret_profile *to;
	const struct egret_profile *from;
	int64_t later; /* ns that the clock of `from` has to be put forward to be that of `to` */
	uint32_t *strings, *modules, *frames, *stacks, *threads, *events;
};

static int allocate(struct merging *m)
{
	const struct egret_profile *from = m->from;

	m->strings = calloc(from->strings.n + 1, sizeof(uint32_t));
	m->modules = calloc(from->modules.n + 1, sizeof(uint32_t));
	m->frames = calloc(from->frames.n + 1, sizeof(uint32_t));
	m->stacks = calloc(from->stacks.n + 1, sizeof(uint32_t));
	m->threads = calloc(from->threads.n + 1, sizeof(uint32_t));
	m->events = calloc(from->events.n + 1, sizeof(uint32_t));
	return m->strings && m->modules && m->frames && m->stacks && m->threads && m->events
		       ? 0
		       : -ENOMEM;
}

static void merging_deinit(struct merging *m)
{
	free(m->strings);
	free(m->modules);
	free(m->frames);
	free(m->stacks);
	free(m->threads);
	free(m->events);
}

/* That of the first one that knows it. */
static int merge_cgroup(struct merging *m, uint32_t thread)
{
	uint32_t cgroup = egret_profile_get_cgroup(m->from, thread);

	if (!cgroup || egret_profile_get_cgroup(m->to, m->threads[thread]))
		return 0;
	return egret_profile_set_cgroup(m->to, m->threads[thread], m->strings[cgroup]);
}

static int merge_names(struct merging *m)
{
	for (size_t i = 0; i < m->from->strings.n; i++) {
		const char *text = m->from->strings.items[i];

		m->strings[i] = egret_profile_string(m->to, text, strlen(text), NULL);
		if (m->strings[i] == UINT32_MAX)
			return -ENOMEM;
	}
	for (size_t i = 0; i < m->from->modules.n; i++) {
		struct egret_profile_module module = m->from->modules.items[i];

		module.path = m->strings[module.path];
		m->modules[i] = egret_profile_module(m->to, &module, NULL);
		if (m->modules[i] == UINT32_MAX)
			return -ENOMEM;
	}
	for (size_t i = 0; i < m->from->threads.n; i++) {
		struct egret_profile_thread thread = m->from->threads.items[i];

		thread.process = m->strings[thread.process];
		thread.comm = m->strings[thread.comm];
		m->threads[i] = egret_profile_thread(m->to, &thread, NULL);
		if (m->threads[i] == UINT32_MAX || merge_cgroup(m, (uint32_t)i) ||
		    egret_profile_copy_thread_labels(m->to, m->threads[i], m->from, (uint32_t)i))
			return -ENOMEM;
	}
	return 0;
}

/* A frame that has its names in one of them has them in the whole. */
static int merge_lines(struct merging *m, uint32_t frame)
{
	struct egret_profile_line lines[EGRET_PROFILE_MAX_LINES];
	size_t n;
	const struct egret_profile_line *from = egret_profile_get_lines(m->from, frame, &n);

	if (!from || egret_profile_has_lines(m->to, m->frames[frame]))
		return 0;
	for (size_t i = 0; i < n; i++) {
		lines[i] = from[i];
		lines[i].name = m->strings[from[i].name];
		lines[i].file = m->strings[from[i].file];
	}
	return egret_profile_set_lines(m->to, m->frames[frame], lines, n);
}

static int merge_frames(struct merging *m)
{
	for (uint32_t i = 0; i < m->from->frames.n; i++) {
		struct egret_profile_frame frame = m->from->frames.items[i];
		bool is_new;

		frame.module = m->modules[frame.module];
		m->frames[i] = egret_profile_frame(m->to, &frame, &is_new);
		if (m->frames[i] == UINT32_MAX || merge_lines(m, i))
			return -ENOMEM;
		if (is_new && egret_profile_set_reason(m->to, m->frames[i],
						       egret_profile_get_reason(m->from, i)))
			return -ENOMEM;
	}
	for (uint32_t i = 1; i < m->from->stacks.n; i++) {
		struct egret_profile_node node = m->from->stacks.items[i];

		m->stacks[i] = egret_profile_stack(m->to, m->stacks[node.parent],
						   m->frames[node.frame], NULL);
		if (m->stacks[i] == UINT32_MAX)
			return -ENOMEM;
	}
	return 0;
}

static struct egret_profile_key key_of(const struct merging *m,
				       const struct egret_profile_key *from)
{
	struct egret_profile_key key = *from;

	key.thread = m->threads[from->thread];
	key.stack = m->stacks[from->stack];
	key.event = m->events[from->event];
	return key;
}

static int merge_entries(struct merging *m)
{
	for (size_t i = 0; i < m->from->entries.n; i++) {
		const struct egret_profile_entry *entry = &m->from->entries.items[i];
		struct egret_profile_key key = key_of(m, &entry->key);

		if (key.event == NO_EVENT)
			continue;
		if (egret_profile_add(m->to, &key, &entry->values))
			return -ENOMEM;
	}
	return 0;
}

/* CLOCK_REALTIME - CLOCK_MONOTONIC of a recording. False: not known. */
static bool clock_offset(const struct egret_profile *p, int64_t *offset)
{
	const char *text = egret_profile__meta(p, "clock-offset");

	if (text)
		*offset = strtoll(text, NULL, 10);
	return text;
}

/*
 * CLOCK_MONOTONIC begins with each boot: samples of several boots, or machines, are put on the
 * clock of the first, so that they are in the order in which they were taken. Those of one boot are
 * in that order already, whatever has become of CLOCK_REALTIME meanwhile.
 */
static int64_t clock_difference(const struct egret_profile *to, const struct egret_profile *from)
{
	const char *boot = egret_profile__meta(to, "boot-id");
	const char *other = egret_profile__meta(from, "boot-id");
	int64_t of_to, of_from, difference;

	if (!boot || !other || !strcmp(boot, other) || !clock_offset(to, &of_to) ||
	    !clock_offset(from, &of_from) || __builtin_sub_overflow(of_from, of_to, &difference))
		return 0;
	return difference;
}

static uint64_t later_by(uint64_t time, int64_t later)
{
	if (later < 0 && time < -(uint64_t)later)
		return 0;
	return time + (uint64_t)later;
}

static int merge_samples(struct merging *m)
{
	struct egret_profile_shares shares;
	int ret = egret_profile_shares_init(&shares, m->from);

	for (size_t i = 0; i < m->from->samples.n && !ret; i++) {
		const struct egret_profile_sample *s = &m->from->samples.items[i];
		struct egret_profile_key key = key_of(m, &m->from->entries.items[s->entry].key);
		struct egret_profile_values values = egret_profile_share(&shares, s);

		if (key.event == NO_EVENT)
			continue;
		ret = egret_profile_add_sample(m->to, &key, &values, later_by(s->time, m->later),
					       s->cpu);
	}
	egret_profile_shares_deinit(&shares);
	return ret ? -ENOMEM : 0;
}

/* ---- labels --------------------------------------------------------------------------------- */

static uint32_t find_event(const struct egret_profile *p, const struct egret_event *event)
{
	for (uint32_t i = 0; i < p->events.n; i++)
		if (!strcmp(p->events.items[i].name, event->name) &&
		    !strcmp(p->events.items[i].unit, event->unit))
			return i;
	return UINT32_MAX;
}

/* Events of one name and unit are one. */
static int merge_events(struct merging *m)
{
	for (size_t i = 0; i < m->from->events.n; i++) {
		const struct egret_event *event = &m->from->events.items[i];

		m->events[i] = find_event(m->to, event);
		if (m->events[i] != UINT32_MAX)
			continue;
		m->events[i] = (uint32_t)m->to->events.n;
		if (egret_profile_add_event(m->to, event))
			return -ENOMEM;
	}
	return 0;
}

static uint64_t stat_of(const struct egret_profile *p, const char *name)
{
	for (size_t i = 0; i < p->stats.n; i++)
		if (!strcmp(p->stats.items[i].name, name))
			return p->stats.items[i].value;
	return 0;
}

/* The accounting of both: each number is a count. What the first one says of itself stays. */
static int merge_labels(struct merging *m)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < m->from->stats.n; i++) {
		const struct egret_stat *stat = &m->from->stats.items[i];

		ret = egret_profile_set_stat(m->to, stat->name, stat->text,
					     stat_of(m->to, stat->name) + stat->value);
	}
	for (size_t i = 0; !ret && i < m->from->meta.n; i++)
		if (!egret_profile__meta(m->to, m->from->meta.items[i].key))
			ret = egret_profile_set_meta(m->to, m->from->meta.items[i].key,
						     m->from->meta.items[i].value);
	m->to->truncated |= m->from->truncated;
	return ret;
}

static int merge_tables(struct merging *m)
{
	int ret = allocate(m);

	if (!ret)
		ret = merge_names(m);
	return ret ? ret : merge_frames(m);
}

static int merge_one(struct egret_profile *to, const struct egret_profile *from)
{
	struct merging m = { .to = to, .from = from, .later = clock_difference(to, from) };
	int ret = merge_tables(&m);

	if (!ret)
		ret = merge_events(&m);
	if (!ret)
		ret = to->keeps_samples ? merge_samples(&m) : merge_entries(&m);
	if (!ret)
		ret = merge_labels(&m);
	merging_deinit(&m);
	return ret;
}

int egret_profile__merge(const struct egret_profile *const *profiles, size_t n,
			 struct egret_profile **out, struct egret_error *err)
{
	struct egret_profile *to;
	bool keep_samples = n > 0;
	int ret = egret_profile_create(&to);

	for (size_t i = 0; i < n; i++)
		keep_samples &= profiles[i]->keeps_samples;
	if (!ret && keep_samples)
		egret_profile_keep_samples(to);
	for (size_t i = 0; !ret && i < n; i++)
		ret = merge_one(to, profiles[i]);
	if (!ret)
		ret = egret_profile_sort_samples(to);
	if (ret) {
		egret_profile__destroy(to);
		return egret_fail(err, ENOMEM, "no memory for the merged profile");
	}
	*out = to;
	return 0;
}

int egret_profile__add(struct egret_profile *to, const struct egret_profile *from,
		       struct egret_error *err)
{
	int ret;

	if (to->keeps_samples && !from->keeps_samples)
		return egret_fail(err, ENODATA,
				  "samples are kept in one profile, but not in the one "
				  "that is to be added");
	ret = merge_one(to, from);
	if (!ret)
		ret = egret_profile_sort_samples(to);
	return ret ? egret_fail(err, ENOMEM, "no memory for the merged profile") : 0;
}

/* ---- side by side --------------------------------------------------------------------------- */

static int join_one(struct egret_profile *to, const struct egret_profile *from, uint32_t event)
{
	static const struct egret_event none = { .name = "", .unit = "" };
	struct merging m = { .to = to, .from = from };
	const struct egret_event *chosen = egret_profile__event(from, event);
	int ret = merge_tables(&m);

	for (size_t i = 0; !ret && i < from->events.n; i++)
		m.events[i] = i == event ? (uint32_t)to->events.n : NO_EVENT;
	if (!ret)
		ret = egret_profile_add_event(to, chosen ? chosen : &none);
	if (!ret)
		ret = to->keeps_samples ? merge_samples(&m) : merge_entries(&m);
	if (!ret)
		ret = merge_labels(&m);
	merging_deinit(&m);
	return ret;
}

int egret_profile_join(const struct egret_profile *first, uint32_t first_event,
		       const struct egret_profile *second, uint32_t second_event,
		       struct egret_profile **out)
{
	struct egret_profile *to;
	int ret = egret_profile_create(&to);

	if (ret)
		return ret;
	if (first->keeps_samples && second->keeps_samples)
		egret_profile_keep_samples(to);
	ret = join_one(to, first, first_event);
	if (!ret)
		ret = join_one(to, second, second_event);
	if (!ret)
		ret = egret_profile_sort_samples(to);
	if (ret) {
		egret_profile__destroy(to);
		return ret;
	}
	*out = to;
	return 0;
}
