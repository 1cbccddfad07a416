/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* session.c - the public face of sampling: opens, polls, stops; the pipeline does the work. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "maps/cgroup_path.h"
#include "base/options.h"
#include "capture/capture.h"
#include "elf/debug_find.h"
#include "session/accounting.h"
#include "session/grant.h"
#include "session/live_names.h"
#include "session/parsing.h"
#include "session/pipeline.h"
#include "session/raw_sources.h"
#include "session/session_impl.h"
#include "session/session_meta.h"

#define DEFAULT_MAX_FRAMES 2048
#define NS_A_SECOND 1000000000ull
#define DEFAULT_LATENCY_MS 50
#define DEFAULT_MEMORY_LIMIT (256ull << 20)
#define MAX_MODULES 2000 /* each is mapped once or twice here: vm.max_map_count is 65,530 */
#define MAX_LATENCY_MS 10000
#define TIDY_NS 1000000000ull
#define SLACK_NS 1000000ull /* records younger than this wait for what may still be on its way */
#define STOP_WAIT_NS 1000000000ull
#define SLEEPERS_AFTER_NS 30000000ull

static uint64_t now_ns(void)
{
	return (uint64_t)egret_clock_ns(CLOCK_MONOTONIC);
}

void egret_session_tell(struct egret_session *s, const char *format, ...)
{
	va_list args;

	if (s->n_notices >= sizeof(s->notices) / sizeof(s->notices[0]))
		return;
	va_start(args, format);
	if (vasprintf(&s->notices[s->n_notices], format, args) >= 0) {
		if (s->log)
			s->log(s->log_arg, s->notices[s->n_notices]);
		s->n_notices++;
	}
	va_end(args);
}

const char *egret_session__notice(const struct egret_session *session, size_t n)
{
	return n < session->n_notices ? session->notices[n] : NULL;
}

/* ---- options ------------------------------------------------------------------------------------
 */

static int parse_fault(const char *name, enum egret_fault_policy *policy, struct egret_error *err)
{
	static const char *const names[] = { "none", "safe", "any" };

	*policy = EGRET_FAULT_SAFE;
	for (int i = 0; name && i < 3; i++) {
		if (!strcmp(name, names[i])) {
			*policy = (enum egret_fault_policy)i;
			return 0;
		}
	}
	return name ? egret_fail(err, EINVAL, "there is no fault policy '%s': none, safe or any",
				 name)
		    : 0;
}

static int open_cgroup(const char *path, struct egret_error *err)
{
	char whole[4200];
	int fd = path[0] == '/' ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	for (size_t i = 0; path[0] != '/' && i < EGRET_CGROUP_MOUNTS && fd < 0; i++) {
		snprintf(whole, sizeof(whole), "%s/%s", egret_cgroup_mounts[i], path);
		fd = open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd >= 0 ? fd : egret_fail(err, errno, "cgroup '%s': %s", path, strerror(errno));
}

/* ---- targets ------------------------------------------------------------------------------------
 */

static int watch(struct egret_session *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL /* Linux 6.9 */
#endif

static int open_pidfd(struct egret_session *s, pid_t pid)
{
	unsigned int flags = s->scope == EGRET_SCOPE_THREAD ? PIDFD_THREAD : 0;

	return (int)syscall(SYS_pidfd_open, pid, flags);
}

/* A thread of an older kernel cannot be waited for: it is there or not. */
static bool thread_exists(pid_t tid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", tid);
	return !access(path, F_OK);
}

int egret_session__add_process(struct egret_session *s, pid_t pid, struct egret_error *err)
{
	__close_ int fd = open_pidfd(s, pid);
	int *pidfds, ret;

	if (fd < 0 && errno == EINVAL && s->scope == EGRET_SCOPE_THREAD && thread_exists(pid))
		fd = -1;
	else if (fd < 0)
		return egret_fail(err, errno == EINVAL ? ESRCH : errno, "there is no %s %d%s",
				  s->scope == EGRET_SCOPE_THREAD ? "thread" : "process", pid,
				  errno == EPERM ? " that egret may look at" : "");
	pidfds = reallocarray(s->pidfds, s->n_pidfds + 1, sizeof(*pidfds));
	if (!pidfds)
		return egret_fail(err, ENOMEM, "out of memory");
	s->pidfds = pidfds;
	ret = egret_capture_add_target(s->capture, pid, err);
	if (ret)
		return ret;
	if (fd >= 0)
		watch(s, fd);
	s->pidfds[s->n_pidfds++] = steal_fd(fd);
	s->n_alive++;
	if (s->scope == EGRET_SCOPE_PROCESS)
		egret_processes_need(egret_pipeline_processes(s->pipeline), pid);
	return 0;
}

static void note_ended(struct egret_session *s, int fd)
{
	for (size_t i = 0; i < s->n_pidfds; i++) {
		if (s->pidfds[i] != fd)
			continue;
		close(fd);
		s->pidfds[i] = -1;
		s->n_alive--;
		return;
	}
}

/* ---- opening ------------------------------------------------------------------------------------
 */

static void tell_backend(struct egret_session *s)
{
	if (egret_capture_notice(s->capture)[0] && !egret_capture_deferred(s->capture))
		egret_session_tell(s, "capturing with '%s': %s", egret_capture_backend(s->capture),
				   egret_capture_notice(s->capture));
	if (!egret_capture_deferred(s->capture))
		egret_session_tell(
			s, "stacks are read in the sampling interrupt; pages that are not in "
			   "memory cut them (see `egret doctor`)");
}

static int open_capture(struct egret_session *s, const struct egret_session_opts *opts,
			struct egret_error *err)
{
	struct egret_capture_opts c = {
		.events = s->specs,
		.n_events = s->n_specs,
		.filter = (enum egret_filter)opts->scope,
		.include_idle = opts->include_idle,
		.from_exec = opts->from_exec,
		.backend = opts->capture,
		.stack_limit = opts->stack_limit,
		.buffer_size = opts->buffer_size,
		.max_threads = opts->max_threads,
		.cgroup_fd = -1,
	};
	__close_ int cgroup = -1;
	int ret = parse_fault(opts->fault, &c.fault, err);

	if (ret)
		return ret;
	if (opts->scope == EGRET_SCOPE_CGROUP) {
		cgroup = open_cgroup(opts->cgroup ? opts->cgroup : "", err);
		if (cgroup < 0)
			return cgroup;
		c.cgroup_fd = cgroup;
	}
	ret = egret_capture_open(&c, &s->capture, err);
	if (!ret)
		tell_backend(s);
	return ret;
}

/* What is the grant's until all has gone well. */
static void borrow_from(struct egret_session *s, const struct egret_grant *grant)
{
	s->specs = grant->specs;
	s->n_specs = grant->n_specs;
	s->capture = grant->capture;
	s->pidfds = grant->pidfds;
	s->n_pidfds = grant->n_pids;
	tell_backend(s);
}

static void give_back(struct egret_session *s)
{
	s->specs = NULL;
	s->capture = NULL;
	s->pidfds = NULL;
	s->n_pidfds = 0;
}

/* They are targets already. A kernel without pidfds of threads does not say when these end. */
static void follow_given(struct egret_session *s, const struct egret_grant *grant)
{
	for (size_t i = 0; i < s->n_pidfds; i++) {
		if (s->pidfds[i] >= 0 && !watch(s, s->pidfds[i]))
			s->n_alive++;
		if (s->scope == EGRET_SCOPE_PROCESS)
			egret_processes_need(egret_pipeline_processes(s->pipeline), grant->pids[i]);
	}
	if (s->scope == EGRET_SCOPE_THREAD && !s->n_pidfds)
		s->n_alive = 1;
}

/* Without one all goes as well, but for the time that it takes. */
static void open_cache(struct egret_session *s, const struct egret_session_opts *opts)
{
	struct egret_cache_opts c = { .directory = opts->cache_dir, .max_bytes = opts->cache_size };
	struct egret_error err = { "" };

	if (opts->cache_dir && egret_cache_open(&c, &s->cache, &err))
		egret_session_tell(s, "nothing is cached: %s", err.text);
}

/* Where debug files are looked for. */
static int open_debug_finder(struct egret_session *s, const struct egret_session_opts *opts,
			     struct egret_error *err)
{
	__free_ char *store = NULL;
	struct egret_debug_opts d = {
		.dirs = opts->debug_dirs,
		.n_dirs = opts->n_debug_dirs,
		.debuginfod = (enum egret_debuginfod_mode)opts->debuginfod,
		.timeout_ms = opts->debuginfod_timeout_ms,
		.max_bytes = opts->debuginfod_max_bytes,
		.progress = opts->debuginfod_progress,
		.arg = opts->debuginfod_arg,
	};

	s->parsing = (struct egret_parsing){ opts->parser, s->cache };
	if (opts->parser)
		d.opener = (struct egret_elf_opener){ egret_parsing_open, &s->parsing };
	if (s->cache && asprintf(&store, "%s/files", opts->cache_dir) < 0)
		store = NULL;
	d.store = store;
	if (egret_debug_finder_create(&d, &s->debug_finder))
		return egret_fail(err, ENOMEM, "out of memory");
	if (opts->debuginfod == EGRET_DEBUGINFOD_NETWORK && !egret_debuginfod_has_servers())
		egret_session_tell(s,
				   "debuginfod has no servers to ask: DEBUGINFOD_URLS is not set");
	s->modules = egret_module_source_live;
	s->modules.arg = s->debug_finder;
	return 0;
}

static int open_pipeline(struct egret_session *s, const struct egret_session_opts *opts,
			 struct egret_error *err)
{
	struct egret_pipeline_opts p = {
		.engine = egret_unwind_engine_find(opts->unwinder),
		.module_source = &s->modules,
		.process_source = &egret_process_source_live,
		.max_frames = opts->max_frames ? opts->max_frames : DEFAULT_MAX_FRAMES,
		.threads = opts->threads,
		.track_all = opts->scope != EGRET_SCOPE_PROCESS,
		.aggregate = opts->keep_profile,
		.keep_samples = opts->keep_samples,
		.process_labels = opts->process_labels,
		.no_names = opts->symbols_off,
		.no_lines = opts->no_lines,
		.demangle = opts->demangle,
		.cache = s->cache,
		.late_pages = opts->fault && !strcmp(opts->fault, "any")
				      ? (uint32_t)egret_capture_stack_limit(s->capture)
				      : 0,
		.parser = opts->parser,
	};
	int ret;

	if (!p.engine)
		return egret_fail(err, EINVAL, "there is no unwinder '%s'", opts->unwinder);
	if (opts->parser && (opts->raw || !p.engine->module_import))
		return egret_fail(err, EINVAL,
				  "with a parser stacks are unwound by 'table', and captures "
				  "cannot be kept (raw)");
	if (egret_live_names_create(&s->live_names))
		return egret_fail(err, ENOMEM, "out of memory");
	p.name_source = egret_live_name_source(s->live_names);
	if (opts->raw) {
		ret = egret_raw_sources_create(p.name_source, &s->raw_sources, err);
		if (ret)
			return ret;
		p.process_source = egret_raw_process_source(s->raw_sources);
		p.name_source = egret_raw_name_source(s->raw_sources);
	}
	return egret_pipeline_create(&p, &s->pipeline, err);
}

static int add_events(struct egret_session *s, struct egret_error *err)
{
	struct egret_profile *profile = egret_pipeline_profile(s->pipeline);
	int ret = 0;

	for (size_t i = 0; i < s->n_specs; i++) {
		struct egret_event event = {
			.name = s->specs[i].name,
			.unit = s->specs[i].clock ? "nanoseconds" : "count",
			.frequency = s->specs[i].frequency,
			.period = s->specs[i].period,
		};

		ret |= egret_profile_add_event(profile, &event);
	}
	return ret ? egret_fail(err, ENOMEM, "out of memory") : 0;
}

static int open_all(struct egret_session *s, const struct egret_session_opts *opts,
		    struct egret_error *err)
{
	int ret = 0;

	if (opts->grant)
		borrow_from(s, opts->grant);
	else
		ret = egret_session_parse_events(s, opts, err);
	if (!ret && !opts->grant)
		ret = open_capture(s, opts, err);
	if (!ret)
		open_cache(s, opts);
	if (!ret)
		ret = open_debug_finder(s, opts, err);
	if (!ret)
		ret = open_pipeline(s, opts, err);
	if (!ret)
		ret = egret_session_meta_set(egret_pipeline_profile(s->pipeline), opts, s->capture,
					     err);
	if (!ret)
		ret = add_events(s, err);
	if (ret)
		return ret;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->epoll < 0 || s->timer < 0 || watch(s, s->timer) ||
	    watch(s, egret_capture_fd(s->capture)))
		return egret_fail(err, errno, "cannot make a descriptor to wait on: %s",
				  strerror(errno));
	for (size_t i = 0; i < opts->n_pids && !ret; i++)
		ret = egret_session__add_process(s, opts->pids[i], err);
	if (opts->grant)
		follow_given(s, opts->grant);
	return ret;
}

/* With a parser the files are not mapped, but stay open: half of what the process may have open. */
static size_t max_modules(const struct egret_session_opts *opts)
{
	struct rlimit files;

	if (!opts->parser || getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur / 2 > MAX_MODULES)
		return MAX_MODULES;
	return files.rlim_cur / 2;
}

int egret_session__open(const struct egret_session_opts *user_opts, struct egret_session **out,
			struct egret_error *err)
{
	struct egret_session_opts opts;
	struct egret_session *s;
	int ret;

	ret = egret_options_take(&opts, sizeof(opts), user_opts, "session options", err);
	if (ret)
		return ret;
	if (opts.latency_ms > MAX_LATENCY_MS)
		return egret_fail(err, EINVAL, "records cannot wait %u ms: %d at most",
				  opts.latency_ms, MAX_LATENCY_MS);
	ret = opts.grant ? egret_grant_use(opts.grant, &opts, err) : 0;
	if (ret)
		return ret;
	s = calloc(1, sizeof(*s));
	if (!s)
		return egret_fail(err, ENOMEM, "out of memory");
	s->scope = opts.scope;
	s->log = opts.log;
	s->log_arg = opts.log_arg;
	s->raw = opts.raw;
	s->start_disabled = opts.start_disabled;
	s->memory_limit = opts.memory_limit ? opts.memory_limit : DEFAULT_MEMORY_LIMIT;
	s->max_modules = max_modules(&opts);
	s->latency_ms = opts.latency_ms ? opts.latency_ms : DEFAULT_LATENCY_MS;
	s->epoll = s->timer = -1;
	ret = open_all(s, &opts, err);
	if (ret) {
		if (opts.grant)
			give_back(s);
		egret_session__destroy(s);
		return ret;
	}
	if (opts.grant) {
		egret_live_names_give_kallsyms(s->live_names, opts.grant->kallsyms);
		egret_grant_used(opts.grant);
	}
	*out = s;
	return 0;
}

void egret_session__destroy(struct egret_session *s)
{
	if (!s)
		return;
	egret_accounting_told_deinit(&s->told);
	egret_writer_destroy(s->writer);
	egret_pipeline_destroy(s->pipeline);
	egret_cache_close(s->cache);
	egret_debug_finder_destroy(s->debug_finder);
	egret_raw_sources_destroy(s->raw_sources);
	egret_live_names_destroy(s->live_names);
	egret_capture_destroy(s->capture);
	for (size_t i = 0; i < s->n_pidfds; i++)
		if (s->pidfds[i] >= 0)
			close(s->pidfds[i]);
	for (size_t i = 0; i < s->n_notices; i++)
		free(s->notices[i]);
	if (s->timer >= 0)
		close(s->timer);
	if (s->epoll >= 0)
		close(s->epoll);
	free(s->pidfds);
	free(s->specs);
	free(s);
}

/* ---- records ---------------------------------------------------------------------- */

struct drain {
	struct egret_session *session;
	struct egret_error *err;
};

static int drain_record(void *arg, const struct egret_rec *record)
{
	struct drain *drain = arg;

	return egret_pipeline_record(drain->session->pipeline, record, drain->err);
}

static int drain_perf(void *arg, const struct perf_event_header *record, uint64_t time)
{
	struct drain *drain = arg;

	return egret_pipeline_perf(drain->session->pipeline, record, time, drain->err);
}

static int drain_until(struct egret_session *s, uint64_t until, struct egret_error *err)
{
	struct drain drain = { s, err };
	struct egret_capture_sink sink = { drain_record, drain_perf, &drain };
	long n = egret_capture_drain(s->capture, until, &sink);

	return n < 0 ? (int)n : egret_pipeline_settle(s->pipeline, err);
}

/*
 * Puts the accounting into the profile, of all or of the part since the last take. Where the
 * session goes on afterwards, sampling rests for that moment: only then do all of the numbers
 * belong together.
 */
static int store_accounting(struct egret_session *s, struct egret_profile *profile, bool is_part,
			    struct egret_error *err)
{
	bool goes_on = s->sampling && !s->stopped;
	int ret = 0;

	if (goes_on) {
		egret_capture_disable(s->capture);
		ret = drain_until(s, UINT64_MAX, err);
	}
	egret_session_meta_clock(profile);
	if (!is_part)
		egret_accounting_store(s->capture, s->pipeline, profile);
	else if (!ret && egret_accounting_store_part(s->capture, s->pipeline, profile, &s->told))
		ret = egret_fail(err, ENOMEM, "out of memory");
	if (goes_on && !ret)
		ret = egret_capture_enable(s->capture, err);
	return ret;
}

/* ---- output -------------------------------------------------------------------------------------
 */

int egret_session__set_output(struct egret_session *s, int fd, struct egret_error *err)
{
	int ret;

	if (s->writer)
		return egret_fail(err, EBUSY, "a recording is under way");
	ret = egret_writer_create(fd, egret_pipeline_profile(s->pipeline), &s->writer, err);
	if (ret)
		return ret;
	egret_pipeline_set_writer(s->pipeline, s->writer, s->raw);
	if (s->raw_sources)
		egret_raw_sources_set_writer(s->raw_sources, s->writer);
	return 0;
}

int egret_session__finish_output(struct egret_session *s, struct egret_error *err)
{
	struct egret_profile *profile = egret_pipeline_profile(s->pipeline);
	uint64_t end = s->end_time ? s->end_time : now_ns();
	char duration[32];
	int ret;

	if (!s->writer)
		return egret_fail(err, EINVAL, "no recording is under way");
	snprintf(duration, sizeof(duration), "%.3f", (double)(end - s->start_time) / 1e9);
	egret_profile_set_meta(profile, "duration", duration);
	ret = store_accounting(s, profile, false, err);
	if (!ret)
		ret = egret_pipeline_name_all(s->pipeline, s->stopped, err);
	if (!ret && s->raw_sources)
		ret = egret_raw_sources_finish(s->raw_sources, egret_pipeline_modules(s->pipeline),
					       err);
	if (!ret)
		ret = egret_writer_finish(s->writer, err);
	s->written_before += egret_writer_bytes(s->writer);
	egret_pipeline_set_writer(s->pipeline, NULL, false);
	if (s->raw_sources)
		egret_raw_sources_set_writer(s->raw_sources, NULL);
	egret_writer_destroy(s->writer);
	s->writer = NULL;
	return ret;
}

/* ---- running ------------------------------------------------------------------------------------
 */

static struct timespec timespec_of_ms(uint64_t ms)
{
	return (struct timespec){ .tv_sec = (time_t)(ms / 1000),
				  .tv_nsec = (long)(ms % 1000 * 1000000) };
}

/* At whole multiples of the latency by the wall clock: what a caller does by it falls together. */
static void start_ticking(struct egret_session *s)
{
	uint64_t now_ms = (uint64_t)egret_clock_ns(CLOCK_REALTIME) / 1000000;
	struct itimerspec tick = {
		.it_interval = timespec_of_ms(s->latency_ms),
		.it_value = timespec_of_ms(s->latency_ms - now_ms % s->latency_ms),
	};

	timerfd_settime(s->timer, 0, &tick, NULL);
}

int egret_session__start(struct egret_session *s, struct egret_error *err)
{

	if (s->started)
		return egret_fail(err, EALREADY, "the session has been started");
	s->started = true;
	s->start_time = now_ns();
	s->next_tidy = s->start_time + TIDY_NS;
	start_ticking(s);
	return s->start_disabled ? 0 : egret_session__enable(s, err);
}

int egret_session__disable(struct egret_session *s, struct egret_error *err)
{
	egret_capture_disable(s->capture);
	s->sampling = false;
	return 0;
}

int egret_session__enable(struct egret_session *s, struct egret_error *err)
{
	int ret = egret_capture_enable(s->capture, err);

	s->sampling = !ret;
	return ret;
}

int egret_session__fd(const struct egret_session *s)
{
	return s->epoll;
}

static int tidy(struct egret_session *s, uint64_t now, struct egret_error *err)
{
	int ret;

	s->next_tidy = now + TIDY_NS;
	ret = egret_pipeline_tidy(s->pipeline, now, err);
	if (!ret && s->raw_sources)
		ret = egret_raw_sources_modules(s->raw_sources, egret_pipeline_modules(s->pipeline),
						err);
	return ret || !s->writer ? ret : egret_writer_flush(s->writer, err);
}

static void read_events(struct egret_session *s, int timeout_ms)
{
	struct epoll_event events[16];
	int n = epoll_wait(s->epoll, events, 16, timeout_ms);
	struct epoll_event inner[16];
	uint64_t ticks;

	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == s->timer) {
			if (read(s->timer, &ticks, sizeof(ticks)) < 0)
				continue;
		} else if (events[i].data.fd == egret_capture_fd(s->capture)) {
			epoll_wait(egret_capture_fd(s->capture), inner, 16, 0);
		} else {
			note_ended(s, events[i].data.fd);
		}
	}
}

int egret_session__poll(struct egret_session *s, int timeout_ms, struct egret_error *err)
{
	uint64_t now;
	int ret;

	read_events(s, timeout_ms);
	now = now_ns();
	ret = drain_until(s, now - SLACK_NS, err);
	if (!ret && now >= s->next_tidy)
		ret = tidy(s, now, err);
	if (ret)
		return ret;
	return s->scope == EGRET_SCOPE_SYSTEM || s->scope == EGRET_SCOPE_CGROUP || s->n_alive > 0;
}

/* Waits for the captures that are on their way, and reads those of threads that sleep. */
static int wait_for_captures(struct egret_session *s, struct egret_error *err)
{
	const struct egret_pipeline_stats *stats = egret_pipeline_stats(s->pipeline);
	uint64_t start = now_ns(), now = start;
	struct timespec nap = { .tv_nsec = 2000000 };
	bool asked = false;
	int ret;

	for (;;) {
		ret = drain_until(s, UINT64_MAX, err);
		if (ret || !stats->pending || now - start > STOP_WAIT_NS)
			return ret;
		nanosleep(&nap, NULL);
		now = now_ns();
		if (!asked && now - start > SLEEPERS_AFTER_NS) {
			asked = true;
			egret_capture_read_sleepers(s->capture, NULL);
		}
	}
}

int egret_session__stop(struct egret_session *s, struct egret_error *err)
{
	int ret;

	if (s->stopped)
		return 0;
	s->stopped = true;
	egret_capture_disable(s->capture);
	s->end_time = now_ns();
	ret = wait_for_captures(s, err);
	if (!ret)
		ret = egret_pipeline_end(s->pipeline, egret_capture_deferred(s->capture), err);
	if (!ret)
		ret = tidy(s, now_ns(), err);
	/* Now that nothing is captured any more nobody waits for it. */
	egret_pipeline_keep(s->pipeline);
	return ret;
}

/* ---- results ------------------------------------------------------------------------------------
 */

int egret_session__progress(const struct egret_session *s, struct egret_progress *progress)
{
	const struct egret_pipeline_stats *stats = egret_pipeline_stats(s->pipeline);
	uint64_t counters[EGRET_COUNT_NR];
	struct egret_progress full = { .size = progress->size };

	egret_capture_counters(s->capture, counters);
	full.elapsed_ns = s->started ? (s->end_time ? s->end_time : now_ns()) - s->start_time : 0;
	full.samples = stats->samples;
	full.captures = stats->captures;
	full.dropped = counters[EGRET_COUNT_SAMPLES_RING_FULL] +
		       counters[EGRET_COUNT_SAMPLES_INTERNAL] +
		       counters[EGRET_COUNT_CAPTURES_RING_FULL] + stats->no_memory;
	full.bytes_written = s->written_before + (s->writer ? egret_writer_bytes(s->writer) : 0);
	memcpy(progress, &full, progress->size < sizeof(full) ? progress->size : sizeof(full));
	return 0;
}

int egret_session__each_stat(const struct egret_session *s, egret_stat_fn fn, void *arg)
{
	return egret_accounting_each(s->capture, s->pipeline, fn, arg);
}

int egret_session__cost(const struct egret_session *s, struct egret_cost *cost)
{
	struct egret_cost full = { .size = cost->size };
	uint64_t counters[EGRET_COUNT_NR], captures, switched;

	egret_capture_counters(s->capture, counters);
	captures = counters[EGRET_COUNT_COST_CAPTURES];
	switched = counters[EGRET_COUNT_COST_SWITCHED];
	full.programs_ns = counters[EGRET_COUNT_COST_NS];
	full.captures_ns = counters[EGRET_COUNT_COST_CAPTURES_NS];
	if (captures)
		full.captures_ns += full.captures_ns / captures * switched;
	full.interrupts = counters[EGRET_COUNT_INTERRUPTS];
	full.captures = captures + switched;
	full.memory_bytes = egret_pipeline_memory(s->pipeline);
	full.ring_bytes = egret_capture_ring_bytes(s->capture);
	full.files = egret_pipeline_n_files(s->pipeline);
	memcpy(cost, &full, cost->size < sizeof(full) ? cost->size : sizeof(full));
	return 0;
}

const char *egret_session__backend(const struct egret_session *s)
{
	return egret_capture_backend(s->capture);
}

int egret_session__profile(struct egret_session *s, struct egret_profile **out,
			   struct egret_error *err)
{
	struct egret_profile *profile = egret_pipeline_profile(s->pipeline);
	int ret = store_accounting(s, profile, false, err);

	if (!ret)
		ret = egret_pipeline_name_all(s->pipeline, s->stopped, err);
	if (ret)
		return ret;
	ret = egret_profile_copy(profile, out);
	return ret ? egret_fail(err, -ret, "out of memory for a copy of the profile") : 0;
}

static int trim(struct egret_session *s, struct egret_error *err)
{
	egret_live_names_forget(s->live_names);
	s->trimmed = true;
	return egret_pipeline_renew(s->pipeline, now_ns(), err);
}

/* What a single part needs is needed again by the next one: forgetting it would be no gain. */
static bool knows_too_much(struct egret_session *s)
{
	uint64_t memory = egret_pipeline_memory(s->pipeline);
	size_t n_modules = egret_pipeline_n_modules(s->pipeline);

	if (s->trimmed) {
		s->trimmed = false;
		s->memory_needed = memory;
		s->modules_needed = n_modules;
	}
	if (s->raw || s->memory_limit == UINT64_MAX)
		return false;
	return (memory > s->memory_limit && memory > s->memory_needed + s->memory_limit / 4) ||
	       (n_modules > s->max_modules && n_modules > 2 * s->modules_needed);
}

int egret_session__take(struct egret_session *s, struct egret_profile **out,
			struct egret_error *err)
{
	struct egret_profile *profile = egret_pipeline_profile(s->pipeline);
	int ret;

	/* A recording refers to what was counted by its number. */
	if (s->writer)
		return egret_fail(err, EBUSY, "a recording is being written");
	ret = store_accounting(s, profile, true, err);
	if (!ret)
		ret = egret_pipeline_name_all(s->pipeline, s->stopped, err);
	if (ret)
		return ret;
	ret = egret_profile_take(profile, out);
	if (ret)
		return egret_fail(err, -ret, "out of memory for a part of the profile");
	if (!knows_too_much(s))
		return 0;
	ret = trim(s, err);
	if (ret)
		egret_profile__destroy(*out);
	return ret;
}

int egret_session__trim(struct egret_session *s, struct egret_error *err)
{
	int ret = egret_pipeline_settle(s->pipeline, err);

	if (ret)
		return ret;
	if (s->writer || s->raw)
		return egret_fail(err, EBUSY, "a recording needs what the session knows");
	if (egret_profile_n_entries(egret_pipeline_profile(s->pipeline)))
		return egret_fail(err, EBUSY, "what was sampled has not been taken");
	return trim(s, err);
}

const char *egret_event_name(size_t n)
{
	return egret_event_spec_name(n);
}
