/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * The text of perf script, and of `egret script`:
 *
 *	comm pid/tid [cpu] seconds.fraction: period event:
 *		address function+0x12 (file)
 *		address inlined function (inlined)
 *	  source file:line
 *
 * pid, cpu and period may be missing; the leaf is the first; an empty line ends a sample.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "import/import.h"
#include "import/lines.h"
#include "import/named.h"

/* Distinct events of one file: more are refused. */
#define MAX_EVENTS 256

/* The first line of a sample, in parts of it. */
struct head {
	const char *comm;
	size_t comm_len;
	uint64_t pid, tid, cpu, time, period;
	const char *event;
	size_t event_len;
	const char *rest; /* behind the event: a frame, where the sample has only one */
	size_t rest_len;
};

struct line {
	const char *text;
	size_t len;
};

struct script {
	struct egret_named named;
	struct egret_buffer lines;  /* struct egret_named_line, of the frame under way */
	struct egret_buffer frames; /* uint32_t, of the sample under way, leaf first */
	struct line events[MAX_EVENTS];
	size_t n_events;
	bool in_sample;
	uint32_t thread, event;
	struct head head;
	/* The frame under way: it is whole when another line than its source follows. */
	bool has_frame;
	uint64_t address;
	struct line file;
	size_t number; /* of the line */
	struct egret_error *err;
};

static int no_memory(struct script *s)
{
	return egret_fail(s->err, ENOMEM, "out of memory");
}

/* ---- the first line ----------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The word at *at, which is moved behind it and the blanks that follow. */
static struct line take_word(const char *text, size_t len, size_t *at)
{
	struct line word = { text + *at, 0 };

	while (*at < len && !is_blank(text[*at]))
		++*at;
	word.len = (size_t)(text + *at - word.text);
	while (*at < len && is_blank(text[*at]))
		++*at;
	return word;
}

/* "12345.678901:" in nanoseconds. */
static bool is_time(struct line word, uint64_t *ns)
{
	uint64_t seconds, fraction = 0;
	size_t n = egret_digits(word.text, word.len, 10, &seconds), digits;

	if (!n || n == word.len || word.text[n] != '.' || seconds > UINT64_MAX / 2000000000ull)
		return false;
	digits = egret_digits(word.text + n + 1, word.len - n - 1, 10, &fraction);
	if (!digits || digits > 9 || n + 1 + digits + 1 != word.len ||
	    word.text[word.len - 1] != ':')
		return false;
	for (; digits < 9; digits++)
		fraction *= 10;
	*ns = seconds * 1000000000 + fraction;
	return true;
}

static bool is_cpu(struct line word, uint64_t *cpu)
{
	return word.len > 2 && word.text[0] == '[' && word.text[word.len - 1] == ']' &&
	       egret_digits(word.text + 1, word.len - 2, 10, cpu) == word.len - 2 && *cpu < 65536;
}

/* "pid/tid", or one number that is both. */
static bool is_id(struct line word, uint64_t *pid, uint64_t *tid)
{
	size_t n = egret_digits(word.text, word.len, 10, pid);

	*tid = *pid;
	if (!n || *pid > INT32_MAX)
		return false;
	if (n == word.len)
		return true;
	return word.text[n] == '/' && n + 1 < word.len &&
	       egret_digits(word.text + n + 1, word.len - n - 1, 10, tid) == word.len - n - 1 &&
	       *tid <= INT32_MAX;
}

/* The name of a thread may have blanks and anything else in it: the time is what is looked for. */
static bool parse_head(const char *text, size_t len, struct head *head)
{
	struct line before = { text, 0 }, before_that = { text, 0 }, word;
	size_t at = 0, mark;

	*head = (struct head){ .comm = text, .period = 1 };
	for (;;) {
		struct line id;

		if (at == len)
			return false;
		word = take_word(text, len, &at);
		id = is_cpu(before, &head->cpu) ? before_that : before;
		if (id.len && id.text > text && is_time(word, &head->time) &&
		    is_id(id, &head->pid, &head->tid)) {
			head->comm_len = (size_t)(id.text - text);
			break;
		}
		before_that = before;
		before = word;
	}
	while (head->comm_len && is_blank(head->comm[head->comm_len - 1]))
		head->comm_len--;
	mark = at;
	word = take_word(text, len, &at);
	if (word.len && egret_digits(word.text, word.len, 10, &head->period) == word.len)
		word = take_word(text, len, &at);
	else
		head->period = 1;
	if (word.len < 2 || word.text[word.len - 1] != ':' || mark == len)
		return false;
	head->event = word.text;
	head->event_len = word.len - 1;
	head->rest = text + at;
	head->rest_len = len - at;
	return head->comm_len > 0;
}

/* ---- frames ------------------------------------------------------------------------------- */

/*
 * The bracket that the one at `close` ends, and that a blank precedes: files have brackets in their
 * names ("/memfd:x (deleted)"), and functions. Where they do not match, the last one with a blank.
 */
static const char *find_open(const char *begin, const char *close)
{
	const char *last = NULL;
	int depth = 1;

	for (const char *p = close; p > begin; p--) {
		depth += (p[-1] == ')') - (p[-1] == '(');
		if (p[-1] != '(' || (p - 1 > begin && p[-2] != ' '))
			continue;
		last = last ? last : p - 1;
		if (!depth)
			return p - 1;
	}
	return last;
}

/* "address function (file)" in parts. False: it is something else. */
static bool parse_frame(const char *text, size_t len, uint64_t *address, struct line *name,
			struct line *dso)
{
	size_t digits = egret_digits(text, len, 16, address), at, end;

	if (!digits || digits > 16 || digits == len || text[digits] != ' ')
		return false;
	at = digits + 1;
	*dso = (struct line){ "[unknown]", 9 };
	end = len;
	if (len > at && text[len - 1] == ')') {
		const char *open = find_open(text + at, text + len - 1);

		if (!open)
			return false;
		*dso = (struct line){ open + 1, (size_t)(text + len - 1 - open - 1) };
		end = (size_t)(open - text);
	}
	while (end > at && text[end - 1] == ' ')
		end--;
	*name = (struct line){ text + at, end - at };
	return true;
}

/* Without "+0x12", the place in the function. */
static void strip_offset(struct line *name)
{
	const char *plus = memrchr(name->text, '+', name->len);
	uint64_t value;
	size_t digits;

	if (!plus || plus == name->text)
		return;
	digits = name->len - (size_t)(plus - name->text);
	if (digits > 3 && plus[1] == '0' && plus[2] == 'x' &&
	    egret_digits(plus + 3, digits - 3, 16, &value) == digits - 3)
		name->len = (size_t)(plus - name->text);
}

static bool is_line(struct line line, const char *text)
{
	return line.len == strlen(text) && !memcmp(line.text, text, line.len);
}

/* The frame under way is whole. */
static int end_frame(struct script *s)
{
	const struct egret_named_line *lines = (const struct egret_named_line *)s->lines.data;
	size_t n = s->lines.len / sizeof(*lines);
	uint32_t frame;

	if (!s->has_frame && !n)
		return 0;
	if (!s->has_frame) /* inlined functions without the one that they are in */
		s->file = (struct line){ "[unknown]", 9 };
	if (n == 1 && is_line((struct line){ lines->name, lines->len }, "[unknown]"))
		n = 0;
	frame = egret_named_frame(&s->named,
				  egret_named_module(&s->named, s->file.text, s->file.len, NULL),
				  s->address, s->frames.len ? EGRET_FRAME_F_RETURN : 0, lines, n);
	if (frame == UINT32_MAX)
		return no_memory(s);
	egret_buffer_add(&s->frames, &frame, sizeof(frame));
	egret_buffer_clear(&s->lines);
	s->has_frame = false;
	return s->frames.failed ? no_memory(s) : 0;
}

static int take_frame(struct script *s, const char *text, size_t len)
{
	struct egret_named_line line = { 0 };
	struct line name, dso;
	uint64_t address;
	int ret = 0;

	if (!parse_frame(text, len, &address, &name, &dso))
		return egret_fail(s->err, EBADMSG, "line %zu: neither a frame nor a sample",
				  s->number);
	if (s->has_frame || (s->lines.len && address != s->address))
		ret = end_frame(s);
	if (ret)
		return ret;
	strip_offset(&name);
	line.name = name.text;
	line.len = name.len;
	egret_buffer_add(&s->lines, &line, sizeof(line));
	s->address = address;
	s->file = dso;
	s->has_frame = !is_line(dso, "inlined");
	return s->lines.failed ? no_memory(s) : 0;
}

/* "file:123" behind a frame, as -F +srcline has it. */
static bool take_source(struct script *s, const char *text, size_t len)
{
	const char *colon = memrchr(text, ':', len);
	struct egret_named_line *line;
	uint64_t number;
	size_t digits;

	if (!colon || !s->lines.len)
		return false;
	digits = len - (size_t)(colon - text) - 1;
	if (!digits || egret_digits(colon + 1, digits, 10, &number) != digits ||
	    number > UINT32_MAX)
		return false;
	line = (struct egret_named_line *)(s->lines.data + s->lines.len) - 1;
	line->file = text;
	line->file_len = (size_t)(colon - text);
	line->line = (uint32_t)number;
	return true;
}

/* ---- samples ------------------------------------------------------------------------------ */

static int end_sample(struct script *s)
{
	const uint32_t *frames;
	uint32_t stack = 0;
	size_t n;
	int ret;

	if (!s->in_sample)
		return 0;
	ret = end_frame(s);
	if (ret)
		return ret;
	s->in_sample = false;
	n = s->frames.len / sizeof(*frames);
	if (n > EGRET_PROFILE_MAX_DEPTH)
		return egret_fail(s->err, EBADMSG, "line %zu: a stack of more than %d frames",
				  s->number, EGRET_PROFILE_MAX_DEPTH);
	frames = (const uint32_t *)s->frames.data;
	while (n-- && stack != UINT32_MAX)
		stack = egret_profile_stack(s->named.profile, stack, frames[n], NULL);
	egret_buffer_clear(&s->frames);
	if (stack == UINT32_MAX ||
	    egret_named_sample(&s->named, s->thread, stack, s->event, s->head.period, s->head.time,
			       (uint32_t)s->head.cpu))
		return no_memory(s);
	return 0;
}

static int find_event(struct script *s, const char *name, size_t len)
{
	struct egret_event event = { .unit = "count" };
	char text[256];

	for (s->event = 0; s->event < s->n_events; s->event++)
		if (s->events[s->event].len == len && !memcmp(s->events[s->event].text, name, len))
			return 0;
	if (s->n_events == MAX_EVENTS)
		return egret_fail(s->err, EBADMSG, "line %zu: more than %d events", s->number,
				  MAX_EVENTS);
	s->events[s->n_events++] = (struct line){ name, len };
	len = len < sizeof(text) - 1 ? len : sizeof(text) - 1;
	memcpy(text, name, len);
	text[len] = 0;
	if (strstr(text, "cpu-clock") || strstr(text, "task-clock"))
		event.unit = "nanoseconds";
	event.name = text;
	return egret_profile_add_event(s->named.profile, &event) ? no_memory(s) : 0;
}

static int begin_sample(struct script *s, const char *text, size_t len)
{
	struct head *head = &s->head;
	int ret = end_sample(s);

	if (ret)
		return ret;
	if (!parse_head(text, len, head))
		return egret_fail(s->err, EBADMSG,
				  "line %zu: not the first line of a sample of perf script",
				  s->number);
	ret = find_event(s, head->event, head->event_len);
	if (ret)
		return ret;
	s->thread = egret_named_thread(&s->named, head->comm, head->comm_len, head->comm,
				       head->comm_len, (int32_t)head->pid, (int32_t)head->tid);
	if (s->thread == UINT32_MAX)
		return no_memory(s);
	s->in_sample = true;
	/* A single frame stands behind the event; so do a tracepoint's fields, which are none. */
	if (head->rest_len) {
		struct line name, dso;
		uint64_t address;

		if (parse_frame(head->rest, head->rest_len, &address, &name, &dso))
			return take_frame(s, head->rest, head->rest_len);
	}
	return 0;
}

static int take_line(struct script *s, const char *text, size_t len)
{
	size_t indent = 0;

	while (indent < len && is_blank(text[indent]))
		indent++;
	if (indent == len)
		return end_sample(s);
	if (*text == '#')
		return 0;
	if (!s->in_sample)
		return begin_sample(s, text + indent, len - indent);
	if (take_source(s, text + indent, len - indent))
		return 0;
	return indent ? take_frame(s, text + indent, len - indent) : begin_sample(s, text, len);
}

static int read_script(const void *bytes, size_t len, struct egret_profile *profile,
		       struct egret_error *err)
{
	struct script s = { .named = { .profile = profile }, .err = err };
	struct egret_lines lines = { bytes, (const char *)bytes + len, 0 };
	const char *line;
	size_t line_len;
	int ret = 0;

	while (!ret && egret_lines_next(&lines, &line, &line_len)) {
		s.number = lines.number;
		ret = take_line(&s, line, line_len);
	}
	if (!ret && lines.p < lines.end)
		ret = egret_fail(err, EBADMSG, "line %zu: it has no end, the file is cut",
				 lines.number + 1);
	if (!ret)
		ret = end_sample(&s);
	if (!ret && !egret_profile_n_samples(profile))
		ret = egret_fail(err, EBADMSG, "it has no samples in it");
	if (!ret && egret_named_account(&s.named))
		ret = no_memory(&s);
	egret_named_deinit(&s.named);
	egret_buffer_deinit(&s.lines);
	egret_buffer_deinit(&s.frames);
	return ret;
}

/* By its first line that is neither empty nor a comment. */
static bool is_script(const void *bytes, size_t len)
{
	struct egret_lines lines = { bytes, (const char *)bytes + len, 0 };
	const char *line;
	struct head head;
	size_t line_len;

	while (lines.number < 10000 && egret_lines_next(&lines, &line, &line_len)) {
		while (line_len && is_blank(*line)) {
			line++;
			line_len--;
		}
		if (line_len && *line != '#')
			return parse_head(line, line_len, &head);
	}
	return false;
}

const struct egret_importer egret_importer_perf_script = { "perf-script", is_script, read_script };
