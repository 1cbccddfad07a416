/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* parser.c - the side that asks. */
#include "parser/parser.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <poll.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/options.h"
#include "parser/sandbox.h"
#include "parser/wire.h"

#define TIMEOUT_MS 2000
#define MEMORY (512ull << 20)
#define REFUSED_MAX 1024u
/* Who makes us wait so often gets less time: what hangs the parser costs seconds, not minutes. */
#define PATIENCE 8u
/* On a machine that has more to do than it can, CPU time takes so much longer by the clock. */
#define LONGER 5u
#define PIPE_SIZE (1 << 20)
#define NS_A_MS 1000000ull

/* A file of which there is no answer: as it was then. */
struct refused {
	uint32_t kind;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec changed;
};

struct egret_parser {
	int socket;
	pid_t pid;
	uint32_t timeout_ms;
	uint64_t memory;
	pthread_mutex_t lock; /* of what follows */
	uint64_t asked, answered, crashed, timed_out, refused, not_asked;
	uint64_t bytes, cpu_ns;
	struct refused files[REFUSED_MAX]; /* a ring */
	size_t n_files;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

/* ---- the process ------------------------------------------------------------------------- */

/* False where nothing, or only a part of it, came in time. */
static bool wait_for_hello(int socket, struct egret_wire_hello *hello)
{
	struct pollfd wait = { .fd = socket, .events = POLLIN };
	int ret;

	do
		ret = poll(&wait, 1, 10000);
	while (ret < 0 && errno == EINTR);
	return ret > 0 && recv(socket, hello, sizeof(*hello), 0) == sizeof(*hello);
}

/* Nothing of the caller's but the end of the socket; its environment neither. */
static int run_program(const char *program, int socket, pid_t *pid)
{
	char *const arguments[] = { (char *)"egret-parser", NULL }, *const environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int ret = posix_spawn_file_actions_init(&actions);

	if (ret)
		return -ret;
	ret = posix_spawn_file_actions_adddup2(&actions, socket, EGRET_SANDBOX_FD);
	if (!ret)
		ret = posix_spawn(pid, program, &actions, NULL, arguments, environment);
	posix_spawn_file_actions_destroy(&actions);
	return -ret;
}

/* At its own end of the socket. */
static int start_process(struct egret_parser *p, const char *program, int socket,
			 egret_parser_answer_fn answer, struct egret_error *err)
{
	int ret;

	if (program) {
		ret = run_program(program, socket, &p->pid);
		if (ret)
			p->pid = -1;
		return ret ? egret_fail(err, -ret, "%s: %s", program, strerror(-ret)) : 0;
	}
	p->pid = fork();
	if (!p->pid)
		egret_parser_serve(socket, answer);
	return p->pid < 0 ? egret_fail(err, errno, "no process for the parser: %s", strerror(errno))
			  : 0;
}

static int start(struct egret_parser *p, const char *program, egret_parser_answer_fn answer,
		 struct egret_error *err)
{
	struct egret_wire_hello hello;
	int ends[2], ret;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return egret_fail(err, errno, "no socket for the parser: %s", strerror(errno));
	ret = start_process(p, program, ends[1], answer, err);
	p->socket = ends[0];
	close(ends[1]);
	if (ret)
		return ret;
	if (!wait_for_hello(p->socket, &hello))
		return egret_fail(err, EPROTO, "%s ended before it was confined",
				  program ? program : "the parser");
	hello.text[sizeof(hello.text) - 1] = hello.version[sizeof(hello.version) - 1] = 0;
	if (strcmp(hello.version, egret_version()))
		return egret_fail(err, ESTALE, "%s is of egret %s, and this is %s",
				  program ? program : "the parser", hello.version, egret_version());
	return hello.ret ? egret_fail(err, -hello.ret, "%s", hello.text) : 0;
}

int egret_parser_create(const struct egret_parser_opts *user_opts, egret_parser_answer_fn answer,
			struct egret_parser **out, struct egret_error *err)
{
	struct egret_parser_opts opts;
	struct egret_parser *p;
	int ret = egret_options_take(&opts, sizeof(opts), user_opts, "parser options", err);

	if (ret)
		return ret;
	p = calloc(1, sizeof(*p));
	if (!p)
		return egret_fail(err, ENOMEM, "out of memory");
	pthread_mutex_init(&p->lock, NULL);
	p->socket = -1;
	p->pid = -1;
	p->timeout_ms = opts.timeout_ms ? opts.timeout_ms : TIMEOUT_MS;
	p->memory = opts.memory_limit ? opts.memory_limit : MEMORY;
	ret = start(p, opts.program, answer, err);
	if (ret) {
		if (p->pid > 0)
			kill(p->pid, SIGKILL); /* whatever it is */
		egret_parser__destroy(p);
		return ret;
	}
	*out = p;
	return 0;
}

void egret_parser__destroy(struct egret_parser *p)
{
	if (!p)
		return;
	if (p->socket >= 0)
		close(p->socket);
	/* It ends when the socket does. */
	while (p->pid > 0 && waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* ---- files without an answer ------------------------------------------------------------- */

static bool identify(const struct egret_parser_question *question, struct refused *out)
{
	struct stat st;

	if (fstat(question->files[0], &st))
		return false;
	*out = (struct refused){ question->kind, st.st_dev, st.st_ino, st.st_size, st.st_ctim };
	return true;
}

static bool same_file(const struct refused *a, const struct refused *b)
{
	return a->kind == b->kind && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* Of this session: the ring forgets the oldest. */
static bool is_refused(struct egret_parser *p, const struct egret_parser_question *question)
{
	size_t n = p->n_files < REFUSED_MAX ? p->n_files : REFUSED_MAX;
	struct refused file;

	if (!n)
		return false;
	if (!identify(question, &file))
		return true;
	for (size_t i = 0; i < n; i++)
		if (same_file(&p->files[i], &file))
			return true;
	return false;
}

static void refuse(struct egret_parser *p, const struct egret_parser_question *question)
{
	if (identify(question, &p->files[p->n_files % REFUSED_MAX]))
		p->n_files++;
}

void egret_parser_refuse(struct egret_parser *p, const struct egret_parser_question *question)
{
	pthread_mutex_lock(&p->lock);
	p->answered--;
	p->refused++;
	refuse(p, question);
	pthread_mutex_unlock(&p->lock);
}

/* ---- a question -------------------------------------------------------------------------- */

static int send_question(struct egret_parser *p, const struct egret_parser_question *question,
			 uint32_t cpu_ms, int answer)
{
	int fds[1 + EGRET_PARSER_FILES] = { answer };
	size_t n = 1;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = { .bytes = { 0 } };
	struct egret_wire_question head = { .kind = question->kind,
					    .cpu_ms = cpu_ms,
					    .timeout_ms = cpu_ms * LONGER,
					    .len = (uint32_t)question->len,
					    .memory = p->memory };
	struct iovec parts[] = { { &head, sizeof(head) },
				 { (void *)question->text, question->len } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2, .msg_control = &control };
	struct cmsghdr *c;

	for (size_t i = 0; i < EGRET_PARSER_FILES; i++)
		if (question->files[i] >= 0)
			fds[n++] = question->files[i];
	head.n_files = (uint32_t)n - 1;
	message.msg_controllen = CMSG_SPACE(n * sizeof(int));
	c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(p->socket, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* 0; -ETIMEDOUT; -EPIPE: it ended before. */
static int read_until(int fd, void *to, size_t len, uint64_t deadline)
{
	for (size_t got = 0; got < len;) {
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ns();
		ssize_t n;

		if (now >= deadline)
			return -ETIMEDOUT;
		if (poll(&wait, 1, (int)((deadline - now) / NS_A_MS) + 1) <= 0)
			continue;
		n = read(fd, (uint8_t *)to + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		got += (size_t)n;
	}
	return 0;
}

/* -EBADMSG: what came is no answer. */
static int read_answer(int fd, size_t max, uint64_t deadline, struct egret_wire_answer *head,
		       struct egret_buffer *out)
{
	void *to;
	int ret = read_until(fd, head, sizeof(*head), deadline);

	if (ret)
		return ret;
	if (head->magic != EGRET_WIRE_MAGIC || head->len > max || head->ret > 0 ||
	    head->ret < -4095)
		return -EBADMSG;
	if (!head->len)
		return 0;
	to = egret_buffer_reserve(out, head->len);
	if (!to)
		return -ENOMEM;
	ret = read_until(fd, to, head->len, deadline);
	if (!ret)
		out->len += head->len;
	return ret;
}

/* Of all the waiting no more than that is anybody's CPU time, whatever the answer says. */
static int count(struct egret_parser *p, const struct egret_parser_question *question,
		 const struct egret_wire_answer *head, uint64_t waited, int ret)
{
	pthread_mutex_lock(&p->lock);
	p->cpu_ns += !ret && head->cpu_ns < waited ? head->cpu_ns : waited;
	p->bytes += ret ? 0 : head->len;
	if (!ret)
		p->answered++;
	else if (ret == -ETIMEDOUT)
		p->timed_out++;
	else if (ret == -EBADMSG)
		p->refused++;
	else
		p->crashed++;
	if (ret && ret != -ENOMEM)
		refuse(p, question);
	pthread_mutex_unlock(&p->lock);
	return ret ? -EBADMSG : head->ret;
}

/* The CPU time that it may take; 0: it is not asked. */
static uint32_t begin(struct egret_parser *p, const struct egret_parser_question *question)
{
	uint32_t cpu_ms = p->timeout_ms;

	pthread_mutex_lock(&p->lock);
	if (question->len > EGRET_PARSER_TEXT_MAX || is_refused(p, question)) {
		p->not_asked++;
		cpu_ms = 0;
	} else {
		p->asked++;
		if (p->timed_out >= PATIENCE)
			cpu_ms = cpu_ms / 10 + 1;
	}
	pthread_mutex_unlock(&p->lock);
	return cpu_ms;
}

int egret_parser_ask(struct egret_parser *p, const struct egret_parser_question *question,
		     size_t max, struct egret_buffer *out)
{
	uint32_t cpu_ms = begin(p, question);
	struct egret_wire_answer head = { 0 };
	uint64_t start = now_ns();
	int ends[2], ret;

	if (!cpu_ms)
		return -EBADMSG;
	if (pipe2(ends, O_CLOEXEC))
		ret = -ENOMEM;
	else {
		ret = send_question(p, question, cpu_ms, ends[1]);
		close(ends[1]);
		/* So that a long answer takes few turns; without that it takes more of them. */
		(void)fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE);
		if (!ret)
			ret = read_answer(ends[0], max, start + cpu_ms * LONGER * NS_A_MS, &head,
					  out);
		close(ends[0]);
	}
	/* It may have used up its CPU time before ours was over. */
	if (ret == -EPIPE && now_ns() - start >= cpu_ms * NS_A_MS * 9 / 10)
		ret = -ETIMEDOUT;
	return count(p, question, &head, now_ns() - start, ret);
}

/*
 * CPU time of the parser and of its children that have ended, proc_pid_stat(5): fields 14 to 17.
 * False: not to be had.
 */
static bool time_of_process(pid_t pid, uint64_t *ns)
{
	unsigned long long user = 0, system = 0, children_user = 0, children_system = 0;
	char path[40], text[1024], *rest;
	__close_ int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = 0;
	rest = strrchr(text, ')');
	if (!rest ||
	    sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %llu %llu",
		   &user, &system, &children_user, &children_system) != 4)
		return false;
	*ns = (user + system + children_user + children_system) * 1000000000ull /
	      (uint64_t)sysconf(_SC_CLK_TCK);
	return true;
}

/* ---- statistics -------------------------------------------------------------------------- */

int egret_parser__each_stat(const struct egret_parser *parser, egret_stat_fn fn, void *arg)
{
	struct egret_parser *p = (struct egret_parser *)parser;
	uint64_t cpu_ns = 0;
	bool is_told = time_of_process(p->pid, &cpu_ns);
	int ret = 0;

	pthread_mutex_lock(&p->lock);
	/* What the answers say has not what it took to make and end their processes. */
	cpu_ns = is_told ? cpu_ns : p->cpu_ns;
	const struct egret_stat stats[] = {
		{ "parser.asked", "questions about files, to the process that parses them",
		  p->asked },
		{ "parser.answered", "those that were answered", p->answered },
		{ "parser.crashed", "those that the process for that file did not survive",
		  p->crashed },
		{ "parser.timeout", "those that took too long", p->timed_out },
		{ "parser.refused", "those whose answer was not what it has to be", p->refused },
		{ "parser.not-asked", "those about files that failed before", p->not_asked },
		{ "parser.bytes", "bytes of answers", p->bytes },
		{ "parser.cpu-us", "CPU time of the parser's processes, in microseconds",
		  cpu_ns / 1000 },
	};
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < sizeof(stats) / sizeof(stats[0]) && !ret; i++)
		ret = fn(&stats[i], arg);
	return ret;
}
