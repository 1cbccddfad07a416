/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* signals.c - signals as things to read. */
#include "signals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted_before;

static const int ending_signals[] = { SIGINT, SIGTERM, SIGHUP };
#define N_ENDING_SIGNALS (sizeof(ending_signals) / sizeof(*ending_signals))

int signals_init(struct signals *signals, bool want_usr2, struct egret_error *err)
{
	struct sigaction hangup;
	sigset_t waiting;

	signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error of write(2) */
	sigemptyset(&waiting);
	for (size_t i = 0; i < N_ENDING_SIGNALS; i++)
		sigaddset(&waiting, ending_signals[i]);
	sigaddset(&waiting, SIGCHLD);
	/* A descriptor sees ignored signals too. nohup means it; but shells ignore SIGINT for what
	 * they run in the background, and `kill -INT` is how scripts end a recording. */
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler == SIG_IGN)
		sigdelset(&waiting, SIGHUP);
	if (want_usr2)
		sigaddset(&waiting, SIGUSR2);
	sigprocmask(SIG_BLOCK, &waiting, &signals->before);
	signals->fd = signalfd(-1, &waiting, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd >= 0)
		return 0;
	snprintf(err->text, sizeof(err->text), "cannot wait for signals: %s", strerror(errno));
	return -errno;
}

void signals_deinit(struct signals *signals)
{
	if (signals->fd < 0)
		return;
	close(signals->fd);
	signals->fd = -1;
	sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

int signals_next(struct signals *signals)
{
	struct signalfd_siginfo info;

	if (read(signals->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

static void on_interrupt(int number)
{
	static const char notice[] = "\negret: finishing the recording; once more quits at once\n";

	if (interrupted_before) {
		signal(number, SIG_DFL);
		raise(number); /* is delivered when this handler returns */
		return;
	}
	interrupted_before = 1;
	if (write(STDERR_FILENO, notice, sizeof(notice) - 1) < 0)
		return; /* there is nobody to tell */
}

void signals_finishing(struct signals *signals, bool interrupted)
{
	struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART };
	struct sigaction before;
	sigset_t ending;

	interrupted_before = interrupted;
	sigemptyset(&ending);
	for (size_t i = 0; i < N_ENDING_SIGNALS; i++) {
		sigaddset(&ending, ending_signals[i]);
		sigaction(ending_signals[i], NULL, &before);
		if (ending_signals[i] != SIGHUP || before.sa_handler != SIG_IGN)
			sigaction(ending_signals[i], &action, NULL);
	}
	sigprocmask(SIG_UNBLOCK, &ending, NULL);
}
