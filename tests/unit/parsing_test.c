/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/*
 * What is told of a file by the process that reads it is what is read in it here: facts, unwind
 * rows, names and lines, of this program, the C and C++ libraries. What is told wrong is refused.
 */
#include "session/parsing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parser/wire.h"
#include "session/code_names.h"
#include "session/parsing_wire.h"
#include "test.h"
#include "unwind/table_module.h"

#define NR_ADDRESSES 3000

/* A file read here, and told. */
struct both {
	struct egret_parsing parsing;
	struct egret_parser *parser;
	struct egret_elf *read, *told;
};

static const char *program; /* that answers; NULL: a copy of this one, as none is beside it */

static void open_both(struct both *both, const char *path)
{
	struct egret_parser_opts opts = { .size = sizeof(opts), .program = program };
	struct egret_error err = { "" };
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*both = (struct both){ 0 };
	CHECK_EQ(egret_parser__start(&opts, &both->parser, &err), 0);
	CHECK_EQ(egret_elf_open_fd(fd, path, &both->read, &err), 0);
	both->parsing.parser = both->parser;
	CHECK_EQ(egret_parsing_open(&both->parsing, fd, path, &both->told, &err), 0);
	CHECK_STR(err.text, "");
	close(fd);
	if (!both->told)
		exit(1);
}

static void close_both(struct both *both)
{
	egret_elf_destroy(both->read);
	egret_elf_destroy(both->told);
	egret_parser__destroy(both->parser);
}

static int note_library(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char **paths = arg;

	for (size_t i = 0; i < 2; i++)
		if (strstr(info->dlpi_name, i ? "/libstdc++.so" : "/libc.so"))
			paths[i] = info->dlpi_name;
	return 0;
}

static void with_files(void (*fn)(struct both *both, bool must_have_cfi))
{
	const char *paths[3] = { NULL, NULL, "/proc/self/exe" };

	dl_iterate_phdr(note_library, paths);
	for (size_t i = 0; i < 3; i++) {
		struct both both;

		if (!paths[i])
			continue;
		open_both(&both, paths[i]);
		fn(&both, i == 0);
		close_both(&both);
	}
}

/* Addresses all over the code, the same each time. */
static void choose(const struct egret_elf *elf, uint64_t *vaddrs)
{
	uint64_t start = 0, end = 0, x = 1;

	for (size_t i = 0; egret_elf_segment(elf, i); i++)
		if (egret_elf_segment(elf, i)->flags & PF_X) {
			start = egret_elf_segment(elf, i)->vaddr;
			end = start + egret_elf_segment(elf, i)->memsz;
		}
	for (size_t i = 0; i < NR_ADDRESSES; i++) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		vaddrs[i] = start + (x >> 33) % (end - start);
	}
}

/* ---- facts ------------------------------------------------------------------------------- */

static void compare_facts(struct both *both, bool must_have_cfi)
{
	struct egret_build_id a = egret_elf_build_id(both->read),
			      b = egret_elf_build_id(both->told);
	uint64_t vaddrs[NR_ADDRESSES], x, y;
	uid_t owner, told_owner;
	size_t size, told_size;
	struct egret_section section;

	choose(both->read, vaddrs);
	CHECK(a.len == b.len && !memcmp(a.bytes, b.bytes, a.len));
	CHECK_EQ(egret_elf_machine(both->told), egret_elf_machine(both->read));
	CHECK_EQ(egret_elf_entry(both->told), egret_elf_entry(both->read));
	CHECK_EQ(egret_elf_owner(both->told, &told_owner), egret_elf_owner(both->read, &owner));
	CHECK_EQ(told_owner, owner);
	CHECK(!memcmp(egret_elf_bytes(both->told, &told_size), egret_elf_bytes(both->read, &size),
		      4096) &&
	      size == told_size);
	for (size_t i = 0; i < NR_ADDRESSES; i++) {
		bool has = egret_elf_vaddr_to_offset(both->read, vaddrs[i], &x);

		CHECK_EQ(egret_elf_vaddr_to_offset(both->told, vaddrs[i], &y), has);
		CHECK(!has || x == y);
		CHECK(!has || (egret_elf_offset_to_vaddr(both->told, y, &y) && y == vaddrs[i]));
	}
	/* Nobody can read it here. */
	CHECK(!egret_elf_handle(both->told));
	CHECK(!egret_elf_section(both->told, ".text", &section));
	CHECK(!egret_elf_stored_section(both->told, ".text", &section));
}

static void facts(void)
{
	with_files(compare_facts);
}

/* ---- unwind tables ----------------------------------------------------------------------- */

static bool same_row(const struct egret_row_ref *a, const struct egret_row_ref *b)
{
	return !memcmp(&a->row, &b->row, sizeof(a->row)) &&
	       (a->row.kind != EGRET_ROW_FULL || !memcmp(a->full, b->full, sizeof(*a->full)));
}

static void compare_rows(struct both *both, bool must_have_cfi)
{
	struct egret_table_module *read, *told;
	struct egret_buffer tables = { 0 };
	uint64_t vaddrs[NR_ADDRESSES];
	size_t n_rows = 0, n_other = 0;

	choose(both->read, vaddrs);
	CHECK_EQ(egret_parsing_tables(&both->parsing, both->told, NULL, &tables), 0);
	egret_table_module_create(both->read, NULL, &read);
	egret_table_module_create(both->told, NULL, &told);
	CHECK(egret_table_module_import(told, tables.data, tables.len));
	for (size_t i = 0; i < 2 * NR_ADDRESSES; i++) {
		struct egret_place place = { vaddrs[i / 2], i % 2 };
		struct egret_row_ref a, b;
		bool lasting;

		a = egret_table_module_row(read, place, &lasting);
		b = egret_table_module_row(told, place, &lasting);
		n_rows += a.row.kind != EGRET_ROW_NONE;
		n_other += !same_row(&a, &b);
	}
	CHECK_EQ(n_other, 0);
	CHECK(!must_have_cfi || n_rows > NR_ADDRESSES);
	egret_table_module_destroy(read);
	egret_table_module_destroy(told);
	egret_buffer_deinit(&tables);
}

static void unwind_rows(void)
{
	with_files(compare_rows);
}

/* ---- names ------------------------------------------------------------------------------- */

static char *shown(const char *name)
{
	char *demangled = name ? egret_demangle(name) : NULL;

	return demangled ? demangled : name ? strdup(name) : NULL;
}

static void compare_lines(struct egret_code_names *read, struct egret_code_names *told,
			  uint64_t vaddr)
{
	struct egret_dwarf_line a[EGRET_CODE_LINES_MAX], b[EGRET_CODE_LINES_MAX];
	size_t n = egret_code_names_find(read, vaddr, a, EGRET_CODE_LINES_MAX, NULL);

	CHECK_EQ(egret_code_names_find(told, vaddr, b, EGRET_CODE_LINES_MAX, NULL), n);
	for (size_t i = 0; i < n; i++) {
		char *name = shown(a[i].function);

		CHECK_STR(b[i].function, name);
		CHECK_STR(b[i].file, a[i].file);
		CHECK_EQ(b[i].line, a[i].line);
		CHECK_EQ(b[i].is_inlined, a[i].is_inlined);
		free(name);
	}
}

static void compare_names(struct both *both, bool must_have_cfi)
{
	struct egret_code_names *read, *told;
	uint64_t vaddrs[NR_ADDRESSES];
	size_t n_named = 0;

	choose(both->read, vaddrs);
	egret_code_names_create(both->read, NULL, NULL, &read, NULL);
	egret_code_names_create_told(both->parser, both->told, NULL, EGRET_DEMANGLE_FULL, &told,
				     NULL);
	/* Half of them are asked for at once, the others one by one where their function is new. */
	egret_code_names_prepare_symbols(told, vaddrs, NR_ADDRESSES / 2);
	for (size_t i = 0; i < NR_ADDRESSES / 2 + 100; i++) {
		enum egret_name_reason why = EGRET_NAME_NR, told_why = EGRET_NAME_NR;
		struct egret_symbol a, b;
		bool has = egret_code_names_symbol(read, vaddrs[i], &a, &why);
		char *name = has ? shown(a.name) : NULL;

		CHECK_EQ(egret_code_names_symbol(told, vaddrs[i], &b, &told_why), has);
		if (has)
			CHECK_STR(b.name, name);
		else
			CHECK_EQ(told_why, why);
		n_named += has;
		free(name);
	}
	CHECK(n_named > NR_ADDRESSES / 10);
	egret_code_names_prepare(told, vaddrs, 500, 0);
	for (size_t i = 0; i < 500; i++)
		compare_lines(read, told, vaddrs[i]);
	egret_code_names_destroy(read);
	egret_code_names_destroy(told);
}

static void names_and_lines(void)
{
	with_files(compare_names);
}

/* ---- the program that answers ------------------------------------------------------------- */

static void find_built_program(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size / 2);

	path[n < 0 ? 0 : n] = 0;
	for (int i = 0; i < 3; i++) /* tests/unit/parsing_test */
		*strrchr(path, '/') = 0;
	strcat(path, "/egret-parser");
}

static void answered_by_a_program(void)
{
	char path[PATH_MAX];

	find_built_program(path, sizeof(path));
	program = path;
	with_files(compare_facts);
	with_files(compare_rows);
	program = NULL;
}

static int start_by(const char *path, struct egret_error *err)
{
	struct egret_parser_opts opts = { .size = sizeof(opts), .program = path };
	struct egret_parser *parser = NULL;
	int ret = egret_parser__start(&opts, &parser, err);

	egret_parser__destroy(parser);
	return ret;
}

/* Another program; one that is of another version, and stays. */
static void other_programs(void)
{
	static const char other[] = "#!/bin/sh\n"
				    "/usr/bin/head -c 292 /dev/zero >&3\n"
				    "exec /bin/sleep 1000\n";
	char path[] = "/tmp/egret-parser-XXXXXX";
	struct egret_error err;
	int fd = mkstemp(path);

	CHECK_EQ(sizeof(struct egret_wire_hello), 292);
	CHECK_EQ(write(fd, other, sizeof(other) - 1), sizeof(other) - 1);
	CHECK_EQ(fchmod(fd, 0700), 0);
	close(fd);
	CHECK_EQ(start_by(path, &err), -ESTALE);
	CHECK(strstr(err.text, path) && strstr(err.text, egret_version()));
	unlink(path);
	CHECK_EQ(start_by("/nonexistent/egret-parser", &err), -ENOENT);
	CHECK_STR(err.text, "/nonexistent/egret-parser: No such file or directory");
	CHECK_EQ(start_by("/bin/true", &err), -EPROTO);
	CHECK_STR(err.text, "/bin/true ended before it was confined");
}

/* ---- answers that lie -------------------------------------------------------------------- */

static uint32_t lie; /* which byte is changed, and how: known to the process by its fork */

static int answer_lying(const struct egret_parser_question *question, struct egret_buffer *out)
{
	int ret = egret_parsing_answer(question, out);

	if (!ret && question->kind != EGRET_PARSING_FACTS && out->len)
		out->data[lie / 8 % out->len] ^= 1u << lie % 8;
	if (!ret && lie % 17 == 16)
		out->len = lie % out->len;
	return ret;
}

/* Whatever is told: it is refused, or what is used of it leads nowhere. */
static void ask_liar(const char *path)
{
	static const uint64_t vaddrs[] = { 0x1000, 0x26000, 0x30000, 0x80000 };
	struct egret_table_module *module;
	struct egret_parsed_names names;
	struct egret_buffer tables = { 0 };
	struct both both = { 0 };
	struct egret_error err;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	egret_parser_create(NULL, answer_lying, &both.parser, &err);
	both.parsing.parser = both.parser;
	if (!egret_parsing_open(&both.parsing, fd, path, &both.told, &err)) {
		if (!egret_parsing_names(both.parser, both.told, NULL, EGRET_DEMANGLE_NONE, true,
					 vaddrs, 4, &names)) {
			size_t len = 0;

			for (size_t i = 0; i < names.n; i++) {
				len += names.places[i].symbol ? strlen(names.places[i].symbol) : 0;
				for (size_t k = 0; k < names.places[i].n_lines; k++)
					len += names.places[i].lines[k].line;
			}
			CHECK(len < 1ull << 40);
		}
		egret_parsed_names_deinit(&names);
		egret_table_module_create(both.told, NULL, &module);
		if (!egret_parsing_tables(&both.parsing, both.told, NULL, &tables) &&
		    egret_table_module_import(module, tables.data, tables.len))
			for (uint64_t vaddr = 0x1000; vaddr < 0x40000; vaddr += 0x101) {
				bool lasting;

				egret_table_module_row(module, (struct egret_place){ vaddr, false },
						       &lasting);
			}
		egret_table_module_destroy(module);
		egret_buffer_deinit(&tables);
	}
	close(fd);
	close_both(&both);
}

static void lies_are_refused(void)
{
	const char *paths[2] = { NULL, NULL };
	uint32_t x = 1;

	dl_iterate_phdr(note_library, paths);
	/* Mostly in the first bytes, where sizes and places are. */
	for (int i = 0; i < 150; i++) {
		x = x * 1664525 + 1013904223;
		lie = i % 3 ? (x >> 8) % 2048 : x >> 4;
		ask_liar(paths[0]);
	}
}

int main(void)
{
	RUN(facts);
	RUN(unwind_rows);
	RUN(names_and_lines);
	RUN(answered_by_a_program);
	RUN(other_programs);
	RUN(lies_are_refused);
	return DONE();
}
