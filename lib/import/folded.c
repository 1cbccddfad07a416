/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * "process;root;...;leaf count": what egret and FlameGraph's stackcollapse programs write.
 *
 * The first part is the process ("comm" or "comm-pid/tid"); a frame that ends in _[k] is the
 * kernel's, in _[j] a JIT's, in _[r] one whose caller was found without CFI, and one that ends in
 * _[i] is inlined into the one before it.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "import/import.h"
#include "import/lines.h"
#include "import/named.h"

struct folded {
	struct egret_named named;
	struct egret_buffer lines; /* struct egret_named_line, of the frame under way */
	uint32_t modules[3];	   /* by enum suffix */
	bool as_values;		   /* too many to be samples: a line is one, of that value */
	struct egret_error *err;
};

enum suffix { NO_SUFFIX, KERNEL, JIT, INLINED, RECOVERED };

static enum suffix suffix_of(const char *name, size_t *len)
{
	static const char letters[] = "kjir";
	const char *end = name + *len;
	const char *letter;

	if (*len < 5 || end[-1] != ']' || end[-3] != '[' || end[-4] != '_')
		return NO_SUFFIX;
	letter = memchr(letters, end[-2], sizeof(letters) - 1);
	if (!letter)
		return NO_SUFFIX;
	*len -= 4;
	return KERNEL + (enum suffix)(letter - letters);
}

/* The count at the end of a line. */
static bool take_count(const char *line, size_t *len, uint64_t *count)
{
	const char *blank = memrchr(line, ' ', *len);
	size_t digits;

	if (!blank)
		return false;
	digits = *len - (size_t)(blank - line) - 1;
	if (!digits || egret_digits(blank + 1, digits, 10, count) != digits)
		return false;
	*len = (size_t)(blank - line);
	return true;
}

/* "comm-pid/tid", or any other text. */
static uint32_t thread_of(struct folded *f, const char *name, size_t len)
{
	const char *slash = memrchr(name, '/', len), *dash;
	uint64_t pid, tid;
	size_t n;

	dash = slash ? memrchr(name, '-', (size_t)(slash - name)) : NULL;
	if (dash) {
		n = egret_digits(dash + 1, (size_t)(slash - dash) - 1, 10, &pid);
		if (n && dash + 1 + n == slash && pid <= INT32_MAX &&
		    egret_digits(slash + 1, (size_t)(name + len - slash) - 1, 10, &tid) ==
			    (size_t)(name + len - slash) - 1 &&
		    slash + 1 < name + len && tid <= INT32_MAX)
			return egret_named_thread(&f->named, name, (size_t)(dash - name), name,
						  (size_t)(dash - name), (int32_t)pid,
						  (int32_t)tid);
	}
	return egret_named_thread(&f->named, name, len, name, len, 0, 0);
}

/* A function and those that are inlined into it, which follow it. *at: behind them. */
static uint32_t take_frame(struct folded *f, const char **at, const char *end)
{
	enum suffix kind = NO_SUFFIX;
	bool is_first = true;

	egret_buffer_clear(&f->lines);
	while (*at < end) {
		const char *next = memchr(*at, ';', (size_t)(end - *at));
		struct egret_named_line line = { .name = *at };
		enum suffix suffix;

		line.len = (size_t)((next ? next : end) - *at);
		suffix = suffix_of(line.name, &line.len);
		if (!is_first && suffix != INLINED)
			break;
		if (is_first && suffix != INLINED)
			kind = suffix;
		egret_buffer_add(&f->lines, &line, sizeof(line));
		is_first = false;
		*at = next ? next + 1 : end;
	}
	/* Innermost first. */
	for (size_t i = 0, n = f->lines.len / sizeof(struct egret_named_line); i < n / 2; i++) {
		struct egret_named_line *lines = (struct egret_named_line *)f->lines.data;
		struct egret_named_line other = lines[i];

		lines[i] = lines[n - 1 - i];
		lines[n - 1 - i] = other;
	}
	if (f->lines.failed)
		return UINT32_MAX;
	return egret_named_frame(&f->named, f->modules[kind == RECOVERED ? NO_SUFFIX : kind],
				 EGRET_NAMED_NOWHERE,
				 kind == RECOVERED ? EGRET_FRAME_F_RECOVERED : 0,
				 (const struct egret_named_line *)f->lines.data,
				 f->lines.len / sizeof(struct egret_named_line));
}

static int take_line(struct folded *f, const char *line, size_t len, size_t number)
{
	const char *end, *first, *at;
	uint32_t thread, stack = 0;
	uint64_t count;
	size_t depth = 0;

	if (!take_count(line, &len, &count))
		return egret_fail(f->err, EBADMSG, "line %zu: no count behind a stack", number);
	if (!count)
		return 0;
	end = line + len;
	first = memchr(line, ';', len);
	thread = thread_of(f, line, (size_t)((first ? first : end) - line));
	at = first ? first + 1 : end;
	while (at < end && stack != UINT32_MAX) {
		if (++depth > EGRET_PROFILE_MAX_DEPTH)
			return egret_fail(f->err, EBADMSG, "line %zu: more than %d frames", number,
					  EGRET_PROFILE_MAX_DEPTH);
		stack = egret_profile_stack(f->named.profile, stack, take_frame(f, &at, end), NULL);
	}
	if (thread == UINT32_MAX || stack == UINT32_MAX)
		return egret_fail(f->err, ENOMEM, "out of memory");
	return egret_named_samples(&f->named, thread, stack, f->as_values ? 1 : count, count);
}

/* Whether there are too many samples to keep them one by one. */
static bool is_much(struct egret_lines lines)
{
	uint64_t count, sum = 0;
	const char *line;
	size_t len;

	while (egret_lines_next(&lines, &line, &len))
		if (take_count(line, &len, &count))
			sum = sum + count < sum ? UINT64_MAX : sum + count;
	return sum > EGRET_NAMED_MAX_SAMPLES;
}

static int begin(struct folded *f)
{
	static const struct egret_event event = { .name = "samples", .unit = "count", .period = 1 };

	f->modules[NO_SUFFIX] = egret_named_module_of(&f->named, "[unknown]", EGRET_MODULE_FILE);
	f->modules[KERNEL] = egret_named_module_of(&f->named, "[kernel.kallsyms]",
						   EGRET_MODULE_KERNEL);
	f->modules[JIT] = egret_named_module_of(&f->named, "[jit]", EGRET_MODULE_JIT);
	return egret_profile_add_event(f->named.profile, &event);
}

static int read_folded(const void *bytes, size_t len, struct egret_profile *profile,
		       struct egret_error *err)
{
	struct folded f = { .named = { .profile = profile }, .err = err };
	struct egret_lines lines = { bytes, (const char *)bytes + len, 0 };
	const char *line;
	size_t line_len;
	int ret = begin(&f);

	f.as_values = is_much(lines);
	while (!ret && egret_lines_next(&lines, &line, &line_len))
		if (line_len && *line != '#')
			ret = take_line(&f, line, line_len, lines.number);
	if (!ret && lines.p < lines.end)
		ret = egret_fail(err, EBADMSG, "line %zu: it has no end, the file is cut",
				 lines.number + 1);
	if (!ret && !egret_profile_n_samples(profile))
		ret = egret_fail(err, EBADMSG, "it has no stacks in it");
	if (!ret)
		ret = egret_named_account(&f.named);
	egret_named_deinit(&f.named);
	egret_buffer_deinit(&f.lines);
	return ret == -ENOMEM ? egret_fail(err, ENOMEM, "out of memory") : ret;
}

/* What is nothing else. */
static bool is_folded(const void *bytes, size_t len)
{
	return true;
}

const struct egret_importer egret_importer_folded = { "folded", is_folded, read_folded };
