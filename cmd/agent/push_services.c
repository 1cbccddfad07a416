/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push_services.c - a window by the services in it. */
#include "agent/push_services.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE "service.name"
/* Of a service: what keeps labels of profiles has not room for very many. */
#define LABELS_MAX 16

struct process {
	pid_t pid;
	const char *service; /* "": none */
	const struct egret_label *labels;
	size_t n_labels;
};

struct processes {
	struct process *items;
	size_t n, capacity;
};

/* ---- processes ------------------------------------------------------------------------------ */

static const char *label_of(const struct egret_thread *t, const char *key)
{
	for (size_t i = 0; i < t->n_labels; i++)
		if (!strcmp(t->labels[i].key, key))
			return t->labels[i].value;
	return "";
}

static int note_process(const struct egret_stack *stack, void *arg)
{
	const struct egret_thread *t = stack->thread;
	struct processes *p = arg;

	if (p->n && p->items[p->n - 1].pid == t->pid)
		return 0;
	if (p->n == p->capacity) {
		size_t more = p->capacity ? 2 * p->capacity : 256;
		struct process *larger = realloc(p->items, more * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		p->items = larger;
		p->capacity = more;
	}
	p->items[p->n++] = (struct process){ t->pid, label_of(t, SERVICE), t->labels, t->n_labels };
	return 0;
}

/* A number that was used twice is of the service whose name comes last: of one, whichever. */
static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return -strcmp(x->service, y->service);
}

static int by_service(const void *a, const void *b)
{
	const struct process *x = a, *y = b;
	int order = strcmp(x->service, y->service);

	return order ? order : by_pid(a, b);
}

static void keep_one_each(struct processes *p)
{
	size_t kept = 0;

	if (p->n)
		qsort(p->items, p->n, sizeof(*p->items), by_pid);
	for (size_t i = 0; i < p->n; i++)
		if (!kept || p->items[kept - 1].pid != p->items[i].pid)
			p->items[kept++] = p->items[i];
	p->n = kept;
	if (p->n)
		qsort(p->items, p->n, sizeof(*p->items), by_service);
}

static size_t same_service(const struct processes *p, size_t first)
{
	size_t n = 1;

	while (first + n < p->n && !strcmp(p->items[first].service, p->items[first + n].service))
		n++;
	return n;
}

/* A machine with very many services has the last of them together, without a name. */
static void bound_services(struct processes *p)
{
	size_t services = 0;

	for (size_t i = 0; i < p->n; services++) {
		size_t n = same_service(p, i);

		for (size_t j = i; services >= PUSH_SERVICES_MAX - 1 && j < i + n; j++)
			p->items[j].service = "";
		i += n;
	}
	if (services >= PUSH_SERVICES_MAX)
		qsort(p->items, p->n, sizeof(*p->items), by_service);
}

/* ---- labels --------------------------------------------------------------------------------- */

static bool has_label(const struct process *p, const struct egret_label *label)
{
	for (size_t i = 0; i < p->n_labels; i++)
		if (!strcmp(p->labels[i].key, label->key))
			return !strcmp(p->labels[i].value, label->value);
	return false;
}

static size_t common_labels(const struct process *processes, size_t n,
			    const struct egret_label **labels)
{
	size_t n_labels = 0;

	for (size_t i = 0; i < processes[0].n_labels && n_labels < LABELS_MAX; i++) {
		const struct egret_label *label = &processes[0].labels[i];
		bool is_common = strcmp(label->key, SERVICE) != 0;

		for (size_t j = 1; j < n && is_common; j++)
			is_common = has_label(&processes[j], label);
		if (is_common)
			labels[n_labels++] = label;
	}
	return n_labels;
}

/* ---- services ------------------------------------------------------------------------------- */

static int make_services(struct push_services *s, const struct processes *p)
{
	size_t n_labels = 0;

	s->items = calloc(PUSH_SERVICES_MAX + 1, sizeof(*s->items));
	s->pids = calloc(p->n + 1, sizeof(*s->pids));
	s->labels = calloc((PUSH_SERVICES_MAX + 1) * LABELS_MAX, sizeof(*s->labels));
	if (!s->items || !s->pids || !s->labels)
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++)
		s->pids[i] = p->items[i].pid;
	for (size_t i = 0; i < p->n;) {
		const struct process *first = &p->items[i];
		struct push_service *service = &s->items[s->n++];

		service->name = *first->service ? first->service : NULL;
		service->pids = &s->pids[i];
		service->n_pids = same_service(p, i);
		service->labels = &s->labels[n_labels];
		service->n_labels = common_labels(first, service->n_pids, &s->labels[n_labels]);
		n_labels += service->n_labels;
		i += service->n_pids;
	}
	return 0;
}

int push_services_init(struct push_services *s, const struct egret_profile *profile)
{
	struct processes p = { 0 };
	int ret = egret_profile__each_stack(profile, note_process, &p);

	*s = (struct push_services){ 0 };
	if (!ret) {
		keep_one_each(&p);
		bound_services(&p);
		ret = make_services(s, &p);
	}
	free(p.items);
	if (ret)
		push_services_deinit(s);
	return ret;
}

void push_services_deinit(struct push_services *s)
{
	free(s->items);
	free(s->pids);
	free(s->labels);
	*s = (struct push_services){ 0 };
}

int push_services_select(const struct push_services *s, size_t i,
			 const struct egret_profile *profile, const struct egret_profile **selected,
			 struct egret_error *err)
{
	struct egret_filter_opts opts = {
		.size = sizeof(opts),
		.pids = s->items[i].pids,
		.n_pids = s->items[i].n_pids,
	};
	struct egret_profile *part = NULL;
	int ret = s->n > 1 ? egret_profile__filter(profile, &opts, &part, err) : 0;

	*selected = part ? part : profile;
	return ret;
}

void push_services_release(const struct egret_profile *profile,
			   const struct egret_profile *selected)
{
	if (selected != profile)
		egret_profile__destroy((struct egret_profile *)selected);
}
