/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* from_memory PROGRAM ARGS...: runs a copy of PROGRAM that is in no file system, as runc does. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int from = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	int memory = memfd_create("copy", MFD_CLOEXEC);

	while (from >= 0 && sendfile(memory, from, NULL, 1 << 20) > 0)
		;
	fexecve(memory, argv + 1, environ);
	perror(argc > 1 ? argv[1] : "no program");
	return 1;
}
