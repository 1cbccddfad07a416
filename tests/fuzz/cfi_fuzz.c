/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * cfi_fuzz: hostile bytes as a CFI section, hostile tables and files of tables, and hostile
 * registers and stacks stepped by their rows, of both architectures.
 *
 * The first 16 bytes of an input are: flags, 7 unused ones, and a seed for registers and stack; the
 * others are the section. What must hold: no read outside the bytes, tables that are valid, an end
 * to every stack, and at most 16 rows for a byte.
 */
#include <stdlib.h>
#include <string.h>

#include "unwind/row_text.h"
#include "unwind/step.h"
#include "unwind/table_compile.h"
#include "unwind/table_file.h"

#define HEAD 16
#define VADDR 0x500000
#define CODE_START 0x400000
#define CODE_SIZE 0x200000
#define STEPS_MAX 64

static const struct egret_arch *arch;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 16;
}

static void must(int holds)
{
	if (!holds)
		abort();
}

/* A stack without an end, in which each word is one near rsp, or in the code. */
static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	uint64_t seed = addr ^ *(uint64_t *)arg, random = next(&seed);

	if (random % 64 == 0)
		return random & 64 ? -2 : -14;
	*value = random & 1 ? CODE_START + random % CODE_SIZE : addr + random % 4096;
	return 0;
}

/* Every stack ends: it leads up, or it is of STEPS_MAX frames, which is the walk's to count. */
static void step_through(const struct egret_table *table, uint64_t seed)
{
	struct egret_step_state state;
	struct egret_unwind_regs regs;
	enum egret_unwind_end end = EGRET_STEP_OK;

	for (unsigned int i = 0; i < EGRET_UNWIND_NR_REGS; i++)
		regs.r[i] = 0x7fff00000000ull + next(&seed) % 65536;
	regs.r[EGRET_UNWIND_RIP] = CODE_START + next(&seed) % CODE_SIZE;
	egret_step_init_arch(&state, arch, &regs, read_stack, &seed);
	for (int i = 0; i < STEPS_MAX && end == EGRET_STEP_OK; i++) {
		uint32_t rule = egret_table_find(table, egret_step_pc(&state));
		struct egret_row_ref ref;

		if (rule == EGRET_TABLE_ELSEWHERE)
			return;
		ref = egret_table_rule(table, rule);
		end = egret_step(&state, &ref);
	}
}

/* Each row once, as text and as the rule of its first and last address. */
static void walk_rows(const struct egret_table *table)
{
	struct egret_table_range range;
	struct egret_buffer text = { 0 };
	uint32_t row = 0;

	while (egret_table_next(table, &row, &range)) {
		must(range.start < range.end && range.end <= table->start + table->length);
		must(egret_table_find(table, range.start) == range.rule);
		must(egret_table_find(table, range.end - 1) == range.rule);
		if (range.rule != EGRET_TABLE_ELSEWHERE) {
			struct egret_row_ref ref = egret_table_rule(table, range.rule);

			egret_buffer_clear(&text);
			egret_row_text(arch, &ref, &text);
		}
	}
	egret_buffer_deinit(&text);
}

/* The bytes of a table, damaged: it is refused, or leads nowhere outside of itself. */
static void damage(const struct egret_table *table, uint64_t seed)
{
	size_t size = table->size;
	uint8_t *bytes = malloc(size);

	memcpy(bytes, table, size);
	for (int i = 0; i < 4; i++)
		bytes[next(&seed) % size] = (uint8_t)next(&seed);
	if (egret_table_is_valid(bytes, size))
		for (int i = 0; i < 4; i++)
			step_through((const void *)bytes, seed + (uint64_t)i);
	free(bytes);
}

/* Of exactly that size, so that the sanitizer sees each byte beyond. */
static uint8_t *copy_of(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, bytes, size);
	return copy;
}

/* A file of the first two chunks, whole, then damaged: what is taken leads nowhere outside. */
static void keep_and_damage(const struct egret_cfi_index *index, uint64_t seed)
{
	struct egret_table_file_maker maker;
	struct egret_buffer out = { 0 };
	uint8_t *bytes;
	uint32_t number;

	egret_table_file_begin(&maker, 2, &out);
	egret_table_file_place(&maker, EGRET_CFI_EH_FRAME, CODE_START, CODE_START + CODE_SIZE);
	for (uint32_t i = 0; i < 2; i++) {
		struct egret_table *table;

		if (egret_table_compile(index, NULL, egret_chunk_start(CODE_START, i),
					egret_chunk_end(CODE_START, CODE_START + CODE_SIZE, i),
					&table))
			continue;
		egret_table_file_add(&maker, i, table);
		free(table);
	}
	must(egret_table_file_end(&maker));
	must(egret_table_file_is_valid(out.data, out.len));
	bytes = copy_of(out.data, out.len);
	for (int i = 0; i < 4; i++)
		bytes[next(&seed) % (i & 1 ? out.len : 256)] = (uint8_t)next(&seed);
	if (egret_table_file_is_valid(bytes, out.len)) {
		const struct egret_table_file *file = (const void *)bytes;

		for (int place = 0; place < NR_EGRET_CFI_PLACES; place++)
			for (uint32_t i = 0; i < file->place[place].n; i++)
				step_through(egret_table_file_chunk(
						     file, (enum egret_cfi_place)place, i, &number),
					     seed + i);
	}
	free(bytes);
	egret_buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct egret_cfi_section section = { .is_eh = true };
	struct egret_cfi_index index;
	struct egret_table *table;
	uint8_t *copy;
	uint64_t seed;

	if (size < HEAD)
		return 0;
	memcpy(&seed, data + 8, sizeof(seed));
	size -= HEAD;
	copy = copy_of(data + HEAD, size);
	arch = data[0] & 4 ? &egret_arch_aarch64 : &egret_arch_x86_64;
	section.arch = arch;
	section.bytes = copy;
	section.size = size;
	section.is_eh = !(data[0] & 1);
	section.ends_at_zero = data[0] & 2;
	section.vaddr = VADDR;
	section.code_start = CODE_START;
	section.code_end = CODE_START + CODE_SIZE;
	if (!egret_cfi_index_init(&index, &section)) {
		if (!egret_table_compile(&index, NULL, section.code_start, section.code_end,
					 &table)) {
			must(egret_table_is_valid(table, table->size));
			must(table->n_rows <= 16 * (size + 1));
			walk_rows(table);
			for (int i = 0; i < 8; i++)
				step_through(table, seed + (uint64_t)i);
			damage(table, seed);
			free(table);
		}
		keep_and_damage(&index, seed);
		egret_cfi_index_deinit(&index);
	}
	free(copy);
	return 0;
}
