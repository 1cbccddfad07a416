/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Perfetto's trace, of packets: names, frames and stacks as interned data first, then a PerfSample
 * for each sample, as the UI draws them on a track of the thread.
 *
 * Inlined functions are frames of their own. Times are those of CLOCK_MONOTONIC, which is told to
 * be the clock of the trace.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "export/code_tables.h"
#include "export/export.h"
#include "export/perfetto.pb-c.h"
#include "export/proto.h"

#define NO_STACK "[no stack]" /* a sample needs one */

/* Of a packet of interned data: larger ones are read badly. */
#define PACKET_BYTES (128u << 10)

enum {
	TRACE_PACKET = 1,
	PACKET_INTERNED = 12,
	INTERNED_FUNCTION_NAMES = 5,
	INTERNED_FRAMES = 6,
	INTERNED_CALLSTACKS = 7,
	INTERNED_BUILD_IDS = 16,
	INTERNED_MAPPING_PATHS = 17,
	INTERNED_SOURCE_PATHS = 18,
	INTERNED_MAPPINGS = 19,
	CLOCK_MONOTONIC_ID = 3, /* BuiltinClock */
	MODE_KERNEL = 1,	/* Profiling.CpuMode */
	MODE_USER = 2,
	STATE_CLEARED = 1, /* sequence_flags: interned data begins anew */
	NEEDS_STATE = 2,
	SEQUENCE = 1,
};

/* A thread, and under which names it was told of: the number of the profile's thread. */
struct named_thread {
	int32_t pid, tid; /* the key */
	uint32_t number;
};

struct perfetto {
	struct egret_code_tables code;
	struct egret_interned threads;
	struct egret_buffer interned, packet, frames;
	uint64_t *first_iid; /* by frame: of the outermost of its functions */
	uint32_t *n_lines;   /* by frame */
	bool *is_written;    /* by stack */
	uint64_t next_frame, no_stack_frame;
	FILE *out;
	bool failed; /* no memory */
};

/* ---- packets ------------------------------------------------------------------------------ */

static void write_packet(struct perfetto *p, Egret__Perfetto__TracePacket *packet)
{
	packet->has_trusted_packet_sequence_id = packet->has_sequence_flags = true;
	packet->trusted_packet_sequence_id = SEQUENCE;
	if (!packet->sequence_flags)
		packet->sequence_flags = NEEDS_STATE;
	egret_buffer_clear(&p->packet);
	egret_proto_add_field(&p->packet, TRACE_PACKET, &packet->base);
	p->failed |= p->packet.failed;
	fwrite(p->packet.data, 1, p->packet.len, p->out);
}

/* What was interned is a message already: the packet is put together around it. */
static void flush_interned(struct perfetto *p)
{
	Egret__Perfetto__TracePacket packet = EGRET__PERFETTO__TRACE_PACKET__INIT;
	struct egret_buffer head = { 0 };

	if (!p->interned.len)
		return;
	packet.has_trusted_packet_sequence_id = packet.has_sequence_flags = true;
	packet.trusted_packet_sequence_id = SEQUENCE;
	packet.sequence_flags = NEEDS_STATE;
	egret_proto_add(&head, &packet.base);
	egret_proto_add_tag(&head, PACKET_INTERNED, p->interned.len);
	egret_buffer_clear(&p->packet);
	egret_proto_add_tag(&p->packet, TRACE_PACKET, head.len + p->interned.len);
	egret_buffer_add(&p->packet, head.data, head.len);
	fwrite(p->packet.data, 1, p->packet.len, p->out);
	fwrite(p->interned.data, 1, p->interned.len, p->out);
	p->failed |= head.failed || p->packet.failed || p->interned.failed;
	egret_buffer_deinit(&head);
	egret_buffer_clear(&p->interned);
}

static void intern(struct perfetto *p, uint32_t field, const ProtobufCMessage *message)
{
	egret_proto_add_field(&p->interned, field, message);
	if (p->interned.len > PACKET_BYTES)
		flush_interned(p);
}

static void intern_text(struct perfetto *p, uint32_t field, uint64_t iid, const void *text,
			size_t len)
{
	Egret__Perfetto__InternedString message = EGRET__PERFETTO__INTERNED_STRING__INIT;

	message.has_iid = message.has_str = true;
	message.iid = iid;
	message.str = (ProtobufCBinaryData){ len, (uint8_t *)text };
	intern(p, field, &message.base);
}

/* ---- code --------------------------------------------------------------------------------- */

/* A frame of the trace: a function at a place, or one that is nowhere. */
static uint64_t write_frame(struct perfetto *p, uint32_t function, uint32_t frame, uint32_t line)
{
	const struct egret_code_function *f = egret_interned_item(&p->code.functions, function);
	Egret__Perfetto__Frame message = EGRET__PERFETTO__FRAME__INIT;

	message.has_iid = message.has_function_name_id = true;
	message.iid = ++p->next_frame;
	message.function_name_id = f->name;
	if (frame != UINT32_MAX) {
		uint32_t module = egret_profile_get_frame(p->code.profile, frame)->module;

		message.has_mapping_id = message.has_rel_pc = true;
		message.mapping_id = (uint64_t)module + 1;
		message.rel_pc = egret_code_address(&p->code, frame) - p->code.ranges[module].start;
	}
	if (f->file) {
		message.has_source_path_iid = true;
		message.source_path_iid = f->file;
	}
	message.has_line_number = line != 0;
	message.line_number = line;
	intern(p, INTERNED_FRAMES, &message.base);
	return message.iid;
}

/* All functions of the frames that are used get their numbers; with them all strings do. */
static void number_functions(struct perfetto *p)
{
	const struct egret_frame no_stack = { .name = NO_STACK };

	for (uint32_t f = 0; f < egret_profile_n_frames(p->code.profile); f++) {
		size_t n;
		const struct egret_frame *lines;

		if (!p->code.used[f])
			continue;
		lines = egret_profile_frames_at(p->code.profile, f, &n);
		p->failed |= !lines;
		for (size_t i = 0; lines && i < n; i++)
			p->failed |= egret_code_function(&p->code, &lines[i]) == EGRET_INDEX_NONE;
	}
	p->failed |= egret_code_function(&p->code, &no_stack) == EGRET_INDEX_NONE;
	for (uint32_t m = 0; m < egret_profile_n_modules(p->code.profile); m++) {
		uint32_t path = egret_profile_get_module(p->code.profile, m)->path;

		p->failed |= egret_code_string(&p->code,
					       egret_profile_get_string(p->code.profile, path)) ==
			     EGRET_INDEX_NONE;
	}
}

/* Names, paths and sources have the numbers of their strings, each in a table of its own. */
static void write_strings(struct perfetto *p)
{
	const char *const *strings = (const char *const *)p->code.strings.items;

	for (uint32_t i = 1; i < p->code.strings.n; i++) {
		intern_text(p, INTERNED_FUNCTION_NAMES, i, strings[i], strlen(strings[i]));
		intern_text(p, INTERNED_SOURCE_PATHS, i, strings[i], strlen(strings[i]));
		intern_text(p, INTERNED_MAPPING_PATHS, i, strings[i], strlen(strings[i]));
	}
}

static void write_mapping(struct perfetto *p, uint32_t number)
{
	const struct egret_profile_module *module = egret_profile_get_module(p->code.profile,
									     number);
	const char *path = egret_profile_get_string(p->code.profile, module->path);
	Egret__Perfetto__Mapping message = EGRET__PERFETTO__MAPPING__INIT;
	uint64_t path_id = egret_code_string(&p->code, path);

	if (module->build_id.len) {
		message.has_build_id = true;
		message.build_id = (uint64_t)number + 1;
		intern_text(p, INTERNED_BUILD_IDS, message.build_id, module->build_id.bytes,
			    module->build_id.len);
	}
	message.has_iid = message.has_start = message.has_end = message.has_start_offset = true;
	message.iid = (uint64_t)number + 1;
	message.start = p->code.ranges[number].start;
	message.end = p->code.ranges[number].limit;
	message.n_path_string_ids = path_id ? 1 : 0;
	message.path_string_ids = &path_id;
	intern(p, INTERNED_MAPPINGS, &message.base);
}

/* The outermost function first, as in stacks. */
static void write_frames(struct perfetto *p)
{
	const struct egret_profile *profile = p->code.profile;
	const struct egret_frame no_stack = { .name = NO_STACK };

	for (uint32_t f = 0; f < egret_profile_n_frames(profile) && !p->failed; f++) {
		size_t n;
		const struct egret_frame *lines;

		if (!p->code.used[f])
			continue;
		lines = egret_profile_frames_at(profile, f, &n);
		p->first_iid[f] = p->next_frame + 1;
		p->n_lines[f] = (uint32_t)n;
		while (lines && n--)
			write_frame(p, egret_code_function(&p->code, &lines[n]), f, lines[n].line);
	}
	if (!p->failed)
		p->no_stack_frame = write_frame(p, egret_code_function(&p->code, &no_stack),
						UINT32_MAX, 0);
}

/* ---- stacks ------------------------------------------------------------------------------- */

/* Nodes are leaf first: their functions are put in from the back, and all turned around. */
static void collect_frames(struct perfetto *p, uint32_t stack)
{
	uint64_t *iids;
	size_t n;

	egret_buffer_clear(&p->frames);
	for (uint32_t at = stack; at;) {
		struct egret_profile_node node = egret_profile_get_stack(p->code.profile, at);

		for (uint32_t i = p->n_lines[node.frame]; i-- > 0;) {
			uint64_t iid = p->first_iid[node.frame] + i;

			egret_buffer_add(&p->frames, &iid, sizeof(iid));
		}
		at = node.parent;
	}
	if (!p->frames.len)
		egret_buffer_add(&p->frames, &p->no_stack_frame, sizeof(p->no_stack_frame));
	iids = (uint64_t *)p->frames.data;
	n = p->frames.len / sizeof(*iids);
	for (size_t i = 0; i < n / 2; i++) {
		uint64_t other = iids[i];

		iids[i] = iids[n - 1 - i];
		iids[n - 1 - i] = other;
	}
	p->failed |= p->frames.failed;
}

static void write_stack(struct perfetto *p, uint32_t stack)
{
	Egret__Perfetto__Callstack message = EGRET__PERFETTO__CALLSTACK__INIT;

	if (p->is_written[stack])
		return;
	p->is_written[stack] = true;
	collect_frames(p, stack);
	message.has_iid = true;
	message.iid = (uint64_t)stack + 1;
	message.n_frame_ids = p->frames.len / sizeof(uint64_t);
	message.frame_ids = (uint64_t *)p->frames.data;
	intern(p, INTERNED_CALLSTACKS, &message.base);
}

static void write_stacks(struct perfetto *p)
{
	for (uint32_t e = 0; e < egret_profile_n_entries(p->code.profile) && !p->failed; e++) {
		const struct egret_profile_entry *entry = egret_profile_get_entry(p->code.profile,
										  e);

		if (entry->key.event == p->code.opts->event)
			write_stack(p, entry->key.stack);
	}
	flush_interned(p);
}

/* ---- threads ------------------------------------------------------------------------------ */

static void write_thread(struct perfetto *p, const struct egret_profile_thread *t)
{
	const struct egret_profile *profile = p->code.profile;
	Egret__Perfetto__TracePacket packet = EGRET__PERFETTO__TRACE_PACKET__INIT;
	Egret__Perfetto__ProcessTree tree = EGRET__PERFETTO__PROCESS_TREE__INIT;
	Egret__Perfetto__ProcessTree__Thread thread = EGRET__PERFETTO__PROCESS_TREE__THREAD__INIT;
	Egret__Perfetto__ProcessTree__Thread *threads = &thread;
	Egret__Perfetto__ProcessTree__Process process =
		EGRET__PERFETTO__PROCESS_TREE__PROCESS__INIT;
	Egret__Perfetto__ProcessTree__Process *processes = &process;
	char *name = (char *)egret_text_clean(&p->code.texts,
					      egret_profile_get_string(profile, t->process));

	thread.has_tid = thread.has_tgid = process.has_pid = true;
	thread.tid = t->tid;
	thread.tgid = process.pid = t->pid;
	thread.name = (char *)egret_text_clean(&p->code.texts,
					       egret_profile_get_string(profile, t->comm));
	process.n_cmdline = 1;
	process.cmdline = &name;
	tree.n_threads = tree.n_processes = 1;
	tree.threads = &threads;
	tree.processes = &processes;
	packet.process_tree = &tree;
	p->failed |= !thread.name || !name;
	if (!p->failed)
		write_packet(p, &packet);
}

/*
 * A thread is told of before its first sample, and again where it has got another name (execve does
 * so): in the order of time, the name that was told last is that of a sample.
 */
static void tell_thread(struct perfetto *p, uint32_t number)
{
	const struct egret_profile_thread *t = egret_profile_get_thread(p->code.profile, number);
	struct named_thread named = { .pid = t->pid, .tid = t->tid, .number = UINT32_MAX };
	uint32_t place = egret_interned_put(&p->threads, &named);
	struct named_thread *known;

	p->failed |= place == EGRET_INDEX_NONE;
	if (p->failed)
		return;
	known = egret_interned_item(&p->threads, place);
	if (known->number != number)
		write_thread(p, t);
	known->number = number;
}

/* ---- samples ------------------------------------------------------------------------------ */

static bool is_kernel(const struct perfetto *p, uint32_t stack)
{
	const struct egret_profile *profile = p->code.profile;
	uint32_t frame;

	if (!stack)
		return false;
	frame = egret_profile_get_stack(profile, stack).frame;
	return egret_profile_get_module(profile, egret_profile_get_frame(profile, frame)->module)
		       ->kind == EGRET_MODULE_KERNEL;
}

static void write_sample(struct perfetto *p, const struct egret_profile_sample *s,
			 const struct egret_profile_key *key)
{
	const struct egret_profile_thread *t = egret_profile_get_thread(p->code.profile,
									key->thread);
	Egret__Perfetto__TracePacket packet = EGRET__PERFETTO__TRACE_PACKET__INIT;
	Egret__Perfetto__PerfSample sample = EGRET__PERFETTO__PERF_SAMPLE__INIT;

	tell_thread(p, key->thread);
	packet.has_timestamp = true;
	packet.timestamp = s->time;
	packet.perf_sample = &sample;
	sample.has_cpu = sample.has_pid = sample.has_tid = true;
	sample.has_callstack_iid = sample.has_cpu_mode = true;
	sample.cpu = s->cpu;
	sample.pid = (uint32_t)t->pid;
	sample.tid = (uint32_t)t->tid;
	sample.callstack_iid = (uint64_t)key->stack + 1;
	sample.cpu_mode = is_kernel(p, key->stack) ? MODE_KERNEL : MODE_USER;
	write_packet(p, &packet);
}

static void write_samples(struct perfetto *p)
{
	for (size_t i = 0; i < egret_profile_n_samples(p->code.profile) && !p->failed; i++) {
		const struct egret_profile_sample *s = egret_profile_get_sample(p->code.profile, i);
		const struct egret_profile_entry *entry;

		entry = egret_profile_get_entry(p->code.profile, s->entry);
		if (entry->key.event == p->code.opts->event)
			write_sample(p, s, &entry->key);
	}
}

/* ---- what stands before ------------------------------------------------------------------- */

static void write_clock(struct perfetto *p)
{
	Egret__Perfetto__TracePacket packet = EGRET__PERFETTO__TRACE_PACKET__INIT;
	Egret__Perfetto__TracePacketDefaults defaults =
		EGRET__PERFETTO__TRACE_PACKET_DEFAULTS__INIT;
	Egret__Perfetto__ClockSnapshot snapshot = EGRET__PERFETTO__CLOCK_SNAPSHOT__INIT;
	Egret__Perfetto__ClockSnapshot__Clock clock = EGRET__PERFETTO__CLOCK_SNAPSHOT__CLOCK__INIT;
	Egret__Perfetto__ClockSnapshot__Clock *list = &clock;
	uint64_t last;

	egret_profile__times(p->code.profile, &clock.timestamp, &last);
	clock.has_clock_id = clock.has_timestamp = true;
	clock.clock_id = CLOCK_MONOTONIC_ID;
	snapshot.n_clocks = 1;
	snapshot.clocks = &list;
	snapshot.has_primary_trace_clock = true;
	snapshot.primary_trace_clock = CLOCK_MONOTONIC_ID;
	defaults.has_timestamp_clock_id = true;
	defaults.timestamp_clock_id = CLOCK_MONOTONIC_ID;
	packet.clock_snapshot = &snapshot;
	packet.trace_packet_defaults = &defaults;
	packet.sequence_flags = STATE_CLEARED;
	write_packet(p, &packet);
}

static void write_trace(struct perfetto *p)
{
	const struct egret_profile *profile = p->code.profile;

	number_functions(p);
	write_clock(p);
	write_strings(p);
	for (uint32_t m = 0; m < egret_profile_n_modules(profile) && !p->failed; m++)
		if (p->code.ranges[m].limit)
			write_mapping(p, m);
	write_frames(p);
	write_stacks(p);
	write_samples(p);
}

static int write_perfetto(const struct egret_profile *profile, const struct egret_export_opts *opts,
			  FILE *out, struct egret_error *err)
{
	struct perfetto p = { .out = out };
	size_t n_frames = egret_profile_n_frames(profile);
	int ret = egret_code_tables_init(&p.code, profile, opts);

	egret_interned_init(&p.threads, sizeof(struct named_thread), 2 * sizeof(int32_t));
	p.first_iid = calloc(n_frames + 1, sizeof(*p.first_iid));
	p.n_lines = calloc(n_frames + 1, sizeof(*p.n_lines));
	p.is_written = calloc(egret_profile_n_stacks(profile) + 1, sizeof(*p.is_written));
	if (!ret && p.first_iid && p.n_lines && p.is_written)
		write_trace(&p);
	else
		p.failed = true;
	egret_code_tables_deinit(&p.code);
	egret_interned_deinit(&p.threads);
	egret_buffer_deinit(&p.interned);
	egret_buffer_deinit(&p.packet);
	egret_buffer_deinit(&p.frames);
	free(p.first_iid);
	free(p.n_lines);
	free(p.is_written);
	return p.failed ? egret_fail(err, ENOMEM, "not enough memory for the Perfetto trace") : 0;
}

const struct egret_exporter egret_exporter_perfetto = {
	.name = "perfetto",
	.text = "a trace for ui.perfetto.dev: samples on a track of each thread",
	.is_binary = true,
	.needs_samples = true,
	.write = write_perfetto,
};
