/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "import/named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/reasons.h"

/* Names that one address may have, one after the other: code is made anew there. */
#define MAX_GENERATIONS 8

void egret_named_deinit(struct egret_named *named)
{
	egret_buffer_deinit(&named->key);
	free(named->lines);
}

uint32_t egret_named_string(struct egret_named *named, const char *text, size_t len)
{
	return egret_profile_string(named->profile, text, len, NULL);
}

/* ---- modules ------------------------------------------------------------------------------ */

static bool begins(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && !memcmp(text, with, strlen(with));
}

static enum egret_module_kind kind_of(const char *path, size_t len)
{
	if (begins(path, len, "[kernel") || begins(path, len, "[guest.kernel") ||
	    (len > 3 && !memcmp(path + len - 3, ".ko", 3)))
		return EGRET_MODULE_KERNEL;
	if (begins(path, len, "[vdso]"))
		return EGRET_MODULE_VDSO;
	if (begins(path, len, "[jit]") || begins(path, len, "/tmp/perf-") ||
	    begins(path, len, "//anon"))
		return EGRET_MODULE_JIT;
	return EGRET_MODULE_FILE;
}

static uint32_t add_module(struct egret_named *named, const char *path, size_t len,
			   enum egret_module_kind kind, const struct egret_build_id *id)
{
	struct egret_profile_module module = { .kind = kind };

	if (id && kind == EGRET_MODULE_FILE)
		module.build_id = *id;
	module.path = egret_named_string(named, path, len);
	return module.path == UINT32_MAX ? UINT32_MAX
					 : egret_profile_module(named->profile, &module, NULL);
}

uint32_t egret_named_module(struct egret_named *named, const char *path, size_t len,
			    const struct egret_build_id *id)
{
	return add_module(named, path, len, kind_of(path, len), id);
}

uint32_t egret_named_module_of(struct egret_named *named, const char *path,
			       enum egret_module_kind kind)
{
	return add_module(named, path, strlen(path), kind, NULL);
}

/* ---- frames ------------------------------------------------------------------------------- */

static bool is_made_name(const char *name, size_t len)
{
	return len > 4 && name[0] == '[' && name[len - 1] == ']' && memmem(name, len, "+0x", 3);
}

/* The lines as the profile has them, in named->lines. */
static int take_lines(struct egret_named *named, const struct egret_named_line *lines, size_t n)
{
	if (n > named->lines_capacity) {
		struct egret_profile_line *grown = reallocarray(named->lines, n * 2,
								sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		named->lines = grown;
		named->lines_capacity = n * 2;
	}
	for (size_t i = 0; i < n; i++) {
		struct egret_profile_line *to = &named->lines[i];

		*to = (struct egret_profile_line){ .line = lines[i].line };
		to->name = egret_named_string(named, lines[i].name, lines[i].len);
		if (lines[i].file)
			to->file = egret_named_string(named, lines[i].file, lines[i].file_len);
		if (is_made_name(lines[i].name, lines[i].len))
			to->flags |= EGRET_FRAME_F_UNNAMED;
		if (i + 1 < n)
			to->flags |= EGRET_FRAME_F_INLINED;
		if (to->name == UINT32_MAX || to->file == UINT32_MAX)
			return -ENOMEM;
	}
	return 0;
}

/* A number for lines that are nowhere: equal ones have the same. */
static uint64_t number_of_lines(struct egret_named *named, const struct egret_named_line *lines,
				size_t n)
{
	egret_buffer_clear(&named->key);
	for (size_t i = 0; i < n; i++) {
		egret_buffer_add(&named->key, lines[i].name, lines[i].len);
		egret_buffer_add(&named->key, "\n", 1);
		egret_buffer_add(&named->key, &lines[i].line, lines[i].file ? 4 : 0);
		egret_buffer_add(&named->key, lines[i].file, lines[i].file_len);
		egret_buffer_add(&named->key, "\n", 1);
	}
	/* 48 bits: formats give each file a range of addresses. */
	return egret_hash_bytes(named->key.data, named->key.len) & 0xffffffffffffull;
}

static bool has_lines(const struct egret_named *named, uint32_t frame, size_t n)
{
	size_t n_have;
	const struct egret_profile_line *have = egret_profile_get_lines(named->profile, frame,
									&n_have);

	return !have || (n_have == n && !memcmp(have, named->lines, n * sizeof(*have)));
}

/* Code that is at an address where other code was is a module of its own. */
static uint32_t find_frame(struct egret_named *named, struct egret_profile_frame *at, size_t n)
{
	struct egret_profile_module module = *egret_profile_get_module(named->profile, at->module);
	uint32_t frame = egret_profile_frame(named->profile, at, NULL);

	for (uint64_t g = 1; frame != UINT32_MAX && !has_lines(named, frame, n); g++) {
		if (g == MAX_GENERATIONS)
			return frame; /* the last name stands for all */
		module.ino = g;
		at->module = egret_profile_module(named->profile, &module, NULL);
		frame = at->module == UINT32_MAX ? UINT32_MAX
						 : egret_profile_frame(named->profile, at, NULL);
	}
	return frame;
}

/* The offset of the frame by which egret marks a stack that is cut, or UINT64_MAX. */
static uint64_t cut_of(const struct egret_named_line *line)
{
	const char *reason = line->name + 6;
	size_t len = line->len - 7;

	if (line->len < 8 || memcmp(line->name, "[cut: ", 6) || line->name[line->len - 1] != ']')
		return UINT64_MAX;
	for (unsigned int end = 0; end < EGRET_UNWIND_NR; end++)
		if (strlen(egret_unwind_end_name(end)) == len &&
		    !memcmp(egret_unwind_end_name(end), reason, len))
			return end;
	for (unsigned int end = 0; end < EGRET_CAPTURE_NR; end++)
		if (strlen(egret_capture_end_name(end)) == len &&
		    !memcmp(egret_capture_end_name(end), reason, len))
			return end << 8 | EGRET_UNWIND_NO_CAPTURE;
	return UINT64_MAX;
}

static uint32_t cut_frame(struct egret_named *named, uint64_t offset)
{
	struct egret_profile_frame frame = { .offset = offset };

	frame.module = egret_named_module_of(named, "[cut]", EGRET_MODULE_CUT);
	return frame.module == UINT32_MAX ? UINT32_MAX
					  : egret_profile_frame(named->profile, &frame, NULL);
}

uint32_t egret_named_frame(struct egret_named *named, uint32_t module, uint64_t offset,
			   uint32_t flags, const struct egret_named_line *lines, size_t n)
{
	struct egret_profile_frame at = { .module = module, .flags = flags, .offset = offset };
	uint32_t frame;

	if (module == UINT32_MAX)
		return UINT32_MAX;
	if (n == 1 && cut_of(lines) != UINT64_MAX)
		return cut_frame(named, cut_of(lines));
	if (offset == EGRET_NAMED_NOWHERE)
		at.offset = number_of_lines(named, lines, n);
	if (n > EGRET_PROFILE_MAX_LINES) { /* the innermost go */
		lines += n - EGRET_PROFILE_MAX_LINES;
		n = EGRET_PROFILE_MAX_LINES;
	}
	if (named->key.failed || take_lines(named, lines, n))
		return UINT32_MAX;
	if (!n)
		return egret_profile_frame(named->profile, &at, NULL);
	frame = find_frame(named, &at, n);
	if (frame != UINT32_MAX && egret_profile_set_lines(named->profile, frame, named->lines, n))
		return UINT32_MAX;
	return frame;
}

/* ---- samples ------------------------------------------------------------------------------ */

uint32_t egret_named_thread(struct egret_named *named, const char *process, size_t process_len,
			    const char *comm, size_t comm_len, int32_t pid, int32_t tid)
{
	struct egret_profile_thread thread = {
		.pid = pid,
		.tid = tid,
		.process = egret_named_string(named, process, process_len),
		.comm = egret_named_string(named, comm, comm_len),
	};

	if (thread.process == UINT32_MAX || thread.comm == UINT32_MAX)
		return UINT32_MAX;
	return egret_profile_thread(named->profile, &thread, NULL);
}

int egret_named_sample(struct egret_named *named, uint32_t thread, uint32_t stack, uint32_t event,
		       uint64_t value, uint64_t time, uint32_t cpu)
{
	struct egret_profile_key key = {
		.thread = thread,
		.stack = stack,
		.event = event,
		.capture_end = EGRET_CAPTURE_IMPORTED,
		.unwind_end = EGRET_UNWIND_IMPORTED,
	};
	struct egret_profile_values values = { .samples = 1, .value = value };

	if (thread == UINT32_MAX || stack == UINT32_MAX)
		return -ENOMEM;
	return egret_profile_add_sample(named->profile, &key, &values, time, cpu);
}

int egret_named_samples(struct egret_named *named, uint32_t thread, uint32_t stack, uint64_t count,
			uint64_t value)
{
	uint64_t each = count ? value / count : 0, rest = count ? value % count : 0;
	int ret = 0;

	for (uint64_t i = 0; i < count && !ret; i++)
		ret = egret_named_sample(named, thread, stack, 0, each + (i < rest), named->time++,
					 0);
	return ret;
}

int egret_named_account(struct egret_named *named)
{
	uint64_t n = egret_profile_n_samples(named->profile);
	int ret = egret_profile_set_stat(named->profile, "samples.written", "samples imported", n);

	ret |= egret_profile_set_stat(named->profile, "capture.imported",
				      egret_capture_end_text(EGRET_CAPTURE_IMPORTED), n);
	ret |= egret_profile_set_stat(named->profile, "unwind.imported",
				      egret_unwind_end_text(EGRET_UNWIND_IMPORTED), n);
	return ret ? -ENOMEM : 0;
}
