/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* loop.c - the agent at work. */
#include "agent/loop.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "agent/budget.h"
#include "agent/collect.h"
#include "agent/http.h"
#include "agent/log.h"
#include "agent/metrics.h"
#include "agent/privileges.h"
#include "agent/push.h"
#include "agent/store.h"
#include "agent/usage.h"
#include "cache_dir.h"
#include "message.h"
#include "start_parser.h"

#define NS_A_MS 1000000u
#define SESSION_PART 4 /* of the memory: the rest is windows, what is being sent, malloc's */
#define RING_MIN (512u << 10)
#define RING_MAX (4u << 20)
#define LATENCY_MS 1000 /* of samples, and between two looks: the watchdog's, the budget's */

struct loop {
	struct configuration *configuration;
	struct egret_parser *parser;
	struct egret_session *session;
	struct collect collect;
	struct collection window;
	struct listener listener;
	struct http *http;
	struct store *store;
	struct push *push;
	struct budget budget;
	uint64_t budget_ns, budget_cpu_ns; /* when the budget was looked at, and what was used */
	int signals;
	bool ending, reload;
	uint64_t started, windows, windows_failed, samples;
};

/* ---- the session ---------------------------------------------------------------------------- */

/*
 * Rings for captures, of all CPUs half of the memory at most. They are read long before they are
 * full; smaller ones also bound how long one look at them may take.
 */
static uint64_t ring_size(uint64_t max_memory)
{
	uint64_t most = max_memory / 2 / (uint64_t)sysconf(_SC_NPROCESSORS_CONF), size = RING_MIN;

	while (size * 2 <= most && size < RING_MAX)
		size *= 2;
	return size;
}

static int open_session(struct loop *l, struct egret_error *err)
{
	const struct settings *s = &l->configuration->settings;
	char *cache = cache_dir(&(struct cache_opts){ 0 });
	const struct egret_session_opts opts = {
		.size = sizeof(opts),
		.scope = EGRET_SCOPE_SYSTEM,
		.events = (const char *const *)s->events.items,
		.n_events = s->events.n,
		.frequency = s->frequency,
		.latency_ms = LATENCY_MS,
		.memory_limit = s->max_memory / SESSION_PART,
		.buffer_size = ring_size(s->max_memory),
		.keep_profile = true,
		.process_labels = true,
		.keep_samples = true,
		.capture = s->capture,
		.cache_dir = cache,
		.debuginfod = EGRET_DEBUGINFOD_NEVER,
		.command = "egret agent",
		.parser = l->parser,
	};
	const char *notice;
	int ret = egret_session__open(&opts, &l->session, err);

	free(cache);
	if (ret)
		return ret;
	for (size_t i = 0; (notice = egret_session__notice(l->session, i)); i++)
		log_line(LOG_FACT, "%s", notice);
	l->collect.session = l->session;
	l->collect.relabel = l->configuration->relabel;
	return egret_session__start(l->session, err);
}

/* ---- windows -------------------------------------------------------------------------------- */

static int count_samples(const struct egret_stack *stack, void *arg)
{
	*(uint64_t *)arg += stack->samples;
	return 0;
}

/* Windows end at whole multiples of their length, so that those of many machines are alike. */
static uint64_t window_end(const struct loop *l)
{
	uint64_t length = l->configuration->settings.window_ms * NS_A_MS;

	return (l->window.from / length + 1) * length;
}

static void keep_window(struct loop *l, struct egret_profile *window, uint64_t from, uint64_t to)
{
	struct egret_error err = { "" };

	l->windows++;
	egret_profile__each_stack(window, count_samples, &l->samples);
	if (store_put(l->store, window, from, to, &err))
		log_line(LOG_FAILURE, "a window is lost: %s", err.text);
}

static void end_window(struct loop *l)
{
	struct egret_error err = { "" };
	struct egret_profile *window = NULL;
	uint64_t from = l->window.from;
	int ret = collect_turn(&l->collect, &l->window, &window, &err);

	if (!ret) {
		keep_window(l, window, from, l->window.from);
	} else {
		l->windows_failed++;
		log_line(LOG_FAILURE, "a window is lost: %s", err.text);
	}
	egret_profile__destroy(window);
	usage_trim(l->configuration->settings.max_memory);
}

/* ---- what it costs -------------------------------------------------------------------------- */

static uint64_t cost_ns(const struct loop *l)
{
	struct usage usage;

	usage_now(l->session, l->parser, &usage);
	return usage_total_ns(&usage);
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void set_rate(struct loop *l, uint64_t before)
{
	struct egret_error err = { "" };
	uint64_t rate = l->budget.rate;

	if (egret_session__set_frequency(l->session, rate, &err)) {
		log_line(LOG_TROUBLE, "%s", err.text);
		return;
	}
	log_line(LOG_FACT,
		 "samples at %llu Hz from now on, not %llu: %.2f %% of %ld CPUs are for it",
		 (unsigned long long)rate, (unsigned long long)before,
		 l->configuration->settings.max_cpu, sysconf(_SC_NPROCESSORS_ONLN));
}

/*
 * Programs that come by the hundred within a window are forgotten within it, too: the session looks
 * at its memory when something is taken.
 */
static void look_at_memory(struct loop *l)
{
	uint64_t max_memory = l->configuration->settings.max_memory;
	struct egret_cost cost = { .size = sizeof(cost) };
	struct egret_error err = { "" };

	if (egret_session__cost(l->session, &cost) ||
	    cost.memory_bytes <= max_memory / SESSION_PART)
		return;
	if (collect_slice(&l->collect, &err))
		log_line(LOG_FAILURE, "a part of a window is lost: %s", err.text);
	/* Sooner than by itself, where not much is left. */
	else if (usage_memory() > max_memory / 4 * 3 && egret_session__trim(l->session, &err))
		log_line(LOG_FAILURE, "what is known of files is kept: %s", err.text);
	usage_trim(max_memory);
}

static void look_at_budget(struct loop *l)
{
	uint64_t now = monotonic_ns(), used = cost_ns(l);
	struct budget_cost cost = { now - l->budget_ns, used - l->budget_cpu_ns };
	uint64_t before = l->budget.rate;

	if (cost.elapsed_ns < 900 * NS_A_MS)
		return;
	l->budget_ns = now;
	l->budget_cpu_ns = used;
	if (budget_next(&l->budget, &cost) != before)
		set_rate(l, before);
	look_at_memory(l);
}

/* ---- what it tells -------------------------------------------------------------------------- */

static bool is_ready(void *arg, const char **why)
{
	const struct loop *l = arg;

	*why = "the agent ends";
	return !l->ending;
}

static int each_stat(void *arg, agent_stat_fn fn, void *fn_arg)
{
	struct loop *l = arg;
	const struct agent_stat stats[] = {
		{ "egret_build_info", "Always 1; its label is the version",
		  "version=\"" /* filled below */, 1, true },
		{ "egret_start_time_seconds", "When the agent began to sample, since 1970", NULL,
		  (double)l->started / 1e9, true },
		{ "egret_windows_total", "Windows that were sampled whole", NULL,
		  (double)l->windows, false },
		{ "egret_windows_failed_total", "Windows lost for want of memory", NULL,
		  (double)l->windows_failed, false },
		{ "egret_slices_lost_total", "Parts of windows and answers lost for want of memory",
		  NULL, (double)l->collect.failed, false },
		{ "egret_window_samples_total", "Samples in these windows", NULL,
		  (double)l->samples, false },
		{ "egret_rate_hertz", "Samples a second and CPU, now", NULL, (double)l->budget.rate,
		  true },
		{ "egret_rate_wanted_hertz", "Samples a second and CPU, as configured", NULL,
		  (double)l->budget.wanted, true },
		{ "egret_rate_lowered_total",
		  "Times that the rate was lowered to keep to the budget", NULL,
		  (double)l->budget.lowered, false },
		{ "egret_rate_raised_total", "Times that it was raised again", NULL,
		  (double)l->budget.raised, false },
		{ "egret_cpu_budget_cpus", "CPU time a second that it may cost", NULL,
		  l->budget.limit, true },
	};
	char version[64];
	int ret = 0;

	snprintf(version, sizeof(version), "version=\"%s\"", egret_version());
	for (size_t i = 0; i < sizeof(stats) / sizeof(*stats) && !ret; i++) {
		struct agent_stat stat = stats[i];

		if (!i)
			stat.labels = version;
		ret = fn(&stat, fn_arg);
	}
	if (!ret)
		ret = usage_each_stat(l->session, l->parser, l->configuration->settings.max_memory,
				      fn, fn_arg);
	if (!ret)
		ret = http_each_stat(l->http, fn, fn_arg);
	if (!ret)
		ret = store_each_stat(l->store, fn, fn_arg);
	if (!ret && l->push)
		ret = push_each_stat(l->push, fn, fn_arg);
	return ret ? ret : metrics_each_session(l->session, fn, fn_arg);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static int least(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int wait_ms(const struct loop *l)
{
	uint64_t now = collect_now(), end = window_end(l);
	int left = end > now ? (int)((end - now) / NS_A_MS + 1) : 0;

	return least(left, http_wait_ms(l->http));
}

static void read_signals(struct loop *l)
{
	struct signalfd_siginfo info;

	while (read(l->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (info.ssi_signo == SIGHUP)
			l->reload = true;
		else
			l->ending = true;
}

/* ---- another configuration ------------------------------------------------------------------ */

static void apply_budget(struct loop *l)
{
	const struct settings *s = &l->configuration->settings;
	uint64_t before = l->budget.rate;
	double cpus = s->max_cpu / 100 * (double)sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus == l->budget.limit && s->frequency == l->budget.wanted)
		return;
	budget_init(&l->budget, cpus, s->frequency);
	if (l->budget.rate != before)
		set_rate(l, before);
}

static bool differ(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : a != b;
}

static bool differ_in_events(const struct opt_strings *a, const struct opt_strings *b)
{
	bool differs = a->n != b->n;

	for (size_t i = 0; i < a->n && !differs; i++)
		differs = strcmp(a->items[i], b->items[i]) != 0;
	return differs;
}

/* What a running agent cannot change is said, and stays as it was until it is started anew. */
static void tell_what_stays(const struct settings *before, const struct settings *after)
{
	const struct {
		const char *name;
		bool differs;
	} fixed[] = {
		{ "listen", differ(before->listen, after->listen) },
		{ "tls-certificate", differ(before->tls_certificate, after->tls_certificate) },
		{ "tls-key", differ(before->tls_key, after->tls_key) },
		{ "token-file", differ(before->token_file, after->token_file) },
		{ "state-dir", differ(before->state_dir, after->state_dir) },
		{ "store-size", before->store_size != after->store_size },
		{ "max-memory", before->max_memory != after->max_memory },
		{ "capture", differ(before->capture, after->capture) },
		{ "event", differ_in_events(&before->events, &after->events) },
		{ "user", differ(before->user, after->user) },
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (fixed[i].differs)
			log_line(LOG_TROUBLE, "another %s takes a restart", fixed[i].name);
}

/* Their places are in the store: those that are started go on where others were stopped. */
static void apply_backends(struct loop *l)
{
	const struct configuration *c = l->configuration;
	struct egret_error err = { "" };

	if (l->push && push_is_to(l->push, c->backends, c->n_backends))
		return;
	push_stop(l->push);
	l->push = NULL;
	if (push_start(l->store, c->backends, c->n_backends, &l->push, &err))
		log_line(LOG_FAILURE, "windows are only stored: %s", err.text);
}

/* A configuration that is wrong leaves the old one running. */
static void reload(struct loop *l)
{
	struct configuration fresh;
	struct egret_error err = { "" };

	l->reload = false;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)(monotonic_ns() / 1000));
	if (configuration_load(&l->configuration->settings, &fresh, &err)) {
		log_line(LOG_FAILURE, "goes on with the old configuration: %s", err.text);
	} else {
		tell_what_stays(&l->configuration->settings, &fresh.settings);
		configuration_deinit(l->configuration);
		*l->configuration = fresh;
		l->collect.relabel = fresh.relabel;
		apply_budget(l);
		apply_backends(l);
		log_line(LOG_FACT, "has read its configuration again");
	}
	sd_notify(0, "READY=1");
}

static int turn(struct loop *l, struct egret_error *err)
{
	struct pollfd fds[] = {
		{ .fd = egret_session__fd(l->session), .events = POLLIN },
		{ .fd = http_fd(l->http), .events = POLLIN },
		{ .fd = l->signals, .events = POLLIN },
	};
	int ret;

	poll(fds, 3, wait_ms(l));
	read_signals(l);
	if (l->reload)
		reload(l);
	ret = egret_session__poll(l->session, 0, err);
	if (ret < 0 && ret != -EINTR)
		return ret;
	http_work(l->http);
	if (collect_now() >= window_end(l) || l->ending)
		end_window(l);
	look_at_budget(l);
	log_flush(0);
	sd_notify(0, "WATCHDOG=1");
	return 0;
}

/* systemd names the directory that it has made for the unit. */
static const char *state_dir(const struct settings *s)
{
	const char *named = getenv("STATE_DIRECTORY");

	if (s->state_dir)
		return s->state_dir;
	return named && *named ? named : STORE_DEFAULT_DIR;
}

static int start_push(struct loop *l, struct egret_error *err)
{
	const struct configuration *c = l->configuration;

	return push_start(l->store, c->backends, c->n_backends, &l->push, err);
}

static int start_http(struct loop *l, struct egret_error *err)
{
	const struct settings *s = &l->configuration->settings;
	const struct http_opts opts = {
		.collect = &l->collect,
		.listener = &l->listener,
		.certificate = s->tls_certificate,
		.key = s->tls_key,
		.token_file = s->token_file,
		.is_ready = is_ready,
		.each_stat = each_stat,
		.arg = l,
	};

	return http_start(&opts, &l->http, err);
}

/*
 * First the process that reads files, which may have a copy of what is in memory by then. Threads
 * come after privileges are dropped, and so have none that this one has not.
 */
static int start(struct loop *l, struct egret_error *err)
{
	const struct settings *s = &l->configuration->settings;
	int ret = start_parser(&l->parser, err);

	if (!ret)
		ret = listener_open(s->listen, &l->listener, err);
	if (!ret)
		ret = open_session(l, err);
	if (!ret)
		ret = privileges_drop(&(struct privileges_opts){ .user = s->user }, err);
	if (!ret)
		ret = store_open(state_dir(s), s->store_size, &l->store, err);
	if (!ret)
		ret = start_push(l, err);
	if (!ret)
		ret = start_http(l, err);
	if (!ret)
		ret = collect_open(&l->collect, &l->window, err);
	if (ret)
		return ret;
	l->started = collect_now();
	budget_init(&l->budget, s->max_cpu / 100 * (double)sysconf(_SC_NPROCESSORS_ONLN),
		    s->frequency);
	l->budget_ns = monotonic_ns();
	l->budget_cpu_ns = cost_ns(l);
	log_line(LOG_FACT, "egret %s samples this machine at %llu Hz by %s, and answers on %s",
		 egret_version(), (unsigned long long)s->frequency,
		 egret_session__backend(l->session), l->listener.text);
	sd_notify(0, "READY=1");
	return 0;
}

static void stop(struct loop *l)
{
	sd_notify(0, "STOPPING=1");
	http_stop(l->http);
	listener_close(&l->listener);
	collect_abandon(&l->collect, &l->window);
	egret_session__destroy(l->session);
	egret_parser__destroy(l->parser);
	push_stop(l->push);
	store_close(l->store);
	curl_global_cleanup();
	if (l->signals >= 0)
		close(l->signals);
	log_flush(1);
}

static int open_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int loop_run(struct configuration *configuration)
{
	struct loop l = { .configuration = configuration, .listener = { .fd = -1 } };
	struct egret_error err = { "" };
	int ret;

	/* Before there are threads. */
	curl_global_init(CURL_GLOBAL_DEFAULT);
	l.signals = open_signals();
	ret = start(&l, &err);
	while (!ret && !l.ending)
		ret = turn(&l, &err);
	if (ret)
		log_line(LOG_FAILURE, "%s", *err.text ? err.text : strerror(-ret));
	else
		log_line(LOG_FACT, "ends after %llu windows", (unsigned long long)l.windows);
	stop(&l);
	return ret ? STATUS_FAILED : STATUS_OK;
}
