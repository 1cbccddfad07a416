/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include "symbolize/dwarf_line.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"

/* Entries of a table of files may be of no size. */
#define ENTRIES_MAX 1000000
#define FORMATS_MAX 64

void egret_dwarf_lines_deinit(struct egret_dwarf_lines *lines)
{
	free(lines->rows);
	free(lines->sequences);
	free(lines->files);
	free(lines->directories);
	*lines = (struct egret_dwarf_lines){ 0 };
}

/* ---- directories and files ------------------------------------------------------------------ */

static int add_directory(struct egret_dwarf_lines *lines, const char *name)
{
	if (!egret_grow(&lines->directories, &lines->directories_room, lines->n_directories,
			sizeof(*lines->directories)))
		return -ENOMEM;
	lines->directories[lines->n_directories++] = name;
	return 0;
}

static int add_file(struct egret_dwarf_lines *lines, const char *name, uint64_t directory)
{
	if (!egret_grow(&lines->files, &lines->files_room, lines->n_files, sizeof(*lines->files)))
		return -ENOMEM;
	lines->files[lines->n_files++] = (struct egret_dwarf_line_file){ name, directory };
	return 0;
}

/* A string within the table; NULL and failed where it has no end. */
static const char *take_string(struct egret_bytes *r)
{
	const uint8_t *end = memchr(r->p, 0, egret_bytes_left(r));

	if (!end) {
		egret_bytes_fail(r);
		return NULL;
	}
	return (const char *)egret_bytes_take(r, (uint64_t)(end - r->p) + 1);
}

/* Versions 2 to 4: strings up to an empty one. Directory 0 is not in the table, nor is file 0. */
static int read_old_tables(struct egret_dwarf_lines *lines, struct egret_bytes *r)
{
	const char *name;
	int ret = add_directory(lines, NULL);

	while (!ret && (name = take_string(r)) && *name)
		ret = add_directory(lines, name);
	if (!ret)
		ret = add_file(lines, NULL, 0);
	while (!ret && (name = take_string(r)) && *name) {
		uint64_t directory = egret_bytes_uleb(r);

		egret_bytes_uleb(r); /* time */
		egret_bytes_uleb(r); /* size */
		ret = add_file(lines, name, directory);
	}
	return ret;
}

struct format {
	uint64_t type; /* DW_LNCT_* */
	struct egret_dwarf_attr attr;
};

/* Returns how many there are; fails where one is of a form that is not known. */
static unsigned int read_formats(struct egret_bytes *r, const struct egret_dwarf_abbrevs *sizes,
				 struct format *formats)
{
	unsigned int n = egret_bytes_u8(r);

	if (n > FORMATS_MAX)
		egret_bytes_fail(r);
	for (unsigned int i = 0; i < n && !r->failed; i++) {
		uint64_t form;

		formats[i] = (struct format){ .type = egret_bytes_uleb(r) };
		form = egret_bytes_uleb(r);
		formats[i].attr.form = form > UINT16_MAX ? 0 : (uint16_t)form;
		if (!egret_dwarf_step_of(sizes, formats[i].attr.form, &formats[i].attr.step))
			egret_bytes_fail(r);
	}
	return n;
}

/* One entry of version 5: its attributes have the forms that DIEs' have. */
static void read_entry(struct egret_bytes *r, const struct egret_dwarf_cu *cu,
		       const struct egret_dwarf_abbrevs *sizes, const struct format *formats,
		       unsigned int n_formats, struct egret_dwarf_line_file *out)
{
	*out = (struct egret_dwarf_line_file){ 0 };
	for (unsigned int i = 0; i < n_formats && !r->failed; i++) {
		struct egret_dwarf_value value;

		if (!egret_dwarf_value_read(r, sizes, &formats[i].attr, &value))
			egret_bytes_fail(r);
		else if (formats[i].type == DW_LNCT_path)
			out->name = egret_dwarf_string(cu, &value);
		else if (formats[i].type == DW_LNCT_directory_index)
			out->directory = value.u;
	}
}

static int read_new_table(struct egret_dwarf_lines *lines, struct egret_bytes *r,
			  const struct egret_dwarf_cu *cu, uint8_t offset_size, bool is_files)
{
	struct egret_dwarf_abbrevs sizes = { .version = 5,
					     .address_size = cu->unit->address_size,
					     .offset_size = offset_size };
	struct format formats[FORMATS_MAX];
	unsigned int n_formats = read_formats(r, &sizes, formats);
	uint64_t n = egret_bytes_uleb(r);
	int ret = 0;

	for (uint64_t i = 0; i < n && i < ENTRIES_MAX && !r->failed && !ret; i++) {
		struct egret_dwarf_line_file entry;

		read_entry(r, cu, &sizes, formats, n_formats, &entry);
		ret = is_files ? add_file(lines, entry.name, entry.directory)
			       : add_directory(lines, entry.name);
	}
	return ret;
}

/* Appends to a path of *len bytes, with a slash between. */
static void join(char *to, size_t size, size_t *len, const char *part)
{
	size_t n = strlen(part);

	if (*len && to[*len - 1] != '/' && *len + 1 < size)
		to[(*len)++] = '/';
	if (n > size - 1 - *len)
		n = size - 1 - *len;
	memcpy(to + *len, part, n);
	*len += n;
}

bool egret_dwarf_lines_path(const struct egret_dwarf_lines *lines, uint64_t file, char *to,
			    size_t size)
{
	const struct egret_dwarf_line_file *entry;
	const char *directory = NULL;
	size_t len = 0;

	if (file >= lines->n_files || !lines->files[file].name)
		return false;
	entry = &lines->files[file];
	if (entry->directory < lines->n_directories)
		directory = lines->directories[entry->directory];
	if (entry->name[0] != '/') {
		if (lines->comp_dir && (!directory || directory[0] != '/'))
			join(to, size, &len, lines->comp_dir);
		if (directory && *directory)
			join(to, size, &len, directory);
	}
	join(to, size, &len, entry->name);
	to[len] = '\0';
	return true;
}

/* ---- the program ---------------------------------------------------------------------------- */

/* The registers of the machine, and what its header says of it. */
struct machine {
	struct egret_dwarf_lines *lines;
	const struct egret_code_ranges *code;
	uint64_t address;
	uint32_t op_index, file, line;
	struct egret_dwarf_sequence sequence; /* under way; n 0: none */
	uint8_t min_length, max_ops, line_range, opcode_base, address_size;
	int8_t line_base;
	const uint8_t *opcode_lengths; /* of opcode 1 on */
	struct special {	       /* what special opcodes do */
		int16_t line;
		uint8_t advance;
	} special[256];
	struct egret_dwarf_windows windows;
	size_t window;		     /* the one that rows lead to, or are in */
	uint64_t from, to;	     /* its addresses; all of them where there are no windows */
	struct egret_dwarf_row held; /* the last row before `from` */
	bool is_holding;
	bool is_entered;  /* the sequence under way has rows from the window's start on */
	uint64_t seen;	  /* a bit for each window that a sequence led through */
	bool is_complete; /* they all were */
};

static void aim_at(struct machine *m, size_t window)
{
	const struct egret_dwarf_windows *windows = &m->windows;
	bool is_there = window < windows->n;

	m->window = window;
	m->is_entered = false;
	m->from = is_there ? windows->items[window].start : windows->n ? UINT64_MAX : 0;
	m->to = is_there ? windows->items[window].end : UINT64_MAX;
}

static void reset(struct machine *m)
{
	m->address = m->op_index = 0;
	m->file = m->line = 1;
	m->sequence = (struct egret_dwarf_sequence){ .first = m->lines->n_rows };
	m->is_holding = false;
	aim_at(m, 0);
}

/* The last row of the sequence under way, or NULL. */
static inline struct egret_dwarf_row *last_row(const struct machine *m)
{
	return m->sequence.n ? &m->lines->rows[m->lines->n_rows - 1] : NULL;
}

/* Of rows of one address the last counts; those that say nothing new are not kept. */
static int keep_row(struct machine *m, struct egret_dwarf_row row)
{
	struct egret_dwarf_lines *lines = m->lines;
	struct egret_dwarf_sequence *s = &m->sequence;
	struct egret_dwarf_row *last = last_row(m);

	if (!last)
		s->start = row.address;
	else if (row.address < last->address)
		return 0;
	if (last && last->address == row.address) {
		lines->n_rows--;
		s->n--;
		last = s->n ? last - 1 : NULL;
	}
	if (last && last->file == row.file && last->line == row.line)
		return 0;
	if (!egret_grow(&lines->rows, &lines->rows_room, lines->n_rows, sizeof(*lines->rows)))
		return -ENOMEM;
	lines->rows[lines->n_rows++] = row;
	s->n++;
	return 0;
}

/* Goes on to the window that a row at that address may be of: those before it were passed. */
static void pass_windows(struct machine *m, uint64_t address)
{
	while (address >= m->to && m->window < m->windows.n) {
		if (m->is_entered && m->window < 64)
			m->seen |= 1ull << m->window;
		aim_at(m, m->window + 1);
	}
	m->is_complete = m->windows.n && m->windows.n <= 64 &&
			 m->seen == UINT64_MAX >> (64 - m->windows.n);
}

/* The row that is held is wanted after all, where what follows is beyond the window's start. */
static int keep_held(struct machine *m, uint64_t next)
{
	if (!m->is_holding || next <= m->from)
		return 0;
	m->is_holding = false;
	m->is_entered = true;
	return keep_row(m, m->held);
}

/* Adds a row that says something new, where it is wanted. */
static int add_new_row(struct machine *m)
{
	struct egret_dwarf_row row = { m->address, m->file, m->line };
	int ret = keep_held(m, row.address);

	if (ret)
		return ret;
	pass_windows(m, row.address);
	if (row.address < m->from) {
		if (!m->is_holding || row.address >= m->held.address)
			m->held = row;
		m->is_holding = true;
		return 0;
	}
	m->is_entered |= row.address == m->from;
	m->is_holding = false;
	return keep_row(m, row);
}

static inline int add_row(struct machine *m)
{
	const struct egret_dwarf_row *last = last_row(m);

	/* Most rows are of the line that the one before was of. */
	if (last && last->line == m->line && last->file == m->file && !m->is_holding)
		return 0;
	return add_new_row(m);
}

/* Keeps the sequence, unless it is of code that the linker has thrown away. */
static int end_sequence(struct machine *m)
{
	struct egret_dwarf_lines *lines = m->lines;
	struct egret_dwarf_sequence *s = &m->sequence;
	const struct egret_code_range *range;

	if (keep_held(m, m->address))
		return -ENOMEM;
	pass_windows(m, m->address);
	range = s->n ? egret_code_range_at(m->code, s->start) : NULL;
	s->end = m->address;
	if (!range || s->end <= s->start) {
		lines->n_rows = s->first;
		reset(m);
		return 0;
	}
	if (s->end > range->end)
		s->end = range->end;
	if (!egret_grow(&lines->sequences, &lines->sequences_room, lines->n_sequences, sizeof(*s)))
		return -ENOMEM;
	lines->sequences[lines->n_sequences++] = *s;
	reset(m);
	return 0;
}

static inline void advance(struct machine *m, uint64_t operations)
{
	if (__builtin_expect(m->max_ops <= 1, 1)) {
		m->address += m->min_length * operations;
		return;
	}
	operations += m->op_index;
	m->address += m->min_length * (operations / m->max_ops);
	m->op_index = (uint32_t)(operations % m->max_ops);
}

static inline int run_special(struct machine *m, uint8_t opcode)
{
	struct special special = m->special[opcode];

	advance(m, special.advance);
	m->line += (uint32_t)special.line;
	return add_row(m);
}

static int run_extended(struct machine *m, struct egret_bytes *r)
{
	uint64_t len = egret_bytes_uleb(r);
	struct egret_bytes op = egret_bytes_part(r, len);
	const char *name;
	uint8_t opcode;

	if (op.failed || !len)
		return 0;
	opcode = egret_bytes_u8(&op);
	switch (opcode) {
	case DW_LNE_end_sequence:
		return end_sequence(m);
	case DW_LNE_set_address:
		m->address = egret_dwarf_fixed(&op, len - 1 > 8 ? 8 : (unsigned int)len - 1);
		m->op_index = 0;
		return 0;
	case DW_LNE_define_file:
		name = take_string(&op);
		return name ? add_file(m->lines, name, egret_bytes_uleb(&op)) : 0;
	default:
		return 0;
	}
}

static int run_standard(struct machine *m, struct egret_bytes *r, uint8_t opcode)
{
	switch (opcode) {
	case DW_LNS_copy:
		return add_row(m);
	case DW_LNS_advance_pc:
		advance(m, egret_bytes_uleb(r));
		return 0;
	case DW_LNS_advance_line:
		m->line += (uint32_t)egret_bytes_sleb(r);
		return 0;
	case DW_LNS_set_file:
		m->file = (uint32_t)egret_bytes_uleb(r);
		return 0;
	case DW_LNS_const_add_pc:
		advance(m, (uint8_t)(255 - m->opcode_base) / m->line_range);
		return 0;
	case DW_LNS_set_column:
		egret_bytes_uleb(r);
		return 0;
	case DW_LNS_negate_stmt:
		return 0;
	case DW_LNS_fixed_advance_pc:
		m->address += egret_bytes_u16(r);
		m->op_index = 0;
		return 0;
	default: /* columns, marks; and what a later version has added, whose operands are told */
		for (unsigned int i = m->opcode_lengths[opcode - 1]; i && !r->failed; i--)
			egret_bytes_uleb(r);
		return 0;
	}
}

/* What run_simple returns beside opcodes. */
#define ADDS_ROW 256
#define ENDED 257

static void init_special(struct machine *m)
{
	for (unsigned int opcode = m->opcode_base; opcode < 256; opcode++) {
		uint8_t adjusted = (uint8_t)(opcode - m->opcode_base);

		m->special[opcode].advance = adjusted / m->line_range;
		m->special[opcode].line = (int16_t)(m->line_base + adjusted % m->line_range);
	}
}

/*
 * Runs opcodes up to the first that needs more than the machine's numbers: nine of ten. Those are
 * kept in variables meanwhile, which the compiler can keep in registers. Returns that opcode, with
 * r behind it; ADDS_ROW where a row that says something new is to be added; or ENDED.
 */
static int run_simple(struct machine *m, struct egret_bytes *r)
{
	const struct egret_dwarf_row *last = last_row(m);
	uint32_t last_line = last ? last->line : 0;
	bool same_file = last && last->file == m->file && !m->is_holding;
	uint64_t address = m->address, from = m->from;
	uint32_t line = m->line;
	int found = ENDED;

	while (found == ENDED && r->p != r->end) {
		uint8_t opcode = *r->p++;

		if (opcode >= m->opcode_base) {
			address += (uint64_t)m->min_length * m->special[opcode].advance;
			line += (uint32_t)m->special[opcode].line;
			if (address < from && m->is_holding && address >= m->held.address)
				m->held = (struct egret_dwarf_row){ address, m->file, line };
			else
				found = !same_file || line != last_line ? ADDS_ROW : ENDED;
			continue;
		}
		switch (opcode) {
		case DW_LNS_copy:
			found = !same_file || line != last_line ? ADDS_ROW : ENDED;
			break;
		case DW_LNS_advance_pc:
			address += m->min_length * egret_bytes_uleb(r);
			break;
		case DW_LNS_advance_line:
			line += (uint32_t)egret_bytes_sleb(r);
			break;
		case DW_LNS_set_column:
			egret_bytes_uleb(r);
			break;
		case DW_LNS_negate_stmt:
			break;
		case DW_LNS_const_add_pc:
			address += (uint64_t)m->min_length * m->special[255].advance;
			break;
		default:
			found = opcode;
			break;
		}
	}
	m->address = address;
	m->line = line;
	return found;
}

static int run_opcode(struct machine *m, struct egret_bytes *r, int opcode)
{
	if (opcode == ADDS_ROW)
		return add_new_row(m);
	if (!opcode)
		return run_extended(m, r);
	if (opcode >= m->opcode_base)
		return run_special(m, (uint8_t)opcode);
	return run_standard(m, r, (uint8_t)opcode);
}

static int run_program(struct machine *m, struct egret_bytes *r)
{
	/* Others are of old compilers, or of processors with several operations an instruction. */
	bool is_simple = m->max_ops <= 1 && m->opcode_base > DW_LNS_const_add_pc;
	int ret = 0;

	init_special(m);
	reset(m);
	while (!ret && r->p != r->end && !m->is_complete) {
		int opcode = is_simple ? run_simple(m, r) : *r->p++;

		if (opcode != ENDED)
			ret = run_opcode(m, r, opcode);
	}
	/* What has no end is not known to reach anywhere; unless it was not read to its end. */
	if (!ret && m->is_complete)
		ret = end_sequence(m);
	m->lines->n_rows = m->sequence.first;
	return ret;
}

static int compare_sequences(const void *a, const void *b)
{
	const struct egret_dwarf_sequence *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->first > y->first) - (x->first < y->first);
}

/* Reads the header up to the tables; r then ends with the header. False: damaged, or not known. */
static bool read_header(struct egret_bytes *r, struct machine *m, uint8_t offset_size,
			struct egret_bytes *program)
{
	uint64_t length;

	m->lines->version = (uint8_t)egret_bytes_u16(r);
	if (m->lines->version < 2 || m->lines->version > 5)
		return false;
	if (m->lines->version == 5) {
		m->address_size = egret_bytes_u8(r);
		egret_bytes_u8(r); /* size of segment selectors */
	}
	length = egret_dwarf_offset(r, offset_size);
	*program = *r;
	if (!egret_bytes_take(program, length))
		return false;
	r->end = program->p;
	m->min_length = egret_bytes_u8(r);
	m->max_ops = m->lines->version >= 4 ? egret_bytes_u8(r) : 1;
	egret_bytes_u8(r); /* is_stmt */
	m->line_base = (int8_t)egret_bytes_u8(r);
	m->line_range = egret_bytes_u8(r);
	m->opcode_base = egret_bytes_u8(r);
	m->opcode_lengths = m->opcode_base ? egret_bytes_take(r, m->opcode_base - 1u) : NULL;
	return m->opcode_lengths && m->line_range;
}

int egret_dwarf_lines_read(struct egret_dwarf_lines *lines, struct egret_dwarf_reader *reader,
			   const struct egret_dwarf_cu *cu, uint64_t offset,
			   const struct egret_code_ranges *code, struct egret_dwarf_windows windows)
{
	struct egret_bytes r = egret_dwarf_section_at(cu->file, EGRET_DWARF_LINE, offset), program;
	struct machine m = { .lines = lines, .code = code, .windows = windows };
	uint8_t offset_size;
	uint64_t length;
	int ret;

	lines->n_rows = lines->n_sequences = lines->n_files = lines->n_directories = 0;
	lines->comp_dir = egret_dwarf_string(cu, &cu->v[EGRET_DWARF_COMP_DIR]);
	length = egret_dwarf_length(&r, &offset_size);
	r = egret_bytes_part(&r, length);
	if (r.failed)
		return 0;
	reader->work += length;
	if (!read_header(&r, &m, offset_size, &program))
		return 0;
	if (lines->version < 5) {
		ret = read_old_tables(lines, &r);
	} else {
		ret = read_new_table(lines, &r, cu, offset_size, false);
		if (!ret)
			ret = read_new_table(lines, &r, cu, offset_size, true);
	}
	if (!ret)
		ret = run_program(&m, &program);
	if (lines->n_sequences > 1)
		qsort(lines->sequences, lines->n_sequences, sizeof(*lines->sequences),
		      compare_sequences);
	return ret;
}
