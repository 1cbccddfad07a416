/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* What an index says of addresses in programs that the compiler makes in all forms of DWARF. */
#include "symbolize/dwarf_index.h"

#include <errno.h>

#include "elf_fixture.h"
#include "symbolize/symbolize.h"

/* Each probe is a label in the middle of a function. Lines are counted from the first. */
static const char source[] =
	"#define PROBE(name) asm volatile(\".globl \" #name \"\\n\" #name \": nop\")\n" /* 1 */
	"int v; void other(void);\n"							/* 2 */
	"static inline __attribute__((always_inline)) void inner(void)\n"		/* 3 */
	"{\n"										/* 4 */
	"	v++;\n"									/* 5 */
	"	PROBE(in_inner);\n"							/* 6 */
	"}\n"										/* 7 */
	"static inline __attribute__((always_inline)) void outer(void)\n"		/* 8 */
	"{\n"										/* 9 */
	"	v--;\n"									/* 10 */
	"	inner();\n"								/* 11 */
	"}\n"										/* 12 */
	"__attribute__((cold, noinline)) void fails(void) { v = 7; }\n"			/* 13 */
	"int main(int argc, char **argv)\n"						/* 14 */
	"{\n"										/* 15 */
	"	PROBE(in_main);\n"							/* 16 */
	"	if (__builtin_expect(argc > 3, 0)) {\n"					/* 17 */
	"		PROBE(in_cold);\n"						/* 18 */
	"		fails();\n"							/* 19 */
	"	}\n"									/* 20 */
	"	outer(); other();\n"							/* 21 */
	"	return 0;\n"								/* 22 */
	"}\n"										/* 23 */
	"static inline __attribute__((always_inline)) void apart(void)\n"		/* 24 */
	"{\n"										/* 25 */
	"	PROBE(in_apart);\n"							/* 26 */
	"}\n"										/* 27 */
	"__attribute__((noinline)) void other(void)\n"					/* 28 */
	"{\n"										/* 29 */
	"	apart();\n"								/* 30 */
	"}\n";

#define MAX EGRET_DWARF_LINES_MAX

static char *main_path; /* of the program under test, for the openers */

static int open_path(const char *path, struct egret_elf **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 ? -ENOENT : egret_elf_open_fd(fd, path, out, NULL);

	if (fd >= 0)
		close(fd);
	return ret;
}

static int open_dwp(void *arg, struct egret_elf **out)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s.dwp", main_path);
	return open_path(path, out);
}

static int open_dwo(void *arg, const char *comp_dir, const char *name, struct egret_elf **out)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s%s%s", name[0] == '/' ? "" : comp_dir,
		 name[0] == '/' ? "" : "/", name);
	return open_path(path, out);
}

static int open_alt(void *arg, const char *name, const struct egret_build_id *id,
		    struct egret_elf **out)
{
	return open_path(name, out);
}

static const struct egret_dwarf_openers openers = {
	.open_alt = open_alt,
	.open_dwp = open_dwp,
	.open_dwo = open_dwo,
};

struct program {
	struct egret_elf *elf;
	struct egret_symtab *symbols;
	struct egret_dwarf_index *index;
};

static void open_program(struct program *p, const char *path, const void *blob, size_t blob_size)
{
	struct egret_dwarf_options options = { &openers, NULL, blob, blob_size };

	main_path = (char *)path;
	p->elf = fixture_open(path);
	if (egret_symtab_create(p->elf, NULL, &p->symbols, NULL) ||
	    egret_dwarf_index_create(p->elf, NULL, &options, &p->index, NULL))
		abort();
}

static void close_program(struct program *p)
{
	egret_dwarf_index_destroy(p->index);
	egret_symtab_destroy(p->symbols);
	egret_elf_destroy(p->elf);
}

/* Labels in a function are no symbols to a symbol table of functions: they are looked for here. */
static uint64_t address_of(const struct program *p, const char *name)
{
	struct egret_section symtab, strtab;

	if (!egret_elf_section(p->elf, ".symtab", &symtab) ||
	    !egret_elf_section(p->elf, ".strtab", &strtab))
		abort();
	for (size_t i = 0; i < symtab.size / sizeof(Elf64_Sym); i++) {
		const Elf64_Sym *s = (const Elf64_Sym *)symtab.data + i;

		if (!strcmp((const char *)strtab.data + s->st_name, name))
			return s->st_value;
	}
	printf("no symbol %s\n", name);
	exit(1);
}

static void check_line(const struct egret_dwarf_line *line, const char *function,
		       unsigned int number, bool is_inlined)
{
	const char *slash = line->file ? strrchr(line->file, '/') : NULL;

	CHECK_STR(line->function, function);
	CHECK_EQ(line->line, number);
	CHECK_EQ(line->is_inlined, is_inlined);
	CHECK(line->file && line->file[0] == '/');
	CHECK_STR(slash ? slash + 1 : NULL, "prog.c");
}

static void check_program(struct program *p)
{
	struct egret_dwarf_line lines[MAX];

	CHECK_EQ(egret_dwarf_index_find(p->index, address_of(p, "in_main"), lines, MAX), 1);
	check_line(&lines[0], "main", 16, false);
	CHECK_EQ(egret_dwarf_index_find(p->index, address_of(p, "in_inner"), lines, MAX), 3);
	check_line(&lines[0], "inner", 6, true);
	check_line(&lines[1], "outer", 11, true);
	check_line(&lines[2], "main", 21, false);
	CHECK_EQ(egret_dwarf_index_find(p->index, address_of(p, "in_cold"), lines, MAX), 1);
	check_line(&lines[0], "main", 18, false);
	CHECK_EQ(egret_dwarf_index_find(p->index, address_of(p, "fails"), lines, MAX), 1);
	check_line(&lines[0], "fails", 13, false);
	CHECK_EQ(egret_dwarf_index_find(p->index, address_of(p, "in_apart"), lines, MAX), 2);
	check_line(&lines[0], "apart", 26, true);
	check_line(&lines[1], "other", 30, false);
	CHECK_EQ(egret_dwarf_index_find(p->index, 0, lines, MAX), 0);
	CHECK_EQ(egret_dwarf_index_find(p->index, UINT64_MAX, lines, MAX), 0);
}

static void check_flags(const char *flags)
{
	char all[512];
	char *path;
	struct program p;
	int failures = test_failures;

	snprintf(all, sizeof(all), "-O2 %s", flags);
	path = fixture_compile("prog.c", source, all);
	open_program(&p, path, NULL, 0);
	check_program(&p);
	CHECK_STR(egret_dwarf_index_why(p.index), NULL);
	close_program(&p);
	free(path);
	if (test_failures != failures)
		printf("with %s\n", flags);
}

static void versions(void)
{
	static const char *const flags[] = { "-gdwarf-2",	    "-gdwarf-3",
					     "-gdwarf-4",	    "-gdwarf-5",
					     "-gdwarf-4 -gdwarf64", "-gdwarf-5 -gdwarf64" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		check_flags(flags[i]);
}

/* DWARF 2 has one range for a unit of several sections: .debug_aranges has them all. */
static void sections_of_dwarf_2(void)
{
	struct egret_dwarf_line lines[MAX];
	char text[4096], *path;
	struct program p;

	/* Something in .text, which is the range of the unit's DIE then. */
	snprintf(text, sizeof(text), "%sint plain(int x) { return x + v; }\n", source);
	path = fixture_compile("prog.c", text, "-O2 -gdwarf-2 -gstrict-dwarf");
	open_program(&p, path, NULL, 0);
	CHECK_EQ(egret_dwarf_index_find(p.index, address_of(&p, "in_main"), lines, MAX), 1);
	check_line(&lines[0], "main", 16, false);
	CHECK_EQ(egret_dwarf_index_find(p.index, address_of(&p, "in_cold"), lines, MAX), 1);
	check_line(&lines[0], "main", 18, false);
	close_program(&p);
	free(path);
}

static void programs(void)
{
	check_flags("-g -no-pie");
	check_flags("-g -static");
	check_flags("-g -ffunction-sections -Wl,--gc-sections");
	check_flags("-g -flto");
	check_flags("-g -fdebug-types-section");
}

static void compressed(void)
{
	check_flags("-g -gz=zlib");
	check_flags("-g -gz=zlib-gnu");
}

static void split(void)
{
	check_flags("-gdwarf-5 -gsplit-dwarf");
	check_flags("-gdwarf-4 -gsplit-dwarf");
}

/* What was indexed once is found in the blob, also without the DWARF that it was made of. */
static void kept(void)
{
	char *path = fixture_compile("prog.c", source, "-O2 -g");
	struct egret_buffer blob = { 0 }, again = { 0 };
	struct egret_dwarf_stats stats;
	struct program p;

	open_program(&p, path, NULL, 0);
	CHECK(!egret_dwarf_index_has_grown(p.index));
	check_program(&p);
	CHECK(egret_dwarf_index_has_grown(p.index));
	CHECK_EQ(egret_dwarf_index_blob(p.index, &blob), 0);
	close_program(&p);

	open_program(&p, path, blob.data, blob.len);
	check_program(&p);
	CHECK(!egret_dwarf_index_has_grown(p.index));
	egret_dwarf_index_stats(p.index, &stats);
	CHECK_EQ(stats.bytes, 0);
	CHECK_EQ(egret_dwarf_index_blob(p.index, &again), 0);
	CHECK_EQ(again.len, blob.len);
	CHECK(again.len == blob.len && !memcmp(again.data, blob.data, blob.len));
	close_program(&p);
	egret_buffer_deinit(&blob);
	egret_buffer_deinit(&again);
	free(path);
}

/* Symbols that are added are in the blob, and in no other. */
static void symbols(void)
{
	char *path = fixture_compile("prog.c", source, "-O2 -g");
	struct egret_buffer blob = { 0 };
	struct program p;

	open_program(&p, path, NULL, 0);
	CHECK(!egret_dwarf_index_has_symbols(p.index));
	CHECK_STR(egret_dwarf_index_symbol(p.index, 0x100), NULL);
	CHECK_EQ(egret_dwarf_index_add_symbol(p.index, 0x100, 0x110, "first"), 0);
	CHECK_EQ(egret_dwarf_index_add_symbol(p.index, 0x120, 0x130, "second"), 0);
	check_program(&p);
	CHECK_EQ(egret_dwarf_index_blob(p.index, &blob), 0);
	close_program(&p);

	open_program(&p, path, blob.data, blob.len);
	check_program(&p);
	CHECK(egret_dwarf_index_has_symbols(p.index));
	CHECK_STR(egret_dwarf_index_symbol(p.index, 0xff), NULL);
	CHECK_STR(egret_dwarf_index_symbol(p.index, 0x100), "first");
	CHECK_STR(egret_dwarf_index_symbol(p.index, 0x10f), "first");
	CHECK_STR(egret_dwarf_index_symbol(p.index, 0x110), NULL);
	CHECK_STR(egret_dwarf_index_symbol(p.index, 0x12f), "second");
	CHECK(!egret_dwarf_index_has_grown(p.index));
	close_program(&p);
	egret_buffer_deinit(&blob);
	free(path);
}

/*
 * Of a unit that one address is asked for, other functions are not indexed; and when they are asked
 * for, they are there all the same, also where the first part comes from a blob.
 */
static void in_parts(void)
{
	char *path = fixture_compile("prog.c", source, "-O2 -g");
	struct egret_dwarf_line lines[MAX];
	struct egret_dwarf_stats first, all;
	struct egret_buffer blob = { 0 };
	struct program p;

	open_program(&p, path, NULL, 0);
	CHECK_EQ(egret_dwarf_index_find(p.index, address_of(&p, "in_apart"), lines, MAX), 2);
	egret_dwarf_index_stats(p.index, &first);
	CHECK_EQ(egret_dwarf_index_blob(p.index, &blob), 0);
	CHECK_EQ(egret_dwarf_index_find(p.index, address_of(&p, "in_apart"), lines, MAX), 2);
	egret_dwarf_index_stats(p.index, &all);
	CHECK_EQ(first.bytes, all.bytes);
	CHECK_EQ(egret_dwarf_index_find(p.index, address_of(&p, "fails"), lines, MAX), 1);
	check_program(&p);
	egret_dwarf_index_stats(p.index, &all);
	CHECK(first.bytes < all.bytes);
	close_program(&p);

	open_program(&p, path, blob.data, blob.len);
	CHECK_EQ(egret_dwarf_index_find(p.index, address_of(&p, "in_apart"), lines, MAX), 2);
	CHECK(!egret_dwarf_index_has_grown(p.index));
	check_program(&p);
	CHECK(egret_dwarf_index_has_grown(p.index));
	close_program(&p);
	egret_buffer_deinit(&blob);
	free(path);
}

static void same_lines(struct program *whole, struct program *part, uint64_t address)
{
	struct egret_dwarf_line a[MAX], b[MAX];
	size_t n = egret_dwarf_index_find(whole->index, address, a, MAX);

	CHECK_EQ(egret_dwarf_index_find(part->index, address, b, MAX), n);
	for (size_t i = 0; i < n; i++) {
		CHECK_STR(b[i].function, a[i].function);
		CHECK_STR(b[i].file, a[i].file);
		CHECK_EQ(b[i].line, a[i].line);
	}
}

/* Of every address, what is indexed for it alone is what is found where all of the unit is. */
static void each_alone(const char *flags)
{
	char *path = fixture_compile("prog.c", source, flags);
	struct program whole, part;
	struct egret_dwarf_line lines[MAX];
	uint64_t start, end;

	open_program(&whole, path, NULL, 0);
	start = address_of(&whole, "in_apart") & ~0xfffull;
	end = start + 0x1000;
	for (uint64_t at = start; at < end; at++)
		egret_dwarf_index_find(whole.index, at, lines, MAX);
	for (uint64_t at = start; at < end; at++) {
		open_program(&part, path, NULL, 0);
		same_lines(&whole, &part, at);
		close_program(&part);
	}
	close_program(&whole);
	free(path);
}

static void alone(void)
{
	each_alone("-O2 -g");
	each_alone("-O2 -g -ffunction-sections -freorder-blocks-and-partition");
}

/* A blob that someone has damaged gives wrong answers, and nothing worse. */
static void damaged_blobs(void)
{
	char *path = fixture_compile("prog.c", source, "-O2 -g");
	struct egret_dwarf_line lines[MAX];
	struct egret_buffer blob = { 0 };
	struct program p;
	uint64_t random = 1, address;
	uint8_t *bytes;

	open_program(&p, path, NULL, 0);
	address = address_of(&p, "in_inner");
	check_program(&p);
	CHECK_EQ(egret_dwarf_index_blob(p.index, &blob), 0);
	close_program(&p);
	for (int i = 0; i < 500; i++) {
		struct fixture_part whole = { 0, blob.len };
		size_t size = i % 4 ? blob.len : fixture_random(&random) % blob.len;

		bytes = malloc(size ? size : 1);
		memcpy(bytes, blob.data, size);
		fixture_damage(bytes, size, &whole, 1, &random);
		open_program(&p, path, bytes, size);
		for (uint64_t a = address - 64; a < address + 64; a++) {
			size_t n = egret_dwarf_index_find(p.index, a, lines, MAX);

			for (size_t j = 0; j < n; j++)
				CHECK(!lines[j].function || strlen(lines[j].function) < blob.len);
		}
		close_program(&p);
		free(bytes);
	}
	egret_buffer_deinit(&blob);
	free(path);
}

/* DWARF that someone has damaged likewise. */
static void damaged_files(void)
{
	static const char *const names[] = { ".debug_info",	".debug_abbrev", ".debug_line",
					     ".debug_rnglists", ".debug_str",	 NULL };
	char *path = fixture_compile("prog.c", source, "-O2 -g");
	struct egret_elf *elf = fixture_open(path);
	struct egret_dwarf_line lines[MAX];
	struct fixture_part parts[8];
	size_t size, n_parts = fixture_parts(elf, names, parts, 8);
	const uint8_t *bytes = egret_elf_bytes(elf, &size);
	uint8_t *copy = malloc(size);
	uint64_t random = 2;

	for (int i = 0; i < 1000; i++) {
		struct egret_dwarf_index *index;
		struct egret_elf *bad;

		memcpy(copy, bytes, size);
		/* Without the headers: without code there is nothing to ask. */
		fixture_damage(copy, size, parts + 3, n_parts - 3, &random);
		if (egret_elf_open_memory(copy, size, "damaged", &bad, NULL))
			continue;
		CHECK_EQ(egret_dwarf_index_create(bad, NULL, NULL, &index, NULL), 0);
		for (uint64_t a = 0x1000; a < 0x1200; a += 3)
			egret_dwarf_index_find(index, a, lines, MAX);
		egret_dwarf_index_destroy(index);
		egret_elf_destroy(bad);
	}
	free(copy);
	egret_elf_destroy(elf);
	free(path);
}

static void without_dwarf(void)
{
	char *path = fixture_compile("prog.c", source, "-O2 -g0");
	struct egret_dwarf_line lines[MAX];
	struct program p;

	open_program(&p, path, NULL, 0);
	CHECK_EQ(egret_dwarf_index_find(p.index, address_of(&p, "main"), lines, MAX), 0);
	CHECK_STR(egret_dwarf_index_why(p.index), "it has no DWARF");
	CHECK(!egret_dwarf_index_has_grown(p.index));
	close_program(&p);
	free(path);
}

/* Threads find what one finds. */
static void threads(void)
{
	char *path = fixture_compile("prog.c", source, "-O2 -g");
	struct program p;
	uint64_t addresses[4];

	open_program(&p, path, NULL, 0);
	addresses[0] = address_of(&p, "in_main");
	addresses[1] = address_of(&p, "in_cold");
	addresses[2] = 0;
	addresses[3] = address_of(&p, "in_apart");
	CHECK_EQ(egret_dwarf_index_prepare(p.index, addresses, 4, 4), 0);
	check_program(&p);
	close_program(&p);
	free(path);
}

int main(void)
{
	RUN(versions);
	RUN(sections_of_dwarf_2);
	RUN(programs);
	RUN(compressed);
	RUN(split);
	RUN(kept);
	RUN(symbols);
	RUN(in_parts);
	RUN(alone);
	RUN(damaged_blobs);
	RUN(damaged_files);
	RUN(without_dwarf);
	RUN(threads);
	return DONE();
}
