/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/radix.h"
#include "symbolize/code_ranges.h"
#include "symbolize/plt.h"
#include "symbolize/symbol_gaps.h"
#include "symbolize/symbolize.h"

#define NONE UINT32_MAX

/* Functions are nested two or three deep at most; deeper nesting is a file that lies. */
#define MAX_NESTING 64

/*
 * So that a file whose symbols all share one huge name costs neither hours nor gigabytes: longer
 * names are told apart by their beginning only and keep their version, and the names that we make
 * ourselves (a megabyte in a large program) end here.
 */
#define NAME_MAX_LEN 2048
#define OWN_NAMES_MAX (64u << 20)

/* Where names come from. SOURCE_OWN: names that stand in no file, made by us. */
enum source { SOURCE_SYMTAB, SOURCE_DEBUG, SOURCE_DYNSYM, SOURCE_OWN, NR_SOURCES };

/* String tables; size ends behind a NUL, so that every offset below it begins a string. */
struct strings {
	const char *data;
	size_t size;
};

#define GRADE_UNSIZED 8 /* the file does not say how long it is */
#define GRADE_LOCAL 4
#define GRADE_OLD_VERSION 2 /* name@VERSION; name@@VERSION is what a linker takes, thus without */
#define GRADE_WEAK 1 /* only where nothing else tells two apart: libc's public names are weak */

struct entry {
	uint64_t start;	  /* vaddr */
	uint64_t end;	  /* first address behind it */
	uint32_t name;	  /* offset in its source's strings */
	uint32_t up;	  /* the entry before it that ends later, the nearest one; NONE */
	uint8_t source;	  /* enum source */
	uint8_t grade;	  /* GRADE_*, less is better */
	uint8_t is_label; /* STT_NOTYPE */
};

/* Addresses from start to before end. */
struct run {
	uint64_t start, end;
};

static void cut_run(struct run *run, uint64_t start, uint64_t end)
{
	if (run->start < start)
		run->start = start;
	if (run->end > end)
		run->end = end;
}

/* Sorted by start; see find_entry. */
struct entries {
	struct entry *entries;
	size_t n, capacity;
};

struct egret_symtab {
	struct strings strings[NR_SOURCES];
	struct egret_buffer own; /* the bytes of strings[SOURCE_OWN] */
	struct egret_code_ranges code;
	struct entries functions;
	struct entries plt; /* and _start; asked where no function covers an address */
	bool is_full;	    /* there was a .symtab */
	bool is_of_few;	    /* made for the addresses of gaps alone */
	struct egret_symbol_gaps gaps;
	bool has_plt; /* false: what lies in sections of PLT entries is not known */
};

static const char *name_of(const struct egret_symtab *table, const struct entry *e)
{
	return table->strings[e->source].data + e->name;
}

static int add_entry(struct entries *entries, const struct entry *entry)
{
	if (entries->n == entries->capacity) {
		size_t capacity = entries->capacity ? entries->capacity * 2 : 64;
		struct entry *grown;

		if (capacity >= NONE)
			return -ENOMEM;
		grown = reallocarray(entries->entries, capacity, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		entries->entries = grown;
		entries->capacity = capacity;
	}
	entries->entries[entries->n++] = *entry;
	return 0;
}

/* Makes a name of our own. Its offset, or -1 without memory. */
static int64_t add_name(struct egret_symtab *table, const char *text, size_t len)
{
	size_t at = table->own.len;

	egret_buffer_add(&table->own, text, len);
	egret_buffer_add(&table->own, "", 1);
	if (table->own.failed)
		return -1;
	table->strings[SOURCE_OWN] = (struct strings){ (const char *)table->own.data,
						       table->own.len };
	return (int64_t)at;
}

/* ---- reading symbols ---------------------------------------------------------------------- */

/* The sections that make one symbol table. */
struct symbols {
	const uint8_t *bytes;
	size_t n;
	bool is_64;
	const uint8_t *versions; /* uint16_t each, .gnu.version; may be NULL */
	size_t n_versions;
	enum source source;
};

static Elf64_Sym read_symbol(const struct symbols *symbols, size_t i)
{
	Elf64_Sym symbol;
	Elf32_Sym small;

	if (symbols->is_64) {
		memcpy(&symbol, symbols->bytes + i * sizeof(symbol), sizeof(symbol));
		return symbol;
	}
	memcpy(&small, symbols->bytes + i * sizeof(small), sizeof(small));
	return (Elf64_Sym){ .st_name = small.st_name,
			    .st_info = small.st_info,
			    .st_shndx = small.st_shndx,
			    .st_value = small.st_value,
			    .st_size = small.st_size };
}

static bool is_code_type(unsigned int type)
{
	return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

/* .gnu.version: bit 15 says that no new program is linked with this one. */
static bool is_old_version(const struct symbols *symbols, size_t i)
{
	uint16_t version;

	if (i >= symbols->n_versions)
		return false;
	memcpy(&version, symbols->versions + i * sizeof(version), sizeof(version));
	return version & 0x8000;
}

/* Takes "@VERSION" off a name of .symtab. */
static int set_name(struct egret_symtab *table, struct entry *e)
{
	const char *name = name_of(table, e);
	const char *at = memchr(name, '@', strnlen(name, NAME_MAX_LEN));
	int64_t own;

	if (!at || at == name || table->own.len > OWN_NAMES_MAX)
		return 0;
	if (at[1] != '@')
		e->grade |= GRADE_OLD_VERSION;
	own = add_name(table, name, (size_t)(at - name));
	if (own < 0)
		return -ENOMEM;
	e->source = SOURCE_OWN;
	e->name = (uint32_t)own;
	return 0;
}

/* What a function's symbol says; false: it is none. Whether it has a name is not looked at. */
static bool read_entry(const struct egret_symtab *table, const struct symbols *symbols, size_t i,
		       struct entry *e)
{
	Elf64_Sym s = read_symbol(symbols, i);
	const struct egret_code_range *code;

	if (!is_code_type(ELF64_ST_TYPE(s.st_info)) || s.st_shndx == SHN_UNDEF ||
	    (s.st_shndx >= SHN_LORESERVE && s.st_shndx != SHN_XINDEX) ||
	    s.st_name >= table->strings[symbols->source].size)
		return false;
	code = egret_code_range_at(&table->code, s.st_value);
	if (!code)
		return false;
	*e = (struct entry){ .start = s.st_value, .name = s.st_name, .source = symbols->source };
	e->end = s.st_size > code->end - e->start ? code->end : e->start + s.st_size;
	e->is_label = ELF64_ST_TYPE(s.st_info) == STT_NOTYPE;
	if (!s.st_size)
		e->grade |= GRADE_UNSIZED;
	if (ELF64_ST_BIND(s.st_info) == STB_LOCAL)
		e->grade |= GRADE_LOCAL;
	else if (ELF64_ST_BIND(s.st_info) == STB_WEAK)
		e->grade |= GRADE_WEAK;
	if (is_old_version(symbols, i))
		e->grade |= GRADE_OLD_VERSION;
	return true;
}

/* Where it has a name. 0 or -ENOMEM. */
static int add_function(struct egret_symtab *table, struct entry *e)
{
	int ret;

	if (!*name_of(table, e))
		return 0;
	ret = set_name(table, e);
	return ret ? ret : add_entry(&table->functions, e);
}

static int add_symbols(struct egret_symtab *table, const struct symbols *symbols)
{
	int ret = 0;

	for (size_t i = 0; !ret && i < symbols->n; i++) {
		struct entry e;

		if (read_entry(table, symbols, i, &e))
			ret = add_function(table, &e);
	}
	return ret;
}

/* A symbol that may be needed. */
struct candidate {
	uint32_t source, index;
};

/* A first look, which almost no symbol passes: whatever sections it may be in. */
static bool may_be_needed(const struct egret_symbol_gaps *gaps, const Elf64_Sym *s)
{
	const struct egret_symbol_gap *gap = egret_symbol_gap_of(gaps, s->st_value);
	uint64_t end = s->st_value + s->st_size;

	if (end < s->st_value)
		end = UINT64_MAX;
	return egret_symbol_gap_grows(gap, s->st_value) ||
	       egret_symbol_gap_needs(gap, s->st_value, end);
}

/* Names are far from each other in memory: only those of bounds are looked at. */
static void find_candidates(const struct egret_symtab *table, const struct symbols *sources,
			    uint32_t source, struct egret_buffer *candidates)
{
	const struct symbols *symbols = &sources[source];

	for (uint32_t i = 0; i < symbols->n; i++) {
		struct candidate candidate = { source, i };
		Elf64_Sym s = read_symbol(symbols, i);
		struct egret_symbol_gap *gap;
		struct entry e;

		if (!is_code_type(ELF64_ST_TYPE(s.st_info)) || !may_be_needed(&table->gaps, &s) ||
		    !read_entry(table, symbols, i, &e))
			continue;
		gap = egret_symbol_gap_of(&table->gaps, e.start);
		if (egret_symbol_gap_grows(gap, e.start)) {
			if (!*name_of(table, &e))
				continue;
			egret_symbol_gap_grow(gap, e.start);
		}
		if (egret_symbol_gap_needs(gap, e.start, e.end))
			egret_buffer_add(candidates, &candidate, sizeof(candidate));
	}
}

/* Those of all sources that are needed for the addresses of the gaps. */
static int add_needed(struct egret_symtab *table, const struct symbols *sources, uint32_t n)
{
	struct egret_buffer buffer = { 0 };
	const struct candidate *candidates;
	int ret;

	for (uint32_t i = 0; i < n; i++)
		find_candidates(table, sources, i, &buffer);
	candidates = (const struct candidate *)buffer.data;
	ret = buffer.failed ? -ENOMEM : 0;
	for (size_t i = 0; !ret && i < buffer.len / sizeof(*candidates); i++) {
		const struct candidate *c = &candidates[i];
		struct entry e;

		if (read_entry(table, &sources[c->source], c->index, &e) &&
		    egret_symbol_gap_needs(egret_symbol_gap_of(&table->gaps, e.start), e.start,
					   e.end))
			ret = add_function(table, &e);
	}
	egret_buffer_deinit(&buffer);
	return ret;
}

/* A table that is not in the file (stripped, or of NOBITS in a debug file) has no symbols. */
static void find_symbols(struct egret_symtab *table, const struct egret_elf *elf,
			 enum source source, struct symbols *symbols)
{
	bool dynamic = source == SOURCE_DYNSYM;
	struct strings *strings = &table->strings[source];
	struct egret_section section;

	*symbols = (struct symbols){ .is_64 = egret_elf_is_64(elf), .source = source };
	if (!egret_elf_section(elf, dynamic ? ".dynstr" : ".strtab", &section) || !section.data)
		return;
	*strings = (struct strings){ section.data, section.size };
	while (strings->size && strings->data[strings->size - 1])
		strings->size--;
	if (dynamic && egret_elf_section(elf, ".gnu.version", &section) && section.data) {
		symbols->versions = section.data;
		symbols->n_versions = section.size / sizeof(uint16_t);
	}
	if (!egret_elf_section(elf, dynamic ? ".dynsym" : ".symtab", &section) || !section.data)
		return;
	symbols->bytes = section.data;
	symbols->n = section.size / (symbols->is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
	table->is_full |= !dynamic;
}

/* ---- order -------------------------------------------------------------------------------- */

/* Of those that start together, the one to take comes last. */
static int compare_entries(const void *a, const void *b, void *arg)
{
	const struct egret_symtab *table = arg;
	const struct entry *x = a, *y = b;
	const char *x_name, *y_name;
	size_t x_len, y_len;

	if ((x->grade ^ y->grade) & ~GRADE_WEAK)
		return x->grade > y->grade ? -1 : 1;
	x_name = name_of(table, x);
	y_name = name_of(table, y);
	x_len = strnlen(x_name, NAME_MAX_LEN);
	y_len = strnlen(y_name, NAME_MAX_LEN);
	if (x_len != y_len)
		return x_len > y_len ? -1 : 1;
	if (x->grade != y->grade)
		return x->grade > y->grade ? -1 : 1;
	return -strncmp(x_name, y_name, NAME_MAX_LEN);
}

/* By start. 0 or -ENOMEM. */
static int sort_by_start(struct entries *entries)
{
	__free_ struct egret_radix_item *items = reallocarray(NULL, entries->n, sizeof(*items));
	struct entry *sorted = reallocarray(NULL, entries->n, sizeof(*sorted));
	int ret = -ENOMEM;

	for (size_t i = 0; items && i < entries->n; i++)
		items[i] = (struct egret_radix_item){ entries->entries[i].start, (uint32_t)i };
	if (items && sorted)
		ret = egret_radix_sort(items, entries->n);
	if (ret) {
		free(sorted);
		return ret;
	}
	for (size_t i = 0; i < entries->n; i++)
		sorted[i] = entries->entries[items[i].index];
	free(entries->entries);
	entries->entries = sorted;
	entries->capacity = entries->n;
	return 0;
}

/*
 * Sorts; of those that start together, drops each that reaches no further than a better one. 0 or
 * -ENOMEM.
 */
static int sort_entries(struct egret_symtab *table, struct entries *entries)
{
	size_t kept = entries->n;
	struct entry *e;

	if (!entries->n)
		return 0;
	if (sort_by_start(entries))
		return -ENOMEM;
	e = entries->entries;
	for (size_t i = 0, end; i < entries->n; i = end) {
		for (end = i + 1; end < entries->n && e[end].start == e[i].start; end++)
			;
		if (end - i > 1)
			qsort_r(e + i, end - i, sizeof(*e), compare_entries, table);
	}
	for (size_t i = entries->n; i-- > 0;)
		if (kept == entries->n || e[kept].start != e[i].start || e[i].end > e[kept].end)
			e[--kept] = e[i];
	entries->n -= kept;
	memmove(e, e + kept, entries->n * sizeof(*e));
	return 0;
}

/*
 * Lets symbols without a size reach to the next one, or to the end of the function or section
 * that they are in. Labels within a function that has a size are no functions.
 */
static void give_sizes(struct egret_symtab *table)
{
	struct entry *e = table->functions.entries;
	size_t n = table->functions.n, kept = 0;
	uint64_t covered = 0; /* end of the functions with a size up to here */

	for (size_t i = 0; i < n; i++) {
		const struct egret_code_range *code = egret_code_range_at(&table->code, e[i].start);

		if (e[i].grade & GRADE_UNSIZED) {
			if (e[i].is_label && e[i].start < covered)
				continue;
			e[i].end = e[i].start < covered ? covered : code->end;
			if (i + 1 < n && e[i + 1].start < e[i].end)
				e[i].end = e[i + 1].start;
		} else if (e[i].end > covered) {
			covered = e[i].end;
		}
		e[kept++] = e[i];
	}
	table->functions.n = kept;
}

/*
 * Links each entry to the nearest one before it that ends later: no entry between the two can
 * hold an address that the later one does not reach.
 */
static void link_up(struct entries *entries)
{
	struct entry *e = entries->entries;

	for (uint32_t i = 0; i < entries->n; i++) {
		uint32_t up = i ? i - 1 : NONE;

		while (up != NONE && e[up].end <= e[i].end)
			up = e[up].up;
		e[i].up = up;
	}
}

/*
 * The innermost entry that covers vaddr, or NULL. *run (may be NULL): the addresses around it of
 * which the same holds.
 */
static const struct entry *find_entry(const struct entries *entries, uint64_t vaddr,
				      struct run *run)
{
	const struct entry *e = entries->entries;
	size_t lo = 0, hi = entries->n;
	struct run around = { 0, UINT64_MAX };
	uint32_t i;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (e[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < entries->n)
		around.end = e[lo].start;
	i = lo ? (uint32_t)(lo - 1) : NONE;
	for (int depth = 0; i != NONE && vaddr >= e[i].end; depth++) {
		/* Of all between this one and the next, none ends later. */
		around.start = e[i].end;
		i = e[i].up;
		if (depth + 1 == MAX_NESTING) {
			around = (struct run){ vaddr, vaddr + 1 };
			i = NONE;
		}
	}
	if (i != NONE)
		cut_run(&around, e[i].start, e[i].end);
	if (run)
		*run = around;
	return i != NONE ? &e[i] : NULL;
}

/* ---- PLT ---------------------------------------------------------------------------------- */

/* The name of the function that a PLT entry leads to, or NULL. */
static const char *target_of(const struct egret_symtab *table, const struct egret_plt_entry *plt)
{
	const struct entry *resolver;

	if (plt->name)
		return plt->name;
	/* An IFUNC's symbol stands at its resolver, and bears the function's name. */
	resolver = find_entry(&table->functions, plt->resolver, NULL);
	return resolver && resolver->start == plt->resolver ? name_of(table, resolver) : NULL;
}

/* As perf has it: what entries share is ".plt". */
static int add_plt_entry(const struct egret_plt_entry *plt, void *arg)
{
	struct egret_symtab *table = arg;
	struct entry e = { .start = plt->start,
			   .end = plt->start + plt->size,
			   .source = SOURCE_OWN };
	const char *target = plt->binds ? "" : target_of(table, plt);
	__free_ char *name = NULL;
	int64_t own;

	if (!target || e.end < e.start || strnlen(target, NAME_MAX_LEN) == NAME_MAX_LEN ||
	    table->own.len > OWN_NAMES_MAX)
		return 0;
	if (asprintf(&name, "%s%s", target, plt->binds ? ".plt" : "@plt") < 0) {
		name = NULL;
		return -ENOMEM;
	}
	own = add_name(table, name, strlen(name));
	if (own < 0)
		return -ENOMEM;
	e.name = (uint32_t)own;
	return add_entry(&table->plt, &e);
}

/* A shared library has an entry point too, now and then, but that is not where its process began.
 */
static bool is_program(const struct egret_elf *elf)
{
	struct egret_section dynamic;
	GElf_Ehdr ehdr;

	if (!gelf_getehdr(egret_elf_handle(elf), &ehdr) || ehdr.e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	if (!egret_elf_section(elf, ".dynamic", &dynamic))
		return ehdr.e_type == ET_EXEC;
	for (size_t at = 0; at + sizeof(Elf64_Dyn) <= dynamic.size; at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn entry;

		memcpy(&entry, (const char *)dynamic.data + at, sizeof(entry));
		if (entry.d_tag == DT_SONAME)
			return false;
		if (entry.d_tag == DT_NULL)
			break;
	}
	return true;
}

#define START_SIZE 0x30 /* of _start in crt1.o, rounded up: sysdeps/x86_64/start.S */

/* The entry point of a stripped program is _start, whoever has taken its name away. */
static int add_entry_point(struct egret_symtab *table, const struct egret_elf *elf)
{
	struct entry e = { .source = SOURCE_OWN };
	GElf_Ehdr ehdr;
	int64_t name;

	if (!is_program(elf) || !gelf_getehdr(egret_elf_handle(elf), &ehdr) ||
	    !egret_code_range_at(&table->code, ehdr.e_entry))
		return 0;
	e.start = ehdr.e_entry;
	e.end = e.start + START_SIZE;
	name = add_name(table, "_start", strlen("_start"));
	if (name < 0)
		return -ENOMEM;
	e.name = (uint32_t)name;
	return add_entry(&table->plt, &e);
}

/* ---- the table ---------------------------------------------------------------------------- */

/* Of all sources. */
static int add_functions(struct egret_symtab *table, const struct symbols *sources, uint32_t n)
{
	int ret = table->is_of_few ? add_needed(table, sources, n) : 0;

	for (uint32_t i = 0; !table->is_of_few && !ret && i < n; i++)
		ret = add_symbols(table, &sources[i]);
	if (!ret)
		ret = sort_entries(table, &table->functions);
	if (ret)
		return ret;
	give_sizes(table);
	link_up(&table->functions);
	return 0;
}

static int add_plt(struct egret_symtab *table, const struct egret_elf *elf)
{
	int ret = table->has_plt ? egret_plt_each(elf, add_plt_entry, table) : 0;

	if (!ret)
		ret = add_entry_point(table, elf);
	if (!ret)
		ret = sort_entries(table, &table->plt);
	link_up(&table->plt);
	return ret;
}

static uint32_t find_sources(struct egret_symtab *table, const struct egret_elf *elf,
			     const struct egret_elf *debug, struct symbols sources[SOURCE_OWN])
{
	uint32_t n = 0;

	find_symbols(table, elf, SOURCE_SYMTAB, &sources[n++]);
	if (debug)
		find_symbols(table, debug, SOURCE_DEBUG, &sources[n++]);
	find_symbols(table, elf, SOURCE_DYNSYM, &sources[n++]);
	return n;
}

static int build(struct egret_symtab *table, const struct egret_elf *elf,
		 const struct egret_elf *debug)
{
	struct symbols sources[SOURCE_OWN];
	int ret = egret_code_ranges_init(&table->code, elf, debug);

	table->has_plt = true;
	if (!ret)
		ret = add_functions(table, sources, find_sources(table, elf, debug, sources));
	return ret ? ret : add_plt(table, elf);
}

static int done(struct egret_symtab *table, const struct egret_elf *elf, int ret,
		struct egret_symtab **out, struct egret_error *err)
{
	if (!ret) {
		*out = table;
		return 0;
	}
	egret_symtab_destroy(table);
	return egret_fail(err, -ret, "%s: no memory for its symbols", egret_elf_name(elf));
}

int egret_symtab_create(const struct egret_elf *elf, const struct egret_elf *debug,
			struct egret_symtab **out, struct egret_error *err)
{
	struct egret_symtab *table = calloc(1, sizeof(*table));

	return done(table, elf, table ? build(table, elf, debug) : -ENOMEM, out, err);
}

/* ---- of a few addresses ------------------------------------------------------------------- */

static bool needs_plt(const struct egret_symtab *table, const struct egret_elf *elf,
		      const uint64_t *vaddrs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!find_entry(&table->functions, vaddrs[i], NULL) &&
		    egret_plt_holds(elf, vaddrs[i]))
			return true;
	return false;
}

static int add_resolver(const struct egret_plt_entry *plt, void *arg)
{
	struct egret_buffer *vaddrs = arg;

	if (!plt->name && !plt->binds)
		egret_buffer_add(vaddrs, &plt->resolver, sizeof(plt->resolver));
	return vaddrs->failed ? -ENOMEM : 0;
}

static int add_some_functions(struct egret_symtab *table, const struct symbols *sources, uint32_t n,
			      const struct egret_buffer *vaddrs)
{
	int ret;

	egret_symbol_gaps_deinit(&table->gaps);
	ret = egret_symbol_gaps_init(&table->gaps, (const uint64_t *)vaddrs->data,
				     vaddrs->len / sizeof(uint64_t));
	table->functions.n = 0;
	return ret ? ret : add_functions(table, sources, n);
}

/* A PLT entry's name may be that of a function that nobody has asked for. */
static int build_for(struct egret_symtab *table, const struct egret_elf *elf,
		     const struct egret_elf *debug, struct egret_buffer *vaddrs)
{
	size_t asked = vaddrs->len;
	struct symbols sources[SOURCE_OWN];
	int ret = egret_code_ranges_init(&table->code, elf, debug);
	uint32_t n;

	table->is_of_few = true;
	if (ret)
		return ret;
	n = find_sources(table, elf, debug, sources);
	ret = add_some_functions(table, sources, n, vaddrs);
	if (ret)
		return ret;
	table->has_plt = needs_plt(table, elf, (uint64_t *)vaddrs->data, asked / sizeof(uint64_t));
	if (table->has_plt)
		ret = egret_plt_each(elf, add_resolver, vaddrs);
	if (!ret && vaddrs->len > asked)
		ret = add_some_functions(table, sources, n, vaddrs);
	return ret ? ret : add_plt(table, elf);
}

int egret_symtab_create_for(const struct egret_elf *elf, const struct egret_elf *debug,
			    const uint64_t *vaddrs, size_t n, struct egret_symtab **out,
			    struct egret_error *err)
{
	struct egret_symtab *table = calloc(1, sizeof(*table));
	struct egret_buffer asked = { 0 };
	int ret = -ENOMEM;

	egret_buffer_add(&asked, vaddrs, n * sizeof(*vaddrs));
	if (table && !asked.failed)
		ret = build_for(table, elf, debug, &asked);
	egret_buffer_deinit(&asked);
	return done(table, elf, ret, out, err);
}

void egret_symtab_destroy(struct egret_symtab *table)
{
	if (!table)
		return;
	egret_buffer_deinit(&table->own);
	egret_code_ranges_deinit(&table->code);
	egret_symbol_gaps_deinit(&table->gaps);
	free(table->functions.entries);
	free(table->plt.entries);
	free(table);
}

size_t egret_symtab_memory(const struct egret_symtab *table)
{
	return sizeof(*table) + table->own.len +
	       (table->functions.capacity + table->plt.capacity) * sizeof(struct entry);
}

bool egret_symtab_is_full(const struct egret_symtab *table)
{
	return table->is_full;
}

bool egret_symtab_find(const struct egret_symtab *table, uint64_t vaddr, struct egret_symbol *out)
{
	const struct entry *e = find_entry(&table->functions, vaddr, NULL);

	if (!e)
		e = find_entry(&table->plt, vaddr, NULL);
	if (!e)
		return false;
	*out = (struct egret_symbol){ .name = name_of(table, e),
				      .start = e->start,
				      .size = e->end - e->start };
	return true;
}

/*
 * Of few, neither the symbols that lie further away are known nor, perhaps, PLT entries; but those
 * have sections of their own.
 */
static void cut_few(const struct egret_symtab *table, uint64_t vaddr, struct run *run)
{
	const struct egret_code_range *code = egret_code_range_at(&table->code, vaddr);
	struct run near = { vaddr, vaddr + 1 };

	if (code)
		egret_symbol_gaps_around(&table->gaps, vaddr, &near.start, &near.end);
	cut_run(run, near.start, near.end);
	if (code && !table->has_plt)
		cut_run(run, code->start, code->end);
}

void egret_symtab_run(const struct egret_symtab *table, uint64_t vaddr,
		      struct egret_symbol_run *out)
{
	struct run run, in_plt;
	const struct entry *e = find_entry(&table->functions, vaddr, &run);

	if (!e) {
		e = find_entry(&table->plt, vaddr, &in_plt);
		cut_run(&run, in_plt.start, in_plt.end);
	}
	if (table->is_of_few)
		cut_few(table, vaddr, &run);
	*out = (struct egret_symbol_run){ run.start, run.end, e ? name_of(table, e) : NULL };
}

static int compare_bounds(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool is_rising(const uint64_t *bounds, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (bounds[i - 1] > bounds[i])
			return false;
	return true;
}

static size_t add_bounds(const struct entries *entries, uint64_t *bounds)
{
	for (size_t i = 0; i < entries->n; i++) {
		bounds[2 * i] = entries->entries[i].start;
		bounds[2 * i + 1] = entries->entries[i].end;
	}
	return 2 * entries->n;
}

int egret_symtab_each_run(const struct egret_symtab *table, egret_symbol_run_fn fn, void *arg)
{
	size_t n = 2 * (table->functions.n + table->plt.n);
	__free_ uint64_t *bounds = reallocarray(NULL, n + 1, sizeof(*bounds));
	struct egret_symbol symbol;
	int ret = 0;

	if (!bounds)
		return -ENOMEM;
	/* In this order they mostly rise: stubs lie before the code. */
	n = add_bounds(&table->plt, bounds);
	n += add_bounds(&table->functions, bounds + n);
	if (!is_rising(bounds, n))
		qsort(bounds, n, sizeof(*bounds), compare_bounds);
	for (size_t i = 0; i + 1 < n && !ret; i++)
		if (bounds[i] < bounds[i + 1] && egret_symtab_find(table, bounds[i], &symbol))
			ret = fn(arg, bounds[i], bounds[i + 1], symbol.name);
	return ret;
}

bool egret_symtab_named(const struct egret_symtab *table, const char *name,
			struct egret_symbol *out)
{
	for (size_t i = 0; i < table->functions.n; i++) {
		const struct entry *e = &table->functions.entries[i];

		if (strcmp(name_of(table, e), name))
			continue;
		*out = (struct egret_symbol){ .name = name_of(table, e),
					      .start = e->start,
					      .size = e->end - e->start };
		return true;
	}
	return false;
}

bool egret_symbol_value(const struct egret_elf *elf, const char *name, uint64_t *value)
{
	struct egret_section symtab, strtab;
	struct symbols symbols = { .is_64 = egret_elf_is_64(elf) };
	size_t len = strlen(name) + 1;

	if (!egret_elf_section(elf, ".symtab", &symtab) || !symtab.data ||
	    !egret_elf_section(elf, ".strtab", &strtab) || !strtab.data)
		return false;
	symbols.bytes = symtab.data;
	symbols.n = symtab.size / (symbols.is_64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym));
	for (size_t i = 0; i < symbols.n; i++) {
		Elf64_Sym s = read_symbol(&symbols, i);

		if (s.st_shndx != SHN_UNDEF && s.st_name < strtab.size &&
		    strtab.size - s.st_name >= len &&
		    !memcmp((const char *)strtab.data + s.st_name, name, len)) {
			*value = s.st_value;
			return true;
		}
	}
	return false;
}
