/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* push.c - windows of the store, sent to where they are asked for. */
#include "agent/push.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/fail.h"
#include "agent/log.h"
#include "agent/push_impl.h"
#include "clock_time.h"

/* Between attempts: twice as long each time, at random, so that a fleet does not come as one. */
#define FIRST_WAIT_MS 1000
#define LONGEST_WAIT_MS 60000
#define LONGEST_RETRY_AFTER_MS 3600000
/* For a new window: only what ends the agent comes in between. */
#define IDLE_MS 60000
#define DEFAULT_TIMEOUT_MS 30000
/* Attempts of a window that may never be taken. */
#define DOUBTS 4
#define REASONS 24
/* For requests under way when the agent ends. */
#define GRACE_NS 2000000000u

static const struct push_backend *const backends[] = { &push_pyroscope, &push_otlp,
						       &push_clickhouse, &push_directory };

/* How often something happened, by reason. */
struct tally {
	const char *reason;
	uint64_t n;
};

struct counts {
	uint64_t sent, bytes, last_ns;
	struct tally dropped[REASONS], failed[REASONS];
};

struct pusher {
	struct push *push;
	const struct push_backend *backend;
	struct push_target target; /* strings are its own */
	struct store_cursor *cursor;
	void *state;
	pthread_t thread;
	bool has_thread;
	char labels[128]; /* backend="..." */
	/* Of the thread alone: */
	uint64_t number; /* window of the last attempt, by its first number */
	size_t n_sent;	 /* of it, requests */
	unsigned int attempts, doubts;
	char trouble[512];    /* as it was logged; "": none */
	struct counts counts; /* under push->lock */
};

struct push {
	struct store *store;
	struct pusher *pushers;
	size_t n;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint64_t wakes;	       /* each ends all waits */
	atomic_ullong stop_by; /* CLOCK_MONOTONIC ns: requests end until then; 0: no end */
};

const char *push_kind_name(size_t n)
{
	return n < sizeof(backends) / sizeof(*backends) ? backends[n]->kind : NULL;
}

static const struct push_backend *find_backend(const char *kind)
{
	for (size_t i = 0; i < sizeof(backends) / sizeof(*backends); i++)
		if (!strcmp(backends[i]->kind, kind))
			return backends[i];
	return NULL;
}

void push_result_set(struct push_result *result, enum push_end end, const char *reason,
		     const char *format, ...)
{
	va_list args;

	result->end = end;
	result->reason = reason;
	va_start(args, format);
	vsnprintf(result->text, sizeof(result->text), format, args);
	va_end(args);
}

/* ---- counting ------------------------------------------------------------------------------- */

static void count(struct pusher *p, struct tally *tally, const char *reason, uint64_t n)
{
	size_t i = 0;

	pthread_mutex_lock(&p->push->lock);
	while (i + 1 < REASONS && tally[i].reason && strcmp(tally[i].reason, reason))
		i++;
	tally[i].reason = tally[i].reason ? tally[i].reason : reason;
	tally[i].n += n;
	pthread_mutex_unlock(&p->push->lock);
}

static void drop(struct pusher *p, const struct window *w, const char *reason, const char *text)
{
	log_line(LOG_FAILURE, "%s: window %llu is dropped: %s", p->target.name,
		 (unsigned long long)w->first, text);
	count(p, p->counts.dropped, reason, w->last - w->first + 1);
}

/* ---- waiting -------------------------------------------------------------------------------- */

static uint64_t random_below(uint64_t n)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		random = clock_time_now();
	return n ? random % n : 0;
}

static uint64_t wait_of(const struct pusher *p, const struct push_result *result)
{
	uint64_t ms = FIRST_WAIT_MS;

	for (unsigned int i = 1; i < p->attempts && ms < LONGEST_WAIT_MS; i++)
		ms *= 2;
	if (ms > LONGEST_WAIT_MS)
		ms = LONGEST_WAIT_MS;
	ms = ms / 2 + random_below(ms / 2 + 1);
	if (result->retry_after_ms > ms)
		ms = result->retry_after_ms < LONGEST_RETRY_AFTER_MS ? result->retry_after_ms
								     : LONGEST_RETRY_AFTER_MS;
	return ms;
}

static void wait_for(struct push *push, uint64_t ms)
{
	struct timespec until;
	uint64_t wakes;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&push->lock);
	wakes = push->wakes;
	while (!push->stop_by && push->wakes == wakes)
		if (pthread_cond_timedwait(&push->wake, &push->lock, &until) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&push->lock);
}

/* ---- one window ----------------------------------------------------------------------------- */

static void pass(struct pusher *p, const struct window *w)
{
	store_cursor_pass(p->cursor, w);
	p->attempts = p->doubts = 0;
	p->n_sent = 0;
}

static void note_taken(struct pusher *p, const struct window *w, uint64_t bytes)
{
	pthread_mutex_lock(&p->push->lock);
	p->counts.sent += w->last - w->first + 1;
	p->counts.bytes += bytes;
	p->counts.last_ns = clock_time_now();
	pthread_mutex_unlock(&p->push->lock);
	if (*p->trouble)
		log_line(LOG_FACT, "%s takes windows again; %llu wait", p->target.name,
			 (unsigned long long)store_cursor_left(p->cursor) - 1);
	p->trouble[0] = 0;
}

/* What goes wrong is said when it begins, and when it becomes something else. */
static void note_trouble(struct pusher *p, const struct push_result *result)
{
	count(p, p->counts.failed, result->reason, 1);
	if (!strcmp(p->trouble, result->text))
		return;
	snprintf(p->trouble, sizeof(p->trouble), "%s", result->text);
	log_line(LOG_TROUBLE, "%s: %s; windows wait in the store", p->target.name, result->text);
}

static void settle(struct pusher *p, const struct window *w, const struct push_window *sent,
		   struct push_result *result)
{
	p->n_sent = sent->n_sent;
	if (result->end == PUSH_DOUBTED && ++p->doubts >= DOUBTS)
		result->end = PUSH_REFUSED;
	switch (result->end) {
	case PUSH_TAKEN:
		note_taken(p, w, sent->bytes);
		pass(p, w);
		break;
	case PUSH_REFUSED:
		drop(p, w, result->reason, result->text);
		pass(p, w);
		break;
	case PUSH_LATER:
	case PUSH_DOUBTED:
		p->attempts++;
		note_trouble(p, result);
		wait_for(p->push, wait_of(p, result));
		break;
	case PUSH_STOPPED:
		break;
	}
}

/* Damaged, or removed by somebody else than the store. */
static void cannot_read(struct pusher *p, const struct window *w, int ret,
			const struct egret_error *err)
{
	struct push_result result = { 0 };

	if (ret == -ENOMEM || ret == -EMFILE || ret == -ENFILE) {
		push_result_set(&result, PUSH_LATER, "memory", "%s", err->text);
		p->attempts++;
		note_trouble(p, &result);
		wait_for(p->push, wait_of(p, &result));
		return;
	}
	drop(p, w, "unreadable", err->text);
	pass(p, w);
}

static void send_window(struct pusher *p, const struct window *w)
{
	struct push_window sent = { .window = w };
	struct push_result result = { .end = PUSH_LATER, .reason = "unknown" };
	struct egret_profile *profile;
	struct egret_error err = { "" };
	struct window again;
	uint64_t missed;
	int ret = window_open(store_dirfd(p->push->store), w, p->backend->needs_samples, &profile,
			      &err);

	/* It may have been the oldest, and have gone this very moment. */
	if (ret == -ENOENT && store_next(p->cursor, &again, &missed, 0) &&
	    again.first != w->first) {
		count(p, p->counts.dropped, "store-full", missed);
		return;
	}
	if (ret) {
		cannot_read(p, w, ret, &err);
		return;
	}
	if (p->number != w->first)
		p->n_sent = p->doubts = 0;
	p->number = w->first;
	sent.profile = profile;
	sent.n_sent = p->n_sent;
	p->backend->send(p->state, &sent, &result);
	egret_profile__destroy(profile);
	settle(p, w, &sent, &result);
}

static void *run(void *arg)
{
	struct pusher *p = arg;
	struct window window;
	uint64_t missed;

	while (!p->push->stop_by) {
		bool found = store_next(p->cursor, &window, &missed, IDLE_MS);

		if (missed) {
			log_line(LOG_FAILURE,
				 "%s: %llu windows went from the store before they could be sent",
				 p->target.name, (unsigned long long)missed);
			count(p, p->counts.dropped, "store-full", missed);
		}
		if (found && !p->push->stop_by)
			send_window(p, &window);
	}
	return NULL;
}

/* ---- starting and stopping ------------------------------------------------------------------ */

static int copy_strings(struct push_target *to, const struct push_target *from)
{
	const char *const *in[] = { &from->kind,   &from->name,	    &from->url,
				    &from->user,   &from->ca_file,  &from->password_file,
				    &from->tenant, &from->database, &from->token_file };
	const char **out[] = { &to->kind,   &to->name,	   &to->url,
			       &to->user,   &to->ca_file,  &to->password_file,
			       &to->tenant, &to->database, &to->token_file };

	*to = (struct push_target){ .timeout_ms = from->timeout_ms };
	for (size_t i = 0; i < sizeof(in) / sizeof(*in); i++) {
		const char *text = *in[i];

		if (in[i] == &from->name && !text)
			text = from->kind;
		*out[i] = text ? strdup(text) : NULL;
		if (text && !*out[i])
			return -ENOMEM;
	}
	if (!to->timeout_ms)
		to->timeout_ms = DEFAULT_TIMEOUT_MS;
	return 0;
}

static void free_strings(struct push_target *t)
{
	const char *strings[] = { t->kind,   t->name,	  t->url,
				  t->user,   t->ca_file,  t->password_file,
				  t->tenant, t->database, t->token_file };

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		free((char *)strings[i]);
}

int push_check(const struct push_target *target, struct egret_error *err)
{
	const struct push_backend *backend = find_backend(target->kind);

	if (!backend)
		return agent_fail(err, EINVAL, "there is no kind of backend '%s'", target->kind);
	if (target->name && !store_cursor_is_name(target->name))
		return agent_fail(
			err, EINVAL,
			"the name of a backend is of letters, digits, '-', '.' and '_', 63 "
			"at most");
	if (!target->url || !*target->url)
		return agent_fail(err, EINVAL, "%s needs a url, or a path", target->kind);
	return backend->check(target, err);
}

static int start_thread(struct pusher *p, struct egret_error *err)
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->has_thread = !ret;
	return ret ? agent_fail(err, ret, "cannot start a thread that sends: %s", strerror(ret))
		   : 0;
}

static bool is_twice(const struct push *push, const struct pusher *p)
{
	for (const struct pusher *other = push->pushers; other < p; other++)
		if (!strcmp(other->target.name, p->target.name))
			return true;
	return false;
}

static int start(struct push *push, struct pusher *p, const struct push_target *target,
		 struct egret_error *err)
{
	int ret = push_check(target, err);

	if (ret)
		return ret;
	p->push = push;
	p->backend = find_backend(target->kind);
	if (copy_strings(&p->target, target))
		return agent_fail(err, ENOMEM, "out of memory");
	if (is_twice(push, p))
		return agent_fail(err, EEXIST, "two backends have the name '%s'", p->target.name);
	snprintf(p->labels, sizeof(p->labels), "backend=\"%s\"", p->target.name);
	ret = store_cursor_open(push->store, p->target.name, &p->cursor, err);
	if (!ret)
		ret = p->backend->open(&p->target, &push->stop_by, &p->state, err);
	return ret ? ret : start_thread(p, err);
}

int push_start(struct store *store, const struct push_target *targets, size_t n, struct push **out,
	       struct egret_error *err)
{
	struct push *push = calloc(1, sizeof(*push));
	pthread_condattr_t attr;
	int ret = 0;

	if (!push || !(push->pushers = calloc(n + 1, sizeof(*push->pushers)))) {
		free(push);
		return agent_fail(err, ENOMEM, "out of memory");
	}
	push->store = store;
	push->n = n;
	pthread_mutex_init(&push->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&push->wake, &attr);
	pthread_condattr_destroy(&attr);
	for (size_t i = 0; i < n && !ret; i++)
		ret = start(push, &push->pushers[i], &targets[i], err);
	if (ret) {
		push_stop(push);
		return ret;
	}
	*out = push;
	return 0;
}

void push_wake(struct push *push)
{
	pthread_mutex_lock(&push->lock);
	push->wakes++;
	pthread_cond_broadcast(&push->wake);
	pthread_mutex_unlock(&push->lock);
}

void push_stop(struct push *push)
{
	struct timespec now;

	if (!push)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	push->stop_by = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + GRACE_NS;
	push_wake(push);
	store_set_waiting(push->store, false);
	for (size_t i = 0; i < push->n; i++) {
		struct pusher *p = &push->pushers[i];

		if (p->has_thread)
			pthread_join(p->thread, NULL);
		if (p->state)
			p->backend->close(p->state);
		store_cursor_close(p->cursor);
		free_strings(&p->target);
	}
	store_set_waiting(push->store, true);
	pthread_cond_destroy(&push->wake);
	pthread_mutex_destroy(&push->lock);
	free(push->pushers);
	free(push);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool push_is_to(const struct push *push, const struct push_target *targets, size_t n)
{
	bool same = push->n == n;

	for (size_t i = 0; same && i < n; i++) {
		const struct push_target *a = &push->pushers[i].target, *b = &targets[i];

		same = is_same(a->kind, b->kind) && is_same(a->name, b->name) &&
		       is_same(a->url, b->url) && is_same(a->token_file, b->token_file) &&
		       is_same(a->user, b->user) && is_same(a->password_file, b->password_file) &&
		       is_same(a->ca_file, b->ca_file) && is_same(a->tenant, b->tenant) &&
		       is_same(a->database, b->database) &&
		       a->timeout_ms == (b->timeout_ms ? b->timeout_ms : DEFAULT_TIMEOUT_MS);
	}
	return same;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static int each_reason(const struct pusher *p, const struct tally *tally, const char *name,
		       const char *help, agent_stat_fn fn, void *arg)
{
	int ret = 0;

	for (size_t i = 0; i < REASONS && tally[i].reason && !ret; i++) {
		char labels[256];
		struct agent_stat stat = { name, help, labels, (double)tally[i].n, false };

		snprintf(labels, sizeof(labels), "%s,reason=\"%s\"", p->labels, tally[i].reason);
		ret = fn(&stat, arg);
	}
	return ret;
}

static int each_plain(const struct pusher *p, const struct counts *c, agent_stat_fn fn, void *arg)
{
	const struct agent_stat stats[] = {
		{ "egret_push_windows_sent_total", "Windows that the backend has acknowledged",
		  p->labels, (double)c->sent, false },
		{ "egret_push_bytes_sent_total", "Bytes of these, as they were sent", p->labels,
		  (double)c->bytes, false },
		{ "egret_push_windows_waiting", "Windows that are still to be sent", p->labels,
		  (double)store_cursor_left(p->cursor), true },
		{ "egret_push_last_success_timestamp_seconds",
		  "When the backend has acknowledged one last", p->labels, (double)c->last_ns / 1e9,
		  true },
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(stats) / sizeof(*stats) && !ret; i++)
		ret = fn(&stats[i], arg);
	return ret;
}

int push_each_stat(struct push *push, agent_stat_fn fn, void *arg)
{
	int ret = 0;

	for (size_t i = 0; i < push->n && !ret; i++) {
		const struct pusher *p = &push->pushers[i];
		struct counts copy;

		pthread_mutex_lock(&push->lock);
		copy = p->counts;
		pthread_mutex_unlock(&push->lock);
		ret = each_plain(p, &copy, fn, arg);
		if (!ret)
			ret = each_reason(p, copy.dropped, "egret_push_windows_dropped_total",
					  "Windows that the backend will never get", fn, arg);
		if (!ret)
			ret = each_reason(p, copy.failed, "egret_push_failures_total",
					  "Attempts that failed", fn, arg);
	}
	return ret;
}
