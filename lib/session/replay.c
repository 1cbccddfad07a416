/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * replay.c - all of user space again, on a recording made with --raw, on any machine.
 *
 * Two readings: the first gathers what the live session had read of /proc and of files, the second
 * feeds the records to the pipeline in the order in which they came.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/options.h"
#include "session/accounting.h"
#include "session/kernel_lines.h"
#include "session/pipeline.h"
#include "session/raw_tags.h"

#define MAX_IMAGE_BYTES (8ull << 30)

/* A text about a process: answers to read_maps and read_comm are taken in the order they were
 * given. */
struct text {
	uint32_t tag;
	int pid;
	bool taken;
	struct egret_buffer bytes;
};

/* A page of code that is in no file. */
struct code {
	struct egret_raw_code head;
	struct egret_buffer bytes;
};

struct image {
	struct egret_raw_module module;
	char *path;
	int fd[2]; /* memory files of its ELF file and debug file; -1: none */
};

struct replay {
	struct image *images;
	size_t n_images;
	struct text *texts;
	size_t n_texts;
	struct code *codes; /* in the order in which they were read */
	size_t n_codes, next_code;
	struct egret_buffer kallsyms;
	struct egret_build_id vmlinux;
	struct egret_buffer record; /* the one that is fed, aligned: a recording is not */
	struct egret_pipeline *pipeline;
	const struct egret_profile *recorded;
	uint64_t records;
	struct egret_error *err;
};

static void replay_deinit(struct replay *r)
{
	egret_pipeline_destroy(r->pipeline);
	for (size_t i = 0; i < r->n_images; i++) {
		free(r->images[i].path);
		for (size_t j = 0; j < 2; j++)
			if (r->images[i].fd[j] >= 0)
				close(r->images[i].fd[j]);
	}
	for (size_t i = 0; i < r->n_texts; i++)
		egret_buffer_deinit(&r->texts[i].bytes);
	for (size_t i = 0; i < r->n_codes; i++)
		egret_buffer_deinit(&r->codes[i].bytes);
	free(r->codes);
	egret_buffer_deinit(&r->kallsyms);
	egret_buffer_deinit(&r->record);
	free(r->images);
	free(r->texts);
}

static int damaged(struct replay *r, const char *what)
{
	return egret_fail(r->err, EBADMSG, "the recording's %s is damaged", what);
}

/* ---- the first reading --------------------------------------------------------------------------
 */

static int gather_module(struct replay *r, const uint8_t *bytes, size_t len)
{
	struct image *images;

	if (len < sizeof(struct egret_raw_module))
		return damaged(r, "list of modules");
	images = reallocarray(r->images, r->n_images + 1, sizeof(*images));
	if (!images)
		return egret_fail(r->err, ENOMEM, "out of memory");
	r->images = images;
	images[r->n_images] = (struct image){ .fd = { -1, -1 } };
	memcpy(&images[r->n_images].module, bytes, sizeof(struct egret_raw_module));
	if (images[r->n_images].module.build_id_len > EGRET_BUILD_ID_MAX)
		return damaged(r, "list of modules");
	images[r->n_images].path = strndup((const char *)bytes + sizeof(struct egret_raw_module),
					   len - sizeof(struct egret_raw_module));
	return images[r->n_images++].path ? 0 : egret_fail(r->err, ENOMEM, "out of memory");
}

static int gather_image(struct replay *r, const uint8_t *bytes, size_t len)
{
	struct egret_raw_image head;
	struct image *image = NULL;
	int *fd;

	if (len < sizeof(head))
		return damaged(r, "copy of a module");
	memcpy(&head, bytes, sizeof(head));
	for (size_t i = 0; i < r->n_images; i++)
		if (r->images[i].module.number == head.module)
			image = &r->images[i];
	len -= sizeof(head);
	if (!image || head.debug > 1 || head.file_size > MAX_IMAGE_BYTES ||
	    head.offset > head.file_size || len > head.file_size - head.offset)
		return damaged(r, "copy of a module");
	fd = &image->fd[head.debug];
	if (*fd < 0) {
		*fd = memfd_create("egret-module", MFD_CLOEXEC);
		if (*fd < 0 || ftruncate(*fd, (off_t)head.file_size))
			return egret_fail(r->err, errno, "cannot hold a module in memory: %s",
					  strerror(errno));
	}
	if (pwrite(*fd, bytes + sizeof(head), len, (off_t)head.offset) != (ssize_t)len)
		return egret_fail(r->err, ENOMEM, "cannot hold a module in memory");
	return 0;
}

static struct text *find_text(struct replay *r, uint32_t tag, int pid)
{
	for (size_t i = 0; i < r->n_texts; i++)
		if (r->texts[i].tag == tag && r->texts[i].pid == pid && !r->texts[i].taken)
			return &r->texts[i];
	return NULL;
}

/* Asked for again in the order in which it was recorded; of others there is one a process. */
static bool is_one_for_one(uint32_t tag)
{
	return tag == EGRET_RAW_MAPS || tag == EGRET_RAW_COMM || tag == EGRET_RAW_LABELS;
}

static int gather_text(struct replay *r, uint32_t tag, const uint8_t *bytes, size_t len)
{
	struct text *text, *texts;
	int pid;

	if (len < sizeof(pid))
		return damaged(r, "copy of /proc");
	memcpy(&pid, bytes, sizeof(pid));
	text = is_one_for_one(tag) ? NULL : find_text(r, tag, pid);
	if (!text) {
		texts = reallocarray(r->texts, r->n_texts + 1, sizeof(*texts));
		if (!texts)
			return egret_fail(r->err, ENOMEM, "out of memory");
		r->texts = texts;
		text = &texts[r->n_texts++];
		*text = (struct text){ .tag = tag, .pid = pid };
	}
	egret_buffer_add(&text->bytes, bytes + sizeof(pid), len - sizeof(pid));
	return text->bytes.failed ? egret_fail(r->err, ENOMEM, "out of memory") : 0;
}

static int gather_code(struct replay *r, const uint8_t *bytes, size_t len)
{
	struct code *codes, *code;

	if (len < sizeof(code->head))
		return damaged(r, "copy of code");
	codes = reallocarray(r->codes, r->n_codes + 1, sizeof(*codes));
	if (!codes)
		return egret_fail(r->err, ENOMEM, "out of memory");
	r->codes = codes;
	code = &codes[r->n_codes++];
	*code = (struct code){ .bytes = { 0 } };
	memcpy(&code->head, bytes, sizeof(code->head));
	egret_buffer_add(&code->bytes, bytes + sizeof(code->head), len - sizeof(code->head));
	return code->bytes.failed ? egret_fail(r->err, ENOMEM, "out of memory") : 0;
}

static int gather(void *arg, uint32_t tag, const void *bytes, size_t len)
{
	struct replay *r = arg;

	switch (tag) {
	case EGRET_RAW_RECORD:
		r->records++;
		return 0;
	case EGRET_RAW_MODULE:
		return gather_module(r, bytes, len);
	case EGRET_RAW_IMAGE:
		return gather_image(r, bytes, len);
	case EGRET_RAW_MAPS:
	case EGRET_RAW_COMM:
	case EGRET_RAW_LABELS:
	case EGRET_RAW_PERFMAP:
	case EGRET_RAW_JITDUMP:
		return gather_text(r, tag, bytes, len);
	case EGRET_RAW_CODE:
		return gather_code(r, bytes, len);
	case EGRET_RAW_KALLSYMS:
		egret_buffer_add(&r->kallsyms, bytes, len);
		return r->kallsyms.failed ? egret_fail(r->err, ENOMEM, "out of memory") : 0;
	case EGRET_RAW_VMLINUX:
		if (len > sizeof(r->vmlinux.bytes))
			return damaged(r, "kernel");
		r->vmlinux.len = (uint8_t)len;
		memcpy(r->vmlinux.bytes, bytes, len);
		return 0;
	default:
		return 0;
	}
}

/* ---- the sources of the second reading ----------------------------------------------------------
 */

static bool is_module(const struct image *image, const struct egret_map_info *info)
{
	if (!strcmp(info->path, "[vdso]"))
		return image->module.kind == EGRET_CODE_VDSO;
	if (info->build_id.len)
		return image->module.build_id_len == info->build_id.len &&
		       !memcmp(image->module.build_id, info->build_id.bytes, info->build_id.len);
	return image->module.ino == info->ino &&
	       !strncmp(image->path, info->path, strlen(image->path));
}

static int open_elf(void *arg, const struct egret_map_info *info, struct egret_elf **out,
		    struct egret_error *err)
{
	struct replay *r = arg;

	for (size_t i = 0; i < r->n_images; i++)
		if (r->images[i].fd[0] >= 0 && is_module(&r->images[i], info))
			return egret_elf_open_fd(r->images[i].fd[0], r->images[i].path, out, err);
	return egret_fail(err, ENOENT, "%s: not in the recording", info->path);
}

static int open_debug(void *arg, const struct egret_module *module,
		      const struct egret_map_info *info, struct egret_elf **out)
{
	struct replay *r = arg;

	for (size_t i = 0; i < r->n_images; i++) {
		const struct egret_raw_module *m = &r->images[i].module;

		if (r->images[i].fd[1] >= 0 && module->build_id.len == m->build_id_len &&
		    !memcmp(module->build_id.bytes, m->build_id, m->build_id_len))
			return egret_elf_open_fd(r->images[i].fd[1], r->images[i].path, out, NULL);
	}
	return -ENOENT;
}

static int read_maps(void *arg, int pid, struct egret_buffer *out)
{
	struct text *text = find_text(arg, EGRET_RAW_MAPS, pid);

	if (!text)
		return -ENOENT;
	text->taken = true;
	egret_buffer_add(out, text->bytes.data, text->bytes.len);
	return text->bytes.len ? 0 : -ENOENT;
}

static int read_comm(void *arg, int pid, char *to, size_t size)
{
	struct text *text = find_text(arg, EGRET_RAW_COMM, pid);

	if (!text)
		return -ENOENT;
	text->taken = true;
	snprintf(to, size, "%.*s", (int)text->bytes.len, (const char *)text->bytes.data);
	return 0;
}

/* Asked for in the order in which it was recorded, unless the unwinder is another. */
static int read_code(void *arg, int pid, uint64_t addr, void *to, size_t len)
{
	struct replay *r = arg;

	for (size_t n = 0; n < r->n_codes; n++) {
		struct code *code = &r->codes[(r->next_code + n) % r->n_codes];

		if (code->head.pid != pid || code->head.addr != addr)
			continue;
		r->next_code = (r->next_code + n + 1) % r->n_codes;
		if (code->bytes.len != len)
			return -EFAULT;
		memcpy(to, code->bytes.data, len);
		return 0;
	}
	return -EFAULT;
}

/* As it was recorded, of any thread of the process. */
static int read_cgroup(void *arg, int pid, uint64_t id, char *to, size_t size)
{
	const struct egret_profile *recorded = ((const struct replay *)arg)->recorded;

	for (uint32_t t = 0; t < egret_profile_n_threads(recorded); t++) {
		uint32_t cgroup = egret_profile_get_cgroup(recorded, t);

		if (cgroup && egret_profile_get_thread(recorded, t)->pid == pid) {
			snprintf(to, size, "%s", egret_profile_get_string(recorded, cgroup));
			return 0;
		}
	}
	return -ENOENT;
}

static int read_labels(void *arg, const int *pids, size_t n, uint64_t cgroup_id,
		       struct egret_process_labels *out)
{
	struct text *text = find_text(arg, EGRET_RAW_LABELS, pids[0]);

	if (!text)
		return -ENOENT;
	text->taken = true;
	return egret_labels_unpack(out, (const char *)text->bytes.data, text->bytes.len);
}

static int read_kallsyms(void *arg, struct egret_buffer *out)
{
	struct replay *r = arg;

	egret_buffer_add(out, r->kallsyms.data, r->kallsyms.len);
	return r->kallsyms.len ? 0 : -ENOENT;
}

/* The file is not in the recording, but may be here. */
static int open_vmlinux(void *arg, struct egret_elf **out)
{
	const struct replay *r = arg;

	return egret_vmlinux_open(&r->vmlinux, out);
}

static int read_perfmap(void *arg, int pid, size_t *size, struct egret_buffer *out)
{
	struct text *text = find_text(arg, EGRET_RAW_PERFMAP, pid);

	if (!text)
		return -ENOENT;
	if (*size)
		return -EALREADY;
	*size = text->bytes.len;
	egret_buffer_add(out, text->bytes.data, text->bytes.len);
	return 0;
}

static int read_jitdump(void *arg, int pid, uint64_t *at, struct egret_buffer *out)
{
	struct text *text = find_text(arg, EGRET_RAW_JITDUMP, pid);

	if (!text)
		return -ENOENT;
	if (*at < text->bytes.len)
		egret_buffer_add(out, text->bytes.data + *at, text->bytes.len - *at);
	*at = text->bytes.len;
	return 0;
}

/* ---- the second reading -------------------------------------------------------------------------
 */

static int feed_record(struct replay *r, const void *bytes, size_t len)
{
	const struct egret_rec *rec = bytes;
	bool fits = len >= sizeof(*rec) && rec->size <= len;

	if (fits && rec->type == EGRET_REC_SAMPLE) {
		const struct egret_rec_sample *s = bytes;

		fits = rec->size >= sizeof(*s) && s->n_kernel <= EGRET_MAX_KERNEL_FRAMES &&
		       rec->size >= sizeof(*s) + s->n_kernel * 8ul;
	} else if (fits && rec->type == EGRET_REC_CAPTURE) {
		fits = rec->size >= sizeof(struct egret_rec_capture);
	} else if (fits && rec->type == EGRET_REC_VMA) {
		fits = rec->size >= sizeof(struct egret_rec_vma);
	}
	return fits ? egret_pipeline_record(r->pipeline, rec, r->err)
		    : damaged(r, "copy of a record");
}

/* Where the text of a record begins, perf_event_open(2); 0: it has none. */
static size_t perf_text_offset(uint32_t type)
{
	switch (type) {
	case PERF_RECORD_MMAP2:
		return 8 + 8 + 24 + 24 + 8;
	case PERF_RECORD_COMM:
		return 8 + 8;
	default:
		return 0;
	}
}

/* Whether a record is as large as it has to be, and its text ends in it. */
static bool perf_record_fits(const struct perf_event_header *header, size_t len)
{
	size_t text = perf_text_offset(header->type);

	if (header->size > len || header->size < (text ? text + 1 : 8 + 16))
		return false;
	return !text || memchr((const char *)header + text, 0, header->size - text);
}

static int feed_perf(struct replay *r, const uint8_t *bytes, size_t len)
{
	const struct perf_event_header *header;
	uint64_t time;

	if (len < sizeof(time) + sizeof(*header))
		return damaged(r, "copy of a record");
	memcpy(&time, bytes, sizeof(time));
	header = (const struct perf_event_header *)(bytes + sizeof(time));
	if (!perf_record_fits(header, len - sizeof(time)))
		return damaged(r, "copy of a record");
	return egret_pipeline_perf(r->pipeline, header, time, r->err);
}

static int feed(void *arg, uint32_t tag, const void *bytes, size_t len)
{
	struct replay *r = arg;

	if (tag != EGRET_RAW_RECORD && tag != EGRET_RAW_PERF)
		return 0;
	egret_buffer_clear(&r->record);
	egret_buffer_add(&r->record, bytes, len);
	if (r->record.failed)
		return egret_fail(r->err, ENOMEM, "out of memory");
	return tag == EGRET_RAW_RECORD ? feed_record(r, r->record.data, len)
				       : feed_perf(r, r->record.data, len);
}

static int copy_meta(const struct egret_profile *from, struct egret_profile *to,
		     const char *unwinder)
{
	static const char *const keys[] = { "start-time",      "hostname",     "kernel",
					    "kernel-build-id", "architecture", "version",
					    "backend",	       "stack-limit",  "command",
					    "duration",	       "clock-offset", "boot-id" };
	int ret = egret_profile_set_meta(to, "unwinder", unwinder);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = egret_profile__meta(from, keys[i]);

		if (value)
			ret |= egret_profile_set_meta(to, keys[i], value);
	}
	for (size_t i = 0; i < egret_profile__n_events(from); i++)
		ret |= egret_profile_add_event(to, egret_profile__event(from, i));
	return ret;
}

static int keep_stat(const struct egret_stat *stat, void *arg)
{
	if (!strncmp(stat->name, "capture.", 8) || !strncmp(stat->name, "unwind.", 7))
		return 0; /* told anew */
	return egret_profile_set_stat(arg, stat->name, stat->text, stat->value);
}

static int run(struct replay *r, const char *path, int fd, const struct egret_profile *recorded,
	       const char *unwinder)
{
	struct egret_profile *profile = egret_pipeline_profile(r->pipeline);
	struct egret_reader_ops ops = { .raw = feed };
	struct egret_profile *ignored = NULL;
	struct egret_writer *writer = NULL;
	int ret;

	ret = copy_meta(recorded, profile, unwinder);
	if (ret)
		return egret_fail(r->err, ENOMEM, "out of memory");
	ret = egret_writer_create(fd, profile, &writer, r->err);
	if (ret)
		return ret;
	egret_pipeline_set_writer(r->pipeline, writer, false);
	ret = egret_profile_create(&ignored);
	if (!ret)
		ret = egret_recording_read(path, ignored, &ops, r, r->err);
	egret_profile__destroy(ignored);
	if (!ret)
		ret = egret_pipeline_end(r->pipeline, true, r->err);
	if (!ret)
		ret = egret_pipeline_name_all(r->pipeline, true, r->err);
	egret_profile__each_stat(recorded, keep_stat, profile);
	egret_accounting_store(NULL, r->pipeline, profile);
	if (!ret)
		ret = egret_writer_finish(writer, r->err);
	egret_pipeline_set_writer(r->pipeline, NULL, false);
	egret_writer_destroy(writer);
	return ret;
}

int egret_replay(const char *path, int fd, const struct egret_replay_opts *user_opts,
		 struct egret_error *err)
{
	struct egret_replay_opts opts = { 0 };
	struct egret_profile *recorded = NULL;
	struct replay r = { .err = err };
	struct egret_reader_ops ops = { .raw = gather };
	const struct egret_unwind_engine *engine;
	struct egret_module_source modules = { open_elf, open_debug, NULL, &r };
	struct egret_process_source processes = { read_maps, read_comm,	  read_code,
						  &r,	     read_cgroup, read_labels };
	struct egret_name_source names = {
		read_kallsyms, &r, { NULL, read_perfmap, read_jitdump, &r }, open_vmlinux
	};
	int ret;

	ret = egret_options_take(&opts, sizeof(opts), user_opts, "replay options", err);
	if (ret)
		return ret;
	if (!strcmp(path, "-"))
		return egret_fail(err, ESPIPE,
				  "a replay reads its recording twice: give it a file");
	engine = egret_unwind_engine_find(opts.unwinder);
	if (!engine)
		return egret_fail(err, EINVAL, "there is no unwinder '%s'", opts.unwinder);
	ret = egret_profile_create(&recorded);
	r.recorded = recorded;
	if (!ret)
		ret = egret_recording_read(path, recorded, &ops, &r, err);
	if (!ret && !r.records)
		ret = egret_fail(err, ENODATA,
				 "%s: made without --raw: there are no captures to run again",
				 path);
	if (!ret)
		ret = egret_pipeline_create(
			&(struct egret_pipeline_opts){
				.engine = engine,
				.module_source = &modules,
				.process_source = &processes,
				.name_source = &names,
				.max_frames = opts.max_frames ? opts.max_frames : 2048,
				.threads = opts.threads,
				.track_all = true,
				.process_labels = egret_profile_n_label_sets(recorded),
			},
			&r.pipeline, err);
	if (!ret)
		ret = run(&r, path, fd, recorded, engine->name);
	egret_profile__destroy(recorded);
	replay_deinit(&r);
	return ret;
}
