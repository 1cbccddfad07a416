/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* serve.c - the process that waits for questions, and those that answer one each. */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "parser/sandbox.h"
#include "parser/wire.h"

/* A question as it arrived. */
struct arrived {
	struct egret_wire_question head;
	uint8_t text[EGRET_PARSER_TEXT_MAX];
	int fds[1 + EGRET_PARSER_FILES]; /* where the answer goes, then the files */
	size_t n_fds;
};

static bool write_all(int fd, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static uint64_t cpu_ns(void)
{
	struct timespec t;

	return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t)
		       ? 0
		       : (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* ---- one question ------------------------------------------------------------------------ */

/* The files are mapped, once or, where a debug file leads back, twice. */
static uint64_t memory_for(const struct arrived *a, uint64_t in_use)
{
	uint64_t memory = a->head.memory + in_use;
	struct stat st;

	for (size_t i = 1; i < a->n_fds; i++)
		if (!fstat(a->fds[i], &st) && st.st_size > 0)
			memory += 2 * (uint64_t)st.st_size;
	return memory;
}

__attribute__((noreturn)) static void answer_one(const struct arrived *a, uint64_t in_use,
						 egret_parser_answer_fn answer)
{
	struct egret_sandbox_limits limits = { .memory = memory_for(a, in_use),
					       .cpu_ms = a->head.cpu_ms,
					       .timeout_ms = a->head.timeout_ms,
					       .answer_fd = a->fds[0] };
	struct egret_parser_question question = { .kind = a->head.kind,
						  .files = { a->fds[1],
							     a->n_fds > 2 ? a->fds[2] : -1 },
						  .text = a->text,
						  .len = a->head.len };
	struct egret_wire_answer head = { .magic = EGRET_WIRE_MAGIC };
	struct egret_buffer bytes = { 0 }, all = { 0 };

	close(EGRET_SANDBOX_FD);
	if (egret_sandbox_narrow(&limits))
		_exit(1);
	head.ret = answer(&question, &bytes);
	if (bytes.failed)
		head.ret = -ENOMEM;
	head.len = head.ret ? 0 : bytes.len;
	head.cpu_ns = cpu_ns();
	/* At once: each write wakes who asked. */
	egret_buffer_add(&all, &head, sizeof(head));
	egret_buffer_add(&all, bytes.data, head.len);
	_exit(!all.failed && write_all(limits.answer_fd, all.data, all.len) ? 0 : 1);
}

/* ---- all questions ----------------------------------------------------------------------- */

static void take_fds(struct arrived *a, struct msghdr *message)
{
	a->n_fds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    len > sizeof(a->fds))
			continue;
		memcpy(a->fds, CMSG_DATA(c), len);
		a->n_fds = len / sizeof(int);
	}
}

/* False: nobody asks any more. */
static bool receive(struct arrived *a)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(a->fds))];
	} control;
	struct iovec parts[] = { { &a->head, sizeof(a->head) }, { a->text, sizeof(a->text) } };
	struct msghdr message = { .msg_iov = parts,
				  .msg_iovlen = 2,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t n;

	egret_sandbox_wait();
	do
		n = recvmsg(EGRET_SANDBOX_FD, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)sizeof(a->head))
		return false;
	take_fds(a, &message);
	return a->n_fds >= 2 && a->head.len == (size_t)n - sizeof(a->head);
}

static uint64_t address_space_in_use(void)
{
	__fclose_ FILE *f = fopen("/proc/self/statm", "re");
	unsigned long long pages;

	return f && fscanf(f, "%llu", &pages) == 1 ? pages * 4096 : 0;
}

void egret_parser_serve(int socket, egret_parser_answer_fn answer)
{
	uint64_t in_use = address_space_in_use();
	struct arrived *a = malloc(sizeof(*a));
	struct egret_wire_hello hello = { 0 };
	struct egret_error err = { "" };

	hello.ret = egret_sandbox_enter(socket, &err);
	memcpy(hello.text, err.text,
	       sizeof(hello.text) < sizeof(err.text) ? sizeof(hello.text) : sizeof(err.text));
	hello.text[sizeof(hello.text) - 1] = 0;
	snprintf(hello.version, sizeof(hello.version), "%s", egret_version());
	if (send(EGRET_SANDBOX_FD, &hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello) ||
	    hello.ret || !a)
		_exit(1);
	while (receive(a)) {
		/* Without another process nobody has the pipe: the asker sees that it ended. */
		if (!fork())
			answer_one(a, in_use, answer);
		for (size_t i = 0; i < a->n_fds; i++)
			close(a->fds[i]);
	}
	_exit(0);
}
