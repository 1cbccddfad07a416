/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pipeline_fixture.h - a pipeline with a fake engine and sources, records for it, what it made. */
#ifndef EGRET_PIPELINE_FIXTURE_H
#define EGRET_PIPELINE_FIXTURE_H

#include "fake_system.h"

#include <stdatomic.h>

#include "session/pipeline.h"

#define A 0x10000 /* where /a is mapped in process 7 */
#define B 0x20000
#define JIT 0x30000
#define KERNEL 0xffffffff81000000ull

/*
 * ---- an engine whose stacks are easily written: return addresses, the next one 8 bytes further, 0
 * at the root
 */

static atomic_uint modules_loaded, modules_unloaded;

struct egret_unwinder {
	/* What was found last, by pc. */
	struct {
		uint64_t number, pc;
		struct egret_code code;
	} kept[64];
};

static int fake_create(struct egret_unwinder **out, struct egret_error *err)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

static void fake_destroy(struct egret_unwinder *unwinder)
{
	free(unwinder);
}

static int fake_load(struct egret_unwinder *unwinder, const struct egret_elf *elf,
		     const struct egret_elf *debug, struct egret_unwind_module **out)
{
	modules_loaded++;
	*out = (struct egret_unwind_module *)&modules_unloaded;
	return elf ? 0 : -EINVAL;
}

static void fake_unload(struct egret_unwinder *unwinder, struct egret_unwind_module *module)
{
	modules_unloaded++;
}

/* Asks once for each pc and code number, as an engine may. */
static bool fake_find_code(struct egret_unwinder *unwinder,
			   const struct egret_unwind_request *request, uint64_t pc,
			   struct egret_code *code)
{
	typeof(&unwinder->kept[0]) kept = unwinder->kept;
	size_t i = (pc >> 3 ^ pc >> 12) % 64;

	if (request->code_number && kept[i].number == request->code_number && kept[i].pc == pc) {
		*code = kept[i].code;
		return true;
	}
	if (!request->find_code(request->arg, pc, code))
		return false;
	kept[i].number = request->code_number;
	kept[i].pc = pc;
	kept[i].code = *code;
	return true;
}

static struct egret_unwind_result fake_unwind(struct egret_unwinder *unwinder,
					      const struct egret_unwind_request *request)
{
	uint64_t pc = request->regs.r[EGRET_UNWIND_RIP], sp = request->regs.r[EGRET_UNWIND_RSP];
	size_t n = 0;

	while (n < request->max_frames) {
		struct egret_code code;
		bool found = fake_find_code(unwinder, request, pc, &code);
		int ret;

		request->frames[n] = (struct egret_unwound_frame){
			.pc = pc, .cookie = code.cookie, .flags = n ? EGRET_FRAME_F_RETURN : 0
		};
		n++;
		if (request->needs_code && pc >= JIT && pc < JIT + 0x8000) {
			*request->needs_code = true;
			return (struct egret_unwind_result){ n, EGRET_UNWIND_ROOT };
		}
		if (!found)
			return (struct egret_unwind_result){ n, EGRET_UNWIND_NO_MODULE };
		ret = request->read_stack(request->arg, sp, &pc);
		if (ret)
			return (struct egret_unwind_result){ n, ret == -ENXIO
									? EGRET_UNWIND_HOLE
									: EGRET_UNWIND_TRUNCATED };
		if (!pc)
			return (struct egret_unwind_result){ n, EGRET_UNWIND_ROOT };
		sp += 8;
	}
	return (struct egret_unwind_result){ n, EGRET_UNWIND_FRAME_LIMIT };
}

static void fake_take(struct egret_unwind_module *module, struct egret_unwind_module *from)
{
}

static const struct egret_unwind_engine fake_engine = {
	.name = "fake",
	.create = fake_create,
	.destroy = fake_destroy,
	.module_load = fake_load,
	.module_unload = fake_unload,
	.module_take = fake_take,
	.unwind = fake_unwind,
};

/* ---- a pipeline, its sources, and what it made ---------------------------------------------- */

struct world {
	struct fake_file files[2];
	struct fake_process processes[3];
	struct fake_system system;
	const char *perfmap;
	unsigned int kallsyms_read; /* times */
	struct egret_module_source module_source;
	struct egret_process_source process_source;
	struct egret_name_source name_source;
	struct egret_pipeline *p;
};

static int read_kallsyms(void *arg, struct egret_buffer *out)
{
	struct world *w = arg;

	w->kallsyms_read++;
	egret_buffer_add_string(out, "ffffffff81000000 T _stext\n"
				     "ffffffff81001000 T do_syscall\n"
				     "ffffffff81002000 t vfs_read\n"
				     "ffffffff81003000 T _etext\n");
	return 0;
}

static int read_perfmap(void *arg, int pid, size_t *size, struct egret_buffer *out)
{
	struct world *w = arg;

	if (!w->perfmap || pid != 7)
		return -ENOENT;
	if (strlen(w->perfmap) <= *size)
		return -EALREADY;
	*size = strlen(w->perfmap);
	egret_buffer_add_string(out, w->perfmap);
	return 0;
}

static void init_threads(struct world *w, uint32_t threads)
{
	struct egret_pipeline_opts opts = {
		.threads = threads,
		.engine = &fake_engine,
		.module_source = &w->module_source,
		.process_source = &w->process_source,
		.name_source = &w->name_source,
		.max_frames = 16,
		.track_all = true,
		.aggregate = true,
	};

	*w = (struct world){
		.files = { { .path = "/a", .ino = 1, .id = 0xa },
			   { .path = "/b", .ino = 2, .id = 0xb } },
		.processes = { { .pid = 7,
				 .comm = "seven",
				 .maps = "10000-18000 r-xp 1000 0:0 1 /a\n"
					 "20000-28000 r-xp 1000 0:0 2 /b\n"
					 "30000-38000 rwxp 0 0:0 0 \n" } },
	};
	w->system = (struct fake_system){
		.files = w->files, .n_files = 2, .processes = w->processes, .n_processes = 3
	};
	w->module_source = fake_modules(&w->system);
	w->process_source = fake_processes(&w->system);
	w->name_source = (struct egret_name_source){
		read_kallsyms, w, { .read_perfmap = read_perfmap, .arg = w }, NULL
	};
	modules_loaded = modules_unloaded = 0;
	CHECK_EQ(egret_pipeline_create(&opts, &w->p, NULL), 0);
}

static void init(struct world *w)
{
	init_threads(w, 0);
}

static void deinit(struct world *w)
{
	egret_pipeline_destroy(w->p);
	CHECK_EQ(modules_unloaded, modules_loaded);
}

/* What came out: "process/comm:root;...;leaf samples capture-end unwind-end", a line each. */
struct shown {
	char text[8192];
	size_t len;
};

static int show(const struct egret_stack *stack, void *arg)
{
	struct shown *s = arg;

	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len,
				   "%s/%s:", stack->thread->process, stack->thread->comm);
	for (size_t i = stack->n_frames; i-- > 0;)
		s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, "%s%s",
					   stack->frames[i]->name, i ? ";" : "");
	s->len += (size_t)snprintf(s->text + s->len, sizeof(s->text) - s->len, " %d %s %s\n",
				   (int)stack->samples, egret_capture_end_name(stack->capture_end),
				   egret_unwind_end_name(stack->unwind_end));
	return 0;
}

static const char *shown(struct world *w)
{
	static struct shown s;

	CHECK_EQ(egret_pipeline_name_all(w->p, true, NULL), 0);
	s.len = 0;
	s.text[0] = 0;
	CHECK_EQ(egret_profile__each_stack(egret_pipeline_profile(w->p), show, &s), 0);
	return s.text;
}

/* Both histograms sum to the samples, with those that wait. */
static void check_sums(struct world *w)
{
	const struct egret_pipeline_stats *stats = egret_pipeline_stats(w->p);
	uint64_t captures = 0, unwinds = 0;

	for (size_t i = 0; i < EGRET_CAPTURE_NR; i++)
		captures += stats->capture_end[i];
	for (size_t i = 0; i < EGRET_UNWIND_NR; i++)
		unwinds += stats->unwind_end[i];
	CHECK_EQ(captures + stats->pending, stats->samples);
	CHECK_EQ(unwinds + stats->pending, stats->samples);
}

/* ---- records -------------------------------------------------------------------------------- */

struct sample {
	uint32_t pid, tid;
	uint64_t cookie;
	uint8_t ending;
	const char *comm;
	uint64_t ip;	    /* of a user-mode hit */
	uint64_t kernel[4]; /* leaf first, 0 at the end */
	uint64_t start_time, time;
};

static void put_sample(struct world *w, struct sample in)
{
	struct {
		struct egret_rec_sample s;
		uint64_t kernel[4];
	} r = { .s = { .rec = { .type = EGRET_REC_SAMPLE, .size = sizeof(r), .time = in.time },
		       .cookie = in.cookie,
		       .period = 1000,
		       .start_time = in.start_time,
		       .ip = in.ip,
		       .pid = in.pid,
		       .tid = in.tid ? in.tid : in.pid,
		       .ending = in.ending,
		       .flags = in.ip ? EGRET_SAMPLE_USER_MODE : 0 } };

	strncpy(r.s.comm, in.comm ? in.comm : "thread", sizeof(r.s.comm));
	while (r.s.n_kernel < 4 && in.kernel[r.s.n_kernel]) {
		r.kernel[r.s.n_kernel] = in.kernel[r.s.n_kernel];
		r.s.n_kernel++;
	}
	CHECK_EQ(egret_pipeline_record(w->p, &r.s.rec, NULL), 0);
}

struct capture {
	uint32_t pid, tid;
	uint64_t cookie, also;
	uint8_t ending, flags;
	uint64_t pc;
	uint64_t stack[4]; /* return addresses */
	uint32_t n_stack;  /* 0: up to the first 0, and that */
	uint32_t wanted;
	uint64_t start_time, time;
};

static void put_capture(struct world *w, struct capture in)
{
	struct {
		struct egret_rec_capture c;
		uint64_t stack[4];
	} r = { .c = { .rec = { .type = EGRET_REC_CAPTURE, .size = sizeof(r), .time = in.time },
		       .cookie = in.cookie,
		       .also = in.also,
		       .start_time = in.start_time,
		       .pid = in.pid,
		       .tid = in.tid ? in.tid : in.pid,
		       .ending = in.ending,
		       .flags = in.flags } };
	uint32_t n = in.n_stack;

	if (in.pc && !n)
		for (n = 1; in.stack[n - 1];)
			n++;
	memcpy(r.stack, in.stack, n * 8);
	r.c.regs[EGRET_REG_RIP] = in.pc;
	r.c.regs[EGRET_REG_RSP] = 0x7ff000;
	r.c.got = n * 8;
	r.c.wanted = in.wanted ? in.wanted : n * 8;
	r.c.n_windows = n ? 1 : 0;
	r.c.window[0] = (struct egret_window){ .start = 0x7ff000, .len = n * 8 };
	CHECK_EQ(egret_pipeline_record(w->p, &r.c.rec, NULL), 0);
}

/* PERF_RECORD_*: a header, then numbers, then a text. */
static void put_perf(struct world *w, uint32_t type, uint16_t misc, const void *body, size_t len,
		     const char *text, uint64_t time)
{
	uint64_t bytes[64] = { 0 };
	struct perf_event_header *header = (struct perf_event_header *)bytes;

	header->type = type;
	header->misc = misc;
	memcpy(header + 1, body, len);
	strcpy((char *)(header + 1) + len, text);
	header->size = (uint16_t)((sizeof(*header) + len + strlen(text) + 8) & ~7ul);
	CHECK_EQ(egret_pipeline_perf(w->p, header, time, NULL), 0);
}

static void put_comm(struct world *w, uint32_t pid, uint32_t tid, const char *comm, bool exec)
{
	uint32_t body[] = { pid, tid };

	put_perf(w, PERF_RECORD_COMM, exec ? PERF_RECORD_MISC_COMM_EXEC : 0, body, sizeof(body),
		 comm, 0);
}

static void put_task(struct world *w, uint32_t type, uint32_t pid, uint32_t ppid, uint32_t tid,
		     uint64_t time)
{
	uint32_t body[] = { pid, ppid, tid, ppid };

	put_perf(w, type, 0, body, sizeof(body), "", time);
}

static void put_mmap(struct world *w, uint32_t pid, uint64_t addr, const char *path, uint8_t id,
		     uint16_t misc)
{
	struct {
		uint32_t pid, tid;
		uint64_t addr, len, pgoff;
		uint8_t id_len, reserved[3], id[20];
		uint32_t prot, flags;
	} body = { pid, pid, addr, 0x8000, 0x1000, 20, { 0 }, { 0 }, 5, 2 };

	memset(body.id, id, 20);
	put_perf(w, PERF_RECORD_MMAP2, PERF_RECORD_MISC_MMAP_BUILD_ID | misc, &body, sizeof(body),
		 path, 0);
}

#endif
