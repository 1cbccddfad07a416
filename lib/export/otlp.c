/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * OpenTelemetry's profiles, v1development: a ProfilesData, which is also what a collector takes as
 * ExportProfilesServiceRequest.
 *
 * A Profile for each set of labels, which are the attributes of its Resource. Its samples are
 * threads with stacks: each of their samples is a value and a time.
 * Tables have an empty element first, so that numbers of ours are one less.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "export/by_thread.h"
#include "export/code_tables.h"
#include "export/export.h"
#include "export/otlp_profiles_1_11_0.pb-c.h"
#include "export/proto.h"

/* Numbers of fields whose messages are put together here: see the .proto. */
enum {
	DATA_RESOURCE_PROFILES = 1,
	DATA_DICTIONARY = 2,
	RESOURCE_RESOURCE = 1,
	RESOURCE_SCOPE_PROFILES = 2,
	SCOPE_SCOPE = 1,
	SCOPE_PROFILES = 2,
	PROFILE_SAMPLES = 2,
	TABLE_MAPPING = 1,
	TABLE_LOCATION = 2,
	TABLE_FUNCTION = 3,
	TABLE_LINK = 4,
	TABLE_STRING = 5,
	TABLE_ATTRIBUTE = 6,
	TABLE_STACK = 7,
};

/* An attribute: its value is a text, or else a number. */
struct attribute {
	uint32_t key;  /* string */
	uint32_t text; /* string; EGRET_INDEX_NONE: a number */
	int64_t number;
};

struct otlp {
	struct egret_code_tables code;
	struct egret_by_thread by_entry;
	struct egret_interned attributes;
	struct egret_buffer dictionary, samples, profile, data;
	uint64_t *by_set; /* entries with samples: set of labels << 32 | entry; in this order */
	size_t n_by_set;
	uint32_t set;				    /* under way */
	struct egret_buffer numbers, values, times; /* of the message under way */
	int32_t *stack_index;			    /* by stack: 0: not in the table yet */
	int32_t n_stacks;
	int32_t *location_index, *mapping_index; /* by frame, by module */
	uint64_t first_time, last_time;		 /* of samples */
	uint64_t start;				 /* of the first sample, since 1970 */
	bool failed;				 /* no memory */
};

static int32_t string(struct otlp *o, const char *text)
{
	uint32_t number = egret_code_string(&o->code, text);

	o->failed |= number == EGRET_INDEX_NONE;
	return (int32_t)number;
}

static int32_t put_attribute(struct otlp *o, const char *key, const char *text, int64_t number)
{
	struct attribute attribute;
	uint32_t index;

	memset(&attribute, 0, sizeof(attribute));
	attribute.key = (uint32_t)string(o, key);
	attribute.text = text ? (uint32_t)string(o, text) : EGRET_INDEX_NONE;
	attribute.number = text ? 0 : number;
	index = egret_interned_put(&o->attributes, &attribute);
	o->failed |= index == EGRET_INDEX_NONE;
	return (int32_t)index + 1;
}

/* ---- stacks ------------------------------------------------------------------------------- */

/* Locations are numbered as frames are, after the empty one. */
static int32_t put_stack(struct otlp *o, uint32_t stack)
{
	Egret__Otlp__Stack message = EGRET__OTLP__STACK__INIT;

	if (o->stack_index[stack])
		return o->stack_index[stack];
	egret_buffer_clear(&o->numbers);
	for (uint32_t at = stack; at;) {
		struct egret_profile_node node = egret_profile_get_stack(o->code.profile, at);

		if (egret_code_has_frame(&o->code, node.frame))
			egret_buffer_add(&o->numbers, &o->location_index[node.frame],
					 sizeof(int32_t));
		at = node.parent;
	}
	message.n_location_indices = o->numbers.len / sizeof(int32_t);
	message.location_indices = (int32_t *)o->numbers.data;
	egret_proto_add_field(&o->dictionary, TABLE_STACK, &message.base);
	return o->stack_index[stack] = ++o->n_stacks;
}

/* ---- samples ------------------------------------------------------------------------------ */

#define MAX_ATTRIBUTES 5

/* Whether the resource says it already. */
static bool is_label(const struct otlp *o, const char *key)
{
	const struct egret_profile *profile = o->code.profile;
	size_t n;
	const struct egret_profile_label *labels = egret_profile_get_label_set(profile, o->set, &n);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(egret_profile_get_string(profile, labels[i].key), key))
			return true;
	return false;
}

/* Whose a sample is. Returns how many there are. */
static size_t put_thread(struct otlp *o, uint32_t thread, int32_t attributes[MAX_ATTRIBUTES])
{
	const struct egret_profile *profile = o->code.profile;
	const struct egret_profile_thread *t = egret_profile_get_thread(profile, thread);
	uint32_t cgroup = egret_profile_get_cgroup(profile, thread);
	size_t n = 0;

	attributes[n++] = put_attribute(o, "process.pid", NULL, t->pid);
	if (!is_label(o, "process.executable.name"))
		attributes[n++] = put_attribute(o, "process.executable.name",
						egret_profile_get_string(profile, t->process), 0);
	attributes[n++] = put_attribute(o, "thread.id", NULL, t->tid);
	attributes[n++] = put_attribute(o, "thread.name",
					egret_profile_get_string(profile, t->comm), 0);
	if (cgroup && !is_label(o, "process.linux.cgroup"))
		attributes[n++] = put_attribute(o, "process.linux.cgroup",
						egret_profile_get_string(profile, cgroup), 0);
	return n;
}

static void write_sample(struct otlp *o, uint32_t entry)
{
	const struct egret_profile *profile = o->code.profile;
	const struct egret_profile_key *key = &egret_profile_get_entry(profile, entry)->key;
	Egret__Otlp__Sample message = EGRET__OTLP__SAMPLE__INIT;
	int32_t attributes[MAX_ATTRIBUTES];
	size_t n_attributes;
	size_t n = egret_by_thread_count(&o->by_entry, entry);

	egret_buffer_clear(&o->values);
	egret_buffer_clear(&o->times);
	for (size_t i = 0; i < n; i++) {
		const struct egret_profile_sample *s = egret_by_thread_sample(&o->by_entry, entry,
									      i);
		int64_t value = (int64_t)s->value;
		uint64_t time = o->start + (s->time - o->first_time);

		egret_buffer_add(&o->values, &value, sizeof(value));
		egret_buffer_add(&o->times, &time, sizeof(time));
	}
	n_attributes = put_thread(o, key->thread, attributes);
	message.stack_index = put_stack(o, key->stack);
	message.n_attribute_indices = n_attributes;
	message.attribute_indices = attributes;
	message.n_values = message.n_timestamps_unix_nano = n;
	message.values = (int64_t *)o->values.data;
	message.timestamps_unix_nano = (uint64_t *)o->times.data;
	egret_proto_add_field(&o->samples, PROFILE_SAMPLES, &message.base);
	o->failed |= o->values.failed || o->times.failed;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int sort_by_set(struct otlp *o)
{
	const struct egret_profile *profile = o->code.profile;
	size_t n = egret_profile_n_entries(profile);

	o->by_set = calloc(n + 1, sizeof(*o->by_set));
	if (!o->by_set)
		return -ENOMEM;
	for (uint32_t e = 0; e < n; e++) {
		uint32_t thread = egret_profile_get_entry(profile, e)->key.thread;

		if (egret_by_thread_count(&o->by_entry, e))
			o->by_set[o->n_by_set++] =
				(uint64_t)egret_profile_get_thread_labels(profile, thread) << 32 |
				e;
	}
	qsort(o->by_set, o->n_by_set, sizeof(*o->by_set), by_number);
	return 0;
}

/* ---- the tables of code ------------------------------------------------------------------- */

static void write_functions(struct otlp *o)
{
	for (uint32_t i = 0; i < o->code.functions.n; i++) {
		const struct egret_code_function *f = egret_interned_item(&o->code.functions, i);
		Egret__Otlp__Function message = EGRET__OTLP__FUNCTION__INIT;

		message.name_strindex = (int32_t)f->name;
		message.filename_strindex = (int32_t)f->file;
		egret_proto_add_field(&o->dictionary, TABLE_FUNCTION, &message.base);
	}
}

/* profile.frame.type of the semantic conventions; NULL: none of them. */
static const char *frame_type(uint32_t kind)
{
	switch (kind) {
	case EGRET_MODULE_KERNEL:
		return "kernel";
	case EGRET_MODULE_FILE:
	case EGRET_MODULE_VDSO:
		return "native";
	default:
		return NULL;
	}
}

static void write_location(struct otlp *o, uint32_t frame)
{
	const struct egret_profile *profile = o->code.profile;
	uint32_t module = egret_profile_get_frame(profile, frame)->module;
	const char *type = frame_type(egret_profile_get_module(profile, module)->kind);
	Egret__Otlp__Location message = EGRET__OTLP__LOCATION__INIT;
	Egret__Otlp__Line lines[EGRET_PROFILE_MAX_LINES], *list[EGRET_PROFILE_MAX_LINES];
	size_t n;
	const struct egret_frame *frames = egret_profile_frames_at(profile, frame, &n);
	int32_t attribute;

	o->failed |= !frames;
	for (size_t i = 0; frames && i < n; i++) {
		uint32_t function = egret_code_function(&o->code, &frames[i]);

		o->failed |= function == EGRET_INDEX_NONE;
		egret__otlp__line__init(&lines[i]);
		lines[i].function_index = (int32_t)function + 1;
		lines[i].line = frames[i].line;
		list[i] = &lines[i];
	}
	message.mapping_index = o->mapping_index[module];
	message.address = egret_code_address(&o->code, frame);
	message.n_lines = frames ? n : 0;
	message.lines = list;
	attribute = type ? put_attribute(o, "profile.frame.type", type, 0) : 0;
	message.n_attribute_indices = type ? 1 : 0;
	message.attribute_indices = &attribute;
	egret_proto_add_field(&o->dictionary, TABLE_LOCATION, &message.base);
}

static void write_mapping(struct otlp *o, uint32_t number)
{
	const struct egret_profile_module *module = egret_profile_get_module(o->code.profile,
									     number);
	Egret__Otlp__Mapping message = EGRET__OTLP__MAPPING__INIT;
	const char *id = egret_code_build_id(&o->code, number);
	int32_t attribute = 0;

	o->failed |= !id;
	if (module->build_id.len && id)
		attribute = put_attribute(o, "process.executable.build_id.gnu", id, 0);
	message.memory_start = o->code.ranges[number].start;
	message.memory_limit = o->code.ranges[number].limit;
	message.filename_strindex = string(o,
					   egret_profile_get_string(o->code.profile, module->path));
	message.n_attribute_indices = attribute ? 1 : 0;
	message.attribute_indices = &attribute;
	egret_proto_add_field(&o->dictionary, TABLE_MAPPING, &message.base);
}

/* Those of frames that are used, in the order of their numbers here. */
static int number_code(struct otlp *o)
{
	const struct egret_profile *profile = o->code.profile;
	size_t n_frames = egret_profile_n_frames(profile), n_modules;
	int32_t n = 0;

	n_modules = egret_profile_n_modules(profile);
	o->location_index = calloc(n_frames + 1, sizeof(*o->location_index));
	o->mapping_index = calloc(n_modules + 1, sizeof(*o->mapping_index));
	o->stack_index = calloc(egret_profile_n_stacks(profile) + 1, sizeof(*o->stack_index));
	if (!o->location_index || !o->mapping_index || !o->stack_index)
		return -ENOMEM;
	for (uint32_t f = 0; f < n_frames; f++) {
		uint32_t module = egret_profile_get_frame(profile, f)->module;

		if (!o->code.used[f])
			continue;
		o->location_index[f] = ++n;
		o->mapping_index[module] = 1;
	}
	n = 0;
	for (uint32_t m = 0; m < n_modules; m++)
		if (egret_profile_get_module(profile, m)->kind == EGRET_MODULE_CUT)
			o->mapping_index[m] = 0;
		else if (o->mapping_index[m])
			o->mapping_index[m] = ++n;
	return 0;
}

static void write_code(struct otlp *o)
{
	for (uint32_t m = 0; m < egret_profile_n_modules(o->code.profile); m++)
		if (o->mapping_index[m])
			write_mapping(o, m);
	for (uint32_t f = 0; f < egret_profile_n_frames(o->code.profile) && !o->failed; f++)
		if (o->code.used[f])
			write_location(o, f);
	write_functions(o);
}

/* ---- attributes and strings: the last, when nobody adds to them --------------------------- */

static void write_attributes(struct otlp *o)
{
	const char *const *strings = (const char *const *)o->code.strings.items;

	for (uint32_t i = 0; i < o->attributes.n; i++) {
		const struct attribute *a = egret_interned_item(&o->attributes, i);
		Egret__Otlp__KeyValueAndUnit message = EGRET__OTLP__KEY_VALUE_AND_UNIT__INIT;
		Egret__Otlp__AnyValue value = EGRET__OTLP__ANY_VALUE__INIT;

		if (a->text == EGRET_INDEX_NONE) {
			value.value_case = EGRET__OTLP__ANY_VALUE__VALUE_INT_VALUE;
			value.int_value = a->number;
		} else {
			value.value_case = EGRET__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
			value.string_value = (char *)strings[a->text];
		}
		message.key_strindex = (int32_t)a->key;
		message.value = &value;
		egret_proto_add_field(&o->dictionary, TABLE_ATTRIBUTE, &message.base);
	}
}

static void write_strings(struct otlp *o)
{
	const char *const *strings = (const char *const *)o->code.strings.items;

	for (uint32_t i = 0; i < o->code.strings.n; i++)
		egret_proto_add_bytes(&o->dictionary, TABLE_STRING, strings[i], strlen(strings[i]));
}

/* Place 0 of each table: a message without a field in it; strings have "" there. */
static void write_empty(struct otlp *o)
{
	static const uint32_t tables[] = { TABLE_MAPPING, TABLE_LOCATION,  TABLE_FUNCTION,
					   TABLE_LINK,	  TABLE_ATTRIBUTE, TABLE_STACK };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		egret_proto_add_tag(&o->dictionary, tables[i], 0);
}

/* ---- the profile -------------------------------------------------------------------------- */

static double meta_number(const struct egret_profile *profile, const char *key)
{
	const char *text = egret_profile__meta(profile, key);

	return text ? strtod(text, NULL) : 0;
}

static void find_times(struct otlp *o)
{
	double start = meta_number(o->code.profile, "start-time");
	const char *offset = egret_profile__meta(o->code.profile, "clock-offset");

	egret_profile__times(o->code.profile, &o->first_time, &o->last_time);
	if (offset)
		o->start = o->first_time + (uint64_t)strtoll(offset, NULL, 10);
	else
		o->start = start > 0 && start < 1e10 ? (uint64_t)(start * 1e9) : 0;
}

/* 16 bytes, of a profile that was given an id: who gets it twice can tell. */
static size_t profile_id(const struct otlp *o, unsigned char id[16])
{
	const char *text = egret_profile__meta(o->code.profile, "profile-id");
	int len = 0;

	if (!text || strlen(text) != 32)
		return 0;
	for (size_t i = 0; i < 16; i++)
		if (sscanf(&text[2 * i], "%2hhx%n", &id[i], &len) != 1 || len != 2)
			return 0;
	for (size_t i = 0; i < 4; i++) /* one for each of its profiles */
		id[12 + i] ^= (unsigned char)(o->set >> 8 * i);
	return 16;
}

static void write_profile(struct otlp *o)
{
	static const struct egret_event none = { .name = "", .unit = "nanoseconds" };
	const struct egret_event *event = egret_profile__event(o->code.profile,
							       o->code.opts->event);
	Egret__Otlp__Profile message = EGRET__OTLP__PROFILE__INIT;
	Egret__Otlp__ValueType type = EGRET__OTLP__VALUE_TYPE__INIT;
	unsigned char id[16];
	bool is_clock;

	message.profile_id.len = profile_id(o, id);
	message.profile_id.data = id;
	event = event ? event : &none;
	is_clock = !strcmp(event->unit, "nanoseconds");
	type.type_strindex = string(o, is_clock ? "cpu" : event->name);
	type.unit_strindex = string(o, event->unit);
	message.sample_type = message.period_type = &type;
	message.time_unix_nano = o->start;
	message.duration_nano = o->last_time - o->first_time + 1;
	message.period = (int64_t)event->period;
	if (is_clock && !event->period && event->frequency)
		message.period = (int64_t)(1000000000 / event->frequency);
	egret_proto_add(&o->profile, &message.base);
	egret_buffer_add(&o->profile, o->samples.data, o->samples.len);
}

static void add_attribute(struct otlp *o, Egret__Otlp__Resource *to, const char *key,
			  const char *text)
{
	Egret__Otlp__KeyValue *attribute = to->attributes[to->n_attributes];

	attribute->value->string_value = (char *)egret_text_clean(&o->code.texts, text);
	attribute->key = (char *)egret_text_clean(&o->code.texts, key);
	if (attribute->key && attribute->value->string_value)
		to->n_attributes++;
	else
		o->failed = true;
}

/* The host and the labels, of which one may be the host's, too: then it is what a rule has made. */
static void add_resource(struct otlp *o, struct egret_buffer *to)
{
	const char *host = egret_profile__meta(o->code.profile, "hostname");
	Egret__Otlp__Resource message = EGRET__OTLP__RESOURCE__INIT;
	Egret__Otlp__KeyValue attributes[EGRET_LABELS_MAX + 1], *list[EGRET_LABELS_MAX + 1];
	Egret__Otlp__AnyValue values[EGRET_LABELS_MAX + 1];
	size_t n;
	const struct egret_label *labels = egret_profile_labels_at(o->code.profile, o->set, &n);

	o->failed |= n && !labels;
	for (size_t i = 0; i < EGRET_LABELS_MAX + 1; i++) {
		egret__otlp__key_value__init(&attributes[i]);
		egret__otlp__any_value__init(&values[i]);
		values[i].value_case = EGRET__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
		attributes[i].value = &values[i];
		list[i] = &attributes[i];
	}
	message.attributes = list;
	if (host && !is_label(o, "host.name"))
		add_attribute(o, &message, "host.name", host);
	for (size_t i = 0; labels && i < n; i++)
		add_attribute(o, &message, labels[i].key, labels[i].value);
	egret_proto_add_field(to, RESOURCE_RESOURCE, &message.base);
}

/* From the inside out: each frame says how much is in it. */
static void add_resource_profiles(struct otlp *o)
{
	Egret__Otlp__InstrumentationScope scope = EGRET__OTLP__INSTRUMENTATION_SCOPE__INIT;
	struct egret_buffer scopes = { 0 }, resource = { 0 };

	scope.name = (char *)"egret";
	scope.version = (char *)egret_version();
	egret_proto_add_field(&scopes, SCOPE_SCOPE, &scope.base);
	egret_proto_add_tag(&scopes, SCOPE_PROFILES, o->profile.len);
	add_resource(o, &resource);
	egret_proto_add_tag(&resource, RESOURCE_SCOPE_PROFILES, scopes.len + o->profile.len);
	egret_proto_add_tag(&o->data, DATA_RESOURCE_PROFILES,
			    resource.len + scopes.len + o->profile.len);
	egret_buffer_add(&o->data, resource.data, resource.len);
	egret_buffer_add(&o->data, scopes.data, scopes.len);
	egret_buffer_add(&o->data, o->profile.data, o->profile.len);
	o->failed |= scopes.failed || resource.failed || o->samples.failed || o->profile.failed;
	egret_buffer_deinit(&scopes);
	egret_buffer_deinit(&resource);
}

/* Those whose labels are the same, from *at on. A profile without samples is one, too. */
static void write_set(struct otlp *o, size_t *at)
{
	o->set = *at < o->n_by_set ? (uint32_t)(o->by_set[*at] >> 32) : 0;
	egret_buffer_clear(&o->samples);
	egret_buffer_clear(&o->profile);
	for (; *at < o->n_by_set && o->by_set[*at] >> 32 == o->set; ++*at)
		write_sample(o, (uint32_t)o->by_set[*at]);
	write_profile(o);
	add_resource_profiles(o);
}

static void write_data(struct otlp *o, FILE *out)
{
	struct egret_buffer head = { 0 };

	fwrite(o->data.data, 1, o->data.len, out);
	egret_proto_add_tag(&head, DATA_DICTIONARY, o->dictionary.len);
	o->failed |= head.failed;
	fwrite(head.data, 1, head.len, out);
	fwrite(o->dictionary.data, 1, o->dictionary.len, out);
	egret_buffer_deinit(&head);
}

static int fill(struct otlp *o, const struct egret_profile *profile,
		const struct egret_export_opts *opts)
{
	int ret = egret_code_tables_init(&o->code, profile, opts);
	size_t at = 0;

	egret_interned_init(&o->attributes, sizeof(struct attribute), sizeof(struct attribute));
	if (!ret)
		ret = egret_by_entry_init(&o->by_entry, profile, opts->event);
	if (!ret)
		ret = number_code(o);
	if (!ret)
		ret = sort_by_set(o);
	if (ret)
		return ret;
	find_times(o);
	write_empty(o);
	do
		write_set(o, &at);
	while (at < o->n_by_set && !o->failed);
	write_code(o);
	write_attributes(o);
	write_strings(o);
	return o->failed || o->dictionary.failed || o->data.failed || o->numbers.failed ? -ENOMEM
											: 0;
}

static int write_otlp(const struct egret_profile *profile, const struct egret_export_opts *opts,
		      FILE *out, struct egret_error *err)
{
	struct otlp o = { .failed = false };
	int ret = fill(&o, profile, opts);

	if (!ret)
		write_data(&o, out);
	egret_code_tables_deinit(&o.code);
	egret_by_thread_deinit(&o.by_entry);
	egret_interned_deinit(&o.attributes);
	egret_buffer_deinit(&o.dictionary);
	egret_buffer_deinit(&o.samples);
	egret_buffer_deinit(&o.profile);
	egret_buffer_deinit(&o.data);
	egret_buffer_deinit(&o.numbers);
	egret_buffer_deinit(&o.values);
	egret_buffer_deinit(&o.times);
	free(o.location_index);
	free(o.mapping_index);
	free(o.stack_index);
	free(o.by_set);
	return ret || o.failed ? egret_fail(err, ENOMEM, "not enough memory for the OTLP profile")
			       : 0;
}

const struct egret_exporter egret_exporter_otlp = {
	.name = "otlp",
	.text = "OpenTelemetry's profiles, v1development of release 1.11.0",
	.is_binary = true,
	.needs_samples = true,
	.write = write_otlp,
};
