/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Lines are "ADDRESS TYPE NAME" and, for a module's symbol, "\t[MODULE]"; TYPE is a letter of
 * nm(1). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/radix.h"
#include "symbolize/symbolize.h"

#define CORE_MODULE "[kernel.kallsyms]"

/* No function is longer; what follows _etext, or a gap, is no part of the symbol before it. */
#define FUNCTION_SIZE_MAX (1u << 20)
/* A module's last symbol has no next one. Its code ends in this page or the one behind it. */
#define PAGE_SIZE 4096ull

#define READ_SIZE (64u << 10)

/* Less is better, of symbols at one address. */
enum grade { GRADE_GLOBAL, GRADE_WEAK, GRADE_LOCAL, GRADE_MARKER, GRADE_DATA };

struct entry {
	uint64_t start;
	uint32_t size;	 /* bytes */
	uint32_t name;	 /* offset in strings */
	uint32_t module; /* offset in strings */
	uint32_t grade;	 /* enum grade */
};

struct egret_kallsyms {
	char *strings; /* never longer than the text that they come from, and CORE_MODULE */
	size_t strings_len;
	struct entry *entries; /* sorted by start, one for each */
	size_t n;
	bool hidden;
};

/* A line, cut into its fields; they stay in the text. */
struct line {
	uint64_t address;
	char type;
	const char *name, *module;
	size_t name_len, module_len; /* bytes; a module_len of 0: the kernel itself */
};

static bool parse_hex(const char **p, const char *end, uint64_t *value)
{
	const char *start = *p;

	for (*value = 0; *p < end && *p - start < 16; (*p)++) {
		unsigned char c = (unsigned char)**p, digit = c - '0';

		if (digit > 9) {
			digit = (unsigned char)((c | 0x20) - 'a' + 10);
			if (digit < 10 || digit > 15)
				break;
		}
		*value = *value << 4 | digit;
	}
	return *p > start;
}

static bool parse_line(const char *p, const char *end, struct line *line)
{
	const char *tab;

	if (!parse_hex(&p, end, &line->address) || end - p < 4 || p[0] != ' ' || p[2] != ' ')
		return false;
	line->type = p[1];
	line->name = p + 3;
	tab = memchr(line->name, '\t', (size_t)(end - line->name));
	line->name_len = (size_t)((tab ? tab : end) - line->name);
	line->module = tab ? tab + 1 : end;
	line->module_len = (size_t)(end - line->module);
	return line->name_len != 0;
}

/* Symbols that stand for the beginning or end of a part of the kernel, not for a function. */
static bool is_marker(const struct line *line)
{
	static const char *const names[] = { "_text", "_stext", "_etext", "_sinittext",
					     "_einittext" };
	static const char *const ends[] = { "text_start", "text_end" };

	if (line->name[0] != '_')
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (line->name_len == strlen(names[i]) &&
		    !memcmp(line->name, names[i], line->name_len))
			return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t len = strlen(ends[i]);

		if (line->name_len > len &&
		    !memcmp(line->name + line->name_len - len, ends[i], len))
			return true;
	}
	return false;
}

static enum grade grade_of(const struct line *line)
{
	switch (line->type) {
	case 'T':
		return is_marker(line) ? GRADE_MARKER : GRADE_GLOBAL;
	case 'W':
	case 'w':
		return GRADE_WEAK;
	case 't':
		return is_marker(line) ? GRADE_MARKER : GRADE_LOCAL;
	default:
		return GRADE_DATA;
	}
}

static uint32_t add_string(struct egret_kallsyms *table, const char *text, size_t len)
{
	uint32_t at = (uint32_t)table->strings_len;

	memcpy(table->strings + at, text, len);
	table->strings[at + len] = '\0';
	table->strings_len += len + 1;
	return at;
}

/* Module symbols come module by module, so that looking at the last one spares all copies. */
static uint32_t add_module(struct egret_kallsyms *table, const struct line *line)
{
	const char *last;

	if (!line->module_len)
		return 0;
	if (table->n) {
		last = table->strings + table->entries[table->n - 1].module;
		if (!strncmp(last, line->module, line->module_len) && !last[line->module_len])
			return table->entries[table->n - 1].module;
	}
	return add_string(table, line->module, line->module_len);
}

/* ---- order -------------------------------------------------------------------------------- */

/* Whether x is the one to take of two that start together. */
static bool is_better(const struct egret_kallsyms *table, const struct entry *x,
		      const struct entry *y)
{
	const char *x_name = table->strings + x->name, *y_name = table->strings + y->name;
	size_t x_len, y_len;

	/* Weak counts as global: memcpy is weak where __memcpy is global. */
	if (x->grade != y->grade && (x->grade > GRADE_WEAK || y->grade > GRADE_WEAK))
		return x->grade < y->grade;
	x_len = strlen(x_name);
	y_len = strlen(y_name);
	if (x_len != y_len)
		return x_len < y_len;
	if (x->grade != y->grade)
		return x->grade < y->grade;
	return strcmp(x_name, y_name) < 0;
}

static bool is_sorted(const struct egret_kallsyms *table)
{
	for (size_t i = 1; i < table->n; i++)
		if (table->entries[i - 1].start > table->entries[i].start)
			return false;
	return true;
}

/* The kernel hands its own symbols out in order, but not its modules, nor those of BPF. */
static int put_in_order(struct egret_kallsyms *table)
{
	__free_ struct egret_radix_item *items = NULL;
	struct entry *sorted;
	int ret;

	if (is_sorted(table))
		return 0;
	items = reallocarray(NULL, table->n, sizeof(*items));
	sorted = reallocarray(NULL, table->n, sizeof(*sorted));
	for (size_t i = 0; items && i < table->n; i++)
		items[i] = (struct egret_radix_item){ table->entries[i].start, (uint32_t)i };
	ret = items && sorted ? egret_radix_sort(items, table->n) : -ENOMEM;
	if (ret) {
		free(sorted);
		return ret;
	}
	for (size_t i = 0; i < table->n; i++)
		sorted[i] = table->entries[items[i].index];
	free(table->entries);
	table->entries = sorted;
	return 0;
}

/* By start, one for each. 0 or -ENOMEM. */
static int sort_entries(struct egret_kallsyms *table)
{
	int ret = put_in_order(table);
	struct entry *e = table->entries;
	size_t kept = 0;

	if (ret)
		return ret;
	for (size_t i = 0; i < table->n; i++) {
		if (!kept || e[kept - 1].start != e[i].start)
			e[kept++] = e[i];
		else if (is_better(table, &e[i], &e[kept - 1]))
			e[kept - 1] = e[i];
	}
	table->n = kept;
	return 0;
}

/* The table says where symbols begin, and leaves where they end to its readers. */
static void give_sizes(struct egret_kallsyms *table)
{
	struct entry *e = table->entries;

	for (size_t i = 0; i < table->n; i++) {
		bool is_last = i + 1 == table->n;
		uint64_t size = is_last ? UINT64_MAX - e[i].start : e[i + 1].start - e[i].start;
		uint64_t limit = FUNCTION_SIZE_MAX;

		if (is_last || e[i + 1].module != e[i].module)
			limit = 2 * PAGE_SIZE - e[i].start % PAGE_SIZE;
		e[i].size = (uint32_t)(size < limit ? size : limit);
	}
}

/* Data was needed to tell where functions end, and is not looked up. */
static void drop_data(struct egret_kallsyms *table)
{
	struct entry *e = table->entries;
	size_t kept = 0;

	for (size_t i = 0; i < table->n; i++)
		if (e[i].grade != GRADE_DATA)
			e[kept++] = e[i];
	table->n = kept;
}

/* ---- the table ---------------------------------------------------------------------------- */

static size_t count_lines(const char *text, size_t len)
{
	const char *end = text + len;
	size_t n = 0;

	for (const char *p = text; p < end; n++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));

		if (!eol)
			return n + 1;
		p = eol + 1;
	}
	return n;
}

static void parse_lines(struct egret_kallsyms *table, const char *text, size_t len)
{
	const char *end = text + len, *eol;
	bool any_address = false;

	add_string(table, CORE_MODULE, strlen(CORE_MODULE));
	for (const char *p = text; p < end; p = eol + 1) {
		struct line line;
		uint32_t module;

		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol)
			eol = end;
		if (!parse_line(p, eol, &line))
			continue;
		any_address |= line.address != 0;
		module = add_module(table, &line);
		table->entries[table->n++] =
			(struct entry){ line.address, 0,
					add_string(table, line.name, line.name_len), module,
					grade_of(&line) };
	}
	table->hidden = table->n && !any_address;
}

int egret_kallsyms_parse(const char *text, size_t len, struct egret_kallsyms **out,
			 struct egret_error *err)
{
	struct egret_kallsyms *table;

	if (len > UINT32_MAX / 2)
		return egret_fail(err, E2BIG, "kernel symbols of more than 2 GiB are not taken");
	table = calloc(1, sizeof(*table));
	if (!table)
		return egret_fail(err, ENOMEM, "no memory for the kernel's symbols");
	/* In a line, at least one byte stands between two strings, or behind the last one. */
	table->strings = malloc(sizeof(CORE_MODULE) + len + 1);
	table->entries = calloc(count_lines(text, len) + 1, sizeof(*table->entries));
	if (!table->strings || !table->entries) {
		egret_kallsyms_destroy(table);
		return egret_fail(err, ENOMEM, "no memory for the kernel's symbols");
	}
	parse_lines(table, text, len);
	if (!table->n) {
		egret_kallsyms_destroy(table);
		return egret_fail(err, EBADMSG,
				  "no line is a kernel symbol: not a copy of "
				  "/proc/kallsyms");
	}
	if (table->hidden)
		table->n = 0;
	if (sort_entries(table)) {
		egret_kallsyms_destroy(table);
		return egret_fail(err, ENOMEM, "no memory for the kernel's symbols");
	}
	give_sizes(table);
	drop_data(table);
	*out = table;
	return 0;
}

/* /proc files do not say how long they are. */
static int read_all(int fd, struct egret_buffer *text)
{
	for (;;) {
		void *to = egret_buffer_reserve(text, READ_SIZE);
		ssize_t n;

		if (!to)
			return -ENOMEM;
		n = read(fd, to, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : 0;
		text->len += (size_t)n;
	}
}

int egret_kallsyms_open(const char *path, struct egret_kallsyms **out, struct egret_error *err)
{
	struct egret_buffer text = { 0 };
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return egret_fail(err, errno, "%s: %s", path, strerror(errno));
	ret = read_all(fd, &text);
	if (ret) {
		egret_buffer_deinit(&text);
		return egret_fail(err, -ret, "%s: cannot read: %s", path, strerror(-ret));
	}
	ret = egret_kallsyms_parse((const char *)text.data, text.len, out, err);
	egret_buffer_deinit(&text);
	return ret ? egret_fail_in(err, ret, "%s", path) : 0;
}

void egret_kallsyms_destroy(struct egret_kallsyms *table)
{
	if (!table)
		return;
	free(table->strings);
	free(table->entries);
	free(table);
}

bool egret_kallsyms_hidden(const struct egret_kallsyms *table)
{
	return table->hidden;
}

bool egret_kallsyms_find(const struct egret_kallsyms *table, uint64_t addr,
			 struct egret_symbol *out)
{
	size_t lo = 0, hi = table->n;
	const struct entry *e;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (table->entries[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	e = &table->entries[lo - 1];
	if (addr - e->start >= e->size)
		return false;
	*out = (struct egret_symbol){ .name = table->strings + e->name,
				      .module = table->strings + e->module,
				      .start = e->start,
				      .size = e->size };
	return true;
}

bool egret_kallsyms_named(const struct egret_kallsyms *table, const char *name,
			  struct egret_symbol *out)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct entry *e = &table->entries[i];

		if (!strcmp(table->strings + e->name, name) &&
		    !strcmp(table->strings + e->module, CORE_MODULE))
			return egret_kallsyms_find(table, e->start, out);
	}
	return false;
}
