/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * symbolizer.c - names and lines for addresses that no profile has: of a file, of a process, of the
 * kernel. An address leads to a place (a module, and where in it), and a place to its lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/options.h"
#include "elf/debug_find.h"
#include "maps/processes.h"
#include "session/code_names.h"
#include "session/code_places.h"
#include "session/jit_names.h"
#include "session/kernel_lines.h"
#include "session/live_names.h"
#include "session/module_code.h"
#include "session/names.h"
#include "session/shown_names.h"
#include "symbolize/symbolize.h"

/* Addresses from here on are the kernel's, Documentation/arch/x86/x86_64/mm.rst. */
#define KERNEL_START (1ull << 63)

struct egret_symbolizer {
	struct egret_symbolizer_opts opts;
	struct egret_debug_finder *finder;
	struct egret_cache *cache;     /* may be NULL */
	struct egret_elf *elf, *debug; /* of open_file; NULL: see process */
	struct egret_code_names *code; /* of elf */
	bool is_kernel;		       /* elf is the kernel's; its addresses are `moved` bytes on */
	uint64_t moved;
	struct egret_modules modules;
	struct egret_processes processes;
	struct egret_module_source module_source;
	struct egret_process_source process_source;
	int maps_error; /* what reading the mappings of the process failed with */
	struct egret_process *process;
	struct egret_code_names **codes; /* by number of struct egret_module */
	struct egret_kallsyms *kallsyms;
	bool kallsyms_tried;
	struct egret_kernel_lines kernel;
	struct egret_live_names *live;
	struct egret_jit_names *jit; /* NULL before the first code that is in no file */
	struct egret_shown_names shown;
	struct egret_frame frames[EGRET_CODE_LINES_MAX];
};

/* ---- what an address leads to ------------------------------------------------------------- */

struct place {
	enum egret_frame_kind kind;
	const char *module; /* path, or what stands for one */
	uint64_t offset;    /* as in struct egret_frame */
	uint64_t vaddr;	    /* in the file of code */
	struct egret_code_names *code;
	enum egret_name_reason why; /* there is no code */
};

static void read_kallsyms(struct egret_symbolizer *s)
{
	const struct egret_name_source *live = &egret_name_source_live;
	struct egret_buffer text = { 0 };

	s->kallsyms_tried = true;
	if (!live->read_kallsyms(live->arg, &text) && text.len &&
	    egret_kallsyms_parse((char *)text.data, text.len, &s->kallsyms, NULL))
		s->kallsyms = NULL;
	egret_buffer_deinit(&text);
	egret_kernel_lines_open(&s->kernel, live, s->kallsyms, s->cache);
}

static struct place kernel_place(uint64_t address, uint64_t moved, struct egret_code_names *code)
{
	return (struct place){ .kind = EGRET_FRAME_KERNEL,
			       .module = "[kernel.kallsyms]",
			       .offset = address,
			       .vaddr = address - moved,
			       .code = code };
}

static struct place in_kernel(struct egret_symbolizer *s, uint64_t address)
{
	if (!s->kallsyms_tried)
		read_kallsyms(s);
	return kernel_place(address, s->kernel.moved, s->kernel.code);
}

static struct place in_file(const struct egret_symbolizer *s, uint64_t address)
{
	struct place place = { EGRET_FRAME_USER, egret_elf_name(s->elf), 0, 0,
			       s->code,		 EGRET_NAME_NO_SYMBOL };
	bool found;

	if (s->opts.file_offsets) {
		place.offset = address;
		found = egret_elf_offset_to_vaddr(s->elf, address, &place.vaddr);
	} else {
		place.vaddr = address;
		found = egret_elf_vaddr_to_offset(s->elf, address, &place.offset);
	}
	if (!found) {
		place.offset = address;
		place.code = NULL;
		place.why = EGRET_NAME_NO_SEGMENT;
	}
	return place;
}

/* NULL: without memory. */
static struct egret_code_names *code_of(struct egret_symbolizer *s,
					const struct egret_module *module)
{
	struct egret_code_names **code = &s->codes[module->number];

	if (!*code && egret_code_names_create(module->elf, module->debug, s->cache, code, NULL))
		return NULL;
	return *code;
}

static struct place in_process(struct egret_symbolizer *s, uint64_t address)
{
	const struct egret_mapping *mapping = egret_process_find(s->process, address);
	struct place place = { EGRET_FRAME_USER, "", address, 0, NULL, EGRET_NAME_NO_MAPPING };
	const struct egret_module *module;

	if (address >= KERNEL_START)
		return in_kernel(s, address);
	if (!mapping)
		return place;
	module = mapping->module;
	place.module = module->path;
	if (module->kind == EGRET_CODE_JIT) {
		place.kind = EGRET_FRAME_JIT;
		return place;
	}
	place.kind = module->kind == EGRET_CODE_VDSO ? EGRET_FRAME_VDSO : EGRET_FRAME_USER;
	place.offset = address - mapping->start + mapping->pgoff;
	place.vaddr = address - mapping->bias;
	if (module->elf && mapping->biased)
		place.code = code_of(s, module);
	else
		place.why = module->elf ? EGRET_NAME_NO_SEGMENT : egret_names_why_no_elf(module);
	return place;
}

static struct place place_of(struct egret_symbolizer *s, uint64_t address)
{
	if (s->is_kernel)
		return kernel_place(address, s->moved, s->code);
	if (s->elf)
		return in_file(s, address);
	if (s->process)
		return in_process(s, address);
	return in_kernel(s, address);
}

/* ---- names that are in no file ------------------------------------------------------------ */

static bool find_in_kernel(struct egret_symbolizer *s, uint64_t address, struct egret_symbol *out,
			   enum egret_name_reason *why)
{
	if (s->kallsyms && egret_kallsyms_find(s->kallsyms, address, out))
		return true;
	*why = !s->kallsyms			    ? EGRET_NAME_NO_KALLSYMS
	       : egret_kallsyms_hidden(s->kallsyms) ? EGRET_NAME_KPTR_RESTRICT
						    : EGRET_NAME_NOT_IN_KALLSYMS;
	return false;
}

/* The files of the process are opened with the first question. False without memory. */
static bool open_jit(struct egret_symbolizer *s)
{
	if ((!s->live && egret_live_names_create(&s->live)) ||
	    egret_jit_names_create(&egret_live_name_source(s->live)->jit, &s->jit))
		return false;
	egret_jit_names_seen(s->jit, s->process->pid, s->process->code);
	egret_jit_names_refresh(s->jit, s->process->pid);
	return true;
}

#define NEWEST UINT32_MAX /* of the codes that were at an address one after the other */

/* What JITs write grows: it is read again when an address is not found. */
static bool find_in_jit(struct egret_symbolizer *s, uint64_t address, struct egret_dwarf_line *out,
			enum egret_name_reason *why)
{
	int pid = s->process->pid;

	if (!s->jit && !open_jit(s))
		return false;
	if (egret_jit_names_find(s->jit, pid, address, NEWEST, out, why))
		return true;
	egret_jit_names_refresh(s->jit, pid);
	return egret_jit_names_find(s->jit, pid, address, NEWEST, out, why);
}

/* ---- frames ------------------------------------------------------------------------------- */

static const char *made_name(struct egret_symbolizer *s, const struct place *place)
{
	const char *slash = strrchr(place->module, '/');
	const char *module = slash && slash[1] ? slash + 1 : place->module;
	struct egret_buffer text = { 0 };
	const char *name;

	if (place->kind == EGRET_FRAME_KERNEL)
		module = "kernel";
	else if (place->kind == EGRET_FRAME_JIT)
		module = "jit";
	else if (place->kind == EGRET_FRAME_VDSO)
		module = "vdso";
	else if (!*module)
		module = "unknown";
	egret_buffer_printf(&text, "[%s+0x%" PRIx64 "]", module, place->offset);
	egret_buffer_add(&text, "", 1);
	name = text.failed ? NULL : egret_shown_text(&s->shown, (char *)text.data);
	egret_buffer_deinit(&text);
	return name;
}

static struct egret_frame *add_frame(struct egret_symbolizer *s, const struct place *place,
				     struct egret_location *location)
{
	struct egret_frame *frame = &s->frames[location->n_frames++];

	*frame = (struct egret_frame){ .module = place->module,
				       .offset = place->offset,
				       .kind = place->kind };
	return frame;
}

static int fill_from_code(struct egret_symbolizer *s, struct place *place,
			  struct egret_location *location)
{
	struct egret_dwarf_line lines[EGRET_CODE_LINES_MAX];
	size_t n = egret_code_names_find(place->code, place->vaddr, lines, EGRET_CODE_LINES_MAX,
					 &place->why);
	size_t first = 0;

	/* Without inlined functions: the outermost one, at the line of the address. */
	if (s->opts.no_inlines && n > 1) {
		first = n - 1;
		lines[first].file = lines[0].file;
		lines[first].line = lines[0].line;
	}
	for (size_t i = first; i < n; i++) {
		struct egret_frame *frame = add_frame(s, place, location);

		frame->file = lines[i].file;
		frame->line = lines[i].line;
		frame->flags = lines[i].is_inlined ? EGRET_FRAME_F_INLINED : 0;
		if (!lines[i].function)
			continue; /* there are lines, but no name: see complete() */
		frame->name = egret_shown_name(&s->shown, lines[i].function);
		if (!frame->name)
			return -ENOMEM;
	}
	if (n && lines[n - 1].function && !lines[0].file)
		location->why = egret_code_names_why_no_line(place->code);
	return 0;
}

/* The function itself, whose lines are known, or which nothing is known of so far. */
static struct egret_frame *last_frame(struct egret_symbolizer *s, const struct place *place,
				      struct egret_location *location)
{
	return location->n_frames ? &s->frames[location->n_frames - 1]
				  : add_frame(s, place, location);
}

static int fill_from_kallsyms(struct egret_symbolizer *s, struct place *place,
			      struct egret_location *location)
{
	struct egret_symbol symbol;
	struct egret_frame *frame;

	if (!find_in_kernel(s, place->offset, &symbol, &place->why))
		return 0;
	frame = last_frame(s, place, location);
	if (!frame->name)
		frame->name = egret_shown_name_of_text(&s->shown, symbol.name);
	frame->module = egret_shown_text(&s->shown, symbol.module);
	return frame->name && frame->module ? 0 : -ENOMEM;
}

static int fill_from_jit(struct egret_symbolizer *s, struct place *place,
			 struct egret_location *location)
{
	struct egret_dwarf_line line;
	struct egret_frame *frame;

	if (!find_in_jit(s, place->offset, &line, &place->why))
		return 0;
	frame = add_frame(s, place, location);
	frame->name = egret_shown_name_of_text(&s->shown, line.function);
	frame->line = line.line;
	if (line.file)
		frame->file = egret_shown_text(&s->shown, line.file);
	return frame->name && (frame->file || !line.file) ? 0 : -ENOMEM;
}

/* Every location has a frame, and every frame a name. */
static int complete(struct egret_symbolizer *s, const struct place *place,
		    struct egret_location *location)
{
	if (!location->n_frames)
		add_frame(s, place, location);
	for (size_t i = 0; i < location->n_frames; i++) {
		if (s->frames[i].name)
			continue;
		s->frames[i].flags |= EGRET_FRAME_F_UNNAMED;
		s->frames[i].why = place->why;
		location->why = egret_name_reason_text(place->why);
		s->frames[i].name = made_name(s, place);
		if (!s->frames[i].name)
			return -ENOMEM;
	}
	return 0;
}

static int locate(struct egret_symbolizer *s, uint64_t address, struct egret_location *location)
{
	struct place place = place_of(s, address);
	int ret = 0;

	*location = (struct egret_location){ .address = address, .frames = s->frames };
	if (place.code)
		ret = fill_from_code(s, &place, location);
	if (!ret && place.kind == EGRET_FRAME_KERNEL && !s->is_kernel)
		ret = fill_from_kallsyms(s, &place, location);
	if (!ret && place.kind == EGRET_FRAME_JIT)
		ret = fill_from_jit(s, &place, location);
	return ret ? ret : complete(s, &place, location);
}

/* ---- many at once ------------------------------------------------------------------------- */

/* Addresses that are prepared together: bounds what that takes, and when the first is answered. */
#define CHUNK 65536

static int prepare(struct egret_symbolizer *s, const uint64_t *addresses, size_t n)
{
	__free_ struct egret_code_place *wanted = NULL;
	size_t n_wanted = 0;

	if (n < 2)
		return 0;
	if (s->elf && !s->opts.file_offsets && !s->is_kernel) {
		egret_code_names_prepare(s->code, addresses, n, s->opts.threads);
		return 0;
	}
	wanted = reallocarray(NULL, n, sizeof(*wanted));
	if (!wanted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct place place = place_of(s, addresses[i]);

		if (place.code)
			wanted[n_wanted++] = (struct egret_code_place){ place.code, place.vaddr };
	}
	egret_code_places_prepare(wanted, n_wanted, s->opts.threads);
	return 0;
}

int egret_symbolizer__find(struct egret_symbolizer *s, const uint64_t *addresses, size_t n,
			   egret_location_fn fn, void *arg, struct egret_error *err)
{
	struct egret_location location;
	int ret = 0;

	for (size_t i = 0; i < n && !ret; i++) {
		if (i % CHUNK == 0 && prepare(s, addresses + i, n - i < CHUNK ? n - i : CHUNK))
			return egret_fail(err, ENOMEM, "out of memory");
		if (locate(s, addresses[i], &location))
			return egret_fail(err, ENOMEM, "out of memory");
		ret = fn(&location, arg);
	}
	return ret;
}

/* ---- opening ------------------------------------------------------------------------------ */

static void close_code(struct egret_code_names *code)
{
	if (code)
		egret_code_names_keep(code);
	egret_code_names_destroy(code);
}

void egret_symbolizer__destroy(struct egret_symbolizer *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->codes && i < s->modules.n; i++)
		close_code(s->codes[i]);
	free(s->codes);
	close_code(s->code);
	egret_elf_destroy(s->elf);
	egret_elf_destroy(s->debug);
	egret_processes_deinit(&s->processes);
	egret_modules_deinit(&s->modules);
	egret_kallsyms_destroy(s->kallsyms);
	if (s->kernel.code)
		egret_code_names_keep(s->kernel.code);
	egret_kernel_lines_close(&s->kernel);
	egret_jit_names_destroy(s->jit);
	egret_live_names_destroy(s->live);
	egret_shown_names_deinit(&s->shown);
	egret_debug_finder_destroy(s->finder);
	egret_cache_close(s->cache);
	free(s);
}

static int create(const struct egret_symbolizer_opts *opts, struct egret_symbolizer **out,
		  struct egret_error *err)
{
	struct egret_symbolizer *s = calloc(1, sizeof(*s));
	struct egret_debug_opts debug = { 0 };
	struct egret_cache_opts cache;
	int ret;

	if (!s)
		return egret_fail(err, ENOMEM, "out of memory");
	ret = egret_options_take(&s->opts, sizeof(s->opts), opts, "symbolizer options", err);
	if (!ret && s->opts.demangle > EGRET_DEMANGLE_NONE)
		ret = egret_fail(err, EINVAL, "symbolizer options: there is no way %d to demangle",
				 (int)s->opts.demangle);
	cache = (struct egret_cache_opts){ s->opts.cache_dir, s->opts.cache_size };
	debug.dirs = &s->opts.debug_dir;
	debug.n_dirs = s->opts.debug_dir ? 1 : 0;
	if (!ret && egret_debug_finder_create(&debug, &s->finder))
		ret = egret_fail(err, ENOMEM, "out of memory");
	/* A directory that is not to be trusted is not used: it is only ever a cache. */
	if (!ret && s->opts.cache_dir && egret_cache_open(&cache, &s->cache, NULL))
		s->cache = NULL;
	s->shown.demangle = s->opts.demangle;
	if (ret) {
		egret_symbolizer__destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

/* The debug file of elf, and the names of both. */
static int open_names(struct egret_symbolizer *s, const char *path, struct egret_error *err)
{
	struct egret_debug_want want = { .elf = s->elf, .path = path };

	if (egret_debug_find(s->finder, &want, &s->debug))
		s->debug = NULL;
	return egret_code_names_create(s->elf, s->debug, s->cache, &s->code, err);
}

static int open_elf(struct egret_symbolizer *s, const char *path, struct egret_error *err)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int ret;

	if (fd < 0)
		return egret_fail(err, errno, "%s: %s", path, strerror(errno));
	ret = egret_elf_open_fd(fd, path, &s->elf, err);
	if (ret)
		return ret;
	if (egret_elf_is_relocatable(s->elf))
		return egret_fail(err, ENOTSUP,
				  "%s: is relocatable: it has no addresses before it is linked",
				  path);
	return open_names(s, path, err);
}

int egret_symbolizer__open_file(const char *path, const struct egret_symbolizer_opts *opts,
				struct egret_symbolizer **out, struct egret_error *err)
{
	struct egret_symbolizer *s;
	int ret = create(opts, &s, err);

	if (ret)
		return ret;
	ret = open_elf(s, path, err);
	if (ret) {
		egret_symbolizer__destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

static int open_module(struct egret_symbolizer *s, const struct egret_profile *profile,
		       const char *module, struct egret_error *err)
{
	struct egret_module_code code;
	int ret = egret_module_code_open(profile, module, s->finder, &code, err);

	if (ret)
		return ret;
	s->elf = code.elf;
	s->is_kernel = code.is_kernel;
	s->moved = code.moved;
	s->opts.file_offsets = true;
	return open_names(s, module, err);
}

int egret_symbolizer__open_module(const struct egret_profile *profile, const char *module,
				  const struct egret_symbolizer_opts *opts,
				  struct egret_symbolizer **out, struct egret_error *err)
{
	struct egret_symbolizer *s;
	int ret = create(opts, &s, err);

	if (ret)
		return ret;
	ret = open_module(s, profile, module, err);
	if (ret) {
		egret_symbolizer__destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

/* ---- code ----------------------------------------------------------------------------------- */

/* More of one function is not shown: symbols may lie about their sizes. */
#define CODE_MAX (1u << 20)

int egret_symbolizer__code(struct egret_symbolizer *s, uint64_t address,
			   struct egret_function_code *code, struct egret_error *err)
{
	struct place place = place_of(s, address);
	enum egret_name_reason why = place.why;
	struct egret_symbol symbol;
	uint64_t offset;
	size_t size;
	const uint8_t *bytes;

	if (!s->elf)
		return egret_fail(err, EINVAL, "only files have code to show");
	if (!place.code || !egret_code_names_symbol(place.code, place.vaddr, &symbol, &why))
		return egret_fail(err, ENODATA,
				  "%s: where the function at 0x%" PRIx64 " begins is not known: %s",
				  place.module, address, egret_name_reason_text(why));
	bytes = egret_elf_bytes(s->elf, &size);
	if (!egret_elf_vaddr_to_offset(s->elf, symbol.start, &offset) || offset >= size)
		return egret_fail(err, ENODATA, "%s: the code of '%s' is not in the file",
				  place.module, symbol.name);
	*code = (struct egret_function_code){
		.symbol = symbol.name,
		.address = s->is_kernel ? symbol.start + s->moved : offset,
		.bytes = bytes + offset,
		.n_bytes = size - offset,
		.vaddr = symbol.start + s->moved,
		.machine = egret_elf_machine(s->elf),
	};
	if (code->n_bytes > symbol.size)
		code->n_bytes = symbol.size;
	if (code->n_bytes > CODE_MAX)
		code->n_bytes = CODE_MAX;
	return 0;
}

/* As the live source, and keeps what went wrong. */
static int read_maps(void *arg, int pid, struct egret_buffer *out)
{
	struct egret_symbolizer *s = arg;

	s->maps_error = egret_process_source_live.read_maps(NULL, pid, out);
	return s->maps_error;
}

static int read_comm(void *arg, int pid, char *to, size_t size)
{
	return egret_process_source_live.read_comm(NULL, pid, to, size);
}

static int read_process(struct egret_symbolizer *s, pid_t pid, struct egret_error *err)
{
	s->module_source = egret_module_source_live;
	s->module_source.arg = s->finder;
	s->process_source = (struct egret_process_source){ .read_maps = read_maps,
							   .read_comm = read_comm,
							   .arg = s };
	egret_modules_init(&s->modules, &s->module_source);
	egret_processes_init(&s->processes, &s->modules, &s->process_source, false);
	s->process = egret_processes_need(&s->processes, pid);
	if (s->maps_error == -ENOENT || s->maps_error == -ESRCH)
		return egret_fail(err, ESRCH, "there is no process %d", (int)pid);
	if (s->maps_error)
		return egret_fail(err, -s->maps_error, "the mappings of process %d: %s", (int)pid,
				  strerror(-s->maps_error));
	s->codes = calloc(s->modules.n + 1, sizeof(struct egret_code_names *));
	return s->process && s->codes ? 0 : egret_fail(err, ENOMEM, "out of memory");
}

int egret_symbolizer__open_process(pid_t pid, const struct egret_symbolizer_opts *opts,
				   struct egret_symbolizer **out, struct egret_error *err)
{
	struct egret_symbolizer *s;
	int ret = create(opts, &s, err);

	if (ret)
		return ret;
	ret = read_process(s, pid, err);
	if (ret) {
		egret_symbolizer__destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

int egret_symbolizer__open_kernel(const struct egret_symbolizer_opts *opts,
				  struct egret_symbolizer **out, struct egret_error *err)
{
	struct egret_symbolizer *s;
	int ret = create(opts, &s, err);

	if (ret)
		return ret;
	read_kallsyms(s);
	if (!s->kallsyms)
		ret = egret_fail(err, ENOENT,
				 "the kernel does not tell its symbols: /proc/kallsyms "
				 "cannot be read");
	else if (egret_kallsyms_hidden(s->kallsyms))
		ret = egret_fail(err, EPERM,
				 "the kernel hides its addresses: become root, or set "
				 "kernel.kptr_restrict to 0");
	if (ret) {
		egret_symbolizer__destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}
