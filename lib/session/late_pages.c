/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/late_pages.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bpf/reasons.h"

#define WAIT_MS 100
#define GIVE_UP_NS 5000000000ull

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

/* In the child: may block for ever, and is killed then. Only async-signal-safe calls. */
static void read_remote(int pid, uint64_t start, size_t len, int out)
{
	static const size_t page = 4096;
	char bytes[4096];

	for (size_t at = 0; at < len;) {
		size_t n = page - ((start + at) & (page - 1));
		struct iovec local = { bytes, n < len - at ? n : len - at };
		struct iovec remote = { (void *)(uintptr_t)(start + at), local.iov_len };

		if (process_vm_readv(pid, &local, 1, &remote, 1, 0) != (ssize_t)local.iov_len ||
		    write(out, bytes, local.iov_len) != (ssize_t)local.iov_len)
			_exit(1);
		at += local.iov_len;
	}
	_exit(0);
}

/* Reads len bytes from fd within the time. Returns the bytes that came. */
static size_t read_in_time(int fd, uint8_t *to, size_t len, uint64_t deadline)
{
	size_t got = 0;

	while (got < len) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ns();
		ssize_t n;

		if (now >= deadline || poll(&wait, 1, (int)((deadline - now) / 1000000) + 1) <= 0)
			break;
		n = read(fd, to + got, len - got);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static size_t fetch(int pid, uint64_t start, uint8_t *to, size_t len, uint64_t deadline)
{
	int ends[2];
	size_t got = 0;
	pid_t child;

	if (pipe(ends))
		return 0;
	child = fork();
	if (!child) {
		close(ends[0]);
		read_remote(pid, start, len, ends[1]);
	}
	close(ends[1]);
	if (child > 0) {
		got = read_in_time(ends[0], to, len, deadline);
		kill(child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	return got;
}

/* Lays the windows out where they belong, and fetches what lies between and behind them. */
static bool fill(const struct egret_rec_capture *rec, uint8_t *stack, uint32_t len,
		 uint64_t deadline)
{
	const uint8_t *data = (const uint8_t *)(rec + 1);
	uint64_t start = egret_stack_start(rec->regs[EGRET_REG_RSP]), at = start;

	for (size_t i = 0; i <= rec->n_windows; i++) {
		uint64_t next = i < rec->n_windows ? rec->window[i].start : start + len;
		uint32_t size = i < rec->n_windows ? rec->window[i].len : 0;

		if (next < at || next - start > len || size > len - (next - start))
			return false;
		if (next > at &&
		    fetch((int)rec->pid, at, stack + (at - start), next - at, deadline) < next - at)
			return false;
		if (size)
			memcpy(stack + (next - start), data, size);
		data += size;
		at = next + size;
	}
	return true;
}

/* rec with its holes filled, or NULL. */
static struct egret_rec_capture *filled(const struct egret_rec_capture *rec, uint32_t limit)
{
	uint32_t len = rec->wanted < limit ? rec->wanted : limit;
	size_t size = sizeof(*rec) + ((len + 7) & ~7ull);
	struct egret_rec_capture *whole = calloc(1, size);

	if (!whole)
		return NULL;
	*whole = *rec;
	whole->rec.size = (uint32_t)size;
	if (!fill(rec, (uint8_t *)(whole + 1), len, now_ns() + WAIT_MS * 1000000ull)) {
		free(whole);
		return NULL;
	}
	whole->ending = rec->wanted > limit ? EGRET_CAPTURE_LIMIT : EGRET_CAPTURE_WHOLE;
	whole->n_windows = 1;
	whole->window[0] = (struct egret_window){
		.start = egret_stack_start(rec->regs[EGRET_REG_RSP]),
		.len = len,
	};
	whole->got = len;
	return whole;
}

/* rec as it is, but for its ending. */
static struct egret_rec_capture *timed_out(const struct egret_rec_capture *rec)
{
	struct egret_rec_capture *same = malloc(rec->rec.size);

	if (!same)
		return NULL;
	memcpy(same, rec, rec->rec.size);
	same->ending = EGRET_CAPTURE_FAULT_TIMEOUT;
	return same;
}

struct egret_rec_capture *egret_late_pages_fill(struct egret_late_pages *late,
						const struct egret_rec_capture *rec, uint32_t limit)
{
	struct egret_rec_capture *whole;

	if (rec->ending != EGRET_CAPTURE_FAULT_POLICY || rec->flags & EGRET_CAPTURE_F_ALTSTACK ||
	    rec->n_windows > EGRET_MAX_WINDOWS)
		return NULL;
	if (late->hopeless_pid == (int)rec->pid && now_ns() < late->hopeless_until)
		return timed_out(rec);
	whole = filled(rec, limit);
	if (whole) {
		late->filled++;
		return whole;
	}
	late->hopeless_pid = (int)rec->pid;
	late->hopeless_until = now_ns() + GIVE_UP_NS;
	return timed_out(rec);
}
