/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * A perf.data file through the pipeline of a live session. Its records become ours: a sample with
 * registers and stack a sample and its capture, one with a chain of addresses a sample whose stack
 * was found elsewhere.
 */
#include "session/import_perf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "import/perf_sample.h"
#include "session/accounting.h"
#include "session/import_sources.h"
#include "session/pipeline.h"

#define MARK_BUILD_ID PERF_RECORD_MISC_MMAP_BUILD_ID

/* Record time between two looks at what may be forgotten. */
#define TIDY_NS 1000000000ull

/* What a thread is called, and since when it is there. */
struct thread {
	uint32_t tid;
	char comm[EGRET_COMM_LEN];
	uint64_t start_time;
};

struct import {
	struct egret_perf_file file;
	struct egret_import_sources sources;
	struct egret_pipeline *pipeline;
	struct thread *threads;
	size_t n_threads, threads_capacity;
	struct egret_index thread_by_tid;
	uint32_t *event_numbers; /* of the profile, by event of the file */
	bool has_build_ids;	 /* an event asked for them in records of mappings */
	uint64_t cookie, tidied;
	uint64_t first, last;	    /* times of samples */
	struct egret_buffer record; /* the one that is fed */
	struct egret_buffer kernel, user;
	struct egret_error *err;
};

static int no_memory(struct import *im)
{
	return egret_fail(im->err, ENOMEM, "out of memory");
}

/* ---- threads ------------------------------------------------------------------------------ */

static bool same_tid(const void *owner, uint32_t number, const void *key)
{
	return ((const struct import *)owner)->threads[number].tid == *(const uint32_t *)key;
}

/* Made where it is new, under the name that perf gives to such. NULL without memory. */
static struct thread *thread_of(struct import *im, uint32_t tid)
{
	uint64_t hash = egret_hash64(tid);
	uint32_t number = egret_index_find(&im->thread_by_tid, hash, &tid, same_tid, im);
	struct thread *thread;

	if (number != EGRET_INDEX_NONE)
		return &im->threads[number];
	if (im->n_threads == im->threads_capacity) {
		size_t capacity = im->threads_capacity ? im->threads_capacity * 2 : 64;
		struct thread *threads;

		threads = reallocarray(im->threads, capacity, sizeof(*threads));
		if (!threads)
			return NULL;
		im->threads = threads;
		im->threads_capacity = capacity;
	}
	if (egret_index_add(&im->thread_by_tid, hash, (uint32_t)im->n_threads))
		return NULL;
	thread = &im->threads[im->n_threads++];
	*thread = (struct thread){ .tid = tid };
	if (tid)
		snprintf(thread->comm, sizeof(thread->comm), ":%d", (int)tid);
	else
		strcpy(thread->comm, "swapper");
	return thread;
}

/* ---- what perf says of processes ---------------------------------------------------------- */

/* A text that ends in its record; NULL where it does not. */
static const char *text_of(struct egret_bytes body)
{
	return memchr(body.p, 0, egret_bytes_left(&body)) ? (const char *)body.p : NULL;
}

/*
 * Linux sets the mark of a build-id in records of events that did not ask for it, when another
 * event on the machine did (perf_event_mmap_output() does not take it back): what was asked for
 * decides.
 */
static void take_file(struct egret_bytes *body, bool is_build_id, struct egret_map_info *info)
{
	const uint8_t *id = body->p;

	if (is_build_id && id + 24 <= body->end && id[0] <= EGRET_BUILD_ID_MAX) {
		egret_bytes_take(body, 24);
		info->build_id.len = id[0];
		memcpy(info->build_id.bytes, id + 4, id[0]);
		return;
	}
	info->dev = (uint64_t)egret_bytes_u32(body) << 32;
	info->dev |= egret_bytes_u32(body);
	info->ino = egret_bytes_u64(body);
	egret_bytes_u64(body);
}

/*
 * "[kernel.kallsyms]_text", with the address of that symbol for the offset; modules have other
 * names.
 */
static void note_kernel(struct import *im, const struct egret_map_info *info)
{
	static const char kernel[] = "[kernel.kallsyms]";

	if (strncmp(info->path, kernel, strlen(kernel)))
		return;
	if (info->build_id.len)
		im->sources.kernel_id = info->build_id;
	im->sources.kernel_address = info->pgoff;
	snprintf(im->sources.kernel_symbol, sizeof(im->sources.kernel_symbol), "%s",
		 info->path + strlen(kernel));
}

/* PERF_RECORD_MMAP, and _MMAP2, which says more of the file. */
static void on_mmap(struct import *im, const struct perf_event_header *header,
		    struct egret_bytes body)
{
	struct egret_map_info info = { .pid = (int)egret_bytes_u32(&body) };
	uint16_t mode = header->misc & PERF_RECORD_MISC_CPUMODE_MASK;

	egret_bytes_u32(&body);
	info.start = egret_bytes_u64(&body);
	info.end = info.start + egret_bytes_u64(&body);
	info.pgoff = egret_bytes_u64(&body);
	info.executable = !(header->misc & PERF_RECORD_MISC_MMAP_DATA);
	if (header->type == PERF_RECORD_MMAP2) {
		take_file(&body, im->has_build_ids && header->misc & MARK_BUILD_ID, &info);
		info.executable = egret_bytes_u32(&body) & 4;
		egret_bytes_u32(&body);
	}
	info.path = text_of(body);
	if (body.failed || !info.path)
		return;
	if (mode == PERF_RECORD_MISC_KERNEL) {
		note_kernel(im, &info);
		return;
	}
	if (!info.build_id.len)
		info.build_id = egret_perf_file_build_id(&im->file, info.path);
	egret_processes_mmap(egret_pipeline_processes(im->pipeline), &info);
}

/*
 * Not as one of execve, which would void the mappings: the thread is still in it, and what is
 * sampled before it returns has the registers of the old image. The new one is mapped over that.
 */
static int on_comm(struct import *im, struct egret_bytes body)
{
	uint32_t pid = egret_bytes_u32(&body), tid = egret_bytes_u32(&body);
	const char *comm = text_of(body);
	struct thread *thread;

	if (body.failed || !comm)
		return 0;
	thread = thread_of(im, tid);
	if (!thread)
		return no_memory(im);
	snprintf(thread->comm, sizeof(thread->comm), "%.15s", comm);
	egret_processes_comm(egret_pipeline_processes(im->pipeline), (int)pid, (int)tid, comm,
			     false);
	return 0;
}

static int on_fork(struct import *im, struct egret_bytes body, uint64_t time)
{
	uint32_t pid = egret_bytes_u32(&body), ppid = egret_bytes_u32(&body);
	uint32_t tid = egret_bytes_u32(&body), ptid = egret_bytes_u32(&body);
	struct thread *thread, *parent;
	char comm[EGRET_COMM_LEN];

	if (body.failed)
		return 0;
	parent = thread_of(im, ptid);
	if (!parent)
		return no_memory(im);
	memcpy(comm, parent->comm, sizeof(comm));
	thread = thread_of(im, tid);
	if (!thread)
		return no_memory(im);
	thread->start_time = time;
	memcpy(thread->comm, comm, sizeof(comm));
	egret_processes_fork(egret_pipeline_processes(im->pipeline), (int)pid, (int)ppid);
	return 0;
}

static void on_end(struct import *im, struct egret_bytes body, uint64_t time)
{
	uint32_t pid = egret_bytes_u32(&body), tid;

	egret_bytes_u32(&body);
	tid = egret_bytes_u32(&body);
	if (!body.failed && pid == tid)
		egret_processes_exit(egret_pipeline_processes(im->pipeline), (int)pid, time);
}

/* ---- samples ------------------------------------------------------------------------------ */

/* Parts a chain by its marks: what has neither is not known to be anywhere. */
static void part_chain(struct import *im, const struct egret_perf_sample *s)
{
	bool is_user = s->is_user;

	egret_buffer_clear(&im->kernel);
	egret_buffer_clear(&im->user);
	if (!s->has_chain)
		egret_buffer_add(is_user ? &im->user : &im->kernel, &s->ip, sizeof(s->ip));
	for (uint64_t i = 0; i < s->n_chain; i++) {
		uint64_t addr;

		memcpy(&addr, s->chain + i * 8, sizeof(addr));
		if (addr < PERF_CONTEXT_MAX)
			egret_buffer_add(is_user ? &im->user : &im->kernel, &addr, sizeof(addr));
		else
			is_user = addr == PERF_CONTEXT_USER || addr == PERF_CONTEXT_GUEST_USER;
	}
}

/* DWARF's number of each of perf's registers that has one: arch/x86/.../perf_regs.h, AX to R15. */
static void take_regs(const struct egret_perf_sample *s, uint64_t regs[EGRET_NR_REGS])
{
	static const uint8_t from[EGRET_NR_REGS] = { 0,	 3,  2,	 1,  4,	 5,  6,	 7, 16,
						     17, 18, 19, 20, 21, 22, 23, 8 };

	for (size_t i = 0; i < EGRET_NR_REGS; i++)
		regs[i] = s->regs[from[i]];
}

static struct egret_rec_sample *put_sample(struct import *im, const struct egret_perf_sample *s,
					   const struct thread *thread)
{
	size_t n = im->kernel.len / 8;
	size_t size = sizeof(struct egret_rec_sample) + n * 8;
	struct egret_rec_sample *rec;

	egret_buffer_clear(&im->record);
	rec = egret_buffer_reserve(&im->record, size);
	if (!rec)
		return NULL;
	*rec = (struct egret_rec_sample){
		.rec = { EGRET_REC_SAMPLE, (uint32_t)size, s->time },
		.period = s->period,
		.start_time = thread->start_time,
		.ip = s->ip,
		.pid = s->pid,
		.tid = s->tid,
		.cpu = s->cpu,
		.event = (uint16_t)im->event_numbers[s->event],
		.flags = s->is_user ? EGRET_SAMPLE_USER_MODE : 0,
		.n_kernel = (uint32_t)n,
	};
	memcpy(rec->comm, thread->comm, sizeof(rec->comm));
	if (n)
		memcpy(rec->kernel, im->kernel.data, n * 8);
	return rec;
}

static int feed_capture(struct import *im, const struct egret_perf_sample *s,
			const struct thread *thread)
{
	size_t size = sizeof(struct egret_rec_capture) + ((s->stack_len + 7) & ~7ull);
	struct egret_rec_capture *rec;

	egret_buffer_clear(&im->record);
	rec = egret_buffer_reserve(&im->record, size);
	if (!rec)
		return no_memory(im);
	*rec = (struct egret_rec_capture){
		.rec = { EGRET_REC_CAPTURE, (uint32_t)size, s->time },
		.cookie = im->cookie,
		.start_time = thread->start_time,
		.requested = s->time,
		.pid = s->pid,
		.tid = s->tid,
		.wanted = (uint32_t)s->stack_asked,
		.got = (uint32_t)s->stack_len,
		.n_windows = 1,
		.ending = s->stack_len == s->stack_asked ? EGRET_CAPTURE_LIMIT
							 : EGRET_CAPTURE_PERF_COPY,
	};
	take_regs(s, rec->regs);
	rec->window[0].start = rec->regs[EGRET_REG_RSP];
	rec->window[0].len = (uint32_t)s->stack_len;
	if (s->stack_len)
		memcpy(rec + 1, s->stack, s->stack_len);
	return egret_pipeline_record(im->pipeline, &rec->rec, im->err);
}

/* Of a sample with registers: why it has no capture, or EGRET_CAPTURE_WHOLE where it has one. */
static uint8_t why_no_capture(const struct egret_perf_sample *s)
{
	if (!s->tid)
		return EGRET_CAPTURE_IDLE;
	if (s->abi == EGRET_PERF_ABI_NONE)
		return EGRET_CAPTURE_KERNEL_THREAD;
	if (s->abi != EGRET_PERF_ABI_64)
		return EGRET_CAPTURE_COMPAT;
	return s->stack_len ? EGRET_CAPTURE_WHOLE : EGRET_CAPTURE_NO_STACK;
}

static int feed_sample(struct import *im, const struct egret_perf_sample *s)
{
	const struct thread *thread = thread_of(im, s->tid);
	struct egret_rec_sample *rec;
	int ret;

	part_chain(im, s);
	rec = thread ? put_sample(im, s, thread) : NULL;
	if (!rec || im->kernel.failed || im->user.failed)
		return no_memory(im);
	if (!s->has_regs || im->user.len > sizeof(uint64_t))
		return egret_pipeline_chain(im->pipeline, rec, (const uint64_t *)im->user.data,
					    im->user.len / 8, im->err);
	rec->ending = why_no_capture(s);
	rec->cookie = rec->ending == EGRET_CAPTURE_WHOLE ? ++im->cookie : 0;
	ret = egret_pipeline_record(im->pipeline, &rec->rec, im->err);
	if (!ret && rec->cookie)
		ret = feed_capture(im, s, thread);
	return ret;
}

static int on_sample(struct import *im, const struct perf_event_header *header,
		     struct egret_bytes body)
{
	struct egret_perf_sample sample;
	int ret = egret_perf_sample_read(&im->file, header, body, &sample, im->err);

	if (ret)
		return ret;
	if (sample.cpu > 65535)
		sample.cpu = 0; /* not a CPU that there is */
	if (!im->first)
		im->first = sample.time;
	im->last = sample.time;
	return feed_sample(im, &sample);
}

static int feed(struct import *im, const struct egret_perf_record *record)
{
	struct perf_event_header header;
	struct egret_bytes body = egret_perf_record_bytes(&im->file, record->at, &header);

	switch (header.type) {
	case PERF_RECORD_MMAP:
	case PERF_RECORD_MMAP2:
		on_mmap(im, &header, body);
		return 0;
	case PERF_RECORD_COMM:
		return on_comm(im, body);
	case PERF_RECORD_FORK:
		return on_fork(im, body, record->time);
	case PERF_RECORD_EXIT:
		on_end(im, body, record->time);
		return 0;
	default:
		return on_sample(im, &header, body);
	}
}

static int feed_all(struct import *im)
{
	int ret = 0;

	for (size_t i = 0; i < im->file.n_records && !ret; i++) {
		uint64_t time = im->file.records[i].time;

		ret = feed(im, &im->file.records[i]);
		if (ret || time < im->tidied + TIDY_NS)
			continue;
		im->tidied = time;
		ret = egret_pipeline_tidy(im->pipeline, time, im->err);
	}
	return ret;
}

/* ---- events and what else is known -------------------------------------------------------- */

static int count_samples(struct import *im)
{
	for (size_t i = 0; i < im->file.n_records; i++) {
		struct perf_event_header header;
		struct egret_bytes body;
		struct egret_perf_sample sample;
		int ret;

		body = egret_perf_record_bytes(&im->file, im->file.records[i].at, &header);
		if (header.type != PERF_RECORD_SAMPLE)
			continue;
		ret = egret_perf_sample_read(&im->file, &header, body, &sample, im->err);
		if (ret)
			return ret;
		im->file.events[sample.event].samples++;
	}
	return 0;
}

static bool is_clock(const struct perf_event_attr *attr)
{
	return attr->type == PERF_TYPE_SOFTWARE && (attr->config == PERF_COUNT_SW_CPU_CLOCK ||
						    attr->config == PERF_COUNT_SW_TASK_CLOCK);
}

static int add_event(struct egret_profile *profile, const struct egret_perf_event *event)
{
	const struct perf_event_attr *attr = &event->attr;
	char name[64];
	struct egret_event to = {
		.name = event->name ? event->name : name,
		.unit = is_clock(attr) ? "nanoseconds" : "count",
		.frequency = attr->freq ? attr->sample_freq : 0,
		.period = attr->freq ? 0 : attr->sample_period,
	};

	if (is_clock(attr))
		snprintf(name, sizeof(name), "%s",
			 attr->config == PERF_COUNT_SW_CPU_CLOCK ? "cpu-clock" : "task-clock");
	else
		snprintf(name, sizeof(name), "%u/%#llx", attr->type,
			 (unsigned long long)attr->config);
	return egret_profile_add_event(profile, &to);
}

/* Those of which there are samples: perf opens some for what they say of processes only. */
static int add_events(struct import *im, struct egret_profile *profile)
{
	uint32_t n = 0;

	im->event_numbers = calloc(im->file.n_events + 1, sizeof(*im->event_numbers));
	if (!im->event_numbers)
		return no_memory(im);
	for (size_t i = 0; i < im->file.n_events; i++) {
		if (!im->file.events[i].samples && (n || i + 1 < im->file.n_events))
			continue;
		im->event_numbers[i] = n++;
		if (add_event(profile, &im->file.events[i]))
			return no_memory(im);
	}
	return 0;
}

static int set_meta(struct import *im, struct egret_profile *profile, const char *unwinder)
{
	static const char *const keys[EGRET_PERF_NR_TEXTS] = {
		[EGRET_PERF_HOSTNAME] = "hostname", [EGRET_PERF_RELEASE] = "kernel",
		[EGRET_PERF_VERSION] = "version",   [EGRET_PERF_ARCH] = "architecture",
		[EGRET_PERF_COMMAND] = "command",
	};
	char hex[2 * EGRET_BUILD_ID_MAX + 1];
	int ret = egret_profile_set_meta(profile, "unwinder", unwinder);

	if (im->sources.kernel_id.len)
		ret |= egret_profile_set_meta(profile, "kernel-build-id",
					      egret_build_id_hex(&im->sources.kernel_id, hex));
	ret |= egret_profile_set_meta(profile, "backend", "perf");
	for (size_t i = 0; i < EGRET_PERF_NR_TEXTS; i++)
		if (im->file.texts[i])
			ret |= egret_profile_set_meta(profile, keys[i], im->file.texts[i]);
	return ret ? no_memory(im) : 0;
}

static int set_results(struct import *im, struct egret_profile *profile)
{
	const struct egret_pipeline_stats *stats = egret_pipeline_stats(im->pipeline);
	char duration[32];
	int ret;

	snprintf(duration, sizeof(duration), "%.6f", (double)(im->last - im->first) / 1e9);
	ret = egret_profile_set_meta(profile, "duration", duration);
	ret |= egret_profile_set_stat(profile, "samples.written", "samples of perf's recording",
				      stats->samples);
	if (im->file.lost)
		ret |= egret_profile_set_stat(profile, "perf.lost",
					      "records that perf had no room for", im->file.lost);
	egret_accounting_store(NULL, im->pipeline, profile);
	return ret ? no_memory(im) : 0;
}

/* ---- all of it ---------------------------------------------------------------------------- */

static int write_recording(struct import *im, int fd, const char *unwinder)
{
	struct egret_profile *profile = egret_pipeline_profile(im->pipeline);
	struct egret_writer *writer = NULL;
	int ret = set_meta(im, profile, unwinder);

	if (!ret)
		ret = add_events(im, profile);
	if (!ret)
		ret = egret_writer_create(fd, profile, &writer, im->err);
	if (ret)
		return ret;
	egret_pipeline_set_writer(im->pipeline, writer, false);
	ret = feed_all(im);
	if (!ret)
		ret = egret_pipeline_end(im->pipeline, false, im->err);
	if (!ret)
		ret = egret_pipeline_name_all(im->pipeline, true, im->err);
	if (!ret)
		ret = set_results(im, profile);
	if (!ret)
		ret = egret_writer_finish(writer, im->err);
	egret_pipeline_set_writer(im->pipeline, NULL, false);
	egret_writer_destroy(writer);
	return ret;
}

static int run(struct import *im, int fd, const struct egret_import_opts *opts)
{
	const struct egret_unwind_engine *engine = egret_unwind_engine_find(opts->unwinder);
	struct egret_pipeline_opts pipeline = {
		.engine = engine,
		.module_source = &im->sources.modules,
		.process_source = &im->sources.processes,
		.name_source = &im->sources.names,
		.max_frames = opts->max_frames ? opts->max_frames : 2048,
		.threads = opts->threads,
		.track_all = true,
		.demangle = opts->demangle,
	};
	int ret;

	if (!engine)
		return egret_fail(im->err, EINVAL, "there is no unwinder '%s'", opts->unwinder);
	ret = count_samples(im);
	if (ret)
		return ret;
	if (egret_import_sources_init(&im->sources, opts->debug_dirs, opts->n_debug_dirs))
		return no_memory(im);
	im->sources.kernel_release = im->file.texts[EGRET_PERF_RELEASE];
	im->sources.kernel_id = egret_perf_file_build_id(&im->file, "[kernel.kallsyms]");
	ret = egret_pipeline_create(&pipeline, &im->pipeline, im->err);
	if (!ret)
		ret = write_recording(im, fd, engine->name);
	egret_pipeline_destroy(im->pipeline);
	egret_import_sources_deinit(&im->sources);
	return ret;
}

int egret_import_perf(const void *bytes, size_t size, int fd, const struct egret_import_opts *opts,
		      struct egret_error *err)
{
	struct import im = { .err = err };
	int ret = egret_perf_file_init(&im.file, bytes, size, err);

	for (size_t i = 0; i < im.file.n_events; i++)
		im.has_build_ids |= im.file.events[i].attr.build_id;
	if (!ret)
		ret = run(&im, fd, opts);
	egret_perf_file_deinit(&im.file);
	egret_index_deinit(&im.thread_by_tid);
	egret_buffer_deinit(&im.record);
	egret_buffer_deinit(&im.kernel);
	egret_buffer_deinit(&im.user);
	free(im.event_numbers);
	free(im.threads);
	return ret;
}
