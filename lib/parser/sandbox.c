/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "parser/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* ---- descriptors and signals ------------------------------------------------------------- */

static int leave_one(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Above what it will be, so that nothing overwrites it. */
	fd = fcntl(fd, F_DUPFD_CLOEXEC, EGRET_SANDBOX_FD + 1);
	if (fd < 0 || null < 0 || dup2(fd, EGRET_SANDBOX_FD) < 0)
		return -errno;
	for (int i = 0; i < EGRET_SANDBOX_FD; i++)
		if (null != i && dup2(null, i) < 0)
			return -errno;
	return syscall(SYS_close_range, EGRET_SANDBOX_FD + 1, ~0u, 0) ? -errno : 0;
}

static void note_child(int number)
{
}

/*
 * The caller's handlers are not ours, a fault ends us; and what ends the caller on purpose must not
 * end us before it has its last answers: we go when it has gone. That a child has ended is only
 * told while egret_sandbox_wait waits.
 */
static void set_signals(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t blocked;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &action, NULL);
	action.sa_handler = SIG_IGN;
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		sigaction(ignored[i], &action, NULL);
	action.sa_handler = note_child;
	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* Their time counts as ours once they were waited for: getrusage(2), RUSAGE_CHILDREN. */
void egret_sandbox_wait(void)
{
	struct pollfd wait = { .fd = EGRET_SANDBOX_FD, .events = POLLIN };
	sigset_t none;
	int ret;

	sigemptyset(&none);
	do {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		ret = ppoll(&wait, 1, NULL, &none);
	} while (ret < 0 && errno == EINTR);
}

/* ---- what it could reach ----------------------------------------------------------------- */

/*
 * A root that is an empty directory, without network and IPC. Not everybody may make namespaces;
 * the filter of system calls alone says the same.
 */
static void leave_the_machine(void)
{
	const int spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

	if (unshare(spaces) && unshare(CLONE_NEWUSER | spaces))
		return;
	/* An empty directory that nobody can put anything into. */
	if (!chroot("/proc/self/fdinfo"))
		(void)!chdir("/");
}

static int leave_root(void)
{
	if (geteuid())
		return 0;
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ||
	    syscall(SYS_capset, &header, none))
		return -errno;
	/* Also against others of the same user. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ? -errno : 0;
}

static void bound_capabilities(void)
{
	/* Needs CAP_SETPCAP; who has not that is bound by no_new_privs alone. */
	for (unsigned long i = 0; i <= 63 && !prctl(PR_CAPBSET_DROP, i, 0, 0, 0); i++)
		;
}

static int limit(int resource, uint64_t most)
{
	struct rlimit limit = { most, most };

	return setrlimit((__rlimit_resource_t)resource, &limit) ? -errno : 0;
}

/* ---- system calls ------------------------------------------------------------------------ */

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH_* is it?"
#endif

/* Nothing but memory, the clock, and the end. */
static const uint32_t computing[] = {
	SYS_brk,	  SYS_munmap,  SYS_mremap,	  SYS_madvise,	 SYS_futex,
	SYS_rt_sigreturn, SYS_exit,    SYS_exit_group,	  SYS_close,	 SYS_fstat,
	SYS_newfstatat,	  SYS_sysinfo, SYS_clock_gettime, SYS_getrandom, SYS_restart_syscall,
};
/* What the process that makes others needs besides, and narrowing itself. */
static const uint32_t serving[] = {
	SYS_recvmsg,	     SYS_sendto,	 SYS_write,	SYS_clone,
	SYS_set_robust_list, SYS_rseq,		 SYS_prlimit64, SYS_prctl,
	SYS_setitimer,	     SYS_rt_sigprocmask, SYS_ppoll,	SYS_wait4,
};

#define FILTER_MAX 128

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short len;
};

static void add(struct filter *f, struct sock_filter insn)
{
	if (f->len < FILTER_MAX)
		f->code[f->len++] = insn;
}

static void load(struct filter *f, size_t offset)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void end(struct filter *f, uint32_t verdict)
{
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, verdict));
}

static void unless_equal(struct filter *f, uint32_t value, uint8_t skip)
{
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip));
}

#define REFUSED (SECCOMP_RET_ERRNO | EPERM)
/* The low half: x86-64 and little-endian aarch64. */
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8 * (i))

/* Of another architecture, or of another ABI of this one (x32), there is no call. */
static void begin(struct filter *f)
{
	load(f, offsetof(struct seccomp_data, arch));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0));
	end(f, SECCOMP_RET_KILL_PROCESS);
	load(f, offsetof(struct seccomp_data, nr));
}

static void allow(struct filter *f, const uint32_t *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unless_equal(f, calls[i], 1);
		end(f, SECCOMP_RET_ALLOW);
	}
}

/* call, unless its argument i has one of the bits. */
static void allow_without(struct filter *f, uint32_t call, size_t i, uint32_t bits)
{
	unless_equal(f, call, 4);
	load(f, ARGUMENT(i));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
	end(f, REFUSED);
	end(f, SECCOMP_RET_ALLOW);
}

static void allow_on(struct filter *f, uint32_t call, uint32_t first_argument)
{
	unless_equal(f, call, 4);
	load(f, ARGUMENT(0));
	unless_equal(f, first_argument, 1);
	end(f, SECCOMP_RET_ALLOW);
	end(f, REFUSED);
}

static int install(struct filter *f)
{
	struct sock_fprog program = { .filter = f->code };

	end(f, REFUSED);
	program.len = f->len;
	if (f->len >= FILTER_MAX)
		return -E2BIG;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) ? -errno : 0;
}

static void begin_computing(struct filter *f)
{
	begin(f);
	allow(f, computing, sizeof(computing) / sizeof(computing[0]));
	allow_without(f, SYS_mmap, 2, PROT_EXEC);
	allow_without(f, SYS_mprotect, 2, PROT_EXEC);
}

static int filter_serving(void)
{
	struct filter f = { .len = 0 };

	begin_computing(&f);
	allow(&f, serving, sizeof(serving) / sizeof(serving[0]));
	return install(&f);
}

static int filter_answering(int fd)
{
	struct filter f = { .len = 0 };

	begin_computing(&f);
	allow_on(&f, SYS_write, (uint32_t)fd);
	return install(&f);
}

/* ---- the two steps ----------------------------------------------------------------------- */

int egret_sandbox_enter(int fd, struct egret_error *err)
{
	int ret = leave_one(fd);

	set_signals();
	setsid();
	prctl(PR_SET_NAME, "egret-parser", 0, 0, 0);
	leave_the_machine();
	bound_capabilities();
	if (!ret)
		ret = leave_root();
	if (!ret)
		ret = drop_capabilities();
	if (!ret)
		ret = limit(RLIMIT_CORE, 0) | limit(RLIMIT_FSIZE, 0) | limit(RLIMIT_NOFILE, 16);
	if (!ret)
		ret = filter_serving();
	return ret ? egret_fail(err, -ret, "the parser cannot be confined: %s", strerror(-ret)) : 0;
}

static bool end_after(int which, uint32_t ms)
{
	struct itimerval timer = { .it_value = { ms / 1000, ms % 1000 * 1000 + 1 } };

	return !setitimer(which, &timer, NULL);
}

int egret_sandbox_narrow(const struct egret_sandbox_limits *limits)
{
	/* Whatever it does or waits for, this ends it: of the filter none can be taken back. */
	if (!end_after(ITIMER_REAL, limits->timeout_ms) ||
	    !end_after(ITIMER_PROF, limits->cpu_ms) ||
	    limit(RLIMIT_CPU, limits->cpu_ms / 1000 + 1) || limit(RLIMIT_AS, limits->memory))
		return -EPERM;
	return filter_answering(limits->answer_fd);
}
