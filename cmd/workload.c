/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* workload.c - the command to record. */
#include "workload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The child: nothing of egret but its environment is left when argv[0] begins to run. */
static void run_child(int go_fd, int exec_fd, char **argv, const sigset_t *mask,
		      bool stdout_to_stderr)
{
	ssize_t n;
	char go;
	int errnum;

	do
		n = read(go_fd, &go, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(0); /* egret gave up before it began */
	if (stdout_to_stderr)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	errnum = errno;
	while (write(exec_fd, &errnum, sizeof(errnum)) < 0 && errno == EINTR)
		;
	_exit(STATUS_NOT_RUN);
}

static int fail(struct egret_error *err, const char *what, const char *name, int errnum)
{
	snprintf(err->text, sizeof(err->text), "cannot %s '%s': %s", what, name, strerror(errnum));
	return -errnum;
}

int workload_prepare(struct workload *workload, char **argv, const sigset_t *mask,
		     bool stdout_to_stderr, struct egret_error *err)
{
	int go[2], exec[2];
	pid_t pid;

	*workload = WORKLOAD_NONE;
	if (pipe2(go, O_CLOEXEC))
		return fail(err, "run", argv[0], errno);
	if (pipe2(exec, O_CLOEXEC)) {
		int errnum = errno;

		close(go[0]);
		close(go[1]);
		return fail(err, "run", argv[0], errnum);
	}
	pid = fork();
	if (!pid) {
		close(go[1]); /* else the child would never see egret's end close */
		close(exec[0]);
		run_child(go[0], exec[1], argv, mask, stdout_to_stderr);
	}
	close(go[0]);
	close(exec[1]);
	workload->go_fd = go[1];
	workload->exec_fd = exec[0];
	if (pid < 0) {
		int errnum = errno;

		close_fd(&workload->go_fd);
		close_fd(&workload->exec_fd);
		return fail(err, "fork for", argv[0], errnum);
	}
	workload->pid = pid;
	return 0;
}

int workload_go(struct workload *workload, const char *name, struct egret_error *err)
{
	int errnum = 0;
	ssize_t n;

	workload->running = true;
	n = write(workload->go_fd, "g", 1);
	if (n != 1)
		return fail(err, "run", name, errno);
	close_fd(&workload->go_fd);
	do
		n = read(workload->exec_fd, &errnum, sizeof(errnum));
	while (n < 0 && errno == EINTR);
	close_fd(&workload->exec_fd);
	if (n == (ssize_t)sizeof(errnum))
		return fail(err, "run", name, errnum);
	return 0;
}

bool workload_ended(struct workload *workload)
{
	if (!workload->pid)
		return false;
	if (workload->running &&
	    waitpid(workload->pid, &workload->wait_status, WNOHANG) == workload->pid)
		workload->running = false;
	return !workload->running;
}

void workload_finish(struct workload *workload, bool terminate)
{
	pid_t got;

	close_fd(&workload->exec_fd);
	if (!workload->pid)
		return;
	if (workload->go_fd >= 0)
		workload->running = true; /* it exits when the pipe is closed */
	else if (!workload_ended(workload) && terminate)
		kill(workload->pid, SIGTERM);
	close_fd(&workload->go_fd);
	if (!workload->running)
		return;
	do
		got = waitpid(workload->pid, &workload->wait_status, 0);
	while (got < 0 && errno == EINTR);
	workload->running = false;
}

int workload_exit_status(const struct workload *workload)
{
	if (WIFSIGNALED(workload->wait_status))
		return STATUS_SIGNAL + WTERMSIG(workload->wait_status);
	return WEXITSTATUS(workload->wait_status);
}
