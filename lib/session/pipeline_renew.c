/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pipeline_renew.c - what a pipeline knows, how much that is, and how it begins anew. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "session/pipeline_impl.h"
#include "symbolize/symbolize.h"

size_t egret_pipeline_n_modules(const struct egret_pipeline *p)
{
	return p->modules.n;
}

size_t egret_pipeline_n_files(const struct egret_pipeline *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->modules.n; i++)
		n += (p->modules.all[i]->elf != NULL) + (p->modules.all[i]->debug != NULL);
	return n;
}

uint64_t egret_pipeline_memory(const struct egret_pipeline *p)
{
	return egret_profile_memory(p->profile) + egret_modules_memory(&p->modules) +
	       egret_processes_memory(&p->processes) + egret_names_memory(p->names) +
	       egret_unwinding_memory(p->unwinding) + egret_kept_tables_memory(p->kept) +
	       p->threads_capacity * sizeof(*p->threads) + egret_index_memory(&p->thread_by_id) +
	       p->n_slots * sizeof(*p->pending) + p->stats.pending * sizeof(struct pending) +
	       egret_stacks_memory(&p->stacks) + egret_final_captures_memory(&p->final);
}

/* A process that ended this long ago is asked for by no sample that has not been read yet. */
#define KEEP_ENDED_NS 500000000ull

/* ---- beginning anew -----------------------------------------------------------------------------
 */

/* Where numbers of the profile are kept between records. NULL without memory. */
static uint32_t **kept_threads(struct egret_pipeline *p, size_t *n)
{
	uint32_t **at = calloc(p->n_threads + p->n_slots + 1, sizeof(*at));

	*n = 0;
	for (size_t i = 0; at && i < p->n_threads; i++)
		if (p->threads[i].number != UINT32_MAX)
			at[(*n)++] = &p->threads[i].number;
	for (size_t i = 0; at && i < p->n_slots; i++)
		if (p->pending[i])
			at[(*n)++] = &p->pending[i]->row.thread;
	return at;
}

static uint32_t **kept_stacks(struct egret_pipeline *p, size_t *n)
{
	uint32_t **at = calloc(p->n_threads + 1, sizeof(*at));

	*n = 0;
	for (size_t i = 0; at && i < p->n_threads; i++)
		at[(*n)++] = &p->threads[i].last.stack;
	return at;
}

/* Closes the files that no process has mapped. */
static int close_modules(struct egret_pipeline *p)
{
	__free_ bool *in_use = calloc(p->modules.n + 1, sizeof(*in_use));
	size_t before = p->modules.n;
	int ret = -ENOMEM;

	if (in_use) {
		egret_processes_mark(&p->processes, in_use);
		ret = egret_modules_keep(&p->modules, in_use);
	}
	p->stats.modules_closed += before - p->modules.n;
	return ret;
}

/* What processes are labelled with, as sets of the profile that comes next: who has ended cannot be
 * asked again. */
static int keep_labels(struct egret_pipeline *p, struct egret_profile *fresh)
{
	for (size_t i = 0; i < p->processes.n; i++) {
		struct egret_process *process = p->processes.all[i];
		uint32_t set;

		if (!process || !process->labels)
			continue;
		set = egret_profile_same_label_set(fresh, p->profile, process->labels - 1);
		if (set == UINT32_MAX)
			return -ENOMEM;
		process->labels = set + 1;
	}
	return 0;
}

int egret_pipeline_renew(struct egret_pipeline *p, uint64_t now, struct egret_error *err)
{
	struct egret_profile_numbers numbers = { 0 };
	struct egret_kernel_names kernel;
	struct egret_profile *fresh;
	uint64_t frames_unwound = p->stacks.frames_unwound;
	int ret = egret_pipeline_settle(p, err);

	if (ret)
		return ret;
	egret_pipeline_settle_final(p);
	/* What is taken over is not named again. */
	ret = egret_pipeline_name_all(p, false, err);
	if (ret)
		return ret;
	egret_pipeline_keep(p);
	numbers.threads = kept_threads(p, &numbers.n_threads);
	numbers.stacks = kept_stacks(p, &numbers.n_stacks);
	ret = numbers.threads && numbers.stacks ? egret_profile_renew(p->profile, &numbers, &fresh)
						: -ENOMEM;
	free(numbers.threads);
	free(numbers.stacks);
	if (ret)
		return egret_fail(err, ENOMEM, "out of memory");
	if (now > KEEP_ENDED_NS)
		egret_processes_forget(&p->processes, now - KEEP_ENDED_NS);
	ret = keep_labels(p, fresh);
	kernel = egret_names_take_kernel(p->names);
	egret_pipeline_forget(p);
	egret_profile__destroy(p->profile);
	p->profile = fresh;
	ret = ret || close_modules(p) ? egret_fail(err, ENOMEM, "out of memory")
				      : egret_pipeline_learn(p, err);
	if (ret) {
		egret_kallsyms_destroy(kernel.kallsyms);
		return ret;
	}
	egret_names_give_kernel(p->names, kernel);
	p->stacks.frames_unwound = frames_unwound;
	egret_names_have(p->names, egret_profile_n_frames(fresh));
	for (size_t i = 0; i < p->n_threads; i++) /* the sets have other numbers, too */
		p->threads[i].labels = UINT32_MAX;
	p->stats.renewals++;
	return 0;
}
