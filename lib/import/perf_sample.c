/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "import/perf_sample.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

/* linux/perf_event.h of later kernels than those whose headers egret is built with */
#define BRANCH_COUNTERS (1ull << 19)
#define READ_LOST (1ull << 4)

/* ---- which event, and when ---------------------------------------------------------------- */

/* Words before a field of a sample that has the fields `type`: they stand in a fixed order. */
static size_t words_before(uint64_t type, uint64_t field)
{
	static const uint64_t order[] = {
		PERF_SAMPLE_IDENTIFIER, PERF_SAMPLE_IP,	  PERF_SAMPLE_TID,
		PERF_SAMPLE_TIME,	PERF_SAMPLE_ADDR, PERF_SAMPLE_ID,
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]) && order[i] != field; i++)
		n += (type & order[i]) != 0;
	return n;
}

/* Words from a field to the end of another record, which has some of them at its end. */
static size_t words_behind(uint64_t type, uint64_t field)
{
	static const uint64_t order[] = {
		PERF_SAMPLE_TID,       PERF_SAMPLE_TIME, PERF_SAMPLE_ID,
		PERF_SAMPLE_STREAM_ID, PERF_SAMPLE_CPU,	 PERF_SAMPLE_IDENTIFIER,
	};
	size_t n = 0;

	for (size_t i = sizeof(order) / sizeof(order[0]); i-- > 0;) {
		n += (type & order[i]) != 0;
		if (order[i] == field)
			break;
	}
	return n;
}

static bool word_at(struct egret_bytes body, size_t word, uint64_t *value)
{
	egret_bytes_take(&body, word * 8);
	*value = egret_bytes_u64(&body);
	return !body.failed;
}

static bool word_from_end(struct egret_bytes body, size_t words, uint64_t *value)
{
	size_t len = egret_bytes_left(&body);

	return words * 8 <= len &&
	       word_at((struct egret_bytes){ body.end - words * 8, body.end, false }, 0, value);
}

/* UINT32_MAX: there is no such event. */
static uint32_t event_of(const struct egret_perf_file *file, const struct perf_event_header *header,
			 struct egret_bytes body)
{
	/* All events of a file have the identifier at the same place. */
	uint64_t type = file->events[0].attr.sample_type, id;
	bool has_first = type & PERF_SAMPLE_IDENTIFIER;
	bool is_sample = header->type == PERF_RECORD_SAMPLE, found;
	uint64_t field = has_first ? PERF_SAMPLE_IDENTIFIER : PERF_SAMPLE_ID;
	uint32_t event;

	if (!(type & field))
		return file->n_events == 1 || !is_sample ? 0 : UINT32_MAX;
	found = is_sample ? word_at(body, words_before(type, field), &id)
			  : word_from_end(body, words_behind(type, field), &id);
	if (!found)
		return UINT32_MAX;
	event = egret_perf_find_id(file, id);
	/* perf writes 0 where it makes records itself. */
	return event == UINT32_MAX && (!id || file->n_events == 1) ? 0 : event;
}

uint64_t egret_perf_record_time(const struct egret_perf_file *file,
				const struct perf_event_header *header, struct egret_bytes body)
{
	uint32_t event = event_of(file, header, body);
	const struct perf_event_attr *attr = &file->events[event == UINT32_MAX ? 0 : event].attr;
	uint64_t time = 0;

	if (!(attr->sample_type & PERF_SAMPLE_TIME))
		return 0;
	if (header->type == PERF_RECORD_SAMPLE)
		word_at(body, words_before(attr->sample_type, PERF_SAMPLE_TIME), &time);
	else if (attr->sample_id_all)
		word_from_end(body, words_behind(attr->sample_type, PERF_SAMPLE_TIME), &time);
	return time;
}

/* ---- the parts of a sample ---------------------------------------------------------------- */

static void take_ids(struct egret_bytes *b, const struct perf_event_attr *attr,
		     struct egret_perf_sample *s)
{
	uint64_t type = attr->sample_type;

	if (type & PERF_SAMPLE_IDENTIFIER)
		egret_bytes_u64(b);
	if (type & PERF_SAMPLE_IP)
		s->ip = egret_bytes_u64(b);
	if (type & PERF_SAMPLE_TID) {
		s->pid = egret_bytes_u32(b);
		s->tid = egret_bytes_u32(b);
	}
	if (type & PERF_SAMPLE_TIME)
		s->time = egret_bytes_u64(b);
	if (type & PERF_SAMPLE_ADDR)
		egret_bytes_u64(b);
	if (type & PERF_SAMPLE_ID)
		egret_bytes_u64(b);
	if (type & PERF_SAMPLE_STREAM_ID)
		egret_bytes_u64(b);
	if (type & PERF_SAMPLE_CPU) {
		s->cpu = egret_bytes_u32(b);
		egret_bytes_u32(b);
	}
	s->period = type & PERF_SAMPLE_PERIOD ? egret_bytes_u64(b) : attr->sample_period;
}

/* Counts that were read with the sample; those of a group stand behind each other. */
static void skip_read(struct egret_bytes *b, uint64_t format)
{
	bool group = format & PERF_FORMAT_GROUP;
	uint64_t times = !!(format & PERF_FORMAT_TOTAL_TIME_ENABLED) +
			 !!(format & PERF_FORMAT_TOTAL_TIME_RUNNING);
	uint64_t each = 1 + !!(format & PERF_FORMAT_ID) + !!(format & READ_LOST);
	uint64_t n = group ? egret_bytes_u64(b) : 1;

	if (n > egret_bytes_left(b) / 8)
		n = UINT32_MAX; /* fails below */
	egret_bytes_take(b, (times + n * each) * 8);
}

static void take_chain(struct egret_bytes *b, struct egret_perf_sample *s)
{
	s->n_chain = egret_bytes_u64(b);
	s->has_chain = true;
	if (s->n_chain > egret_bytes_left(b) / 8)
		s->n_chain = UINT32_MAX;
	s->chain = egret_bytes_take(b, s->n_chain * 8);
}

static void skip_branches(struct egret_bytes *b, uint64_t type)
{
	uint64_t n = egret_bytes_u64(b);

	if (type & PERF_SAMPLE_BRANCH_HW_INDEX)
		egret_bytes_u64(b);
	if (n > egret_bytes_left(b) / 24)
		n = UINT32_MAX;
	egret_bytes_take(b, n * (type & BRANCH_COUNTERS ? 32 : 24));
}

static void take_regs(struct egret_bytes *b, uint64_t mask, struct egret_perf_sample *s)
{
	s->has_regs = true;
	s->abi = egret_bytes_u64(b);
	if (s->abi == EGRET_PERF_ABI_NONE)
		return;
	for (unsigned int i = 0; i < EGRET_PERF_MAX_REGS; i++)
		if (mask >> i & 1)
			s->regs[i] = egret_bytes_u64(b);
}

static void take_stack(struct egret_bytes *b, struct egret_perf_sample *s)
{
	s->stack_asked = egret_bytes_u64(b);
	if (!s->stack_asked)
		return;
	s->stack = egret_bytes_take(b, s->stack_asked);
	s->stack_len = egret_bytes_u64(b);
	if (s->stack_len > s->stack_asked)
		egret_bytes_fail(b);
}

/* Up to the stack, in the order of perf_output_sample(); what follows is not wanted. */
static void take_sample(struct egret_bytes *b, const struct perf_event_attr *attr,
			struct egret_perf_sample *s)
{
	uint64_t type = attr->sample_type;

	take_ids(b, attr, s);
	if (type & PERF_SAMPLE_READ)
		skip_read(b, attr->read_format);
	if (type & PERF_SAMPLE_CALLCHAIN)
		take_chain(b, s);
	if (type & PERF_SAMPLE_RAW)
		egret_bytes_take(b, egret_bytes_u32(b));
	if (type & PERF_SAMPLE_BRANCH_STACK)
		skip_branches(b, attr->branch_sample_type);
	if (type & PERF_SAMPLE_REGS_USER)
		take_regs(b, attr->sample_regs_user, s);
	if (type & PERF_SAMPLE_STACK_USER)
		take_stack(b, s);
}

int egret_perf_sample_read(const struct egret_perf_file *file,
			   const struct perf_event_header *header, struct egret_bytes body,
			   struct egret_perf_sample *out, struct egret_error *err)
{
	uint32_t event = event_of(file, header, body);
	uint32_t mode = header->misc & PERF_RECORD_MISC_CPUMODE_MASK;
	const struct perf_event_attr *attr;

	if (event == UINT32_MAX)
		return egret_fail(err, EBADMSG, "a sample is of an event that it does not have");
	attr = &file->events[event].attr;
	if (attr->sample_type & PERF_SAMPLE_READ && attr->read_format & PERF_FORMAT_GROUP)
		return egret_fail(err, ENOTSUP,
				  "its events were read in groups (:S), whose "
				  "samples stand for several: this is not read");
	if (attr->branch_sample_type & PERF_SAMPLE_BRANCH_CALL_STACK)
		return egret_fail(err, ENOTSUP,
				  "its stacks are records of branches (--call-graph lbr), which "
				  "are not read");
	*out = (struct egret_perf_sample){ .event = event };
	out->is_user = mode == PERF_RECORD_MISC_USER || mode == PERF_RECORD_MISC_GUEST_USER;
	take_sample(&body, attr, out);
	return body.failed ? egret_fail(err, EBADMSG, "a sample of it is cut or damaged") : 0;
}
