/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * perf_attrs FILE COMMAND...: runs a command and writes into FILE, for each perf event that it
 * opens, its type, config and sample_type (hexadecimal): as the kernel is asked, by ptrace(2).
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_attr(FILE *out, pid_t pid, uint64_t address)
{
	struct perf_event_attr attr = { 0 };
	struct iovec local = { &attr, sizeof(attr) };
	struct iovec remote = { (void *)(uintptr_t)address, PERF_ATTR_SIZE_VER0 };

	if (process_vm_readv(pid, &local, 1, &remote, 1, 0) == PERF_ATTR_SIZE_VER0)
		fprintf(out, "%u %" PRIx64 " %" PRIx64 "\n", attr.type, (uint64_t)attr.config,
			(uint64_t)attr.sample_type);
}

static int trace(FILE *out, pid_t pid)
{
	int status, signal = 0;

	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (;;) {
		struct user_regs_struct regs;

		if (ptrace(PTRACE_SYSCALL, pid, NULL, signal) || waitpid(pid, &status, 0) != pid)
			return 2;
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		if (!WIFSTOPPED(status))
			return 2;
		signal = WSTOPSIG(status) & 0x80 || WSTOPSIG(status) == SIGTRAP ? 0
										: WSTOPSIG(status);
		/* On entry rax is -ENOSYS. */
		if (WSTOPSIG(status) & 0x80 && !ptrace(PTRACE_GETREGS, pid, NULL, &regs) &&
		    regs.orig_rax == SYS_perf_event_open && (long long)regs.rax == -ENOSYS)
			print_attr(out, pid, regs.rdi);
	}
}

int main(int argc, char **argv)
{
	FILE *out = argc > 2 ? fopen(argv[1], "we") : NULL;
	pid_t pid;
	int ret;

	if (!out)
		return 2;
	pid = fork();
	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	ret = pid > 0 ? trace(out, pid) : 2;
	fclose(out);
	return ret;
}
