/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exec_thread COMMAND...: a thread that is not the first becomes another program. */
#include "spin.h"

#include <pthread.h>
#include <unistd.h>

static FRAME void *other_thread(void *arg)
{
	char **argv = arg;

	spin_ms(50);
	execv(argv[1], argv + 1);
	_exit(2);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 2 || pthread_create(&thread, NULL, other_thread, argv))
		return 2;
	spin_ms(20);
	pthread_join(thread, NULL);
	return 0;
}
