/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "cut_files.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "message.h"
#include "text.h"

static uint64_t missing_pages;
static uintptr_t page_size;

/* Zeros over a page, whatever was there. */
static bool put_zeros(void *page)
{
	void *mapped = mmap(page, page_size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return mapped == page;
}

/* In whatever the thread was at: only system calls. What is no page of a file ends us as before. */
static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	void *page = (void *)((uintptr_t)info->si_addr & ~(page_size - 1));
	struct sigaction by_default = { .sa_handler = SIG_DFL };

	if (info->si_code == BUS_ADRERR && put_zeros(page))
		__atomic_fetch_add(&missing_pages, 1, __ATOMIC_RELAXED);
	else
		sigaction(SIGBUS, &by_default, NULL);
}

void cut_files_survive(void)
{
	struct sigaction action = { .sa_sigaction = on_bus_error,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
	sigaction(SIGBUS, &action, NULL);
}

void cut_files_report(void)
{
	uint64_t n = __atomic_load_n(&missing_pages, __ATOMIC_RELAXED);

	if (n)
		say("a file was cut short while it was being read: %s pages of it are missing, and "
		    "names or lines with them",
		    text_count(n).text);
}
