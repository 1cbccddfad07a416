/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The bytes of a grant: what is taken is consistent, and comes out as it went in. */
#include <stdlib.h>
#include <string.h>

#include "capture/grant_table.h"

#define N_MAPS 5 /* as capture_impl.h has them */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(int is_true)
{
	if (!is_true)
		abort();
}

/* What grant.c relies on without a look of its own. */
static void check(const struct egret_grant_table *t)
{
	size_t n_cpus = egret_grant_count(t, EGRET_GRANT_SIDEBAND), link = 0, tracepoints = 0;

	must(n_cpus > 0 && t->first[EGRET_GRANT_KIND_END] == t->head.n_fds);
	for (uint32_t i = 0; i < t->head.n_events; i++) {
		must(strnlen(t->events[i].name, sizeof(t->events[i].name)) <
		     sizeof(t->events[i].name));
		tracepoints += t->events[i].tracepoint[0] != 0;
	}
	must(tracepoints <= EGRET_MAX_TRACEPOINTS &&
	     tracepoints == egret_grant_count(t, EGRET_GRANT_TRACEPOINT));
	must(egret_grant_count(t, EGRET_GRANT_MAP) == N_MAPS);
	for (size_t i = 0; i < N_MAPS; i++)
		must(t->fds[t->first[EGRET_GRANT_MAP] + i].index == i);
	for (size_t i = t->first[EGRET_GRANT_EVENT]; i < t->first[EGRET_GRANT_EVENT + 1]; i++) {
		const struct egret_grant_fd *event = &t->fds[i], *its;

		must(event->index < t->head.n_events);
		if (t->events[event->index].tracepoint[0])
			continue;
		its = &t->fds[t->first[EGRET_GRANT_EVENT_LINK] + link++];
		must(its->kind == EGRET_GRANT_EVENT_LINK && its->cpu == event->cpu &&
		     its->index == event->index);
	}
	must(link == egret_grant_count(t, EGRET_GRANT_EVENT_LINK));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct egret_grant_table table;
	struct egret_grant_head head;
	struct egret_error err = { "" };
	uint8_t *copy;
	void *again;
	size_t n;

	if (len < sizeof(head))
		return egret_grant_parse(bytes, len, N_MAPS, &table, &err) ? 0 : 1;
	copy = malloc(len);
	memcpy(copy, bytes, len);
	/* What is hard to guess, and stays with no version. */
	memcpy(&head, bytes, sizeof(head));
	head.size = (uint32_t)len;
	memset(head.version, 0, sizeof(head.version));
	strcpy(head.version, egret_version());
	memcpy(copy, &head, sizeof(head));
	if (egret_grant_parse(copy, len, N_MAPS, &table, &err)) {
		must(err.text[0] != 0);
		free(copy);
		return 0;
	}
	check(&table);
	must(!egret_grant_write(&table, &again, &n, &err) && n == len && !memcmp(again, copy, n));
	free(again);
	free(copy);
	egret_grant_table_deinit(&table);
	return 0;
}
