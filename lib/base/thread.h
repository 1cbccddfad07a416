/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * thread.h - how the library starts a thread, where its caller has asked for some.
 *
 * Such a thread takes no signal that is sent to the process: those are for the threads of the
 * program. Its own faults (SIGBUS, SIGSEGV, ...) are not blocked: blocked, they would end the
 * program, whatever handler it has.
 */
#ifndef EGRET_BASE_THREAD_H
#define EGRET_BASE_THREAD_H

#include <pthread.h>

/* As pthread_create: 0, or a positive errno. */
int egret_thread_create(pthread_t *thread, void *(*run)(void *arg), void *arg);

#endif
