/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What is said about a profile as a whole: metadata, events, the accounting, the names of frames.
 */
#include <errno.h>
#include <string.h>

#include "profile/profile_tables.h"

/* A copy that lives as long as the profile. NULL text is "". */
static const char *keep(struct egret_profile *p, const char *text)
{
	if (!text)
		text = "";
	return egret_arena_text(&p->texts, text, strnlen(text, EGRET_PROFILE_MAX_STRING));
}

static uint64_t hash_of(const char *name)
{
	return egret_hash_bytes(name, strlen(name));
}

static bool meta_equal(const void *owner, uint32_t value, const void *key)
{
	return !strcmp(((const struct egret_profile *)owner)->meta.items[value].key, key);
}

static struct egret_profile_meta *find_meta(const struct egret_profile *p, const char *key)
{
	uint32_t i = egret_index_find(&p->meta.index, hash_of(key), key, meta_equal, p);

	return i == EGRET_INDEX_NONE ? NULL : &p->meta.items[i];
}

static int add_meta(struct egret_profile *p, const char *key, const char *value)
{
	struct egret_profile_meta meta = { .key = keep(p, key), .value = keep(p, value) };

	if (p->meta.n >= EGRET_PROFILE_MAX_LABELS)
		return -E2BIG;
	if (!meta.key || !meta.value || !EGRET_TABLE_ROOM(&p->meta) ||
	    egret_index_add(&p->meta.index, hash_of(meta.key), (uint32_t)p->meta.n))
		return -ENOMEM;
	p->meta.items[p->meta.n++] = meta;
	return 0;
}

int egret_profile_set_meta(struct egret_profile *p, const char *key, const char *value)
{
	struct egret_profile_meta *meta = find_meta(p, key);
	const char *copy;

	if (!meta)
		return add_meta(p, key, value);
	/* An equal value keeps its place in memory: the writer of a recording looks at that. */
	if (!strcmp(meta->value, value ? value : ""))
		return 0;
	copy = keep(p, value);
	if (!copy)
		return -ENOMEM;
	meta->value = copy;
	return 0;
}

int egret_profile__set_meta(struct egret_profile *p, const char *key, const char *value,
			    struct egret_error *err)
{
	int ret = *key ? egret_profile_set_meta(p, key, value) : -EINVAL;

	if (!ret)
		return 0;
	return egret_fail(err, -ret, "cannot keep '%s' with a profile: %s", key,
			  ret == -E2BIG ? "there is too much of that kind already"
					: strerror(-ret));
}

const char *egret_profile__meta(const struct egret_profile *p, const char *key)
{
	const struct egret_profile_meta *meta = find_meta(p, key);

	return meta ? meta->value : NULL;
}

int egret_profile_add_event(struct egret_profile *p, const struct egret_event *event)
{
	struct egret_event copy = *event;

	if (p->events.n >= EGRET_PROFILE_MAX_LABELS)
		return -E2BIG;
	copy.name = keep(p, event->name);
	copy.unit = keep(p, event->unit);
	if (!copy.name || !copy.unit || !EGRET_TABLE_ROOM(&p->events))
		return -ENOMEM;
	p->events.items[p->events.n++] = copy;
	return 0;
}

size_t egret_profile__n_events(const struct egret_profile *p)
{
	return p->events.n;
}

const struct egret_event *egret_profile__event(const struct egret_profile *p, size_t index)
{
	return index < p->events.n ? &p->events.items[index] : NULL;
}

static bool stat_equal(const void *owner, uint32_t value, const void *key)
{
	return !strcmp(((const struct egret_profile *)owner)->stats.items[value].name, key);
}

static int add_stat(struct egret_profile *p, const char *name, const char *text, uint64_t value)
{
	struct egret_stat stat = { .name = keep(p, name), .text = keep(p, text), .value = value };

	if (p->stats.n >= EGRET_PROFILE_MAX_LABELS)
		return -E2BIG;
	if (!stat.name || !stat.text || !EGRET_TABLE_ROOM(&p->stats) ||
	    egret_index_add(&p->stats.index, hash_of(stat.name), (uint32_t)p->stats.n))
		return -ENOMEM;
	p->stats.items[p->stats.n++] = stat;
	return 0;
}

int egret_profile_set_stat(struct egret_profile *p, const char *name, const char *text,
			   uint64_t value)
{
	uint32_t i = egret_index_find(&p->stats.index, hash_of(name), name, stat_equal, p);
	struct egret_stat *stat;

	if (i == EGRET_INDEX_NONE)
		return add_stat(p, name, text, value);
	stat = &p->stats.items[i];
	if (strcmp(stat->text, text ? text : "")) {
		const char *copy = keep(p, text);

		if (!copy)
			return -ENOMEM;
		stat->text = copy;
	}
	stat->value = value;
	return 0;
}

int egret_profile__each_stat(const struct egret_profile *p, egret_stat_fn fn, void *arg)
{
	for (size_t i = 0; i < p->stats.n; i++) {
		int ret = fn(&p->stats.items[i], arg);

		if (ret)
			return ret;
	}
	return 0;
}

void egret_profile_set_truncated(struct egret_profile *p)
{
	p->truncated = true;
}

bool egret_profile__truncated(const struct egret_profile *p)
{
	return p->truncated;
}

/* Spans are as many as the last frame that has names: make it so for `frame`. */
static int reach_span(struct egret_profile *p, uint32_t frame)
{
	while (p->spans.n <= frame) {
		if (!EGRET_TABLE_ROOM(&p->spans))
			return -ENOMEM;
		p->spans.items[p->spans.n++] = (struct egret_profile_span){ 0 };
	}
	return 0;
}

/* A place for n lines at the end of the pool; what an earlier, shorter span held is given up. */
static int take_lines(struct egret_profile *p, struct egret_profile_span *span, size_t n)
{
	size_t first = p->lines.n;

	for (size_t i = 0; i < n; i++) {
		if (!EGRET_TABLE_ROOM(&p->lines)) {
			p->lines.n = first;
			return -ENOMEM;
		}
		p->lines.n++;
	}
	span->first = (uint32_t)first;
	return 0;
}

int egret_profile_set_lines(struct egret_profile *p, uint32_t frame,
			    const struct egret_profile_line *lines, size_t n)
{
	size_t keep_n = n < EGRET_PROFILE_MAX_LINES ? n : EGRET_PROFILE_MAX_LINES;
	struct egret_profile_span *span;

	if (!n || frame >= p->frames.n)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (lines[i].name >= p->strings.n || lines[i].file >= p->strings.n)
			return -EINVAL;
	if (reach_span(p, frame))
		return -ENOMEM;
	span = &p->spans.items[frame];
	if (span->n < keep_n && take_lines(p, span, keep_n))
		return -ENOMEM;
	span->n = (uint32_t)keep_n;
	memcpy(&p->lines.items[span->first], lines, keep_n * sizeof(*lines));
	/* The function itself is the last one, and stays. */
	p->lines.items[span->first + keep_n - 1] = lines[n - 1];
	egret_profile_view_forget(p->view, frame);
	return 0;
}

bool egret_profile_has_lines(const struct egret_profile *p, uint32_t frame)
{
	return frame < p->spans.n && p->spans.items[frame].n;
}

const struct egret_profile_line *egret_profile_get_lines(const struct egret_profile *p,
							 uint32_t frame, size_t *n)
{
	bool has = egret_profile_has_lines(p, frame);

	*n = has ? p->spans.items[frame].n : 0;
	return has ? &p->lines.items[p->spans.items[frame].first] : NULL;
}

int egret_profile_set_reason(struct egret_profile *p, uint32_t frame, uint16_t reason)
{
	if (frame >= p->frames.n)
		return -EINVAL;
	while (p->reasons.n <= frame) {
		if (!EGRET_TABLE_ROOM(&p->reasons))
			return -ENOMEM;
		p->reasons.items[p->reasons.n++] = 0;
	}
	if (p->reasons.items[frame] != reason)
		egret_profile_view_forget(p->view, frame);
	p->reasons.items[frame] = reason;
	return 0;
}

uint16_t egret_profile_get_reason(const struct egret_profile *p, uint32_t frame)
{
	return frame < p->reasons.n ? p->reasons.items[frame] : 0;
}

int egret_profile_set_cgroup(struct egret_profile *p, uint32_t thread, uint32_t cgroup)
{
	if (thread >= p->threads.n || cgroup >= p->strings.n)
		return -EINVAL;
	while (p->cgroups.n <= thread) {
		if (!EGRET_TABLE_ROOM(&p->cgroups))
			return -ENOMEM;
		p->cgroups.items[p->cgroups.n++] = 0;
	}
	p->cgroups.items[thread] = cgroup;
	return 0;
}

uint32_t egret_profile_get_cgroup(const struct egret_profile *p, uint32_t thread)
{
	return thread < p->cgroups.n ? p->cgroups.items[thread] : 0;
}
