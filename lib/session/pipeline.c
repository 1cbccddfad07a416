/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "session/pipeline_impl.h"
#include "session/process_labels.h"
#include "session/process_records.h"
#include "session/raw_tags.h"

/* ---- life ---------------------------------------------------------------------------------------
 */

static int create_unwinding(struct egret_pipeline *p, struct egret_error *err)
{
	struct egret_unwinding_opts here = { .engine = p->opts.engine,
					     .looks_at_code = true,
					     .process_source = p->opts.process_source };
	struct egret_unwind_pool_opts threads = { .n_threads = p->opts.threads,
						  .max_frames = p->opts.max_frames,
						  .engine = p->opts.engine };
	int ret;

	if (egret_kept_tables_create(here.engine, p->opts.cache, p->opts.parser, &p->kept))
		return egret_fail(err, ENOMEM, "out of memory");
	here.kept = threads.kept = p->kept;
	ret = egret_unwinding_create(&here, &p->unwinding, err);
	if (!ret && threads.n_threads)
		ret = egret_unwind_pool_create(&threads, &p->pool, err);
	return ret;
}

static void before_module_changes(void *arg);

int egret_pipeline_learn(struct egret_pipeline *p, struct egret_error *err)
{
	const struct egret_pipeline_opts *opts = &p->opts;
	int ret;

	ret = egret_names_create(opts->name_source, opts->module_source, opts->demangle,
				 opts->cache, &p->names);
	if (!ret)
		ret = egret_stacks_init(&p->stacks, opts->max_frames, p->profile);
	if (ret)
		return egret_fail(err, -ret, "out of memory");
	ret = create_unwinding(p, err);
	if (ret)
		return ret;
	egret_names_set_parser(p->names, opts->parser);
	egret_names_set_threads(p->names, opts->threads + 1);
	if (opts->no_lines)
		egret_names_leave_lines(p->names);
	if (!opts->no_names)
		p->stacks.jit = egret_names_jit(p->names);
	return 0;
}

int egret_pipeline_create(const struct egret_pipeline_opts *opts, struct egret_pipeline **out,
			  struct egret_error *err)
{
	struct egret_pipeline *p = calloc(1, sizeof(*p));
	int ret;

	if (!p)
		return egret_fail(err, ENOMEM, "out of memory");
	p->opts = *opts;
	egret_modules_init(&p->modules, opts->module_source);
	p->modules.before_change = before_module_changes;
	p->modules.arg = p;
	egret_processes_init(&p->processes, &p->modules, opts->process_source, opts->track_all);
	ret = egret_profile_create(&p->profile);
	if (!ret && opts->keep_samples)
		egret_profile_keep_samples(p->profile);
	p->now.frames = calloc(p->opts.max_frames, sizeof(*p->now.frames));
	if (ret || !p->now.frames)
		ret = egret_fail(err, ENOMEM, "out of memory");
	else
		ret = egret_pipeline_learn(p, err);
	if (ret) {
		egret_pipeline_destroy(p);
		return ret;
	}
	*out = p;
	return 0;
}

void egret_pipeline_forget(struct egret_pipeline *p)
{
	egret_unwind_pool_destroy(p->pool);
	egret_unwinding_destroy(p->unwinding);
	egret_kept_tables_destroy(p->kept);
	egret_stacks_deinit(&p->stacks);
	egret_names_destroy(p->names);
	p->pool = NULL;
	p->unwinding = NULL;
	p->kept = NULL;
	p->names = NULL;
}

void egret_pipeline_destroy(struct egret_pipeline *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n_slots; i++)
		free(p->pending[i]);
	egret_final_captures_deinit(&p->final);
	egret_pipeline_forget(p);
	egret_profile__destroy(p->profile);
	egret_processes_deinit(&p->processes);
	egret_modules_deinit(&p->modules);
	egret_index_deinit(&p->pending_by_cookie);
	egret_index_deinit(&p->thread_by_id);
	free(p->now.frames);
	free(p->pending);
	free(p->free_slots);
	free(p->threads);
	free(p);
}

struct egret_profile *egret_pipeline_profile(struct egret_pipeline *p)
{
	return p->profile;
}

struct egret_processes *egret_pipeline_processes(struct egret_pipeline *p)
{
	return &p->processes;
}

struct egret_modules *egret_pipeline_modules(struct egret_pipeline *p)
{
	return &p->modules;
}

const struct egret_pipeline_stats *egret_pipeline_stats(const struct egret_pipeline *p)
{
	return &p->stats;
}

void egret_pipeline_set_writer(struct egret_pipeline *p, struct egret_writer *writer, bool raw)
{
	p->writer = writer;
	p->raw = raw && writer;
	if (p->raw)
		egret_unwinding_note_code(p->unwinding);
}

/* ---- threads ------------------------------------------------------------------------------------
 */

struct thread_id {
	uint32_t tid;
	uint64_t start_time;
};

static uint64_t hash_thread(uint32_t tid, uint64_t start_time)
{
	return egret_hash64(start_time ^ ((uint64_t)tid << 40) ^ tid);
}

static bool same_thread(const void *owner, uint32_t number, const void *key)
{
	const struct live_thread *t = &((const struct egret_pipeline *)owner)->threads[number];
	const struct thread_id *id = key;

	return t->tid == id->tid && t->start_time == id->start_time;
}

struct live_thread *egret_pipeline_find_thread(struct egret_pipeline *p, uint32_t tid,
					       uint64_t start_time)
{
	struct thread_id id = { tid, start_time };
	uint32_t number = egret_index_find(&p->thread_by_id, hash_thread(tid, start_time), &id,
					   same_thread, p);

	return number != EGRET_INDEX_NONE ? &p->threads[number] : NULL;
}

/* The same, known from now on; NULL without memory. */
static struct live_thread *thread_of(struct egret_pipeline *p, uint32_t tid, uint64_t start_time)
{
	struct live_thread *known = egret_pipeline_find_thread(p, tid, start_time);

	if (known)
		return known;
	if (p->n_threads == p->threads_capacity) {
		size_t capacity = p->threads_capacity ? p->threads_capacity * 2 : 64;
		struct live_thread *threads;

		threads = reallocarray(p->threads, capacity, sizeof(*threads));
		if (!threads)
			return NULL;
		p->threads = threads;
		p->threads_capacity = capacity;
	}
	if (egret_index_add(&p->thread_by_id, hash_thread(tid, start_time), (uint32_t)p->n_threads))
		return NULL;
	p->threads[p->n_threads] =
		(struct live_thread){ .tid = tid, .start_time = start_time, .number = UINT32_MAX };
	return &p->threads[p->n_threads++];
}

/* A thread's last capture is over: whether a sample needed it is known. */
static void count_unused(struct egret_pipeline *p, const struct live_thread *t)
{
	if (t->done && !t->last_used)
		p->stats.captures_unused++;
}

/* Forgets threads that have not been heard of since `time` and for which nothing waits. */
static int forget_threads(struct egret_pipeline *p, uint64_t time)
{
	size_t kept = 0;

	egret_index_deinit(&p->thread_by_id);
	for (size_t i = 0; i < p->n_threads; i++) {
		struct live_thread *t = &p->threads[i];

		if (t->seen < time && !t->waiting && !t->before) {
			count_unused(p, t);
			continue;
		}
		p->threads[kept] = *t;
		if (egret_index_add(&p->thread_by_id, hash_thread(t->tid, t->start_time),
				    (uint32_t)kept))
			return -ENOMEM;
		kept++;
	}
	p->n_threads = kept;
	return 0;
}

/* Where a new thread's process is; one that has ended is nowhere. 0 or -ENOMEM. */
static int note_cgroup(struct egret_pipeline *p, uint32_t thread, const struct egret_rec_sample *s)
{
	const struct egret_process_source *source = p->opts.process_source;
	char path[4096];
	uint32_t string;

	if (!source->read_cgroup ||
	    source->read_cgroup(source->arg, (int)s->pid, s->cgroup, path, sizeof(path)))
		return 0;
	string = egret_profile_string(p->profile, path, strlen(path), NULL);
	return string == UINT32_MAX ? -ENOMEM
				    : egret_profile_set_cgroup(p->profile, thread, string);
}

/*
 * The labels that a thread's process has now. One that the profile has already is labelled anew:
 * its process called execve, and both images bear one name. Of one that has gone nothing is known.
 */
static int label_thread(struct egret_pipeline *p, uint32_t thread, uint32_t labels)
{
	if (!labels || egret_profile_get_thread_labels(p->profile, thread) == labels)
		return 0;
	if (egret_profile_set_thread_labels(p->profile, thread, labels))
		return -ENOMEM;
	return p->writer ? egret_writer_labels(p->writer, thread, NULL) : 0;
}

/*
 * The name of a sample's process, "" where it is not known, and its labels. Read now where they are
 * not known yet: a thread's name is not that of its process.
 */
static void find_process(struct egret_pipeline *p, struct egret_on_way *w)
{
	const struct egret_rec_sample *s = (const struct egret_rec_sample *)w->record;
	struct egret_process *process = s->cookie
						? egret_processes_need(&p->processes, (int)s->pid)
						: egret_processes_find(&p->processes, (int)s->pid);

	if (process)
		memcpy(w->process, process->comm, sizeof(w->process));
	if (p->opts.process_labels && p->opts.process_source->read_labels && !p->failed &&
	    egret_process_labels_find(p->profile, &p->processes, s, process, &p->stats.labels,
				      &w->labels))
		p->failed = egret_fail(&p->failure, ENOMEM, "out of memory for labels");
}

/* The number of the thread in the profile, under the names that it and its process have. */
static uint32_t thread_number(struct egret_pipeline *p, struct live_thread *t,
			      const struct egret_rec_sample *s, const struct egret_on_way *w)
{
	const char *name = w->process[0] ? w->process : s->comm;
	struct egret_profile_thread thread = {
		.pid = (int32_t)s->pid,
		.tid = (int32_t)s->tid,
		.start_time = s->start_time,
	};
	bool added = false;

	if (t->number != UINT32_MAX && t->labels == w->labels &&
	    !strncmp(t->comm, s->comm, EGRET_COMM_LEN) &&
	    !strncmp(t->process, name, EGRET_COMM_LEN))
		return t->number;
	memcpy(t->comm, s->comm, EGRET_COMM_LEN);
	strncpy(t->process, name, EGRET_COMM_LEN);
	t->labels = w->labels;
	thread.comm = egret_profile_string(p->profile, s->comm, strnlen(s->comm, EGRET_COMM_LEN),
					   NULL);
	thread.process = egret_profile_string(p->profile, name, strnlen(name, EGRET_COMM_LEN),
					      NULL);
	if (thread.comm == UINT32_MAX || thread.process == UINT32_MAX)
		return UINT32_MAX;
	t->number = egret_profile_thread(p->profile, &thread, &added);
	if (t->number == UINT32_MAX || (added && note_cgroup(p, t->number, s)) ||
	    (p->opts.process_labels && label_thread(p, t->number, w->labels)))
		return UINT32_MAX;
	return t->number;
}

/* ---- samples ------------------------------------------------------------------------------------
 */

struct egret_user_stack egret_pipeline_user_stack(struct egret_pipeline *p, struct egret_on_way *w)
{
	if (!w->has_view)
		return egret_stacks_none(&p->stacks, w->no_stack);
	if (!w->is_unwound)
		egret_unwinding_run(p->unwinding, &w->view, w->frames, p->opts.max_frames,
				    &w->result);
	return egret_stacks_unwound(&p->stacks, &w->view, &w->result, &w->frames);
}

/* Gives a sample its stack, and hands it on: the one place where a sample ends. */
static int finish_sample(struct egret_pipeline *p, struct egret_sample_row *row,
			 const uint64_t *kernel, uint32_t n_kernel,
			 const struct egret_user_stack *user, struct egret_error *err)
{
	uint32_t stack = egret_stacks_push_kernel(&p->stacks, user->stack, kernel, n_kernel);

	if (stack == UINT32_MAX) {
		p->stats.no_memory++;
		return egret_fail(err, ENOMEM, "out of memory for stacks");
	}
	row->stack = stack;
	row->capture_end = user->capture_end;
	row->unwind_end = user->unwind_end;
	row->bytes_wanted = user->wanted;
	row->bytes_got = user->got;
	p->stats.capture_end[user->capture_end < EGRET_CAPTURE_NR ? user->capture_end
								  : EGRET_CAPTURE_LOST]++;
	p->stats.unwind_end[user->unwind_end]++;
	if (p->opts.aggregate) {
		struct egret_profile_key key = { .thread = row->thread,
						 .stack = stack,
						 .event = row->event,
						 .capture_end = row->capture_end,
						 .unwind_end = row->unwind_end };
		struct egret_profile_values values = { 1, row->value, row->bytes_wanted,
						       row->bytes_got };

		if (egret_profile_add_sample(p->profile, &key, &values, row->time, row->cpu))
			return egret_fail(err, ENOMEM, "out of memory for stacks");
	}
	return p->writer ? egret_writer_sample(p->writer, row, err) : 0;
}

static bool same_cookie(const void *owner, uint32_t slot, const void *key)
{
	return ((const struct egret_pipeline *)owner)->pending[slot]->cookie ==
	       *(const uint64_t *)key;
}

bool egret_pipeline_waits(const struct egret_pipeline *p, uint64_t cookie)
{
	return cookie && egret_index_find(&p->pending_by_cookie, egret_hash64(cookie), &cookie,
					  same_cookie, p) != EGRET_INDEX_NONE;
}

static uint32_t new_slot(struct egret_pipeline *p)
{
	size_t n = p->n_slots ? p->n_slots * 2 : 256;
	struct pending **slots;
	uint32_t *free_slots;

	if (p->n_free_slots)
		return p->free_slots[--p->n_free_slots];
	slots = reallocarray(p->pending, n, sizeof(struct pending *));
	if (slots)
		p->pending = slots;
	free_slots = reallocarray(p->free_slots, n, sizeof(*free_slots));
	if (free_slots)
		p->free_slots = free_slots;
	if (!slots || !free_slots)
		return EGRET_INDEX_NONE;
	for (size_t i = n; i-- > p->n_slots;) {
		slots[i] = NULL;
		p->free_slots[p->n_free_slots++] = (uint32_t)i;
	}
	p->n_slots = n;
	return p->free_slots[--p->n_free_slots];
}

/* Keeps a sample until its capture comes. */
static int wait_for_capture(struct egret_pipeline *p, const struct egret_rec_sample *s,
			    const struct egret_sample_row *row, struct egret_error *err)
{
	struct pending *sample = malloc(sizeof(*sample) + s->n_kernel * sizeof(uint64_t));
	uint32_t slot = sample ? new_slot(p) : EGRET_INDEX_NONE, first;
	uint64_t hash = egret_hash64(s->cookie);

	if (slot == EGRET_INDEX_NONE)
		goto no_memory;
	sample->cookie = s->cookie;
	sample->ip = s->flags & EGRET_SAMPLE_USER_MODE ? s->ip : 0;
	sample->row = *row;
	sample->n_kernel = s->n_kernel;
	memcpy(sample->kernel, s->kernel, s->n_kernel * sizeof(uint64_t));
	sample->next = EGRET_INDEX_NONE;
	first = egret_index_find(&p->pending_by_cookie, hash, &s->cookie, same_cookie, p);
	if (first != EGRET_INDEX_NONE) {
		sample->next = p->pending[first]->next;
		p->pending[first]->next = slot;
	} else if (egret_index_add(&p->pending_by_cookie, hash, slot)) {
		p->free_slots[p->n_free_slots++] = slot;
		goto no_memory;
	}
	p->pending[slot] = sample;
	p->stats.pending++;
	return 0;
no_memory:
	free(sample);
	p->stats.no_memory++;
	return egret_fail(err, ENOMEM, "out of memory for samples");
}

/* Ends all samples that wait for a cookie. Returns how many, or -errno. */
static int end_waiting(struct egret_pipeline *p, uint64_t cookie, uint64_t ip,
		       const struct egret_user_stack *user, struct egret_error *err)
{
	uint64_t hash = egret_hash64(cookie);
	uint32_t slot = egret_index_find(&p->pending_by_cookie, hash, &cookie, same_cookie, p);
	int ended = 0, ret = 0;

	if (slot == EGRET_INDEX_NONE)
		return 0;
	egret_index_remove(&p->pending_by_cookie, hash, slot);
	while (slot != EGRET_INDEX_NONE) {
		struct pending *sample = p->pending[slot];
		uint32_t next = sample->next;

		if (sample->ip && ip) {
			p->stats.user_hits++;
			p->stats.user_hits_equal += sample->ip == ip;
		}
		if (!ret)
			ret = finish_sample(p, &sample->row, sample->kernel, sample->n_kernel, user,
					    err);
		free(sample);
		p->pending[slot] = NULL;
		p->free_slots[p->n_free_slots++] = slot;
		p->stats.pending--;
		ended++;
		slot = next;
	}
	return ret ? ret : ended;
}

/* Ends all samples of a thread that wait for a capture. */
static int end_thread_waiting(struct egret_pipeline *p, struct live_thread *t,
			      const struct egret_user_stack *user, struct egret_error *err)
{
	int ret = t->waiting ? end_waiting(p, t->waiting, 0, user, err) : 0;

	if (ret >= 0 && t->before)
		ret = end_waiting(p, t->before, 0, user, err);
	t->waiting = 0;
	t->before = 0;
	return ret < 0 ? ret : 0;
}

/*
 * A sample with another cookie than those before it. A thread asks for one capture at a time:
 * when it asks for another, the one before is lost. But a cookie that was not asked for (SHARED)
 * is that of the capture at its exit or execve, which is under way and will answer for the one
 * before as well.
 */
static int wait_for_another(struct egret_pipeline *p, struct live_thread *t,
			    const struct egret_rec_sample *s, struct egret_error *err)
{
	struct egret_user_stack lost = egret_stacks_none(&p->stacks, EGRET_CAPTURE_LOST);

	if (s->flags & EGRET_SAMPLE_SHARED && !t->before) {
		t->before = t->waiting;
		return 0;
	}
	return end_thread_waiting(p, t, &lost, err);
}

/*
 * The thread whose last capture has a cookie. It is not the one that the sample names where a
 * thread took over the id of its process's first one in execve: its capture has the old id, and
 * what is sampled after it the new one.
 */
static struct live_thread *find_answered(struct egret_pipeline *p, uint64_t cookie)
{
	for (size_t i = 0; i < p->n_threads; i++)
		if (p->threads[i].done == cookie)
			return &p->threads[i];
	return NULL;
}

/* What all samples begin with: the thread, and the row but for its stack. NULL without memory. */
static struct live_thread *begin_sample(struct egret_pipeline *p, const struct egret_on_way *w,
					struct egret_sample_row *row, struct egret_error *err)
{
	const struct egret_rec_sample *s = (const struct egret_rec_sample *)w->record;
	struct live_thread *t = thread_of(p, s->tid, s->start_time);

	*row = (struct egret_sample_row){
		.time = s->rec.time,
		.value = s->period,
		.event = s->event,
		.cpu = s->cpu,
	};
	p->stats.samples++;
	if (t)
		row->thread = thread_number(p, t, s, w);
	if (!t || row->thread == UINT32_MAX) {
		p->stats.no_memory++;
		egret_fail(err, ENOMEM, "out of memory for threads");
		return NULL;
	}
	t->seen = s->rec.time;
	return t;
}

static int on_sample(struct egret_pipeline *p, const struct egret_on_way *w,
		     struct egret_error *err)
{
	const struct egret_rec_sample *s = (const struct egret_rec_sample *)w->record;
	struct egret_user_stack user;
	struct egret_sample_row row;
	struct live_thread *t = begin_sample(p, w, &row, err);
	int ret;

	if (!t)
		return -ENOMEM;
	if (!s->cookie) {
		user = egret_stacks_none(&p->stacks, s->ending);
		return finish_sample(p, &row, s->kernel, s->n_kernel, &user, err);
	}
	if (s->cookie == t->done || s->cookie == t->also)
		return finish_sample(p, &row, s->kernel, s->n_kernel,
				     egret_pipeline_last_stack(p, t), err);
	if (s->flags & EGRET_SAMPLE_SHARED && t->waiting != s->cookie) {
		struct live_thread *other = find_answered(p, s->cookie);

		if (other)
			return finish_sample(p, &row, s->kernel, s->n_kernel,
					     egret_pipeline_last_stack(p, other), err);
	}
	if (t->waiting && t->waiting != s->cookie) {
		ret = wait_for_another(p, t, s, err);
		if (ret)
			return ret;
	}
	t->waiting = s->cookie;
	return wait_for_capture(p, s, &row, err);
}

static int on_capture(struct egret_pipeline *p, struct egret_on_way *w, struct egret_error *err)
{
	const struct egret_rec_capture *rec = (const struct egret_rec_capture *)w->record;
	struct live_thread *t = thread_of(p, rec->tid, rec->start_time);
	struct egret_user_stack user;
	int ret, more = 0;

	if (t && t->final)
		egret_pipeline_drop_final(p, t);
	user = t && egret_pipeline_keep_final(p, t, w)
		       ? egret_stacks_none(&p->stacks, EGRET_CAPTURE_LOST)
		       : egret_pipeline_user_stack(p, w);
	p->stats.captures++;
	if (rec->flags & EGRET_CAPTURE_F_ASLEEP)
		p->stats.captures_asleep++;
	if (rec->flags & EGRET_CAPTURE_F_ALTSTACK)
		p->stats.alt_stacks++;
	p->stats.frames = p->stacks.frames_unwound;
	ret = end_waiting(p, rec->cookie, rec->regs[EGRET_REG_RIP], &user, err);
	if (ret >= 0 && rec->also)
		more = end_waiting(p, rec->also, 0, &user, err);
	if (!t)
		return egret_fail(err, ENOMEM, "out of memory for threads");
	count_unused(p, t);
	t->seen = rec->rec.time;
	t->done = rec->cookie;
	t->also = rec->also;
	t->last = user;
	t->last_used = ret > 0 || more > 0;
	if (t->waiting == rec->cookie || t->waiting == rec->also)
		t->waiting = 0;
	if (t->before == rec->cookie || t->before == rec->also)
		t->before = 0;
	return ret < 0 ? ret : more < 0 ? more : 0;
}

/* ---- records on their way -----------------------------------------------------------------------
 */

static void begin_capture(struct egret_pipeline *p, struct egret_on_way *w)
{
	const struct egret_rec_capture *rec = (const struct egret_rec_capture *)w->record;
	const struct egret_process *process = NULL;

	if (rec->flags & EGRET_CAPTURE_F_UNTOLD)
		egret_processes_reread(&p->processes, (int)rec->pid);
	if (rec->got)
		process = egret_processes_need(&p->processes, (int)rec->pid);
	w->no_stack = rec->ending;
	if (!rec->got || !egret_capture_view_init(&w->view, rec, process ? process->code : NULL))
		return;
	w->has_view = process;
	if (process)
		w->code = egret_code_map_get(process->code);
	else
		w->no_stack = EGRET_CAPTURE_LOST;
}

/* What is to be known of a record at its own moment, when processes are as they were then. */
static void begin_record(struct egret_pipeline *p, struct egret_on_way *w)
{
	if (w->record->type == EGRET_REC_SAMPLE)
		find_process(p, w);
	else
		begin_capture(p, w);
}

/* The rest, later, in the same order. */
static int finish_record(struct egret_pipeline *p, struct egret_on_way *w, struct egret_error *err)
{
	return w->record->type == EGRET_REC_SAMPLE ? on_sample(p, w, err) : on_capture(p, w, err);
}

static int finish_oldest(struct egret_pipeline *p, struct egret_on_way *w, struct egret_error *err)
{
	int ret = finish_record(p, w, err);

	egret_unwind_pool_drop_oldest(p->pool);
	return ret;
}

static int finish_ready(struct egret_pipeline *p, bool wait, struct egret_error *err)
{
	struct egret_on_way *w;
	int ret = 0;

	while (!ret && p->pool && (w = egret_unwind_pool_oldest(p->pool, wait)))
		ret = finish_oldest(p, w, err);
	return ret;
}

int egret_pipeline_settle(struct egret_pipeline *p, struct egret_error *err)
{
	if (p->failed)
		return egret_fail(err, -p->failed, "%s", p->failure.text);
	return finish_ready(p, true, err);
}

/* What is on its way belongs to the module as it was. */
static void before_module_changes(void *arg)
{
	struct egret_pipeline *p = arg;

	if (!p->failed)
		p->failed = finish_ready(p, true, &p->failure);
	egret_pipeline_settle_final(p);
}

static int record_here(struct egret_pipeline *p, const struct egret_rec *record,
		       struct egret_error *err)
{
	struct egret_unwound_frame *frames = p->now.frames;
	int ret;

	p->now = (struct egret_on_way){ .record = record, .frames = frames };
	begin_record(p, &p->now);
	ret = finish_record(p, &p->now, err);
	egret_code_map_put(p->now.code);
	p->now.code = NULL;
	return ret;
}

static int record_by_threads(struct egret_pipeline *p, const struct egret_rec *record,
			     struct egret_error *err)
{
	struct egret_on_way *added = NULL, *oldest;
	int ret = p->failed ? egret_pipeline_settle(p, err) : 0;

	while (!ret && egret_unwind_pool_fits(p->pool, record->size)) {
		added = egret_unwind_pool_add(p->pool, record);
		oldest = added ? NULL : egret_unwind_pool_oldest(p->pool, true);
		if (!oldest)
			break;
		ret = finish_oldest(p, oldest, err);
	}
	if (ret)
		return ret;
	if (!added) {
		ret = egret_pipeline_settle(p, err);
		return ret ? ret : record_here(p, record, err);
	}
	begin_record(p, added);
	egret_unwind_pool_start(p->pool);
	return finish_ready(p, false, err);
}

static int on_record(struct egret_pipeline *p, const struct egret_rec *record,
		     struct egret_error *err)
{
	int ret = 0;

	if (p->raw)
		ret = egret_writer_raw(p->writer, EGRET_RAW_RECORD, record, record->size, err);
	if (ret)
		return ret;
	switch (record->type) {
	case EGRET_REC_SAMPLE:
	case EGRET_REC_CAPTURE:
		return p->pool ? record_by_threads(p, record, err) : record_here(p, record, err);
	case EGRET_REC_VMA:
		egret_process_records_vma(&p->processes, (const struct egret_rec_vma *)record);
		return 0;
	default:
		return 0;
	}
}

int egret_pipeline_record(struct egret_pipeline *p, const struct egret_rec *record,
			  struct egret_error *err)
{
	__free_ struct egret_rec_capture *late = NULL;

	if (p->opts.late_pages && record->type == EGRET_REC_CAPTURE)
		late = egret_late_pages_fill(&p->late, (const struct egret_rec_capture *)record,
					     p->opts.late_pages);
	p->stats.late_pages = p->late.filled;
	return on_record(p, late ? &late->rec : record, err);
}

int egret_pipeline_chain(struct egret_pipeline *p, const struct egret_rec_sample *s,
			 const uint64_t *chain, size_t n, struct egret_error *err)
{
	struct egret_process *process = n ? egret_processes_need(&p->processes, (int)s->pid) : NULL;
	struct egret_user_stack user;
	struct egret_sample_row row;
	struct egret_on_way way = { .record = &s->rec };
	int ret = egret_pipeline_settle(p, err);

	if (ret)
		return ret;
	find_process(p, &way);
	if (!begin_sample(p, &way, &row, err))
		return -ENOMEM;
	user = egret_stacks_chain(&p->stacks, process, chain, n, s->rec.time);
	return finish_sample(p, &row, s->kernel, s->n_kernel, &user, err);
}

int egret_pipeline_perf(struct egret_pipeline *p, const struct perf_event_header *record,
			uint64_t time, struct egret_error *err)
{
	p->stats.map_records++;
	if (p->raw) {
		struct egret_buffer bytes = { 0 };
		int ret;

		egret_buffer_add(&bytes, &time, sizeof(time));
		egret_buffer_add(&bytes, record, record->size);
		ret = egret_writer_raw(p->writer, EGRET_RAW_PERF, bytes.data, bytes.len, err);
		egret_buffer_deinit(&bytes);
		if (ret)
			return ret;
	}
	p->stats.map_records_lost += egret_process_records_perf(&p->processes, record, time);
	egret_final_captures_ended(&p->final, egret_process_records_ended(record), time);
	return 0;
}

/* ---- the rest -----------------------------------------------------------------------------------
 */

#define FORGET_AFTER_NS 3000000000ull

int egret_pipeline_tidy(struct egret_pipeline *p, uint64_t now, struct egret_error *err)
{
	int ret = egret_pipeline_settle(p, err);

	if (!ret && !p->opts.no_names)
		ret = egret_names_update(p->names, p->profile, p->stacks.module_of,
					 EGRET_NAMES_QUICK, p->writer, err);
	if (ret || now < FORGET_AFTER_NS)
		return ret;
	egret_processes_forget(&p->processes, now - FORGET_AFTER_NS);
	return forget_threads(p, now - FORGET_AFTER_NS)
		       ? egret_fail(err, ENOMEM, "out of memory for threads")
		       : 0;
}

int egret_pipeline_end(struct egret_pipeline *p, bool asleep, struct egret_error *err)
{
	int ret = egret_pipeline_settle(p, err);
	struct egret_user_stack user;

	if (ret)
		return ret;
	user = egret_stacks_none(&p->stacks,
				 asleep ? EGRET_CAPTURE_ASLEEP_UNREADABLE : EGRET_CAPTURE_STOPPED);
	for (size_t i = 0; i < p->n_threads; i++) {
		struct live_thread *t = &p->threads[i];

		count_unused(p, t);
		t->last_used = true;
		ret = end_thread_waiting(p, t, &user, err);
		if (ret)
			return ret;
	}
	return 0;
}

void egret_pipeline_keep(struct egret_pipeline *p)
{
	/* After an error some may be on their way still, and nothing is kept. */
	if (p->pool && egret_unwind_pool_oldest(p->pool, false))
		return;
	if (p->pool)
		egret_unwind_pool_give_tables(p->pool, p->unwinding);
	egret_unwinding_keep(p->unwinding);
}

const struct egret_parser *egret_pipeline_parser(const struct egret_pipeline *p)
{
	return p->opts.parser;
}

const struct egret_cache *egret_pipeline_cache(const struct egret_pipeline *p)
{
	return p->opts.cache;
}

int egret_pipeline_name_all(struct egret_pipeline *p, bool is_over, struct egret_error *err)
{
	int ret = egret_pipeline_settle(p, err);

	if (ret || p->opts.no_names)
		return ret;
	ret = egret_names_update(p->names, p->profile, p->stacks.module_of,
				 is_over ? EGRET_NAMES_ALL : EGRET_NAMES_BOUNDED, p->writer, err);
	if (is_over)
		egret_names_keep(p->names);
	return ret;
}
