/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* Stacks of an aarch64 program at each of its instructions: tests/fixtures/aarch64. */
#include <zlib.h>

#include "elf_fixture.h"
#include "test.h"
#include "unwind/arch.h"
#include "unwind/engines.h"
#include "unwind/step.h"
#include "unwind/table_module.h"

#define DIR "tests/fixtures/aarch64/"
#define MAX_FRAMES 64
#define MAX_RUNS 4
#define NR_COLUMNS 33 /* x0 to x30, sp, pc */

static uint8_t *all;
static size_t all_size;

struct run {
	uint64_t address, len;
	const uint8_t *bytes;
};

struct sample {
	struct egret_unwind_regs regs;
	uint64_t n_frames, frames[MAX_FRAMES];
	uint64_t n_runs;
	struct run runs[MAX_RUNS];
};

static struct sample *samples;
static uint64_t n_samples;
static struct egret_unwind_module *module;
static uint64_t code_start, code_end;

/* ---- the fixture ---------------------------------------------------------------------------- */

static void read_all(void)
{
	gzFile file = gzopen(DIR "stacks.gz", "rb");
	int n;

	if (!file)
		abort();
	all = malloc(16u << 20);
	while ((n = gzread(file, all + all_size, (16u << 20) - (unsigned int)all_size)) > 0)
		all_size += (size_t)n;
	gzclose(file);
}

static uint64_t next(size_t *at)
{
	uint64_t value;

	if (all_size - *at < sizeof(value))
		abort();
	memcpy(&value, all + *at, sizeof(value));
	*at += sizeof(value);
	return value;
}

static void parse_sample(struct sample *s, size_t *at)
{
	uint64_t column[NR_COLUMNS];

	for (int i = 0; i < NR_COLUMNS; i++)
		column[i] = next(at);
	for (int i = 0; i < EGRET_ARCH_COLUMNS; i++)
		if (egret_arch_aarch64.slot_of_column[i] != EGRET_NO_SLOT)
			s->regs.r[egret_arch_aarch64.slot_of_column[i]] = column[i];
	s->regs.r[EGRET_UNWIND_RIP] = column[NR_COLUMNS - 1];
	s->n_frames = next(at);
	for (uint64_t i = 0; i < s->n_frames && i < MAX_FRAMES; i++)
		s->frames[i] = next(at);
	s->n_runs = next(at);
	if (s->n_frames > MAX_FRAMES || s->n_runs > MAX_RUNS)
		abort();
	for (uint64_t i = 0; i < s->n_runs; i++) {
		s->runs[i].address = next(at);
		s->runs[i].len = next(at);
		s->runs[i].bytes = all + *at;
		if (all_size - *at < s->runs[i].len)
			abort();
		*at += s->runs[i].len;
	}
}

static void load(void)
{
	size_t at = 0;

	read_all();
	n_samples = next(&at);
	samples = calloc(n_samples, sizeof(*samples));
	for (uint64_t i = 0; i < n_samples; i++)
		parse_sample(&samples[i], &at);
	CHECK_EQ(at, all_size);
}

/* ---- unwinding ------------------------------------------------------------------------------ */

static int read_stack(void *arg, uint64_t addr, uint64_t *value)
{
	const struct sample *s = arg;

	for (uint64_t i = 0; i < s->n_runs; i++) {
		if (addr < s->runs[i].address || addr - s->runs[i].address > s->runs[i].len - 8)
			continue;
		memcpy(value, s->runs[i].bytes + (addr - s->runs[i].address), 8);
		return 0;
	}
	return -14;
}

static bool find_code(void *arg, uint64_t pc, struct egret_code *code)
{
	*code = (struct egret_code){ .module = module };
	return pc >= code_start && pc < code_end;
}

/* False, and says how, where the frames are not those that are known. */
static bool is_right(struct egret_unwinder *unwinder, struct sample *s)
{
	static struct egret_unwound_frame frames[MAX_FRAMES];
	struct egret_unwind_request request = { .regs = s->regs,
						.read_stack = read_stack,
						.find_code = find_code,
						.arg = s,
						.frames = frames,
						.max_frames = MAX_FRAMES,
						.arch = &egret_arch_aarch64 };
	struct egret_unwind_result r = egret_engine_table.unwind(unwinder, &request);
	bool is_equal = r.end == EGRET_UNWIND_ROOT && r.n_frames == s->n_frames;

	for (size_t i = 0; is_equal && i < r.n_frames; i++)
		is_equal = frames[i].pc == s->frames[i];
	if (is_equal)
		return true;
	printf("at %" PRIx64 ": ends with %s after", s->frames[0], egret_unwind_end_name(r.end));
	for (size_t i = 0; i < r.n_frames; i++)
		printf(" %" PRIx64, frames[i].pc);
	printf(", not");
	for (size_t i = 0; i < s->n_frames; i++)
		printf(" %" PRIx64, s->frames[i]);
	printf("\n");
	return false;
}

static void each_instruction_has_its_stack(void)
{
	struct egret_elf *elf = fixture_open(DIR "stacks.elf");
	struct egret_unwinder *unwinder;
	unsigned int wrong = 0, deepest = 0;

	load();
	CHECK(egret_cfi_code_range(elf, &code_start, &code_end));
	CHECK_EQ(egret_engine_table.create(&unwinder, NULL), 0);
	CHECK_EQ(egret_engine_table.module_load(unwinder, elf, NULL, &module), 0);
	/* Twice: rows one by one, then those that are known. */
	for (int pass = 0; pass < 2; pass++)
		for (uint64_t i = 0; i < n_samples; i++) {
			wrong += !is_right(unwinder, &samples[i]);
			if (samples[i].n_frames > deepest)
				deepest = (unsigned int)samples[i].n_frames;
		}
	CHECK_EQ(wrong, 0);
	CHECK(n_samples > 600);
	CHECK(deepest >= 8);
	egret_engine_table.module_unload(unwinder, module);
	egret_engine_table.destroy(unwinder);
	egret_elf_destroy(elf);
}

/* ---- what the fixture must have, so that it proves something -------------------------------- */

struct seen {
	unsigned int signed_rows, full, link_in_register, in_plt, signals, altstack;
};

static void look_at(struct egret_table_module *tables, const struct sample *s, struct seen *seen)
{
	struct egret_place place = { s->frames[0], false };
	bool is_lasting;
	struct egret_row_ref ref = egret_table_module_row(tables, place, &is_lasting);

	seen->signed_rows += (ref.row.flags & EGRET_ROW_F_SIGNED) != 0;
	seen->full += ref.row.kind == EGRET_ROW_FULL && !(ref.row.flags & EGRET_ROW_F_SIGNAL);
	seen->signals += (ref.row.flags & EGRET_ROW_F_SIGNAL) != 0;
	seen->link_in_register += ref.row.kind == EGRET_ROW_LINK && !ref.row.saved[1];
	seen->altstack += s->n_runs > 1;
}

static void the_fixture_has_it_all(void)
{
	struct egret_elf *elf = fixture_open(DIR "stacks.elf");
	struct egret_table_module *tables;
	struct seen seen = { 0 };
	bool is_lasting;

	CHECK_EQ(egret_table_module_create(elf, NULL, &tables), 0);
	for (uint64_t i = 0; i < n_samples; i++)
		look_at(tables, &samples[i], &seen);
	CHECK(seen.signed_rows >= 8);
	CHECK(seen.full >= 20);
	CHECK(seen.link_in_register >= 100);
	CHECK_EQ(seen.signals, 4); /* two instructions, of two handlers */
	CHECK(seen.altstack >= 20);
	/* The PLT has no CFI. */
	CHECK_EQ(egret_table_module_row(tables, (struct egret_place){ code_start + 0x140, false },
					&is_lasting)
			 .row.kind,
		 EGRET_ROW_LINK);
	egret_table_module_destroy(tables);
	egret_elf_destroy(elf);
}

int main(void)
{
	RUN(each_instruction_has_its_stack);
	RUN(the_fixture_has_it_all);
	free(samples);
	free(all);
	return DONE();
}
