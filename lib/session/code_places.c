/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/code_places.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/thread.h"

#define THREADS_MAX 64u

/* What is wanted of one file. */
struct file {
	struct egret_code_names *code;
	const uint64_t *vaddrs;
	size_t n;
};

struct job {
	const struct file *files; /* the one with the most addresses first */
	size_t n;
	atomic_size_t next;
};

static void *run(void *arg)
{
	struct job *job = arg;

	for (;;) {
		size_t i = atomic_fetch_add(&job->next, 1);

		if (i >= job->n)
			return NULL;
		egret_code_names_prepare(job->files[i].code, job->files[i].vaddrs, job->files[i].n,
					 0);
	}
}

/* The caller's thread works too, and alone where no other can be had. */
static void run_threads(struct job *job, unsigned int threads)
{
	pthread_t others[THREADS_MAX];
	unsigned int n = 0;

	while (n + 1 < threads && n < THREADS_MAX && n + 1 < job->n &&
	       !egret_thread_create(&others[n], run, job))
		n++;
	run(job);
	while (n)
		pthread_join(others[--n], NULL);
}

static int compare_places(const void *a, const void *b)
{
	const struct egret_code_place *x = a, *y = b;

	return ((uintptr_t)x->code > (uintptr_t)y->code) -
	       ((uintptr_t)x->code < (uintptr_t)y->code);
}

static int compare_files(const void *a, const void *b)
{
	const struct file *x = a, *y = b;

	return (x->n < y->n) - (x->n > y->n);
}

/* Returns the number of files. vaddrs and files have room for n. */
static size_t group(const struct egret_code_place *places, size_t n, uint64_t *vaddrs,
		    struct file *files)
{
	size_t n_files = 0;

	for (size_t i = 0; i < n; i++) {
		vaddrs[i] = places[i].vaddr;
		if (!i || places[i].code != places[i - 1].code)
			files[n_files++] = (struct file){ places[i].code, &vaddrs[i], 0 };
		files[n_files - 1].n++;
	}
	return n_files;
}

void egret_code_places_prepare(struct egret_code_place *places, size_t n, unsigned int threads)
{
	__free_ uint64_t *vaddrs = reallocarray(NULL, n + 1, sizeof(*vaddrs));
	__free_ struct file *files = reallocarray(NULL, n + 1, sizeof(*files));
	struct job job = { .files = files };

	if (!vaddrs || !files)
		return;
	qsort(places, n, sizeof(*places), compare_places);
	job.n = group(places, n, vaddrs, files);
	qsort(files, job.n, sizeof(*files), compare_files);
	/* Of one that has most of the work the threads take a unit each. */
	if (job.n && (job.n == 1 || files[0].n > n / 2)) {
		egret_code_names_prepare(files[0].code, files[0].vaddrs, files[0].n, threads);
		job.next = 1;
	}
	run_threads(&job, threads);
}

void egret_code_places_prepare_symbols(struct egret_code_place *places, size_t n)
{
	__free_ uint64_t *vaddrs = reallocarray(NULL, n + 1, sizeof(*vaddrs));
	__free_ struct file *files = reallocarray(NULL, n + 1, sizeof(*files));
	size_t n_files;

	if (!vaddrs || !files)
		return;
	qsort(places, n, sizeof(*places), compare_places);
	n_files = group(places, n, vaddrs, files);
	for (size_t i = 0; i < n_files; i++)
		egret_code_names_prepare_symbols(files[i].code, files[i].vaddrs, files[i].n);
}
