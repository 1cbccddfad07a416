/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * pprof's profile.proto, compressed: what `go tool pprof` and many services read.
 *
 * A message with a repeated field is the concatenation of messages with one element each, so that
 * samples, locations and functions are packed one by one and the whole is never in memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/path.h"
#include "export/by_thread.h"
#include "export/code_tables.h"
#include "export/export.h"
#include "export/gzip.h"
#include "export/pprof.pb-c.h"

typedef Egret__Pprof__Profile pb_profile;
#define PB_PROFILE EGRET__PPROF__PROFILE__INIT

/* What the samples of an entry on one CPU add up to. */
struct on_cpu {
	uint64_t samples, value;
	const char *name; /* its number as a text: a number of 0 is no label; NULL: not made yet */
};

struct pprof {
	struct egret_code_tables code;
	struct egret_gzip gzip;
	struct egret_by_thread by_entry;
	struct on_cpu *cpus; /* of the entry under way, by CPU; NULL: samples were not kept */
	struct egret_buffer packed;
	struct egret_buffer locations; /* uint64_t, of the sample under way */
	uint32_t n_recovered;	       /* of them: found without CFI */
	bool is_base;		       /* the samples are those that the others are held against */
	bool failed;		       /* no memory */
};

/* ---- writing -------------------------------------------------------------------------------- */

static void emit(struct pprof *p, const pb_profile *part)
{
	size_t size = egret__pprof__profile__get_packed_size(part);
	uint8_t *to;

	egret_buffer_clear(&p->packed);
	to = egret_buffer_reserve(&p->packed, size);
	if (!to) {
		p->failed = true;
		return;
	}
	egret__pprof__profile__pack(part, to);
	egret_gzip_write(&p->gzip, to, size);
}

static int64_t string(struct pprof *p, const char *text)
{
	uint32_t number = egret_code_string(&p->code, text);

	p->failed |= number == EGRET_INDEX_NONE;
	return number;
}

/* ---- samples -------------------------------------------------------------------------------- */

static bool is_recovered(const struct pprof *p, uint32_t frame)
{
	return egret_profile_get_frame(p->code.profile, frame)->flags & EGRET_FRAME_F_RECOVERED;
}

/* Leaf first. */
static void collect_locations(struct pprof *p, uint32_t stack)
{
	egret_buffer_clear(&p->locations);
	p->n_recovered = 0;
	while (stack) {
		struct egret_profile_node node = egret_profile_get_stack(p->code.profile, stack);
		uint64_t id = (uint64_t)node.frame + 1;

		if (egret_code_has_frame(&p->code, node.frame)) {
			egret_buffer_add(&p->locations, &id, sizeof(id));
			p->n_recovered += is_recovered(p, node.frame);
		}
		stack = node.parent;
	}
}

#define MAX_LABELS (8 + EGRET_LABELS_MAX)

static void add_label(struct pprof *p, Egret__Pprof__Label *label, const char *key,
		      const char *text, int64_t number)
{
	egret__pprof__label__init(label);
	label->key = string(p, key);
	label->str = text ? string(p, text) : 0;
	label->num = number;
}

static const char *cpu_name(struct pprof *p, uint32_t cpu)
{
	char number[16];
	int len;

	if (!p->cpus[cpu].name) {
		len = snprintf(number, sizeof(number), "%u", cpu);
		p->cpus[cpu].name = egret_arena_text(&p->code.texts, number, (size_t)len);
	}
	p->failed |= !p->cpus[cpu].name;
	return p->cpus[cpu].name ? p->cpus[cpu].name : "";
}

/* What its process is labelled with, but for what the label cgroup says. */
static size_t add_process_labels(struct pprof *p, uint32_t thread, Egret__Pprof__Label *to)
{
	const struct egret_profile *profile = p->code.profile;
	size_t n, n_added = 0;
	const struct egret_label *labels = egret_profile_labels_at(
		profile, egret_profile_get_thread_labels(profile, thread), &n);

	p->failed |= n && !labels;
	for (size_t i = 0; labels && i < n; i++)
		if (strcmp(labels[i].key, "process.linux.cgroup") != 0)
			add_label(p, &to[n_added++], labels[i].key, labels[i].value, 0);
	return n_added;
}

/* Whose it is. Returns how many there are. */
static size_t add_labels(struct pprof *p, uint32_t thread, uint32_t cpu,
			 Egret__Pprof__Label *labels)
{
	const struct egret_profile *profile = p->code.profile;
	const struct egret_profile_thread *t = egret_profile_get_thread(profile, thread);
	uint32_t cgroup = egret_profile_get_cgroup(profile, thread);
	size_t n = 0;

	add_label(p, &labels[n++], "process", egret_profile_get_string(profile, t->process), 0);
	add_label(p, &labels[n++], "pid", NULL, t->pid);
	add_label(p, &labels[n++], "thread", egret_profile_get_string(profile, t->comm), 0);
	add_label(p, &labels[n++], "tid", NULL, t->tid);
	if (p->cpus)
		add_label(p, &labels[n++], "cpu", cpu_name(p, cpu), 0);
	/* A location has no labels: how many of the stack's were found without CFI. */
	if (p->n_recovered)
		add_label(p, &labels[n++], "recovered", NULL, p->n_recovered);
	/* As pprof -diff_base marks them. */
	if (p->is_base)
		add_label(p, &labels[n++], "pprof::base", "true", 0);
	if (cgroup)
		add_label(p, &labels[n++], "cgroup", egret_profile_get_string(profile, cgroup), 0);
	return n + add_process_labels(p, thread, labels + n);
}

static void write_sample(struct pprof *p, const struct egret_profile_key *key, uint32_t cpu,
			 const struct on_cpu *on_cpu)
{
	Egret__Pprof__Label labels[MAX_LABELS], *label_list[MAX_LABELS];
	Egret__Pprof__Sample sample = EGRET__PPROF__SAMPLE__INIT, *sample_list = &sample;
	int64_t sign = p->is_base ? -1 : 1;
	int64_t values[] = { sign * (int64_t)on_cpu->samples, sign * (int64_t)on_cpu->value };
	pb_profile part = PB_PROFILE;

	for (size_t i = 0; i < MAX_LABELS; i++)
		label_list[i] = &labels[i];
	sample.n_label = add_labels(p, key->thread, cpu, labels);
	sample.label = label_list;
	sample.n_location_id = p->locations.len / sizeof(uint64_t);
	sample.location_id = (uint64_t *)p->locations.data;
	sample.n_value = 2;
	sample.value = values;
	part.n_sample = 1;
	part.sample = &sample_list;
	emit(p, &part);
}

/* The samples of an entry, those of each CPU as one. */
static void write_entry(struct pprof *p, uint32_t entry)
{
	const struct egret_profile_key *key = &egret_profile_get_entry(p->code.profile, entry)->key;
	uint32_t end = 0;

	for (size_t i = 0; i < egret_by_thread_count(&p->by_entry, entry); i++) {
		const struct egret_profile_sample *s = egret_by_thread_sample(&p->by_entry, entry,
									      i);

		p->cpus[s->cpu].samples++;
		p->cpus[s->cpu].value += s->value;
		end = s->cpu >= end ? s->cpu + 1 : end;
	}
	collect_locations(p, key->stack);
	for (uint32_t cpu = 0; cpu < end; cpu++) {
		if (!p->cpus[cpu].samples)
			continue;
		write_sample(p, key, cpu, &p->cpus[cpu]);
		p->cpus[cpu].samples = p->cpus[cpu].value = 0;
	}
}

/* Where samples were not kept: those of all CPUs as one. */
static void write_whole_entry(struct pprof *p, const struct egret_profile_entry *entry)
{
	struct on_cpu all = { .samples = entry->values.samples, .value = entry->values.value };

	collect_locations(p, entry->key.stack);
	write_sample(p, &entry->key, 0, &all);
}

static void write_samples(struct pprof *p)
{
	const struct egret_profile *profile = p->code.profile;

	for (uint32_t e = 0; e < egret_profile_n_entries(profile) && !p->failed; e++) {
		const struct egret_profile_entry *entry = egret_profile_get_entry(profile, e);

		if (p->cpus && egret_by_thread_count(&p->by_entry, e))
			write_entry(p, e);
		else if (!p->cpus && entry->key.event == p->code.opts->event)
			write_whole_entry(p, entry);
	}
}

/* Room for the CPUs of all samples. */
static int make_cpus(struct pprof *p)
{
	uint32_t n = 0;

	for (size_t i = 0; i < egret_profile_n_samples(p->code.profile); i++) {
		uint32_t cpu = egret_profile_get_sample(p->code.profile, i)->cpu;

		n = cpu >= n ? cpu + 1 : n;
	}
	p->cpus = calloc((size_t)n + 1, sizeof(*p->cpus));
	return p->cpus ? 0 : -ENOMEM;
}

/* ---- locations ------------------------------------------------------------------------------ */

/* What the frames of a module say of it. */
struct known {
	const char *name; /* NULL: none of its frames are used */
	bool files, lines, inlined;
};

static void write_location(struct pprof *p, uint32_t frame, struct known *modules)
{
	uint32_t module = egret_profile_get_frame(p->code.profile, frame)->module;
	struct known *known = &modules[module];
	Egret__Pprof__Line lines[EGRET_PROFILE_MAX_LINES], *list[EGRET_PROFILE_MAX_LINES];
	Egret__Pprof__Location location = EGRET__PPROF__LOCATION__INIT, *location_list = &location;
	pb_profile part = PB_PROFILE;
	size_t n;
	const struct egret_frame *frames = egret_profile_frames_at(p->code.profile, frame, &n);

	known->name = frames ? frames->module : NULL;
	for (size_t i = 0; frames && i < n; i++) {
		uint32_t function = egret_code_function(&p->code, &frames[i]);

		p->failed |= function == EGRET_INDEX_NONE;
		egret__pprof__line__init(&lines[i]);
		lines[i].function_id = (uint64_t)function + 1;
		lines[i].line = frames[i].line;
		list[i] = &lines[i];
		known->files |= frames[i].file != NULL;
		known->lines |= frames[i].line != 0;
		known->inlined |= n > 1;
	}
	p->failed |= !frames;
	location.id = (uint64_t)frame + 1;
	if (egret_profile_get_module(p->code.profile, module)->kind != EGRET_MODULE_CUT)
		location.mapping_id = (uint64_t)module + 1;
	location.address = egret_code_address(&p->code, frame);
	location.n_line = frames ? n : 0;
	location.line = list;
	part.n_location = 1;
	part.location = &location_list;
	emit(p, &part);
}

static void write_mapping(struct pprof *p, uint32_t number, const struct known *known)
{
	const struct egret_profile_module *module = egret_profile_get_module(p->code.profile,
									     number);
	Egret__Pprof__Mapping mapping = EGRET__PPROF__MAPPING__INIT, *list = &mapping;
	pb_profile part = PB_PROFILE;

	if (!known->name || module->kind == EGRET_MODULE_CUT)
		return;
	mapping.id = (uint64_t)number + 1;
	mapping.memory_start = p->code.ranges[number].start;
	mapping.memory_limit = p->code.ranges[number].limit;
	mapping.filename = string(p, known->name);
	mapping.build_id = string(p, egret_code_build_id(&p->code, number));
	mapping.has_functions = true;
	mapping.has_filenames = known->files;
	mapping.has_line_numbers = known->lines;
	mapping.has_inline_frames = known->inlined;
	part.n_mapping = 1;
	part.mapping = &list;
	emit(p, &part);
}

/* pprof takes the first mapping for the program's: the file that the command recorded names. */
static uint32_t program_of(const struct egret_profile *profile, const struct known *modules,
			   size_t n)
{
	const char *command = egret_profile__meta(profile, "command");
	size_t len = command ? strcspn(command, " ") : 0;
	const char *name;

	for (uint32_t m = 0; len && m < n; m++) {
		if (!modules[m].name)
			continue;
		name = egret_file_name(modules[m].name);
		if (strlen(name) <= len &&
		    !strncmp(command + len - strlen(name), name, strlen(name)))
			return m;
	}
	return UINT32_MAX;
}

static void write_code(struct pprof *p)
{
	const struct egret_profile *profile = p->code.profile;
	size_t n_modules = egret_profile_n_modules(profile);
	__free_ struct known *modules = calloc(n_modules + 1, sizeof(*modules));

	uint32_t first;

	p->failed |= !modules;
	for (uint32_t f = 0; f < egret_profile_n_frames(profile) && !p->failed; f++)
		if (p->code.used[f])
			write_location(p, f, modules);
	first = program_of(profile, modules, n_modules);
	if (first < n_modules && !p->failed)
		write_mapping(p, first, &modules[first]);
	for (uint32_t m = 0; m < n_modules && !p->failed; m++)
		if (m != first)
			write_mapping(p, m, &modules[m]);
}

static void write_functions(struct pprof *p)
{
	for (uint32_t i = 0; i < p->code.functions.n && !p->failed; i++) {
		const struct egret_code_function *f = egret_interned_item(&p->code.functions, i);
		Egret__Pprof__Function function = EGRET__PPROF__FUNCTION__INIT, *list = &function;
		pb_profile part = PB_PROFILE;

		function.id = (uint64_t)i + 1;
		function.name = function.system_name = f->name;
		function.filename = f->file;
		part.n_function = 1;
		part.function = &list;
		emit(p, &part);
	}
}

/* ---- the rest ------------------------------------------------------------------------------- */

static double number_of(const struct egret_profile *profile, const char *key)
{
	const char *text = egret_profile__meta(profile, key);

	return text ? strtod(text, NULL) : 0;
}

static int64_t period_of(const struct egret_event *event, bool is_clock)
{
	if (event->period || !event->frequency || !is_clock)
		return (int64_t)event->period;
	return (int64_t)(1000000000 / event->frequency);
}

/* A clock's values are CPU time; those of others are what they count. */
static void set_types(struct pprof *p, pb_profile *part, Egret__Pprof__ValueType *count,
		      Egret__Pprof__ValueType *value)
{
	static const struct egret_event none = { .name = "", .unit = "nanoseconds" };
	const struct egret_event *event = egret_profile__event(p->code.profile,
							       p->code.opts->event);
	bool is_clock;

	if (!event)
		event = &none;
	is_clock = !strcmp(event->unit, "nanoseconds");
	count->type = string(p, "samples");
	count->unit = string(p, "count");
	value->type = string(p, is_clock ? "cpu" : event->name);
	value->unit = string(p, event->unit);
	part->default_sample_type = value->type;
	part->period = period_of(event, is_clock);
}

static void write_header(struct pprof *p)
{
	const struct egret_profile *profile = p->code.profile;
	const char *command = egret_profile__meta(profile, "command");
	int64_t comment = string(p, command);
	Egret__Pprof__ValueType count = EGRET__PPROF__VALUE_TYPE__INIT;
	Egret__Pprof__ValueType value = EGRET__PPROF__VALUE_TYPE__INIT;
	Egret__Pprof__ValueType *types[] = { &count, &value };
	pb_profile part = PB_PROFILE;

	set_types(p, &part, &count, &value);
	part.n_sample_type = 2;
	part.sample_type = types;
	part.period_type = &value;
	part.time_nanos = (int64_t)(number_of(profile, "start-time") * 1e9);
	part.duration_nanos = (int64_t)(number_of(profile, "duration") * 1e9);
	part.n_comment = command ? 1 : 0;
	part.comment = &comment;
	emit(p, &part);
}

/* The last: nobody adds strings any more. */
static void write_strings(struct pprof *p)
{
	for (uint32_t i = 0; i < p->code.strings.n && !p->failed; i++) {
		char **text = egret_interned_item(&p->code.strings, i);
		pb_profile part = PB_PROFILE;

		part.n_string_table = 1;
		part.string_table = text;
		emit(p, &part);
	}
}

/* Of two profiles side by side: those of the second one. */
static int write_base_samples(struct pprof *p)
{
	int ret;

	egret_by_thread_deinit(&p->by_entry);
	ret = egret_by_entry_init(&p->by_entry, p->code.profile, 1);
	p->is_base = true;
	if (!ret)
		write_samples(p);
	return ret;
}

static int write_profile(const struct egret_profile *profile, const struct egret_export_opts *opts,
			 FILE *out, struct egret_error *err)
{
	struct pprof p = { 0 };
	int ret = egret_code_tables_init(&p.code, profile, opts);

	if (!ret && egret_profile__keeps_samples(profile))
		ret = egret_by_entry_init(&p.by_entry, profile, opts->event);
	if (!ret && egret_profile__keeps_samples(profile))
		ret = make_cpus(&p);
	if (!ret)
		ret = egret_gzip_init(&p.gzip, out);
	if (!ret) {
		write_header(&p);
		write_samples(&p);
		if (opts->base)
			ret = write_base_samples(&p);
		write_code(&p);
		write_functions(&p);
		write_strings(&p);
		egret_gzip_finish(&p.gzip);
	}
	if (p.failed)
		ret = -ENOMEM;
	egret_code_tables_deinit(&p.code);
	egret_by_thread_deinit(&p.by_entry);
	free(p.cpus);
	egret_buffer_deinit(&p.packed);
	egret_buffer_deinit(&p.locations);
	return ret ? egret_fail(err, ENOMEM, "not enough memory for the pprof profile") : 0;
}

static int write_pprof(const struct egret_profile *profile, const struct egret_export_opts *opts,
		       FILE *out, struct egret_error *err)
{
	struct egret_export_opts joined_opts = *opts;
	struct egret_profile *joined;
	int ret;

	if (!opts->base)
		return write_profile(profile, opts, out, err);
	if (!egret_profile__keeps_samples(profile) || !egret_profile__keeps_samples(opts->base))
		return egret_fail(err, ENODATA,
				  "pprof of two profiles needs their samples one by one");
	if (egret_profile_join(profile, opts->event, opts->base, opts->base_event, &joined))
		return egret_fail(err, ENOMEM, "not enough memory for the pprof profile");
	joined_opts.event = 0;
	ret = write_profile(joined, &joined_opts, out, err);
	egret_profile__destroy(joined);
	return ret;
}

const struct egret_exporter egret_exporter_pprof = {
	.name = "pprof",
	.text = "pprof's profile.proto, for `go tool pprof` and services that read it",
	.is_binary = true,
	.takes_samples = true,
	.takes_base = true,
	.write = write_pprof,
};
