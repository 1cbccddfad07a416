/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "session/code_names.h"
#include "session/code_places.h"
#include "session/kernel_lines.h"
#include "session/shown_names.h"
#include "symbolize/symbolize.h"

/* The names in the file of one module. */
struct file_state {
	bool tried;
	struct egret_code_names *code; /* NULL where that was in vain */
	bool fetched;		       /* its debug file was asked for where that may take long */
	int fetch_error;	       /* -errno of that */
};

struct egret_names {
	const struct egret_name_source *source;
	const struct egret_module_source *modules;
	struct egret_cache *cache;
	struct egret_parser *parser; /* NULL: files are read here */
	struct egret_shown_names shown;
	struct file_state *files; /* by number of struct egret_module */
	size_t n_files;
	struct egret_kernel_names kernel;
	bool kernel_tried;
	bool kernel_noted;
	bool no_lines;
	struct egret_kernel_lines kernel_lines;
	bool kernel_lines_tried;
	struct egret_jit_names *jit;
	unsigned int threads;
	uint32_t next_frame; /* frames below were looked at */
	uint32_t next_lines; /* frames below have their lines */
	uint32_t *unnamed;   /* frames of JIT code without a name so far */
	size_t n_unnamed, unnamed_capacity;
};

int egret_names_create(const struct egret_name_source *source,
		       const struct egret_module_source *modules, enum egret_demangle demangle,
		       struct egret_cache *cache, struct egret_names **out)
{
	struct egret_names *names = calloc(1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	names->source = source;
	names->modules = modules;
	names->shown.demangle = demangle;
	names->cache = cache;
	if (egret_jit_names_create(&source->jit, &names->jit)) {
		egret_names_destroy(names);
		return -ENOMEM;
	}
	*out = names;
	return 0;
}

size_t egret_names_memory(const struct egret_names *names)
{
	size_t bytes = names->n_files * sizeof(*names->files) +
		       names->unnamed_capacity * sizeof(*names->unnamed) +
		       egret_shown_names_memory(&names->shown);

	for (size_t i = 0; i < names->n_files; i++)
		if (names->files[i].code)
			bytes += egret_code_names_memory(names->files[i].code);
	return bytes;
}

void egret_names_leave_lines(struct egret_names *names)
{
	names->no_lines = true;
}

void egret_names_set_threads(struct egret_names *names, unsigned int threads)
{
	names->threads = threads;
}

void egret_names_set_parser(struct egret_names *names, struct egret_parser *parser)
{
	names->parser = parser;
}

void egret_names_destroy(struct egret_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->n_files; i++)
		egret_code_names_destroy(names->files[i].code);
	egret_kallsyms_destroy(names->kernel.kallsyms);
	egret_kernel_lines_close(&names->kernel_lines);
	egret_shown_names_deinit(&names->shown);
	free(names->files);
	egret_jit_names_destroy(names->jit);
	free(names->unnamed);
	free(names);
}

bool egret_names_kernel_hidden(const struct egret_names *names)
{
	return names->kernel.kallsyms && egret_kallsyms_hidden(names->kernel.kallsyms);
}

/* NULL without memory. */
static struct file_state *file_state_of(struct egret_names *names, uint32_t number)
{
	struct file_state *files;
	size_t n = (size_t)number + 1;

	if (n > names->n_files) {
		files = reallocarray(names->files, n * 2, sizeof(*files));
		if (!files)
			return NULL;
		memset(files + names->n_files, 0, (n * 2 - names->n_files) * sizeof(*files));
		names->files = files;
		names->n_files = n * 2;
	}
	return &names->files[number];
}

static int create_code(const struct egret_names *names, const struct egret_module *module,
		       struct egret_code_names **out)
{
	if (names->parser && egret_elf_told_fd(module->elf) >= 0)
		return egret_code_names_create_told(names->parser, module->elf, module->debug,
						    names->shown.demangle, out, NULL);
	return egret_code_names_create(module->elf, module->debug, names->cache, out, NULL);
}

static struct egret_code_names *code_of(struct egret_names *names,
					const struct egret_module *module)
{
	struct file_state *file = file_state_of(names, module->number);

	if (!file)
		return NULL;
	if (!file->tried) {
		file->tried = true;
		if (create_code(names, module, &file->code))
			file->code = NULL;
	}
	return file->code;
}

enum egret_name_reason egret_names_why_no_elf(const struct egret_module *module)
{
	switch (module->elf_error) {
	case -ESTALE:
		return EGRET_NAME_REPLACED;
	case -ENOENT:
	case -ENOTDIR:
		return EGRET_NAME_GONE;
	case -ENOEXEC:
		return EGRET_NAME_NOT_ELF;
	default:
		return EGRET_NAME_NOT_READABLE;
	}
}

static enum egret_name_reason why_stripped(struct egret_names *names,
					   const struct egret_module *module)
{
	const struct file_state *file = file_state_of(names, module->number);

	if (module->debug_error == -ESTALE)
		return EGRET_NAME_DEBUG_OTHER_BUILD;
	if (file && file->fetch_error && file->fetch_error != -ENOSYS)
		return EGRET_NAME_DEBUGINFOD_FAILED;
	return EGRET_NAME_STRIPPED;
}

static bool find_in_file(struct egret_names *names, const struct egret_module *module,
			 uint64_t offset, struct egret_symbol *symbol, enum egret_name_reason *why)
{
	struct egret_code_names *code;
	uint64_t vaddr;

	*why = EGRET_NAME_NOT_READABLE;
	if (!module)
		return false;
	if (!module->elf) {
		*why = egret_names_why_no_elf(module);
		return false;
	}
	if (!egret_elf_offset_to_vaddr(module->elf, offset, &vaddr)) {
		*why = EGRET_NAME_NO_SEGMENT;
		return false;
	}
	code = code_of(names, module);
	if (!code || egret_code_names_symbol(code, vaddr, symbol, why))
		return code != NULL;
	if (*why == EGRET_NAME_STRIPPED)
		*why = why_stripped(names, module);
	return false;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#define KALLSYMS_FRESH_NS (600 * 1000000000ull)

struct egret_kernel_names egret_names_take_kernel(struct egret_names *names)
{
	struct egret_kernel_names kernel = names->kernel;

	if (!kernel.kallsyms || now_ns() - kernel.read_ns > KALLSYMS_FRESH_NS)
		return (struct egret_kernel_names){ 0 };
	names->kernel = (struct egret_kernel_names){ 0 };
	names->kernel_tried = false;
	return kernel;
}

void egret_names_give_kernel(struct egret_names *names, struct egret_kernel_names kernel)
{
	names->kernel = kernel;
	names->kernel_tried = kernel.kallsyms;
}

static bool find_in_kernel(struct egret_names *names, uint64_t address, struct egret_symbol *symbol,
			   enum egret_name_reason *why)
{
	if (!names->kernel_tried) {
		struct egret_buffer text = { 0 };

		names->kernel_tried = true;
		names->kernel.read_ns = now_ns();
		if (!names->source->read_kallsyms(names->source->arg, &text) && text.len &&
		    egret_kallsyms_parse((char *)text.data, text.len, &names->kernel.kallsyms,
					 NULL))
			names->kernel.kallsyms = NULL;
		egret_buffer_deinit(&text);
	}
	if (!names->kernel.kallsyms)
		*why = EGRET_NAME_NO_KALLSYMS;
	else if (egret_kallsyms_hidden(names->kernel.kallsyms))
		*why = EGRET_NAME_KPTR_RESTRICT;
	else
		*why = EGRET_NAME_NOT_IN_KALLSYMS;
	return names->kernel.kallsyms &&
	       egret_kallsyms_find(names->kernel.kallsyms, address, symbol);
}

/* Where the kernel was, by one of its symbols: with KASLR, its addresses are those of this boot. */
static int note_kernel(struct egret_names *names, struct egret_profile *profile)
{
	static const char *const symbols[] = { "_text", "_stext", "do_syscall_64", "vfs_read" };
	struct egret_symbol symbol;
	char note[64];

	if (names->kernel_noted || !names->kernel.kallsyms ||
	    egret_kallsyms_hidden(names->kernel.kallsyms))
		return 0;
	names->kernel_noted = true;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		if (!egret_kallsyms_named(names->kernel.kallsyms, symbols[i], &symbol))
			continue;
		snprintf(note, sizeof(note), "%s %#llx", symbols[i],
			 (unsigned long long)symbol.start);
		return egret_profile_set_meta(profile, "kernel-symbol", note);
	}
	return 0;
}

struct egret_jit_names *egret_names_jit(struct egret_names *names)
{
	return names->jit;
}

static bool find_symbol(struct egret_names *names, const struct egret_profile *profile,
			const struct egret_profile_frame *frame,
			struct egret_module *const *module_of, struct egret_symbol *symbol,
			enum egret_name_reason *why)
{
	const struct egret_profile_module *m = egret_profile_get_module(profile, frame->module);
	uint64_t offset = frame->offset - !!(frame->flags & EGRET_FRAME_F_RETURN);

	switch (m->kind) {
	case EGRET_MODULE_FILE:
	case EGRET_MODULE_VDSO:
		return find_in_file(names, module_of[frame->module], offset, symbol, why);
	case EGRET_MODULE_KERNEL:
		return find_in_kernel(names, offset, symbol, why);
	case EGRET_MODULE_UNMAPPED:
		*why = EGRET_NAME_NO_MAPPING;
		return false;
	default:
		*why = EGRET_NAME_NOT_ASKED; /* not code */
		return false;
	}
}

/* Says why a frame has no name. 0, or -errno. */
static int set_reason(struct egret_profile *profile, uint32_t number, enum egret_name_reason why,
		      struct egret_writer *writer, struct egret_error *err)
{
	if (egret_profile_get_reason(profile, number) == why)
		return 0;
	if (egret_profile_set_reason(profile, number, (uint16_t)why))
		return egret_fail(err, ENOMEM, "out of memory");
	return writer ? egret_writer_reason(writer, number, err) : 0;
}

/* The texts of a jitdump move as it grows: nothing of them is kept. False without memory. */
static bool take_jit_line(struct egret_names *names, struct egret_profile *profile,
			  const struct egret_dwarf_line *from, struct egret_profile_line *to)
{
	const char *name = egret_shown_name_of_text(&names->shown, from->function);

	*to = (struct egret_profile_line){ .line = from->line };
	if (!name)
		return false;
	to->name = egret_profile_string(profile, name, strlen(name), NULL);
	if (from->file)
		to->file = egret_profile_string(profile, from->file, strlen(from->file), NULL);
	return to->name != UINT32_MAX && to->file != UINT32_MAX;
}

/* The name of code made at run time, and its line. 1, 0 or -errno as name_frame. */
static int name_jit_frame(struct egret_names *names, struct egret_profile *profile, uint32_t number,
			  struct egret_writer *writer, struct egret_error *err)
{
	const struct egret_profile_frame *frame = egret_profile_get_frame(profile, number);
	const struct egret_profile_module *m = egret_profile_get_module(profile, frame->module);
	uint64_t addr = frame->offset - !!(frame->flags & EGRET_FRAME_F_RETURN);
	struct egret_dwarf_line found;
	struct egret_profile_line line;
	enum egret_name_reason why;
	int ret;

	if (!egret_jit_names_find(names->jit, m->pid, addr, (uint32_t)m->ino, &found, &why))
		return set_reason(profile, number, why, writer, err);
	if (!take_jit_line(names, profile, &found, &line) ||
	    egret_profile_set_lines(profile, number, &line, 1))
		return egret_fail(err, ENOMEM, "out of memory");
	ret = writer ? egret_writer_symbol(writer, number, err) : 0;
	return ret ? ret : 1;
}

/* Whether the names in the file of a module are as they are shown; it may have none. */
static bool are_shown(struct egret_names *names, const struct egret_module *module)
{
	const struct file_state *file = module ? file_state_of(names, module->number) : NULL;

	return file && file->code && egret_code_names_are_shown(file->code);
}

/* Gives a frame its name. 1: it has one now; 0: nothing was found. */
static int name_frame(struct egret_names *names, struct egret_profile *profile, uint32_t number,
		      struct egret_module *const *module_of, struct egret_writer *writer,
		      struct egret_error *err)
{
	const struct egret_profile_frame *frame = egret_profile_get_frame(profile, number);
	struct egret_profile_line line = { 0 };
	enum egret_name_reason why;
	struct egret_symbol symbol;
	const char *name;
	int ret;

	if (egret_profile_get_module(profile, frame->module)->kind == EGRET_MODULE_JIT)
		return name_jit_frame(names, profile, number, writer, err);
	if (!find_symbol(names, profile, frame, module_of, &symbol, &why))
		return set_reason(profile, number, why, writer, err);
	name = are_shown(names, module_of[frame->module])
		       ? symbol.name
		       : egret_shown_name_of_text(&names->shown, symbol.name);
	line.name = name ? egret_profile_string(profile, name, strlen(name), NULL) : UINT32_MAX;
	if (line.name == UINT32_MAX || egret_profile_set_lines(profile, number, &line, 1))
		return egret_fail(err, ENOMEM, "out of memory");
	ret = writer ? egret_writer_symbol(writer, number, err) : 0;
	return ret ? ret : 1;
}

static void remember_unnamed(struct egret_names *names, uint32_t frame)
{
	size_t capacity = names->unnamed_capacity ? names->unnamed_capacity * 2 : 64;
	uint32_t *frames;

	if (names->n_unnamed == names->unnamed_capacity) {
		frames = reallocarray(names->unnamed, capacity, sizeof(*frames));
		if (!frames)
			return;
		names->unnamed = frames;
		names->unnamed_capacity = capacity;
	}
	names->unnamed[names->n_unnamed++] = frame;
}

/* A perf map grows, and a file that is gone may be found in another process. */
static bool may_come_later(const struct egret_profile *profile, uint32_t frame)
{
	uint32_t module = egret_profile_get_frame(profile, frame)->module;
	uint32_t kind = egret_profile_get_module(profile, module)->kind;

	return kind == EGRET_MODULE_JIT || kind == EGRET_MODULE_FILE;
}

/* New JIT frames are asked for after the new part of the perf map has been read. */
static void refresh_jits_of_new_frames(struct egret_names *names,
				       const struct egret_profile *profile, size_t n_frames)
{
	int last_pid = -1;

	for (uint32_t f = names->next_frame; f < n_frames; f++) {
		const struct egret_profile_frame *frame = egret_profile_get_frame(profile, f);
		const struct egret_profile_module *m = egret_profile_get_module(profile,
										frame->module);

		if (m->kind != EGRET_MODULE_JIT || m->pid == last_pid)
			continue;
		last_pid = m->pid;
		egret_jit_names_refresh(names->jit, m->pid);
	}
}

/*
 * Where the file of a frame without a name was stripped: asks for its debug file where that may
 * take long, once.
 */
static void fetch_debug(struct egret_names *names, struct egret_module *module)
{
	struct file_state *file;

	if (!module || !module->elf || module->debug || !names->modules->fetch_debug)
		return;
	file = file_state_of(names, module->number);
	if (!file || file->fetched)
		return;
	file->fetched = true;
	file->fetch_error = names->modules->fetch_debug(names->modules->arg, module,
							&module->debug);
	if (file->fetch_error)
		return;
	egret_code_names_destroy(file->code);
	file->code = NULL;
	file->tried = false;
}

static bool is_stripped(const struct egret_profile *profile, uint32_t frame)
{
	return egret_profile_get_reason(profile, frame) == EGRET_NAME_STRIPPED;
}

static int retry_unnamed(struct egret_names *names, struct egret_profile *profile,
			 struct egret_module *const *module_of, struct egret_writer *writer,
			 struct egret_error *err)
{
	size_t kept = 0;

	egret_jit_names_refresh(names->jit, 0);
	for (size_t i = 0; i < names->n_unnamed; i++) {
		uint32_t frame = names->unnamed[i];
		int ret;

		if (is_stripped(profile, frame))
			fetch_debug(names,
				    module_of[egret_profile_get_frame(profile, frame)->module]);
		ret = name_frame(names, profile, frame, module_of, writer, err);
		if (ret < 0)
			return ret;
		if (!ret)
			names->unnamed[kept++] = frame;
	}
	names->n_unnamed = kept;
	return 0;
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* The line as the profile has it. False without memory. */
static bool take_line(struct egret_names *names, struct egret_profile *profile, bool is_shown,
		      const struct egret_dwarf_line *from, struct egret_profile_line *to)
{
	const char *name = from->function ? from->function : "";

	if (*name && !is_shown)
		name = egret_shown_name(&names->shown, name);
	*to = (struct egret_profile_line){ .line = from->line };
	if (!name)
		return false;
	to->name = egret_profile_string(profile, name, strlen(name), NULL);
	if (from->file)
		to->file = egret_profile_string(profile, from->file, strlen(from->file), NULL);
	if (from->is_inlined)
		to->flags = EGRET_FRAME_F_INLINED;
	return to->name != UINT32_MAX && to->file != UINT32_MAX;
}

/* What knows the lines of a frame, and where it has them. code NULL: nothing does. */
static struct egret_code_place in_kernel(struct egret_names *names, uint64_t address)
{
	if (!names->kernel_lines_tried) {
		names->kernel_lines_tried = true;
		egret_kernel_lines_open(&names->kernel_lines, names->source, names->kernel.kallsyms,
					names->cache);
	}
	return (struct egret_code_place){ names->kernel_lines.code,
					  address - names->kernel_lines.moved };
}

static struct egret_code_place place_of(struct egret_names *names,
					const struct egret_profile *profile, uint32_t number,
					struct egret_module *const *module_of)
{
	const struct egret_profile_frame *frame = egret_profile_get_frame(profile, number);
	uint32_t kind = egret_profile_get_module(profile, frame->module)->kind;
	uint64_t offset = frame->offset - !!(frame->flags & EGRET_FRAME_F_RETURN);
	const struct egret_module *module = module_of[frame->module];
	struct egret_code_place place = { 0 };

	if (kind == EGRET_MODULE_KERNEL)
		return in_kernel(names, offset);
	if ((kind == EGRET_MODULE_FILE || kind == EGRET_MODULE_VDSO) && module && module->elf &&
	    egret_elf_offset_to_vaddr(module->elf, offset, &place.vaddr))
		place.code = code_of(names, module);
	return place;
}

/* What debug files say of a frame: in place of its symbol, which they know better. */
/* "f.cold", "f.isra.0", and as the demangler has it, "f() [clone .cold]": parts of f. */
static bool is_part_of(const char *symbol, const char *function)
{
	size_t len = strlen(function);

	return !strncmp(symbol, function, len) &&
	       (symbol[len] == '.' || !strncmp(symbol + len, " [clone ", 8));
}

/*
 * The function itself keeps the symbol's name that it has: of malloc's names that is malloc, where
 * DWARF says __libc_malloc, and the name does not change when a debug package is installed.
 */
static void keep_symbol(const struct egret_profile *profile, uint32_t number,
			struct egret_profile_line *function)
{
	size_t n;
	const struct egret_profile_line *named = egret_profile_get_lines(profile, number, &n);
	const char *symbol, *name;

	if (!named)
		return;
	symbol = egret_profile_get_string(profile, named[n - 1].name);
	name = egret_profile_get_string(profile, function->name);
	if (!is_part_of(symbol, name))
		function->name = named[n - 1].name;
}

static int add_lines(struct egret_names *names, struct egret_profile *profile, uint32_t number,
		     struct egret_module *const *module_of, struct egret_writer *writer,
		     struct egret_error *err)
{
	struct egret_code_place place = place_of(names, profile, number, module_of);
	struct egret_profile_line lines[EGRET_CODE_LINES_MAX];
	struct egret_dwarf_line found[EGRET_CODE_LINES_MAX];
	size_t n = 0;

	if (place.code)
		n = egret_code_names_find(place.code, place.vaddr, found, EGRET_CODE_LINES_MAX,
					  NULL);
	/* Nothing beyond the symbol, or no name: it stays as it is. */
	if (!n || !found[n - 1].function || (n == 1 && !found[0].file))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!take_line(names, profile, egret_code_names_are_shown(place.code), &found[i],
			       &lines[i]))
			return egret_fail(err, ENOMEM, "out of memory");
	keep_symbol(profile, number, &lines[n - 1]);
	if (egret_profile_set_lines(profile, number, lines, n))
		return egret_fail(err, ENOMEM, "out of memory");
	return writer ? egret_writer_symbol(writer, number, err) : 0;
}

/* Has all frames that have no lines yet indexed, those of a file together. */
static void prepare_lines(struct egret_names *names, const struct egret_profile *profile,
			  struct egret_module *const *module_of)
{
	size_t n_frames = egret_profile_n_frames(profile), n = 0;
	__free_ struct egret_code_place *places = NULL;

	places = reallocarray(NULL, n_frames + 1, sizeof(*places));
	/* Without memory they are indexed one by one. */
	if (!places)
		return;
	for (uint32_t f = names->next_lines; f < n_frames; f++) {
		places[n] = place_of(names, profile, f, module_of);
		n += places[n].code != NULL;
	}
	egret_code_places_prepare(places, n, names->threads);
}

#define BOUND_NS 100000000ull

static int add_all_lines(struct egret_names *names, struct egret_profile *profile,
			 struct egret_module *const *module_of, enum egret_names_depth depth,
			 struct egret_writer *writer, struct egret_error *err)
{
	size_t n_frames = egret_profile_n_frames(profile);
	uint64_t end = depth == EGRET_NAMES_ALL ? UINT64_MAX : now_ns() + BOUND_NS;
	int ret = 0;

	if (depth == EGRET_NAMES_ALL)
		prepare_lines(names, profile, module_of);
	while (!ret && names->next_lines < n_frames && now_ns() < end)
		ret = add_lines(names, profile, names->next_lines++, module_of, writer, err);
	return ret;
}

void egret_names_keep(struct egret_names *names)
{
	for (size_t i = 0; i < names->n_files; i++)
		if (names->files[i].code)
			egret_code_names_keep(names->files[i].code);
	if (names->kernel_lines.code)
		egret_code_names_keep(names->kernel_lines.code);
}

void egret_names_have(struct egret_names *names, size_t n_frames)
{
	names->next_frame = names->next_lines = (uint32_t)n_frames;
}

/* Whether its name is asked of somebody else, whom many at once cost what one does. */
static bool is_asked_for(const struct egret_names *names, const struct egret_profile *profile,
			 uint32_t frame)
{
	uint32_t module = egret_profile_get_frame(profile, frame)->module;

	return names->parser &&
	       egret_profile_get_module(profile, module)->kind == EGRET_MODULE_FILE;
}

/* Has the symbols of new frames, and of those that were left, asked for together. */
static void prepare_symbols(struct egret_names *names, const struct egret_profile *profile,
			    struct egret_module *const *module_of, bool left_too)
{
	size_t n_frames = egret_profile_n_frames(profile), n = 0;
	size_t n_left = left_too ? names->n_unnamed : 0;
	__free_ struct egret_code_place *places = NULL;

	if (!names->parser || !(n_frames - names->next_frame + n_left))
		return;
	places = reallocarray(NULL, n_frames - names->next_frame + n_left, sizeof(*places));
	/* Without memory they are asked for one by one. */
	if (!places)
		return;
	for (size_t i = 0; i < n_frames - names->next_frame + n_left; i++) {
		uint32_t frame = i < n_left ? names->unnamed[i]
					    : names->next_frame + (uint32_t)(i - n_left);

		if (!is_asked_for(names, profile, frame))
			continue;
		places[n] = place_of(names, profile, frame, module_of);
		n += places[n].code != NULL;
	}
	egret_code_places_prepare_symbols(places, n);
}

/*
 * Gives new frames their names. leaves: not those that are asked for, which costs the parser a
 * look at all symbols of a file each time.
 */
static int name_new_frames(struct egret_names *names, struct egret_profile *profile,
			   struct egret_module *const *module_of, bool leaves,
			   struct egret_writer *writer, struct egret_error *err)
{
	size_t n_frames = egret_profile_n_frames(profile);

	for (; names->next_frame < n_frames; names->next_frame++) {
		uint32_t frame = names->next_frame;
		bool is_left = leaves && is_asked_for(names, profile, frame);
		int ret = is_left ? 0 : name_frame(names, profile, frame, module_of, writer, err);

		if (ret < 0)
			return ret;
		if (!ret && may_come_later(profile, frame))
			remember_unnamed(names, frame);
	}
	return 0;
}

int egret_names_update(struct egret_names *names, struct egret_profile *profile,
		       struct egret_module *const *module_of, enum egret_names_depth depth,
		       struct egret_writer *writer, struct egret_error *err)
{
	/* A recording may be read at any time; a profile is by who has it updated further first. */
	bool leaves = depth == EGRET_NAMES_QUICK && names->parser && !writer;
	int ret;

	refresh_jits_of_new_frames(names, profile, egret_profile_n_frames(profile));
	if (!leaves)
		prepare_symbols(names, profile, module_of, depth != EGRET_NAMES_QUICK);
	ret = name_new_frames(names, profile, module_of, leaves, writer, err);
	if (ret)
		return ret;
	if (note_kernel(names, profile))
		return egret_fail(err, ENOMEM, "out of memory");
	if (depth == EGRET_NAMES_QUICK)
		return 0;
	ret = retry_unnamed(names, profile, module_of, writer, err);
	if (ret || names->no_lines || (names->parser && depth != EGRET_NAMES_ALL))
		return ret;
	return add_all_lines(names, profile, module_of, depth, writer, err);
}
