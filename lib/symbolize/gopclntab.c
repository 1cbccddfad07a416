/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * Nothing is copied or indexed: the runtime looks functions up by binary search, and so do we. Each
 * offset is held against the size of the table before it is followed.
 */
#include "symbolize/gopclntab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC_1_18 0xfffffff0u
#define MAGIC_1_20 0xfffffff1u

#define NONE UINT32_MAX

/* Bytes of one table of values that are read: functions have a few kilobytes at most. */
#define VALUES_MAX (1u << 20)

/* funcdata.h of the runtime */
#define PCDATA_INL_TREE_INDEX 2
#define FUNCDATA_INL_TREE 3

/* struct pcHeader, with 8-byte pointers: words of 8 bytes, from byte 8 on. */
enum header_word {
	HEADER_NFUNC,
	HEADER_NFILES,
	HEADER_TEXT,
	HEADER_FUNCNAMES,
	HEADER_CUTAB,
	HEADER_FILETAB,
	HEADER_PCTAB,
	HEADER_PCLN, /* functab, and what its offsets are relative to */
	HEADER_WORDS,
};

#define HEADER_SIZE (8 + 8 * HEADER_WORDS)

/* struct _func: words of 4 bytes. From FUNC_CU on the words differ between versions. */
enum func_word {
	FUNC_ENTRY,
	FUNC_NAME,
	FUNC_PCFILE = 5,
	FUNC_PCLN,
	FUNC_NPCDATA,
	FUNC_CU,
};

/* A table whose header was read. */
struct tables {
	const struct egret_gopclntab_bytes *bytes;
	uint64_t words[HEADER_WORDS];
	bool is_1_20;
};

/* A function, while an address in it is looked up. */
struct function {
	const struct tables *tables;
	uint64_t at;	  /* of its struct _func, in the table */
	uint32_t entry;	  /* offset from text */
	uint32_t pc;	  /* offset from entry of what is asked for */
	uint32_t cu;	  /* first entry of its files in the cutab */
	uint32_t npcdata; /* tables behind its struct _func */
	uint32_t nfuncdata;
};

/* ---- bytes -------------------------------------------------------------------------------- */

static uint32_t read32(const uint8_t *bytes, size_t size, uint64_t at, uint32_t otherwise)
{
	uint32_t value;

	if (size < 4 || at > size - 4)
		return otherwise;
	memcpy(&value, bytes + at, sizeof(value));
	return value;
}

static uint32_t table32(const struct tables *t, uint64_t at, uint32_t otherwise)
{
	return read32(t->bytes->table, t->bytes->size, at, otherwise);
}

/* A string that ends within the table; NULL: it does not, or is empty. */
static const char *string_at(const struct tables *t, uint64_t at)
{
	const char *text = (const char *)t->bytes->table + at;

	if (at >= t->bytes->size || !*text || !memchr(text, 0, t->bytes->size - at))
		return NULL;
	return text;
}

static bool read_header(const struct egret_gopclntab_bytes *bytes, struct tables *out)
{
	const uint8_t *p = bytes->table;
	uint32_t magic;

	*out = (struct tables){ .bytes = bytes };
	if (bytes->size < HEADER_SIZE)
		return false;
	memcpy(&magic, p, sizeof(magic));
	/* x86-64: instructions of any length, pointers of 8 bytes. */
	if ((magic != MAGIC_1_18 && magic != MAGIC_1_20) || p[4] || p[5] || p[6] != 1 || p[7] != 8)
		return false;
	out->is_1_20 = magic == MAGIC_1_20;
	memcpy(out->words, p + 8, sizeof(out->words));
	for (size_t i = HEADER_FUNCNAMES; i < HEADER_WORDS; i++)
		if (out->words[i] > bytes->size)
			return false;
	return out->words[HEADER_NFUNC] < (bytes->size - out->words[HEADER_PCLN]) / 8;
}

bool egret_gopclntab_is_known(const struct egret_gopclntab_bytes *bytes)
{
	struct tables tables;

	return read_header(bytes, &tables);
}

/* ---- functions ---------------------------------------------------------------------------- */

/* functab: nfunc times (entry, offset of struct _func), and the end of the last. */
static uint32_t functab(const struct tables *t, uint64_t i, bool offset)
{
	return table32(t, t->words[HEADER_PCLN] + 8 * i + (offset ? 4 : 0), NONE);
}

static uint32_t func_word(const struct function *f, unsigned int word)
{
	return table32(f->tables, f->at + 4ull * word, 0);
}

/* The words of struct _func, before its tables. */
static unsigned int func_words(const struct tables *t)
{
	return t->is_1_20 ? 11 : 10;
}

static bool find_function(const struct tables *t, uint64_t vaddr, struct function *out)
{
	uint64_t lo = 0, hi = t->words[HEADER_NFUNC], pc = vaddr - t->bytes->text;

	if (vaddr < t->bytes->text || pc >= functab(t, hi, false))
		return false;
	while (lo < hi) {
		uint64_t mid = lo + (hi - lo) / 2;

		if (functab(t, mid, false) <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	*out = (struct function){ .tables = t };
	out->at = t->words[HEADER_PCLN] + functab(t, lo - 1, true);
	out->entry = func_word(out, FUNC_ENTRY);
	if (out->entry != functab(t, lo - 1, false))
		return false;
	out->pc = (uint32_t)pc - out->entry;
	out->npcdata = func_word(out, FUNC_NPCDATA);
	out->cu = func_word(out, FUNC_CU);
	/* The last byte of its last word. */
	out->nfuncdata = func_word(out, func_words(t) - 1) >> 24;
	return true;
}

static const char *name_at(const struct tables *t, uint32_t offset)
{
	return string_at(t, t->words[HEADER_FUNCNAMES] + offset);
}

/* ---- tables of values by pc --------------------------------------------------------------- */

/* A varint as Go has it: 7 bits a byte, the lowest first. */
static bool read_varint(const uint8_t **p, const uint8_t *end, uint32_t *value)
{
	*value = 0;
	for (unsigned int shift = 0; *p < end && shift < 35; shift += 7) {
		uint8_t byte = *(*p)++;

		*value |= (uint32_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/*
 * The value at pc of the table at offset: pairs of a change of the value (zigzag) and the number of
 * bytes of code that it holds for, from -1 at the function's entry on. -1 where there is none.
 */
static int32_t value_at(const struct function *f, uint32_t offset, uint32_t pc)
{
	const struct tables *t = f->tables;
	uint64_t at = t->words[HEADER_PCTAB] + offset;
	uint32_t end_of_value = 0, change, len;
	const uint8_t *p = t->bytes->table + at, *end = t->bytes->table + t->bytes->size;
	uint32_t value = UINT32_MAX;

	if (!offset || at >= t->bytes->size)
		return -1;
	if (end - p > VALUES_MAX)
		end = p + VALUES_MAX;
	for (bool first = true; read_varint(&p, end, &change); first = false) {
		if (!change && !first)
			return -1;
		value += change & 1 ? ~(change >> 1) : change >> 1;
		if (!read_varint(&p, end, &len))
			return -1;
		end_of_value += len;
		if (pc < end_of_value)
			return (int32_t)value;
	}
	return -1;
}

/* The table of pcdata i, behind struct _func. 0: it has none. */
static uint32_t pcdata(const struct function *f, unsigned int i)
{
	return i < f->npcdata ? func_word(f, func_words(f->tables) + i) : 0;
}

/* The offset of funcdata i from gofunc, behind the tables of pcdata. */
static uint32_t funcdata(const struct function *f, unsigned int i)
{
	uint64_t word = (uint64_t)func_words(f->tables) + f->npcdata + i;

	return i < f->nfuncdata ? table32(f->tables, f->at + 4 * word, NONE) : NONE;
}

static const char *file_at(const struct function *f, int32_t number)
{
	const struct tables *t = f->tables;
	uint32_t offset;

	if (number < 0)
		return NULL;
	offset = table32(t, t->words[HEADER_CUTAB] + 4 * ((uint64_t)f->cu + (uint32_t)number),
			 NONE);
	return offset == NONE ? NULL : string_at(t, t->words[HEADER_FILETAB] + offset);
}

static void set_place(const struct function *f, uint32_t pc, struct egret_dwarf_line *line)
{
	int32_t number = value_at(f, func_word(f, FUNC_PCLN), pc);

	line->file = file_at(f, value_at(f, func_word(f, FUNC_PCFILE), pc));
	line->line = number > 0 ? (uint32_t)number : 0;
}

/* ---- inlined calls ------------------------------------------------------------------------ */

/* One node of an inline tree. */
struct inlined {
	uint32_t name;	    /* offset in the names */
	uint32_t parent_pc; /* where the call is */
	/* Up to 1.19 only: the node of the caller, and where in it the call is. */
	int32_t parent;
	int32_t file, line;
};

static bool read_inlined(const struct function *f, int32_t index, struct inlined *out)
{
	const struct egret_gopclntab_bytes *bytes = f->tables->bytes;
	uint32_t tree = funcdata(f, FUNCDATA_INL_TREE), first;
	size_t node = f->tables->is_1_20 ? 16 : 20;
	uint64_t at;

	if (index < 0 || tree == NONE || !bytes->gofunc)
		return false;
	at = tree + (uint64_t)(uint32_t)index * node;
	if (at > bytes->gofunc_size || bytes->gofunc_size - at < node)
		return false;
	first = read32(bytes->gofunc, bytes->gofunc_size, at, 0);
	*out = (struct inlined){ .parent = (int16_t)first };
	if (f->tables->is_1_20) {
		out->name = read32(bytes->gofunc, bytes->gofunc_size, at + 4, 0);
		out->parent_pc = read32(bytes->gofunc, bytes->gofunc_size, at + 8, 0);
		return true;
	}
	out->file = (int32_t)read32(bytes->gofunc, bytes->gofunc_size, at + 4, 0);
	out->line = (int32_t)read32(bytes->gofunc, bytes->gofunc_size, at + 8, 0);
	out->name = read32(bytes->gofunc, bytes->gofunc_size, at + 12, 0);
	return true;
}

/*
 * The inlined functions at a place, innermost first: each at the place where the one before was
 * called. Since 1.20 a caller is what the tables say of the call; before, nodes have parents.
 */
static size_t find_inlined(const struct function *f, struct egret_dwarf_line *lines, size_t max)
{
	uint32_t index_table = pcdata(f, PCDATA_INL_TREE_INDEX), pc = f->pc;
	int32_t index = value_at(f, index_table, pc);
	struct inlined node;
	size_t n = 0;

	while (n + 1 < max && read_inlined(f, index, &node)) {
		lines[n].function = name_at(f->tables, node.name);
		if (!lines[n].function)
			break;
		lines[n].is_inlined = true;
		n++;
		lines[n] = (struct egret_dwarf_line){ 0 };
		if (f->tables->is_1_20) {
			pc = node.parent_pc;
			index = value_at(f, index_table, pc);
			set_place(f, pc, &lines[n]);
		} else {
			index = node.parent;
			lines[n].file = file_at(f, node.file);
			lines[n].line = node.line > 0 ? (uint32_t)node.line : 0;
		}
	}
	return n;
}

size_t egret_gopclntab_find_in(const struct egret_gopclntab_bytes *bytes, uint64_t vaddr,
			       struct egret_dwarf_line *lines, size_t max)
{
	struct tables tables;
	struct function f;
	const char *name;
	size_t n;

	if (!max || !read_header(bytes, &tables) || !find_function(&tables, vaddr, &f))
		return 0;
	name = name_at(&tables, func_word(&f, FUNC_NAME));
	if (!name)
		return 0;
	lines[0] = (struct egret_dwarf_line){ 0 };
	set_place(&f, f.pc, &lines[0]);
	n = find_inlined(&f, lines, max);
	lines[n].function = name;
	lines[n].is_inlined = false;
	return n + 1;
}
