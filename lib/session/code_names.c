/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "session/code_names.h"

#include <errno.h>
#include <stdlib.h>

#include "session/dwarf_files.h"
#include "session/told_names.h"
#include "symbolize/file_names.h"

struct egret_code_names {
	const struct egret_elf *elf, *debug;
	struct egret_dwarf_files files;
	struct egret_file_names *symbols;
	bool symbols_tried;
	struct egret_dwarf_index *index;
	bool index_tried;
	struct egret_cache *cache;
	struct egret_cache_key key;
	struct egret_cache_blob kept;  /* what the index began with */
	struct egret_told_names *told; /* in place of all that; NULL: it is read here */
};

int egret_code_names_create(const struct egret_elf *elf, const struct egret_elf *debug,
			    struct egret_cache *cache, struct egret_code_names **out,
			    struct egret_error *err)
{
	struct egret_code_names *code = calloc(1, sizeof(*code));

	if (!code)
		return egret_fail(err, ENOMEM, "%s: no memory for its names", egret_elf_name(elf));
	code->elf = elf;
	code->debug = debug;
	code->files = (struct egret_dwarf_files){ elf, debug };
	if (cache &&
	    egret_cache_key_of(elf, EGRET_CACHE_SYMBOLS, EGRET_DWARF_INDEX_VERSION, &code->key))
		code->cache = cache;
	*out = code;
	return 0;
}

int egret_code_names_create_told(struct egret_parser *parser, const struct egret_elf *elf,
				 const struct egret_elf *debug, enum egret_demangle demangle,
				 struct egret_code_names **out, struct egret_error *err)
{
	int ret = egret_code_names_create(elf, debug, NULL, out, err);

	if (ret)
		return ret;
	if (!egret_told_names_create(parser, elf, debug, demangle, &(*out)->told))
		return 0;
	egret_code_names_destroy(*out);
	return egret_fail(err, ENOMEM, "%s: no memory for its names", egret_elf_name(elf));
}

bool egret_code_names_are_shown(const struct egret_code_names *code)
{
	return code->told;
}

void egret_code_names_destroy(struct egret_code_names *code)
{
	if (!code)
		return;
	egret_told_names_destroy(code->told);
	egret_dwarf_index_destroy(code->index);
	egret_cache_blob_deinit(&code->kept);
	egret_file_names_destroy(code->symbols);
	free(code);
}

size_t egret_code_names_memory(const struct egret_code_names *code)
{
	size_t bytes = sizeof(*code) + code->kept.size;

	if (code->told)
		return bytes + egret_told_names_memory(code->told);
	if (code->symbols)
		bytes += egret_file_names_memory(code->symbols);
	return code->index ? bytes + egret_dwarf_index_memory(code->index) : bytes;
}

static struct egret_file_names *symbols_of(struct egret_code_names *code)
{
	if (!code->symbols_tried) {
		code->symbols_tried = true;
		if (egret_file_names_create(code->elf, code->debug, &code->symbols, NULL))
			code->symbols = NULL;
	}
	return code->symbols;
}

void egret_code_names_only(struct egret_code_names *code, const uint64_t *vaddrs, size_t n)
{
	code->symbols_tried = true;
	if (egret_file_names_create_for(code->elf, code->debug, vaddrs, n, &code->symbols, NULL))
		code->symbols = NULL;
}

static bool symbol_at(void *arg, uint64_t vaddr, struct egret_symbol *out)
{
	struct egret_file_names *symbols = symbols_of(arg);

	return symbols && egret_file_names_find(symbols, vaddr, out, NULL);
}

static void open_index(struct egret_code_names *code)
{
	struct egret_dwarf_openers openers = egret_dwarf_files_openers(&code->files);
	struct egret_dwarf_symbols symbols = { symbol_at, code };
	struct egret_dwarf_options options = { .openers = &openers, .symbols = &symbols };

	if (code->cache && !egret_cache_get(code->cache, &code->key, &code->kept)) {
		options.blob = code->kept.bytes;
		options.blob_size = code->kept.size;
	}
	if (egret_dwarf_index_create(code->elf, code->debug, &options, &code->index, NULL))
		code->index = NULL;
	else if (options.blob && !egret_dwarf_index_has_blob(code->index))
		egret_cache_reject(code->cache, &code->kept);
}

bool egret_code_names_symbol(struct egret_code_names *code, uint64_t vaddr,
			     struct egret_symbol *symbol, enum egret_name_reason *reason)
{
	struct egret_file_names *symbols;

	if (code->told)
		return egret_told_names_symbol(code->told, vaddr, symbol, reason);
	symbols = symbols_of(code);
	if (symbols)
		return egret_file_names_find(symbols, vaddr, symbol, reason);
	if (reason)
		*reason = EGRET_NAME_NOT_READABLE;
	return false;
}

/* Opened when it is first wanted. NULL: without memory. */
static struct egret_dwarf_index *index_of(struct egret_code_names *code)
{
	if (!code->index_tried) {
		code->index_tried = true;
		open_index(code);
	}
	return code->index;
}

void egret_code_names_prepare(struct egret_code_names *code, const uint64_t *vaddrs, size_t n,
			      unsigned int threads)
{
	/* Without memory for it, each address is indexed when it is asked for. */
	if (code->told)
		egret_told_names_prepare(code->told, vaddrs, n, true);
	else if (index_of(code))
		(void)egret_dwarf_index_prepare(code->index, vaddrs, n, threads);
}

void egret_code_names_prepare_symbols(struct egret_code_names *code, const uint64_t *vaddrs,
				      size_t n)
{
	if (code->told)
		egret_told_names_prepare(code->told, vaddrs, n, false);
}

/* Gives the last of n lines a symbol for its function; there may be no line so far. */
static size_t name_last(const char *symbol, struct egret_dwarf_line *lines, size_t n,
			enum egret_name_reason *reason)
{
	if (!symbol) {
		if (reason)
			*reason = EGRET_NAME_NO_SYMBOL;
		return n;
	}
	if (!n)
		lines[n++] = (struct egret_dwarf_line){ 0 };
	lines[n - 1].function = symbol;
	lines[n - 1].is_linkage_name = true;
	return n;
}

size_t egret_code_names_find(struct egret_code_names *code, uint64_t vaddr,
			     struct egret_dwarf_line *lines, size_t max,
			     enum egret_name_reason *reason)
{
	struct egret_file_names *symbols;
	struct egret_symbol symbol;
	size_t n = 0;

	if (code->told)
		return egret_told_names_lines(code->told, vaddr, lines, max);
	if (index_of(code))
		n = egret_dwarf_index_find(code->index, vaddr, lines, max);
	if (n && lines[n - 1].function)
		return n;
	if (code->index && egret_dwarf_index_has_symbols(code->index))
		return name_last(egret_dwarf_index_symbol(code->index, vaddr), lines, n, reason);
	symbols = symbols_of(code);
	if (!n && symbols)
		n = egret_file_names_lines(symbols, vaddr, lines, max);
	if (n && lines[n - 1].function)
		return n;
	if (!egret_code_names_symbol(code, vaddr, &symbol, reason))
		return n;
	return name_last(symbol.name, lines, n, reason);
}

void egret_code_names_run(struct egret_code_names *code, uint64_t vaddr,
			  struct egret_symbol_run *run, enum egret_name_reason *reason)
{
	const struct egret_file_names *symbols = symbols_of(code);

	*run = (struct egret_symbol_run){ vaddr, vaddr + 1, NULL };
	if (symbols)
		egret_file_names_run(symbols, vaddr, run, reason);
	else
		*reason = EGRET_NAME_NOT_READABLE;
}

static int add_symbol(void *arg, uint64_t start, uint64_t end, const char *name)
{
	return egret_dwarf_index_add_symbol(arg, start, end, name);
}

void egret_code_names_keep(struct egret_code_names *code)
{
	struct egret_buffer blob = { 0 };

	if (!code->cache || !code->index)
		return;
	/* Who needed them will need them again. */
	if (code->symbols && !egret_dwarf_index_has_symbols(code->index) &&
	    egret_file_names_each_run(code->symbols, add_symbol, code->index) == -ENOMEM)
		return;
	if (!egret_dwarf_index_has_grown(code->index))
		return;
	if (!egret_dwarf_index_blob(code->index, &blob))
		(void)egret_cache_put(code->cache, &code->key, blob.data, blob.len);
	egret_buffer_deinit(&blob);
}

const char *egret_code_names_why_no_line(const struct egret_code_names *code)
{
	const char *why = code->index ? egret_dwarf_index_why(code->index) : NULL;

	return why ? why : "its DWARF has no line there";
}
