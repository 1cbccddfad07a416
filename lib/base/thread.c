/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "base/thread.h"

#include <signal.h>
#include <stddef.h>

int egret_thread_create(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
	static const int faults[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS };
	sigset_t blocked, before;
	int ret;

	sigfillset(&blocked);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&blocked, faults[i]);
	/* A new thread has its creator's signal mask. */
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	ret = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}
