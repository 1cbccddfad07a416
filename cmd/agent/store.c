/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* store.c - a bounded directory of windows. */
#include "agent/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/fail.h"
#include "agent/log.h"
#include "agent/store_impl.h"

#define MIN_BYTES (64u << 10)
/* For the agent's group too, whatever its umask: it may ask the agent as well. */
#define STORE_MODE 0640
/* An overlap of windows that is none: samples wait in rings for a moment. */
#define CLOCK_STEP_NS 5000000000ull

/* ---- room ----------------------------------------------------------------------------------- */

static void remove_oldest(struct store *s)
{
	char name[WINDOW_NAME_MAX];
	struct window *w = &s->windows.items[0];

	/* What cannot be removed is given up: it would stop everything. */
	if (unlinkat(s->dirfd, window_name(w, name), 0) && errno != ENOENT)
		log_line(LOG_TROUBLE, "cannot remove '%s/%s': %s", s->dir, name, strerror(errno));
	s->bytes -= w->bytes;
	s->counts.removed += w->last - w->first + 1;
	window_list_remove(&s->windows, 0, 1);
}

bool store_make_room(struct store *s, uint64_t more)
{
	if (more > s->max_bytes)
		return false;
	while (s->windows.n && s->bytes + more > s->max_bytes)
		remove_oldest(s);
	return s->bytes + more <= s->max_bytes;
}

/* ---- writing -------------------------------------------------------------------------------- */

int store_encode(const struct egret_profile *profile, uint64_t *bytes, struct egret_error *err)
{
	int fd = memfd_create("egret-window", MFD_CLOEXEC), ret;
	struct stat st;

	if (fd < 0)
		return agent_fail(err, errno, "no memory for a window: %s", strerror(errno));
	ret = egret_profile__save(profile, fd, err);
	if (!ret && fstat(fd, &st))
		ret = agent_fail(err, errno, "no memory for a window: %s", strerror(errno));
	if (ret) {
		close(fd);
		return ret;
	}
	*bytes = (uint64_t)st.st_size;
	return fd;
}

static int copy(int from, int to)
{
	off_t at = 0;
	ssize_t n;

	do
		n = sendfile(to, from, &at, 1 << 20);
	while (n > 0 || (n < 0 && errno == EINTR));
	return n ? -errno : 0;
}

int store_write(struct store *s, int fd, const struct window *window)
{
	char name[WINDOW_NAME_MAX], part[WINDOW_NAME_MAX + 8];
	int to, ret;

	snprintf(part, sizeof(part), "%s.part", window_name(window, name));
	to = openat(s->dirfd, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    STORE_MODE);
	if (to < 0)
		return -errno;
	ret = fchmod(to, STORE_MODE) ? -errno : copy(fd, to);
	if (!ret && fdatasync(to))
		ret = -errno;
	if (close(to) && !ret)
		ret = -errno;
	if (!ret && renameat(s->dirfd, part, s->dirfd, name))
		ret = -errno;
	if (ret)
		unlinkat(s->dirfd, part, 0);
	else
		fsync(s->dirfd);
	return ret;
}

/* ENOSPC is of the file system: others may have filled it. One window of ours makes way for it. */
static int write_or_make_way(struct store *s, int fd, const struct window *window)
{
	int ret = store_write(s, fd, window);
	uint64_t freed = 0;

	if (ret != -ENOSPC && ret != -EDQUOT)
		return ret;
	pthread_mutex_lock(&s->lock);
	while (s->windows.n && freed < window->bytes) {
		freed += s->windows.items[0].bytes;
		remove_oldest(s);
	}
	pthread_mutex_unlock(&s->lock);
	return freed ? store_write(s, fd, window) : ret;
}

/* One line when it begins, one when it is over: not one each 10 seconds. */
static void note_failure(struct store *s, int ret)
{
	if (ret == -ENOSPC || ret == -EDQUOT)
		s->counts.no_space++;
	else if (ret == -EFBIG)
		s->counts.too_large++;
	else
		s->counts.write_failed++;
	if (!s->failing)
		log_line(LOG_FAILURE, "cannot write to the store '%s': %s; windows are lost",
			 s->dir,
			 ret == -EFBIG ? "a window is larger than the store may be"
				       : strerror(-ret));
	s->failing = true;
}

static void note_success(struct store *s, const struct window *window)
{
	s->counts.written++;
	if (s->failing)
		log_line(LOG_FACT, "windows are written to the store '%s' again", s->dir);
	s->failing = false;
	s->next = window->last + 1;
	s->last_to_ns = window->to_ns;
	pthread_cond_broadcast(&s->newer);
}

static void write_job(struct store *s, const struct store_job *job)
{
	struct window window = { .from_ns = job->from_ns, .to_ns = job->to_ns };
	int ret = -EFBIG;
	bool fits;

	window.bytes = window_disk_bytes(job->bytes);
	pthread_mutex_lock(&s->lock);
	window.first = window.last = s->next;
	fits = store_make_room(s, window.bytes);
	if (fits)
		s->bytes += window.bytes;
	s->counts.clock_steps += window.from_ns + CLOCK_STEP_NS < s->last_to_ns;
	pthread_mutex_unlock(&s->lock);
	if (fits)
		ret = write_or_make_way(s, job->fd, &window);
	close(job->fd);
	pthread_mutex_lock(&s->lock);
	if (!ret && window_list_add(&s->windows, &window))
		ret = -ENOMEM; /* it is there, and will be found at the next start */
	if (ret && fits)
		s->bytes -= window.bytes;
	if (ret)
		note_failure(s, ret);
	else
		note_success(s, &window);
	pthread_mutex_unlock(&s->lock);
}

static void *run(void *arg)
{
	struct store *s = arg;
	struct store_job job;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (!s->n_queue && !s->stop)
			pthread_cond_wait(&s->work, &s->lock);
		if (!s->n_queue)
			break;
		job = s->queue[0];
		memmove(&s->queue[0], &s->queue[1], --s->n_queue * sizeof(*s->queue));
		s->busy = true;
		pthread_mutex_unlock(&s->lock);
		write_job(s, &job);
		store_join_old(s);
		pthread_mutex_lock(&s->lock);
		s->busy = false;
		pthread_cond_broadcast(&s->idle);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- putting -------------------------------------------------------------------------------- */

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/*
 * The times of a window hold all of its samples: some of the last moment are in the window after,
 * because they wait in rings. If the clock was put back meanwhile, the samples alone say when.
 */
static int set_times(struct egret_profile *profile, struct store_job *job, struct egret_error *err)
{
	uint64_t first, last;
	int64_t offset;
	char number[32];
	int ret = 0;

	if (!window_clock_offset(profile, &offset)) {
		offset = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
		snprintf(number, sizeof(number), "%" PRId64, offset);
		ret = egret_profile__set_meta(profile, "clock-offset", number, err);
	}
	if (job->to_ns <= job->from_ns)
		job->from_ns = job->to_ns ? job->to_ns - 1 : 0;
	if (job->to_ns <= job->from_ns)
		job->to_ns = job->from_ns + 1;
	if (egret_profile__times(profile, &first, &last)) {
		if (first + (uint64_t)offset < job->from_ns)
			job->from_ns = first + (uint64_t)offset;
		if (last + (uint64_t)offset >= job->to_ns)
			job->to_ns = last + (uint64_t)offset + 1;
	}
	if (!ret)
		ret = window_set_id(profile, err);
	return ret ? ret : window_set_times(profile, job->from_ns, job->to_ns, err);
}

int store_put(struct store *s, struct egret_profile *profile, uint64_t from_ns, uint64_t to_ns,
	      struct egret_error *err)
{
	struct store_job job = { .from_ns = from_ns, .to_ns = to_ns };
	bool full;
	int ret = set_times(profile, &job, err);

	if (!ret)
		ret = job.fd = store_encode(profile, &job.bytes, err);
	if (ret < 0)
		return ret;
	pthread_mutex_lock(&s->lock);
	full = s->n_queue == STORE_QUEUE;
	if (full)
		s->counts.queue_full++;
	else
		s->queue[s->n_queue++] = job;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->lock);
	if (!full)
		return 0;
	close(job.fd);
	return agent_fail(err, ENOBUFS, "the store '%s' has not written the last %d windows yet",
			  s->dir, STORE_QUEUE);
}

void store_flush(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	while (s->n_queue || s->busy)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

/* ---- opening -------------------------------------------------------------------------------- */

static void remove_leftover(const char *name, void *arg)
{
	struct store *s = arg;

	if (!unlinkat(s->dirfd, name, 0))
		s->counts.leftovers++;
}

static int lock_directory(struct store *s, struct egret_error *err)
{
	char pid[16] = "";
	ssize_t n;

	s->lock_fd = openat(s->dirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		return agent_fail(err, errno, "cannot open '%s/lock': %s", s->dir, strerror(errno));
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB)) {
		n = pread(s->lock_fd, pid, sizeof(pid) - 1, 0);
		pid[n > 0 ? strspn(pid, "0123456789") : 0] = 0;
		return agent_fail(err, EBUSY, "the store '%s' is in use by another agent%s%s",
				  s->dir, *pid ? ", process " : "", pid);
	}
	n = snprintf(pid, sizeof(pid), "%d\n", getpid());
	if (ftruncate(s->lock_fd, 0) || pwrite(s->lock_fd, pid, (size_t)n, 0) != n)
		return agent_fail(err, errno, "cannot write '%s/lock': %s", s->dir,
				  strerror(errno));
	return 0;
}

static int open_directory(struct store *s, struct egret_error *err)
{
	if (mkdir(s->dir, 0750) && errno != EEXIST)
		return agent_fail(err, errno, "cannot make the store's directory '%s': %s", s->dir,
				  strerror(errno));
	s->dirfd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd < 0)
		return agent_fail(err, errno, "cannot open the store's directory '%s': %s", s->dir,
				  strerror(errno));
	if (mkdirat(s->dirfd, "cursors", 0700) && errno != EEXIST)
		return agent_fail(err, errno, "cannot make '%s/cursors': %s", s->dir,
				  strerror(errno));
	s->cursors_fd = openat(s->dirfd, "cursors", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->cursors_fd < 0)
		return agent_fail(err, errno, "cannot open '%s/cursors': %s", s->dir,
				  strerror(errno));
	s->reading_fd = openat(s->dirfd, STORE_READING, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			       STORE_MODE);
	if (s->reading_fd < 0 || fchmod(s->reading_fd, STORE_MODE))
		return agent_fail(err, errno, "cannot make '%s/" STORE_READING "': %s", s->dir,
				  strerror(errno));
	return 0;
}

static int read_windows(struct store *s, struct egret_error *err)
{
	int ret = window_list_read(s->dirfd, &s->windows, remove_leftover, s, err);

	if (ret)
		return ret;
	for (size_t i = 0; i < s->windows.n; i++)
		s->bytes += s->windows.items[i].bytes;
	s->next = 1;
	if (s->windows.n) {
		s->next = s->windows.items[s->windows.n - 1].last + 1;
		s->last_to_ns = s->windows.items[s->windows.n - 1].to_ns;
	}
	store_make_room(s, 0);
	return 0;
}

static int start_thread(struct store *s, struct egret_error *err)
{
	sigset_t all, before;
	int ret;

	/* Signals are the agent's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	s->has_thread = !ret;
	return ret ? agent_fail(err, ret, "cannot start the store's thread: %s", strerror(ret)) : 0;
}

int store_open(const char *dir, uint64_t max_bytes, struct store **out, struct egret_error *err)
{
	struct store *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	int ret;

	if (!s || !(s->dir = strdup(dir))) {
		free(s);
		return agent_fail(err, ENOMEM, "out of memory");
	}
	s->dirfd = s->cursors_fd = s->lock_fd = s->reading_fd = -1;
	s->max_bytes = max_bytes ? max_bytes : STORE_DEFAULT_BYTES;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->idle, NULL);
	pthread_cond_init(&s->newer, &attr);
	pthread_condattr_destroy(&attr);
	ret = s->max_bytes < MIN_BYTES ? agent_fail(err, EINVAL, "a store has 64 KiB at least") : 0;
	if (!ret)
		ret = open_directory(s, err);
	if (!ret)
		ret = lock_directory(s, err);
	if (!ret)
		ret = read_windows(s, err);
	if (!ret)
		ret = start_thread(s, err);
	if (ret) {
		store_close(s);
		return ret;
	}
	*out = s;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->has_thread) {
		pthread_mutex_lock(&s->lock);
		s->stop = true;
		pthread_cond_signal(&s->work);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	for (size_t i = 0; i < s->n_cursors; i++)
		free(s->cursors[i]);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->idle);
	pthread_cond_destroy(&s->newer);
	pthread_mutex_destroy(&s->lock);
	window_list_deinit(&s->windows);
	close_if_open(s->cursors_fd);
	close_if_open(s->dirfd);
	close_if_open(s->reading_fd);
	close_if_open(s->lock_fd);
	free(s->dir);
	free(s);
}

int store_dirfd(const struct store *s)
{
	return s->dirfd;
}

/* ---- numbers -------------------------------------------------------------------------------- */

int store_each_stat(struct store *s, agent_stat_fn fn, void *arg)
{
	struct store_counts c;
	uint64_t bytes, oldest = 0;
	size_t windows;
	int ret = 0;

	pthread_mutex_lock(&s->lock);
	c = s->counts;
	bytes = s->bytes;
	windows = s->windows.n;
	if (windows)
		oldest = s->windows.items[0].from_ns;
	pthread_mutex_unlock(&s->lock);
	const struct agent_stat stats[] = {
		{ "egret_store_bytes", "Bytes of the windows in the store", NULL, (double)bytes,
		  true },
		{ "egret_store_max_bytes", "Bytes that the store may take", NULL,
		  (double)s->max_bytes, true },
		{ "egret_store_files", "Recordings in the store", NULL, (double)windows, true },
		{ "egret_store_oldest_timestamp_seconds", "When the oldest window begins", NULL,
		  (double)oldest / 1e9, true },
		{ "egret_store_windows_written_total", "Windows written", NULL, (double)c.written,
		  false },
		{ "egret_store_windows_removed_total",
		  "Windows that were the oldest when the store was full", NULL, (double)c.removed,
		  false },
		{ "egret_store_windows_joined_total",
		  "Windows that were put together with others, to take less room", NULL,
		  (double)c.joined, false },
		{ "egret_store_windows_lost_total", "Windows that could not be written",
		  "reason=\"no-space\"", (double)c.no_space, false },
		{ "egret_store_windows_lost_total", "Windows that could not be written",
		  "reason=\"larger-than-the-store\"", (double)c.too_large, false },
		{ "egret_store_windows_lost_total", "Windows that could not be written",
		  "reason=\"error\"", (double)c.write_failed, false },
		{ "egret_store_windows_lost_total", "Windows that could not be written",
		  "reason=\"disk-too-slow\"", (double)c.queue_full, false },
		{ "egret_store_leftovers_total",
		  "Files that a crash had left, removed at the start", NULL, (double)c.leftovers,
		  false },
		{ "egret_store_clock_steps_total",
		  "Windows that begin before the end of the one before: the clock was put back",
		  NULL, (double)c.clock_steps, false },
	};

	for (size_t i = 0; !ret && i < sizeof(stats) / sizeof(*stats); i++)
		ret = fn(&stats[i], arg);
	return ret;
}
