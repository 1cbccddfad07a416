/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * dying: threads that end while they are in the kernel, in all the ways there are: killed, with
 * their process by exit_group of another thread, by pthread_exit, and with memory to give back.
 */
#include "spin.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK (16u << 20)

/* In the kernel nearly all the time: new pages are filled with zeroes. */
static FRAME void fill(int times)
{
	int fd = open("/dev/zero", O_RDONLY);

	for (int i = 0; i < times; i++) {
		char *buffer = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (read(fd, buffer, CHUNK) < 0)
			break;
		munmap(buffer, CHUNK);
	}
	close(fd);
}

static FRAME void *filler(void *arg)
{
	fill(arg ? 3 : 1000000);
	pthread_exit(NULL);
}

static FRAME void child_killed(void)
{
	fill(1000000);
}

static FRAME void child_threads(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, filler, NULL);
	usleep(8000);
	_exit(0);
}

static FRAME void child_leaves_thread(void)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++)
		if (!pthread_create(&thread, NULL, filler, "few"))
			pthread_join(thread, NULL);
	_exit(0);
}

static FRAME void child_large(void)
{
	volatile char *memory = malloc(4 * CHUNK);

	for (size_t i = 0; memory && i < 4 * CHUNK; i += 4096)
		memory[i] = 1;
	_exit(0);
}

int main(void)
{
	static void (*const children[])(void) = { child_killed, child_threads, child_leaves_thread,
						  child_large };

	for (int i = 0; i < 80; i++) {
		pid_t pid = fork();

		if (!pid) {
			children[i % 4]();
			_exit(1);
		}
		if (i % 4 == 0) {
			usleep(8000);
			kill(pid, SIGKILL);
		}
		waitpid(pid, NULL, 0);
	}
	return 0;
}
