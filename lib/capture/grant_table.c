/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "capture/grant_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = { 'e', 'g', 'r', 'e', 't', 'g', 'r', 'n' };

/* Text to the first zero, and zeros behind. */
static bool is_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	for (size_t i = len; i < size; i++)
		if (text[i])
			return false;
	return len < size;
}

static bool is_tracepoint(const struct egret_grant_table *t, uint32_t event)
{
	return t->events[event].tracepoint[0] != 0;
}

static int no_grant(struct egret_error *err, const char *what)
{
	return egret_fail(err, EBADMSG, "this is no grant of egret's: %s", what);
}

static int check_head(const struct egret_grant_head *head, size_t len, struct egret_error *err)
{
	if (memcmp(head->magic, magic, sizeof(magic)) != 0)
		return no_grant(err, "it begins otherwise");
	if (!is_text(head->version, sizeof(head->version)))
		return no_grant(err, "its version is not a text");
	if (head->format != EGRET_GRANT_FORMAT || strcmp(head->version, egret_version()) != 0)
		return egret_fail(err, ENOTSUP,
				  "the grant is of egret %s (format %u), and this is egret %s "
				  "(format %u): both sides need the same",
				  head->version, head->format, egret_version(), EGRET_GRANT_FORMAT);
	if (!head->n_events || head->n_events > EGRET_MAX_EVENTS)
		return no_grant(err, "its number of events cannot be");
	if (head->n_fds > EGRET_GRANT_MAX_FDS)
		return no_grant(err, "it has too many descriptors");
	if (head->size != len || len != sizeof(*head) +
						 head->n_events * sizeof(struct egret_grant_event) +
						 head->n_fds * sizeof(struct egret_grant_fd))
		return egret_fail(err, EBADMSG,
				  "the grant is cut: %zu bytes came, and it says that it has %u",
				  len, head->size);
	if (!is_text(head->backend, sizeof(head->backend)) || head->scope > EGRET_FILTER_CGROUP ||
	    head->fault > EGRET_FAULT_ANY)
		return no_grant(err, "its options cannot be");
	return 0;
}

static bool are_events_sound(const struct egret_grant_table *t)
{
	size_t n_tracepoints = 0;

	for (uint32_t i = 0; i < t->head.n_events; i++) {
		const struct egret_grant_event *e = &t->events[i];

		if (!is_text(e->name, sizeof(e->name)) || !e->name[0] ||
		    !is_text(e->tracepoint, sizeof(e->tracepoint)) || e->clock > 1 || e->reserved ||
		    (!e->frequency && !e->period) || e->frequency > 1000000000)
			return false;
		n_tracepoints += is_tracepoint(t, i);
	}
	for (size_t i = 0; i < egret_grant_count(t, EGRET_GRANT_TRACEPOINT); i++)
		if (t->fds[t->first[EGRET_GRANT_TRACEPOINT] + i].index != i)
			return false;
	return n_tracepoints <= EGRET_MAX_TRACEPOINTS &&
	       n_tracepoints == egret_grant_count(t, EGRET_GRANT_TRACEPOINT);
}

static bool is_before(const struct egret_grant_fd *a, const struct egret_grant_fd *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->cpu != b->cpu ? a->cpu < b->cpu : a->index < b->index;
}

static bool has_cpu(const struct egret_grant_table *t, uint32_t cpu)
{
	size_t low = t->first[EGRET_GRANT_SIDEBAND], high = t->first[EGRET_GRANT_SIDEBAND + 1];

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (t->fds[middle].cpu == cpu)
			return true;
		if (t->fds[middle].cpu < cpu)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* By itself, whatever others there are. */
static bool is_sound(const struct egret_grant_table *t, const struct egret_grant_fd *fd,
		     uint32_t n_maps)
{
	bool is_of_cpu = fd->kind <= EGRET_GRANT_EVENT_LINK;

	if (is_of_cpu ? fd->cpu >= EGRET_GRANT_MAX_CPUS : fd->cpu != 0)
		return false;
	if (fd->flags > (fd->kind == EGRET_GRANT_TRACEPOINT ? EGRET_GRANT_F_BTF : 0))
		return false;
	switch (fd->kind) {
	case EGRET_GRANT_SIDEBAND:
	case EGRET_GRANT_SAMPLES:
	case EGRET_GRANT_CAPTURES:
	case EGRET_GRANT_SLEEPERS:
	case EGRET_GRANT_THREADS:
		return fd->index == 0;
	case EGRET_GRANT_KALLSYMS:
		return fd->index == 0 && fd->id == 0;
	case EGRET_GRANT_EVENT:
		return fd->index < t->head.n_events;
	case EGRET_GRANT_EVENT_LINK:
		return fd->index < t->head.n_events && !is_tracepoint(t, fd->index);
	case EGRET_GRANT_MAP:
		return fd->index < n_maps;
	case EGRET_GRANT_PROCESS:
		return fd->id > 0 && fd->id <= INT32_MAX;
	default:
		return true;
	}
}

/* In their order, so that none is there twice. Finds where each kind begins. */
static bool sort_kinds(struct egret_grant_table *t)
{
	size_t i = 0;

	for (uint32_t kind = 0; kind <= EGRET_GRANT_KIND_END; kind++) {
		while (i < t->head.n_fds && t->fds[i].kind < kind)
			i++;
		t->first[kind] = i;
	}
	for (i = 1; i < t->head.n_fds; i++)
		if (!is_before(&t->fds[i - 1], &t->fds[i]))
			return false;
	return t->first[EGRET_GRANT_SIDEBAND] == 0 &&
	       t->first[EGRET_GRANT_KIND_END] == t->head.n_fds;
}

/* All rings of all CPUs, all perf events on all CPUs with their programs. */
static bool are_cpus_complete(const struct egret_grant_table *t)
{
	size_t n = egret_grant_count(t, EGRET_GRANT_SIDEBAND), n_perf = 0, events = 0;

	if (!n || egret_grant_count(t, EGRET_GRANT_SAMPLES) != n ||
	    egret_grant_count(t, EGRET_GRANT_CAPTURES) != n)
		return false;
	for (size_t i = 0; i < 3 * n; i++)
		if (t->fds[i].cpu != t->fds[i % n].cpu)
			return false;
	for (uint32_t i = 0; i < t->head.n_events; i++)
		n_perf += !is_tracepoint(t, i);
	for (size_t i = t->first[EGRET_GRANT_EVENT]; i < t->first[EGRET_GRANT_EVENT_LINK + 1];
	     i++) {
		if (!has_cpu(t, t->fds[i].cpu))
			return false;
		events += t->fds[i].kind == EGRET_GRANT_EVENT && !is_tracepoint(t, t->fds[i].index);
	}
	return events == n_perf * n && egret_grant_count(t, EGRET_GRANT_EVENT_LINK) == n_perf * n;
}

static int check_fds(struct egret_grant_table *t, uint32_t n_maps, struct egret_error *err)
{
	if (!sort_kinds(t))
		return no_grant(err, "its descriptors are of no kind, or not in their order");
	for (size_t i = 0; i < t->head.n_fds; i++)
		if (!is_sound(t, &t->fds[i], n_maps))
			return no_grant(err, "one of its descriptors cannot be");
	if (!are_cpus_complete(t))
		return no_grant(err, "rings or events of a CPU are missing");
	if (egret_grant_count(t, EGRET_GRANT_MAP) != n_maps)
		return no_grant(err, "a map is missing");
	return are_events_sound(t) ? 0 : no_grant(err, "one of its events cannot be");
}

static void *copy(const char **from, size_t n, size_t size)
{
	void *to = calloc(n ? n : 1, size);

	if (to)
		memcpy(to, *from, n * size);
	*from += n * size;
	return to;
}

int egret_grant_parse(const void *bytes, size_t len, uint32_t n_maps, struct egret_grant_table *t,
		      struct egret_error *err)
{
	const char *at = bytes;
	int ret;

	memset(t, 0, sizeof(*t));
	if (len < sizeof(t->head) || len > EGRET_GRANT_MAX_BYTES)
		return no_grant(err, "it is too short or too long");
	memcpy(&t->head, at, sizeof(t->head));
	ret = check_head(&t->head, len, err);
	if (ret)
		return ret;
	at += sizeof(t->head);
	t->events = copy(&at, t->head.n_events, sizeof(*t->events));
	t->fds = copy(&at, t->head.n_fds, sizeof(*t->fds));
	ret = t->events && t->fds ? check_fds(t, n_maps, err)
				  : egret_fail(err, ENOMEM, "out of memory");
	if (ret)
		egret_grant_table_deinit(t);
	return ret;
}

void egret_grant_table_deinit(struct egret_grant_table *t)
{
	free(t->events);
	free(t->fds);
	memset(t, 0, sizeof(*t));
}

int egret_grant_write(const struct egret_grant_table *t, void **bytes, size_t *len,
		      struct egret_error *err)
{
	struct egret_grant_head head = t->head;
	size_t n_events = head.n_events * sizeof(*t->events), n_fds = head.n_fds * sizeof(*t->fds);
	char *to;

	*len = sizeof(head) + n_events + n_fds;
	to = malloc(*len);
	if (!to)
		return egret_fail(err, ENOMEM, "out of memory");
	memcpy(head.magic, magic, sizeof(magic));
	head.format = EGRET_GRANT_FORMAT;
	head.size = (uint32_t)*len;
	memset(head.version, 0, sizeof(head.version));
	strncpy(head.version, egret_version(), sizeof(head.version) - 1);
	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), t->events, n_events);
	memcpy(to + sizeof(head) + n_events, t->fds, n_fds);
	*bytes = to;
	return 0;
}
