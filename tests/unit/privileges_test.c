/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What the agent may do once its privileges are dropped: in a child each, since it is for good. */
#include "agent/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

/* The six of libegret(3): bits 39, 38, 19, 2, 34, 40. */
#define KEPT                                                                                       \
	((1ull << 39) | (1ull << 38) | (1ull << 19) | (1ull << 2) | (1ull << 34) | (1ull << 40))

static uint64_t status_field(const char *name, int base)
{
	char line[256];
	uint64_t value = UINT64_MAX;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = strtoull(line + strlen(name) + 1, NULL, base);
	if (f)
		fclose(f);
	return value;
}

static void in_child(void (*fn)(void))
{
	pid_t child;
	int status = 0;

	fflush(stdout);
	child = fork();
	if (!child) {
		test_failures = 0;
		fn();
		fflush(stdout);
		_exit(test_failures != 0);
	}
	CHECK(waitpid(child, &status, 0) == child);
	CHECK_EQ(status, 0);
}

static void check_dropped(uint64_t had)
{
	char *const argv[] = { "true", NULL }, *const envp[] = { NULL };

	CHECK_EQ(status_field("CapEff", 16), had & KEPT);
	CHECK_EQ(status_field("CapPrm", 16), had & KEPT);
	CHECK_EQ(status_field("CapInh", 16), 0);
	CHECK_EQ(status_field("CapAmb", 16), 0);
	CHECK_EQ(status_field("CapBnd", 16) & ~KEPT, 0);
	CHECK_EQ(status_field("NoNewPrivs", 10), 1);
	CHECK_EQ(status_field("Seccomp", 10), 2);
	CHECK(execve("/bin/true", argv, envp) == -1 && errno == EPERM);
	CHECK(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1 && errno == EPERM);
	CHECK(mount("none", "/tmp", "tmpfs", 0, NULL) == -1 && errno == EPERM);
	CHECK(setresuid(0, 0, 0) == -1 && errno == EPERM);
}

static void check_as_root(void)
{
	struct egret_error err = { "" };
	uint64_t had = status_field("CapPrm", 16);

	CHECK_EQ(privileges_drop(&(struct privileges_opts){ 0 }, &err), 0);
	CHECK_STR(err.text, "");
	check_dropped(had);
	CHECK_EQ(getuid(), 0);
}

static void check_as_nobody(void)
{
	struct egret_error err = { "" };
	uint64_t had = status_field("CapPrm", 16);
	int fd;

	CHECK_EQ(privileges_drop(&(struct privileges_opts){ .user = "nobody" }, &err), 0);
	CHECK_STR(err.text, "");
	check_dropped(had);
	CHECK(getuid() && geteuid() == getuid() && getegid());
	/* What is left: it reads what is others', and writes nothing of theirs. */
	fd = open("/etc/shadow", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 || errno == ENOENT);
	CHECK(open("/etc/passwd", O_WRONLY | O_CLOEXEC) == -1 && errno == EACCES);
}

static void check_unknown_user(void)
{
	struct egret_error err = { "" };

	CHECK_EQ(privileges_drop(&(struct privileges_opts){ .user = "no-such-user" }, &err),
		 -ENOENT);
	CHECK_STR(err.text, "there is no user 'no-such-user'");
}

static void keeps_what_sampling_needs(void)
{
	in_child(check_as_root);
}

static void becomes_another_user(void)
{
	in_child(check_as_nobody);
}

static void refuses_a_user_that_is_not_there(void)
{
	in_child(check_unknown_user);
}

int main(void)
{
	if (geteuid())
		SKIP("needs root");
	RUN(keeps_what_sampling_needs);
	RUN(becomes_another_user);
	RUN(refuses_a_user_that_is_not_there);
	return DONE();
}
