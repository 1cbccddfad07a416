/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the process that reads files cannot do, and what becomes of those that it does not survive.
 */
#include "parser/parser.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

enum { TRY_ALL, ECHO, CRASH, LOOP, SLEEP, TOO_MUCH, EAT, GARBAGE, FAIL, FILE_BYTES };

/* What was tried, and the errno of it; 0: it could be done. */
struct attempt {
	char name[24];
	int32_t error;
};

static void attempt(struct egret_buffer *out, const char *name, long result)
{
	struct attempt a = { .error = result == -1 ? errno : 0 };

	memcpy(a.name, name, strlen(name));
	egret_buffer_add(out, &a, sizeof(a));
}

static void try_all(const struct egret_parser_question *question, struct egret_buffer *out)
{
	char *const none[] = { NULL };
	struct iovec io = { out, 1 };
	struct rlimit {
		unsigned long now, most;
	} limit = { ~0ul, ~0ul };
	struct {
		long it[4];
	} never = { { 0 } };
	pid_t asker;

	memcpy(&asker, question->text, sizeof(asker));
	attempt(out, "open", syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY));
	attempt(out, "open-here", syscall(SYS_openat, AT_FDCWD, ".", O_RDONLY));
	attempt(out, "create", syscall(SYS_openat, AT_FDCWD, "/tmp/x", O_WRONLY | O_CREAT, 0600));
	attempt(out, "read", syscall(SYS_read, question->files[0], &limit, 1));
	attempt(out, "write", syscall(SYS_write, question->files[0], "x", 1));
	attempt(out, "readlink", syscall(SYS_readlinkat, AT_FDCWD, "/proc/self", &io, 8));
	attempt(out, "unlink", syscall(SYS_unlinkat, AT_FDCWD, "/tmp/x", 0));
	attempt(out, "socket", syscall(SYS_socket, AF_INET, SOCK_STREAM, 0));
	attempt(out, "unix-socket", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
	attempt(out, "netlink", syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 0));
	attempt(out, "ptrace", syscall(SYS_ptrace, PTRACE_ATTACH, asker, 0, 0));
	attempt(out, "process_vm_readv", syscall(SYS_process_vm_readv, asker, &io, 1, &io, 1, 0));
	attempt(out, "kill", syscall(SYS_kill, asker, 0));
	attempt(out, "tgkill", syscall(SYS_tgkill, asker, asker, 0));
	attempt(out, "pidfd_open", syscall(SYS_pidfd_open, asker, 0));
	attempt(out, "execve", syscall(SYS_execve, "/bin/true", none, none));
	attempt(out, "fork", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	attempt(out, "clone3", syscall(SYS_clone3, NULL, 0));
	attempt(out, "unshare", syscall(SYS_unshare, CLONE_NEWUSER));
	attempt(out, "mount", syscall(SYS_mount, "none", "/", "tmpfs", 0, 0));
	attempt(out, "chroot", syscall(SYS_chroot, "/"));
	attempt(out, "setuid", syscall(SYS_setuid, 0));
	attempt(out, "capset", syscall(SYS_capset, NULL, NULL));
	attempt(out, "bpf", syscall(SYS_bpf, 0, NULL, 0));
	attempt(out, "perf_event_open", syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
	attempt(out, "userfaultfd", syscall(SYS_userfaultfd, 0));
	attempt(out, "io_uring_setup", syscall(SYS_io_uring_setup, 1, NULL));
	attempt(out, "memfd_create", syscall(SYS_memfd_create, "x", 0));
	attempt(out, "recvmsg", syscall(SYS_recvmsg, 3, NULL, 0));
	attempt(out, "prctl", syscall(SYS_prctl, 4, 1, 0, 0, 0));
	attempt(out, "setrlimit", syscall(SYS_prlimit64, 0, 0, &limit, NULL));
	attempt(out, "setitimer", syscall(SYS_setitimer, 0, &never, NULL));
	attempt(out, "sigaction", syscall(SYS_rt_sigaction, SIGALRM, NULL, NULL, 8));
	attempt(out, "executable",
		(long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	attempt(out, "to-executable",
		mprotect((void *)((uintptr_t)out & ~4095ul), 4096, PROT_READ | PROT_EXEC));
}

static int eat(void)
{
	for (size_t got = 0; got < 1ull << 40; got += 1 << 20) {
		char *p = malloc(1 << 20);

		if (!p)
			return -ENOMEM;
		p[0] = 1;
	}
	return 0;
}

static int answer(const struct egret_parser_question *question, struct egret_buffer *out)
{
	static const char *volatile nowhere;
	static uint8_t much[1 << 20];
	struct stat st;

	switch (question->kind) {
	case TRY_ALL:
		try_all(question, out);
		return 0;
	case ECHO:
		egret_buffer_add(out, question->text, question->len);
		return 0;
	case CRASH:
		return *nowhere;
	case LOOP:
		for (volatile int i = 0;; i++)
			;
	case SLEEP:
		for (;;)
			syscall(SYS_futex, &st, 0, *(int *)&st, NULL, NULL, 0);
	case TOO_MUCH:
		egret_buffer_add(out, much, sizeof(much));
		return 0;
	case EAT:
		return eat();
	case GARBAGE:
		(void)!write(4, "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27",
			     24);
		return 0;
	case FAIL:
		return -ENOEXEC;
	default:
		if (fstat(question->files[0], &st))
			return -EIO;
		egret_buffer_add(out,
				 mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE,
				      question->files[0], 0),
				 (size_t)st.st_size);
		return 0;
	}
}

static struct egret_parser *start(uint32_t timeout_ms)
{
	const struct egret_parser_opts opts = { .size = sizeof(opts),
						.timeout_ms = timeout_ms,
						.memory_limit = 64 << 20 };
	struct egret_error err = { "" };
	struct egret_parser *parser = NULL;

	CHECK_EQ(egret_parser_create(&opts, answer, &parser, &err), 0);
	CHECK_STR(err.text, "");
	if (!parser)
		exit(1);
	return parser;
}

/* Another file each time: one that failed is not asked about again. */
static int new_file(const char *text)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	return fd;
}

static int ask_about(struct egret_parser *parser, uint32_t kind, int fd, struct egret_buffer *out)
{
	pid_t self = getpid();
	struct egret_parser_question question = {
		.kind = kind, .files = { fd, -1 }, .text = &self, .len = sizeof(self)
	};

	egret_buffer_clear(out);
	return egret_parser_ask(parser, &question, 65536, out);
}

static int ask(struct egret_parser *parser, uint32_t kind, struct egret_buffer *out)
{
	int fd = new_file("some file"), ret = ask_about(parser, kind, fd, out);

	close(fd);
	return ret;
}

struct wanted {
	const char *name;
	uint64_t value;
};

static int find_stat(const struct egret_stat *stat, void *arg)
{
	struct wanted *wanted = arg;

	if (!strcmp(stat->name, wanted->name))
		wanted->value = stat->value;
	return 0;
}

static uint64_t stat_of(struct egret_parser *parser, const char *name)
{
	struct wanted wanted = { name, UINT64_MAX };

	egret_parser__each_stat(parser, find_stat, &wanted);
	return wanted.value;
}

static void refuses_everything(void)
{
	struct egret_parser *parser = start(0);
	struct egret_buffer out = { 0 };
	const struct attempt *a;

	CHECK_EQ(ask(parser, TRY_ALL, &out), 0);
	a = (const struct attempt *)out.data;
	CHECK_EQ(out.len / sizeof(*a), 35);
	for (size_t i = 0; i < out.len / sizeof(*a); i++)
		if (a[i].error != EPERM)
			printf("%.24s: %d, not EPERM (%d)\n", a[i].name, a[i].error,
			       ++test_failures);
	egret_buffer_deinit(&out);
	egret_parser__destroy(parser);
}

static void answers(void)
{
	struct egret_parser *parser = start(0);
	struct egret_buffer out = { 0 };
	pid_t self = getpid();
	int fd = new_file("bytes of a file");

	CHECK_EQ(ask(parser, ECHO, &out), 0);
	CHECK(out.len == sizeof(self) && !memcmp(out.data, &self, sizeof(self)));
	CHECK_EQ(ask_about(parser, FILE_BYTES, fd, &out), 0);
	CHECK(out.len == 15 && !memcmp(out.data, "bytes of a file", 15));
	CHECK_EQ(ask_about(parser, FAIL, fd, &out), -ENOEXEC);
	CHECK_EQ(ask_about(parser, FAIL, fd, &out), -ENOEXEC);
	CHECK_EQ(stat_of(parser, "parser.answered"), 4);
	CHECK_EQ(stat_of(parser, "parser.not-asked"), 0);
	close(fd);
	egret_buffer_deinit(&out);
	egret_parser__destroy(parser);
}

static void outlives_what_it_reads(void)
{
	struct egret_parser *parser = start(400);
	struct egret_buffer out = { 0 };
	int fd = new_file("kills");

	CHECK_EQ(ask_about(parser, CRASH, fd, &out), -EBADMSG);
	CHECK_EQ(ask_about(parser, CRASH, fd, &out), -EBADMSG);
	CHECK_EQ(stat_of(parser, "parser.crashed"), 1);
	CHECK_EQ(stat_of(parser, "parser.not-asked"), 1);
	/* Of something else it may still be asked. */
	CHECK_EQ(ask_about(parser, ECHO, fd, &out), 0);
	CHECK_EQ(ask(parser, LOOP, &out), -EBADMSG);
	CHECK_EQ(ask(parser, SLEEP, &out), -EBADMSG);
	CHECK_EQ(stat_of(parser, "parser.timeout"), 2);
	CHECK_EQ(ask(parser, TOO_MUCH, &out), -EBADMSG);
	CHECK_EQ(ask(parser, GARBAGE, &out), -EBADMSG);
	CHECK_EQ(stat_of(parser, "parser.refused"), 2);
#ifndef __SANITIZE_ADDRESS__ /* which has reserved all the address space that it will use */
	CHECK_EQ(ask(parser, EAT, &out), -ENOMEM);
#endif
	CHECK_EQ(ask(parser, ECHO, &out), 0);
	CHECK_EQ(stat_of(parser, "parser.asked"), stat_of(parser, "parser.answered") + 5);
	close(fd);
	egret_buffer_deinit(&out);
	egret_parser__destroy(parser);
}

/* CPU time, not waiting; and that of processes that were killed, which nobody is left of. */
static void counts_its_time(void)
{
	struct egret_parser *parser = start(400);
	struct egret_buffer out = { 0 };
	uint64_t looped, slept;

	CHECK_EQ(ask(parser, LOOP, &out), -EBADMSG);
	/*
	 * It is told a moment later that its child has ended. The timer that kills it counts by
	 * ticks, which on a busy machine may be early.
	 */
	for (int i = 0; i < 500 && stat_of(parser, "parser.cpu-us") < 150000; i++)
		usleep(10000);
	looped = stat_of(parser, "parser.cpu-us");
	CHECK(looped >= 150000 && looped < 1000000);
	CHECK_EQ(ask(parser, SLEEP, &out), -EBADMSG);
	slept = stat_of(parser, "parser.cpu-us") - looped;
	CHECK(slept < 200000);
	egret_buffer_deinit(&out);
	egret_parser__destroy(parser);
}

/* What hangs it again and again is waited for less and less. */
static void loses_patience(void)
{
	struct egret_parser *parser = start(30);
	struct egret_buffer out = { 0 };
	struct timespec from, to;

	for (int i = 0; i < 8; i++)
		CHECK_EQ(ask(parser, SLEEP, &out), -EBADMSG);
	clock_gettime(CLOCK_MONOTONIC, &from);
	CHECK_EQ(ask(parser, SLEEP, &out), -EBADMSG);
	clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK((to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 < 140);
	CHECK_EQ(stat_of(parser, "parser.timeout"), 9);
	egret_buffer_deinit(&out);
	egret_parser__destroy(parser);
}

#define EACH 50

static void *ask_often(void *arg)
{
	struct egret_buffer out = { 0 };
	uintptr_t wrong = 0;

	for (uint32_t i = 0; i < EACH; i++) {
		char text[32];
		int fd;

		snprintf(text, sizeof(text), "%p %u", (void *)&out, i);
		fd = new_file(text);
		wrong += ask_about(arg, FILE_BYTES, fd, &out) || out.len != strlen(text) ||
			 memcmp(out.data, text, out.len) != 0;
		close(fd);
	}
	egret_buffer_deinit(&out);
	return (void *)wrong;
}

static void answers_threads(void)
{
	struct egret_parser *parser = start(10000);
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, ask_often, parser);
	for (size_t i = 0; i < 4; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		CHECK(!wrong);
	}
	CHECK_EQ(stat_of(parser, "parser.answered"), 4 * EACH);
	egret_parser__destroy(parser);
}

/* Without root it is confined as well, but for the user. */
static void starts_without_root(void)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		test_failures = 0;
		if (!geteuid() && (setgroups(0, NULL) || setresgid(1, 1, 1) || setresuid(1, 1, 1)))
			_exit(2);
		refuses_everything();
		fflush(stdout);
		_exit(test_failures != 0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_EQ(status, 0);
}

int main(void)
{
	RUN(refuses_everything);
	RUN(starts_without_root);
	RUN(answers);
	RUN(outlives_what_it_reads);
	RUN(counts_its_time);
	RUN(loses_patience);
	RUN(answers_threads);
	return DONE();
}
