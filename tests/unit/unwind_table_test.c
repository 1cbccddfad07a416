/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Tables compiled from CFI that is made here, byte by byte: what compilers do not emit. */
#include <dwarf.h>

#include "base/buffer.h"
#include "test.h"
#include "unwind/row_text.h"
#include "unwind/single_row.h"
#include "unwind/table_compile.h"

#define CODE 0x400000

static struct egret_buffer bytes;
static struct egret_cfi_section section;

static void put_u32(uint32_t value)
{
	egret_buffer_add(&bytes, &value, sizeof(value));
}

static void put_u64(uint64_t value)
{
	egret_buffer_add(&bytes, &value, sizeof(value));
}

/* Ends the entry that begins at `start`. */
static void end_entry(size_t start)
{
	uint32_t len = (uint32_t)(bytes.len - start - 4);

	memcpy(bytes.data + start, &len, sizeof(len));
}

/* A CIE at offset 0, of .debug_frame: cfa = rsp + 8, ra at cfa - 8. */
static void begin(void)
{
	egret_buffer_clear(&bytes);
	put_u32(0);
	put_u32(UINT32_MAX);
	egret_buffer_add(&bytes, "\x03\0\x01\x78\x10\x0c\x07\x08\x90\x01", 10);
	end_entry(0);
}

static void fde(uint64_t start, uint64_t size, const char *program, size_t len)
{
	size_t at = bytes.len;

	put_u32(0);
	put_u32(0);
	put_u64(CODE + start);
	put_u64(size);
	egret_buffer_add(&bytes, program, len);
	end_entry(at);
}

/* The row at CODE + offset, by the table and alone. */
static const char *row_at(uint64_t offset)
{
	static struct egret_buffer text;
	static struct egret_single_cache empty;
	struct egret_single_cache cache = empty;
	struct egret_cfi_index index;
	struct egret_row_ref ref;
	struct egret_table *table;
	struct egret_row single;

	section = (struct egret_cfi_section){ .bytes = bytes.data,
					      .size = bytes.len,
					      .code_start = CODE,
					      .code_end = CODE + 0x100000 };
	CHECK_EQ(egret_cfi_index_init(&index, &section), 0);
	CHECK_EQ(egret_table_compile(&index, NULL, CODE, CODE + 0x100000, &table), 0);
	CHECK(egret_table_is_valid(table, table->size));
	ref = egret_table_rule(table, egret_table_find(table, CODE + offset));
	egret_buffer_clear(&text);
	egret_row_text(&egret_arch_x86_64, &ref, &text);
	egret_buffer_add(&text, "", 1);
	if (egret_single_row(&index, &cache, NULL, CODE + offset, &single))
		CHECK(!memcmp(&single, &ref.row, sizeof(single)));
	else
		CHECK(ref.row.kind != EGRET_ROW_SIMPLE || ref.row.flags & EGRET_ROW_F_ROOT);
	free(table);
	egret_cfi_index_deinit(&index);
	return (const char *)text.data;
}

static void function_that_begins_last_decides(void)
{
	begin();
	fde(0x100, 0x100, "\x0e\x10", 2); /* def_cfa_offset 16 */
	fde(0x140, 0x20, "\x0e\x18", 2);
	fde(0x140, 0x40, "\x0e\x20", 2); /* the same start: the first counts */
	fde(0x300, 0, "\x0e\x28", 2);	 /* of no address */
	CHECK_STR(row_at(0xff), "none");
	CHECK_STR(row_at(0x100), "cfa=rsp+16 ra=*(cfa-8)");
	CHECK_STR(row_at(0x13f), "cfa=rsp+16 ra=*(cfa-8)");
	CHECK_STR(row_at(0x140), "cfa=rsp+24 ra=*(cfa-8)");
	CHECK_STR(row_at(0x15f), "cfa=rsp+24 ra=*(cfa-8)");
	CHECK_STR(row_at(0x160), "none");
	CHECK_STR(row_at(0x300), "none");
}

static void every_advance(void)
{
	begin();
	/* advance_loc 1, loc1 2, loc2 256, loc4 65536, MIPS_advance_loc8 16, set_loc */
	fde(0, 0x80000,
	    "\x41\x0e\x10\x02\x02\x0e\x18\x03\x00\x01\x0e\x20\x04\x00\x00\x01\x00\x0e\x28"
	    "\x1d\x10\0\0\0\0\0\0\0\x0e\x30\x01\x00\x00\x42\0\0\0\0\0\x0e\x38",
	    41);
	CHECK_STR(row_at(0), "cfa=rsp+8 ra=*(cfa-8)");
	CHECK_STR(row_at(1), "cfa=rsp+16 ra=*(cfa-8)");
	CHECK_STR(row_at(2), "cfa=rsp+16 ra=*(cfa-8)");
	CHECK_STR(row_at(3), "cfa=rsp+24 ra=*(cfa-8)");
	CHECK_STR(row_at(0x102), "cfa=rsp+24 ra=*(cfa-8)");
	CHECK_STR(row_at(0x103), "cfa=rsp+32 ra=*(cfa-8)");
	CHECK_STR(row_at(0x10102), "cfa=rsp+32 ra=*(cfa-8)");
	CHECK_STR(row_at(0x10103), "cfa=rsp+40 ra=*(cfa-8)");
	CHECK_STR(row_at(0x10113), "cfa=rsp+48 ra=*(cfa-8)");
	CHECK_STR(row_at(0x1ffff), "cfa=rsp+48 ra=*(cfa-8)");
	CHECK_STR(row_at(0x20000), "cfa=rsp+56 ra=*(cfa-8)");
	CHECK_STR(row_at(0x7ffff), "cfa=rsp+56 ra=*(cfa-8)");
	CHECK_STR(row_at(0x80000), "none");
}

static void every_rule_of_a_register(void)
{
	begin();
	fde(0, 16,
	    "\x83\x02"		       /* offset rbx */
	    "\x05\x06\x03"	       /* offset_extended rbp */
	    "\x11\x0c\x7c"	       /* offset_extended_sf r12 -4: cfa + 32 */
	    "\x2f\x0d\x02"	       /* GNU_negative_offset_extended r13 2: cfa + 16 */
	    "\x14\x0e\x02"	       /* val_offset r14 */
	    "\x15\x0f\x7d"	       /* val_offset_sf r15 -3 */
	    "\x09\x00\x01"	       /* register rax in rdx */
	    "\x10\x08\x02\x76\x70"     /* expression r8: at rbp - 16 */
	    "\x16\x09\x01\x30"	       /* val_expression r9: lit0 */
	    "\x2e\x10"		       /* GNU_args_size */
	    "\x41\xc3\x06\x06\x07\x0c" /* restore rbx, restore_extended rbp, undefined r12 */
	    "\x08\x0d\x08\x0e\x08\x0f" /* same_value r13 r14 r15 */
	    "\x07\x00\x07\x08\x07\x09",
	    49);
	CHECK_STR(row_at(0), "cfa=rsp+8 ra=*(cfa-8) rax=rdx rbx=*(cfa-16) rbp=*(cfa-24) "
			     "r8=*(rbp-16) r9=expr(30) r12=*(cfa+32) r13=*(cfa+16) r14=cfa-16 "
			     "r15=cfa+24");
	CHECK_STR(row_at(1), "cfa=rsp+8 ra=*(cfa-8) r12=undefined");
}

static void what_makes_no_sense_is_bad_from_there_on(void)
{
	begin();
	fde(0, 16, "\x41\x0e\x10\x41\x3f\x41\x0e\x18", 8); /* an unknown operation at 2 */
	fde(0x20, 16, "\x41\x0b", 2);			   /* restore_state without remember */
	fde(0x40, 16, "\x0f\x01\x30\x41\x0e\x10", 6);	   /* an offset to an expression */
	fde(0x60, 16, "\x41\x0e", 2);			   /* cut off */
	fde(0x80, 16, "\x0c\x20\x08", 3);		   /* the CFA by a register beyond */
	CHECK_STR(row_at(0), "cfa=rsp+8 ra=*(cfa-8)");
	CHECK_STR(row_at(1), "cfa=rsp+16 ra=*(cfa-8)");
	CHECK_STR(row_at(2), "bad");
	CHECK_STR(row_at(15), "bad");
	CHECK_STR(row_at(16), "none");
	CHECK_STR(row_at(0x20), "cfa=rsp+8 ra=*(cfa-8)");
	CHECK_STR(row_at(0x21), "bad");
	CHECK_STR(row_at(0x40), "cfa=expr(30) ra=*(cfa-8)");
	CHECK_STR(row_at(0x41), "bad");
	CHECK_STR(row_at(0x60), "cfa=rsp+8 ra=*(cfa-8)");
	CHECK_STR(row_at(0x61), "bad");
	CHECK_STR(row_at(0x80), "bad");
}

/* More rules than a table has numbers for: those beyond are had one address at a time. */
static void more_rules_than_numbers(void)
{
	struct egret_cfi_index index;
	struct egret_table *table, *alone;
	uint32_t rule;

	begin();
	for (uint64_t i = 0; i < 70000; i++) {
		uint8_t program[4] = { DW_CFA_def_cfa_offset, (uint8_t)(i | 0x80),
				       (uint8_t)(i >> 7 | 0x80), (uint8_t)(i >> 14) };

		fde(8 * i, 8, (const char *)program, 4);
	}
	section = (struct egret_cfi_section){ .bytes = bytes.data,
					      .size = bytes.len,
					      .code_start = CODE,
					      .code_end = CODE + 0x100000 };
	CHECK_EQ(egret_cfi_index_init(&index, &section), 0);
	CHECK_EQ(index.n, 70000);
	CHECK_EQ(egret_table_compile(&index, NULL, CODE, CODE + 0x100000, &table), 0);
	CHECK(egret_table_is_valid(table, table->size));
	CHECK_EQ(table->n_rules, EGRET_TABLE_ELSEWHERE);
	CHECK_EQ(table->n_rows, 70001); /* and the gap after them */
	rule = egret_table_find(table, CODE + 8 * 1000);
	CHECK_EQ(egret_table_rule(table, rule).row.cfa_offset, 1000);
	CHECK_EQ(egret_table_find(table, CODE + 8 * 69000), EGRET_TABLE_ELSEWHERE);
	CHECK_EQ(egret_table_compile(&index, NULL, CODE + 8 * 69000, CODE + 8 * 69000 + 1, &alone),
		 0);
	rule = egret_table_find(alone, CODE + 8 * 69000);
	CHECK_EQ(egret_table_rule(alone, rule).row.cfa_offset, 69000);
	free(alone);
	free(table);
	egret_cfi_index_deinit(&index);
}

/* A table of any one byte changed is refused, or stays within itself. */
static void damaged_tables(void)
{
	struct egret_cfi_index index;
	struct egret_table *table;
	unsigned int refused = 0;

	begin();
	fde(0, 16, "\x41\x0e\x10\x83\x02\x41\x0f\x03\x77\x08\x06\x41\x10\x08\x01\x30", 16);
	row_at(0);
	CHECK_EQ(egret_cfi_index_init(&index, &section), 0);
	CHECK_EQ(egret_table_compile(&index, NULL, CODE, CODE + 0x100000, &table), 0);
	for (size_t i = 0; i < table->size; i++) {
		uint8_t *byte = (uint8_t *)table + i, before = *byte;

		for (unsigned int flip = 1; flip < 256; flip <<= 1) {
			*byte = (uint8_t)(before ^ flip);
			if (!egret_table_is_valid(table, table->size)) {
				refused++;
				continue;
			}
			for (uint64_t at = 0; at < 32; at++)
				egret_table_rule(table, egret_table_find(table, CODE + at) %
								table->n_rules);
		}
		*byte = before;
	}
	CHECK(refused > 500);
	CHECK(!egret_table_is_valid(table, table->size - 1));
	CHECK(!egret_table_is_valid(table, 10));
	free(table);
	egret_cfi_index_deinit(&index);
}

int main(void)
{
	RUN(function_that_begins_last_decides);
	RUN(every_advance);
	RUN(every_rule_of_a_register);
	RUN(what_makes_no_sense_is_bad_from_there_on);
	RUN(more_rules_than_numbers);
	RUN(damaged_tables);
	egret_buffer_deinit(&bytes);
	return DONE();
}
