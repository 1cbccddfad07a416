/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/raw_sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/raw_tags.h"

#define CHUNK_BYTES (1u << 20)

struct egret_raw_sources {
	struct egret_process_source process;
	struct egret_name_source name;
	const struct egret_name_source *live;
	struct egret_writer *writer;
	size_t modules_written;
	bool *has_debug; /* by module: its debug file was written */
	bool kallsyms_written;
	struct egret_buffer kallsyms; /* kept for a second recording (--switch-output) */
	struct egret_build_id vmlinux;
	bool vmlinux_written;
	int failed; /* -errno of a write */
	struct egret_error why;
};

/* Writes head and then bytes as records of one tag, in parts. */
static void put(struct egret_raw_sources *raw, uint32_t tag, const void *head, size_t head_len,
		const void *bytes, size_t len)
{
	struct egret_buffer record = { 0 };
	size_t at = 0;

	if (!raw->writer || raw->failed)
		return;
	do {
		size_t n = len - at < CHUNK_BYTES ? len - at : CHUNK_BYTES;

		egret_buffer_clear(&record);
		egret_buffer_add(&record, head, head_len);
		egret_buffer_add(&record, (const char *)bytes + at, n);
		raw->failed = record.failed ? egret_fail(&raw->why, ENOMEM, "out of memory")
					    : egret_writer_raw(raw->writer, tag, record.data,
							       record.len, &raw->why);
		at += n;
	} while (at < len && !raw->failed);
	egret_buffer_deinit(&record);
}

static int read_maps(void *arg, int pid, struct egret_buffer *out)
{
	struct egret_raw_sources *raw = arg;
	size_t before = out->len;
	int ret = egret_process_source_live.read_maps(NULL, pid, out);
	struct egret_buffer record = { 0 };

	/* One record: replay takes them one for one. A failure is one without text. */
	egret_buffer_add(&record, &pid, sizeof(pid));
	if (!ret)
		egret_buffer_add(&record, out->data + before, out->len - before);
	if (raw->writer && !raw->failed)
		raw->failed = egret_writer_raw(raw->writer, EGRET_RAW_MAPS, record.data, record.len,
					       &raw->why);
	egret_buffer_deinit(&record);
	return ret;
}

static int read_comm(void *arg, int pid, char *to, size_t size)
{
	int ret = egret_process_source_live.read_comm(NULL, pid, to, size);

	put(arg, EGRET_RAW_COMM, &pid, sizeof(pid), to, ret ? 0 : strlen(to));
	return ret;
}

/* Kept with the threads: a replay finds it there. */
static int read_cgroup(void *arg, int pid, uint64_t id, char *to, size_t size)
{
	return egret_process_source_live.read_cgroup(NULL, pid, id, to, size);
}

/* What was taken of the environment, never the environment. */
static int read_labels(void *arg, const int *pids, size_t n, uint64_t cgroup_id,
		       struct egret_process_labels *out)
{
	int ret = egret_process_source_live.read_labels(NULL, pids, n, cgroup_id, out);
	struct egret_buffer packed = { 0 };

	egret_labels_pack(out, &packed);
	if (packed.len)
		put(arg, EGRET_RAW_LABELS, &pids[0], sizeof(pids[0]), packed.data, packed.len);
	egret_buffer_deinit(&packed);
	return ret;
}

static int read_code(void *arg, int pid, uint64_t addr, void *to, size_t len)
{
	const struct egret_raw_code head = { .pid = pid, .addr = addr };
	int ret = egret_process_source_live.read_code(NULL, pid, addr, to, len);

	put(arg, EGRET_RAW_CODE, &head, sizeof(head), to, ret ? 0 : len);
	return ret;
}

static int read_kallsyms(void *arg, struct egret_buffer *out)
{
	struct egret_raw_sources *raw = arg;
	int ret = raw->live->read_kallsyms(raw->live->arg, out);

	if (!ret) {
		egret_buffer_add(&raw->kallsyms, out->data, out->len);
		put(raw, EGRET_RAW_KALLSYMS, NULL, 0, out->data, out->len);
		raw->kallsyms_written = true;
	}
	return ret;
}

static void put_vmlinux(struct egret_raw_sources *raw)
{
	if (raw->vmlinux.len && !raw->vmlinux_written)
		put(raw, EGRET_RAW_VMLINUX, NULL, 0, raw->vmlinux.bytes, raw->vmlinux.len);
	raw->vmlinux_written = true;
}

static int open_vmlinux(void *arg, struct egret_elf **out)
{
	struct egret_raw_sources *raw = arg;
	int ret = raw->live->open_vmlinux ? raw->live->open_vmlinux(raw->live->arg, out) : -ENOENT;

	if (ret)
		return ret;
	raw->vmlinux = egret_elf_build_id(*out);
	put_vmlinux(raw);
	return 0;
}

static void seen(void *arg, int pid, const struct egret_mapping *dump)
{
	const struct egret_raw_sources *raw = arg;

	if (raw->live->jit.seen)
		raw->live->jit.seen(raw->live->jit.arg, pid, dump);
}

static int read_perfmap(void *arg, int pid, size_t *size, struct egret_buffer *out)
{
	const struct egret_jit_source *live = &((struct egret_raw_sources *)arg)->live->jit;
	size_t before = out->len;
	int ret = live->read_perfmap(live->arg, pid, size, out);

	if (!ret)
		put(arg, EGRET_RAW_PERFMAP, &pid, sizeof(pid), out->data + before,
		    out->len - before);
	return ret;
}

static int read_jitdump(void *arg, int pid, uint64_t *at, struct egret_buffer *out)
{
	const struct egret_jit_source *live = &((struct egret_raw_sources *)arg)->live->jit;
	size_t before = out->len;
	int ret = live->read_jitdump(live->arg, pid, at, out);

	if (!ret && out->len > before)
		put(arg, EGRET_RAW_JITDUMP, &pid, sizeof(pid), out->data + before,
		    out->len - before);
	return ret;
}

int egret_raw_sources_create(const struct egret_name_source *live, struct egret_raw_sources **out,
			     struct egret_error *err)
{
	struct egret_raw_sources *raw = calloc(1, sizeof(*raw));

	if (!raw)
		return egret_fail(err, ENOMEM, "out of memory");
	raw->process = (struct egret_process_source){ read_maps, read_comm,   read_code,
						      raw,	 read_cgroup, read_labels };
	raw->live = live;
	raw->name = (struct egret_name_source){
		read_kallsyms, raw, { seen, read_perfmap, read_jitdump, raw }, open_vmlinux
	};
	*out = raw;
	return 0;
}

void egret_raw_sources_destroy(struct egret_raw_sources *raw)
{
	if (!raw)
		return;
	egret_buffer_deinit(&raw->kallsyms);
	free(raw->has_debug);
	free(raw);
}

void egret_raw_sources_set_writer(struct egret_raw_sources *raw, struct egret_writer *writer)
{
	raw->writer = writer;
	raw->modules_written = 0;
	raw->kallsyms_written = raw->vmlinux_written = false;
	raw->failed = 0;
}

const struct egret_process_source *egret_raw_process_source(struct egret_raw_sources *raw)
{
	return &raw->process;
}

const struct egret_name_source *egret_raw_name_source(struct egret_raw_sources *raw)
{
	return &raw->name;
}

/* The sections that unwinding and naming read. Their headers come from the ends of the file. */
static bool is_needed(const char *name)
{
	static const char *const names[] = {
		".eh_frame",
		".eh_frame_hdr",
		".debug_frame",
		".symtab",
		".strtab",
		".dynsym",
		".dynstr",
		".shstrtab",
		".note.gnu.build-id",
		".rela.plt",
		".plt",
		".plt.sec",
		".plt.got",
		".rela.dyn",
		".gnu_debuglink",
		".gnu_debugaltlink",
		".gnu.version",
		".gnu.version_d",
		".gnu.version_r",
		".dynamic",
		".gnu_debugdata",
		NULL,
	};

	for (size_t i = 0; names[i]; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static void put_range(struct egret_raw_sources *raw, struct egret_raw_image *image,
		      const uint8_t *bytes, uint64_t offset, uint64_t len)
{
	if (offset > image->file_size || len > image->file_size - offset)
		return;
	for (uint64_t at = 0; at < len; at += CHUNK_BYTES) {
		image->offset = offset + at;
		put(raw, EGRET_RAW_IMAGE, image, sizeof(*image), bytes + offset + at,
		    len - at < CHUNK_BYTES ? len - at : CHUNK_BYTES);
	}
}

static void put_image(struct egret_raw_sources *raw, uint32_t module, bool debug,
		      const struct egret_elf *elf)
{
	struct egret_raw_image image = { .module = module, .debug = debug };
	size_t size, names_section = 0;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	Elf *handle = egret_elf_handle(elf);
	Elf_Scn *scn = NULL;
	GElf_Ehdr ehdr;

	image.file_size = size;
	if (!gelf_getehdr(handle, &ehdr))
		return;
	put_range(raw, &image, bytes, 0,
		  size < 4096 ? size : 4096); /* header, program headers, notes */
	/* BOLT moves them away from the header. */
	put_range(raw, &image, bytes, ehdr.e_phoff, (uint64_t)ehdr.e_phentsize * ehdr.e_phnum);
	put_range(raw, &image, bytes, ehdr.e_shoff, (uint64_t)ehdr.e_shentsize * ehdr.e_shnum);
	if (elf_getshdrstrndx(handle, &names_section))
		return;
	while ((scn = elf_nextscn(handle, scn))) {
		GElf_Shdr shdr;
		const char *name;

		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type == SHT_NOBITS)
			continue;
		name = elf_strptr(handle, names_section, shdr.sh_name);
		if (name && is_needed(name))
			put_range(raw, &image, bytes, shdr.sh_offset, shdr.sh_size);
	}
}

static void put_module(struct egret_raw_sources *raw, const struct egret_module *m)
{
	struct egret_raw_module head = {
		.number = m->number,
		.kind = m->kind,
		.dev = m->dev,
		.ino = m->ino,
		.pid = m->pid,
		.build_id_len = m->build_id.len,
		.has_debug = m->debug != NULL,
	};

	memcpy(head.build_id, m->build_id.bytes, sizeof(head.build_id));
	put(raw, EGRET_RAW_MODULE, &head, sizeof(head), m->path, strlen(m->path));
	if (m->elf)
		put_image(raw, m->number, false, m->elf);
	if (m->debug)
		put_image(raw, m->number, true, m->debug);
}

/* The code that was looked at; all of a file's would be too much. */
static void put_code(struct egret_raw_sources *raw, const struct egret_module *m)
{
	struct egret_raw_image image = { .module = m->number };
	const uint8_t *bytes;
	size_t size;

	if (!m->elf || !m->code_read)
		return;
	bytes = egret_elf_bytes(m->elf, &size);
	image.file_size = size;
	for (uint64_t page = 0; page * EGRET_MODULE_PAGE < size; page++) {
		uint64_t at = page * EGRET_MODULE_PAGE, left = size - at;

		if (m->code_read[page / 8] & 1u << page % 8)
			put_range(raw, &image, bytes, at,
				  left < EGRET_MODULE_PAGE ? left : EGRET_MODULE_PAGE);
	}
}

static int result(const struct egret_raw_sources *raw, struct egret_error *err)
{
	if (raw->failed && err)
		*err = raw->why;
	return raw->failed;
}

/* Debug files that came after their modules: see fetch_debug of struct egret_module_source. */
static void put_late_debug(struct egret_raw_sources *raw, const struct egret_modules *modules)
{
	for (size_t i = 0; i < raw->modules_written && !raw->failed; i++) {
		if (raw->has_debug[i] || !modules->all[i]->debug)
			continue;
		put_image(raw, (uint32_t)i, true, modules->all[i]->debug);
		raw->has_debug[i] = true;
	}
}

int egret_raw_sources_modules(struct egret_raw_sources *raw, const struct egret_modules *modules,
			      struct egret_error *err)
{
	bool *has_debug = reallocarray(raw->has_debug, modules->n + 1, sizeof(*has_debug));

	if (!has_debug)
		return egret_fail(err, ENOMEM, "out of memory");
	raw->has_debug = has_debug;
	for (; raw->modules_written < modules->n && !raw->failed; raw->modules_written++) {
		put_module(raw, modules->all[raw->modules_written]);
		has_debug[raw->modules_written] = modules->all[raw->modules_written]->debug;
	}
	put_late_debug(raw, modules);
	return result(raw, err);
}

int egret_raw_sources_finish(struct egret_raw_sources *raw, const struct egret_modules *modules,
			     struct egret_error *err)
{
	egret_raw_sources_modules(raw, modules, NULL);
	for (size_t i = 0; i < modules->n; i++)
		put_code(raw, modules->all[i]);
	put_vmlinux(raw);
	if (!raw->kallsyms_written)
		put(raw, EGRET_RAW_KALLSYMS, NULL, 0, raw->kallsyms.data, raw->kallsyms.len);
	return result(raw, err);
}
