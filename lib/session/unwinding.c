/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/unwinding.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "session/code_pages.h"
#include "session/parsing.h"
#include "unwind/recover.h"

/* What is kept of a struct egret_module, by its number. */
struct module_state {
	struct egret_unwind_module *unwind;
	const struct egret_module *module;
	bool tried;
};

struct egret_unwinding {
	struct egret_unwinding_opts opts;
	const struct egret_unwind_engine *engine;
	struct egret_unwinder *unwinder;
	struct module_state *states;
	size_t n_states;
	struct egret_recovery *recovery; /* NULL: code is not looked at */
	struct egret_code_pages code_pages;
	bool note_code; /* in struct egret_module, which code was looked at */
};

int egret_unwinding_create(const struct egret_unwinding_opts *opts, struct egret_unwinding **out,
			   struct egret_error *err)
{
	struct egret_unwinding *u = calloc(1, sizeof(*u));
	int ret;

	if (!u || (opts->looks_at_code && egret_recovery_create(&u->recovery))) {
		free(u);
		return egret_fail(err, ENOMEM, "out of memory");
	}
	u->opts = *opts;
	u->engine = opts->engine;
	ret = u->engine->create(&u->unwinder, err);
	if (ret) {
		egret_unwinding_destroy(u);
		return ret;
	}
	*out = u;
	return 0;
}

void egret_unwinding_destroy(struct egret_unwinding *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->n_states; i++)
		if (u->states[i].unwind)
			u->engine->module_unload(u->unwinder, u->states[i].unwind);
	if (u->unwinder)
		u->engine->destroy(u->unwinder);
	egret_recovery_destroy(u->recovery);
	egret_code_pages_deinit(&u->code_pages);
	free(u->states);
	free(u);
}

size_t egret_unwinding_memory(const struct egret_unwinding *u)
{
	size_t bytes = u->n_states * sizeof(*u->states);

	for (size_t i = 0; u->engine->module_memory && i < u->n_states; i++)
		if (u->states[i].unwind)
			bytes += u->engine->module_memory(u->states[i].unwind);
	return bytes;
}

void egret_unwinding_note_code(struct egret_unwinding *u)
{
	u->note_code = true;
}

/* ---- unwind tables on disk ----------------------------------------------------------------------
 */

struct kept_table {
	bool tried;
	struct egret_cache_blob blob; /* of no bytes: there is none */
	struct egret_buffer parsed;   /* of a file that is not read here: all of its tables */
};

struct egret_kept_tables {
	const struct egret_unwind_engine *engine;
	struct egret_cache *cache;
	struct egret_parser *parser;
	pthread_mutex_t lock;	    /* of what follows */
	struct kept_table **tables; /* by number of struct egret_module */
	size_t n;
};

int egret_kept_tables_create(const struct egret_unwind_engine *engine, struct egret_cache *cache,
			     struct egret_parser *parser, struct egret_kept_tables **out)
{
	struct egret_kept_tables *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	kept->engine = engine;
	kept->cache = cache;
	kept->parser = parser;
	pthread_mutex_init(&kept->lock, NULL);
	*out = kept;
	return 0;
}

void egret_kept_tables_destroy(struct egret_kept_tables *kept)
{
	if (!kept)
		return;
	for (size_t i = 0; i < kept->n; i++) {
		if (kept->tables[i]) {
			egret_cache_blob_deinit(&kept->tables[i]->blob);
			egret_buffer_deinit(&kept->tables[i]->parsed);
		}
		free(kept->tables[i]);
	}
	pthread_mutex_destroy(&kept->lock);
	free(kept->tables);
	free(kept);
}

static bool key_of_module(const struct egret_kept_tables *kept, const struct egret_module *module,
			  struct egret_cache_key *key)
{
	return kept->cache && kept->engine->module_import && module->elf &&
	       egret_cache_key_of(module->elf, EGRET_CACHE_CFI, kept->engine->kept_version, key);
}

/* Room for what is kept of a module. NULL without memory. */
static struct kept_table *kept_table(struct egret_kept_tables *kept, uint32_t number)
{
	struct kept_table **tables;

	if (number >= kept->n) {
		size_t n = 2 * (number + 1ul);

		tables = reallocarray(kept->tables, n, sizeof(*tables));
		if (!tables)
			return NULL;
		memset(tables + kept->n, 0, (n - kept->n) * sizeof(*tables));
		kept->tables = tables;
		kept->n = n;
	}
	if (!kept->tables[number])
		kept->tables[number] = calloc(1, sizeof(**tables));
	return kept->tables[number];
}

static bool is_told(const struct egret_kept_tables *kept, const struct egret_module *module)
{
	return kept->parser && module->elf && egret_elf_told_fd(module->elf) >= 0;
}

static void import_cached(struct egret_kept_tables *kept, const struct egret_cache_key *key,
			  struct kept_table *table, struct egret_unwind_module *unwind)
{
	if (!table->tried && egret_cache_get(kept->cache, key, &table->blob))
		table->blob = (struct egret_cache_blob){ 0 };
	if (!table->blob.bytes ||
	    kept->engine->module_import(unwind, table->blob.bytes, table->blob.size))
		return;
	egret_cache_reject(kept->cache, &table->blob);
	table->blob = (struct egret_cache_blob){ 0 };
}

size_t egret_kept_tables_memory(struct egret_kept_tables *kept)
{
	size_t bytes;

	pthread_mutex_lock(&kept->lock);
	bytes = sizeof(*kept) + kept->n * sizeof(*kept->tables);
	for (size_t i = 0; i < kept->n; i++)
		if (kept->tables[i])
			bytes += sizeof(**kept->tables) + kept->tables[i]->blob.size +
				 kept->tables[i]->parsed.len;
	pthread_mutex_unlock(&kept->lock);
	return bytes;
}

/*
 * Not as others are kept: of those only what frames were in is there, and nobody here can make the
 * rest; and they are by build-id, which a hostile file may take from another one.
 */
static void import_parsed(struct egret_kept_tables *kept, const struct egret_module *module,
			  struct kept_table *table, struct egret_unwind_module *unwind)
{
	const struct egret_parsing parsing = { kept->parser, kept->cache };

	if (!table->tried &&
	    egret_parsing_tables(&parsing, module->elf, module->debug, &table->parsed))
		table->parsed = (struct egret_buffer){ 0 };
	if (table->parsed.len)
		kept->engine->module_import(unwind, table->parsed.data, table->parsed.len);
}

/* Gives a module what is kept of it, if that is valid: then it is for every thread. */
static void import_kept(struct egret_kept_tables *kept, const struct egret_module *module,
			struct egret_unwind_module *unwind)
{
	struct egret_cache_key key;
	struct kept_table *table;

	if (!is_told(kept, module) && !key_of_module(kept, module, &key))
		return;
	pthread_mutex_lock(&kept->lock);
	table = kept_table(kept, module->number);
	if (table) {
		if (is_told(kept, module))
			import_parsed(kept, module, table, unwind);
		else
			import_cached(kept, &key, table, unwind);
		table->tried = true;
	}
	pthread_mutex_unlock(&kept->lock);
}

/* ---- modules ------------------------------------------------------------------------------------
 */

/* The module as this thread has it, loaded when it is first wanted. NULL without memory. */
static struct module_state *state_of(struct egret_unwinding *u, const struct egret_module *module)
{
	size_t n = module->number + 1;
	struct module_state *state;

	if (n > u->n_states) {
		state = reallocarray(u->states, n * 2, sizeof(*state));
		if (!state)
			return NULL;
		memset(state + u->n_states, 0, (n * 2 - u->n_states) * sizeof(*state));
		u->states = state;
		u->n_states = n * 2;
	}
	state = &u->states[module->number];
	if (state->tried)
		return state;
	state->tried = true;
	state->module = module;
	if (u->engine->module_load(u->unwinder, module->elf, module->debug, &state->unwind))
		state->unwind = NULL;
	else
		import_kept(u->opts.kept, module, state->unwind);
	return state;
}

void egret_unwinding_take_tables(struct egret_unwinding *u, struct egret_unwinding *from)
{
	for (size_t i = 0; u->engine->module_take && i < from->n_states; i++) {
		struct egret_unwind_module *unwind = from->states[i].unwind;
		struct module_state *state;

		if (!unwind)
			continue;
		state = state_of(u, from->states[i].module);
		if (state && state->unwind)
			u->engine->module_take(state->unwind, unwind);
	}
}

void egret_unwinding_keep(struct egret_unwinding *u)
{
	struct egret_buffer bytes = { 0 };
	struct egret_cache_key key;

	for (size_t i = 0; i < u->n_states; i++) {
		struct module_state *state = &u->states[i];

		egret_buffer_clear(&bytes);
		/* One that cannot be kept is counted, and hurts nobody. */
		if (state->unwind && key_of_module(u->opts.kept, state->module, &key) &&
		    u->engine->module_export(state->unwind, &bytes) > 0)
			(void)egret_cache_put(u->opts.kept->cache, &key, bytes.data, bytes.len);
	}
	egret_buffer_deinit(&bytes);
}

/* ---- captures -----------------------------------------------------------------------------------
 */

/* The code at pc, as far as it is in the file: at most len bytes. Returns how many. */
static size_t read_code(const struct egret_code_map *map, uint64_t pc, uint8_t *to, size_t len)
{
	size_t last = 0, size;
	const struct egret_mapping *m = egret_code_map_find(map, pc, &last);
	const uint8_t *bytes;
	uint64_t offset;

	if (!m || !m->module->elf)
		return 0;
	bytes = egret_elf_bytes(m->module->elf, &size);
	offset = pc - m->start + m->pgoff;
	if (offset >= size)
		return 0;
	len = len < size - offset ? len : size - offset;
	memcpy(to, bytes + offset, len);
	return len;
}

/*
 * Where the branches "test %rax, %rax; jl somewhere; jz target", of which pc is one, lead with
 * rax = 0; 0 where start is not the first of them.
 */
static uint64_t zero_branch(const struct egret_code_map *map, uint64_t start, uint64_t pc)
{
	static const uint8_t test[] = { 0x48, 0x85, 0xc0 };
	uint8_t code[16] = { 0 }, *p = code + sizeof(test);
	int32_t far;

	if (read_code(map, start, code, sizeof(code)) < sizeof(code) ||
	    memcmp(code, test, sizeof(test)))
		return 0;
	if (p[0] == 0x0f && p[1] == 0x8c) /* jl rel32 */
		p += 6;
	else if (p[0] == 0x7c) /* jl rel8 */
		p += 2;
	else
		return 0;
	if (pc > start + (uint64_t)(p - code))
		return 0;
	if (p[0] == 0x74) /* jz rel8 */
		return start + (uint64_t)(p + 2 - code) + (uint64_t)(int8_t)p[1];
	if (p[0] != 0x0f || p[1] != 0x84) /* jz rel32 */
		return 0;
	memcpy(&far, p + 2, sizeof(far));
	return start + (uint64_t)(p + 6 - code) + (uint64_t)(int64_t)far;
}

/*
 * A thread that clone() has made stands behind the syscall instruction at first, where the CFI is
 * that of its creator, who returns; its own stack is empty. It is about to take the branch for a
 * result of 0 (sysdeps/unix/sysv/linux/x86_64/clone3.S), so it is unwound from there, where the CFI
 * says that this is the root. A process that fork() has made has its creator's stack, and its code
 * does not look so.
 */
static void begin_new_thread(const struct egret_code_map *map, struct egret_unwind_regs *regs)
{
	static const uint8_t before_pc[] = { 0, 3, 5,
					     9 }; /* the test, the jl, the jz behind either */
	uint64_t pc = regs->r[EGRET_UNWIND_RIP], target = 0;

	if (regs->r[0])
		return;
	for (size_t i = 0; i < sizeof(before_pc) && !target; i++)
		target = zero_branch(map, pc - before_pc[i], pc);
	if (target)
		regs->r[EGRET_UNWIND_RIP] = target;
}

static bool find_runs(struct egret_capture_view *view)
{
	const struct egret_rec_capture *rec = view->rec;
	const uint8_t *data = (const uint8_t *)(rec + 1),
		      *end = (const uint8_t *)rec + rec->rec.size;

	if (rec->n_windows > EGRET_MAX_WINDOWS)
		return false;
	for (size_t i = 0; i < rec->n_windows; i++) {
		const struct egret_window *w = &rec->window[i];

		if (w->len > (size_t)(end - data))
			return false;
		view->runs[i] = (struct egret_stack_run){ w->start, w->len, data };
		data += w->len;
	}
	return true;
}

bool egret_capture_view_init(struct egret_capture_view *view, const struct egret_rec_capture *rec,
			     const struct egret_code_map *code)
{
	view->rec = rec;
	view->code = code;
	view->last_run = 0;
	view->last_mapping = 0;
	if (!find_runs(view))
		return false;
	view->regs = (struct egret_unwind_regs){ 0 };
	memcpy(view->regs.r, rec->regs, sizeof(rec->regs));
	begin_new_thread(code, &view->regs);
	return true;
}

/* Whether a page that is not there was there in the process: then what lies behind it was read. */
static bool has_holes(const struct egret_rec_capture *rec)
{
	return rec->ending != EGRET_CAPTURE_WHOLE && rec->ending != EGRET_CAPTURE_LIMIT;
}

static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	struct egret_capture_view *view = arg;
	const struct egret_rec_capture *rec = view->rec;

	for (uint32_t n = 0, i = view->last_run; n < rec->n_windows; n++) {
		const struct egret_stack_run *run = &view->runs[i];

		if (addr >= run->start && addr - run->start < run->len &&
		    run->len - (addr - run->start) >= 8) {
			memcpy(value, run->bytes + (addr - run->start), 8);
			view->last_run = i;
			return 0;
		}
		i = i + 1 < rec->n_windows ? i + 1 : 0;
	}
	return has_holes(rec) ? -ENXIO : -EFAULT;
}

static const struct egret_mapping *mapping_at(struct egret_capture_view *view, uint64_t pc)
{
	return egret_code_map_find(view->code, pc, &view->last_mapping);
}

/* A module whose file is biased has its file for good; of others, the file may be found later. */
static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	struct egret_capture_view *view = arg;
	const struct egret_mapping *m = mapping_at(view, pc);
	struct module_state *state;

	*code = (struct egret_code){ 0 };
	if (!m)
		return false;
	code->cookie = (uintptr_t)m;
	if (!m->biased)
		return true;
	code->bias = m->bias;
	state = state_of(view->unwinding, m->module);
	code->module = state ? state->unwind : NULL;
	return true;
}

static void note_code(struct egret_module *module, size_t size, uint64_t offset)
{
	uint64_t page = offset / EGRET_MODULE_PAGE;

	if (!module->code_read)
		module->code_read = calloc(1, size / EGRET_MODULE_PAGE / 8 + 1);
	if (module->code_read)
		module->code_read[page / 8] |= (uint8_t)(1u << page % 8);
}

/* The code of a file, a page at a time. */
static bool file_text(const struct egret_unwinding *u, const struct egret_mapping *m, uint64_t pc,
		      struct egret_text *out)
{
	uint64_t offset = pc - m->start + m->pgoff, at = offset - offset % EGRET_MODULE_PAGE;
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(m->module->elf, &size);
	uint64_t entry = egret_elf_entry(m->module->elf);

	if (offset >= size)
		return false;
	if (u->note_code)
		note_code(m->module, size, at);
	*out = (struct egret_text){
		.bytes = bytes + at,
		.start = pc - (offset - at),
		.end = pc - (offset - at) +
		       (size - at < EGRET_MODULE_PAGE ? size - at : EGRET_MODULE_PAGE),
		.id = m->module->number + 1,
		.bias = m->start - m->pgoff,
		.entry = m->biased && entry ? m->bias + entry : 0,
	};
	return true;
}

static bool read_text(void *arg, uint64_t pc, struct egret_text *out)
{
	struct egret_capture_view *view = arg;
	struct egret_unwinding *u = view->unwinding;
	const struct egret_mapping *m;

	view->needs_code = true;
	if (!u->recovery)
		return false;
	m = mapping_at(view, pc);
	if (!m)
		return false;
	if (m->module->elf)
		return file_text(u, m, pc, out);
	view->in_memory = true;
	return egret_code_pages_text(&u->code_pages, u->opts.process_source, (int)view->rec->pid,
				     pc, view->rec->rec.time, out);
}

/* Whether code that the end of a stack depends on is another by now. */
static bool is_code_another(struct egret_unwinding *u, const struct egret_rec_capture *rec,
			    enum egret_unwind_end end)
{
	return (end == EGRET_UNWIND_NO_CFI || end == EGRET_UNWIND_FRAME_POINTER_END) &&
	       egret_code_pages_refresh(&u->code_pages, u->opts.process_source, (int)rec->pid,
					rec->rec.time);
}

bool egret_unwinding_run(struct egret_unwinding *u, struct egret_capture_view *view,
			 struct egret_unwound_frame *frames, size_t max,
			 struct egret_unwind_result *result)
{
	struct egret_unwind_request request = {
		.regs = view->regs,
		.read_stack = read_stack,
		.find_code = find_code,
		.read_text = read_text,
		.arg = view,
		.recovery = u->recovery,
		.needs_code = u->recovery ? NULL : &view->needs_code,
		.runs = view->runs,
		.n_runs = view->rec->n_windows,
		.code_number = egret_capture_view_code_number(view),
		.frames = frames,
		.max_frames = max,
	};

	if (egret_code_pages_vain(&u->code_pages, (int)view->rec->pid, view->rec->rec.time))
		request.recovery = NULL;
	view->unwinding = u;
	view->needs_code = false;
	view->in_memory = false;
	*result = u->engine->unwind(u->unwinder, &request);
	/* A stack that does not end at a root is begun again where code can be looked at. */
	if (!u->recovery)
		return !view->needs_code && result->end == EGRET_UNWIND_ROOT;
	if (is_code_another(u, view->rec, result->end))
		*result = u->engine->unwind(u->unwinder, &request);
	if (result->end == EGRET_UNWIND_ROOT && view->in_memory)
		egret_code_pages_helped(&u->code_pages, (int)view->rec->pid);
	return true;
}
