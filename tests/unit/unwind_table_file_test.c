/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* The tables of a module, exported and imported: the same rows, without the file's CFI. */
#include "elf_fixture.h"
#include "test.h"
#include "unwind/row_text.h"
#include "unwind/table_module.h"

/*
 * Functions in two chunks and one between that nobody asks for; signal trampolines with CFI that
 * does not say so, and with none.
 */
static const char source[] = "	.text\n"
			     "	.cfi_sections SECTIONS\n"
			     "	.globl _start\n"
			     "_start:\n"
			     "	.cfi_startproc\n"
			     "	push %rbp\n"
			     "	.cfi_def_cfa_offset 16\n"
			     "	.cfi_offset %rbp, -16\n"
			     "	nop\n"
			     "	pop %rbp\n"
			     "	.cfi_def_cfa_offset 8\n"
			     "	.cfi_restore %rbp\n"
			     "	ret\n"
			     "	.cfi_endproc\n"
			     "	.p2align 5\n"
			     /* 32: as Go's, with CFI of a function that it is not */
			     "	.cfi_startproc\n"
			     "	mov $15, %rax\n"
			     "	syscall\n"
			     "	int3\n"
			     "	.cfi_endproc\n"
			     /* 42: its neighbour, which ends where the next one begins */
			     "	.cfi_startproc\n"
			     "	.cfi_def_cfa_offset 32\n"
			     "	.skip 22, 0x90\n"
			     "	.cfi_endproc\n"
			     /* 64: as musl's, without CFI */
			     "	mov $15, %eax\n"
			     "	syscall\n"
			     "	.skip 100000\n"
			     "	.p2align 6\n"
			     "far:\n"
			     "	.cfi_startproc\n"
			     "	.cfi_def_cfa_offset 48\n"
			     "	.skip 64, 0x90\n"
			     /* rax is not a simple row's */
			     "	.cfi_offset %rax, -24\n"
			     "	nop\n"
			     "	.cfi_endproc\n"
			     "	.skip 200000\n";

static uint64_t entry;

static struct egret_elf *open_fixture(const char *name, const char *sections)
{
	char *flags, *path;
	struct egret_elf *elf;

	if (asprintf(&flags, "-DSECTIONS=%s -nostdlib -static -no-pie -Wl,-Ttext=0x401000",
		     sections) < 0)
		abort();
	path = fixture_compile(name, source, flags);
	elf = fixture_open(path);
	entry = 0x401000;
	free(path);
	free(flags);
	return elf;
}

static struct egret_table_module *new_module(const struct egret_elf *elf)
{
	struct egret_table_module *module;

	if (egret_table_module_create(elf, NULL, &module))
		abort();
	return module;
}

static void put_row(struct egret_table_module *module, uint64_t vaddr, bool is_return,
		    struct egret_buffer *text)
{
	bool is_lasting;
	struct egret_row_ref ref = egret_table_module_row(
		module, (struct egret_place){ vaddr - is_return, is_return }, &is_lasting);

	egret_buffer_printf(text, "%llx %d %d ", (unsigned long long)vaddr, is_return,
			    ref.row.flags);
	egret_row_text(&egret_arch_x86_64, &ref, text);
	egret_buffer_add_string(text, "\n");
}

/* What the module says of the addresses that matter, as text. */
static char *rows_of(struct egret_table_module *module)
{
	struct egret_buffer text = { 0 };

	for (int is_return = 0; is_return < 2; is_return++) {
		for (uint64_t at = 0; at < 80; at++)
			put_row(module, entry + at, is_return, &text);
		for (uint64_t at = 100096; at < 100096 + 80; at++)
			put_row(module, entry + at, is_return, &text);
	}
	egret_buffer_add(&text, "", 1);
	return (char *)text.data;
}

static void export(struct egret_table_module *module, struct egret_buffer *out, int want)
{
	egret_buffer_clear(out);
	CHECK_EQ(egret_table_module_export(module, out), want);
	if (want > 0)
		CHECK(egret_table_file_is_valid(out->data, out->len));
}

/* The same file, but its CFI is gone: what is known of it comes from the tables. */
static struct egret_elf *without_cfi(const struct egret_elf *elf, const char *section)
{
	struct egret_section found;
	struct egret_elf *copy;
	size_t size;
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uint8_t *changed = malloc(size);

	if (!egret_elf_section(elf, section, &found))
		abort();
	memcpy(changed, bytes, size);
	memset(changed + found.shdr.sh_offset, 0, found.size);
	if (egret_elf_open_memory(changed, size, "copy", &copy, NULL))
		abort();
	free(changed);
	return copy;
}

static void check_there_and_back(const char *name, const char *section)
{
	struct egret_elf *elf = open_fixture(name, section), *bare = without_cfi(elf, section);
	struct egret_table_module *module = new_module(elf);
	struct egret_buffer file = { 0 }, again = { 0 };
	char *want = rows_of(module), *got;

	export(module, &file, 1);
	got = rows_of(module);
	CHECK_STR(got, want); /* by tables now, not one by one */
	free(got);
	egret_table_module_destroy(module);

	module = new_module(bare);
	CHECK(egret_table_module_import(module, file.data, file.len));
	got = rows_of(module);
	CHECK_STR(got, want);
	export(module, &again, 0); /* nothing new */
	egret_table_module_destroy(module);

	CHECK(strstr(want, "cfa=")); /* the text is of rows */
	free(got);
	free(want);
	egret_buffer_deinit(&again);
	egret_buffer_deinit(&file);
	egret_elf_destroy(bare);
	egret_elf_destroy(elf);
}

static void rows_are_the_same_there_and_back(void)
{
	check_there_and_back("eh.S", ".eh_frame");
	check_there_and_back("debug.S", ".debug_frame");
}

static uint32_t chunks_in(const struct egret_buffer *file)
{
	return ((const struct egret_table_file *)(const void *)file->data)
		->place[EGRET_CFI_EH_FRAME]
		.n;
}

static void only_what_was_asked_for_is_kept(void)
{
	struct egret_elf *elf = open_fixture("eh.S", ".eh_frame");
	struct egret_table_module *module = new_module(elf);
	struct egret_buffer file = { 0 }, more = { 0 }, text = { 0 };

	export(module, &file, 0);
	put_row(module, entry, false, &text);
	export(module, &file, 1);
	CHECK_EQ(chunks_in(&file), 1);
	egret_table_module_destroy(module);

	/* What was imported is exported again, with what has come to it. */
	module = new_module(elf);
	CHECK(egret_table_module_import(module, file.data, file.len));
	put_row(module, entry + 1, false, &text);
	export(module, &more, 0);
	put_row(module, entry + 100096, false, &text);
	export(module, &more, 1);
	CHECK_EQ(chunks_in(&more), 2);
	egret_table_module_destroy(module);
	egret_buffer_deinit(&text);
	egret_buffer_deinit(&more);
	egret_buffer_deinit(&file);
	egret_elf_destroy(elf);
}

static void tables_of_other_code_are_not_taken(void)
{
	struct egret_elf *elf = open_fixture("eh.S", ".eh_frame"), *other;
	struct egret_table_module *module = new_module(elf);
	struct egret_buffer file = { 0 };
	char *path = fixture_compile("other.c", "void _start(void) { for (;;) ; }",
				     "-nostdlib -static -no-pie -Wl,-Ttext=0x401000");

	free(rows_of(module));
	export(module, &file, 1);
	egret_table_module_destroy(module);
	other = fixture_open(path);
	module = new_module(other);
	CHECK(!egret_table_module_import(module, file.data, file.len));
	egret_table_module_destroy(module);
	egret_buffer_deinit(&file);
	egret_elf_destroy(other);
	egret_elf_destroy(elf);
	free(path);
}

/* A signal handler returns to the first instruction; a signal may hit both. */
static void check_trampoline(struct egret_table_module *module, uint64_t at, bool is_return,
			     bool is_one)
{
	bool is_lasting;
	struct egret_row_ref ref = egret_table_module_row(
		module, (struct egret_place){ entry + at - is_return, is_return }, &is_lasting);

	CHECK_EQ(ref.row.flags & EGRET_ROW_F_SIGNAL, is_one ? EGRET_ROW_F_SIGNAL : 0);
	if (!is_one)
		return;
	CHECK_EQ(ref.row.kind, EGRET_ROW_FULL);
	CHECK_EQ(ref.full->cfa.kind, EGRET_RULE_AT_REG);
	CHECK_EQ(ref.full->cfa.offset, 160);
	CHECK_EQ(ref.full->reg[EGRET_UNWIND_RIP].offset, 168);
}

static void trampolines_are_known_by_their_code(void)
{
	struct egret_elf *elf = open_fixture("eh.S", ".eh_frame");
	struct egret_table_module *module = new_module(elf);
	struct egret_buffer file = { 0 };

	/* One by one at first, then by tables. */
	for (int pass = 0; pass < 2; pass++) {
		check_trampoline(module, 32, true, true);
		check_trampoline(module, 32, false, true);
		check_trampoline(module, 39, false, true);
		check_trampoline(module, 41, false, false);
		check_trampoline(module, 42, true, false); /* the neighbour of one */
		check_trampoline(module, 42, false, false);
		check_trampoline(module, 31, false, false);
		check_trampoline(module, 64, true, true); /* behind a function with CFI */
		check_trampoline(module, 64, false, true);
		check_trampoline(module, 69, false, true);
		check_trampoline(module, 63, false, false);
		export(module, &file, 1);
	}
	egret_table_module_destroy(module);
	egret_buffer_deinit(&file);
	egret_elf_destroy(elf);
}

/* Whatever the bytes are: refused, or used without reading beyond them (the sanitizers look). */
static void damaged_files_lead_nowhere(void)
{
	struct egret_elf *elf = open_fixture("eh.S", ".eh_frame");
	struct egret_table_module *module = new_module(elf);
	struct egret_buffer file = { 0 };
	uint64_t seed = 1;
	unsigned int refused = 0;

	free(rows_of(module));
	export(module, &file, 1);
	egret_table_module_destroy(module);
	for (size_t size = 0; size < file.len; size += 8)
		CHECK(!egret_table_file_is_valid(file.data, size));
	for (int i = 0; i < 20000; i++) {
		uint8_t *bytes = malloc(file.len);
		/* Mostly what is before the rules; they are most of it. */
		size_t at = fixture_random(&seed) % (i % 2 ? file.len : 256);

		memcpy(bytes, file.data, file.len);
		bytes[at] = (uint8_t)fixture_random(&seed);
		module = new_module(elf);
		if (egret_table_module_import(module, bytes, file.len))
			free(rows_of(module));
		else
			refused++;
		egret_table_module_destroy(module);
		free(bytes);
	}
	CHECK(refused > 5000 && refused < 20000);
	egret_buffer_deinit(&file);
	egret_elf_destroy(elf);
}

int main(void)
{
	RUN(rows_are_the_same_there_and_back);
	RUN(only_what_was_asked_for_is_kept);
	RUN(tables_of_other_code_are_not_taken);
	RUN(trampolines_are_known_by_their_code);
	RUN(damaged_files_lead_nowhere);
	return DONE();
}
