/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cfi_dump.c - what the unwinder makes of a file's CFI, as text. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <egret/egret.h>

#include "base/cleanup.h"
#include "base/write.h"
#include "symbolize/symbolize.h"
#include "unwind/row_text.h"
#include "unwind/table_module.h"

/* Addresses that are compiled at a time. */
#define STEP (4ull << 20)
#define WRITE_SIZE (256u << 10)

struct dump {
	struct egret_table_module *module;
	uint64_t start, end; /* what is wanted */
	int fd;
	struct egret_buffer text;
	uint64_t n_rows;
	struct egret_error *err;
};

static int flush(struct dump *d, size_t if_over)
{
	int ret;

	if (d->text.failed)
		return egret_fail(d->err, ENOMEM, "out of memory");
	if (d->text.len <= if_over)
		return 0;
	ret = egret_write_all(d->fd, d->text.data, d->text.len);
	egret_buffer_clear(&d->text);
	return ret ? egret_fail(d->err, -ret, "cannot write: %s", strerror(-ret)) : 0;
}

static int put_row(struct dump *d, const struct egret_table *table,
		   const struct egret_table_range *range)
{
	struct egret_row_ref ref;

	if (range->rule == EGRET_TABLE_GAP || range->end <= d->start || range->start >= d->end)
		return 0;
	ref = egret_table_rule(table, range->rule);
	egret_buffer_printf(&d->text, "%016" PRIx64 "-%016" PRIx64 " ", range->start, range->end);
	egret_row_text(egret_table_module_arch(d->module), &ref, &d->text);
	egret_buffer_add_string(&d->text, "\n");
	d->n_rows++;
	return flush(d, WRITE_SIZE);
}

static int put_table(struct dump *d, const struct egret_cfi_index *index, uint64_t start,
		     uint64_t end);

/* Rules that had no room in the table: half of its addresses at a time has fewer. */
static int put_halves(struct dump *d, const struct egret_cfi_index *index, uint64_t start,
		      uint64_t end)
{
	uint64_t middle = start + (end - start) / 2;
	int ret = put_table(d, index, start, middle);

	return ret ? ret : put_table(d, index, middle, end);
}

static int put_table(struct dump *d, const struct egret_cfi_index *index, uint64_t start,
		     uint64_t end)
{
	struct egret_table *table;
	struct egret_table_range range;
	uint32_t row = 0;
	bool is_full;
	int ret;

	ret = egret_table_compile(index, NULL, start, end, &table);
	if (ret)
		return egret_fail(d->err, -ret, "out of memory");
	is_full = table->n_rules == EGRET_TABLE_ELSEWHERE && end - start > 1;
	if (is_full)
		ret = put_halves(d, index, start, end);
	while (!ret && !is_full && egret_table_next(table, &row, &range))
		ret = range.rule == EGRET_TABLE_ELSEWHERE ? 0 : put_row(d, table, &range);
	free(table);
	return ret;
}

static int put_place(struct dump *d, enum egret_cfi_place place)
{
	static const char *const names[] = { ".eh_frame", ".debug_frame",
					     ".debug_frame of the debug file" };
	const struct egret_cfi_index *index = egret_table_module_index(d->module, place);
	uint64_t start, end;
	int ret = 0;

	if (!index)
		return 0;
	egret_buffer_printf(&d->text, "# %s: %zu functions\n", names[place], index->n);
	start = index->section->code_start;
	end = index->section->code_end;
	/* A row is told whole, so whole steps around what is wanted. */
	if (d->start > start)
		start += (d->start - start) / STEP * STEP;
	for (; !ret && start < end && start < d->end; start += STEP)
		ret = put_table(d, index, start, end - start < STEP ? end : start + STEP);
	return ret;
}

static bool is_address(const char *text, uint64_t *vaddr)
{
	char *end;

	if (text[0] != '0' || text[1] != 'x' || !isxdigit((unsigned char)text[2]))
		return false;
	errno = 0;
	*vaddr = strtoull(text, &end, 16);
	return !*end && !errno;
}

static int select_rows(struct dump *d, const struct egret_elf *elf, const struct egret_elf *debug,
		       const char *selector)
{
	struct egret_symtab *symbols;
	struct egret_symbol symbol;
	int ret;

	d->end = UINT64_MAX;
	if (!selector)
		return 0;
	if (is_address(selector, &d->start)) {
		d->end = d->start + 1;
		return 0;
	}
	ret = egret_symtab_create(elf, debug, &symbols, d->err);
	if (ret)
		return ret;
	if (egret_symtab_named(symbols, selector, &symbol)) {
		d->start = symbol.start;
		d->end = symbol.start + symbol.size;
	} else {
		ret = egret_fail(d->err, ENOENT, "%s: has no function '%s'", egret_elf_name(elf),
				 selector);
	}
	egret_symtab_destroy(symbols);
	return ret;
}

static int put_all(struct dump *d)
{
	int ret = 0;

	/* The sections are asked in order: one address has one row. */
	for (enum egret_cfi_place place = 0;
	     !ret && place < NR_EGRET_CFI_PLACES && !(d->n_rows && d->end - d->start == 1); place++)
		ret = put_place(d, place);
	if (!ret)
		ret = flush(d, 0);
	if (!ret && !d->n_rows)
		ret = egret_fail(d->err, ENODATA, "there is no unwind information for it");
	return ret;
}

static int open_file(const char *path, struct egret_elf **out, struct egret_error *err)
{
	__close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return egret_fail(err, errno, "%s: %s", path, strerror(errno));
	return egret_elf_open_fd(fd, path, out, err);
}

int egret_cfi_dump(const char *path, const char *selector, int fd, struct egret_error *err)
{
	struct dump d = { .fd = fd, .err = err };
	struct egret_elf *elf, *debug = NULL;
	struct egret_build_id id;
	int ret = open_file(path, &elf, err);

	if (ret)
		return ret;
	id = egret_elf_build_id(elf);
	if (egret_elf_open_debug(&id, &debug, NULL))
		debug = NULL;
	ret = egret_table_module_create(elf, debug, &d.module);
	if (ret)
		egret_fail(err, -ret, "out of memory");
	if (!ret)
		ret = select_rows(&d, elf, debug, selector);
	if (!ret)
		ret = put_all(&d);
	egret_table_module_destroy(d.module);
	egret_buffer_deinit(&d.text);
	egret_elf_destroy(debug);
	egret_elf_destroy(elf);
	return ret;
}
